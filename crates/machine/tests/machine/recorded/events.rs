//! History events in the form in which AWS answers them.

use json::{Payload, Text};
use machine::{EventDetails, EventType, HistoryEvent};
use serde_json::{Map, Value, json};

pub fn type_of(event: &Value) -> &str {
    event["type"].as_str().unwrap()
}

/// The details member; empty where an event has none.
pub fn details(event: &Value) -> Map<String, Value> {
    let members = event.as_object().unwrap().iter();
    let details =
        members.filter_map(|(name, value)| name.ends_with("EventDetails").then(|| value.as_object()).flatten());
    details.cloned().next().unwrap_or_default()
}

pub fn to_aws(event: &HistoryEvent) -> Value {
    let mut members = Map::new();
    members.insert("id".to_owned(), json!(event.id));
    members.insert("previousEventId".to_owned(), json!(event.previous_event_id));
    members.insert("type".to_owned(), json!(event.event_type.as_str()));
    if let Some(details) = details_to_aws(&event.details) {
        members.insert(details_name(event.event_type), details);
    }
    Value::Object(members)
}

fn details_name(event_type: EventType) -> String {
    let name = event_type.as_str();
    let of_states = ["StateEntered", "StateExited"].into_iter().find(|suffix| name.ends_with(suffix));
    let name = of_states.unwrap_or(name);
    let (first, rest) = name.split_at(1);
    format!("{}{rest}EventDetails", first.to_lowercase())
}

fn details_to_aws(details: &EventDetails) -> Option<Value> {
    let pairs: Vec<(&str, Option<Value>)> = match details {
        EventDetails::None => return None,
        EventDetails::ExecutionStarted { input, role_arn, .. } => {
            vec![("input", text(input)), ("roleArn", text(role_arn))]
        }
        EventDetails::ExecutionSucceeded { output } | EventDetails::Succeeded { output } => {
            vec![("output", payload(output))]
        }
        EventDetails::ExecutionRedriven { redrive_count } => vec![("redriveCount", Some(json!(redrive_count)))],
        EventDetails::Failed { error, cause } => vec![("error", optional(error)), ("cause", optional(cause))],
        EventDetails::StateEntered { name, input } => vec![("name", text(name)), ("input", payload(input))],
        EventDetails::StateExited { name, output, assigned_variables } => {
            let assigned = assigned_variables.as_ref().map(|assigned| {
                assigned.iter().map(|(name, value)| (name.to_string(), Value::from(&**value))).collect::<Map<_, _>>()
            });
            vec![("name", text(name)), ("output", payload(output)), ("assignedVariables", assigned.map(Value::from))]
        }
        EventDetails::ActivityScheduled { resource, input, timeout_seconds, heartbeat_seconds } => vec![
            ("resource", text(resource)),
            ("input", payload(input)),
            ("timeoutInSeconds", timeout_seconds.map(Value::from)),
            ("heartbeatInSeconds", heartbeat_seconds.map(Value::from)),
        ],
        EventDetails::ActivityStarted { worker_name } => vec![("workerName", optional(worker_name))],
        EventDetails::LambdaFunctionScheduled { resource, input, timeout_seconds, role_arn } => vec![
            ("resource", text(resource)),
            ("input", payload(input)),
            ("timeoutInSeconds", timeout_seconds.map(Value::from)),
            ("taskCredentials", credentials(role_arn)),
        ],
        EventDetails::TaskScheduled {
            resource_type,
            resource,
            region,
            parameters,
            timeout_seconds,
            heartbeat_seconds,
            role_arn,
        } => vec![
            ("resourceType", text(resource_type)),
            ("resource", text(resource)),
            ("region", text(region)),
            ("parameters", payload(parameters)),
            ("timeoutInSeconds", timeout_seconds.map(Value::from)),
            ("heartbeatInSeconds", heartbeat_seconds.map(Value::from)),
            ("taskCredentials", credentials(role_arn)),
        ],
        EventDetails::TaskStarted { resource_type, resource } => {
            vec![("resourceType", text(resource_type)), ("resource", text(resource))]
        }
        EventDetails::TaskOutput { resource_type, resource, output } => {
            vec![("resourceType", text(resource_type)), ("resource", text(resource)), ("output", payload(output))]
        }
        EventDetails::TaskFailed { resource_type, resource, error, cause } => vec![
            ("resourceType", text(resource_type)),
            ("resource", text(resource)),
            ("error", optional(error)),
            ("cause", optional(cause)),
        ],
        EventDetails::MapStateStarted { length } => vec![("length", Some(json!(length)))],
        EventDetails::MapIteration { name, index } => vec![("name", text(name)), ("index", Some(json!(index)))],
        EventDetails::EvaluationFailed { error, cause, location, state } => vec![
            ("error", optional(error)),
            ("cause", optional(cause)),
            ("location", optional(location)),
            ("state", text(state)),
        ],
        EventDetails::MapRunStarted { .. } | EventDetails::MapRunRedriven { .. } => {
            panic!("there is no Map Run here")
        }
    };
    Some(pairs.into_iter().filter_map(|(name, value)| value.map(|value| (name.to_owned(), value))).collect())
}

fn text(text: &Text) -> Option<Value> {
    Some(Value::from(&**text))
}

fn optional(text: &Option<Text>) -> Option<Value> {
    text.as_deref().map(Value::from)
}

fn payload(payload: &Payload) -> Option<Value> {
    text(payload.text())
}

fn credentials(role_arn: &Option<Text>) -> Option<Value> {
    role_arn.as_deref().map(|arn| json!({ "roleArn": arn }))
}
