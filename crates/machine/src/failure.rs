//! Failures: errors of the language. They are data, never Rust errors.
//!
//! Whatever a state's code returns as an error is a [`Stop`]: the state failed (and Retry or Catch may help), or the
//! whole turn halts.

use crate::{EventId, StepError};
use asl::StateMachineType;
use json::{Object, Text, Value};
use serde::{Deserialize, Serialize};

/// An ASL error name and its cause.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub error: Option<Text>,
    pub cause: Option<Text>,
}

/// Longest error name that AWS keeps, in characters: as the service model has it, so no client expects more.
const ERROR_CHARS_MAX: usize = 256;
/// Longest cause, likewise.
const CAUSE_CHARS_MAX: usize = 32_768;

impl Failure {
    pub(crate) fn new(error: &str, cause: impl Into<Text>) -> Failure {
        Failure { error: Some(error.into()), cause: Some(cause.into()) }
    }

    /// The same within AWS's limits.
    #[must_use]
    pub fn truncated(self) -> Failure {
        Failure {
            error: self.error.map(|text| truncate(text, ERROR_CHARS_MAX)),
            cause: self.cause.map(|text| truncate(text, CAUSE_CHARS_MAX)),
        }
    }

    /// The name that retriers and catchers look at.
    pub(crate) fn name(&self) -> &str {
        self.error.as_deref().unwrap_or_default()
    }

    /// What a catcher finds: `{"Error": …, "Cause": …}`. What is not there is empty.
    pub(crate) fn error_output(&self) -> Value {
        let text = |text: &Option<Text>| text.clone().unwrap_or_default();
        Object::from([("Error", text(&self.error)), ("Cause", text(&self.cause))]).into()
    }

    /// A result, output or set of parameters beyond the payload limit.
    pub(crate) fn data_limit(state_or_task: &str) -> Failure {
        Failure::new(
            "States.DataLimitExceeded",
            format!(
                "The state/task '{state_or_task}' returned a result with a size exceeding the maximum number of bytes \
                 service limit."
            ),
        )
    }

    /// The outputs of all branches or iterations, beyond a limit that AWS has not.
    pub(crate) fn result_limit(state: &str, bytes_max: u64) -> Failure {
        let Failure { error, cause } = Failure::data_limit(state);
        let ours = format!(" Its branches or iterations may give {bytes_max} bytes in all (result_bytes_max).");
        Failure { error, cause: cause.map(|cause| format!("{cause}{ours}").into()) }
    }

    pub(crate) fn history_full(events_max: u64) -> Failure {
        Failure::new(
            "States.Runtime",
            format!("The execution reached the maximum number of history events ({events_max})."),
        )
    }

    /// The execution takes more memory than its limits give it. An Express execution has less than `execution_bytes_max`
    /// while all of them take too much.
    pub(crate) fn too_heavy(bytes_max: u64, state_machine_type: StateMachineType) -> Failure {
        let names = match state_machine_type {
            StateMachineType::Standard => "execution_bytes_max",
            StateMachineType::Express => {
                "execution_bytes_max, or its share while all Express executions take more than \
                 express_executions_bytes_max and execution_bytes_max together"
            }
        };
        Failure::new(RUNTIME, format!("The execution takes more than {bytes_max} bytes of memory ({names})."))
    }

    /// AWS's words for an execution whose state machine was deleted while it ran.
    ///
    /// <https://repost.aws/knowledge-center/step-functions-stuck-deleting-status>
    pub(crate) fn state_machine_deleted(name: &str) -> Failure {
        Failure::new(RUNTIME, format!("State machine {name} has been deleted."))
    }

    /// A task that did not answer, or gave no sign of life, in time. AWS gives no cause.
    pub(crate) fn timeout() -> Failure {
        Failure { error: Some("States.Timeout".into()), cause: None }
    }
}

fn truncate(text: Text, chars_max: usize) -> Text {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => text.get(..end).unwrap_or_default().into(),
        None => text,
    }
}

/// How a state failed.
#[derive(Debug)]
pub(crate) enum Failed {
    /// Complete as it is: what a task answered, a Fail state, a branch that failed.
    As(Failure),
    /// A missed heartbeat. It is reported as `States.Timeout`, and matched by `States.HeartbeatTimeout` as well.
    Heartbeat,
    /// What a field makes is larger than any state may pass on.
    TooLarge,
    /// Found while the state's fields were evaluated. Its cause begins with the state and the event that entered it.
    Evaluating(Evaluating),
}

/// A failure to evaluate a field.
#[derive(Debug)]
pub(crate) struct Evaluating {
    pub(crate) error: &'static str,
    /// The sentence after `An error occurred while executing the state …`.
    pub(crate) sentence: String,
    /// `location` of the `EvaluationFailed` event.
    pub(crate) location: Option<String>,
    /// The event follows `…StateEntered`; otherwise it takes that one's place in the chain of events. AWS does the
    /// former where the expression was evaluated and its value turned out to be of no use.
    pub(crate) after_entered: bool,
}

impl Evaluating {
    /// The cause as it is reported.
    pub(crate) fn cause(state: &str, entered: EventId, sentence: &str) -> String {
        format!(
            "An error occurred while executing the state '{state}' (entered at the event id #{entered}). {sentence}"
        )
    }
}

pub(crate) const RUNTIME: &str = "States.Runtime";
pub(crate) const QUERY_EVALUATION_ERROR: &str = "States.QueryEvaluationError";

impl Failed {
    pub(crate) fn runtime(sentence: impl Into<String>) -> Failed {
        Failed::evaluating(RUNTIME, sentence)
    }

    pub(crate) fn evaluating(error: &'static str, sentence: impl Into<String>) -> Failed {
        Failed::Evaluating(Evaluating { error, sentence: sentence.into(), location: None, after_entered: false })
    }

    /// A JSONata field with a value that cannot be used.
    pub(crate) fn query(field: &str, sentence: impl Into<String>) -> Failed {
        Failed::Evaluating(Evaluating {
            error: QUERY_EVALUATION_ERROR,
            sentence: sentence.into(),
            location: Some(field.to_owned()),
            after_entered: false,
        })
    }
}

/// Why code of a state did not come to its end.
#[derive(Debug)]
pub(crate) enum Stop {
    Failed(Failed),
    Halt(Halt),
}

/// Why nothing more can be done in this turn.
#[derive(Debug)]
pub(crate) enum Halt {
    /// No event may follow but the one that ends the execution.
    HistoryFull,
    Step(StepError),
}

/// Whether a retrier or catcher with these `ErrorEquals` is meant. `States.Runtime` never comes here: nothing helps it.
pub(crate) fn matches(error_equals: &[Text], failure: &Failure, is_heartbeat: bool) -> bool {
    let name = failure.name();
    error_equals.iter().any(|wanted| match &**wanted {
        "States.ALL" => true,
        "States.TaskFailed" => name != "States.Timeout",
        "States.HeartbeatTimeout" => is_heartbeat || name == "States.HeartbeatTimeout",
        wanted => wanted == name,
    })
}

impl From<Failed> for Stop {
    fn from(failed: Failed) -> Stop {
        Stop::Failed(failed)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Failed(Failed::As(failure))
    }
}

impl From<Halt> for Stop {
    fn from(halt: Halt) -> Stop {
        Stop::Halt(halt)
    }
}

impl From<StepError> for Halt {
    fn from(error: StepError) -> Halt {
        Halt::Step(error)
    }
}

impl From<StepError> for Stop {
    fn from(error: StepError) -> Stop {
        Stop::Halt(Halt::Step(error))
    }
}

impl From<query::Failure> for Stop {
    fn from(failure: query::Failure) -> Stop {
        match failure.reason {
            query::Reason::OverBudget => return StepError::OverBudget.into(),
            query::Reason::TooLarge => return Failed::TooLarge.into(),
            _ => {}
        }
        let error = failure.reason.error_name();
        let location = (!failure.location.is_empty()).then_some(failure.location);
        Failed::Evaluating(Evaluating { error, sentence: failure.message, location, after_entered: false }).into()
    }
}
