//! The state under test: one on its own, or one of a whole definition.

use crate::model::TestStateInput;
use crate::{Api, ApiError, definition};
use asl::{IntegrationPattern, Map, State, StateKind, StateMachine, StateMachineType, TaskResource};

/// Recorded: what AWS calls the state, in the context object and where something is wrong with it.
const NAME: &str = "StateName";

/// What is tested.
pub(super) struct Found {
    /// A state machine that has only the state under test.
    pub(super) definition: StateMachine,
    /// The Map whose iterations the state belongs to.
    pub(super) map: Option<Map>,
}

pub(super) async fn find(api: &Api, input: &TestStateInput) -> Result<Found, ApiError> {
    let Some(name) = &input.state_name else {
        let (definition, limits) = (input.definition.clone(), api.limits().clone());
        let parsed = api.engine().apart(move || asl::parse_state(&definition, NAME, &limits)).await?;
        return Ok(Found { definition: definition::accept(parsed)?, map: None });
    };
    let whole = definition::parse(api, &input.definition, StateMachineType::Standard).await?;
    let (_, state) = whole.find(name).ok_or_else(|| ApiError::validation("State not found in definition"))?;
    Ok(Found { definition: StateMachine::of_state(state, NAME), map: whole.flow.map_around(name).cloned() })
}

/// The one state of it.
pub(super) fn only(definition: &StateMachine) -> Result<&State, ApiError> {
    let state = definition.find(NAME).map(|(_, state)| state);
    state.ok_or_else(|| ApiError::validation("State not found in definition"))
}

/// As definitions name it.
pub(super) fn type_of(state: &State) -> &'static str {
    match &state.kind {
        StateKind::Pass(_) => "Pass",
        StateKind::Task(_) => "Task",
        StateKind::Choice(_) => "Choice",
        StateKind::Wait(_) => "Wait",
        StateKind::Succeed(_) => "Succeed",
        StateKind::Fail(_) => "Fail",
        StateKind::Parallel(_) => "Parallel",
        StateKind::Map(_) => "Map",
    }
}

/// The state waits for more than the answer of its call: nothing in a test gives it.
pub(super) fn waits(state: &State) -> bool {
    match &state.kind {
        StateKind::Task(task) => match &task.resource {
            TaskResource::Activity { .. } => true,
            TaskResource::Service { pattern, .. } => *pattern != IntegrationPattern::RequestResponse,
            TaskResource::LambdaFunction { .. } => false,
        },
        StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed(_)
        | StateKind::Fail(_)
        | StateKind::Parallel(_)
        | StateKind::Map(_) => false,
    }
}
