//! The top level of a definition.

use super::{Flow, State, StateKind};
use crate::kind;
use crate::reader::Reader;
use crate::shape::{Shape, both};
use json::Text;
use serde::{Deserialize, Serialize};

/// A whole definition.
#[derive(Clone, Debug)]
pub struct StateMachine {
    pub comment: Option<Text>,
    pub query_language: QueryLanguage,
    /// `TimeoutSeconds` of the whole execution.
    pub timeout_seconds: Option<u64>,
    pub flow: Flow,
}

/// In which language a state selects and computes its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum QueryLanguage {
    #[default]
    JsonPath,
    Jsonata,
}

/// Whether executions are durable and long, or fast and short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum StateMachineType {
    #[default]
    Standard,
    Express,
}

const SHAPE: Shape = Shape {
    fields: &[&[
        both("Comment"),
        both("StartAt"),
        both("States"),
        both("Version"),
        both("TimeoutSeconds"),
        both("QueryLanguage"),
    ]],
    required: &["States", "StartAt"],
    groups: &[],
};

/// Seconds that any `TimeoutSeconds` or `HeartbeatSeconds` may count: a bound of the language, no quota.
pub(crate) const TIMEOUT_SECONDS_MAX: u64 = 99_999_999;

impl QueryLanguage {
    /// As it is written in definitions.
    pub fn as_str(self) -> &'static str {
        match self {
            QueryLanguage::JsonPath => "JSONPath",
            QueryLanguage::Jsonata => "JSONata",
        }
    }

    /// `QueryLanguage` of the object, if it has one. What is not `JSONPath` is taken as `JSONata`, as AWS does.
    pub(crate) fn read(reader: &Reader<'_>) -> Option<QueryLanguage> {
        if !reader.has("QueryLanguage") {
            return None;
        }
        match reader.read_word("QueryLanguage", &["JSONPath", "JSONata"]) {
            Some("JSONPath") => Some(QueryLanguage::JsonPath),
            _ => Some(QueryLanguage::Jsonata),
        }
    }
}

impl StateMachine {
    pub(crate) fn read(reader: Reader<'_>) -> Option<StateMachine> {
        let query_language = QueryLanguage::read(&reader).unwrap_or_default();
        let reader = reader.in_machine_language(query_language);
        reader.check(&SHAPE);
        reader.read_word("Version", &["1.0"]);
        let comment = reader.read("Comment", kind::string);
        let timeout_seconds = reader.read("TimeoutSeconds", kind::integer(1..=TIMEOUT_SECONDS_MAX));
        let flow = Flow::read(&reader);
        Some(StateMachine { comment, query_language, timeout_seconds, flow: flow? })
    }

    /// A state machine that has only this state, under the name `name`. Where the state goes is not there.
    pub fn of_state(state: &State, name: &str) -> StateMachine {
        let name = Text::from(name);
        let state = State { name: name.clone(), ..state.clone() };
        let flow = Flow { start_at: name.clone(), states: [(name, state)].into_iter().collect() };
        StateMachine { comment: None, query_language: QueryLanguage::default(), timeout_seconds: None, flow }
    }

    /// What the children of a Map in DISTRIBUTED mode execute: the item processor, as a state machine of its own.
    pub fn item_processor(&self, state_name: &str) -> Option<StateMachine> {
        let (_, state) = self.find(state_name)?;
        let StateKind::Map(map) = &state.kind else { return None };
        let flow = map.item_processor.clone();
        Some(StateMachine { comment: None, query_language: self.query_language, timeout_seconds: None, flow })
    }

    /// The flow in which `state_name` stands (names are unique in the whole definition).
    pub fn find(&self, state_name: &str) -> Option<(&Flow, &State)> {
        self.flow.find(state_name)
    }
}
