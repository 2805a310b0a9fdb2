//! A store that fails when it is told to, for tests of what a caller does then.

use crate::{Batch, BoxFuture, Error, Keyspace, Range, Record, Store};
use std::{
    future::{pending, ready},
    sync::{Arc, Mutex, PoisonError},
};

/// How a commit fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The batch is lost, and the caller is told of a failure.
    Lost,
    /// The batch is applied, but the caller is told of a failure: the case that makes blind retries wrong.
    AppliedButReported,
    /// The batch is lost, and the caller is told nothing: what a crash in the middle of a commit looks like.
    Hung,
}

/// Passes everything on to another store until the commit at which it fails. From then on it is poisoned: every call
/// is refused. To open the store "again", give the caller the inner one, or wrap that once more.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    state: Mutex<State>,
}

enum State {
    /// The fault strikes after so many more commits.
    Healthy {
        commits_left: u64,
        fault: Fault,
    },
    Poisoned,
}

impl FaultyStore {
    /// Lets `commits` commits through; the next one ends with `fault`.
    pub fn new(inner: Arc<dyn Store>, commits: u64, fault: Fault) -> Self {
        Self { inner, state: Mutex::new(State::Healthy { commits_left: commits, fault }) }
    }

    /// Whether the fault has struck.
    pub fn is_poisoned(&self) -> bool {
        matches!(*self.state.lock().unwrap_or_else(PoisonError::into_inner), State::Poisoned)
    }

    fn check(&self) -> Result<(), Error> {
        if self.is_poisoned() { Err(Error::Poisoned) } else { Ok(()) }
    }
}

impl Store for FaultyStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.check()?;
        self.inner.get(keyspace, key)
    }

    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, Error> {
        self.check()?;
        self.inner.scan(keyspace, range, limit)
    }

    fn keys(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        self.check()?;
        self.inner.keys(keyspace, range, limit)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), Error>> {
        // The lock is held while the inner store takes the batch, so that the order of the calls stays theirs.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = match &mut *state {
            State::Poisoned => return Box::pin(ready(Err(Error::Poisoned))),
            State::Healthy { commits_left: 0, fault } => *fault,
            State::Healthy { commits_left, .. } => {
                *commits_left -= 1;
                return self.inner.commit(batch);
            }
        };
        *state = State::Poisoned;
        let failure = || Err(Error::Backend { action: "commit", source: "an injected fault".into() });
        match fault {
            Fault::Lost => Box::pin(ready(failure())),
            Fault::Hung => Box::pin(pending()),
            Fault::AppliedButReported => {
                let applied = self.inner.commit(batch);
                Box::pin(async move { applied.await.and_then(|()| failure()) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryStore, conformance::block_on};

    const KEYSPACE: Keyspace = Keyspace("faulty");

    fn put(key: &str) -> Batch {
        let mut batch = Batch::new();
        batch.put(KEYSPACE, key, "value");
        batch
    }

    fn check(fault: Fault, expected_keys: &[&str]) {
        let inner = MemoryStore::new();
        let store = FaultyStore::new(Arc::new(inner.clone()), 1, fault);
        assert!(block_on(store.commit(put("first"))).is_ok());
        assert!(!store.is_poisoned());

        let struck = store.commit(put("second"));
        if fault != Fault::Hung {
            assert!(matches!(block_on(struck), Err(Error::Backend { .. })), "{fault:?}");
        }
        assert!(store.is_poisoned());
        assert!(matches!(block_on(store.commit(put("third"))), Err(Error::Poisoned)));
        assert!(matches!(store.get(KEYSPACE, b"first"), Err(Error::Poisoned)));
        assert!(matches!(store.scan(KEYSPACE, Range::ALL, 9), Err(Error::Poisoned)));

        let found = inner.scan(KEYSPACE, Range::ALL, 9).unwrap();
        let keys: Vec<_> = found.iter().map(|(key, _)| std::str::from_utf8(key).unwrap()).collect();
        assert_eq!(keys, expected_keys, "{fault:?}");
    }

    #[test]
    fn each_fault_leaves_what_it_says() {
        check(Fault::Lost, &["first"]);
        check(Fault::AppliedButReported, &["first", "second"]);
        check(Fault::Hung, &["first"]);
    }

    #[test]
    fn without_a_fault_it_conforms() {
        let inner = Arc::new(MemoryStore::new());
        crate::conformance::check(|| Arc::new(FaultyStore::new(inner.clone(), u64::MAX, Fault::Lost)));
    }
}
