//! A large execution that was read for what is to be done for it stays in memory until that is done, however little room there
//! is; else it would be read again for each piece of work. It does not stay for ever: others wait to be read.

use super::{Live, LiveExecutions};
use crate::tables::ExecutionKey;

pub(super) struct Guest {
    key: ExecutionKey,
    until_ns: u64,
}

impl LiveExecutions {
    /// The execution may stay so long, by the stopwatch.
    pub(crate) fn let_stay(&mut self, key: ExecutionKey, until_ns: u64) {
        self.guest = Some(Guest { key, until_ns });
    }

    /// The execution that stays, if its time is not over.
    pub(crate) fn guest(&self, now_ns: u64) -> Option<ExecutionKey> {
        self.guest.as_ref().filter(|guest| now_ns < guest.until_ns).map(|guest| guest.key)
    }

    pub(crate) fn has_guest(&self) -> bool {
        self.guest.is_some()
    }

    /// It counts as others do, and may be put out.
    pub(crate) fn end_stay(&mut self) {
        self.guest = None;
    }

    /// Whether its next step is in line or made, or waits for the commit of the last.
    pub(crate) fn is_going_on(&self, key: ExecutionKey) -> bool {
        self.get(key).is_some_and(Live::is_going_on)
    }

    pub(super) fn guest_key(&self) -> Option<ExecutionKey> {
        self.guest.as_ref().map(|guest| guest.key)
    }

    pub(super) fn is_guest(&self, key: ExecutionKey) -> bool {
        self.guest_key() == Some(key)
    }
}
