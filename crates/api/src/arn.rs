//! ARNs of requests: read, and refused where an operation does not take their kind.

use crate::{ApiError, Caller};
use asl::{Arn, Resource};
use json::Text;

/// A state machine, or a version or alias of one.
pub(crate) fn state_machine(text: &str) -> Result<Arn, ApiError> {
    of_kind(text, |resource| {
        matches!(resource, Resource::StateMachine { .. } | Resource::Version { .. } | Resource::Alias { .. })
    })
}

/// A Standard execution.
pub(crate) fn execution(text: &str) -> Result<Arn, ApiError> {
    of_kind(text, |resource| matches!(resource, Resource::Execution { .. }))
}

pub(crate) fn activity(text: &str) -> Result<Arn, ApiError> {
    of_kind(text, |resource| matches!(resource, Resource::Activity { .. }))
}

/// What tags can be asked of. Which of these have tags, the engine knows.
pub(crate) fn taggable(text: &str) -> Result<Arn, ApiError> {
    of_kind(text, |resource| {
        matches!(
            resource,
            Resource::StateMachine { .. }
                | Resource::Version { .. }
                | Resource::Alias { .. }
                | Resource::Activity { .. }
        )
    })
}

/// Any ARN: of a role.
pub(crate) fn any(text: &str) -> Result<Arn, ApiError> {
    Arn::parse(text).map_err(|error| ApiError::invalid_arn(&error.message))
}

/// The ARN of something new in the caller's account and Region.
pub(crate) fn new(caller: &Caller, resource: Resource) -> Arn {
    Arn {
        partition: caller.partition().into(),
        service: "states".into(),
        region: caller.region.clone(),
        account: caller.account.clone(),
        resource,
    }
}

fn of_kind(text: &str, accepted: impl FnOnce(&Resource) -> bool) -> Result<Arn, ApiError> {
    let arn = any(text)?;
    if accepted(&arn.resource) {
        return Ok(arn);
    }
    let kind = kind(&arn.resource);
    Err(ApiError::invalid_arn(&format!("Resource type not valid in this context: {kind}")))
}

fn kind(resource: &Resource) -> &str {
    match resource {
        Resource::StateMachine { .. }
        | Resource::Version { .. }
        | Resource::Alias { .. }
        | Resource::MapRunStateMachine { .. } => "stateMachine",
        Resource::Execution { .. } => "execution",
        Resource::ExpressExecution { .. } => "express",
        Resource::Activity { .. } => "activity",
        Resource::MapRun { .. } => "mapRun",
        Resource::Other(text) => text.split([':', '/']).next().unwrap_or_default(),
    }
}

/// Names of state machines, executions and activities. Their length is checked with the shape.
///
/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html>
pub(crate) fn check_name(name: &Text) -> Result<(), ApiError> {
    let forbidden = |letter: char| {
        letter.is_whitespace()
            || letter.is_control()
            || "<>{}[]?*\"#%\\^|~`$&,;:/".contains(letter)
            || matches!(letter, '\u{FFFE}' | '\u{FFFF}' | '\u{10FFFF}')
    };
    if name.chars().any(forbidden) { Err(ApiError::invalid_name(name)) } else { Ok(()) }
}
