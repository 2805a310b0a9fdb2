//! A store in memory: the model of the contract, and what tests and `stepwell run` use.

use crate::{Batch, BoxFuture, Error, Keyspace, Range, Record, Store, Write};
use std::{
    collections::BTreeMap,
    fmt,
    future::ready,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

type Keyspaces = BTreeMap<Keyspace, BTreeMap<Vec<u8>, Vec<u8>>>;

/// Keeps its records in memory; each commit is "durable" before the call returns. Clones share the records: a clone is
/// to this store what opening its folder again is to one on disk.
#[derive(Clone, Default)]
pub struct MemoryStore {
    keyspaces: Arc<Mutex<Keyspaces>>,
}

/// All records, also while somebody else reads some: two stores with the same records look the same.
impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("keyspaces", &*self.lock()).finish()
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Keyspaces> {
        // A panic cannot leave a batch half applied: nothing below can fail once the first write is applied.
        self.keyspaces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, batch: Batch) -> Result<(), Error> {
        batch.check_limits()?;
        let mut keyspaces = self.lock();
        for (keyspace, key, expected) in &batch.expect {
            if keyspaces.get(keyspace).and_then(|records| records.get(key)) != expected.as_ref() {
                return Err(Error::Conflict);
            }
        }
        for write in batch.writes {
            match write {
                Write::Put { keyspace, key, value } => {
                    keyspaces.entry(keyspace).or_default().insert(key, value);
                }
                Write::Delete { keyspace, key } => {
                    keyspaces.entry(keyspace).or_default().remove(&key);
                }
            }
        }
        Ok(())
    }
}

impl Store for MemoryStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.lock().get(&keyspace).and_then(|records| records.get(key)).cloned())
    }

    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, Error> {
        let keyspaces = self.lock();
        let Some(records) = keyspaces.get(&keyspace).filter(|_| !range.is_empty()) else {
            return Ok(Vec::new());
        };
        let to = range.to.map_or(Bound::Unbounded, Bound::Excluded);
        let found = records.range::<[u8], _>((Bound::Included(range.from), to));
        let owned = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
        Ok(if range.reverse {
            found.rev().take(limit).map(owned).collect()
        } else {
            found.take(limit).map(owned).collect()
        })
    }

    fn keys(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        let keyspaces = self.lock();
        let Some(records) = keyspaces.get(&keyspace).filter(|_| !range.is_empty()) else {
            return Ok(Vec::new());
        };
        let to = range.to.map_or(Bound::Unbounded, Bound::Excluded);
        let found = records.range::<[u8], _>((Bound::Included(range.from), to)).map(|(key, _)| key.clone());
        Ok(if range.reverse { found.rev().take(limit).collect() } else { found.take(limit).collect() })
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(ready(self.apply(batch)))
    }
}

#[cfg(test)]
mod tests {
    use super::MemoryStore;
    use std::sync::Arc;

    #[test]
    fn it_conforms() {
        let store = MemoryStore::new();
        crate::conformance::check(|| Arc::new(store.clone()));
    }
}
