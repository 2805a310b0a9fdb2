//! `TestState`: runs one state on its own, with a mock or for real, and shows what it made of its data.

mod context_object;
mod inspection;
mod mock;
mod tested_state;

use crate::model::{TestStateConfiguration, TestStateInput, TestStateOutput};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller, arn};
use asl::State;
use engine::TestState as Test;
use json::{Object, Payload, Text, Value};
use machine::{TestSetup, TestStatus, Tested};
use tested_state::Found;

/// The input of a state that is tested without one.
const NO_INPUT: &str = "{}";

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_TestState.html>
pub(crate) struct TestState;

impl Operation for TestState {
    const NAME: &'static str = "TestState";
    type Input = TestStateInput;
    type Output = TestStateOutput;

    async fn call(api: &Api, caller: &Caller, input: TestStateInput) -> Result<TestStateOutput, ApiError> {
        if let Some(role_arn) = &input.role_arn {
            arn::any(role_arn)?;
        }
        let Found { definition, map } = tested_state::find(api, &input).await?;
        let state = tested_state::only(&definition)?;
        mock::check_configuration(&input, state)?;
        let input_text: Text = input.input.clone().unwrap_or_else(|| NO_INPUT.into());
        let mut setup = setup(api, &input, state)?;
        let failures = setup.map_iteration_failure_count;
        let state_input = parse_input(&input_text)?;
        if let (Some(map), None) = (map, &setup.context_object) {
            setup.context_object = Some(context_object::in_iteration(&map, state_input.value()));
        }
        let test = Test {
            scope: caller.scope(),
            role_arn: input.role_arn.clone().unwrap_or_default(),
            input: state_input.clone(),
            input_text,
            setup,
            definition,
        };
        let tested = api.engine().test_state(test).await?;
        if failures > tested.inspection.items && tested.inspection.items.is_some() {
            let message = "MapIterationFailureCount must not be larger than the number of items of the Map";
            return Err(ApiError::validation(message));
        }
        Ok(output(&input, &state_input, tested))
    }
}

fn setup(api: &Api, input: &TestStateInput, state: &State) -> Result<TestSetup, ApiError> {
    let count = |of: fn(&TestStateConfiguration) -> Option<i64>| {
        input.state_configuration.as_ref().and_then(of).and_then(|count| u64::try_from(count).ok())
    };
    Ok(TestSetup {
        mock: mock::read(api, input, state)?,
        context_object: context_object::read(input, state)?,
        variables: variables(input)?,
        retrier_retry_count: count(|configuration| configuration.retrier_retry_count),
        map_iteration_failure_count: count(|configuration| configuration.map_iteration_failure_count),
        map_item_reader_data: input
            .state_configuration
            .as_ref()
            .and_then(|configuration| configuration.map_item_reader_data.clone()),
    })
}

fn parse_input(text: &str) -> Result<Payload, ApiError> {
    let refused =
        |why: &str| ApiError::new("InvalidExecutionInput", format!("Invalid State Machine Execution Input: '{why}'"));
    Payload::parse(text).map_err(|error| refused(&error.message))
}

fn variables(input: &TestStateInput) -> Result<Option<Object>, ApiError> {
    let Some(text) = &input.variables else { return Ok(None) };
    let variables = Value::parse(text).ok().and_then(|variables| variables.as_object().cloned());
    let variables =
        variables.ok_or_else(|| ApiError::validation("Invalid variables provided: must be a JSON object"))?;
    Ok(Some(variables).filter(|variables| !variables.is_empty()))
}

fn output(input: &TestStateInput, state_input: &Payload, tested: Tested) -> TestStateOutput {
    let level = input.inspection_level.as_deref().unwrap_or("INFO");
    let inspection_data = (level != "INFO").then(|| inspection::data(state_input, &tested.inspection));
    let (error, cause) = tested.failure.map_or((None, None), |failure| (failure.error, failure.cause));
    TestStateOutput {
        output: tested.output.as_ref().map(inspection::text),
        error,
        cause,
        inspection_data,
        next_state: tested.next_state,
        status: Some(status_name(tested.status).into()),
    }
}

fn status_name(status: TestStatus) -> &'static str {
    match status {
        TestStatus::Succeeded => "SUCCEEDED",
        TestStatus::Failed => "FAILED",
        TestStatus::Retriable => "RETRIABLE",
        TestStatus::CaughtError => "CAUGHT_ERROR",
    }
}
