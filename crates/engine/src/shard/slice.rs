//! The time that each part of a pass has, so that none of them starves the others.

use super::Shard;

/// Not counting the last piece: hostile pieces use up the whole quick budget each. What comes in waits for the whole pass; with
/// half of the time a long execution would commit more often, and take 8 ms for what takes 6 (`cargo xtask bench W4`, 1,000
/// items).
const SLICE_NANOSECONDS: u64 = 5_000_000;

/// The time of a part of a pass.
pub(super) struct Slice {
    started_ns: u64,
    stopwatch: query::Stopwatch,
}

impl Slice {
    pub(super) fn is_over(&self) -> bool {
        (self.stopwatch)().saturating_sub(self.started_ns) > SLICE_NANOSECONDS
    }
}

impl Shard {
    /// The time that a part of a pass has from now on.
    pub(super) fn slice(&self) -> Slice {
        let stopwatch = self.environment.stopwatch;
        Slice { started_ns: stopwatch(), stopwatch }
    }
}
