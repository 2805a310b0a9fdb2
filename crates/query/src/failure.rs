//! Why an evaluation gave no value, in AWS's words.

use std::fmt;

/// An evaluation that gave no value.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub reason: Reason,
    /// AWS's sentence without the leading `An error occurred while executing the state …`, for example
    /// `The JSONPath '$.x' specified for the field 'value.$' could not be found in the input '{}'`.
    pub message: String,
    /// The field, as `EvaluationFailed` events give it in `location`: `Output/x`, `Items`, `Condition` …, of no more than
    /// 256 characters. Empty for JSONPath, which has no such events.
    pub location: String,
}

impl Failure {
    /// A failure without a location.
    pub fn new(reason: Reason, message: impl Into<String>) -> Failure {
        Failure { reason, message: message.into(), location: String::new() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The kind of a [`Failure`]; each is an ASL error name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A path found nothing or cannot be used: `States.Runtime`. So it is for `.$` fields and intrinsic calls too,
    /// although the specification has `States.ParameterPathFailure` for them.
    Path,
    /// A payload template field named a path that is not there: `States.ParameterPathFailure`.
    ParameterPath,
    /// The `ItemsPath` of a Map led nowhere: `States.ReferencePathConflict`.
    ReferencePathConflict,
    /// A `ResultPath` cannot be applied to the input: `States.ResultPathMatchFailure`.
    ResultPathMatch,
    /// `States.IntrinsicFailure`.
    Intrinsic,
    /// `States.QueryEvaluationError`.
    QueryEvaluation,
    /// What was built is larger than any state may pass on: `States.DataLimitExceeded`.
    TooLarge,
    /// The budget of the [`crate::Ambient`] was used up, and it was not the last: the step is tried again with a larger
    /// one. What uses up the last one has another reason.
    OverBudget,
}

impl Reason {
    /// The error name that Retry and Catch see.
    pub fn error_name(self) -> &'static str {
        match self {
            Reason::Path | Reason::OverBudget => "States.Runtime",
            Reason::ParameterPath => "States.ParameterPathFailure",
            Reason::ReferencePathConflict => "States.ReferencePathConflict",
            Reason::ResultPathMatch => "States.ResultPathMatchFailure",
            Reason::Intrinsic => "States.IntrinsicFailure",
            Reason::QueryEvaluation => "States.QueryEvaluationError",
            Reason::TooLarge => "States.DataLimitExceeded",
        }
    }
}
