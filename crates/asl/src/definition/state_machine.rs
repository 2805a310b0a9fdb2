//! The top level of a definition.

use super::State;
use indexmap::IndexMap;
use json::Text;

/// A whole definition.
#[derive(Clone, Debug)]
pub struct StateMachine {
    pub comment: Option<Text>,
    pub query_language: QueryLanguage,
    /// `TimeoutSeconds` of the whole execution.
    pub timeout_seconds: Option<u64>,
    pub flow: Flow,
}

/// `StartAt` and `States`: a state machine, a branch of a Parallel, an item processor of a Map.
#[derive(Clone, Debug)]
pub struct Flow {
    pub start_at: Text,
    pub states: IndexMap<Text, State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum QueryLanguage { #[default] JsonPath, Jsonata }

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum StateMachineType { #[default] Standard, Express }

impl StateMachine {
    /// The flow in which `state_name` stands (names are unique in the whole definition).
    pub fn find(&self, _state_name: &str) -> Option<(&Flow, &State)> { todo!() }
    /// State → variables that it reads, as `DescribeStateMachine` returns in `variableReferences`.
    pub fn variable_references(&self) -> std::collections::BTreeMap<String, Vec<String>> { todo!() }
}
