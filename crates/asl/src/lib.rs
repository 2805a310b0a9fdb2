//! Amazon States Language: definitions, diagnostics, ARNs and limits.
//!
//! Parsing never fails: it gives a definition (where the text is one) and diagnostics. Who asked decides
//! which diagnostics refuse.

mod arn;
mod choice_rule;
mod definition;
mod diagnostic;
mod limits;

pub use arn::{Arn, ArnError, Resource};
pub use choice_rule::{ChoiceRule, Comparison, Condition, Operand, Operator};
pub use definition::{
    Catcher, Choice, Common, Credentials, Distributed, ErrorCause, Fail, Fields, Flow, IntegrationPattern, ItemBatcher,
    ItemReader, JitterStrategy, Map, MaybePath, Parallel, Pass, QueryLanguage, ResultWriter, Retrier, State, StateKind,
    StateMachine, StateMachineType, Succeed, Task, TaskResource, Template, Transition, Wait, WaitUntil,
};
pub use diagnostic::{Diagnostic, DiagnosticCode, Severity};
pub use limits::Limits;

/// What [`parse`] gives.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// Present whenever no diagnostic is an error.
    pub state_machine: Option<StateMachine>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a definition. Never fails: what is wrong is in the diagnostics, in document order, AWS's codes and words.
pub fn parse(_definition: &str, _state_machine_type: StateMachineType) -> Parsed { todo!() }
