//! What StartExecution and StartSyncExecution take alike.

use crate::model::StartExecutionInput;
use crate::{ApiError, Caller, arn};
use engine::StartExecution;
use json::{Payload, Text};

/// The input of an execution that is started without one.
const NO_INPUT: &str = "{}";

/// What the engine is to start.
pub(crate) fn start(caller: &Caller, input: StartExecutionInput) -> Result<StartExecution, ApiError> {
    let state_machine = arn::state_machine(&input.state_machine_arn)?;
    if let Some(name) = &input.name {
        arn::check_name(name)?;
    }
    let text: Text = input.input.unwrap_or_else(|| NO_INPUT.into());
    Ok(StartExecution {
        state_machine,
        name: input.name,
        input: parse(&text)?,
        input_text: text,
        // The header of the request goes before the member of the input.
        trace_header: caller.trace_header.clone().or(input.trace_header),
        origin: caller.origin,
    })
}

fn parse(text: &str) -> Result<Payload, ApiError> {
    let refused =
        |why: &str| ApiError::new("InvalidExecutionInput", format!("Invalid State Machine Execution Input: '{why}'"));
    if text.is_empty() {
        return Err(refused("Invalid execution input."));
    }
    Payload::parse(text).map_err(|error| refused(&error.message))
}
