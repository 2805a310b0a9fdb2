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
use store_folder::Mended;

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
