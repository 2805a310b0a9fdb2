//! The numbers of fjall's keyspaces: none is given twice.
//!
//! fjall gives a new keyspace the next number that has no folder, and keeps in tables of its own which name a number has. That
//! is synced before the name of the folder can be. When the power fails in between, the number keeps its name there, and has no
//! folder: fjall would give it to another keyspace, and at the next start take the records of that for those of the old
//! name. So it is written down which numbers may have been given, in `data/keyspaces`, before one is; and while keyspaces are
//! created, empty folders keep fjall from the others.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};
use store_folder::sync_names;

/// Numbers that are passed over in a folder of a version that wrote none down: more than it had keyspaces.
const UNKNOWN: u64 = 32;
/// The number of fjall's own tables.
const OF_FJALL: u64 = 0;

pub(crate) struct Numbers {
    /// Where fjall has a folder for each keyspace, by its number.
    folders: PathBuf,
    /// Where it is written which numbers may have been given.
    given: PathBuf,
}

impl Numbers {
    /// Of the database in this folder.
    pub(crate) fn of(database: &Path) -> Numbers {
        Numbers { folders: database.join("keyspaces"), given: database.with_file_name("keyspaces") }
    }

    /// Of a database that is being created: none was given, so that none need be passed over.
    pub(crate) fn begin(&self) -> io::Result<()> {
        self.write_down(OF_FJALL)
    }

    /// Lets so many keyspaces be created, and makes the names of their folders durable.
    pub(crate) fn give<E: From<io::Error>>(&self, count: u64, create: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let existing = self.existing()?;
        let given = self.given(&existing);
        self.write_down(given.saturating_add(count))?;
        let fences = (0..=given).filter(|number| !existing.contains(number)).map(|number| self.folder(number));
        let fences: Vec<PathBuf> = fences.collect();
        fences.iter().try_for_each(fs::create_dir)?;
        create()?;
        sync_names(&self.folders)?;
        Ok(fences.iter().try_for_each(fs::remove_dir)?)
    }

    /// Whether each number has a name of its own, if there are so many names. Otherwise records are missing.
    pub(crate) fn fit(&self, names: usize) -> io::Result<bool> {
        let existing = self.existing()?;
        Ok(existing.iter().filter(|number| **number != OF_FJALL).count() == names)
    }

    fn folder(&self, number: u64) -> PathBuf {
        self.folders.join(number.to_string())
    }

    /// The numbers that have folders.
    fn existing(&self) -> io::Result<BTreeSet<u64>> {
        let mut existing = BTreeSet::new();
        for entry in fs::read_dir(&self.folders)? {
            existing.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u64>().ok()));
        }
        Ok(existing)
    }

    /// The highest number that may have been given.
    fn given(&self, existing: &BTreeSet<u64>) -> u64 {
        let highest = existing.last().copied().unwrap_or_default();
        let written = fs::read_to_string(&self.given).ok().and_then(|text| text.trim().parse::<u64>().ok());
        written.map_or(highest.saturating_add(UNKNOWN), |written| written.max(highest))
    }

    fn write_down(&self, given: u64) -> io::Result<()> {
        let new = self.given.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(format!("{given}\n").as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &self.given)?;
        self.given.parent().map_or(Ok(()), sync_names)
    }
}
