//! The file that has the number of the last acknowledged group, twice: a number that is damaged vouches for nothing.

use std::{
    fs::{self, File},
    io::{self, Seek, Write},
    path::{Path, PathBuf},
};

/// What a folder vouches for. The file is not synced, so after a power loss it may be old or unreadable: then that is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// The number that the file begins with; 0 if there is none.
    pub group: u64,
    /// Whether it stands there twice. Earlier versions of a store may have written it once.
    pub is_twice: bool,
}

impl Acknowledged {
    /// Of the folder `data`. Two different numbers are none.
    pub fn read(data: &Path) -> Acknowledged {
        let text = fs::read_to_string(Mark::path(data)).unwrap_or_default();
        let mut words = text.split_ascii_whitespace();
        let (first, second) = (words.next(), words.next());
        let first = first.filter(|first| second.is_none_or(|second| second == *first));
        let group = first.and_then(|word| word.parse().ok()).unwrap_or(0);
        Acknowledged { group, is_twice: second.is_some() }
    }
}

/// The file, open to be written.
pub struct Mark(File);

impl Mark {
    /// Where it is in the folder `data`.
    pub fn path(data: &Path) -> PathBuf {
        data.join("acknowledged")
    }

    /// Opens it, or creates it.
    pub fn open(data: &Path) -> io::Result<Self> {
        File::options().create(true).truncate(false).write(true).open(Mark::path(data)).map(Self)
    }

    /// One small write to the page cache. It outlives the process, and most of the time the machine.
    pub(crate) fn set(&mut self, group: u64) -> io::Result<()> {
        self.0.rewind()?;
        // Always as long, so that an older number is overwritten whole.
        self.0.write_all(format!("{group:020} {group:020}\n").as_bytes())
    }
}
