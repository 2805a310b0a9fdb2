//! A state, the fields that all types share, and Pass.

use super::{Choice, Fail, Map, Parallel, QueryLanguage, Succeed, Task, Template, Wait};
use crate::kind;
use crate::reader::{Reader, Sees};
use crate::shape::{INPUT_OUTPUT, NEXT_OR_END, STATE, Shape, TRANSITION, both, json_path};
use json::{Text, Value};
use query::{Path, ReferencePath};

/// One state.
#[derive(Clone, Debug)]
pub struct State {
    pub name: Text,
    pub query_language: QueryLanguage,
    pub comment: Option<Text>,
    pub kind: StateKind,
}

/// The eight types. The large ones stand apart: a definition may have many thousand small states.
#[derive(Clone, Debug)]
pub enum StateKind {
    Pass(Pass),
    Task(Box<Task>),
    Choice(Choice),
    Wait(Wait),
    Succeed(Succeed),
    Fail(Fail),
    Parallel(Box<Parallel>),
    Map(Box<Map>),
}

/// Where a state goes when it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transition {
    Next(Text),
    End,
}

/// Input and output processing, in the language of the state. Fields that a type does not have stay empty.
#[derive(Clone, Debug)]
pub enum Fields {
    JsonPath {
        /// `None` is the default `$`; `Some(None)` is `null`, which gives `{}`.
        input_path: Option<Option<Path>>,
        /// `Parameters`.
        parameters: Option<Template>,
        result_selector: Option<Template>,
        /// `None` is the default `$`; `Some(None)` is `null`, which discards the result.
        result_path: Option<Option<ReferencePath>>,
        output_path: Option<Option<Path>>,
        assign: Option<Template>,
    },
    Jsonata {
        arguments: Option<Template>,
        output: Option<Template>,
        assign: Option<Template>,
    },
}

/// The fields that every state has but Choice, Succeed and Fail.
#[derive(Clone, Debug)]
pub struct StateFields {
    pub fields: Fields,
    pub transition: Transition,
    /// Whether what the state puts out, or assigns, can depend on its result. If not, as with `"ResultPath": null`, a Parallel
    /// or an inline Map need not collect it. (A distributed Map does, and its limit holds for it, as in AWS.)
    pub needs_result: bool,
}

/// A state that only passes its input on, changed or not.
#[derive(Clone, Debug)]
pub struct Pass {
    pub state: StateFields,
    /// `Result` (JSONPath).
    pub result: Option<Value>,
}

const TYPES: &[&str] = &["Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map"];

const PASS: Shape = Shape {
    fields: &[
        STATE,
        TRANSITION,
        INPUT_OUTPUT,
        &[json_path("Result"), json_path("Parameters"), json_path("ResultPath"), both("Assign")],
    ],
    required: &[],
    groups: &[NEXT_OR_END],
};

impl State {
    pub(crate) fn read(name: &Text, reader: Reader<'_>) -> Option<State> {
        let query_language = read_query_language(&reader);
        let reader = reader.in_language(query_language);
        let comment = reader.read("Comment", kind::string);
        if !reader.has("Type") {
            reader.check_required(&["Type"]);
        }
        let state_type = reader.read_word("Type", TYPES)?;
        let has_result = matches!(state_type, "Task" | "Parallel" | "Map");
        let reader = reader.seeing(if has_result { Sees::Result } else { Sees::Nothing });
        let kind = match state_type {
            "Task" => Task::read(&reader).map(Box::new).map(StateKind::Task),
            "Wait" => Wait::read(&reader).map(StateKind::Wait),
            "Pass" => Pass::read(&reader).map(StateKind::Pass),
            "Succeed" => Some(StateKind::Succeed(Succeed::read(&reader))),
            "Fail" => Some(StateKind::Fail(Fail::read(&reader))),
            "Choice" => Choice::read(&reader).map(StateKind::Choice),
            "Parallel" => Parallel::read(&reader).map(Box::new).map(StateKind::Parallel),
            _ => Map::read(&reader).map(Box::new).map(StateKind::Map),
        };
        Some(State { name: name.clone(), query_language, comment, kind: kind? })
    }
}

/// A state may go from JSONPath to JSONata, and not back.
fn read_query_language(reader: &Reader<'_>) -> QueryLanguage {
    let machine_language = reader.machine_language();
    let language = QueryLanguage::read(reader).unwrap_or(machine_language);
    if (machine_language, language) == (QueryLanguage::Jsonata, QueryLanguage::JsonPath) {
        reader.fault("'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine");
    }
    language
}

impl Pass {
    fn read(reader: &Reader<'_>) -> Option<Pass> {
        reader.check(&PASS);
        if let Some(result) = reader.get("Result") {
            crate::validate::warn_of_static_result(reader, result);
        }
        let fields = StateFields::read(reader);
        Some(Pass { state: fields?, result: reader.get("Result").cloned() })
    }
}

impl StateFields {
    pub(crate) fn read(reader: &Reader<'_>) -> Option<StateFields> {
        let fields = Fields::read(reader);
        let needs_result = fields.can_use_result();
        Some(StateFields { fields, transition: Transition::read(reader)?, needs_result })
    }
}

impl Transition {
    fn read(reader: &Reader<'_>) -> Option<Transition> {
        let end = reader.read("End", kind::boolean);
        let next = reader.read("Next", kind::string).map(Transition::Next);
        if end == Some(false) && next.is_none() {
            reader.check_required(&["Next"]);
        }
        next.or((end == Some(true)).then_some(Transition::End))
    }
}

impl Fields {
    fn can_use_result(&self) -> bool {
        match self {
            Fields::JsonPath { result_selector, result_path, assign, .. } => {
                // A selector may fail, whatever becomes of what it selects.
                result_selector.is_some() || assign.is_some() || *result_path != Some(None)
            }
            Fields::Jsonata { output, assign, .. } => {
                output.is_none() || output.iter().chain(assign).any(Template::may_read_result)
            }
        }
    }

    /// Takes the fields that are there; the shape of the type has refused those that it does not have.
    pub(crate) fn read(reader: &Reader<'_>) -> Fields {
        if reader.is_jsonata() {
            return Fields::Jsonata {
                arguments: reader.template("Arguments"),
                output: reader.template("Output"),
                assign: read_assign(reader),
            };
        }
        Fields::JsonPath {
            input_path: reader.read("InputPath", kind::nullable(kind::path)),
            parameters: reader.template("Parameters"),
            result_selector: reader.template("ResultSelector"),
            result_path: reader.read("ResultPath", kind::nullable(kind::reference_path)),
            output_path: reader.read("OutputPath", kind::nullable(kind::path)),
            assign: read_assign(reader),
        }
    }
}

/// `Assign`: an object whose names are variables.
pub(crate) fn read_assign(reader: &Reader<'_>) -> Option<Template> {
    let variables = reader.child("Assign")?;
    for key in variables.object().keys() {
        let name = if reader.is_jsonata() { key } else { key.strip_suffix(".$").unwrap_or(key) };
        if let Some(fault) = variable_name_fault(name) {
            reader.fault_at("Assign", fault);
        }
    }
    reader.template("Assign")
}

/// <https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html>
fn variable_name_fault(name: &str) -> Option<String> {
    const VARIABLE_NAME_CHARS_MAX: usize = 80;
    if name == "states" {
        return Some("The variable name 'states' is reserved".to_owned());
    }
    if name.chars().count() > VARIABLE_NAME_CHARS_MAX {
        return Some(format!("The variable name '{name}' exceeds {VARIABLE_NAME_CHARS_MAX} characters"));
    }
    let starts = name.starts_with(|first: char| first.is_alphabetic() || first == '_');
    let goes_on = name.chars().all(|character| character.is_alphanumeric() || character == '_');
    (!starts || !goes_on).then(|| format!("The variable name '{name}' is not valid"))
}
