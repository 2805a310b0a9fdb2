//! What every backend must pass: one call of [`check`] is its test.
//!
//! The suite is test code in a library, so that each backend can run it: a failed assertion is its only result.
#![expect(clippy::unwrap_used, reason = "an error that the suite does not expect is a failed test")]

mod random;
mod reading;
mod writing;

use crate::{Batch, Error, Keyspace, Range, Record, Store};
use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::Thread,
};

/// Runs the whole suite. `open` opens the same store each time, at first an empty one; the suite drops every handle
/// before it calls `open` again, and expects to find what was committed.
///
/// # Panics
/// When the backend does not keep the contract.
pub fn check(open: impl Fn() -> Arc<dyn Store>) {
    for area in reading::AREAS.iter().chain(writing::AREAS) {
        area(&open);
    }
    for seed in 1..=random::SEEDS {
        random::check(&open, seed);
    }
}

/// Opens the store that the suite runs on.
type Open<'a> = &'a dyn Fn() -> Arc<dyn Store>;

/// Waits for a future on this thread, without a runtime.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

fn commit(store: &dyn Store, batch: Batch) -> Result<(), Error> {
    block_on(store.commit(batch))
}

/// Commits one record for each key; the value of a key is the key itself.
fn fill(store: &dyn Store, keyspace: Keyspace, keys: &[&str]) {
    let mut batch = Batch::new();
    for key in keys {
        batch.put(keyspace, *key, *key);
    }
    commit(store, batch).unwrap();
}

/// The keys of a scan as text.
fn keys(store: &dyn Store, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Vec<String> {
    let found = store.scan(keyspace, range, limit).unwrap();
    let keys = store.keys(keyspace, range, limit).unwrap();
    assert!(found.iter().map(|(key, _)| key).eq(&keys), "{keyspace:?} {range:?} limit {limit}: {keys:?}");
    found.into_iter().map(|(key, _)| String::from_utf8(key).unwrap()).collect()
}

fn all(store: &dyn Store, keyspace: Keyspace) -> Vec<Record> {
    store.scan(keyspace, Range::ALL, usize::MAX).unwrap()
}
