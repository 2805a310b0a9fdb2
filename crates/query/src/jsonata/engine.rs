//! The contract of a JSONata evaluator. What is above it (`$states`, AWS's words, templates) does not know which
//! evaluator it is: [`super::core`] adapts the crate `jsonata-core`, and an evaluator of our own over
//! [`json::Value`] can take its place, with the reference suite as the judge.

use super::SyntaxError;
use crate::{Ambient, Scope};
use json::Value;

/// A parsed expression that can be evaluated by any number of threads.
pub(super) trait Evaluator: Sized + Send + Sync {
    fn parse(text: &str) -> Result<Self, SyntaxError>;
    /// The value, `None` for undefined. Reads of `data` only what the expression needs.
    fn evaluate(&self, data: &dyn Data, ambient: &Ambient) -> Result<Option<Value>, Fault>;
    /// The variables that the expression reads and does not bind itself, sorted, without `$states`.
    fn variables(&self) -> &[String];
    /// Whether the expression names this member of `$states`.
    fn reads_states(&self, member: &str) -> bool;
    /// The same, or it takes `$states` as a whole.
    fn may_read_states(&self, member: &str) -> bool;
    /// The first use of the surrounding data at the top level (`phone`, `$`, `$$`), where there is none.
    fn top_level_reference(&self) -> Option<&str>;
}

/// What an expression can read.
pub(super) trait Data {
    /// A member of `$states`; `None` where it is not present.
    fn states(&self, member: &str) -> Option<&Value>;
    /// A variable other than `$states`.
    fn variable(&self, name: &str) -> Option<&Value>;
    /// `$` and `$$` at the top level. AWS has none.
    fn root(&self) -> Option<&Value> {
        None
    }
}

/// The members of `$states`.
pub(super) const STATES_MEMBERS: [&str; 4] = ["input", "result", "errorOutput", "context"];

impl Data for Scope<'_> {
    fn states(&self, member: &str) -> Option<&Value> {
        match member {
            "input" => Some(self.input),
            "result" => self.result,
            "errorOutput" => self.error_output,
            "context" => Some(self.context.value()),
            _ => None,
        }
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }
}

/// Why an evaluation gave no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// An error with its JSONata code and message: `T1006`, `Attempted to invoke a non-function`.
    Error { code: String, message: String },
    /// An error without a code.
    Uncoded { message: String },
    /// A function or a regular expression is no JSON value.
    UnsupportedResult,
    /// [`crate::Budget::time`] was used up.
    Time,
    /// The same, by what the expression reads, before it was evaluated.
    TooMuchToRead,
    /// [`crate::Budget::memory_bytes`] was used up.
    Memory,
    /// [`crate::Budget::depth`] was used up.
    Depth,
    /// The evaluator panicked.
    Internal,
}
