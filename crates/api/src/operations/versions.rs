//! The version that CreateStateMachine and UpdateStateMachine publish on request.

use crate::ApiError;
use engine::Publish;
use json::Text;

pub(crate) fn to_publish(publish: Option<bool>, description: Option<Text>) -> Result<Option<Publish>, ApiError> {
    match (publish, description) {
        (Some(true), description) => Ok(Some(Publish { description })),
        (_, None) => Ok(None),
        (_, Some(_)) => Err(ApiError::validation("Version description can only be set when publish is true")),
    }
}
