//! fjall's database and its keyspaces: reads, and the write of one group.

use crate::{Options, numbers::Numbers};
use fjall::{AbstractTree, Database, KeyspaceCreateOptions, PersistMode, Readable, Snapshot, compaction::Leveled};
use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    ops::Bound,
    panic::AssertUnwindSafe,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use store::{GroupWrites, Keyspace, Range};
use store_folder::Records as _;

/// Where the number of the last group is. The contract leaves names that begin with a full stop to backends.
const META: Keyspace = Keyspace(".meta");
pub(crate) const GROUPS: &[u8] = b"groups";

/// Journals are deleted when everything in them is in tables. At this size the keyspaces that still need the oldest
/// one are written to tables early, so this bounds what must be read again after a crash. fjall allows no less.
const JOURNALS_BYTES_MAX: u64 = 64 << 20;

/// Tables are merged into such of about this size, and the first level has four times as much: all of it is merged with what
/// comes, so this bounds how long one compaction is, which is some tenths of a second.
const TABLE_BYTES: u64 = 16 << 20;

/// Above these counts fjall stops its writer, without an end if the thread that should catch up has failed. So the
/// one who writes waits earlier, and looks.
const SEALED_MEMTABLES_MAX: usize = 2;
const UNMERGED_TABLES_MAX: usize = 25;

pub(crate) struct Records {
    keyspaces: HashMap<String, fjall::Keyspace>,
    numbers: Numbers,
    /// What is read: the records as they were after the last group. fjall shows a batch while it still puts it into the
    /// memtables, one record after the other: to who reads a keyspace by itself, and also to a snapshot that is taken meanwhile,
    /// as a table that is finished in the background makes all visible that was begun. So it is taken when nothing is on its way.
    shown: RwLock<Snapshot>,
    database: Database,
    memtable_bytes: u64,
    /// Dropped last: the folder is free when its files are closed.
    _lock: Option<File>,
}

impl Records {
    pub(crate) fn open(folder: &Path, options: &Options, lock: Option<File>) -> Result<Self, fjall::Error> {
        let database = Database::builder(folder)
            .cache_size(options.cache_bytes)
            .max_journaling_size(JOURNALS_BYTES_MAX)
            .worker_threads(options.background_threads);
        // fjall panics on some corrupt journals. Nothing of it outlives the attempt.
        let opened = std::panic::catch_unwind(AssertUnwindSafe(|| database.open()));
        let database = opened.unwrap_or(Err(fjall::Error::Unrecoverable))?;
        let (names, numbers) = (database.list_keyspace_names(), Numbers::of(folder));
        if !numbers.fit(names.len())? {
            tracing::error!(folder = %folder.display(), "keyspaces have lost their names");
            return Err(fjall::Error::Unrecoverable);
        }
        let mut keyspaces = HashMap::new();
        for name in names {
            keyspaces.insert(name.to_string(), database.keyspace(&name, KeyspaceCreateOptions::default)?);
        }
        Ok(Self {
            keyspaces,
            numbers,
            shown: RwLock::new(database.snapshot()),
            database,
            memtable_bytes: options.memtable_bytes,
            _lock: lock,
        })
    }

    /// Reads up to `limit` records of a range as they were at one moment, each as `read` does.
    pub(crate) fn range<T>(
        &self,
        keyspace: Keyspace,
        range: Range<'_>,
        limit: usize,
        read: impl Fn(fjall::Guard) -> Result<T, fjall::Error>,
    ) -> Result<Vec<T>, fjall::Error> {
        let Some(keyspace) = self.keyspaces.get(keyspace.0).filter(|_| !range.is_empty()) else {
            return Ok(Vec::new());
        };
        let to = range.to.map_or(Bound::Unbounded, Bound::Excluded);
        let found = self.shown().range::<&[u8], _>(keyspace, (Bound::Included(range.from), to));
        if range.reverse { found.rev().take(limit).map(read).collect() } else { found.take(limit).map(read).collect() }
    }

    /// The number of the last group that is in the records; 0 before the first.
    pub(crate) fn groups(&self) -> Result<u64, fjall::Error> {
        let stored = self.get(META, GROUPS)?;
        Ok(stored.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes))
    }

    /// Shows all that was written.
    fn show(&self) {
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = self.database.snapshot();
    }

    fn shown(&self) -> Snapshot {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Seals memtables that are full, to be written to tables. fjall leaves that to the background thread, and asks for it with
    /// each write until it is done. While the only one compacts, its line would become full of that: it puts what it seals into the
    /// same line, and would wait for itself then.
    fn seal_what_is_full(&self, writes: &GroupWrites) -> Result<(), fjall::Error> {
        for keyspace in writes.keys().filter_map(|keyspace| self.keyspaces.get(keyspace.0)) {
            if keyspace.tree.active_memtable().size() > self.memtable_bytes {
                keyspace.rotate_memtable()?;
            }
        }
        Ok(())
    }

    /// Lets the background threads catch up.
    fn wait_for_tables(&self) -> Result<(), fjall::Error> {
        while self.would_wait() {
            // Writes nothing here, but tells if a background thread has failed.
            self.database.persist(PersistMode::Buffer)?;
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

impl store_folder::Records for Records {
    type Error = fjall::Error;

    fn closed() -> fjall::Error {
        fjall::Error::Poisoned
    }

    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, fjall::Error> {
        let Some(keyspace) = self.keyspaces.get(keyspace.0).filter(|_| !key.is_empty()) else {
            return Ok(None);
        };
        Ok(self.shown().get(keyspace, key)?.map(|value| value.to_vec()))
    }

    fn lacks_keyspace_of(&self, writes: &GroupWrites) -> bool {
        writes.keys().chain([&META]).any(|keyspace| !self.keyspaces.contains_key(keyspace.0))
    }

    fn would_wait(&self) -> bool {
        self.keyspaces.values().any(|keyspace| {
            keyspace.sealed_memtable_count() > SEALED_MEMTABLES_MAX || keyspace.l0_table_count() > UNMERGED_TABLES_MAX
        })
    }

    fn create_keyspaces_of(&mut self, writes: &GroupWrites) -> Result<(), fjall::Error> {
        let missing = writes.keys().chain([&META]).map(|Keyspace(name)| *name);
        let missing: Vec<&str> = missing.filter(|name| !self.keyspaces.contains_key(*name)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let Records { keyspaces, numbers, database, memtable_bytes, .. } = self;
        let options = || {
            let compaction = Leveled::default().with_table_target_size(TABLE_BYTES);
            let options = KeyspaceCreateOptions::default().max_memtable_size(*memtable_bytes);
            options.compaction_strategy(Arc::new(compaction))
        };
        // fjall syncs what is in the folder of a new keyspace and not the name of that folder: without it the journal has
        // records for a keyspace that is not there.
        numbers.give(missing.len() as u64, || {
            for name in missing {
                keyspaces.insert(name.to_owned(), database.keyspace(name, options)?);
            }
            Ok::<(), fjall::Error>(())
        })?;
        // A snapshot cannot read a keyspace that was not there when it was taken.
        self.show();
        Ok(())
    }

    fn write(&self, writes: GroupWrites, group: u64) -> Result<(), fjall::Error> {
        self.wait_for_tables()?;
        self.seal_what_is_full(&writes)?;
        // With a durability fjall syncs the journal before it shows the batch to readers.
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        let meta = (META, BTreeMap::from([(GROUPS.to_vec(), Some(group.to_be_bytes().to_vec()))]));
        for (keyspace, writes) in writes.into_iter().chain([meta]) {
            let keyspace = self.keyspaces.get(keyspace.0).ok_or(fjall::Error::KeyspaceDeleted)?;
            for (key, value) in writes {
                match value {
                    Some(value) => batch.insert(keyspace, key, value),
                    None => batch.remove(keyspace, key),
                }
            }
        }
        batch.commit()?;
        self.show();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// fjall's line takes 1,000 messages. Were they one for each write while the background thread compacts, no memtable would
    /// be written any more, and this one would grow without end.
    #[test]
    fn memtables_are_sealed_whatever_the_background_thread_does() {
        const MEMTABLE_BYTES: u64 = 64 << 10;
        let folder = tempfile::tempdir().unwrap();
        let options = Options { memtable_bytes: MEMTABLE_BYTES, ..Options::default() };
        let mut records = Records::open(folder.path(), &options, None).unwrap();
        let (keyspace, value) = (Keyspace("history"), vec![7; 2_000]);
        for group in 1..=3_000_u64 {
            // Keys in no order, so that tables must be merged.
            let key = group.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes().to_vec();
            let writes = BTreeMap::from([(keyspace, BTreeMap::from([(key, Some(value.clone()))]))]);
            records.create_keyspaces_of(&writes).unwrap();
            records.write(writes, group).unwrap();
            let kept = records.keyspaces.get(keyspace.0).unwrap();
            assert!(kept.tree.active_memtable().size() < 2 * MEMTABLE_BYTES, "group {group}");
        }
        assert_eq!(records.range(keyspace, Range::ALL, 10_000, fjall::Guard::key).unwrap().len(), 3_000);
    }

    /// The power fails after fjall has synced which number a keyspace has, and before the name of its folder is: another keyspace
    /// does not get that number, which would lead to the old name at the next start.
    #[test]
    fn a_number_that_has_lost_its_folder_is_not_given_again() {
        // In a folder that was begun by this version, and in one that was not.
        for is_begun in [true, false] {
            check_numbers(is_begun);
        }
    }

    fn check_numbers(is_begun: bool) {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("fjall");
        if is_begun {
            Numbers::of(&database).begin().unwrap();
        }
        let open = || Records::open(&database, &Options::default(), None).unwrap();
        let write = |name: &'static str, group: u64| {
            let mut records = open();
            let records_of = BTreeMap::from([(b"k".to_vec(), Some(name.as_bytes().to_vec()))]);
            let writes = BTreeMap::from([(Keyspace(name), records_of)]);
            records.create_keyspaces_of(&writes).unwrap();
            records.write(writes, group).unwrap();
            records.keyspaces.get(name).unwrap().path().to_owned()
        };
        write("kept", 1);
        let lost = {
            let mut records = open();
            records.create_keyspaces_of(&BTreeMap::from([(Keyspace("lost"), BTreeMap::new())])).unwrap();
            records.keyspaces.get("lost").unwrap().path().to_owned()
        };
        std::fs::remove_dir_all(&lost).unwrap();
        assert_ne!(write("other", 2), lost);
        let records = open();
        for name in ["kept", "other"] {
            assert_eq!(records.get(Keyspace(name), b"k").unwrap().as_deref(), Some(name.as_bytes()));
        }
        assert_eq!(records.get(Keyspace("lost"), b"k").unwrap(), None);
    }
}
