//! The time that each part of a pass has, so that none of them starves the others.

use super::Shard;

/// Not counting the last piece: hostile pieces use up the whole quick budget each. What comes in waits for the whole pass; with
/// half of the time a long execution would commit more often, and take 8 ms for what takes 6 (`cargo xtask bench W4`, 1,000
/// items).
const SLICE_NANOSECONDS: u64 = 5_000_000;

/// Meanwhile nothing is heard and nothing committed, so that no part may last as long as it likes.
const LONGEST_NANOSECONDS: u64 = 1_000_000_000;

/// The time of a part of a pass.
pub(super) struct Slice {
    started_ns: u64,
    nanoseconds: u64,
    stopwatch: query::Stopwatch,
}

impl Slice {
    pub(super) fn is_over(&self) -> bool {
        (self.stopwatch)().saturating_sub(self.started_ns) > self.nanoseconds
    }
}

impl Shard {
    /// The time that a part of a pass has from now on.
    pub(super) fn slice(&self) -> Slice {
        self.slice_of(SLICE_NANOSECONDS)
    }

    /// The time of a part that has more than others, if so many nanoseconds are more, and a second at most.
    pub(super) fn slice_of(&self, nanoseconds: u64) -> Slice {
        let stopwatch = self.environment.stopwatch;
        Slice {
            started_ns: stopwatch(),
            nanoseconds: nanoseconds.clamp(SLICE_NANOSECONDS, LONGEST_NANOSECONDS),
            stopwatch,
        }
    }
}
