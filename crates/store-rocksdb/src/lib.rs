//! The store contract on one machine's disk, over [RocksDB](https://rocksdb.org), a log-structured merge tree.
//!
//! It is here to judge the default store, `store-fjall`, by the same engine and the same tests: see "The embedded store"
//! in ARCHITECTURE.md. It is built with the feature `rocksdb` only, which takes a C++ compiler, libclang
//! (`apt-get install libclang-dev`, or `pip install libclang` and its folder in `LIBCLANG_PATH`) and 22 minutes of one
//! processor. Without that feature there is nothing in this crate.
//!
//! All batches that wait are written to RocksDB's log as one, synced once and answered together (group commit, see
//! [`store_folder::Commits`]). Readers read beside it and see only what was synced: RocksDB shows a write when all of it is in the log,
//! synced, and in the memtables.
//!
//! # On disk
//! What is in the folder of any store, [`store_folder`] tells. The format is at present `rocksdb 1`, and `data/rocksdb/` is
//! RocksDB's database: a column family for each keyspace of the contract, and `.meta`. Their names are in `data/keyspaces`, too.
//!
//! In `.meta` the key `groups` has the number of the group that wrote it, as 8 bytes, big-endian. Each group is one write of
//! RocksDB, so it is recovered whole or not at all.
//!
//! # Damage
//! A log that ends in the middle of a write is what a power loss leaves of a group that was never acknowledged. RocksDB
//! cannot tell it from damage to one that was; `acknowledged` can, as it is written after each sync. So a log that is not
//! whole is read first without changing anything, and the folder is refused if an acknowledged group is not in it. RocksDB
//! notices a table or a log that its list of tables has lost, but not a keyspace: see `known`. All that RocksDB reads is
//! compared with its checksums. A flipped bit is turned back, and worse damage is refused: see `integrity`.
#![cfg(feature = "rocksdb")]

mod error;
mod folder;
mod integrity;
mod known;
mod options;
mod records;

pub use error::{Error, Told};
pub use options::Options;
pub use store_folder::Mended;

use error::{Failed, is_damage};
use records::Records;
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};
use store::{Batch, BoxFuture, Keyspace, Range, Record, Store};
use store_folder::{Commits, Slot};

/// A store in a folder. One process at a time has it open. Dropping the last handle commits what is in flight.
pub struct RocksStore {
    commits: Commits<Records>,
    shared: Arc<Shared>,
}

impl RocksStore {
    /// Whether there is a store in `folder`.
    pub fn is_in(folder: impl AsRef<Path>) -> bool {
        store_folder::is_created(folder.as_ref())
    }

    /// Reads everything in `folder`, and turns flipped bits back. Gives those; an error names what is damaged worse. What a
    /// power loss left of the last groups, and was never acknowledged, is cut off.
    pub fn mend(folder: impl AsRef<Path>) -> Result<Vec<Mended>, Error> {
        folder::mend(folder.as_ref())
    }

    /// Opens the store in `folder`, which is created if it is not there.
    pub fn open(folder: impl AsRef<Path>, options: &Options) -> Result<Self, Error> {
        let folder = folder.as_ref();
        let folder::Opened { records, acknowledged, .. } = folder::open(folder, options)?;
        let shared = Arc::new(Shared { records: Arc::new(Slot::new(records)), mending: Mutex::default() });
        let of_failures = Arc::clone(&shared);
        let look_for_damage = move |error: &Failed| of_failures.look_for_damage(error);
        let records = Arc::clone(&shared.records);
        let commits = Commits::start(records, acknowledged, options.group_bytes_max, look_for_damage)
            .map_err(Error::io("start the commit thread for", folder))?;
        Ok(Self { commits, shared })
    }
}

impl Store for RocksStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, store::Error> {
        self.shared.read(keyspace, |records| records.get(keyspace, key))
    }

    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, store::Error> {
        let read = |key: &[u8], value: &[u8]| (key.to_vec(), value.to_vec());
        self.shared.read(keyspace, |records| records.range(keyspace, range, limit, read))
    }

    fn keys(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Vec<u8>>, store::Error> {
        let read = |key: &[u8], _: &[u8]| key.to_vec();
        self.shared.read(keyspace, |records| records.range(keyspace, range, limit, read))
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), store::Error>> {
        self.commits.commit(batch)
    }

    fn commit_here(&self, batch: Batch) -> BoxFuture<'static, Result<(), store::Error>> {
        self.commits.commit_here(batch)
    }
}

/// What those share who read and who write.
struct Shared {
    records: Arc<Slot<Records>>,
    /// Held by the one who mends.
    mending: Mutex<()>,
}

impl Shared {
    /// Reads; where a block of a table is damaged, mends that and reads again, as long as that helps.
    fn read<T>(
        &self,
        keyspace: Keyspace,
        read: impl Fn(&Records) -> Result<T, rocksdb::Error>,
    ) -> Result<T, store::Error> {
        loop {
            match self.records.read(&read).ok_or(store::Error::Poisoned)? {
                Err(damage) if is_damage(&damage) && self.mend(&damage) => {}
                outcome => return outcome.map_err(|error| error::read(keyspace, error)),
            }
        }
    }

    /// Whether a flipped bit was turned back; also by another thread, just before.
    fn mend(&self, damage: &rocksdb::Error) -> bool {
        let _one_at_a_time = self.mending.lock().unwrap_or_else(PoisonError::into_inner);
        match integrity::mend_block(damage) {
            Ok(mended) => mended.is_some(),
            Err(error) => {
                tracing::error!(%error, "cannot mend");
                false
            }
        }
    }

    /// RocksDB stops when its own threads have met a damaged table.
    fn look_for_damage(&self, error: &Failed) {
        if let Failed::Rocks(told) = error
            && is_damage(&told.rocks)
            && !self.mend(&told.rocks)
        {
            tracing::error!(error = %told, "the store is damaged");
        }
    }
}
