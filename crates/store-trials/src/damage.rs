//! A folder of records that can be told from others, and copies of it that are damaged.

use crate::{TryOpen, wait};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use store::{Batch, Keyspace, Range, Store};

const KEYSPACE: Keyspace = Keyspace("records");

/// What is written, and how it is read again.
pub struct Damage {
    pub open: TryOpen,
    pub records: usize,
    /// Of each record.
    pub value_bytes: usize,
    /// Whether most of a file is a hole, which is not copied.
    pub has_hole: fn(&Path) -> bool,
}

impl Damage {
    /// A folder as a kill leaves it, with records in tables and such that are only in a log, written by the store that `create`
    /// makes.
    ///
    /// # Panics
    /// When the store does not take them.
    pub fn fill(&self, folder: &Path, create: impl FnOnce(&Path) -> Arc<dyn Store>) -> PathBuf {
        let (filled, killed) = (folder.join("filled"), folder.join("killed"));
        let store = create(&filled);
        for number in 0..self.records {
            let mut batch = Batch::new();
            batch.put(KEYSPACE, format!("{number:06}"), self.value(number));
            wait(store.commit(batch)).unwrap();
        }
        self.copy(&filled, &killed);
        killed
    }

    /// Does not compress.
    fn value(&self, number: usize) -> Vec<u8> {
        let mut state = number as u64 + 1;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        (0..self.value_bytes).map(|_| next()).collect()
    }

    /// Opens a folder and reads everything in it; how many records are as they were written.
    ///
    /// # Errors
    /// Why it cannot be opened or read, with all causes.
    pub fn read(&self, folder: &Path) -> Result<usize, String> {
        let store = (self.open)(folder)?;
        let found = store.scan(KEYSPACE, Range::ALL, usize::MAX).map_err(|error| told(&error))?;
        let right = |(at, record): (usize, &store::Record)| {
            record.0 == format!("{at:06}").into_bytes() && record.1 == self.value(at)
        };
        Ok(found.iter().enumerate().filter(|found| right(*found)).count())
    }

    /// Reads a copy of a folder that was changed: `copy` in the folder `temporary`.
    ///
    /// # Errors
    /// As [`Damage::read`].
    ///
    /// # Panics
    /// When the folder cannot be copied.
    pub fn read_copy(&self, folder: &Path, temporary: &Path, change: impl FnOnce(&Path)) -> Result<usize, String> {
        let copy = temporary.join("copy");
        if copy.exists() {
            fs::remove_dir_all(&copy).unwrap();
        }
        self.copy(folder, &copy);
        change(&copy);
        self.read(&copy)
    }

    fn copy(&self, from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let copy = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                self.copy(&entry.path(), &copy);
            } else if (self.has_hole)(&copy) {
                // `fs::copy` would fill it.
                let bytes = fs::read(entry.path()).unwrap();
                fs::write(copy, bytes.get(..used(&bytes) + 100).unwrap_or(&bytes)).unwrap();
            } else {
                fs::copy(entry.path(), copy).unwrap();
            }
        }
    }
}

/// The bytes before the hole at the end.
pub fn used(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// An error with its causes.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A store that was opened, or what the refusal says: what a [`crate::TryOpen`] gives.
///
/// # Errors
/// What the refusal says, with its causes.
pub fn opened<E: std::error::Error>(result: Result<impl Store, E>) -> Result<Arc<dyn Store>, String> {
    match result {
        Ok(store) => Ok(Arc::new(store)),
        Err(error) => Err(told(&error)),
    }
}

/// Changes a byte of a file.
///
/// # Panics
/// When it has no such byte.
pub fn change(file: &Path, at: usize, change: impl Fn(u8) -> u8) {
    let mut bytes = fs::read(file).unwrap();
    let byte = bytes.get_mut(at).expect("the file has that byte");
    *byte = change(*byte);
    fs::write(file, bytes).unwrap();
}

/// All files in a folder and the folders in it.
///
/// # Panics
/// When the folder cannot be read.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { found.extend(files(&entry)) } else { found.push(entry) }
    }
    found.sort();
    found
}
