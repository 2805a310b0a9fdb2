//! Failures as the reference interpreter knows them: an error name, and as much of the cause as can be known.

use json::{Object, Text, Value};

/// An error and its cause, where the definition or the history tells them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) error: Option<Text>,
    pub(crate) cause: Cause,
}

/// What is known of a cause.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cause {
    Known(Option<Text>),
    /// It begins so; the rest are words that are free, or that hold what no history tells.
    Begins(Text),
}

/// Why the fields of a state gave no value.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The state fails with exactly this.
    As(Failure),
    /// An evaluation failed.
    Evaluating(Evaluating),
}

/// An evaluation that failed. The cause of such a failure begins with the state and the event that entered it.
#[derive(Clone, Debug)]
pub(crate) struct Evaluating {
    pub(crate) error: &'static str,
    /// The sentence, where the query languages give it; `None` where the words are free.
    pub(crate) sentence: Option<String>,
    /// As `EvaluationFailed` gives it.
    pub(crate) location: String,
}

pub(crate) const RUNTIME: &str = "States.Runtime";
pub(crate) const QUERY_EVALUATION_ERROR: &str = "States.QueryEvaluationError";
pub(crate) const DATA_LIMIT_EXCEEDED: &str = "States.DataLimitExceeded";
pub(crate) const TIMEOUT: &str = "States.Timeout";

/// Longest error name and cause that AWS keeps, in characters.
const ERROR_CHARS_MAX: usize = 256;
const CAUSE_CHARS_MAX: usize = 32_768;

impl Failure {
    pub(crate) fn of(error: Option<Text>, cause: Option<Text>) -> Failure {
        let cut = |text: Text, chars_max| match text.char_indices().nth(chars_max) {
            Some((end, _)) => text.get(..end).unwrap_or_default().into(),
            None => text,
        };
        Failure {
            error: error.map(|error| cut(error, ERROR_CHARS_MAX)),
            cause: Cause::Known(cause.map(|cause| cut(cause, CAUSE_CHARS_MAX))),
        }
    }

    /// A result, output or set of parameters beyond the quota.
    pub(crate) fn data_limit(state: &str) -> Failure {
        Failure::too_large(state, "")
    }

    /// The outputs of all branches or iterations, beyond the limit.
    pub(crate) fn result_limit(state: &str, bytes_max: u64) -> Failure {
        Failure::too_large(
            state,
            &format!(" Its branches or iterations may give {bytes_max} bytes in all (result_bytes_max)."),
        )
    }

    fn too_large(state: &str, which: &str) -> Failure {
        let cause = format!(
            "The state/task '{state}' returned a result with a size exceeding the maximum number of bytes service \
             limit.{which}"
        );
        Failure::of(Some(DATA_LIMIT_EXCEEDED.into()), Some(cause.into()))
    }

    /// What Retry and Catch compare.
    pub(crate) fn name(&self) -> &str {
        self.error.as_deref().unwrap_or_default()
    }

    /// What a catcher finds. `unknown` stands for the part of the cause that is not known.
    pub(crate) fn error_output(&self, unknown: &str) -> Value {
        let cause = match &self.cause {
            Cause::Known(cause) => cause.clone().unwrap_or_default(),
            Cause::Begins(beginning) => format!("{beginning}{unknown}").into(),
        };
        Object::from([("Error", self.error.clone().unwrap_or_default()), ("Cause", cause)]).into()
    }

    /// Whether `ErrorEquals` names it. `States.Runtime` is never asked about: nothing retries or catches it.
    pub(crate) fn is_named_by(&self, error_equals: &[Text], is_heartbeat: bool) -> bool {
        error_equals.iter().any(|wanted| match &**wanted {
            "States.ALL" => true,
            "States.TaskFailed" => self.name() != TIMEOUT,
            "States.HeartbeatTimeout" => is_heartbeat || self.name() == "States.HeartbeatTimeout",
            wanted => wanted == self.name(),
        })
    }
}

impl Fault {
    pub(crate) fn runtime() -> Fault {
        Fault::Evaluating(Evaluating { error: RUNTIME, sentence: None, location: String::new() })
    }

    /// A JSONata field with a value of the wrong type.
    pub(crate) fn of_field(location: &str) -> Fault {
        let location = location.to_owned();
        Fault::Evaluating(Evaluating { error: QUERY_EVALUATION_ERROR, sentence: None, location })
    }

    pub(crate) fn too_large(state: &str) -> Fault {
        Fault::As(Failure::data_limit(state))
    }

    /// The failure of the state. What the query languages say is compared exactly, unless the fields read something that
    /// no history tells.
    pub(crate) fn failure(&self, state: &str, entered: u64, is_volatile: bool) -> Failure {
        let found = match self {
            Fault::As(failure) => return failure.clone(),
            Fault::Evaluating(found) => found,
        };
        let beginning =
            format!("An error occurred while executing the state '{state}' (entered at the event id #{entered}).");
        match &found.sentence {
            Some(sentence) if !is_volatile => {
                Failure::of(Some(found.error.into()), Some(format!("{beginning} {sentence}").into()))
            }
            _ => Failure { error: Some(found.error.into()), cause: Cause::Begins(beginning.into()) },
        }
    }
}

impl From<query::Failure> for Evaluating {
    fn from(failure: query::Failure) -> Evaluating {
        let error = failure.reason.error_name();
        Evaluating { error, sentence: Some(failure.message), location: failure.location }
    }
}
