//! Definitions in requests: parsed, and refused with AWS's text when a diagnostic is an error.

use crate::ApiError;
use asl::{Diagnostic, Severity, StateMachine, StateMachineType};
use std::sync::Arc;

/// Parses a definition that is to be stored.
pub(crate) fn parse(definition: &str, state_machine_type: StateMachineType) -> Result<Arc<StateMachine>, ApiError> {
    let parsed = asl::parse(definition, state_machine_type);
    let errors: Vec<String> = (parsed.diagnostics.iter())
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .map(in_a_sentence)
        .collect();
    match parsed.state_machine {
        Some(state_machine) if errors.is_empty() => Ok(Arc::new(state_machine)),
        _ => {
            let errors = errors.join(", ");
            Err(ApiError::new("InvalidDefinition", format!("Invalid State Machine Definition: '{errors}'")))
        }
    }
}

fn in_a_sentence(diagnostic: &Diagnostic) -> String {
    let (code, message) = (diagnostic.code.as_str(), &diagnostic.message);
    match &diagnostic.location {
        Some(location) => format!("{code}: {message} at {location}"),
        None => format!("{code}: {message}"),
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
