//! A single flipped bit, in what RocksDB has written, is turned back.
//!
//! RocksDB finds damage by its checksums, and refuses what it finds. All that it writes has a CRC-32C here, and of a CRC
//! one can tell which bit makes it wrong, if one does. What is damaged worse stays as it is, and RocksDB names it.
//!
//! | file | |
//! |---|---|
//! | `crc` | the checksum, and the search for the flipped bit |
//! | `logs` | the logs, and the lists of tables, which have the form of a log; looked at whenever a folder is opened |
//! | `blocks` | the blocks of tables; looked at where RocksDB says that it cannot read one |

mod blocks;
mod crc;
mod logs;

use crate::Error;
use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// A bit that had flipped, and was turned back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mended {
    /// The file.
    pub file: PathBuf,
    /// The place of the byte in it.
    pub at: u64,
}

/// A byte that is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flip {
    at: usize,
    /// What it should be.
    byte: u8,
}

pub(crate) use logs::mend as mend_logs;

/// Looks for what RocksDB has found, and turns the bit back, if it is one. Gives nothing if it is worse.
pub(crate) fn mend_block(found: &rocksdb::Error) -> Result<Option<Mended>, Error> {
    blocks::named(found.as_ref()).map_or(Ok(None), |block| block.mend())
}

/// Puts the byte that belongs there, durably, and tells it in the log.
fn put_right(file: &Path, Flip { at, byte }: Flip) -> Result<Mended, Error> {
    let at = at as u64;
    let written = File::options().write(true).open(file).and_then(|mut open| {
        open.seek(SeekFrom::Start(at))?;
        open.write_all(&[byte])?;
        open.sync_all()
    });
    written.map_err(Error::io("mend", file))?;
    tracing::error!(file = %file.display(), at, "a bit had flipped, and was turned back; look at its disk");
    Ok(Mended { file: file.into(), at })
}
