//! Diagnostics, as `ValidateStateMachineDefinition` gives them.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinitionDiagnostic.html>

use std::fmt;

/// One thing that is wrong with a definition, or looks wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    pub code: DiagnosticCode,
    /// AWS's sentence, without code and location.
    pub message: String,
    /// `/States/X/Field`; `None` where AWS gives none.
    pub location: Option<String>,
}

/// Whether a definition with the diagnostic can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// AWS's codes, as far as they are given; `as_str` gives `SCHEMA_VALIDATION_FAILED` and the like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiagnosticCode {
    InvalidJsonDescription,
    SchemaValidationFailed,
    MissingEndState,
    DuplicateStateName,
    InvalidStateName,
    DuplicateLabelName,
    InvalidLabelName,
    MissingTransitionTarget,
    TooDeeplyNested,
    /// A JSONata expression that cannot be parsed.
    InvalidJsonataExpression,
    /// A JSONata expression that uses what Step Functions does not offer.
    UnsupportedJsonataExpression,
    NoDollar,
    NoPath,
    PassResultIsStatic,
}

impl DiagnosticCode {
    pub fn as_str(self) -> &'static str {
        match self {
            DiagnosticCode::InvalidJsonDescription => "INVALID_JSON_DESCRIPTION",
            DiagnosticCode::SchemaValidationFailed => "SCHEMA_VALIDATION_FAILED",
            DiagnosticCode::MissingEndState => "MISSING_END_STATE",
            DiagnosticCode::DuplicateStateName => "DUPLICATE_STATE_NAME",
            DiagnosticCode::InvalidStateName => "INVALID_STATE_NAME",
            DiagnosticCode::DuplicateLabelName => "DUPLICATE_LABEL_NAME",
            DiagnosticCode::InvalidLabelName => "INVALID_LABEL_NAME",
            DiagnosticCode::MissingTransitionTarget => "MISSING_TRANSITION_TARGET",
            DiagnosticCode::TooDeeplyNested => "TOO_DEEPLY_NESTED",
            DiagnosticCode::InvalidJsonataExpression => "INVALID_JSONATA_EXPRESSION",
            DiagnosticCode::UnsupportedJsonataExpression => "UNSUPPORTED_JSONATA_EXPRESSION",
            DiagnosticCode::NoDollar => "NO_DOLLAR",
            DiagnosticCode::NoPath => "NO_PATH",
            DiagnosticCode::PassResultIsStatic => "PASS_RESULT_IS_STATIC",
        }
    }
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "ERROR",
            Severity::Warning => "WARNING",
        }
    }
}

impl Diagnostic {
    pub(crate) fn error(code: DiagnosticCode, message: impl Into<String>, location: Option<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Error, code, message: message.into(), location }
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// `CODE: text at /location`, as the `InvalidDefinition` error of `CreateStateMachine` quotes it: AWS writes
/// `null` where there is no location.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = self.location.as_deref().unwrap_or("null");
        write!(f, "{}: {} at {location}", self.code.as_str(), self.message)
    }
}

/// The message of `InvalidDefinition`, made of all errors; `None` when there are only warnings.
///
/// ```
/// let parsed = asl::parse(r#"{"StartAt": "A"}"#, asl::StateMachineType::Standard, &asl::Limits::default());
/// assert_eq!(
///     asl::invalid_definition_message(&parsed.diagnostics).unwrap(),
///     "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /'"
/// );
/// ```
pub fn invalid_definition_message(diagnostics: &[Diagnostic]) -> Option<String> {
    let errors: Vec<String> =
        diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).map(ToString::to_string).collect();
    (!errors.is_empty()).then(|| format!("Invalid State Machine Definition: '{}'", errors.join(", ")))
}
