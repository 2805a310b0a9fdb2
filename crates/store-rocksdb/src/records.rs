//! RocksDB's database and its column families: reads, and the write of one group.

use crate::{Options, error::Failed, known::Known, options};
use rocksdb::{ColumnFamily, ColumnFamilyDescriptor, DB, DBRecoveryMode, ReadOptions, WriteBatch, WriteOptions};
use std::{fs::File, path::Path};
use store::{GroupWrites, Keyspace, Range};

/// Where the number of the last group is. The contract leaves names that begin with a full stop to backends.
const META: Keyspace = Keyspace(".meta");
const GROUPS: &[u8] = b"groups";

pub(crate) struct Records {
    database: DB,
    /// Of column families that are created later.
    of_keyspace: rocksdb::Options,
    known: Known,
    /// Dropped last: the folder is free when its files are closed.
    _lock: Option<File>,
}

impl Records {
    pub(crate) fn create(folder: &Path, options: &Options) -> Result<(), rocksdb::Error> {
        let mut of_database = options::of_database(options, DBRecoveryMode::AbsoluteConsistency);
        of_database.create_if_missing(true);
        DB::open(&of_database, folder)?.create_cf(META.0, &options::of_keyspace(options))
    }

    /// The names of the column families. Changes nothing on the disk.
    pub(crate) fn listed(folder: &Path, options: &Options) -> Result<Vec<String>, rocksdb::Error> {
        DB::list_cf(&options::of_database(options, DBRecoveryMode::AbsoluteConsistency), folder)
    }

    pub(crate) fn open(
        folder: &Path,
        options: &Options,
        recovery: DBRecoveryMode,
        known: Known,
        lock: File,
    ) -> Result<Self, rocksdb::Error> {
        let of_database = options::of_database(options, recovery);
        let of_keyspace = options::of_keyspace(options);
        let names = DB::list_cf(&of_database, folder)?;
        // `DB::open_cf` would ignore the options.
        let families = names.into_iter().map(|name| ColumnFamilyDescriptor::new(name, of_keyspace.clone()));
        let database = DB::open_cf_descriptors(&of_database, folder, families)?;
        Ok(Self { database, of_keyspace, known, _lock: Some(lock) })
    }

    /// The number of the last group that could be recovered. Changes nothing on the disk.
    pub(crate) fn recoverable_groups(folder: &Path, options: &Options) -> Result<u64, rocksdb::Error> {
        let of_database = options::of_database(options, DBRecoveryMode::PointInTime);
        let of_keyspace = options::of_keyspace(options);
        let names = DB::list_cf(&of_database, folder)?;
        let families = names.into_iter().map(|name| ColumnFamilyDescriptor::new(name, of_keyspace.clone()));
        let database = DB::open_cf_descriptors_read_only(&of_database, folder, families, false)?;
        Self { database, of_keyspace, known: Known::default(), _lock: None }.groups()
    }

    pub(crate) fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, rocksdb::Error> {
        self.family(keyspace).map_or(Ok(None), |family| self.database.get_cf(family, key))
    }

    /// Reads up to `limit` records of a range as they were at one moment, each as `read` does.
    pub(crate) fn range<T>(
        &self,
        keyspace: Keyspace,
        range: Range<'_>,
        limit: usize,
        read: impl Fn(&[u8], &[u8]) -> T,
    ) -> Result<Vec<T>, rocksdb::Error> {
        let Some(family) = self.family(keyspace).filter(|_| !range.is_empty()) else {
            return Ok(Vec::new());
        };
        let mut bounds = ReadOptions::default();
        bounds.set_iterate_lower_bound(range.from);
        if let Some(to) = range.to {
            bounds.set_iterate_upper_bound(to);
        }
        let mut found = Vec::new();
        // It reads the records as they are now: RocksDB shows a write when all of it is there.
        let mut records = self.database.raw_iterator_cf_opt(family, bounds);
        if range.reverse {
            records.seek_to_last();
        } else {
            records.seek_to_first();
        }
        while found.len() < limit
            && let Some((key, value)) = records.item()
        {
            found.push(read(key, value));
            if range.reverse { records.prev() } else { records.next() }
        }
        records.status()?;
        Ok(found)
    }

    /// Reads everything, for its checksums.
    pub(crate) fn read_all(&self) -> Result<(), rocksdb::Error> {
        for name in DB::list_cf(&self.of_keyspace, self.database.path())? {
            let mut records = self.database.cf_handle(&name).map(|family| self.database.raw_iterator_cf(family));
            if let Some(records) = &mut records {
                records.seek_to_first();
                while records.valid() {
                    records.next();
                }
                records.status()?;
            }
        }
        Ok(())
    }

    /// The number of the last group that is in the records; 0 before the first.
    pub(crate) fn groups(&self) -> Result<u64, rocksdb::Error> {
        let stored = self.get(META, GROUPS)?;
        Ok(stored.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes))
    }

    fn family(&self, keyspace: Keyspace) -> Option<&ColumnFamily> {
        self.database.cf_handle(keyspace.0)
    }
}

impl store_folder::Records for Records {
    type Error = Failed;

    fn closed() -> Failed {
        Failed::Closed
    }

    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, Failed> {
        Ok(self.get(keyspace, key)?)
    }

    fn lacks_keyspace_of(&self, writes: &GroupWrites) -> bool {
        writes.keys().any(|keyspace| !self.known.has(*keyspace))
    }

    fn would_wait(&self) -> bool {
        let is_stopped = self.database.property_int_value("rocksdb.is-write-stopped");
        is_stopped.ok().flatten().is_some_and(|is_stopped| is_stopped > 0)
    }

    fn create_keyspaces_of(&mut self, writes: &GroupWrites) -> Result<(), Failed> {
        for keyspace in writes.keys() {
            if self.family(*keyspace).is_none() {
                self.database.create_cf(keyspace.0, &self.of_keyspace)?;
            }
            if !self.known.has(*keyspace) {
                self.known.add(keyspace.0).map_err(Failed::Known)?;
            }
        }
        Ok(())
    }

    fn write(&self, writes: GroupWrites, group: u64) -> Result<(), Failed> {
        let of = |keyspace: Keyspace| self.family(keyspace).ok_or(Failed::NoKeyspace(keyspace.0));
        let mut batch = WriteBatch::default();
        for (keyspace, writes) in writes {
            let family = of(keyspace)?;
            for (key, value) in writes {
                match value {
                    Some(value) => batch.put_cf(family, key, value),
                    None => batch.delete_cf(family, key),
                }
            }
        }
        batch.put_cf(of(META)?, GROUPS, group.to_be_bytes());
        let mut synced = WriteOptions::default();
        synced.set_sync(true);
        Ok(self.database.write_opt(batch, &synced)?)
    }
}
