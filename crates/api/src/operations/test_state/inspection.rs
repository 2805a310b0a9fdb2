//! `inspectionData`, and the way in which TestState writes JSON.

use crate::model::{InspectionData, InspectionErrorDetails};
use json::{Payload, Text, Value};
use machine::Inspection;

/// The values in between; those that the state did not come to are not there.
pub(super) fn data(input: &Payload, inspection: &Inspection) -> InspectionData {
    let shown = |value: &Option<Payload>| value.as_ref().map(text);
    let count = |count: Option<u64>| count.and_then(|count| i64::try_from(count).ok());
    InspectionData {
        input: Some(text(input)),
        after_arguments: shown(&inspection.after_arguments),
        after_input_path: shown(&inspection.after_input_path),
        after_parameters: shown(&inspection.after_parameters),
        result: shown(&inspection.result),
        after_result_selector: shown(&inspection.after_result_selector),
        after_result_path: shown(&inspection.after_result_path),
        request: None,
        response: None,
        variables: shown(&inspection.variables),
        error_details: error_details(inspection),
        after_items_path: shown(&inspection.after_items_path),
        after_item_selector: shown(&inspection.after_item_selector),
        after_item_batcher: shown(&inspection.after_item_batcher),
        after_items_pointer: shown(&inspection.after_items_pointer),
        tolerated_failure_count: count(inspection.tolerated_failure_count),
        tolerated_failure_percentage: inspection.tolerated_failure_percentage,
        max_concurrency: count(inspection.max_concurrency),
    }
}

/// `None` when neither a retrier nor a catcher took up the error.
fn error_details(inspection: &Inspection) -> Option<InspectionErrorDetails> {
    let place = |place: Option<usize>| place.and_then(|place| i64::try_from(place).ok());
    let (catch_index, retry_index) = (place(inspection.catch_index), place(inspection.retry_index));
    // To the nearest second.
    let seconds = inspection.retry_delay_ms.map(|delay_ms| delay_ms.saturating_add(500) / 1000);
    let details = InspectionErrorDetails { catch_index, retry_index, retry_backoff_interval_seconds: seconds };
    (details != InspectionErrorDetails::default()).then_some(details)
}

/// Recorded: TestState writes a space after each comma and colon.
pub(super) fn text(payload: &Payload) -> Text {
    let mut out = String::new();
    write(&mut out, payload.value());
    out.into()
}

/// As deep as the value; the parser and the payload limit bound that.
fn write(out: &mut String, value: &Value) {
    match value {
        Value::Array(elements) => {
            out.push('[');
            for (position, element) in elements.iter().enumerate() {
                out.push_str(if position > 0 { ", " } else { "" });
                write(out, element);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (position, (name, member)) in members.iter().enumerate() {
                out.push_str(if position > 0 { ", " } else { "" });
                out.push_str(&Value::String(name.clone()).to_string());
                out.push_str(": ");
                write(out, member);
            }
            out.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => out.push_str(&value.to_string()),
    }
}
