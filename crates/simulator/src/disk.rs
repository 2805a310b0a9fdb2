//! The disk of a simulated world, and the store on it: what is synced stays, what is pending may be lost.
//!
//! A batch that is committed is pending until the world syncs it, and its caller is told when the world says so. A crash
//! keeps the synced batches and any number of the pending ones that came first, as the store contract has it: batches are
//! whole, and one that is lost takes every later one with it.

use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use store::{Batch, BoxFuture, Error, Keyspace, Range, Record, Store, Write};
use tokio::sync::oneshot;

type Told = oneshot::Sender<Result<(), Error>>;
type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// A disk; clones are the same one. It outlives the process.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<Contents>>);

/// What is wrong with a disk that does not keep the store contract, or with an engine that does not write what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Callers are told before anything is synced.
    FsyncSkipped,
    /// A crash keeps a part of a batch.
    BatchTorn,
    /// New records of this keyspace are lost.
    Lost(&'static str),
    /// Changed records of this keyspace stay what they were.
    Unchanged(&'static str),
    /// Removed records of this keyspace stay.
    Kept(&'static str),
}

/// A disk with something wrong does it one time in so many.
const WRONG_EVERY: u64 = 5;
/// Keyspaces with what an execution is described by, and how its keys in them begin: with a part of the hash of its ARN.
const TOLD_OF_EXECUTIONS: [&str; 2] = ["executions", "history"];
const KEY_BYTES: usize = 16;

#[derive(Default)]
struct Contents {
    /// What is synced.
    keyspaces: BTreeMap<Keyspace, Records>,
    pending: VecDeque<(Batch, Told)>,
    /// Callers of batches that are synced, who have not been told.
    untold: VecDeque<Told>,
    /// The opening of the store that may be used; those before it are poisoned.
    opening: u64,
    is_poisoned: bool,
    /// Reads that fail before the next one succeeds.
    failing_reads: u64,
    failing_openings: u64,
    /// Batches since the world last looked, for its fingerprint.
    taken: Vec<u8>,
    /// Batches that were synced.
    synced: u64,
    /// Which of them was the last one with something of an execution: by the first bytes of its keys.
    touched: BTreeMap<Vec<u8>, u64>,
    wrong: Option<Wrong>,
    /// How often something could have gone wrong.
    chances: u64,
}

impl Disk {
    /// Opens the store. One that was opened before, and has not failed, first finishes what it has taken: it does not let
    /// go of its files before that.
    pub fn open(&self) -> Result<Arc<dyn Store>, Error> {
        self.sync(usize::MAX);
        let mut contents = self.contents();
        if contents.failing_openings > 0 {
            contents.failing_openings -= 1;
            return Err(failure("open"));
        }
        contents.opening += 1;
        contents.is_poisoned = false;
        Ok(Arc::new(SimulatedStore { disk: self.clone(), opening: contents.opening }))
    }

    /// Batches that are on their way, and callers who wait to be told.
    pub fn waiting(&self) -> (usize, usize) {
        let contents = self.contents();
        (contents.pending.len(), contents.untold.len())
    }

    /// Syncs so many pending batches.
    pub fn sync(&self, batches: usize) {
        let mut contents = self.contents();
        for _ in 0..batches {
            let Some((batch, told)) = contents.pending.pop_front() else { return };
            contents.apply(batch);
            contents.untold.push_back(told);
        }
    }

    /// Tells callers that their batches are synced.
    pub fn tell(&self, callers: usize) {
        let told: Vec<Told> = {
            let mut contents = self.contents();
            let count = callers.min(contents.untold.len());
            contents.untold.drain(..count).collect()
        };
        // A caller that went away needs no answer.
        told.into_iter().for_each(|told| drop(told.send(Ok(()))));
    }

    /// The next commit fails: so many pending batches are kept all the same, and nobody is told which.
    pub fn fail(&self, kept: usize) {
        self.sync(kept);
        let told: Vec<Told> = {
            let mut contents = self.contents();
            contents.is_poisoned = true;
            let pending = std::mem::take(&mut contents.pending).into_iter().map(|(_, told)| told);
            let untold = std::mem::take(&mut contents.untold);
            untold.into_iter().chain(pending).collect()
        };
        let mut errors = std::iter::once(failure("commit")).chain(std::iter::repeat_with(|| Error::Poisoned));
        for told in told {
            drop(told.send(Err(errors.next().unwrap_or(Error::Poisoned))));
        }
    }

    /// The process dies, or the machine: so many pending batches are kept, and nobody is told of anything.
    pub fn crash(&self, kept: usize) {
        self.sync(kept);
        let mut contents = self.contents();
        if contents.strikes(Wrong::BatchTorn)
            && let Some((mut batch, _)) = contents.pending.pop_front()
        {
            batch.writes.truncate(batch.writes.len() / 2);
            contents.apply(batch);
        }
        contents.opening += 1;
        contents.failing_reads = 0;
        contents.failing_openings = 0;
        let lost = (std::mem::take(&mut contents.pending), std::mem::take(&mut contents.untold));
        drop(contents);
        drop(lost);
    }

    pub fn fail_reads(&self, reads: u64) {
        self.contents().failing_reads = reads;
    }

    pub fn fail_openings(&self, openings: u64) {
        self.contents().failing_openings = openings;
    }

    #[cfg(feature = "planted-faults")]
    /// From now on something is wrong with the disk.
    pub fn break_it(&self, wrong: Wrong) {
        self.contents().wrong = Some(wrong);
    }

    /// The bytes of all batches that were committed since this was last asked.
    pub fn take_committed(&self) -> Vec<u8> {
        std::mem::take(&mut self.contents().taken)
    }

    pub fn synced(&self) -> u64 {
        self.contents().synced
    }

    /// Which batch was the last one that was synced with something of what an execution is described by.
    pub fn touched(&self, execution_arn: &str) -> Option<u64> {
        let key = Sha256::digest(execution_arn);
        self.contents().touched.get(key.get(..KEY_BYTES)?).copied()
    }

    pub fn is_empty(&self, keyspace: &'static str) -> bool {
        self.contents().keyspaces.get(&Keyspace(keyspace)).is_none_or(Records::is_empty)
    }

    /// All that is synced: the records of each keyspace, in order.
    pub fn stored(&self) -> BTreeMap<Keyspace, BTreeMap<Vec<u8>, Vec<u8>>> {
        self.contents().keyspaces.clone()
    }

    /// The keys of what is synced, and the bytes of its values.
    pub fn keys(&self, keyspace: &'static str) -> Vec<(Vec<u8>, usize)> {
        let contents = self.contents();
        let records = contents.keyspaces.get(&Keyspace(keyspace));
        records.into_iter().flatten().map(|(key, value)| (key.clone(), value.len())).collect()
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn value(&self, keyspace: Keyspace, key: &[u8]) -> Option<&Vec<u8>> {
        self.keyspaces.get(&keyspace).and_then(|records| records.get(key))
    }

    fn apply(&mut self, batch: Batch) {
        self.synced += 1;
        for write in batch.writes {
            self.touch(&write);
            match write {
                Write::Put { keyspace, key, value } => {
                    self.keyspaces.entry(keyspace).or_default().insert(key, value);
                }
                Write::Delete { keyspace, key } => {
                    self.keyspaces.entry(keyspace).or_default().remove(&key);
                }
            }
        }
    }

    fn touch(&mut self, write: &Write) {
        let (Write::Put { keyspace, key, .. } | Write::Delete { keyspace, key }) = write;
        if let (true, Some(of)) = (TOLD_OF_EXECUTIONS.contains(&keyspace.0), key.get(..KEY_BYTES)) {
            self.touched.insert(of.to_vec(), self.synced);
        }
    }

    /// The value of a key after all that was committed, also what is pending.
    fn latest(&self, wanted: Keyspace, key: &[u8]) -> Option<&Vec<u8>> {
        let writes = self.pending.iter().rev().flat_map(|(batch, _)| batch.writes.iter().rev());
        for write in writes {
            match write {
                Write::Put { keyspace, key: written, value } if *keyspace == wanted && written == key => {
                    return Some(value);
                }
                Write::Delete { keyspace, key: written } if *keyspace == wanted && written == key => return None,
                _ => {}
            }
        }
        self.value(wanted, key)
    }

    fn take(&mut self, mut batch: Batch, told: Told) -> Result<(), (Error, Told)> {
        if let Err(error) = batch.check_limits() {
            return Err((error, told));
        }
        let conflicts = |(keyspace, key, expected): &(Keyspace, Vec<u8>, Option<Vec<u8>>)| {
            self.latest(*keyspace, key) != expected.as_ref()
        };
        if batch.expect.iter().any(conflicts) {
            return Err((Error::Conflict, told));
        }
        for write in &batch.writes {
            let (keyspace, key, value) = match write {
                Write::Put { keyspace, key, value } => (keyspace, key, value.as_slice()),
                Write::Delete { keyspace, key } => (keyspace, key, [].as_slice()),
            };
            [keyspace.0.as_bytes(), key, value].into_iter().for_each(|bytes| self.taken.extend_from_slice(bytes));
        }
        let mut writes = std::mem::take(&mut batch.writes);
        writes.retain(|write| !self.goes_wrong(write));
        batch.writes = writes;
        if self.strikes(Wrong::FsyncSkipped) {
            self.untold.push_back(told);
            self.pending.push_back((batch, oneshot::channel().0));
        } else {
            self.pending.push_back((batch, told));
        }
        Ok(())
    }

    fn strikes(&mut self, wrong: Wrong) -> bool {
        if self.wrong != Some(wrong) {
            return false;
        }
        self.chances += 1;
        self.chances.is_multiple_of(WRONG_EVERY)
    }

    fn goes_wrong(&mut self, write: &Write) -> bool {
        if self.wrong.is_none() {
            return false;
        }
        let wrong = match write {
            Write::Put { keyspace, key, .. } if self.latest(*keyspace, key).is_none() => Wrong::Lost(keyspace.0),
            Write::Put { keyspace, .. } => Wrong::Unchanged(keyspace.0),
            Write::Delete { keyspace, .. } => Wrong::Kept(keyspace.0),
        };
        self.strikes(wrong)
    }

    /// A read may fail, and a store that was closed reads nothing.
    fn readable(&mut self, opening: u64) -> Result<(), Error> {
        if self.is_closed(opening) {
            return Err(Error::Poisoned);
        }
        if self.failing_reads > 0 {
            self.failing_reads -= 1;
            return Err(failure("read"));
        }
        Ok(())
    }

    fn is_closed(&self, opening: u64) -> bool {
        self.opening != opening || self.is_poisoned
    }

    fn scan<T>(
        &self,
        keyspace: Keyspace,
        range: Range<'_>,
        limit: usize,
        of: impl Fn((&Vec<u8>, &Vec<u8>)) -> T,
    ) -> Vec<T> {
        let Some(records) = self.keyspaces.get(&keyspace).filter(|_| !range.is_empty()) else { return Vec::new() };
        let to = range.to.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let found = records.range::<[u8], _>((std::ops::Bound::Included(range.from), to));
        if range.reverse { found.rev().take(limit).map(of).collect() } else { found.take(limit).map(of).collect() }
    }
}

/// One opening of the store.
struct SimulatedStore {
    disk: Disk,
    opening: u64,
}

impl Store for SimulatedStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let mut contents = self.disk.contents();
        contents.readable(self.opening)?;
        Ok(contents.value(keyspace, key).cloned())
    }

    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, Error> {
        let mut contents = self.disk.contents();
        contents.readable(self.opening)?;
        Ok(contents.scan(keyspace, range, limit, |(key, value)| (key.clone(), value.clone())))
    }

    fn keys(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        let mut contents = self.disk.contents();
        contents.readable(self.opening)?;
        Ok(contents.scan(keyspace, range, limit, |(key, _)| key.clone()))
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), Error>> {
        let mut contents = self.disk.contents();
        if contents.is_closed(self.opening) {
            return Box::pin(std::future::ready(Err(Error::Poisoned)));
        }
        let (told, outcome) = oneshot::channel();
        if let Err((error, _)) = contents.take(batch, told) {
            return Box::pin(std::future::ready(Err(error)));
        }
        Box::pin(async move {
            match outcome.await {
                Ok(outcome) => outcome,
                // The process has died.
                Err(_) => std::future::pending().await,
            }
        })
    }
}

fn failure(action: &'static str) -> Error {
    Error::Backend { action, source: "an injected fault".into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn it_conforms() {
        let disk = Disk::default();
        let (stop, stopped) = mpsc::channel::<()>();
        let synced = disk.clone();
        let syncing = std::thread::spawn(move || {
            while matches!(stopped.try_recv(), Err(mpsc::TryRecvError::Empty)) {
                synced.sync(usize::MAX);
                synced.tell(usize::MAX);
                std::thread::yield_now();
            }
        });
        store::conformance::check(|| disk.open().unwrap());
        stop.send(()).unwrap();
        syncing.join().unwrap();
    }
}
