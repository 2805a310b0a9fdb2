//! The workloads: what runs, what one unit of it is, and what is to be reached.

mod curves;
mod express;
mod language;
mod map_runs;
mod maps;
mod opening;
pub mod passes;
mod recovery;
mod tasks;
mod waiting;

use super::figures::Figures;
use super::scale::Scale;
use crate::Result;
use std::path::PathBuf;
use std::pin::Pin;

pub use tasks::serve_function;

/// What a workload is run with.
pub struct Run {
    /// The release binary.
    pub binary: PathBuf,
    pub scale: Scale,
}

type Outcome<'a> = Pin<Box<dyn Future<Output = Result<Vec<Figures>>> + 'a>>;

/// One workload.
pub struct Workload {
    pub name: &'static str,
    pub about: &'static str,
    /// On a machine of two cores.
    pub goal: &'static str,
    pub run: for<'a> fn(&'a Run) -> Outcome<'a>,
}

pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "W1",
        about: "10 Pass states, 64 clients, from StartExecution to SUCCEEDED",
        goal: "≥ 10,000/s, p99 < 30 ms",
        run: |run| Box::pin(passes::many(run)),
    },
    Workload {
        name: "W1t",
        about: "10 Task states, each an activity task that the driver answers (64 workers), 64 clients",
        goal: "≥ 1,500/s",
        run: |run| Box::pin(tasks::many_activities(run)),
    },
    Workload {
        name: "W1f",
        about: "the same with a local function, in 16 processes",
        goal: "≥ 1,500/s",
        run: |run| Box::pin(tasks::many_functions(run)),
    },
    Workload {
        name: "W2",
        about: "10 Pass states, one client",
        goal: "p50 < 1 ms",
        run: |run| Box::pin(passes::one(run)),
    },
    Workload {
        name: "W2t",
        about: "10 Task states, activity tasks, one client; two workers, of which one can ask while the other answers, and one",
        goal: "p50 < 6 ms",
        run: |run| Box::pin(tasks::one_activities(run)),
    },
    Workload {
        name: "W2f",
        about: "the same with a local function",
        goal: "p50 < 6 ms",
        run: |run| Box::pin(tasks::one_functions(run)),
    },
    Workload {
        name: "W3",
        about: "StartExecution answered, 64 clients, one Succeed state",
        goal: "≥ 15,000/s",
        run: |run| Box::pin(passes::starts(run)),
    },
    Workload {
        name: "W4",
        about: "inline Map of 1,000 and of 10,000 Pass items (its history is longer than AWS allows)",
        goal: "p50 < 50 ms, < 500 ms",
        run: |run| Box::pin(maps::inline(run)),
    },
    Workload {
        name: "W5",
        about: "executions that wait: memory of all of them, and lateness of 2,000 timers per second",
        goal: "1 million in < 2 GB, none early, none stuck, p99 < 100 ms late",
        run: |run| Box::pin(waiting::wait(run)),
    },
    Workload {
        name: "W6",
        about: "kill -9 with 100,000 open executions, all of them due at the restart",
        goal: "answers < 1 s, all have moved < 10 s",
        run: |run| Box::pin(recovery::killed(run)),
    },
    Workload {
        name: "W7",
        about: "StartSyncExecution of an Express state machine of 5 Pass states, 64 clients and one",
        goal: "≥ 20,000/s; p50 < 1 ms",
        run: |run| Box::pin(express::synchronous(run)),
    },
    Workload {
        name: "language",
        about: "the same of definitions with Choice, Map, Parallel, Catch, paths and functions, in both query languages",
        goal: "none",
        run: |run| Box::pin(language::synchronous(run)),
    },
    Workload {
        name: "W8",
        about: "distributed Map, Express children of 2 Pass states, one item each and batches of 100",
        goal: "1 million items, ≥ 20,000 children/s, < 500 MB",
        run: |run| Box::pin(map_runs::distributed(run)),
    },
    Workload {
        name: "start",
        about: "from the start of the binary to its first answer: empty, and with 1 million executions that have ended",
        goal: "< 100 ms, < 1 s",
        run: |run| Box::pin(opening::first_answer(run)),
    },
    Workload {
        name: "stored",
        about: "curve: W1 with more and more executions that are stored",
        goal: "flat",
        run: |run| Box::pin(curves::stored(run)),
    },
    Workload {
        name: "waiting",
        about: "curve: W1 with more and more executions that wait",
        goal: "flat",
        run: |run| Box::pin(curves::waiting(run)),
    },
    Workload {
        name: "history",
        about: "curve: an activity task in a loop, by the length of the history before it",
        goal: "flat",
        run: |run| Box::pin(curves::history(run)),
    },
];
