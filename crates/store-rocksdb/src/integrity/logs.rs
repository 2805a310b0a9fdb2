//! Logs: what was committed last, and which tables there are.
//!
//! A log is a sequence of blocks of 32 KiB, a block a sequence of records. A record is its CRC-32C, the length of its
//! content (`u16`), its type, and its content; the checksum is over type and content. Less than that head at the end of a
//! block is unused. Numbers are little-endian.
//!
//! RocksDB takes a type with its highest bit set for one that a later version may have added, before it looks at the checksum,
//! and reads such a log for ever. So it is not given one.

use super::{Flip, crc};
use crate::Error;
use std::{
    fs,
    path::{Path, PathBuf},
};
use store_folder::{Mended, put_right};

const BLOCK_BYTES: usize = 32 << 10;
const LENGTH_AT: usize = 4;
const TYPE_AT: usize = 6;
const HEAD_BYTES: usize = 7;
/// A disk that shows more is not to be trusted with anything.
const MENDED_MAX: usize = 8;

/// The bit of a type that RocksDB has no such record for, and may pass over.
const UNKNOWN: u8 = 1 << 7;

/// Turns flipped bits of all logs back, up to the first place in each that is worse: a torn end, for example.
pub(crate) fn mend(database: &Path) -> Result<Vec<Mended>, Error> {
    let mut mended = Vec::new();
    for path in logs(database)? {
        let mut bytes = fs::read(&path).map_err(Error::io("read", &path))?;
        while let Some(at) = first_damaged(&bytes) {
            match flipped(&bytes, at).filter(|_| mended.len() < MENDED_MAX) {
                Some(flip) => {
                    mended.push(put_right(&path, flip.at, flip.byte)?);
                    bytes.get_mut(flip.at).into_iter().for_each(|place| *place = flip.byte);
                }
                None if bytes.get(at + TYPE_AT).is_some_and(|kind| kind & UNKNOWN != 0) => {
                    return Err(Error::DamagedLog { file: path, at: at as u64 });
                }
                None => break,
            }
        }
    }
    Ok(mended)
}

fn logs(database: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(database).map_err(Error::io("read", database))? {
        let path = entry.map_err(Error::io("read", database))?.path();
        let is_list = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("MANIFEST-"));
        if is_list || path.extension().is_some_and(|extension| extension == "log") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The place of the first record that is not whole.
fn first_damaged(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < bytes.len() {
        if block_end(bytes, at) - at < HEAD_BYTES {
            at = block_end(bytes, at);
            continue;
        }
        match length(bytes, at).and_then(|length| end(bytes, at, length)) {
            Some(end) => at = end,
            None => return Some(at),
        }
    }
    None
}

fn block_end(bytes: &[u8], at: usize) -> usize {
    ((at / BLOCK_BYTES + 1) * BLOCK_BYTES).min(bytes.len())
}

fn length(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at + LENGTH_AT..)?.first_chunk()?))
}

/// The end of the record that begins at a place, if it is whole.
fn end(bytes: &[u8], at: usize, length: u16) -> Option<usize> {
    let end = at + HEAD_BYTES + usize::from(length);
    let checksum = u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
    let is_whole = end <= block_end(bytes, at) && crc::stored(bytes.get(at + TYPE_AT..end)?) == checksum;
    is_whole.then_some(end)
}

fn flipped(bytes: &[u8], at: usize) -> Option<Flip> {
    let written = length(bytes, at)?;
    let lengths = (0..16).map(|bit| written ^ (1 << bit));
    if let Some(length) = lengths.into_iter().find(|length| end(bytes, at, *length).is_some()) {
        let (place, byte) = if (length ^ written) > 0xff { (1, length >> 8) } else { (0, length & 0xff) };
        return Some(Flip { at: at + LENGTH_AT + place, byte: u8::try_from(byte).ok()? });
    }
    let end = at + HEAD_BYTES + usize::from(written);
    if end > block_end(bytes, at) { None } else { crc::flipped(bytes, at + TYPE_AT..end, at) }
}
