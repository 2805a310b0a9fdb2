//! A large execution that was read for what is to be done for it stays in memory, however little room there is; else it would
//! be read again for each piece of work. How long is up to [`crate::shard::large`].

use super::LiveExecutions;
use crate::tables::ExecutionKey;

impl LiveExecutions {
    /// The execution is not put out from now on.
    pub(crate) fn let_stay(&mut self, key: ExecutionKey) {
        self.guest = Some(key);
    }

    /// The one that stayed counts as others do, and may be put out.
    pub(crate) fn end_stay(&mut self) {
        self.guest = None;
    }

    pub(crate) fn is_guest(&self, key: ExecutionKey) -> bool {
        self.guest == Some(key)
    }
}
