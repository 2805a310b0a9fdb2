//! JSONPath in the Jayway dialect that AWS uses: definite and indefinite paths, slices, filters, `..`, functions.
//!
//! A path is read once ([`parse`]) and then applied to borrowed values ([`evaluate`]); only what it finds is cloned.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html>

mod evaluate;
mod filter;
mod function;
mod parse;
mod parse_filter;
mod query;

use crate::{Ambient, Failure, Reason, Scope, SyntaxError};
use evaluate::Outcome;
use json::{Text, Value};
pub(crate) use parse::path_len;
use query::{Query, Root};
use std::sync::Arc;

/// A parsed path: `$…` into the input, `$$…` into the context object, `$name…` into a variable.
#[derive(Clone, Debug)]
pub struct Path(Arc<Parsed>);

#[derive(Debug)]
struct Parsed {
    source: Text,
    query: Query,
}

impl Path {
    /// ```
    /// assert!(query::Path::parse("$.orders[?(@.total > 10)].id").is_ok());
    /// assert!(query::Path::parse("orders").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Path, SyntaxError> {
        Ok(Path(Arc::new(Parsed { source: text.into(), query: parse::parse(text)? })))
    }

    /// The text that was parsed.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Whether it can match at most one place. An indefinite path always gives an array.
    pub fn is_definite(&self) -> bool {
        self.0.query.is_definite()
    }

    /// Whether it looks into the context object (`$$…`).
    pub fn is_context(&self) -> bool {
        matches!(self.0.query.root, Root::ContextObject)
    }

    /// The variable that it reads, if any.
    pub fn variable(&self) -> Option<&str> {
        self.0.query.variable()
    }

    /// What the path finds. `Ok(None)` when a definite path leads nowhere, or an index is applied to what is no array.
    pub fn find(&self, scope: &Scope<'_>, ambient: &Ambient) -> Result<Option<Value>, Failure> {
        match self.outcome(scope, ambient)? {
            Outcome::Found(value) => Ok(Some(value)),
            Outcome::Missing(_) => Ok(None),
        }
    }

    /// As `InputPath`, `OutputPath`, `…Path` fields: a missing place is the failure
    /// `Invalid path '$.X' : No results for path: $['X']`.
    pub fn evaluate(&self, scope: &Scope<'_>, ambient: &Ambient) -> Result<Value, Failure> {
        match self.outcome(scope, ambient)? {
            Outcome::Found(value) => Ok(value),
            Outcome::Missing(missing) => {
                let why = missing.describe(&self.0.query);
                Err(Failure::new(Reason::Path, format!("Invalid path '{}' : {why}", self.source())))
            }
        }
    }

    /// As a `.$` field, `ErrorPath`, `CausePath`: a missing place is the failure `The JSONPath '$.x' specified for
    /// the field 'field' could not be found in the input '…'`.
    pub fn evaluate_field(&self, scope: &Scope<'_>, ambient: &Ambient, field: &str) -> Result<Value, Failure> {
        match self.outcome(scope, ambient)? {
            Outcome::Found(value) => Ok(value),
            Outcome::Missing(_) => {
                let (path, input) = (self.source(), scope.input);
                let message = format!(
                    "The JSONPath '{path}' specified for the field '{field}' could not be found in the input '{input}'"
                );
                Err(Failure::new(Reason::Path, message))
            }
        }
    }

    /// As the Reference Path of `ItemsPath`: a missing place is the failure `Unable to apply step "x" to input …`.
    pub fn evaluate_reference(&self, scope: &Scope<'_>, ambient: &Ambient) -> Result<Value, Failure> {
        match self.outcome(scope, ambient)? {
            Outcome::Found(value) => Ok(value),
            Outcome::Missing(missing) => {
                let (step, input) = (missing.step(&self.0.query), scope.input);
                let message = format!("Unable to apply step \"{step}\" to input {input}");
                Err(Failure::new(Reason::ReferencePathConflict, message))
            }
        }
    }

    fn outcome(&self, scope: &Scope<'_>, ambient: &Ambient) -> Result<Outcome, Failure> {
        evaluate::evaluate(&self.0.query, scope, ambient).map_err(|_| {
            let message = format!("Invalid path '{}': it visits too many values, or finds too many", self.source());
            ambient.exhausted(message)
        })
    }
}

/// Equal when written the same.
impl PartialEq for Path {
    fn eq(&self, other: &Path) -> bool {
        self.source() == other.source()
    }
}

#[cfg(test)]
mod tests;
