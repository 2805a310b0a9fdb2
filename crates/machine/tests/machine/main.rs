//! Tests of the execution state machine as its users see it: triggers in, history and effects out.

mod choices;
mod forks;
mod limits;
mod long_runs;
mod recorded;
mod retry_and_catch;
mod steps;
mod timers;
mod world;
