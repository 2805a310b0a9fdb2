//! Definitions in requests: parsed, and refused with AWS's text when a diagnostic is an error.

use crate::{Api, ApiError};
use asl::{Parsed, StateMachine, StateMachineType};
use json::Text;
use std::sync::Arc;

/// Parses a definition that is to be stored.
pub(crate) async fn parse(
    api: &Api,
    definition: &Text,
    state_machine_type: StateMachineType,
) -> Result<Arc<StateMachine>, ApiError> {
    accept(read(api, definition, state_machine_type).await?).map(Arc::new)
}

/// Reads a definition, whatever is wrong with it. A large one takes so long that no connection should wait for it.
pub(crate) async fn read(
    api: &Api,
    definition: &Text,
    state_machine_type: StateMachineType,
) -> Result<Parsed, ApiError> {
    let (definition, limits, services) = (Arc::clone(definition), api.limits().clone(), api.engine().services());
    let parse = move || asl::parse_with_services(&definition, state_machine_type, &limits, services);
    Ok(api.engine().apart(parse).await?)
}

/// What was parsed, if no diagnostic is an error.
pub(crate) fn accept(parsed: Parsed) -> Result<StateMachine, ApiError> {
    match (parsed.state_machine, asl::invalid_definition_message(&parsed.diagnostics)) {
        (Some(state_machine), None) => Ok(state_machine),
        (_, message) => Err(ApiError::new("InvalidDefinition", message.unwrap_or_default())),
    }
}

/// The type that a request names; the shape check has refused others.
pub(crate) fn state_machine_type(name: Option<&str>) -> StateMachineType {
    match name {
        Some("EXPRESS") => StateMachineType::Express,
        _ => StateMachineType::Standard,
    }
}

pub(crate) fn type_name(state_machine_type: StateMachineType) -> &'static str {
    match state_machine_type {
        StateMachineType::Standard => "STANDARD",
        StateMachineType::Express => "EXPRESS",
    }
}
