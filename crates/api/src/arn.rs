//! ARNs and names in requests: read, and refused where an operation does not take their kind.

use crate::ApiError;
use asl::{Arn, Resource};

/// A state machine, or a version or alias of one.
pub(crate) fn state_machine(text: &str) -> Result<Arn, ApiError> {
    of_kind(text, |resource| {
        matches!(resource, Resource::StateMachine { .. } | Resource::Version { .. } | Resource::Alias { .. })
    })
}

/// A state machine itself, which alone can be changed.
pub(crate) fn unqualified_state_machine(text: &str) -> Result<Arn, ApiError> {
    of_kind(text, |resource| matches!(resource, Resource::StateMachine { .. }))
}

/// A state machine or a version of it.
pub(crate) fn state_machine_or_version(text: &str) -> Result<Arn, ApiError> {
    of_kind(text, |resource| matches!(resource, Resource::StateMachine { .. } | Resource::Version { .. }))
}

pub(crate) fn version(text: &str) -> Result<Arn, ApiError> {
    of_kind(text, |resource| matches!(resource, Resource::Version { .. }))
}

pub(crate) fn alias(text: &str) -> Result<Arn, ApiError> {
    of_kind(text, |resource| matches!(resource, Resource::Alias { .. }))
}

/// A Standard execution.
pub(crate) fn execution(text: &str) -> Result<Arn, ApiError> {
    of_kind(text, |resource| matches!(resource, Resource::Execution { .. }))
}

/// An execution that can be described: Standard, or a child of a Map Run, whose ARN has the label of the Map state.
pub(crate) fn described_execution(text: &str, keeps_express_history: bool) -> Result<Arn, ApiError> {
    of_kind(text, |resource| match resource {
        Resource::Execution { .. } => true,
        Resource::ExpressExecution { state_machine, .. } => keeps_express_history || state_machine.contains('/'),
        _ => false,
    })
}

/// An execution whose history can be read. Of Express executions AWS keeps none.
pub(crate) fn execution_with_history(text: &str, keeps_express_history: bool) -> Result<Arn, ApiError> {
    of_kind(text, |resource| match resource {
        Resource::Execution { .. } => true,
        Resource::ExpressExecution { .. } => keeps_express_history,
        _ => false,
    })
}

/// A Map Run.
pub(crate) fn map_run(text: &str) -> Result<Arn, ApiError> {
    of_kind(text, |resource| matches!(resource, Resource::MapRun { .. }))
}

pub(crate) fn activity(text: &str) -> Result<Arn, ApiError> {
    of_kind(text, |resource| matches!(resource, Resource::Activity { .. }))
}

/// What tags can be asked of. Which of these have tags, the engine knows.
pub(crate) fn taggable(text: &str) -> Result<Arn, ApiError> {
    state_machine(text).or_else(|_| activity(text))
}

/// Any ARN: of a role.
pub(crate) fn any(text: &str) -> Result<Arn, ApiError> {
    Arn::parse(text).map_err(|error| ApiError::invalid_arn(&error.message))
}

/// Refuses what cannot name a state machine, an execution or an activity.
pub(crate) fn check_name(name: &str) -> Result<(), ApiError> {
    if asl::is_valid_name(name) { Ok(()) } else { Err(ApiError::invalid_name(name)) }
}

fn of_kind(text: &str, accepted: impl FnOnce(&Resource) -> bool) -> Result<Arn, ApiError> {
    let arn = any(text)?;
    if accepted(&arn.resource) {
        return Ok(arn);
    }
    let resource_type = match &arn.resource {
        Resource::MapRunStateMachine { .. } => {
            let message = format!("ARNs with the label of a Map state are not supported by this operation: '{arn}'");
            return Err(ApiError::validation_because("API_DOES_NOT_SUPPORT_LABELED_ARNS", message));
        }
        Resource::Version { .. } => "stateMachineVersion",
        Resource::Alias { .. } => "stateMachineAlias",
        _ => arn.resource_type(),
    };
    Err(ApiError::invalid_arn(&format!("Resource type not valid in this context: {resource_type}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(read: fn(&str) -> Result<Arn, ApiError>, text: &str, refused: Option<&str>) {
        let message = read(text).err().map(|error| error.message);
        assert_eq!(message, refused.map(|why| format!("Invalid Arn: '{why}'")), "{text}");
    }

    #[test]
    fn operations_take_their_kinds_of_arns_only() {
        let of = |resource: &str| format!("arn:aws:states:us-east-1:123456789012:{resource}");
        check(state_machine, &of("stateMachine:a"), None);
        check(state_machine, &of("stateMachine:a:1"), None);
        check(execution, &of("execution:a:b"), None);
        check(activity, &of("activity:a"), None);
        check(taggable, &of("activity:a"), None);
        check(taggable, &of("stateMachine:a"), None);
        check(any, "arn:aws:iam::123456789012:role/r", None);
        let express = of("express:a:b:c");
        check(execution, &express, Some("Resource type not valid in this context: express"));
        check(taggable, &express, Some("Resource type not valid in this context: express"));
        check(
            |text| described_execution(text, false),
            &express,
            Some("Resource type not valid in this context: express"),
        );
        check(|text| described_execution(text, true), &express, None);
        // Children of Map Runs are described although their history cannot be read.
        let child = of("express:a/label:b:c");
        check(|text| described_execution(text, false), &child, None);
        let with_history = |text: &str| execution_with_history(text, false);
        check(with_history, &child, Some("Resource type not valid in this context: express"));
        check(|text| execution_with_history(text, true), &child, None);
        check(with_history, &of("execution:a/label:b"), None);
        check(activity, &of("stateMachine:a"), Some("Resource type not valid in this context: stateMachine"));
        check(state_machine, "not_a_valid_arn", Some("Invalid ARN prefix: not_a_valid_arn"));
    }

    #[test]
    fn names_are_refused_in_the_words_of_aws() {
        assert_eq!(check_name("activity-name_123.v2"), Ok(()));
        for name in ["activity name", "activity$name", "activity/name", "activity\\name", "activity\u{1f}"] {
            let error = check_name(name).unwrap_err();
            assert_eq!((error.code, error.message), ("InvalidName", format!("Invalid Name: '{name}'")));
        }
    }
}
