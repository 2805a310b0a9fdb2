//! The execution state machine: an [`Execution`] is a value, [`Execution::step`] is a pure function.
//!
//! `step` takes a [`Trigger`] (what happened) and gives a [`Step`] (what came of it): history to append,
//! parts of the execution to write, effects to carry out after the commit. Nothing here does IO,
//! reads a clock or draws a random number.

mod effect;
mod execution;
mod failure;
mod history;
mod trigger;

pub use effect::{Effect, TaskRequest, TimerId};
pub use execution::{Execution, Facts, Outcome, Part, PartId, Pending, Status, Step, StepError, TokenOf};
pub use failure::Failure;
pub use history::{EventDetails, EventId, EventType, HistoryEvent};
pub use trigger::Trigger;
