//! The mock of a test, and the configuration that goes with it: what may be mocked, and by what.

use super::tested_state;
use crate::model::{MockInput, TestStateConfiguration, TestStateInput};
use crate::{Api, ApiError};
use asl::{Map, State, StateKind};
use engine::MockCheck;
use json::{Payload, Value};
use machine::{Failure, Mock};

/// Refuses what needs a mock, or another type of state.
pub(super) fn check_configuration(input: &TestStateInput, state: &State) -> Result<(), ApiError> {
    let none = TestStateConfiguration::default();
    let configuration = input.state_configuration.as_ref().unwrap_or(&none);
    let given = [
        ("Context", input.context.is_some()),
        ("RetrierRetryCount", configuration.retrier_retry_count.is_some()),
        ("ErrorCausedByState", configuration.error_caused_by_state.is_some()),
        ("MapIterationFailureCount", configuration.map_iteration_failure_count.is_some()),
        ("MapItemReaderData", configuration.map_item_reader_data.is_some()),
    ];
    let refused = |name: &str, why: &str| Err(ApiError::validation(format!("TestState does not support {name} {why}")));
    if let Some((name, _)) = given.iter().find(|(_, is_given)| *is_given && input.mock.is_none()) {
        return refused(name, "when a mock is not specified.");
    }
    if input.reveal_secrets == Some(true) && input.mock.is_some() {
        return refused("RevealSecrets", "when a mock is specified.");
    }
    let is_map = matches!(state.kind, StateKind::Map(_));
    if let Some((name, _)) = given.iter().skip(3).find(|(_, is_given)| *is_given && !is_map) {
        return refused(name, "for states other than Map.");
    }
    if configuration.map_item_reader_data.is_some() && !reads(state) {
        return refused("MapItemReaderData", "for a Map without an ItemReader.");
    }
    let Some(origin) = &configuration.error_caused_by_state else { return Ok(()) };
    if state.flows().is_empty() {
        return refused("ErrorCausedByState", "for states other than Map and Parallel.");
    }
    if !state.flows().iter().any(|flow| flow.find(origin).is_some()) {
        return Err(ApiError::validation(format!("State '{origin}' not found in the state under test")));
    }
    Ok(())
}

/// What stands for the work of the state; an error when it cannot do without one.
pub(super) fn read(api: &Api, input: &TestStateInput, state: &State) -> Result<Option<Mock>, ApiError> {
    let Some(mock) = &input.mock else { return without(state).map(|()| None) };
    if !matches!(state.kind, StateKind::Task(_) | StateKind::Map(_) | StateKind::Parallel(_)) {
        let message =
            format!("State type '{}' is not supported when a mock is specified", tested_state::type_of(state));
        return Err(ApiError::validation(message));
    }
    match (&mock.result, &mock.error_output) {
        (Some(result), None) => {
            let invalid = |_| ApiError::validation("Mocked result must be valid JSON");
            let result = Payload::parse(result).map_err(invalid)?;
            check_result(api, mock, state, result.value())?;
            Ok(Some(Mock::Result(result)))
        }
        (None, Some(failure)) => {
            let (error, cause) = (failure.error.clone(), failure.cause.clone());
            if error.is_none() {
                return Err(ApiError::validation("Mocked errorOutput must have an error"));
            }
            Ok(Some(Mock::Failure(Failure { error, cause })))
        }
        (Some(_), Some(_)) | (None, None) => Err(ApiError::validation(
            "A test mock should have only one of the following fields: [result, errorOutput].",
        )),
    }
}

fn without(state: &State) -> Result<(), ApiError> {
    let refused = |message: &str| Err(ApiError::new("InvalidDefinition", message));
    if matches!(state.kind, StateKind::Map(_) | StateKind::Parallel(_)) {
        return refused(
            "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, \
             Succeed, Fail, Choice]",
        );
    }
    if tested_state::waits(state) {
        return refused(
            "TestState API does not support Activity tasks and the '.sync' and '.waitForTaskToken' service integration \
             patterns when a mock is not specified.",
        );
    }
    Ok(())
}

fn check_result(api: &Api, mock: &MockInput, state: &State, result: &Value) -> Result<(), ApiError> {
    match &state.kind {
        StateKind::Parallel(parallel) => match result {
            Value::Array(results) if results.len() == parallel.branches.len() => Ok(()),
            Value::Array(_) => Err(ApiError::validation(
                "Mocked result must contain the same number of items as number of Parallel branches.",
            )),
            _ => Err(ApiError::validation("Mocked result must be an array.")),
        },
        StateKind::Map(map) => match (exports(map), result) {
            (true, Value::Object(_)) | (false, Value::Array(_)) => Ok(()),
            (true, _) => Err(ApiError::validation("Mocked result must be a JSON object.")),
            (false, _) => Err(ApiError::validation("Mocked result must be an array.")),
        },
        StateKind::Task(task) => {
            let check = match mock.field_validation_mode.as_deref() {
                Some("NONE") => return Ok(()),
                Some("PRESENT") => MockCheck::Present,
                _ => MockCheck::Strict,
            };
            api.engine()
                .check_mock(&task.resource, result, check)
                .map_err(|why| ApiError::validation(format!("Mock result schema validation error: {why}")))
        }
        StateKind::Pass(_) | StateKind::Choice(_) | StateKind::Wait(_) | StateKind::Succeed(_) | StateKind::Fail(_) => {
            Ok(())
        }
    }
}

fn reads(state: &State) -> bool {
    let StateKind::Map(map) = &state.kind else { return false };
    map.distributed.as_ref().is_some_and(|distributed| distributed.item_reader.is_some())
}

/// Whether the results are written somewhere else; the Map then says only where.
fn exports(map: &Map) -> bool {
    let writer = map.distributed.as_ref().and_then(|distributed| distributed.result_writer.as_ref());
    writer.is_some_and(|writer| writer.resource.is_some())
}
