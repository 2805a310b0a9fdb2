//! The tables, each against the checksum of the whole file.
//!
//! A table is a sequence of blocks and, behind them, a table of contents. A block is `LSM\x03`, its kind, the XXH3 of
//! what is in it (`u128`), its length and its length before compression (`u32` each), the lowest quarter of the XXH3 of
//! all that (`u32`), and what is in it. The blocks tell where in the file a bit has flipped, so that only there
//! it is searched. Tables never change, so one may be mended while fjall has it open.

use super::{
    bits::{self, Flip},
    manifest,
};
use crate::Error;
use std::{fs, io, ops::Range, path::Path};
use store_folder::{Mended, put_right};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

const MAGIC: &[u8] = b"LSM\x03";
const CHECKED_BYTES: usize = 29;
const HEADER_BYTES: usize = CHECKED_BYTES + 4;

/// Reads every table of a database and turns flipped bits back; an error names the first that is damaged worse.
pub(crate) fn mend(database: &Path) -> Result<Vec<Mended>, Error> {
    let (mut mended, mut worse) = (Vec::new(), None);
    for table in manifest::tables(database)? {
        let bytes = match fs::read(&table.path) {
            Ok(bytes) => bytes,
            // It was merged with others since it was listed, or is missing: fjall tells that.
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::io("read", &table.path)(error)),
        };
        if xxh3_128(&bytes) == table.checksum {
            continue;
        }
        match flipped(&bytes, table.checksum) {
            Ok(Flip { at, byte }) => mended.push(put_right(&table.path, at, byte)?),
            Err(at) => {
                tracing::error!(file = %table.path.display(), at, "a table is damaged");
                worse.get_or_insert(Error::Damaged { file: table.path, at: at as u64 });
            }
        }
    }
    worse.map_or(Ok(mended), Err)
}

/// The flipped bit of a table, or the place that is damaged worse.
fn flipped(bytes: &[u8], checksum: u128) -> Result<Flip, usize> {
    let (damaged, outside) = examine(bytes);
    // Outside of blocks only the whole file tells. That is near its end: what is before needs to be read once.
    let search_outside = |place: Range<usize>| {
        let mut before = Xxh3::new();
        before.update(bytes.get(..place.start).unwrap_or_default());
        let from = place.start;
        bits::search(bytes, place, |tried| {
            let mut all = before.clone();
            all.update(tried.get(from..).unwrap_or_default());
            all.digest128() == checksum
        })
    };
    let Some(place) = damaged else {
        let first = outside.first().map_or(0, |range| range.start);
        return outside.into_iter().find_map(search_outside).ok_or(first);
    };
    let at = place.start;
    let found = bits::search(bytes, place, |tried| block(tried, at).is_some()).ok_or(at)?;
    let mut mended = bytes.to_vec();
    mended.get_mut(found.at).into_iter().for_each(|place| *place = found.byte);
    if xxh3_128(&mended) == checksum { Ok(found) } else { Err(at) }
}

/// The first block that is damaged, if one is, and what is no block.
fn examine(bytes: &[u8]) -> (Option<Range<usize>>, Vec<Range<usize>>) {
    let (mut at, mut outside) = (0, Vec::<Range<usize>>::new());
    while at < bytes.len() {
        if let Some(end) = block(bytes, at) {
            at = end;
            continue;
        }
        if let Some(place) = damaged_block(bytes, at) {
            return (Some(place), outside);
        }
        match outside.last_mut().filter(|last| last.end == at) {
            Some(last) => last.end = at + 1,
            None => outside.push(at..at + 1),
        }
        at += 1;
    }
    (None, outside)
}

/// The end of the block that begins at a place, if it is whole.
fn block(bytes: &[u8], at: usize) -> Option<usize> {
    let header = Header::read(bytes.get(at..)?)?;
    let content = bytes.get(at + HEADER_BYTES..)?.get(..header.length)?;
    (xxh3_128(content) == header.checksum).then_some(at + HEADER_BYTES + header.length)
}

/// Where something is that would be a block with another bit.
fn damaged_block(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = bytes.get(at..)?;
    if let Some(header) = Header::read(rest) {
        return Some(at..(at + HEADER_BYTES + header.length).min(bytes.len()));
    }
    let header = rest.get(..HEADER_BYTES)?;
    let found = bits::search(header, 0..HEADER_BYTES, |tried| Header::read(tried).is_some());
    found.map(|_| at..at + HEADER_BYTES)
}

/// What a block begins with.
struct Header {
    checksum: u128,
    length: usize,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Header> {
        let checked = bytes.get(..CHECKED_BYTES)?;
        let written: [u8; 4] = *bytes.get(CHECKED_BYTES..)?.first_chunk()?;
        let rest = checked.strip_prefix(MAGIC)?;
        if xxh3_128(checked).to_le_bytes().first_chunk() != Some(&written) {
            return None;
        }
        let (checksum, rest) = rest.get(1..)?.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*rest.first_chunk()?)).ok()?;
        Some(Header { checksum: u128::from_le_bytes(*checksum), length })
    }
}
