//! The store contract on one machine's disk, over [RocksDB](https://rocksdb.org), a log-structured merge tree.
//!
//! It is here to judge the default store, `store-fjall`, by the same engine and the same tests: see "The embedded store"
//! in ARCHITECTURE.md. It is built with the feature `rocksdb` only, which takes a C++ compiler, libclang
//! (`apt-get install libclang-dev`, or `pip install libclang` and its folder in `LIBCLANG_PATH`) and 20 minutes of one
//! processor. Without that feature there is nothing in this crate.
//!
//! One thread commits. It takes all batches that wait, writes them to RocksDB's log as one, syncs once and answers them all
//! (group commit). Readers read beside it and see only what was synced: RocksDB shows a write when all of it is in the log,
//! synced, and in the memtables.
//!
//! # On disk
//! | path in the folder | content |
//! |---|---|
//! | `lock` | locked by the process that has the folder open |
//! | `data/format` | the format as text, at present `rocksdb 1` |
//! | `data/acknowledged` | the number of the last group that was acknowledged, as text |
//! | `data/rocksdb/` | RocksDB's database: a column family for each keyspace of the contract, and `.meta` |
//! | `creating/` | what a crash left of a folder that was being created |
//!
//! In `.meta` the key `groups` has the number of the group that wrote it, as 8 bytes, big-endian. Each group is one write of
//! RocksDB, so it is recovered whole or not at all.
//!
//! # Damage
//! A log that ends in the middle of a write is what a power loss leaves of a group that was never acknowledged. RocksDB
//! cannot tell it from damage to one that was; `acknowledged` can, as it is written after each sync. So a log that is not
//! whole is read first without changing anything, and the folder is refused if an acknowledged group is not in it. All that
//! RocksDB reads is compared with its checksums. A flipped bit is turned back, and worse damage is refused: see `integrity`.
#![cfg(feature = "rocksdb")]

mod commit;
mod error;
mod folder;
mod integrity;
mod options;
mod records;

pub use error::{Error, Told};
pub use integrity::Mended;
pub use options::Options;

use commit::{Committer, Request};
use records::Records;
use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        mpsc::{self, Sender},
    },
    thread::JoinHandle,
};
use store::{Batch, BoxFuture, Keyspace, Range, Record, Store};
use tokio::sync::oneshot;

/// A store in a folder. One process at a time has it open. Dropping the last handle commits what is in flight.
pub struct RocksStore {
    shared: Arc<Shared>,
    requests: Option<Sender<Request>>,
    committer: Option<JoinHandle<()>>,
}

impl RocksStore {
    /// Whether there is a store in `folder`.
    pub fn is_in(folder: impl AsRef<Path>) -> bool {
        folder::is_created(folder.as_ref())
    }

    /// Reads everything in `folder`, and turns flipped bits back. Gives those; an error names what is damaged worse. What a
    /// power loss left of the last groups, and was never acknowledged, is cut off.
    pub fn mend(folder: impl AsRef<Path>) -> Result<Vec<Mended>, Error> {
        folder::mend(folder.as_ref())
    }

    /// Opens the store in `folder`, which is created if it is not there.
    pub fn open(folder: impl AsRef<Path>, options: &Options) -> Result<Self, Error> {
        let folder = folder.as_ref();
        let folder::Opened { records, mark, group, .. } = folder::open(folder, options)?;
        let shared = Shared { records: RwLock::new(Some(records)), mending: Mutex::default() };
        let shared = Arc::new(shared);
        let (requests, waiting) = mpsc::channel();
        let group_bytes_max = options.group_bytes_max;
        let committer = Committer { shared: Arc::clone(&shared), waiting, group, mark, group_bytes_max };
        let committer = std::thread::Builder::new()
            .name("commit".into())
            .spawn(move || committer.run())
            .map_err(Error::io("start the commit thread for", folder))?;
        Ok(Self { shared, requests: Some(requests), committer: Some(committer) })
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
        if let Err(error) = batch.check_limits() {
            return Box::pin(std::future::ready(Err(error)));
        }
        let (answer, outcome) = oneshot::channel();
        // If the thread is gone, which takes a panic, so is the answer.
        let _unheard = self.requests.as_ref().map(|requests| requests.send(Request { batch, answer }));
        Box::pin(async move { outcome.await.unwrap_or_else(|gone| Err(error::no_answer(gone))) })
    }
}

impl Drop for RocksStore {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(committer) = self.committer.take()
            // A future that is woken by the commit thread may own the last handle; a thread cannot wait for itself.
            && committer.thread().id() != std::thread::current().id()
            && committer.join().is_err()
        {
            tracing::error!("the commit thread of the store panicked");
        }
    }
}

/// What readers and the commit thread share: the records, until the store is closed.
struct Shared {
    records: RwLock<Option<Records>>,
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
            let outcome = match &*self.records.read().unwrap_or_else(PoisonError::into_inner) {
                Some(records) => read(records),
                None => return Err(store::Error::Poisoned),
            };
            match outcome {
                Err(damage) if error::is_damage(&damage) && self.mend(&damage) => {}
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

    /// Frees the files and the lock of the folder, as soon as no reader is in them.
    fn close(&self) {
        *self.records.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
