//! Diagnostics, as `ValidateStateMachineDefinition` gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    pub code: DiagnosticCode,
    /// AWS's sentence, without code and location.
    pub message: String,
    /// `/States/X/Field`; `None` where AWS gives none.
    pub location: Option<String>,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity { Error, Warning }
/// AWS's codes; `as_str` gives `SCHEMA_VALIDATION_FAILED` and the like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiagnosticCode {
    InvalidJsonDescription, MissingDescription, SchemaValidationFailed, InvalidResource, MissingEndState, DuplicateStateName,
    InvalidStateName, DuplicateLabelName, InvalidLabelName, MissingTransitionTarget, TooDeeplyNested,
    NoDollar, NoPath, PassResultIsStatic,
}
