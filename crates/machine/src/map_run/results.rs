//! What the Map state gets at the end: the outputs of the children, in the order of their items.

use super::{ChildEnd, ItemRange, MapRunRequest, ResultDestination};
use crate::Outcome;
use jiff::Timestamp;
use json::{Object, Payload, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What several steps append: it is never rewritten.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct MapRunBlock {
    /// How often the Map Run had been redriven.
    #[serde(default)]
    pub redrive_count: u32,
    /// The items of children that were started, where `ItemBatcher` decides about them.
    #[serde(default)]
    pub batches: Vec<(u64, ItemRange)>,
    #[serde(default)]
    pub ended: Vec<ChildEnd>,
    /// Children that were to be redriven and were not: they are what they were, `true` for ever.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stayed: Vec<(u64, bool)>,
}

impl MapRunBlock {
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty() && self.ended.is_empty() && self.stayed.is_empty()
    }
}

/// `Transformation` of `WriterConfig`. A child that failed is shown as `NONE` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The description of the child.
    None,
    /// Its output.
    Compact,
    /// Its output; arrays are joined.
    Flatten,
}

impl Form {
    pub(super) fn of(destination: Option<&ResultDestination>) -> Form {
        let transformation =
            destination.and_then(|destination| destination.writer_config.value().get("Transformation"));
        match transformation.and_then(Value::as_str) {
            Some("NONE") => Form::None,
            Some("FLATTEN") => Form::Flatten,
            _ => Form::Compact,
        }
    }

    /// Whether a child that came to this is described, with its input; else there is its output only.
    pub(super) fn is_described(self, outcome: &Outcome) -> bool {
        self == Form::None || !matches!(outcome, Outcome::Succeeded { .. })
    }
}

/// What a description has besides the texts of the child: names of members, both dates, the name and the status.
const DESCRIPTION_BYTES: usize = 240;

/// What the end of a child adds to the results, about.
pub(super) fn bytes_of(end: &ChildEnd, request: &MapRunRequest) -> u64 {
    let is_described = request.form().is_described(&end.outcome);
    if !is_described {
        return (end.outcome.byte_len() + 1) as u64;
    }
    let input = end.input.as_ref().map_or(0, |input| quoted_bytes(input));
    let outcome = match &end.outcome {
        Outcome::Succeeded { output } => quoted_bytes(output.text()),
        failed @ (Outcome::Failed(_) | Outcome::TimedOut(_) | Outcome::Aborted(_)) => failed.byte_len(),
    };
    // The ARNs of the child and of its state machine are about as long as that of the Map Run.
    (DESCRIPTION_BYTES + 2 * request.map_run_arn.len() + input + outcome) as u64
}

/// A description has JSON texts as strings.
fn quoted_bytes(text: &str) -> usize {
    text.len() + text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count()
}

/// Collects the results of a Map Run that has succeeded.
#[derive(Debug)]
pub struct Results<'r> {
    request: &'r MapRunRequest,
    by_child: BTreeMap<u64, Value>,
}

impl<'r> Results<'r> {
    pub fn new(request: &'r MapRunRequest) -> Results<'r> {
        Results { request, by_child: BTreeMap::new() }
    }

    /// Takes in what came to its end. What a child came to that was redriven counts, and not what it had come to before.
    pub fn add(&mut self, block: MapRunBlock) {
        for end in block.ended {
            let value = self.value(&end);
            self.by_child.insert(end.child, value);
        }
    }

    /// The array of the results.
    pub fn finish(self) -> Payload {
        let values = self.by_child.into_values();
        let values: Vec<Value> = match self.request.form() {
            Form::None | Form::Compact => values.collect(),
            Form::Flatten => values.flat_map(flattened).collect(),
        };
        Value::from(values).into()
    }

    fn value(&self, end: &ChildEnd) -> Value {
        match &end.outcome {
            Outcome::Succeeded { output } if self.request.form() != Form::None => output.value().clone(),
            outcome => described(self.request, end, outcome).into(),
        }
    }
}

fn flattened(value: Value) -> Vec<Value> {
    match value {
        Value::Array(elements) => elements.to_vec(),
        other => vec![other],
    }
}

/// The child as `Transformation` `NONE` shows it.
fn described(request: &MapRunRequest, end: &ChildEnd, outcome: &Outcome) -> Object {
    let child = request.child(end.child);
    let mut object = Object::from([("ExecutionArn", child.execution_arn)]);
    if let Some(input) = &end.input {
        object.insert("Input", input);
        object.insert("InputDetails", Object::from([("Included", true)]));
    }
    object.insert("Name", child.name);
    let status = match outcome {
        Outcome::Succeeded { output } => {
            object.insert("Output", output.text());
            object.insert("OutputDetails", Object::from([("Included", true)]));
            "SUCCEEDED"
        }
        Outcome::Failed(_) => "FAILED",
        Outcome::TimedOut(_) => "TIMED_OUT",
        Outcome::Aborted(_) => "ABORTED",
    };
    if let Outcome::Failed(failure) | Outcome::TimedOut(failure) | Outcome::Aborted(failure) = outcome {
        failure.error.iter().for_each(|error| object.insert("Error", error));
        failure.cause.iter().for_each(|cause| object.insert("Cause", cause));
    }
    object.insert("StartDate", iso_8601(end.start_ms));
    object.insert("StateMachineArn", child.state_machine_arn);
    object.insert("Status", status);
    object.insert("StopDate", iso_8601(end.stop_ms));
    object
}

fn iso_8601(milliseconds: i64) -> String {
    format!("{:.3}", Timestamp::from_millisecond(milliseconds).unwrap_or_default())
}
