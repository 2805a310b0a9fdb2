//! The store contract on one machine's disk, over [fjall](https://docs.rs/fjall), a log-structured merge tree.
//!
//! All batches that wait are written to fjall's journal as one, synced once and answered together (group commit, see
//! [`store_folder::Commits`]), so one fsync serves everybody who waited for it. Readers read beside it and see only what
//! was synced, because fjall shows a batch after its sync.
//!
//! # On disk
//! What is in the folder of any store, [`store_folder`] tells. The format is at present `2`, and `data/fjall/` is fjall's
//! database: a keyspace for each of the contract's, and `.meta`. `data/keyspaces` has the highest number that one of them may
//! have been given (see `numbers`).
//!
//! In the keyspace `.meta` the key `groups` has the number of the group that wrote it, as 8 bytes, big-endian. Each
//! group is one batch of fjall, so it is recovered whole or not at all.
//!
//! # Damage
//! `acknowledged` is written after the sync of each group and so is never ahead of the records, unless they lost
//! something. Such a folder is refused ([`Error::Lost`]). What fjall wrote is compared with its checksums before fjall
//! relies on it, flipped bits are turned back, and worse damage is refused by name ([`Error::Damaged`]): see `integrity`.

mod error;
mod folder;
mod integrity;
mod numbers;
mod records;

pub use error::Error;
pub use store_folder::Mended;

use records::Records;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use store::{Batch, BoxFuture, Keyspace, Range, Record, Store};
use store_folder::{Commits, Records as _, Slot};

/// How a folder is used. The defaults favour a small process: `examples/commits.rs` measures what larger ones bring.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of blocks that are kept for reading.
    pub cache_bytes: u64,
    /// Bytes of recent writes that each keyspace keeps in memory before it writes them to a table. A keyspace that is
    /// written faster than the disk takes it holds up to four times as much. Counts for keyspaces created from now on.
    pub memtable_bytes: u64,
    /// A group takes no further batch when it has so many bytes; bounds how long the next one waits.
    pub group_bytes_max: usize,
    /// Threads that write tables and compact them. Of several fjall keeps the first for writing, and as long as another
    /// compacts, that one puts compactions back into its line again and again and takes a core for it. With one, no table is written
    /// while it compacts, so that must not take long: tables are small, in keyspaces that are created from now on.
    pub background_threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: 16 << 20, memtable_bytes: 8 << 20, group_bytes_max: 1 << 20, background_threads: 1 }
    }
}

/// A store in a folder. One process at a time has it open. Dropping the last handle commits what is in flight.
pub struct FjallStore {
    commits: Commits<Records>,
    shared: Arc<Shared>,
}

impl FjallStore {
    /// Whether there is a store in `folder`.
    pub fn is_in(folder: impl AsRef<Path>) -> bool {
        store_folder::is_created(folder.as_ref())
    }

    /// Reads everything in `folder` that has a checksum, and turns flipped bits back. Gives those; an error names the
    /// first file that is damaged worse. What a power loss left of the last groups, and was never acknowledged, is cut off.
    pub fn mend(folder: impl AsRef<Path>) -> Result<Vec<Mended>, Error> {
        folder::mend(folder.as_ref())
    }

    /// Opens the store in `folder`, which is created if it is not there.
    pub fn open(folder: impl AsRef<Path>, options: &Options) -> Result<Self, Error> {
        let folder = folder.as_ref();
        let (records, acknowledged) = folder::open(folder, options)?;
        let shared = Arc::new(Shared::new(folder, records));
        let of_failures = Arc::clone(&shared);
        let look_for_damage = move |error: &fjall::Error| of_failures.look_for_damage(error);
        let records = Arc::clone(&shared.records);
        let commits = Commits::start(records, acknowledged, options.group_bytes_max, look_for_damage)
            .map_err(Error::io("start the commit thread for", folder))?;
        Ok(Self { commits, shared })
    }
}

impl Store for FjallStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, store::Error> {
        self.shared.read(keyspace, |records| records.get(keyspace, key))
    }

    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, store::Error> {
        let read = |found: fjall::Guard| found.into_inner().map(|(key, value)| (key.to_vec(), value.to_vec()));
        self.shared.read(keyspace, |records| records.range(keyspace, range, limit, read))
    }

    fn keys(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Vec<u8>>, store::Error> {
        let read = |found: fjall::Guard| found.key().map(|key| key.to_vec());
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
    /// Where fjall's files are.
    database: PathBuf,
    /// The damage that was found and cannot be mended.
    damage: Mutex<Option<Arc<Error>>>,
}

impl Shared {
    fn new(folder: &Path, records: Records) -> Shared {
        let database = folder::database(folder);
        Shared { records: Arc::new(Slot::new(records)), database, damage: Mutex::default() }
    }

    /// Reads; where a block of a table is damaged, mends that and reads once more.
    fn read<T>(
        &self,
        keyspace: Keyspace,
        read: impl Fn(&Records) -> Result<T, fjall::Error>,
    ) -> Result<T, store::Error> {
        let read_once = || self.records.read(&read).ok_or(store::Error::Poisoned);
        match read_once()? {
            Err(failure) if error::is_damage(&failure) => {
                self.mend_tables().map_err(|why| error::not_mended(keyspace, why))?;
                read_once()?.map_err(error::backend("read"))
            }
            outcome => outcome.map_err(error::backend("read")),
        }
    }

    /// Looks for damage in the tables, one caller at a time, and not again once some was found that stays.
    fn mend_tables(&self) -> Result<(), Arc<Error>> {
        let mut damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(damage) = &*damage {
            return Err(Arc::clone(damage));
        }
        integrity::mend_tables(&self.database).map(drop).map_err(|error| {
            let error = Arc::new(error);
            // Whatever else went wrong may pass.
            if matches!(*error, Error::Damaged { .. }) {
                *damage = Some(Arc::clone(&error));
            }
            error
        })
    }

    /// fjall stops when its own threads fail, and does not say why: they may have met a damaged table.
    fn look_for_damage(&self, error: &fjall::Error) {
        if matches!(error, fjall::Error::Poisoned | fjall::Error::Storage(_))
            && let Err(error) = self.mend_tables()
        {
            tracing::error!(%error, "the store is damaged");
        }
    }
}
