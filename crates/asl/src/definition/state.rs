//! A state and the fields that all types share; Pass, Succeed and Fail.

use super::{Choice, Map, Parallel, QueryLanguage, Task, Template, Wait};
use json::{Text, Value};
use query::{Path, PathOrCall, ReferencePath, jsonata};

/// One state.
#[derive(Clone, Debug)]
pub struct State {
    pub name: Text,
    pub query_language: QueryLanguage,
    pub comment: Option<Text>,
    pub kind: StateKind,
}

/// The eight types.
#[derive(Clone, Debug)]
pub enum StateKind {
    Pass(Pass), Task(Task), Choice(Choice), Wait(Wait), Succeed(Succeed), Fail(Fail), Parallel(Parallel), Map(Map),
}

/// Where a state goes when it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transition { Next(Text), End }

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
    Jsonata { arguments: Option<Template>, output: Option<Template>, assign: Option<Template> },
}

/// What every state but Fail and Choice has.
#[derive(Clone, Debug)]
pub struct Common { pub fields: Fields, pub transition: Transition }

#[derive(Clone, Debug)]
pub struct Pass { pub common: Common, /// `Result` (JSONPath).
    pub result: Option<Value> }

#[derive(Clone, Debug)]
pub struct Succeed { pub fields: Fields }

/// `Error`, `Cause`: written, by path or intrinsic call, or computed.
#[derive(Clone, Debug)]
pub enum ErrorCause { Literal(Text), Path(PathOrCall), Expression(jsonata::Expression) }

#[derive(Clone, Debug)]
pub struct Fail { pub error: Option<ErrorCause>, pub cause: Option<ErrorCause> }
