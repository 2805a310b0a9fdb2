//! The store contract: bytes, three methods (`keys` is a cheaper `scan`, `commit_here` a `commit` by who can wait).
//!
//! A backend keeps ordered records in named keyspaces and commits batches of writes. It knows nothing of executions.
//! What correctness needs of it, and what [`conformance::check`] asks of every backend:
//!
//! 1. **A batch is whole.** All its writes are there or none, also after a crash, also across keyspaces.
//! 2. **Ready means durable.** When the future of a commit is ready with `Ok`, the batch survives `kill -9` and power
//!    loss.
//! 3. **Calls are ordered.** Batches take effect in the order in which `commit` and `commit_here` were called, whether or
//!    not their futures are polled; a batch that was lost in a crash takes every later one with it.
//! 4. **Reads see what is durable,** and everything that was acknowledged before the read began. They may not see
//!    batches that are still in flight: a caller that needs its own pending writes keeps them in memory.
//! 5. **Preconditions see everything before them,** the batches still in flight included.
//! 6. **A failed commit is unknown, and the last.** The batch may or may not be found when the store is opened again.
//!    The store closes itself at once: every further call is refused, and what it held (files, locks, connections) is
//!    free, so that it can be opened again while handles to it remain. It never tries to go on.

pub mod conformance;
mod faulty;
mod group;
mod memory;

pub use faulty::{Fault, FaultyStore};
pub use group::{Group, GroupWrites};
pub use memory::MemoryStore;

use std::{future::Future, pin::Pin};

/// The longest key, in bytes: as much as an index row of every backend can hold. No key is empty.
pub const KEY_BYTES_MAX: usize = 2_048;

/// The largest value, in bytes.
pub const VALUE_BYTES_MAX: usize = 64 << 20;

/// A future that is boxed, because the trait is used as an object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One record: key and value.
pub type Record = (Vec<u8>, Vec<u8>);

/// A named keyspace; each has its own order and its own write pattern. It exists from its first write on; before that
/// it reads as empty. Names are short and lower case; those that begin with a full stop belong to the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Keyspace(pub &'static str);

/// Everything that a backend provides. It knows bytes and nothing else; the module says what correctness needs.
pub trait Store: Send + Sync + 'static {
    /// The value of `key` as of the last durable commit.
    ///
    /// An error concerns this read only, except [`Error::Poisoned`].
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// Up to `limit` records of `range` as of the last durable commit: in key order, or from the end in reverse.
    /// One scan sees one moment: each batch whole or not at all.
    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, Error>;

    /// The keys of what [`Store::scan`] finds. A backend that can read them without the values does so: a key is small,
    /// and a value may be large.
    fn keys(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        Ok(self.scan(keyspace, range, limit)?.into_iter().map(|(key, _)| key).collect())
    }

    /// Applies the whole batch or nothing. The call itself takes the batch, in the order of the calls; the future is
    /// ready when the batch is durable, and dropping it withdraws nothing. The store holds what is in flight in
    /// memory, so the caller bounds how much that is.
    ///
    /// [`Error::Conflict`] and [`Error::Limit`] mean that nothing was written, and the store goes on.
    /// [`Error::Poisoned`] means that this batch was not written and that the store must be opened again.
    /// [`Error::Backend`] means that the outcome of this batch is unknown, and the same.
    /// Whoever wakes the future may be the one who polls it, at once and on that thread: a backend holds no lock when it does.
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), Error>>;

    /// The same, with the limits, order and errors of [`Store::commit`], for a thread that has nothing else to do until then. If
    /// no other batch is on its way, a backend may make this one durable on the thread of the caller, which so waits for the
    /// disk; then the future is ready at once.
    fn commit_here(&self, batch: Batch) -> BoxFuture<'static, Result<(), Error>> {
        self.commit(batch)
    }
}

/// A half-open range of keys and the direction in which it is read.
#[derive(Clone, Copy, Debug)]
pub struct Range<'a> {
    /// The first key of the range; empty: from the start of the keyspace.
    pub from: &'a [u8],
    /// The first key after the range; `None`: to the end of the keyspace. A range that ends before it begins is empty.
    pub to: Option<&'a [u8]>,
    /// From the last key to the first.
    pub reverse: bool,
}

impl<'a> Range<'a> {
    /// The whole keyspace.
    pub const ALL: Range<'static> = Range { from: &[], to: None, reverse: false };

    /// `from <= key < to`, in key order.
    pub const fn new(from: &'a [u8], to: Option<&'a [u8]>) -> Self {
        Range { from, to, reverse: false }
    }

    /// The same keys, read from the end.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Range { reverse: true, ..self }
    }

    /// Whether no key can be in it.
    pub fn is_empty(&self) -> bool {
        self.to.is_some_and(|to| to <= self.from)
    }
}

/// The first key after all keys that begin with `prefix`: the `to` of its [`Range`]. `None` if there is none, as the
/// prefix is empty or all `0xff`.
///
/// ```
/// assert_eq!(store::prefix_end(b"ab"), Some(b"ac".to_vec()));
/// assert_eq!(store::prefix_end(&[b'a', 0xff]), Some(b"b".to_vec()));
/// assert_eq!(store::prefix_end(&[0xff]), None);
/// ```
pub fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(byte) = end.pop() {
        if let Some(next) = byte.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

/// Writes that commit together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Preconditions: the value that each key must have before the batch (`None`: absent), else [`Error::Conflict`]
    /// and nothing is written.
    pub expect: Vec<(Keyspace, Vec<u8>, Option<Vec<u8>>)>,
    /// In order: of two writes to one key, the later one counts.
    pub writes: Vec<Write>,
}

impl Batch {
    /// A batch without anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requires that `key` has this value (`None`: is absent).
    pub fn expect(&mut self, keyspace: Keyspace, key: impl Into<Vec<u8>>, value: Option<Vec<u8>>) -> &mut Self {
        self.expect.push((keyspace, key.into(), value));
        self
    }

    /// Sets the value of `key`.
    pub fn put(&mut self, keyspace: Keyspace, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> &mut Self {
        self.writes.push(Write::Put { keyspace, key: key.into(), value: value.into() });
        self
    }

    /// Removes `key`, if it is there.
    pub fn delete(&mut self, keyspace: Keyspace, key: impl Into<Vec<u8>>) -> &mut Self {
        self.writes.push(Write::Delete { keyspace, key: key.into() });
        self
    }

    /// Whether it neither writes nor requires anything.
    pub fn is_empty(&self) -> bool {
        self.expect.is_empty() && self.writes.is_empty()
    }

    /// The bytes of its keys and values: what it costs to hold and to write.
    pub fn bytes(&self) -> usize {
        self.writes.iter().map(Write::bytes).sum()
    }

    /// Refuses keys and values that are outside the limits. Every backend calls it before anything else.
    pub fn check_limits(&self) -> Result<(), Error> {
        let expected = self.expect.iter().map(|(_, key, _)| (key.as_slice(), 0));
        let written = self.writes.iter().map(|write| match write {
            Write::Put { key, value, .. } => (key.as_slice(), value.len()),
            Write::Delete { key, .. } => (key.as_slice(), 0),
        });
        for (key, value_bytes) in expected.chain(written) {
            if key.is_empty() || key.len() > KEY_BYTES_MAX {
                return Err(Error::Limit { what: "key", bytes: key.len(), bytes_max: KEY_BYTES_MAX });
            }
            if value_bytes > VALUE_BYTES_MAX {
                return Err(Error::Limit { what: "value", bytes: value_bytes, bytes_max: VALUE_BYTES_MAX });
            }
        }
        Ok(())
    }
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Sets the value of a key.
    Put { keyspace: Keyspace, key: Vec<u8>, value: Vec<u8> },
    /// Removes a key, if it is there.
    Delete { keyspace: Keyspace, key: Vec<u8> },
}

impl Write {
    fn bytes(&self) -> usize {
        match self {
            Write::Put { key, value, .. } => key.len() + value.len(),
            Write::Delete { key, .. } => key.len(),
        }
    }
}

/// What went wrong in a store. [`Store::commit`] says what each means for the batch.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A precondition does not hold. Nothing was written; the store goes on.
    #[error("a precondition of the batch does not hold")]
    Conflict,
    /// A key or a value is outside the limits. Nothing was written; the store goes on.
    #[error("a {what} of {bytes} bytes is outside the limits of 1 to {bytes_max} bytes")]
    Limit { what: &'static str, bytes: usize, bytes_max: usize },
    /// An earlier commit failed. Nothing was written by this call; the store must be opened again.
    #[error("the store is closed after a failed commit; open it again")]
    Poisoned,
    /// What is on the disk is not what was written, and that cannot be mended: this range, or a part of it, cannot be
    /// read, now or later. The store goes on. No commit gives this.
    #[error("`{keyspace}` is damaged")]
    Damaged {
        keyspace: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The backend failed. For a commit: the outcome is unknown, and the store must be opened again.
    #[error("the store cannot {action}")]
    Backend {
        action: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
