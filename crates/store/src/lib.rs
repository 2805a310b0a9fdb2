//! The store contract: bytes, three methods. What correctness needs is told at each.

mod memory;
pub mod conformance;

pub use memory::MemoryStore;
use std::{future::Future, pin::Pin};

/// A future that is boxed, because the trait is used as an object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One record: key and value.
pub type Record = (Vec<u8>, Vec<u8>);

/// A named keyspace; each has its own order and its own write pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Keyspace(pub &'static str);

/// Everything that a backend provides. It knows bytes and nothing else.
pub trait Store: Send + Sync + 'static {
    /// The value of `key` as of the last durable or pending commit of this process.
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;
    /// Up to `limit` records with `from <= key < to`, in key order, or from the end in reverse.
    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, Error>;
    /// Applies the whole batch or nothing. The batches take effect in the order of the calls;
    /// the future is ready when it is durable. After an error the outcome is unknown and every
    /// further commit is refused: the store must be opened again.
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), Error>>;
}

/// A half-open range of keys and the direction in which it is read.
#[derive(Clone, Copy, Debug)]
pub struct Range<'a> { pub from: &'a [u8], /// `None`: to the end of the keyspace.
    pub to: Option<&'a [u8]>, pub reverse: bool }

/// Writes that commit together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Preconditions: the value that each key must have (`None`: absent), else `Error::Conflict` and nothing is written.
    pub expect: Vec<(Keyspace, Vec<u8>, Option<Vec<u8>>)>,
    pub writes: Vec<Write>,
}
/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write { Put { keyspace: Keyspace, key: Vec<u8>, value: Vec<u8> }, Delete { keyspace: Keyspace, key: Vec<u8> } }

/// What went wrong in a store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("a precondition of the batch does not hold")]
    Conflict,
    #[error("the store is closed after a failed commit; open it again")]
    Poisoned,
    #[error("the store cannot {action}")]
    Backend { action: &'static str, #[source] source: Box<dyn std::error::Error + Send + Sync> },
}
