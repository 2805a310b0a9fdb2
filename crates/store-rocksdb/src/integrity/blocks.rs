//! Blocks of tables. A block is followed by the kind of its compression, a byte, and the CRC-32C of both. Tables never change,
//! so one may be mended while RocksDB has it open.

use super::crc;
use crate::Error;
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::PathBuf,
};
use store_folder::{Mended, put_right};

const TRAILER_BYTES: usize = 5;

/// A block that is damaged.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    file: PathBuf,
    at: u64,
    bytes: usize,
}

/// The block that an error of RocksDB speaks of: `… in FILE offset PLACE size BYTES, …`.
pub(super) fn named(error: &str) -> Option<Block> {
    let (_, named) = error.split_once("block checksum mismatch")?.1.split_once("  in ")?;
    let (file, place) = named.rsplit_once(" offset ")?;
    let (at, rest) = place.split_once(" size ")?;
    let bytes = rest.split(|char: char| !char.is_ascii_digit()).next()?;
    Some(Block { file: file.into(), at: at.parse().ok()?, bytes: bytes.parse().ok()? })
}

impl Block {
    /// Turns the flipped bit back, if it is one.
    pub(super) fn mend(&self) -> Result<Option<Mended>, Error> {
        let mut block = vec![0; self.bytes + TRAILER_BYTES];
        let read = File::open(&self.file).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.at))?;
            file.read_exact(&mut block)
        });
        read.map_err(Error::io("read", &self.file))?;
        let Some(mut flip) = crc::flipped(&block, 0..self.bytes + 1, self.bytes + 1) else {
            return Ok(None);
        };
        flip.at += usize::try_from(self.at).unwrap_or(usize::MAX);
        Ok(Some(put_right(&self.file, flip.at, flip.byte)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_is_named_in_the_error() {
        let error = "Corruption: block checksum mismatch: stored = 1, computed = 2, type = 1  in /a folder/9.sst offset 7 \
                     size 4063, block_type = kData";
        assert_eq!(named(error), Some(Block { file: "/a folder/9.sst".into(), at: 7, bytes: 4063 }));
        assert_eq!(named("Corruption: bad table magic number"), None);
    }
}
