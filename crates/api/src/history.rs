//! History events on the wire, written straight from the engine's events into the answer.

use crate::escaped;
use crate::shape::Timestamp;
use json::Text;
use machine::{EventDetails, EventType, HistoryEvent};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// The output of `GetExecutionHistory`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HistoryPage {
    pub(crate) events: Vec<ShownEvent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_token: Option<Text>,
}

/// An event as GetExecutionHistory shows it.
pub(crate) struct ShownEvent {
    pub(crate) event: HistoryEvent,
    /// Whether inputs, outputs and variables are shown.
    pub(crate) with_data: bool,
}

impl Serialize for ShownEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = &self.event;
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("timestamp", &Timestamp(event.timestamp_ms))?;
        members.serialize_entry("type", event.event_type.as_str())?;
        members.serialize_entry("id", &event.id)?;
        members.serialize_entry("previousEventId", &event.previous_event_id)?;
        if event.details != EventDetails::None {
            let data = if self.with_data { Data::Whole } else { Data::Hidden };
            let details = Details { details: &event.details, data };
            members.serialize_key(&DetailsName(event))?;
            members.serialize_value(&details)?;
        }
        members.end()
    }
}

/// `taskScheduledEventDetails` of `TaskScheduled`; all states share one for entering and one for leaving.
struct DetailsName<'a>(&'a HistoryEvent);

impl Serialize for DetailsName<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0.details {
            EventDetails::StateEntered { .. } => serializer.serialize_str("stateEnteredEventDetails"),
            EventDetails::StateExited { .. } => serializer.serialize_str("stateExitedEventDetails"),
            _ => serializer.collect_str(&format_args!("{}EventDetails", LowerFirst(self.0.event_type))),
        }
    }
}

struct LowerFirst(EventType);

impl std::fmt::Display for LowerFirst {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut letters = self.0.as_str().chars();
        if let Some(first) = letters.next() {
            write!(f, "{}{}", first.to_ascii_lowercase(), letters.as_str())?;
        }
        Ok(())
    }
}

/// The details member of an event.
pub(crate) struct Details<'a> {
    pub(crate) details: &'a EventDetails,
    pub(crate) data: Data,
}

/// How much of inputs, outputs and variables is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Data {
    /// Nothing; they are not there at all.
    Hidden,
    Whole,
    /// Each of them up to so many bytes, as they stand escaped in a JSON text.
    UpTo(usize),
}

/// Whether something of an input, an output or the variables is missing.
#[derive(Serialize)]
struct DataDetails {
    truncated: bool,
}

impl Serialize for Details<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = Members { map: serializer.serialize_map(None)?, data: self.data };
        members.details(self.details)?;
        members.map.end()
    }
}

struct Members<M> {
    map: M,
    data: Data,
}

impl<M: SerializeMap> Members<M> {
    fn member<V: Serialize + ?Sized>(&mut self, name: &'static str, value: &V) -> Result<(), M::Error> {
        self.map.serialize_entry(name, value)
    }

    fn optional<V: Serialize>(&mut self, name: &'static str, value: Option<&V>) -> Result<(), M::Error> {
        value.map_or(Ok(()), |value| self.member(name, value))
    }

    fn input(&mut self, text: &str) -> Result<(), M::Error> {
        self.payload("input", text, "inputDetails")
    }

    fn output(&mut self, text: &str) -> Result<(), M::Error> {
        self.payload("output", text, "outputDetails")
    }

    fn payload(&mut self, name: &'static str, text: &str, details: &'static str) -> Result<(), M::Error> {
        let Some(bytes_max) = self.bytes_max() else { return Ok(()) };
        let shown = escaped::cut(text, bytes_max);
        self.member(name, shown)?;
        self.member(details, &DataDetails { truncated: shown.len() < text.len() })
    }

    fn variables(&mut self, variables: &[(Text, Text)]) -> Result<(), M::Error> {
        let Some(bytes_max) = self.bytes_max() else { return Ok(()) };
        let shown = shown_variables(variables, bytes_max);
        let is_whole = |(shown, variable): (&(&str, &str), &(Text, Text))| shown.1.len() == variable.1.len();
        let truncated = shown.len() < variables.len() || !shown.iter().zip(variables).all(is_whole);
        self.member("assignedVariables", &Pairs(&shown))?;
        self.member("assignedVariablesDetails", &DataDetails { truncated })
    }

    /// What each input, output and set of variables may take; `None` when they are not shown.
    fn bytes_max(&self) -> Option<usize> {
        match self.data {
            Data::Hidden => None,
            Data::Whole => Some(usize::MAX),
            Data::UpTo(bytes_max) => Some(bytes_max),
        }
    }

    fn failure(&mut self, error: Option<&Text>, cause: Option<&Text>) -> Result<(), M::Error> {
        self.optional("error", error)?;
        self.optional("cause", cause)
    }

    fn service(&mut self, resource_type: &Text, resource: &Text) -> Result<(), M::Error> {
        self.member("resourceType", resource_type)?;
        self.member("resource", resource)
    }

    fn bounds(
        &mut self,
        timeout_seconds: Option<u64>,
        heartbeat_seconds: Option<u64>,
        role_arn: Option<&Text>,
    ) -> Result<(), M::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Credentials<'a> {
            role_arn: &'a str,
        }
        self.optional("timeoutInSeconds", timeout_seconds.as_ref())?;
        self.optional("heartbeatInSeconds", heartbeat_seconds.as_ref())?;
        role_arn.map_or(Ok(()), |role_arn| self.member("taskCredentials", &Credentials { role_arn }))
    }

    fn details(&mut self, details: &EventDetails) -> Result<(), M::Error> {
        match details {
            EventDetails::None => Ok(()),
            EventDetails::ExecutionStarted { input, role_arn, state_machine_alias_arn, state_machine_version_arn } => {
                self.input(input)?;
                self.member("roleArn", role_arn)?;
                self.optional("stateMachineAliasArn", state_machine_alias_arn.as_ref())?;
                self.optional("stateMachineVersionArn", state_machine_version_arn.as_ref())
            }
            EventDetails::ExecutionSucceeded { output } | EventDetails::Succeeded { output } => {
                self.output(output.text())
            }
            EventDetails::ExecutionRedriven { redrive_count } => self.member("redriveCount", redrive_count),
            EventDetails::Failed { error, cause } => self.failure(error.as_ref(), cause.as_ref()),
            EventDetails::StateEntered { name, input } => {
                self.member("name", name)?;
                self.input(input.text())
            }
            EventDetails::StateExited { name, output, assigned_variables } => {
                self.member("name", name)?;
                self.output(output.text())?;
                assigned_variables.as_ref().map_or(Ok(()), |variables| self.variables(variables))
            }
            EventDetails::ActivityStarted { worker_name } => self.optional("workerName", worker_name.as_ref()),
            EventDetails::MapStateStarted { length } => self.member("length", length),
            EventDetails::MapIteration { name, index } => {
                self.member("name", name)?;
                self.member("index", index)
            }
            EventDetails::MapRunStarted { map_run_arn } => self.member("mapRunArn", map_run_arn),
            EventDetails::MapRunRedriven { map_run_arn, redrive_count } => {
                self.member("mapRunArn", map_run_arn)?;
                self.member("redriveCount", redrive_count)
            }
            EventDetails::EvaluationFailed { error, cause, location, state } => {
                self.failure(error.as_ref(), cause.as_ref())?;
                self.optional("location", location.as_ref())?;
                self.member("state", state)
            }
            EventDetails::ActivityScheduled { .. }
            | EventDetails::LambdaFunctionScheduled { .. }
            | EventDetails::TaskScheduled { .. }
            | EventDetails::TaskStarted { .. }
            | EventDetails::TaskOutput { .. }
            | EventDetails::TaskFailed { .. } => self.task_details(details),
        }
    }

    fn task_details(&mut self, details: &EventDetails) -> Result<(), M::Error> {
        match details {
            EventDetails::ActivityScheduled { resource, input, timeout_seconds, heartbeat_seconds } => {
                self.member("resource", resource)?;
                self.input(input.text())?;
                self.bounds(*timeout_seconds, *heartbeat_seconds, None)
            }
            EventDetails::LambdaFunctionScheduled { resource, input, timeout_seconds, role_arn } => {
                self.member("resource", resource)?;
                self.input(input.text())?;
                self.bounds(*timeout_seconds, None, role_arn.as_ref())
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
                self.service(resource_type, resource)?;
                self.member("region", region)?;
                if self.data != Data::Hidden {
                    self.member("parameters", parameters.text())?;
                }
                self.bounds(*timeout_seconds, *heartbeat_seconds, role_arn.as_ref())
            }
            EventDetails::TaskStarted { resource_type, resource } => self.service(resource_type, resource),
            EventDetails::TaskOutput { resource_type, resource, output } => {
                self.service(resource_type, resource)?;
                self.output(output.text())
            }
            EventDetails::TaskFailed { resource_type, resource, error, cause } => {
                self.service(resource_type, resource)?;
                self.failure(error.as_ref(), cause.as_ref())
            }
            _ => Ok(()),
        }
    }
}

/// The variables that have room in so many bytes, and the beginning of the one that has not.
fn shown_variables(variables: &[(Text, Text)], bytes_max: usize) -> Vec<(&str, &str)> {
    let mut room = bytes_max;
    let mut shown = Vec::new();
    for (name, value) in variables {
        let piece = escaped::cut(value, room);
        shown.push((&**name, piece));
        if piece.len() < value.len() {
            break;
        }
        room = room.saturating_sub(escaped::len(value));
    }
    shown
}

/// Names and values as an object.
struct Pairs<'a>(&'a [(&'a str, &'a str)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

#[cfg(test)]
mod tests;
