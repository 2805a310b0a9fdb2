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
pub use payload_template::{PathOrCall, PayloadTemplate};
pub use reference_path::ReferencePath;
pub use scope::{Scope, Variables};

/// Why a path, an intrinsic call or an expression could not be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// AWS's words where AWS has them.
    pub message: String,
}

impl std::fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SyntaxError {}
