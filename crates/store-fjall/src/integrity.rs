//! What is on the disk is looked at before fjall relies on it.
//!
//! fjall takes any place of a journal that it cannot read for the end of it, or refuses the whole folder, and believes
//! the list of tables without its checksum. Here a torn tail, which a power loss leaves of what was never acknowledged,
//! is told from damage. Everything that fjall writes has a checksum, so a single flipped bit can be found by trying each
//! of them, and is turned back. What is damaged worse is refused by the name of its file, and stays as it is.
//!
//! | file | |
//! |---|---|
//! | `bits` | the search for one flipped bit |
//! | `journal` | the journals: what was committed last; looked at whenever a folder is opened |
//! | `manifest` | which tables there are, for each keyspace; looked at whenever a folder is opened |
//! | `tables` | the tables: everything else; looked at when something could not be read, and by [`crate::FjallStore::mend`] |

mod bits;
mod journal;
mod manifest;
mod tables;

use crate::Error;
use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

pub(crate) use tables::mend as mend_tables;

/// A bit that had flipped, and was turned back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mended {
    /// The file.
    pub file: PathBuf,
    /// The place of the byte in it.
    pub at: u64,
}

/// What every opening looks at: the journals and the lists of tables. `acknowledged` is the last group that the journals
/// must have, as far as the folder tells.
pub(crate) fn before_opening(database: &Path, acknowledged: u64) -> Result<Vec<Mended>, Error> {
    let mut mended = manifest::mend(database)?;
    mended.extend(journal::mend(database, acknowledged)?);
    Ok(mended)
}

/// Puts the byte that belongs there, durably, and tells it in the log.
fn put_right(file: &Path, at: usize, byte: u8) -> Result<Mended, Error> {
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
