//! A flow: `StartAt` and `States`.

use super::{Map, State, StateKind};
use crate::diagnostic::DiagnosticCode;
use crate::kind;
use crate::reader::Reader;
use indexmap::IndexMap;
use json::Text;

/// `StartAt` and `States`: a state machine, a branch of a Parallel, an item processor of a Map.
#[derive(Clone, Debug)]
pub struct Flow {
    pub start_at: Text,
    pub states: IndexMap<Text, State>,
}

/// How many Parallel and Map states may enclose one another; AWS has such a limit and does not publish it.
const NESTING_MAX: usize = 32;

impl Flow {
    pub(crate) fn read<'a>(reader: &Reader<'a>) -> Option<Flow> {
        if reader.nesting() > NESTING_MAX {
            let message = "Definition is too deeply nested";
            reader.fault_with(DiagnosticCode::TooDeeplyNested, message, &reader.location_of("States"));
            return None;
        }
        let start_at = reader.read("StartAt", kind::string);
        let children = reader.child("States")?;
        if children.object().is_empty() {
            reader.fault_at("States", "Value cannot be empty");
        }
        let read = |name: &'a Text| {
            let state = State::read(name, children.child(name)?)?;
            Some((name.clone(), state))
        };
        let mut states: IndexMap<Text, State> = children.object().keys().filter_map(read).collect();
        states.shrink_to_fit();
        Some(Flow { start_at: start_at?, states })
    }

    /// The flow, this or one inside it, in which `state_name` stands.
    pub fn find(&self, state_name: &str) -> Option<(&Flow, &State)> {
        if let Some(state) = self.states.get(state_name) {
            return Some((self, state));
        }
        self.states.values().flat_map(State::flows).find_map(|flow| flow.find(state_name))
    }

    /// The innermost Map in whose item processor `state_name` stands.
    pub fn map_around(&self, state_name: &str) -> Option<&Map> {
        let around = |state: &&State| state.flows().iter().any(|flow| flow.find(state_name).is_some());
        let state = self.states.values().find(around)?;
        let map = match &state.kind {
            StateKind::Map(map) => Some(&**map),
            _ => None,
        };
        state.flows().iter().find_map(|flow| flow.map_around(state_name)).or(map)
    }
}

impl State {
    /// The flows inside the state: branches of a Parallel, the item processor of a Map.
    pub fn flows(&self) -> &[Flow] {
        match &self.kind {
            StateKind::Parallel(parallel) => &parallel.branches,
            StateKind::Map(map) => std::slice::from_ref(&map.item_processor),
            StateKind::Pass(_)
            | StateKind::Task(_)
            | StateKind::Choice(_)
            | StateKind::Wait(_)
            | StateKind::Succeed(_)
            | StateKind::Fail(_) => &[],
        }
    }
}
