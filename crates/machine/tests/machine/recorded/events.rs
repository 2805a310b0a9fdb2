//! History events in the form in which AWS answers them.

use json::{Payload, Text};
use machine::{EventDetails, EventType, HistoryEvent};
use serde_json::{Map, Value, json};

pub fn type_of(event: &Value) -> &str {
    event["type"].as_str().unwrap()
}

/// The details member; empty where an event has none.
pub fn details(event: &Value) -> Map<String, Value> {
    let mut members = event.as_object().unwrap().iter();
    let details = members.find(|(name, _)| name.ends_with("EventDetails"));
    details.map(|(_, details)| details.as_object().unwrap().clone()).unwrap_or_default()
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

/// Members of a details member; `None` is one that is not there.
type Members = Vec<(&'static str, Option<Value>)>;

fn details_to_aws(details: &EventDetails) -> Option<Value> {
    let members = if let EventDetails::None = details { return None } else { members(details) };
    Some(members.into_iter().filter_map(|(name, value)| value.map(|value| (name.to_owned(), value))).collect())
}

fn members(details: &EventDetails) -> Members {
    match details {
        EventDetails::None => Vec::new(),
        EventDetails::ExecutionStarted { input, role_arn, .. } => {
            vec![("input", text(input)), ("roleArn", text(role_arn))]
        }
        EventDetails::ExecutionSucceeded { output } | EventDetails::Succeeded { output } => {
            vec![("output", payload(output))]
        }
        EventDetails::ExecutionRedriven { redrive_count } => vec![("redriveCount", Some(json!(redrive_count)))],
        EventDetails::Failed { error, cause } => failure(error.as_ref(), cause.as_ref()),
        EventDetails::StateEntered { name, input } => vec![("name", text(name)), ("input", payload(input))],
        EventDetails::StateExited { name, output, assigned_variables } => {
            let assigned = assigned_variables.as_ref().map(|assigned| {
                assigned.iter().map(|(name, value)| (name.to_string(), Value::from(&**value))).collect::<Map<_, _>>()
            });
            vec![("name", text(name)), ("output", payload(output)), ("assignedVariables", assigned.map(Value::from))]
        }
        EventDetails::ActivityStarted { worker_name } => vec![("workerName", worker_name.as_ref().and_then(text))],
        EventDetails::ActivityScheduled { .. }
        | EventDetails::LambdaFunctionScheduled { .. }
        | EventDetails::TaskScheduled { .. } => scheduled(details),
        EventDetails::TaskStarted { resource_type, resource } => resources(resource_type, resource),
        EventDetails::TaskOutput { resource_type, resource, output } => {
            [resources(resource_type, resource), vec![("output", payload(output))]].concat()
        }
        EventDetails::TaskFailed { resource_type, resource, error, cause } => {
            [resources(resource_type, resource), failure(error.as_ref(), cause.as_ref())].concat()
        }
        EventDetails::MapStateStarted { length } => vec![("length", Some(json!(length)))],
        EventDetails::MapIteration { name, index } => vec![("name", text(name)), ("index", Some(json!(index)))],
        EventDetails::EvaluationFailed { error, cause, location, state } => [
            failure(error.as_ref(), cause.as_ref()),
            vec![("location", location.as_ref().and_then(text)), ("state", text(state))],
        ]
        .concat(),
        EventDetails::MapRunStarted { .. } | EventDetails::MapRunRedriven { .. } => panic!("there is no Map Run here"),
    }
}

fn scheduled(details: &EventDetails) -> Members {
    match details {
        EventDetails::ActivityScheduled { resource, input, timeout_seconds, heartbeat_seconds } => {
            let members = vec![("resource", text(resource)), ("input", payload(input))];
            [members, clocks(*timeout_seconds, *heartbeat_seconds)].concat()
        }
        EventDetails::LambdaFunctionScheduled { resource, input, timeout_seconds, role_arn } => {
            let members = vec![
                ("resource", text(resource)),
                ("input", payload(input)),
                ("taskCredentials", credentials(role_arn.as_ref())),
            ];
            [members, clocks(*timeout_seconds, None)].concat()
        }
        EventDetails::TaskScheduled {
            resource_type,
            resource,
            region,
            parameters,
            timeout_seconds,
            heartbeat_seconds,
            role_arn,
        } => {
            let members = vec![
                ("region", text(region)),
                ("parameters", payload(parameters)),
                ("taskCredentials", credentials(role_arn.as_ref())),
            ];
            [resources(resource_type, resource), members, clocks(*timeout_seconds, *heartbeat_seconds)].concat()
        }
        other => panic!("{other:?} schedules nothing"),
    }
}

fn clocks(timeout_seconds: Option<u64>, heartbeat_seconds: Option<u64>) -> Members {
    let (timeout, heartbeat) = (timeout_seconds.map(Value::from), heartbeat_seconds.map(Value::from));
    vec![("timeoutInSeconds", timeout), ("heartbeatInSeconds", heartbeat)]
}

fn resources(resource_type: &Text, resource: &Text) -> Members {
    vec![("resourceType", text(resource_type)), ("resource", text(resource))]
}

fn failure(error: Option<&Text>, cause: Option<&Text>) -> Members {
    vec![("error", error.and_then(text)), ("cause", cause.and_then(text))]
}

#[expect(clippy::unnecessary_wraps, reason = "most members may be missing")]
fn text(text: &Text) -> Option<Value> {
    Some(Value::from(&**text))
}

fn payload(payload: &Payload) -> Option<Value> {
    text(payload.text())
}

fn credentials(role_arn: Option<&Text>) -> Option<Value> {
    role_arn.map(|arn| json!({ "roleArn": &**arn }))
}
