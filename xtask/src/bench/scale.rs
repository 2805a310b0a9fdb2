//! How much of everything a run takes.

use std::time::Duration;

/// How long, and how many.
#[derive(Clone, Copy)]
pub struct Scale {
    /// How long a workload with a rate runs.
    pub time: Duration,
    /// W5: executions that wait.
    pub waiting: usize,
    /// W6: executions that are open when the server is killed.
    pub open: usize,
    /// W8: items of the Map Runs.
    pub items: usize,
    /// Start: executions that have ended.
    pub finished: usize,
    /// Curves: executions that are stored, or that wait, at the last point.
    pub beside: usize,
    /// Curves: events of the longest history.
    pub events: usize,
}

/// For CI: tens of seconds for everything. It shows that each workload runs, and its figures mean little.
pub const SMOKE: Scale = Scale {
    time: Duration::from_millis(500),
    waiting: 2_000,
    open: 2_000,
    items: 10_000,
    finished: 2_000,
    beside: 4_000,
    events: 2_000,
};

/// A few minutes.
pub const USUAL: Scale = Scale {
    time: Duration::from_secs(5),
    waiting: 50_000,
    open: 100_000,
    items: 100_000,
    finished: 100_000,
    beside: 200_000,
    events: 24_000,
};

/// What the goals speak of: a million.
pub const FULL: Scale = Scale { waiting: 1_000_000, items: 1_000_000, finished: 1_000_000, beside: 1_000_000, ..USUAL };
