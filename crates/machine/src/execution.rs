//! An execution and the function that steps it.
use crate::{Effect, EventId, Failure, HistoryEvent, Trigger};
use asl::{Limits, StateMachine, StateMachineType};
use json::{Payload, Text};
use query::Ambient;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is fixed when an execution starts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Facts {
    pub execution_arn: Text,
    pub name: Text,
    pub state_machine_arn: Text,
    pub state_machine_name: Text,
    pub state_machine_version_arn: Option<Text>,
    pub state_machine_alias_arn: Option<Text>,
    pub role_arn: Text,
    pub state_machine_type: StateMachineType,
    pub start_ms: i64,
    /// As the caller wrote it.
    pub input: Payload,
    pub input_text: Text,
    pub region: Text,
    pub account: Text,
}

/// How an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Status { Running, Succeeded, Failed, TimedOut, Aborted }

/// How it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome { Succeeded { output: Payload }, Failed(Failure), TimedOut(Failure), Aborted(Failure) }

/// Names one separately stored part of an execution. Part 0 is the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PartId(pub u64);

/// One separately stored part: the root, a frame, the items of a Map … A step rewrites only the parts that changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Part(());

/// An execution: where it stands, the data it holds, its variables, its retry counters, what it waits for.
#[derive(Clone, Debug)]
pub struct Execution { _facts: Arc<Facts> }

/// What came of a trigger.
#[derive(Debug, Default)]
#[must_use]
pub struct Step {
    /// New events, in order of their ids.
    pub history: Vec<HistoryEvent>,
    /// Parts to write (look them up with [`Execution::part`]) and parts to delete.
    pub changed: Vec<PartId>,
    pub removed: Vec<PartId>,
    pub effects: Vec<Effect>,
    /// Set in the step that ends the execution.
    pub outcome: Option<Outcome>,
}

/// Why a step could not be made. The execution is unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepError {
    /// An expression used up the budget of the ambient: try again elsewhere with a larger one.
    OverBudget,
    /// The stored parts do not fit together or do not fit the definition: set the execution aside.
    Corrupt(String),
}

/// Makes the text of a task token for the task whose scheduled event is `id`.
pub type TokenOf<'a> = &'a dyn Fn(EventId) -> Text;

impl Execution {
    /// A new execution; its first step takes `Trigger::Start`.
    pub fn new(_facts: Facts) -> Execution { todo!() }
    /// Loads what was stored.
    pub fn from_parts(_facts: Facts, _parts: impl IntoIterator<Item = (PartId, Part)>) -> Result<Execution, StepError> { todo!() }
    pub fn part(&self, _id: PartId) -> Option<&Part> { todo!() }
    pub fn facts(&self) -> &Arc<Facts> { todo!() }
    pub fn status(&self) -> Status { todo!() }
    /// The tasks that wait for an answer, as the effects that asked for them: what recovery carries out again,
    /// and with the `Sync`/callback calls whether they were submitted already.
    pub fn pending(&self) -> Vec<Pending> { todo!() }
    /// All timers that are set.
    pub fn timers(&self) -> Vec<(crate::TimerId, i64)> { todo!() }
    /// Whether `id` waits for an answer (task tokens are accepted only then).
    pub fn awaits(&self, _id: EventId) -> bool { todo!() }
    /// Steps the execution. On `Err` it is unchanged.
    pub fn step(&mut self, _definition: &StateMachine, _trigger: Trigger, _ambient: &Ambient, _limits: &Limits, _token_of: TokenOf<'_>) -> Result<Step, StepError> { todo!() }
}

/// A task that waits for its answer.
#[derive(Clone, Debug)]
pub struct Pending {
    /// `RunTask` or `OfferActivity`, as it was asked for.
    pub effect: Effect,
    /// A worker took it (activity), or the call was accepted (`TaskSubmitted` with this output).
    pub started: bool,
    pub submitted: Option<Payload>,
}
