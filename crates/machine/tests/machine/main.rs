//! Tests of the execution state machine as its users see it: triggers in, history and effects out.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects, and fails by a panic"
)]

mod aborted;
mod choices;
mod driven;
mod forks;
mod hostile;
mod jsonata;
mod large_forks;
mod limits;
mod long_runs;
mod map_run_redrives;
mod map_runs;
mod outputs;
mod recorded;
mod redrive;
mod retry_and_catch;
mod steps;
mod test_state;
mod timers;
mod variables;
mod world;
