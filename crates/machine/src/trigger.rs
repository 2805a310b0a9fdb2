//! Triggers: what happened.

use crate::{EventId, Failure, MapRunOutcome, TimerId};
use json::{Payload, Text};
use serde::{Deserialize, Serialize};

/// What happened. A trigger that answers nothing pending gives an empty step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Trigger {
    /// The first one.
    Start,
    /// The last step was bounded: go on.
    Continue,
    /// A timer that a step set for this time (milliseconds since the Unix epoch) is due. One that was moved meanwhile is
    /// another: it is due at another time.
    TimerFired {
        timer: TimerId,
        due_ms: i64,
    },
    /// A worker took the activity task (`ActivityStarted`).
    ActivityStarted {
        effect: EventId,
        worker_name: Option<Text>,
    },
    /// The activity of the task does not exist, so that no worker can take it (`ActivityScheduleFailed`).
    ActivityNotScheduled {
        effect: EventId,
        failure: Failure,
    },
    /// A `.sync` or callback call was accepted (`TaskSubmitted`); `output` is the answer of the call.
    TaskSubmitted {
        effect: EventId,
        output: Payload,
    },
    /// The callback call that hands out the task token failed. An answer that came before it counts all the same.
    TaskNotSubmitted {
        effect: EventId,
        failure: Failure,
    },
    /// The worker is alive: the heartbeat clock starts again.
    TaskHeartbeat {
        effect: EventId,
    },
    TaskSucceeded {
        effect: EventId,
        output: Payload,
    },
    TaskFailed {
        effect: EventId,
        failure: Failure,
    },
    /// RedriveExecution, of an execution that ended unsuccessfully.
    Redrive,
    /// The Map Run of a Map in DISTRIBUTED mode has ended.
    MapRunEnded {
        effect: EventId,
        outcome: MapRunOutcome,
    },
    /// StopExecution.
    Stop {
        error: Option<Text>,
        cause: Option<Text>,
    },
}

impl Trigger {
    /// Whether expressions may be evaluated on it, which can take long. What only writes down that something happened never
    /// does.
    pub fn may_evaluate(&self) -> bool {
        match self {
            Trigger::Start
            | Trigger::Continue
            | Trigger::TimerFired { .. }
            | Trigger::ActivityNotScheduled { .. }
            | Trigger::TaskNotSubmitted { .. }
            | Trigger::TaskSucceeded { .. }
            | Trigger::TaskFailed { .. }
            | Trigger::Redrive
            | Trigger::MapRunEnded { .. } => true,
            Trigger::ActivityStarted { .. }
            | Trigger::TaskSubmitted { .. }
            | Trigger::TaskHeartbeat { .. }
            | Trigger::Stop { .. } => false,
        }
    }
}
