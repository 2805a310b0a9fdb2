//! Amazon States Language: definitions, diagnostics, ARNs and limits.
//!
//! Parsing never fails: it gives a definition (where the text is one) and diagnostics. Who asked decides
//! which diagnostics refuse.
//!
//! A definition is read in two goes, as AWS does it. First every object is read into its type (`Reader` is the
//! cursor, `definition` has the types with their fields); then, when all could be read, the rules of `validate`
//! look at the whole: transitions, names, error lists.

mod arn;
mod choice_rule;
mod definition;
mod diagnostic;
mod kind;
mod limits;
mod name;
mod reader;
mod services;
mod shape;
mod substitute;
mod validate;
mod variable_references;

pub use arn::{Arn, ArnError, Resource};
pub use choice_rule::{ChoiceRule, Comparison, Condition, Operand, Operator};
pub use definition::{
    Catcher, Choice, Credentials, Distributed, ErrorCause, Fail, Fields, Flow, IntegrationPattern, ItemBatcher,
    ItemReader, JitterStrategy, Map, MaybePath, Parallel, Pass, QueryLanguage, ResultWriter, Retrier, State,
    StateFields, StateKind, StateMachine, StateMachineType, Succeed, Task, TaskResource, Template, Transition, Wait,
    WaitUntil,
};
pub use diagnostic::{DIAGNOSTICS_MAX, Diagnostic, DiagnosticCode, Severity, invalid_definition_message};
pub use limits::Limits;
pub use name::{NAME_CHARS_MAX, is_valid_name};
pub use services::{Services, unsupported_field};
pub use substitute::substitute;

use json::{Object, Value};
use reader::{Document, Reader};
use std::sync::Arc;

/// What [`parse`] gives.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// Present whenever no diagnostic is an error.
    pub state_machine: Option<StateMachine>,
    /// No more than [`DIAGNOSTICS_MAX`] errors and as many warnings, in the order in which they are found.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a definition. Never fails: what is wrong is in the diagnostics, in document order, AWS's codes and words. Of the
/// limits only what stands in a definition is looked at, not how long it is.
///
/// ```
/// let definition = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}"#;
/// let parsed = asl::parse(definition, asl::StateMachineType::Standard, &asl::Limits::default());
/// assert!(parsed.state_machine.is_none());
/// assert_eq!(
///     parsed.diagnostics[0].to_string(),
///     "MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next"
/// );
/// ```
pub fn parse(definition: &str, state_machine_type: StateMachineType, limits: &Limits) -> Parsed {
    parse_with_services(definition, state_machine_type, limits, None)
}

/// Reads a definition as [`parse`] does, and asks whoever knows the services that Tasks call whether those have the fields
/// that they are given.
pub fn parse_with_services(
    definition: &str,
    state_machine_type: StateMachineType,
    limits: &Limits,
    services: Option<Arc<dyn Services>>,
) -> Parsed {
    let document = Document::new(state_machine_type, limits.clone()).with_services(services);
    let state_machine = read(definition, &document);
    let state_machine = state_machine.filter(|_| !document.has_errors());
    Parsed { state_machine, diagnostics: document.into_diagnostics() }
}

/// Reads a definition that was accepted before, by this version or an earlier one, under these limits or others: what
/// today's rules have against it does not matter any more. `None` only if no state machine can be read from it.
///
/// ```
/// let refused_today = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}"#;
/// assert!(asl::parse_accepted(refused_today, asl::StateMachineType::Standard).is_some());
/// ```
pub fn parse_accepted(definition: &str, state_machine_type: StateMachineType) -> Option<StateMachine> {
    read(definition, &Document::new(state_machine_type, Limits::of_accepted()))
}

/// Reads the definition of one state, which gets the name `name`. Where it goes is not looked at: there is no other
/// state. It is read as the only state of a JSONPath state machine.
///
/// ```
/// let limits = asl::Limits::default();
/// let parsed = asl::parse_state(r#"{"Type": "Pass", "Next": "B"}"#, "A", &limits);
/// assert!(parsed.state_machine.unwrap().find("A").is_some());
/// let parsed = asl::parse_state(r#"{"Type": "Parallel", "Branches": [], "End": true}"#, "A", &limits);
/// assert_eq!(
///     parsed.diagnostics[0].to_string(),
///     "SCHEMA_VALIDATION_FAILED: Value cannot be empty at /States/A/Branches"
/// );
/// ```
pub fn parse_state(definition: &str, name: &str, limits: &Limits) -> Parsed {
    let document = Document::of_state(limits.clone());
    let state_machine = match Value::parse(definition) {
        Ok(state) => {
            let states = Object::from([(name, state)]);
            let top = Object::from([("StartAt", Value::from(name)), ("States", Value::Object(states))]);
            read_object(&top, &document)
        }
        Err(error) => {
            document.fault(DiagnosticCode::InvalidJsonDescription, error.message, None);
            None
        }
    };
    let state_machine = state_machine.filter(|_| !document.has_errors());
    Parsed { state_machine, diagnostics: document.into_diagnostics() }
}

fn read(definition: &str, document: &Document) -> Option<StateMachine> {
    let value = match Value::parse(definition) {
        Ok(value) => value,
        // To AWS an empty text is JSON of the wrong kind.
        Err(_) if definition.trim().is_empty() => Value::Null,
        Err(error) => {
            document.fault(DiagnosticCode::InvalidJsonDescription, error.message, None);
            return None;
        }
    };
    let Some(object) = value.as_object() else {
        let (code, message) = (DiagnosticCode::SchemaValidationFailed, "Definition must be a valid JSON object");
        document.fault(code, message, None);
        return None;
    };
    read_object(object, document)
}

fn read_object(object: &Object, document: &Document) -> Option<StateMachine> {
    let state_machine = StateMachine::read(Reader::top(document, object))?;
    if !document.has_errors() {
        validate::validate(document, &state_machine);
    }
    Some(state_machine)
}
