//! Versions of state machines, as far as CreateStateMachine and UpdateStateMachine ask for them.

use crate::ApiError;
use json::Text;

/// There are no versions yet.
pub(crate) fn refuse_publish(publish: Option<bool>, description: Option<&Text>) -> Result<(), ApiError> {
    if publish == Some(true) {
        return Err(ApiError::unsupported("`publish`"));
    }
    match description {
        Some(_) => Err(ApiError::validation("Version description can only be set when publish is true")),
        None => Ok(()),
    }
}
