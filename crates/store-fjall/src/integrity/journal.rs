//! fjall's journals, before fjall opens them.
//!
//! - A *torn tail* is what a power loss leaves of batches that were not synced: nothing behind it is a batch, and nothing
//!   of it was acknowledged. It is cut off.
//! - A *flipped bit* is turned back, in batches up to 256 KiB.
//! - Any other place that cannot be read is *damage*: batches follow it, or it was acknowledged. The folder is refused.
//!
//! A journal is a sequence of batches and then zeros: fjall makes the file long and fills it. A batch is `1`, the number
//! of its items (`u32`) and its sequence number (`u64`); the items; `3`, the XXH3 of the items (`u64`) and `FJL\x03`. An
//! item is `2`, a value type, a compression (a byte each), the keyspace (`u64`), the lengths of the key (`u16`), of the
//! value and of the value as it is stored (`u32` each), key and value; or `4` and a keyspace (`u64`), which empties that.
//! Numbers are little-endian. The sequence number is in no checksum, but grows from batch to batch.

use super::{bits, bits::Flip};
use crate::{Error, records::GROUPS};
use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};
use store_folder::{Mended, put_right};
use xxhash_rust::xxh3::xxh3_64;

/// Places that are mended: a disk that shows more is not to be trusted with anything.
const MENDED_MAX: usize = 8;
const CHUNK_BYTES: usize = 1 << 20;
const SEQUENCE_AT: usize = 5;
const START_BYTES: usize = 13;
const MAGIC: &[u8] = b"FJL\x03";

/// Looks at the journals of a database, mends what can be mended, and cuts off what was never acknowledged.
pub(super) fn mend(database: &Path, acknowledged: u64) -> Result<Vec<Mended>, Error> {
    let mut mended = Vec::new();
    let (mut last_sequence, mut last_group, mut torn) = (None, None, None);
    for path in journals(database)? {
        let mut bytes = read(&path).map_err(Error::io("read", &path))?;
        let mut found = examine(&bytes, last_sequence, acknowledged);
        while let Ending::Flipped(Flip { at, byte }) = found.ending {
            if mended.len() == MENDED_MAX {
                return Err(Error::Damaged { file: path, at: at as u64 });
            }
            mended.push(put_right(&path, at, byte)?);
            bytes.get_mut(at).into_iter().for_each(|place| *place = byte);
            found = examine(&bytes, last_sequence, acknowledged);
        }
        // A later journal is begun when this one is synced to its end.
        if let Some((torn, at)) = torn.take_if(|_| found.last.is_some()) {
            return Err(Error::Damaged { file: torn, at });
        }
        last_sequence = found.last.map(|last| last.sequence).or(last_sequence);
        last_group = found.last.map(|last| last.group).or(last_group);
        match found.ending {
            Ending::Damaged { at } => return Err(Error::Damaged { file: path, at: at as u64 }),
            Ending::Torn { at } => torn = Some((path, at as u64)),
            Ending::Unused { at } => cut(&path, at as u64)?,
            Ending::Whole | Ending::Flipped(_) => {}
        }
    }
    if let Some((torn, at)) = torn {
        if last_group.is_some_and(|group| group < acknowledged) {
            return Err(Error::Damaged { file: torn, at });
        }
        cut(&torn, at)?;
    }
    if last_group.is_some_and(|group| group > acknowledged) {
        journals(database)?.last().map_or(Ok(()), |path| write_again(path).map_err(Error::io("write", path)))?;
    }
    Ok(mended)
}

fn journals(database: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(database).map_err(Error::io("read", database))? {
        let path = entry.map_err(Error::io("read", database))?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).and_then(|name| name.parse::<u64>().ok());
        if let (Some(number), true) = (name, path.extension().is_some_and(|extension| extension == "jnl")) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// A file without the zeros at its end: most of a journal is not filled yet, and is not kept in memory.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let (mut bytes, mut length) = (Vec::new(), 0);
    // So that it need not move while it grows; what is not written to takes no memory. A file may claim to be of any length.
    let _grows = bytes.try_reserve_exact(usize::try_from(file.metadata()?.len()).unwrap_or(0));
    let (mut chunk, zeros) = (vec![0; CHUNK_BYTES], vec![0; CHUNK_BYTES]);
    loop {
        let count = file.read(&mut chunk)?;
        if count == 0 {
            bytes.truncate(used(&bytes));
            return Ok(bytes);
        }
        let read = chunk.get(..count).unwrap_or_default();
        if zeros.get(..count) != Some(read) {
            bytes.resize(length, 0);
            bytes.extend_from_slice(read);
        }
        length += count;
    }
}

fn cut(path: &Path, at: u64) -> Result<(), Error> {
    tracing::warn!(journal = %path.display(), at, "what was not acknowledged at the end of a journal is cut off");
    let cut = File::options().write(true).open(path).and_then(|file| {
        file.set_len(at)?;
        file.sync_all()
    });
    cut.map_err(Error::io("cut off the end of", path))
}

/// Writes over a journal what is in it. The last group in it was not acknowledged, so its sync may have failed: then the
/// page cache shows what the disk does not have, and takes it for written, and later groups would be synced behind a
/// hole. What is written again is synced with them.
fn write_again(path: &Path) -> io::Result<()> {
    let mut file = File::options().read(true).write(true).open(path)?;
    let (mut chunk, mut at) = (vec![0; CHUNK_BYTES], 0);
    loop {
        let count = file.read(&mut chunk)?;
        if count == 0 {
            return file.sync_all();
        }
        file.seek(SeekFrom::Start(at))?;
        file.write_all(chunk.get(..count).unwrap_or_default())?;
        at += count as u64;
    }
}

/// What is in a journal.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    last: Option<Last>,
    ending: Ending,
}

/// The last batch that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Last {
    sequence: u64,
    group: u64,
}

/// Where reading ends, and why.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    Whole,
    /// Nothing that begins at or behind this place is a batch.
    Torn {
        at: usize,
    },
    /// Behind this place is no more than a flipped bit where nothing was ever written.
    Unused {
        at: usize,
    },
    Flipped(Flip),
    /// It cannot be read at this place, and can be behind it.
    Damaged {
        at: usize,
    },
}

fn examine(bytes: &[u8], mut before: Option<u64>, acknowledged: u64) -> Found {
    let end = used(bytes);
    let (mut at, mut last) = (0, None::<Last>);
    // The place of the last batch, and the sequence number of the one before that.
    let mut last_at = None;
    while at < end {
        let Some(batch) = batch(bytes, at) else {
            let is_missed = last.is_some_and(|last| last.group < acknowledged);
            return Found { last, ending: examine_damage(bytes.get(..end).unwrap_or(bytes), at, is_missed) };
        };
        let above = last.map(|last| last.sequence).or(before);
        if above.is_some_and(|above| batch.sequence <= above) {
            // One of the two is wrong.
            let of_last = last_at.and_then(|at| sequence_mended(bytes, at, before, Some(batch.sequence)));
            let ending = of_last.or_else(|| sequence_mended(bytes, at, above, None));
            return Found { last, ending: ending.unwrap_or(Ending::Damaged { at }) };
        }
        before = above;
        last_at = Some(at);
        last = Some(Last { sequence: batch.sequence, group: batch.group });
        at = batch.end;
    }
    Found { last, ending: Ending::Whole }
}

/// The bytes that are followed by zeros only.
fn used(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// What there is at a place that cannot be read. If it is missed, it was acknowledged.
fn examine_damage(bytes: &[u8], at: usize, is_missed: bool) -> Ending {
    let next = (at + 1..bytes.len()).find(|next| bytes.get(*next) == Some(&1) && batch(bytes, *next).is_some());
    let stretch = bytes.get(at..next.unwrap_or(bytes.len())).unwrap_or_default();
    if next.is_none() && stretch.iter().map(|byte| byte.count_ones()).sum::<u32>() <= 1 {
        return Ending::Unused { at };
    }
    let is_damaged = next.is_some() || is_missed;
    if is_damaged {
        tracing::error!(at, bytes = stretch.len(), "a journal is damaged; a flipped bit is searched");
    }
    match (flipped(stretch, is_damaged), next) {
        (Some(Flip { at: place, byte }), _) => Ending::Flipped(Flip { at: at + place, byte }),
        (None, Some(_)) => Ending::Damaged { at },
        (None, None) => Ending::Torn { at },
    }
}

/// The one bit of the stretch that makes it a batch when it is turned.
fn flipped(stretch: &[u8], is_damaged: bool) -> Option<Flip> {
    // What is torn has no end, most often: nothing is to be searched.
    let tail = stretch.get(stretch.len().saturating_sub(MAGIC.len())..)?;
    let wrong_bits: u32 = tail.iter().zip(MAGIC).map(|(one, other)| (one ^ other).count_ones()).sum();
    let bytes_max = if is_damaged { bits::DAMAGED_BYTES_MAX } else { bits::TORN_BYTES_MAX };
    if stretch.len() <= START_BYTES || stretch.len() > bytes_max || wrong_bits > 1 {
        return None;
    }
    let end = stretch.len();
    bits::search(stretch, 0..end, |tried| batch(tried, 0).is_some_and(|batch| batch.end == end))
}

/// The bit that puts the sequence number of a batch between two others, as low as it can be.
fn sequence_mended(bytes: &[u8], at: usize, above: Option<u64>, below: Option<u64>) -> Option<Ending> {
    let place = at + SEQUENCE_AT;
    let written: [u8; 8] = *bytes.get(place..)?.first_chunk()?;
    let candidates = (0..64).map(|bit| u64::from_le_bytes(written) ^ (1 << bit));
    let fits =
        |sequence: &u64| above.is_none_or(|above| *sequence > above) && below.is_none_or(|below| *sequence < below);
    let mended = candidates.filter(fits).min()?.to_le_bytes();
    let (index, byte) = mended.iter().enumerate().find(|(index, byte)| written.get(*index) != Some(byte))?;
    Some(Ending::Flipped(Flip { at: place + index, byte: *byte }))
}

struct Batch {
    sequence: u64,
    /// The group that it is.
    group: u64,
    /// The place behind it.
    end: usize,
}

/// The batch that begins at a place, if all of it is there and its checksum is right.
fn batch(bytes: &[u8], at: usize) -> Option<Batch> {
    let mut rest = bytes.get(at..)?;
    if take::<1>(&mut rest)? != [1] {
        return None;
    }
    let items = u32::from_le_bytes(take(&mut rest)?);
    let sequence = u64::from_le_bytes(take(&mut rest)?);
    let (first, mut group) = (rest, 0);
    for _ in 0..items {
        group = item(&mut rest)?.max(group);
    }
    let checked = first.get(..first.len() - rest.len())?;
    if take::<1>(&mut rest)? != [3] {
        return None;
    }
    let checksum = u64::from_le_bytes(take(&mut rest)?);
    let is_whole = take::<4>(&mut rest)? == MAGIC && xxh3_64(checked) == checksum;
    is_whole.then(|| Batch { sequence, group, end: bytes.len() - rest.len() })
}

/// Goes over one item; gives the number of the group if it has that, else 0.
fn item(rest: &mut &[u8]) -> Option<u64> {
    match take::<1>(rest)? {
        [2] => {
            let [value_type, compression, ..] = take::<10>(rest)?;
            if value_type > 4 || compression > 1 {
                return None;
            }
            let key_bytes = usize::from(u16::from_le_bytes(take(rest)?));
            let _value_bytes: [u8; 4] = take(rest)?;
            let stored_bytes = usize::try_from(u32::from_le_bytes(take(rest)?)).ok()?;
            let (key, after) = rest.split_at_checked(key_bytes)?;
            let (value, after) = after.split_at_checked(stored_bytes)?;
            *rest = after;
            Some(if key == GROUPS { value.try_into().map_or(0, u64::from_be_bytes) } else { 0 })
        }
        [4] => take::<8>(rest).map(|_| 0),
        _ => None,
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk::<N>()?;
    *rest = left;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(sequence: u64, group: u64) -> Vec<u8> {
        let mut items = Vec::new();
        for (key, value) in [(&b"a"[..], &b"some value"[..]), (GROUPS, &group.to_be_bytes())] {
            items.extend([2, 0, 0]);
            items.extend(7_u64.to_le_bytes());
            items.extend(u16::try_from(key.len()).unwrap_or(0).to_le_bytes());
            let bytes = u32::try_from(value.len()).unwrap_or(0).to_le_bytes();
            items.extend([bytes, bytes].concat());
            items.extend([key, value].concat());
        }
        let checksum = xxh3_64(&items).to_le_bytes();
        let start = [&[1][..], &2_u32.to_le_bytes(), &sequence.to_le_bytes()].concat();
        [start, items, [&[3][..], &checksum, MAGIC].concat()].concat()
    }

    fn journal() -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut ends) = (Vec::new(), vec![0]);
        for batch in [written(3, 1), written(4, 2), written(9, 3)] {
            bytes.extend(batch);
            ends.push(bytes.len());
        }
        bytes.extend([0; 100]);
        (bytes, ends)
    }

    fn ending(bytes: &[u8]) -> Ending {
        examine(bytes, None, 0).ending
    }

    #[test]
    fn a_whole_journal_is_whole() {
        let whole = Found { last: Some(Last { sequence: 9, group: 3 }), ending: Ending::Whole };
        assert_eq!(examine(&journal().0, Some(2), 0), whole);
        assert_eq!(ending(&[]), Ending::Whole);
        assert_eq!(ending(&[0; 64]), Ending::Whole);
    }

    #[test]
    fn each_flipped_bit_is_turned_back() {
        let (whole, ends) = journal();
        for (at, bit) in (0..whole.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut bytes = whole.clone();
            bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << bit);
            match ending(&bytes) {
                Ending::Flipped(Flip { at, byte }) => {
                    bytes.get_mut(at).into_iter().for_each(|place| *place = byte);
                    assert_eq!(ending(&bytes), Ending::Whole, "{at}.{bit}");
                }
                // A sequence number that still grows: nothing is lost by it.
                Ending::Whole => assert!(ends.iter().any(|end| (end + 5..end + 13).contains(&at)), "{at}.{bit}"),
                unused => assert_eq!(Some(unused), ends.last().map(|at| Ending::Unused { at: *at }), "{at}.{bit}"),
            }
        }
    }

    /// What is left of the last batch may end anywhere, and may have holes.
    #[test]
    fn a_torn_tail_is_told_from_damage() {
        let (whole, ends) = journal();
        let place = |index: usize| ends.get(index).copied().unwrap_or_default();
        let (from, to) = (place(2), place(3));
        for cut in from + 20..to - 20 {
            let mut end_is_missing = whole.clone();
            end_is_missing.iter_mut().skip(cut).for_each(|byte| *byte = 0);
            assert_eq!(ending(&end_is_missing), Ending::Torn { at: from }, "{cut}");
            let mut start_is_missing = whole.clone();
            start_is_missing.iter_mut().take(cut).skip(from).for_each(|byte| *byte = 0);
            assert_eq!(ending(&start_is_missing), Ending::Torn { at: from }, "{cut}");
        }
        let mut middle = whole;
        middle.iter_mut().skip(place(1) + 20).take(4).for_each(|byte| *byte = 0xff);
        assert_eq!(ending(&middle), Ending::Damaged { at: place(1) });
    }
}
