//! The records of a store, until it is closed.

use std::sync::{PoisonError, RwLock};

/// What those share who read and who write; empty after the store was closed.
pub struct Slot<R>(RwLock<Option<R>>);

impl<R> Slot<R> {
    /// The records of a store that is open.
    pub fn new(records: R) -> Slot<R> {
        Slot(RwLock::new(Some(records)))
    }

    /// Reads, beside others who do; `None` when the store is closed.
    pub fn read<T>(&self, read: impl FnOnce(&R) -> T) -> Option<T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(read)
    }

    /// Changes what all read, alone; `None` when the store is closed.
    pub fn change<T>(&self, change: impl FnOnce(&mut R) -> T) -> Option<T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner).as_mut().map(change)
    }

    /// Frees the files and the lock of the folder, as soon as no reader is in them.
    pub fn close(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
