//! Frames: where an execution stands.
//!
//! These types are stored. A field may be added with `#[serde(default)]`; none may change its meaning. States are
//! named by name, so that a newer binary takes up what an older one left.

use crate::parts::is_default;
use crate::{EventId, Failure, PartId, TaskRequest, TimerId};
use asl::IntegrationPattern;
use json::{Payload, Text};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A position in a flow: one state, its input, and what it is doing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Frame {
    /// The Parallel or Map state whose branch or iteration this is; `None` for the top of the state machine.
    #[serde(default)]
    pub(crate) parent: Option<Parent>,
    /// Name of the state.
    pub(crate) state: Text,
    /// The state's input as it was entered with, before `InputPath`.
    pub(crate) input: Payload,
    /// What the next event of this frame has as its `previousEventId`.
    pub(crate) position: EventId,
    /// `None` until the state is entered.
    #[serde(default)]
    pub(crate) entered: Option<Entered>,
    /// The variables of this scope as earlier builds kept them: an object, until the next `Assign`.
    #[serde(default, rename = "variables", skip_serializing_if = "Option::is_none")]
    pub(crate) inline_variables: Option<Payload>,
    /// The part with the variables of this scope; `None` until something is assigned.
    #[serde(default, rename = "variables_part", skip_serializing_if = "Option::is_none")]
    pub(crate) variables: Option<PartId>,
    /// Retries made for each retrier, in this visit of the state.
    #[serde(default)]
    pub(crate) retries: Vec<u64>,
    pub(crate) phase: Phase,
}

/// The branch or iteration number `index` of the state in which `frame` stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    pub(crate) frame: PartId,
    pub(crate) index: u64,
}

/// An iteration that has begun with an item as it is, and has not entered its first state: all that is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    pub(crate) parent: Parent,
    /// The `MapIterationStarted` event.
    pub(crate) position: EventId,
}

/// The `…StateEntered` event of the visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entered {
    pub(crate) event: EventId,
    /// `previousEventId` of that event.
    pub(crate) previous: EventId,
    pub(crate) at_ms: i64,
}

/// What a frame is doing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Phase {
    /// Its state is to be entered; the frame is in [`crate::Root`]'s queue.
    Ready,
    /// A Wait state.
    Waiting { timer: Timer },
    /// A Task state whose answer is awaited.
    Calling(Box<Call>),
    /// A retrier matched; the timer is its delay.
    Retrying { timer: Timer },
    /// A Parallel or Map state whose children run. If some have not begun, the frame may be in [`crate::Root`]'s queue.
    Forked(Fork),
    /// A Map in DISTRIBUTED mode whose Map Run runs.
    MapRunning(PendingMapRun),
    /// A Map in DISTRIBUTED mode whose Map Run has ended unsuccessfully, or is being stopped: a redrive goes on with it.
    MapRunUnsuccessful(PendingMapRun),
}

/// A Map Run that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingMapRun {
    /// Number of the `MapRunStarted` event, or of the last `MapRunRedriven` event.
    pub id: EventId,
    pub map_run_arn: Text,
    /// How often it was redriven.
    #[serde(default, skip_serializing_if = "is_default")]
    pub redrive_count: u32,
}

/// A timer that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    pub(crate) id: TimerId,
    pub(crate) due_ms: i64,
}

/// A task that was asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call {
    pub(crate) request: Request,
    pub(crate) timeout_seconds: Option<u64>,
    pub(crate) heartbeat_seconds: Option<u64>,
    /// The clock of `TimeoutSeconds`; an activity's starts when a worker takes the task.
    #[serde(default)]
    pub(crate) timeout: Option<Timer>,
    #[serde(default)]
    pub(crate) heartbeat: Option<Timer>,
    /// A worker took it.
    #[serde(default)]
    pub(crate) started: bool,
    /// The answer of a `.sync` or callback call that was accepted.
    #[serde(default)]
    pub(crate) submitted: Option<Payload>,
    /// The worker's answer, when it came before the call that handed out the task token had returned.
    #[serde(default)]
    pub(crate) early: Option<Answer>,
}

/// What a worker answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Answer {
    Succeeded(Payload),
    Failed(Failure),
}

impl Call {
    /// Whether the call that hands out the task token has not returned yet.
    pub(crate) fn is_handing_out_token(&self) -> bool {
        match &self.request {
            Request::Task(request) => {
                request.pattern == IntegrationPattern::WaitForTaskToken && self.submitted.is_none()
            }
            Request::Activity { .. } => false,
        }
    }
}

/// What was asked for, enough to ask again after a restart.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Request {
    Task(Arc<TaskRequest>),
    /// Of the workers of an activity.
    Activity {
        id: EventId,
        activity_arn: Text,
        input: Payload,
    },
}

impl Request {
    /// Number of the `…Scheduled` event.
    pub fn id(&self) -> EventId {
        match self {
            Request::Task(request) => request.id,
            Request::Activity { id, .. } => *id,
        }
    }
}

/// The children of a Parallel or Map state. What changes with each child is kept apart, in [`Progress`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// Number of branches or items.
    pub(crate) length: u64,
    /// How many children run at once.
    pub(crate) concurrency: u64,
    pub(crate) progress: PartId,
    /// The output of child `index` is the part `outputs + index`, from its end to the join.
    pub(crate) outputs: PartId,
    /// The items of a Map.
    pub(crate) items: Option<PartId>,
    /// The branches of a Parallel, until the last has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) branches: Option<Branches>,
}

impl Fork {
    /// The part with what its children begin with, unless none is to begin any more.
    pub(crate) fn data(&self) -> Option<PartId> {
        self.items.or(self.branches.map(|branches| branches.input))
    }
}

/// Branches of which some have not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branches {
    /// What each begins with.
    pub(crate) input: PartId,
    /// The frame of branch `index` is the part `first + index`: frames are numbered in the order in which states would be
    /// entered if all branches began at once.
    pub(crate) first: PartId,
}

/// How far the children of a Parallel or Map state have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub(crate) started: u64,
    pub(crate) succeeded: u64,
    /// Bytes of the outputs of those that have succeeded, if their state needs them, whether or not they are kept.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) output_bytes: u64,
    /// The limit that the outputs came to exceed: none was kept since. A server that goes on with a larger one cannot bring
    /// back what was left out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) bytes_max_exceeded: Option<u64>,
}

impl Progress {
    /// Another child has ended with what its state needs.
    pub(crate) fn count_output(&mut self, output: &Payload, bytes_max: u64) {
        self.output_bytes = self.output_bytes.saturating_add(output.byte_len() as u64);
        if self.output_bytes > bytes_max {
            self.bytes_max_exceeded.get_or_insert(bytes_max);
        }
    }
}

impl Frame {
    /// A frame that is about to enter `state`.
    pub(crate) fn ready(parent: Option<Parent>, state: Text, input: Payload, position: EventId) -> Frame {
        Frame {
            parent,
            state,
            input,
            position,
            entered: None,
            inline_variables: None,
            variables: None,
            retries: Vec::new(),
            phase: Phase::Ready,
        }
    }

    /// Bytes of the payloads that are stored with it.
    pub(crate) fn payload_bytes(&self) -> usize {
        let request = match self.call().map(|call| &call.request) {
            Some(Request::Task(request)) => request.parameters.byte_len(),
            Some(Request::Activity { input, .. }) => input.byte_len(),
            None => 0,
        };
        self.input.byte_len() + request
    }

    /// `$$.State.RetryCount`.
    pub(crate) fn retry_count(&self) -> u64 {
        self.retries.iter().sum()
    }

    pub(crate) fn call(&self) -> Option<&Call> {
        match &self.phase {
            Phase::Calling(call) => Some(call),
            Phase::Ready
            | Phase::Waiting { .. }
            | Phase::Retrying { .. }
            | Phase::Forked(_)
            | Phase::MapRunning(_)
            | Phase::MapRunUnsuccessful(_) => None,
        }
    }

    pub(crate) fn map_run(&self) -> Option<&PendingMapRun> {
        match &self.phase {
            Phase::MapRunning(pending) => Some(pending),
            Phase::Ready
            | Phase::Waiting { .. }
            | Phase::Calling(_)
            | Phase::Retrying { .. }
            | Phase::Forked(_)
            | Phase::MapRunUnsuccessful(_) => None,
        }
    }

    /// Whether something is to be cancelled when it goes: a timer, a call, a Map Run.
    pub(crate) fn waits_for_others(&self) -> bool {
        match self.phase {
            Phase::Waiting { .. } | Phase::Calling(_) | Phase::Retrying { .. } | Phase::MapRunning(_) => true,
            Phase::Ready | Phase::Forked(_) | Phase::MapRunUnsuccessful(_) => false,
        }
    }

    /// The timers that this frame waits for.
    pub(crate) fn timers(&self) -> impl Iterator<Item = Timer> {
        let pair = match &self.phase {
            Phase::Waiting { timer } | Phase::Retrying { timer } => [Some(*timer), None],
            Phase::Calling(call) => [call.timeout, call.heartbeat],
            Phase::Ready | Phase::Forked(_) | Phase::MapRunning(_) | Phase::MapRunUnsuccessful(_) => [None, None],
        };
        pair.into_iter().flatten()
    }
}
