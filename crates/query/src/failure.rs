//! Why an evaluation gave no value, in AWS's words.

/// An evaluation that gave no value.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub reason: Reason,
    /// AWS's sentence without the leading `An error occurred while executing the state …`, for example
    /// `The JSONPath '$.x' specified for the field 'value.$' could not be found in the input '{}'`.
    pub message: String,
    /// The field, as `EvaluationFailed` events give it in `location`: `Output/x`, `Items`, `Condition` …
    pub location: String,
}

/// The kind of a [`Failure`]; each is an ASL error name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A path found nothing or cannot be used: `States.Runtime`, or `States.ParameterPathFailure` where AWS says so.
    Path,
    /// A payload template field named a path that is not there: `States.ParameterPathFailure`.
    ParameterPath,
    /// `States.IntrinsicFailure`.
    Intrinsic,
    /// `States.QueryEvaluationError`.
    QueryEvaluation,
    /// The budget of the [`crate::Ambient`] was used up. The step may be tried again with a larger one.
    OverBudget,
}
