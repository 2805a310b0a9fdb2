//! Task.

use super::state_machine::TIMEOUT_SECONDS_MAX;
use super::{Catcher, MaybePath, Retrier, StateFields, TaskResource, Template};
use crate::kind;
use crate::reader::Reader;
use crate::shape::{Group, INPUT_OUTPUT, NEXT_OR_END, RESULT, STATE, Shape, TRANSITION, both, json_path, jsonata};

/// Calls something outside.
#[derive(Clone, Debug)]
pub struct Task {
    pub state: StateFields,
    pub resource: TaskResource,
    /// `1..=99_999_999`.
    pub timeout_seconds: Option<MaybePath<u64>>,
    pub heartbeat_seconds: Option<MaybePath<u64>>,
    /// `Credentials`, evaluated like arguments.
    pub credentials: Option<Credentials>,
    pub retry: Vec<Retrier>,
    pub catch: Vec<Catcher>,
}

/// `Credentials`: an object with `RoleArn`.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub template: Template,
}

const SHAPE: Shape = Shape {
    fields: &[
        STATE,
        TRANSITION,
        INPUT_OUTPUT,
        RESULT,
        &[
            both("Resource"),
            json_path("Parameters"),
            jsonata("Arguments"),
            both("Credentials"),
            both("TimeoutSeconds"),
            json_path("TimeoutSecondsPath"),
            both("HeartbeatSeconds"),
            json_path("HeartbeatSecondsPath"),
        ],
    ],
    required: &["Resource"],
    groups: &[
        NEXT_OR_END,
        Group::AtMostOne(&["TimeoutSeconds", "TimeoutSecondsPath"]),
        Group::AtMostOne(&["HeartbeatSeconds", "HeartbeatSecondsPath"]),
    ],
};

impl Task {
    pub(crate) fn read(reader: &Reader<'_>) -> Option<Task> {
        reader.check(&SHAPE);
        let fields = StateFields::read(reader);
        let resource = reader.read("Resource", TaskResource::of_value);
        if let Some(resource) = &resource {
            reader.check_arguments(if reader.is_jsonata() { "Arguments" } else { "Parameters" }, resource);
        }
        let seconds =
            |field| reader.read_maybe_path(field, kind::integer(1..=TIMEOUT_SECONDS_MAX), kind::definite_path);
        let (timeout_seconds, heartbeat_seconds) = (seconds("TimeoutSeconds"), seconds("HeartbeatSeconds"));
        let credentials = Credentials::read(reader);
        let (retry, catch) = (Retrier::read_all(reader), Catcher::read_all(reader));
        Some(Task {
            state: fields?,
            resource: resource?,
            timeout_seconds,
            heartbeat_seconds,
            credentials,
            retry,
            catch,
        })
    }
}

impl Credentials {
    fn read(reader: &Reader<'_>) -> Option<Credentials> {
        let credentials = reader.child("Credentials")?;
        if !credentials.has("RoleArn") && (reader.is_jsonata() || !credentials.has("RoleArn.$")) {
            credentials.fault("The field 'RoleArn' is required but was missing");
        }
        Some(Credentials { template: reader.template("Credentials")? })
    }
}
