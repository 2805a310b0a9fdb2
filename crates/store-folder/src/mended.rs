//! A flipped bit that was turned back.

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

/// Puts the byte that belongs there, durably, and tells it in the log.
pub fn put_right(file: &Path, at: usize, byte: u8) -> Result<Mended, Error> {
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
