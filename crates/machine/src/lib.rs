//! The execution state machine: an [`Execution`] is a value, [`Execution::step`] is a pure function.
//!
//! `step` takes a [`Trigger`] (what happened) and gives a [`Step`] (what came of it): history to append,
//! parts of the execution to write, effects to carry out after the commit. Nothing here does IO,
//! reads a clock or draws a random number.
//!
//! An execution is a tree of frames. A frame stands in one state; a Parallel or Map state has a child frame for each
//! branch or iteration that runs. Read [`Execution::step`] first, then `states/mod.rs`, the only place that moves a
//! frame from state to state, then the file of the state that interests you.

mod effect;
mod execution;
mod history;
mod map_run;
mod trigger;

mod states;

mod awaited;
mod catch;
mod data;
mod failure;
mod frame;
mod item_reader;
mod parts;
mod redrive;
mod retry;
mod test_state;
mod turn;
mod variables;
mod visit;
mod weight;

pub use effect::{Effect, TaskRequest, TimerId};
pub use execution::{Execution, Facts, Outcome, Pending, Status, Step, StepError, TokenOf};
pub use failure::Failure;
pub use frame::{Begun, Fork, Frame, PendingMapRun, Phase, Progress, Request};
pub use history::{EventDetails, EventId, EventType, HistoryEvent};
pub use map_run::{
    Batches, Child, ChildEnd, ChildRemains, ChildStart, Counts, ItemRange, ItemSource, MapRun, MapRunBlock,
    MapRunOutcome, MapRunProgress, MapRunRequest, MapRunSettings, MapRunStatus, MapRunStep, MapRunTrigger,
    MapRunUpdate, ResultDestination, Results, Room, Unsuccessful, map_run_of_child,
};
pub use parts::{Part, PartId, Root};
pub use test_state::{Inspection, Mock, StateTest, TestSetup, TestStatus, Tested};
pub use trigger::Trigger;
pub use variables::Variables;
