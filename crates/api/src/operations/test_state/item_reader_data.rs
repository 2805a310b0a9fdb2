//! `mapItemReaderData`: what the `ItemReader` of a Map would find in its file.

use crate::ApiError;
use crate::model::TestStateInput;
use asl::{State, StateKind};
use json::Value;

/// The items, or the value in which `ItemsPointer` finds them.
pub(super) fn read(input: &TestStateInput, state: &State) -> Result<Option<Value>, ApiError> {
    let data = input.state_configuration.as_ref().and_then(|configuration| configuration.map_item_reader_data.as_ref());
    let (Some(data), StateKind::Map(map)) = (data, &state.kind) else { return Ok(None) };
    let Some(reader) = map.distributed.as_ref().and_then(|distributed| distributed.item_reader.as_ref()) else {
        return Err(ApiError::validation(
            "TestState does not support MapItemReaderData for a Map without an ItemReader.",
        ));
    };
    let parse = |text: &str| {
        Value::parse(text)
            .map_err(|error| ApiError::validation(format!("Invalid MapItemReaderData: {}", error.message)))
    };
    match reader.reader_config.get("InputType").and_then(Value::as_str) {
        // A list of objects has no type; it is given as the JSON that it would be.
        None | Some("JSON") => parse(data).map(Some),
        Some("JSONL") => {
            let lines = data.lines().filter(|line| !line.trim().is_empty());
            lines.map(parse).collect::<Result<Value, ApiError>>().map(Some)
        }
        Some(other) => Err(ApiError::validation(format!(
            "MapItemReaderData of the InputType `{other}` is not supported yet, give it as JSON or JSONL"
        ))),
    }
}
