//! How the engine runs.

use crate::{ExecutionRecord, Logged, Receive};
use std::{sync::Arc, time::Duration};

/// How the engine runs. Every figure has a default.
#[derive(Clone, Debug)]
pub struct Options {
    pub limits: asl::Limits,
    /// Shards, each a thread of its own. 0 is one per core.
    pub shards: usize,
    /// Tasks that run at once; more of them wait in line.
    pub tasks_at_once_max: usize,
    /// Budget of the expressions of one step on the shard's own thread, and on the slow lane that the step is moved to when
    /// that is not enough. On the slow lane an expression that needs more fails its state.
    pub quick_budget: query::Budget,
    pub slow_budget: query::Budget,
    /// Executions kept in memory; those that wait are put out of it first and loaded again when something happens.
    pub executions_in_memory_max: usize,
    /// Bytes of memory, as an estimate, that the Standard executions take that are kept in it. Each shard has its share, and
    /// keeps the execution that it used last, however large that is.
    pub executions_in_memory_bytes_max: usize,
    /// An execution whose parts come to more bytes than that is read beside its shard's loop, so that others need not wait.
    pub read_in_loop_bytes_max: usize,
    /// Bytes of memory, as an estimate, that the parsed definitions take that are kept in it, those that were used last. An
    /// execution in memory keeps its definition beside that.
    pub definitions_bytes_max: usize,
    /// Long reads of the store and readings of definitions that are made at once, each on a thread of its own: few, as they
    /// share the cores with the shards.
    pub apart_at_once_max: usize,
    /// Requests that wait for a shard; further callers wait before they are heard.
    pub requests_waiting_max: usize,
    /// Commits of one shard that are on their way to the disk at once.
    pub commits_in_flight_max: usize,
    /// A batch that has grown to this size is committed before the shard steps on.
    pub batch_bytes_max: usize,
    /// Bytes of Express executions that are kept in memory to be described and to show their history, the oldest of them
    /// forgotten first. 0, as in AWS: none are.
    pub express_history_bytes_max: usize,
    /// Whether the engine removes by itself, from time to time, what has expired; else only when it is told to.
    pub removes_by_itself: bool,
    /// Takes the history events of state machines that have a `loggingConfiguration`.
    pub log: Option<Arc<dyn Receive<Logged>>>,
    /// Takes each change of the status of a Standard execution, as the record then was.
    pub status_changes: Option<Arc<dyn Receive<ExecutionRecord>>>,
    /// `Some`: the engine is simulated, and does the same again when it is given the same. Shards and the slow lane are
    /// tasks of the runtime, which must have one thread; randomness is drawn from this seed; nobody looks at a stopwatch.
    pub simulated: Option<u64>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            limits: asl::Limits::default(),
            shards: 0,
            tasks_at_once_max: 1_024,
            quick_budget: query::Budget {
                time: Duration::from_millis(5),
                memory_bytes: query::Budget::MEMORY_BYTES,
                depth: 512,
                last: false,
            },
            // With the attempt on the shard before, and what it takes to notice the end, less than a second.
            slow_budget: query::Budget {
                time: Duration::from_millis(900),
                memory_bytes: query::Budget::MEMORY_BYTES,
                depth: 512,
                last: true,
            },
            executions_in_memory_max: 8_192,
            executions_in_memory_bytes_max: 256 << 20,
            read_in_loop_bytes_max: 512 << 10,
            definitions_bytes_max: 128 << 20,
            apart_at_once_max: 8,
            requests_waiting_max: 4_096,
            commits_in_flight_max: 3,
            batch_bytes_max: 1 << 20,
            express_history_bytes_max: 0,
            removes_by_itself: true,
            log: None,
            status_changes: None,
            simulated: None,
        }
    }
}

/// Shards that can be used: an execution's first byte names its shard.
pub const SHARDS_MAX: usize = 256;

impl Options {
    /// Shards as they are made.
    pub(crate) fn shard_count(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        if self.shards == 0 { cores() } else { self.shards }.clamp(1, SHARDS_MAX)
    }

    /// A shard's share of a figure that is for the whole engine.
    pub(crate) fn per_shard(&self, figure: usize) -> usize {
        figure.div_ceil(self.shard_count()).max(1)
    }
}
