//! The engine over a store in memory, with a clock that moves when it is told to and tasks that the test answers.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod activities;
mod alone;
mod apart;
mod aside;
mod crashes;
mod deletions;
mod executions;
mod express;
mod express_children;
mod faults;
mod fsck;
mod heavy;
mod item_readers;
mod large;
mod map_run_bounds;
mod map_run_places;
mod map_run_redrives;
mod map_run_world;
mod map_runs;
mod nested;
mod readers;
mod redrive;
mod result_writers;
mod retention;
mod state_machines;
mod stores;
mod support;
mod tasks;
mod test_state;
mod timers;
mod versions;
mod versions_model;
mod watching;
