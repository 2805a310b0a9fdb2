//! JSONPath in the Jayway dialect that AWS uses.
use crate::{Failure, Scope, SyntaxError};
use json::Value;

/// A parsed path: `$…` into the input, `$$…` into the context object, `$name…` into a variable.
#[derive(Clone, Debug)]
pub struct Path(());
impl Path {
    pub fn parse(_text: &str) -> Result<Path, SyntaxError> { todo!() }
    /// The text that was parsed.
    pub fn source(&self) -> &str { todo!() }
    /// Whether it can match at most one place. An indefinite path always gives an array.
    pub fn is_definite(&self) -> bool { todo!() }
    /// The variable that it reads, if any.
    pub fn variable(&self) -> Option<&str> { todo!() }
    /// `Ok(None)` when a definite path leads nowhere.
    pub fn find(&self, _scope: &Scope<'_>) -> Result<Option<Value>, Failure> { todo!() }
    /// As `InputPath`, `OutputPath`, `…Path` fields: a missing place is the failure
    /// `Invalid path '$.X' : No results for path: $['X']`.
    pub fn evaluate(&self, _scope: &Scope<'_>) -> Result<Value, Failure> { todo!() }
    /// As a `.$` field, `ErrorPath`, `CausePath`: a missing place is the failure `The JSONPath '$.x' specified for
    /// the field 'field' could not be found in the input '…'`.
    pub fn evaluate_field(&self, _scope: &Scope<'_>, _field: &str) -> Result<Value, Failure> { todo!() }
}
