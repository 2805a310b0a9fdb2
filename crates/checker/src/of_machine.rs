//! The form of the API from the events of the engine's `machine`, for tests and simulators that have no API between them.
//!
//! This is the only place that knows the engine, behind a feature of its own, and it only renames members.

use crate::event::{HistoryEvent, details_name};
use json::{Object, Payload, Text, Value};
use machine::{EventDetails, EventType};
use std::sync::LazyLock;

/// The names of each type and of its details member, in the order of [`EventType::ALL`].
static NAMES: LazyLock<Vec<(Text, Text)>> = LazyLock::new(|| {
    let names = |event_type: &EventType| {
        let event_type = event_type.as_str();
        (event_type.into(), details_name(event_type).map(Text::from).unwrap_or_default())
    };
    EventType::ALL.iter().map(names).collect()
});

impl From<&machine::HistoryEvent> for HistoryEvent {
    fn from(event: &machine::HistoryEvent) -> HistoryEvent {
        let (event_type, details_name) = NAMES.get(event.event_type as usize).cloned().unwrap_or_default();
        let has_details = event.details != EventDetails::None;
        HistoryEvent {
            id: event.id,
            previous_event_id: event.previous_event_id,
            timestamp_ms: Some(event.timestamp_ms),
            event_type,
            details: members(&event.details),
            details_name: if has_details { details_name } else { Text::default() },
        }
    }
}

/// The members of a details member, put down one after the other.
#[derive(Default)]
struct Members(Object);

impl Members {
    fn text(mut self, name: &str, text: &Text) -> Members {
        self.0.insert(name, text);
        self
    }

    fn maybe(self, name: &str, text: Option<&Text>) -> Members {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    fn payload(self, name: &str, payload: &Payload) -> Members {
        self.text(name, payload.text())
    }

    fn number(mut self, name: &str, number: impl Into<Option<u64>>) -> Members {
        if let Some(number) = number.into() {
            self.0.insert(name, number);
        }
        self
    }

    fn failure(self, error: Option<&Text>, cause: Option<&Text>) -> Members {
        self.maybe("error", error).maybe("cause", cause)
    }

    fn service(self, resource_type: &Text, resource: &Text) -> Members {
        self.text("resourceType", resource_type).text("resource", resource)
    }

    fn clocks(self, timeout_seconds: Option<u64>, heartbeat_seconds: Option<u64>) -> Members {
        self.number("timeoutInSeconds", timeout_seconds).number("heartbeatInSeconds", heartbeat_seconds)
    }

    fn credentials(mut self, role_arn: Option<&Text>) -> Members {
        if let Some(role_arn) = role_arn {
            self.0.insert("taskCredentials", Object::from([("roleArn", role_arn)]));
        }
        self
    }

    fn variables(mut self, variables: Option<&Vec<(Text, Text)>>) -> Members {
        if let Some(variables) = variables {
            let variables: Value = variables.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            self.0.insert("assignedVariables", variables);
        }
        self
    }
}

fn members(details: &EventDetails) -> Object {
    let empty = Members::default();
    let members = match details {
        EventDetails::None => empty,
        EventDetails::ExecutionStarted { input, role_arn, state_machine_alias_arn, state_machine_version_arn } => empty
            .text("input", input)
            .text("roleArn", role_arn)
            .maybe("stateMachineAliasArn", state_machine_alias_arn.as_ref())
            .maybe("stateMachineVersionArn", state_machine_version_arn.as_ref()),
        EventDetails::ExecutionSucceeded { output } | EventDetails::Succeeded { output } => {
            empty.payload("output", output)
        }
        EventDetails::ExecutionRedriven { redrive_count } => empty.number("redriveCount", u64::from(*redrive_count)),
        EventDetails::Failed { error, cause } => empty.failure(error.as_ref(), cause.as_ref()),
        EventDetails::StateEntered { name, input } => empty.text("name", name).payload("input", input),
        EventDetails::StateExited { name, output, assigned_variables } => {
            empty.text("name", name).payload("output", output).variables(assigned_variables.as_ref())
        }
        EventDetails::ActivityStarted { worker_name } => empty.maybe("workerName", worker_name.as_ref()),
        EventDetails::MapStateStarted { length } => empty.number("length", *length),
        EventDetails::MapIteration { name, index } => empty.text("name", name).number("index", *index),
        EventDetails::MapRunStarted { map_run_arn } => empty.text("mapRunArn", map_run_arn),
        EventDetails::MapRunRedriven { map_run_arn, redrive_count } => {
            empty.text("mapRunArn", map_run_arn).number("redriveCount", u64::from(*redrive_count))
        }
        EventDetails::EvaluationFailed { error, cause, location, state } => {
            empty.failure(error.as_ref(), cause.as_ref()).maybe("location", location.as_ref()).text("state", state)
        }
        EventDetails::ActivityScheduled { .. }
        | EventDetails::LambdaFunctionScheduled { .. }
        | EventDetails::TaskScheduled { .. }
        | EventDetails::TaskStarted { .. }
        | EventDetails::TaskOutput { .. }
        | EventDetails::TaskFailed { .. } => of_task(details),
    };
    members.0
}

fn of_task(details: &EventDetails) -> Members {
    let empty = Members::default();
    match details {
        EventDetails::ActivityScheduled { resource, input, timeout_seconds, heartbeat_seconds } => {
            empty.text("resource", resource).payload("input", input).clocks(*timeout_seconds, *heartbeat_seconds)
        }
        EventDetails::LambdaFunctionScheduled { resource, input, timeout_seconds, role_arn } => empty
            .text("resource", resource)
            .payload("input", input)
            .clocks(*timeout_seconds, None)
            .credentials(role_arn.as_ref()),
        EventDetails::TaskScheduled {
            resource_type,
            resource,
            region,
            parameters,
            timeout_seconds,
            heartbeat_seconds,
            role_arn,
        } => empty
            .service(resource_type, resource)
            .text("region", region)
            .payload("parameters", parameters)
            .clocks(*timeout_seconds, *heartbeat_seconds)
            .credentials(role_arn.as_ref()),
        EventDetails::TaskStarted { resource_type, resource } => empty.service(resource_type, resource),
        EventDetails::TaskOutput { resource_type, resource, output } => {
            empty.service(resource_type, resource).payload("output", output)
        }
        EventDetails::TaskFailed { resource_type, resource, error, cause } => {
            empty.service(resource_type, resource).failure(error.as_ref(), cause.as_ref())
        }
        _ => empty,
    }
}
