//! Diagnostics, as `ValidateStateMachineDefinition` gives them.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinitionDiagnostic.html>

use query::Location;
use std::fmt;

/// How many errors, and how many warnings, are kept of one definition: one more than
/// `ValidateStateMachineDefinition` ever shows, so that it knows that there are more.
pub const DIAGNOSTICS_MAX: usize = 101;
/// How many errors `InvalidDefinition` quotes: as many as `ValidateStateMachineDefinition` shows.
const QUOTED_MAX: usize = 100;
/// Bytes of a message and of a location. What quotes a longer name ends with [`CUT`].
const TEXT_BYTES_MAX: usize = 4096;
const CUT: &str = "…";

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
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// What was found in a definition so far. However much is wrong with it, this stays small: a definition of a megabyte
/// may have as many faults as members, below a name as long as itself.
#[derive(Default)]
pub(crate) struct Diagnostics {
    list: Vec<Diagnostic>,
    errors: usize,
}

impl Diagnostics {
    pub(crate) fn note(
        &mut self,
        severity: Severity,
        code: DiagnosticCode,
        message: impl Into<String>,
        location: Option<&Location<'_>>,
    ) {
        let kept = match severity {
            Severity::Error => self.errors,
            Severity::Warning => self.list.len() - self.errors,
        };
        if kept == DIAGNOSTICS_MAX {
            return;
        }
        self.errors += usize::from(severity == Severity::Error);
        let location = location.map(|location| cut(location.to_string()));
        self.list.push(Diagnostic { severity, code, message: cut(message.into()), location });
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    pub(crate) fn into_list(self) -> Vec<Diagnostic> {
        self.list
    }
}

fn cut(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX - CUT.len()));
        text.push_str(CUT);
        text.shrink_to_fit();
    }
    text
}

/// `CODE: text at /location`, as the `InvalidDefinition` error of `CreateStateMachine` quotes it: AWS writes
/// `null` where there is no location.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = self.location.as_deref().unwrap_or("null");
        write!(f, "{}: {} at {location}", self.code.as_str(), self.message)
    }
}

/// The message of `InvalidDefinition`, made of the errors, the first 100 if there are more; `None` when there are only warnings.
///
/// ```
/// let parsed = asl::parse(r#"{"StartAt": "A"}"#, asl::StateMachineType::Standard, &asl::Limits::default());
/// assert_eq!(
///     asl::invalid_definition_message(&parsed.diagnostics).unwrap(),
///     "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /'"
/// );
/// ```
pub fn invalid_definition_message(diagnostics: &[Diagnostic]) -> Option<String> {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).take(QUOTED_MAX);
    let errors: Vec<String> = errors.map(ToString::to_string).collect();
    (!errors.is_empty()).then(|| format!("Invalid State Machine Definition: '{}'", errors.join(", ")))
}
