//! JSONata with AWS's additions, bounded in time, memory and depth.
//!
//! ```text
//! Template, Expression        what definitions hold; AWS's sentences              template, messages
//!   └─ engine::Evaluator      the contract of an evaluator                        engine
//!        └─ core::Core        the crate jsonata-core, reads only what is needed   core, references, convert
//!             ├─ guard        guards planted in the tree                          guard, closures, growth, prelude, visit
//!             ├─ limits       the meter that the guards ask                       limits, cost
//!             └─ functions    what AWS adds, and what comes from the Ambient      functions
//! ```
//!
//! # The language
//!
//! JSONata 2 without `$eval`, with `$partition`, `$range`, `$hash`, `$random([seed])`, `$uuid` and `$parse`.
//! `$states` holds `input`, `result`, `errorOutput` and `context`, each where it is present. There is no
//! surrounding data: `$`, `$$` and names without `$` at the top level are refused when an expression is parsed.
//! `$now`, `$millis`, `$random`, `$uuid` and `$shuffle` draw from the [`Ambient`]: the time is the same throughout
//! an evaluation. <https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html>
//!
//! # Limits
//!
//! An evaluation ends when it uses more than its [`Budget`](crate::Budget), with `Reason::OverBudget`, or with
//! `Reason::QueryEvaluation` and AWS's words when the budget is the last that the caller has:
//!
//! - **time** that the step has left: at each node of the expression by the clock of `jsonata-core`, and by fuel for what
//!   runs between two looks at it. Fuel is about the nanoseconds that were measured, and it is taken before the work, so
//!   that a small budget refuses what would hold up its thread: the conversion of what is read, with what the nodes of the
//!   expression do with it (see `growth`); `[a..b]`; each built-in function that goes through its arguments or makes
//!   something of them, by their length (see `cost`); the conversion of what is given back;
//! - **memory** by guards that are planted in the expression (see `guard` and `limits`): one value may have
//!   `memory_bytes`, a sequence `memory_bytes / 8` items, living texts four times and all arrays and objects that are
//!   made fourteen times that. A loop that makes arrays and drops them (`$append` in a `$reduce` of some thousand
//!   steps) is refused although little of it is alive; AWS may accept it. Functions that are made again and again count as
//!   arrays do, and such an expression has a stack that is large enough to let go of all of them at once (see `closures`);
//! - **depth** of nested evaluation; the stack moves to the heap where a thread's own is small. An expression may
//!   nest 1,000 levels, a value 512. AWS ends an expression at a depth of about 100.
//!
//! With [`Budget::MEMORY_BYTES`](crate::Budget::MEMORY_BYTES) a hostile expression takes up to about 200 MB for a
//! moment. What remains: a walk through a value that exists (`$sum`, `=`, a step of a path, `^(…)` after its terms) runs
//! to its end. The value was paid for when it was made, which takes longer than the walk. A `$toMillis` whose picture is
//! not a literal and has no year takes the year from the clock of the machine.
//!
//! # Panics
//!
//! A panic in the evaluator is caught and becomes a failure of the one expression. The panic hook belongs to the
//! process, not to this crate: a program that wants its log free of them asks [`is_evaluating`] in its hook.

mod closures;
mod convert;
mod core;
mod cost;
mod engine;
mod functions;
mod growth;
mod guard;
mod limits;
mod messages;
mod prelude;
mod references;
mod syntax;
mod template;
mod visit;

#[cfg(test)]
mod fuel;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod tests;

pub use core::is_evaluating;
pub use template::Template;

use crate::{Ambient, Failure, Scope, SyntaxError};
use engine::Evaluator;
use json::{Text, Value};
use std::sync::Arc;

/// A parsed expression: the text between `{%` and `%}`. Cloning it copies a pointer.
#[derive(Clone)]
pub struct Expression {
    source: Text,
    program: Arc<core::Core>,
}

impl Expression {
    /// Takes the text with its marks, `{% … %}`.
    pub fn parse_marked(text: &str) -> Result<Expression, SyntaxError> {
        match text.strip_prefix("{%").and_then(|text| text.strip_suffix("%}")) {
            Some(inner) => Expression::parse(inner),
            None => Err(SyntaxError::invalid("A JSONata expression must start with '{%' and end with '%}'")),
        }
    }

    /// Takes the text between the marks.
    ///
    /// The message of an error is AWS's: `Unexpected end of expression`, or for a use of surrounding data, which is
    /// `Unsupported`, `Reference to 'phone' at the top level is not supported.`
    pub fn parse(text: &str) -> Result<Expression, SyntaxError> {
        let source = text.trim();
        let program = core::Core::parse(source)?;
        match program.top_level_reference() {
            Some(name) => {
                Err(SyntaxError::unsupported(format!("Reference to '{name}' at the top level is not supported.")))
            }
            None => Ok(Expression { source: source.into(), program: Arc::new(program) }),
        }
    }

    /// The text between the marks, trimmed, as AWS's messages quote it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The value; undefined, a function or an error is a failure in AWS's words. `field` is the location.
    ///
    /// A value that the expression only passes on (`$states.input.order`) is the value itself, not a copy.
    pub fn evaluate(&self, scope: &Scope<'_>, ambient: &Ambient, field: &str) -> Result<Value, Failure> {
        let fault = match self.program.evaluate(scope, ambient) {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => None,
            Err(fault) => Some(fault),
        };
        Err(messages::failure(fault, &self.source, field, ambient.budget.last))
    }

    /// Whether it names this member of `$states`: `input`, `result`, `errorOutput`, `context`.
    pub fn reads_states(&self, member: &str) -> bool {
        self.program.reads_states(member)
    }

    /// Whether this member of `$states` can be part of what it reads: it names it, or takes `$states` as a whole.
    pub fn may_read_states(&self, member: &str) -> bool {
        self.program.may_read_states(member)
    }

    /// The variables that it reads, sorted: names that it does not bind itself and that are no functions.
    pub fn variables(&self) -> Vec<String> {
        self.program.variables().to_vec()
    }
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Expression").field(&self.source).finish()
    }
}
