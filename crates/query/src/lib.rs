//! The two query languages of the Amazon States Language: JSONPath with intrinsic functions, and JSONata.
//!
//! Everything here is parsed once, with the definition, and evaluated many times against a [`Scope`].
//! Nothing here reads a clock or draws a random number: both come in with the [`Ambient`].

pub mod intrinsics;
pub mod jsonata;
pub mod jsonpath;

mod ambient;
mod context_object;
mod cursor;
mod failure;
mod location;
mod payload_template;
mod reference_path;
mod regex_cost;
mod scope;
mod size;
#[cfg(test)]
mod testing;

pub use ambient::{Ambient, Budget, Exhausted, Stopwatch};
pub use context_object::{ContextObject, ExecutionContext, MapItem};
pub use failure::{Failure, Reason};
pub use jsonpath::Path;
pub use location::Location;
pub use payload_template::{PathOrCall, PayloadTemplate};
pub use reference_path::ReferencePath;
pub use scope::{Scope, Variables};

/// Why a path, an intrinsic call or an expression could not be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    pub kind: SyntaxErrorKind,
    /// AWS's words where AWS has them.
    pub message: String,
}

/// What is wrong with a text that could not be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyntaxErrorKind {
    /// It is not in the language.
    Invalid,
    /// It is in the language, and uses what Step Functions does not offer.
    Unsupported,
}

impl SyntaxError {
    pub(crate) fn invalid(message: impl Into<String>) -> SyntaxError {
        SyntaxError { kind: SyntaxErrorKind::Invalid, message: message.into() }
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> SyntaxError {
        SyntaxError { kind: SyntaxErrorKind::Unsupported, message: message.into() }
    }
}

impl std::fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SyntaxError {}
