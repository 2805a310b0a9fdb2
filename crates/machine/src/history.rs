//! History events: the types of `GetExecutionHistory`, and what each has to tell.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html>

use json::{Payload, Text};
use serde::{Deserialize, Serialize};

/// Number of an event in its execution, from 1.
pub type EventId = u64;

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryEvent {
    pub id: EventId,
    pub previous_event_id: EventId,
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    pub event_type: EventType,
    pub details: EventDetails,
}

macro_rules! event_types {
    ($($name:ident),* $(,)?) => {
        /// The types, as AWS spells them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum EventType {
            $($name),*
        }

        impl EventType {
            /// All of them.
            pub const ALL: &'static [EventType] = &[$(EventType::$name),*];

            /// The name, as AWS spells it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(EventType::$name => stringify!($name)),*
                }
            }
        }
    };
}

event_types! {
    ActivityFailed, ActivityScheduled, ActivityScheduleFailed, ActivityStarted, ActivitySucceeded, ActivityTimedOut,
    ChoiceStateEntered, ChoiceStateExited, ExecutionAborted, ExecutionFailed, ExecutionStarted, ExecutionSucceeded,
    ExecutionTimedOut, FailStateEntered, LambdaFunctionFailed, LambdaFunctionScheduled, LambdaFunctionScheduleFailed,
    LambdaFunctionStarted, LambdaFunctionStartFailed, LambdaFunctionSucceeded, LambdaFunctionTimedOut,
    MapIterationAborted, MapIterationFailed, MapIterationStarted, MapIterationSucceeded, MapStateAborted,
    MapStateEntered, MapStateExited, MapStateFailed, MapStateStarted, MapStateSucceeded, ParallelStateAborted,
    ParallelStateEntered, ParallelStateExited, ParallelStateFailed, ParallelStateStarted, ParallelStateSucceeded,
    PassStateEntered, PassStateExited, SucceedStateEntered, SucceedStateExited, TaskFailed, TaskScheduled,
    TaskStarted, TaskStartFailed, TaskStateAborted, TaskStateEntered, TaskStateExited, TaskSubmitFailed,
    TaskSubmitted, TaskSucceeded, TaskTimedOut, WaitStateAborted, WaitStateEntered, WaitStateExited, MapRunAborted,
    MapRunFailed, MapRunStarted, MapRunSucceeded, ExecutionRedriven, MapRunRedriven, EvaluationFailed,
}

/// The details member of an event; what each type has is in the API reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum EventDetails {
    None,
    ExecutionStarted {
        input: Text,
        role_arn: Text,
        state_machine_alias_arn: Option<Text>,
        state_machine_version_arn: Option<Text>,
    },
    ExecutionSucceeded {
        output: Payload,
    },
    ExecutionRedriven {
        redrive_count: u32,
    },
    /// ExecutionFailed, ExecutionAborted, ExecutionTimedOut, LambdaFunctionFailed/ScheduleFailed/StartFailed/TimedOut,
    /// ActivityFailed/ScheduleFailed/TimedOut, MapRunFailed: error and cause.
    Failed {
        error: Option<Text>,
        cause: Option<Text>,
    },
    StateEntered {
        name: Text,
        input: Payload,
    },
    /// Values of variables as JSON texts.
    StateExited {
        name: Text,
        output: Payload,
        assigned_variables: Option<Vec<(Text, Text)>>,
    },
    ActivityScheduled {
        resource: Text,
        input: Payload,
        timeout_seconds: Option<u64>,
        heartbeat_seconds: Option<u64>,
    },
    ActivityStarted {
        worker_name: Option<Text>,
    },
    /// ActivitySucceeded, LambdaFunctionSucceeded.
    Succeeded {
        output: Payload,
    },
    LambdaFunctionScheduled {
        resource: Text,
        input: Payload,
        timeout_seconds: Option<u64>,
        role_arn: Option<Text>,
    },
    TaskScheduled {
        resource_type: Text,
        resource: Text,
        region: Text,
        parameters: Payload,
        timeout_seconds: Option<u64>,
        heartbeat_seconds: Option<u64>,
        role_arn: Option<Text>,
    },
    TaskStarted {
        resource_type: Text,
        resource: Text,
    },
    /// TaskSubmitted, TaskSucceeded.
    TaskOutput {
        resource_type: Text,
        resource: Text,
        output: Payload,
    },
    /// TaskFailed, TaskTimedOut, TaskStartFailed, TaskSubmitFailed.
    TaskFailed {
        resource_type: Text,
        resource: Text,
        error: Option<Text>,
        cause: Option<Text>,
    },
    MapStateStarted {
        length: u64,
    },
    MapIteration {
        name: Text,
        index: u64,
    },
    MapRunStarted {
        map_run_arn: Text,
    },
    MapRunRedriven {
        map_run_arn: Text,
        redrive_count: u32,
    },
    EvaluationFailed {
        error: Option<Text>,
        cause: Option<Text>,
        location: Option<Text>,
        state: Text,
    },
}

/// The payload of the details, as they are borrowed.
macro_rules! carried {
    ($details:expr) => {
        match $details {
            EventDetails::StateEntered { input: payload, .. }
            | EventDetails::ActivityScheduled { input: payload, .. }
            | EventDetails::LambdaFunctionScheduled { input: payload, .. }
            | EventDetails::TaskScheduled { parameters: payload, .. }
            | EventDetails::ExecutionSucceeded { output: payload }
            | EventDetails::Succeeded { output: payload }
            | EventDetails::StateExited { output: payload, .. }
            | EventDetails::TaskOutput { output: payload, .. } => Some(payload),
            EventDetails::None
            | EventDetails::ExecutionStarted { .. }
            | EventDetails::ExecutionRedriven { .. }
            | EventDetails::Failed { .. }
            | EventDetails::ActivityStarted { .. }
            | EventDetails::TaskStarted { .. }
            | EventDetails::TaskFailed { .. }
            | EventDetails::MapStateStarted { .. }
            | EventDetails::MapIteration { .. }
            | EventDetails::MapRunStarted { .. }
            | EventDetails::MapRunRedriven { .. }
            | EventDetails::EvaluationFailed { .. } => None,
        }
    };
}

impl EventDetails {
    /// The payload that the event carries; the input of `ExecutionStarted` is none, but the caller's own text.
    pub fn payload(&self) -> Option<&Payload> {
        carried!(self)
    }

    /// The same, to be replaced.
    pub fn payload_mut(&mut self) -> Option<&mut Payload> {
        carried!(self)
    }

    /// Lets go of the payload that the event carries, and of its variables.
    pub fn drop_payload(&mut self) {
        if let EventDetails::ExecutionStarted { input, .. } = self {
            *input = Text::default();
        }
        if let EventDetails::StateExited { assigned_variables, .. } = self {
            *assigned_variables = None;
        }
        if let Some(payload) = self.payload_mut() {
            *payload = Payload::default();
        }
    }

    /// Bytes of the payload that the event carries, and of its variables. Names and errors are small beside them.
    pub fn payload_bytes(&self) -> usize {
        self.payload().map_or(0, Payload::byte_len) + self.other_bytes()
    }

    /// Bytes of the caller's input, or of variables.
    pub(crate) fn other_bytes(&self) -> usize {
        match self {
            EventDetails::ExecutionStarted { input, .. } => input.len(),
            EventDetails::StateExited { assigned_variables: Some(variables), .. } => {
                variables.iter().map(|(name, value)| name.len() + value.len()).sum()
            }
            _ => 0,
        }
    }
}
