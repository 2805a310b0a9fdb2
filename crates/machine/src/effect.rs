//! Effects: what must be done once the step is durable.

use crate::{EventId, MapRunRequest, PendingMapRun};
use asl::IntegrationPattern;
use json::{Payload, Text};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Names a timer within its execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TimerId(pub u64);

/// What must be done, after the commit of the step that asks for it.
///
/// The id of a task is the number of its `…Scheduled` history event.
#[derive(Clone, Debug)]
#[must_use]
pub enum Effect {
    /// Call a service or a function.
    RunTask(Arc<TaskRequest>),
    /// Offer a task to the workers of an activity.
    OfferActivity {
        id: EventId,
        activity_arn: Text,
        input: Payload,
        heartbeat_seconds: Option<u64>,
    },
    /// The answer is no longer wanted: the task timed out, or its execution or branch ended.
    CancelTask {
        id: EventId,
    },
    /// Stop what a `.sync` call has submitted with this answer: nobody waits for it any more.
    StopTask {
        request: Arc<TaskRequest>,
        submitted: Payload,
    },
    /// Wake the execution with `TimerFired`. Setting a timer again moves it.
    SetTimer {
        timer: TimerId,
        due_ms: i64,
    },
    CancelTimer {
        timer: TimerId,
    },
    /// Make a Map Run, and answer with `MapRunEnded` when it has ended.
    StartMapRun(Arc<MapRunRequest>),
    /// Go on with a Map Run that was unsuccessful, once it has ended, and answer with `MapRunEnded` when it has again.
    RedriveMapRun(PendingMapRun),
    /// The result of the Map Run is no longer wanted: abort it and its children.
    StopMapRun {
        map_run_arn: Text,
    },
    /// The step was bounded; trigger `Continue`.
    Continue,
}

/// A call to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskRequest {
    pub id: EventId,
    /// The whole `Resource` as written.
    pub resource: Text,
    /// `lambda`, `states`, `aws-sdk:sfn` …; empty for a plain function ARN.
    pub service: Text,
    /// `invoke`, `startExecution.sync:2` …; empty for a plain function ARN.
    pub action: Text,
    pub pattern: IntegrationPattern,
    pub parameters: Payload,
    /// Whether the state is a JSONata state (some services shape their answers by it).
    pub jsonata: bool,
    /// In a `.waitForTaskToken` call: what `$$.Task.Token` gives. Only the engine seals tokens.
    pub task_token: Option<Text>,
    pub timeout_seconds: Option<u64>,
    pub heartbeat_seconds: Option<u64>,
    /// `Credentials.RoleArn`.
    pub role_arn: Option<Text>,
}
