//! What reads the items of a Map whose definition has an `ItemReader`. An integration provides it beside its
//! [`crate::Task`]s, and [`crate::Tasks::item_reader`] finds it by the `Resource`.
//!
//! A Map Run reads all its items before its first child begins, and stores them with what it was made with, up to
//! [`asl::Limits::map_run_items_bytes_max`]. Until then nothing of them is stored: after a restart they are read again
//! from the beginning. A Map Run that ends meanwhile drops the call.

use json::{Payload, Text, Value};
use machine::{Facts, Failure, ItemSource};
use std::sync::Arc;
use store::BoxFuture;

/// What is to be read.
#[derive(Clone)]
pub struct ItemReading {
    /// `ItemReader`, evaluated: `Parameters` or `Arguments`, `ReaderConfig` and its `ItemsPointer`. `MaxItems` is applied
    /// to what was read; a reader need not go further than it.
    pub source: ItemSource,
    /// Of the execution whose Map it is: in its account and Region, and as its role, the items are read.
    pub facts: Arc<Facts>,
    pub map_run_arn: Text,
}

/// Items that follow one another.
#[derive(Clone, Debug)]
pub struct ItemPage {
    pub items: Vec<Value>,
    /// Where the next page begins, in the words of the reader; `None`: this is the last one.
    pub next: Option<Payload>,
}

/// Reads items, a page at a time.
pub trait ItemReader: Send + Sync {
    /// What `$$.Map.Item.Source` is for the items, such as `S3://bucket/key`.
    fn source(&self, reading: &ItemReading) -> Text;
    /// Reads the page that begins at the cursor `after`, which is `next` of the page before; `None`: the first page. It is
    /// harmless to read a page again. A failure fails the Map Run; its error is `States.ItemReaderFailed` for all that is
    /// wrong with the source. Dropping the future gives up.
    fn read(&self, reading: ItemReading, after: Option<Payload>) -> BoxFuture<'static, Result<ItemPage, Failure>>;
}
