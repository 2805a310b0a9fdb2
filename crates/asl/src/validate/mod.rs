//! Rules over a definition that was read without a fault, and warnings on the way.
//!
//! What one object may hold is checked where it is read. Here is what concerns several at once: transitions, names,
//! error lists, what an Express state machine cannot do. Each rule is a row.

mod errors;
mod names;
mod tasks;
mod templates;
mod transitions;
mod variables;

pub(crate) use templates::{check_template, warn_of_path, warn_of_static_result};
pub(crate) use variables::check_states_variable;

use crate::diagnostic::{Diagnostic, DiagnosticCode};
use crate::reader::Document;
use crate::{Flow, State, StateKind, StateMachine, StateMachineType};

/// Rules about one state.
const STATE_RULES: &[fn(&Place<'_, State>)] = &[
    names::state_name_has_length,
    errors::all_stands_alone,
    tasks::pattern_fits_type,
    tasks::map_fits_type,
    tasks::heartbeat_is_shorter,
];

/// Rules about one flow, in the order in which AWS applies them.
const FLOW_RULES: &[fn(&Place<'_, Flow>)] =
    &[transitions::targets_exist, transitions::something_ends, transitions::everything_is_reachable];

/// Rules about the whole definition.
const STATE_MACHINE_RULES: &[fn(&Place<'_, Flow>)] =
    &[names::states_are_unique, names::labels_are_unique, variables::names_are_of_one_scope];

/// Something of a definition, and where it stands.
struct Place<'a, T> {
    document: &'a Document,
    it: &'a T,
    /// Empty for the flow of the state machine.
    location: String,
    /// As what it runs: the states in a distributed Map are executions of their own, which may be Express.
    execution_type: StateMachineType,
}

impl<'a, T> Place<'a, T> {
    fn inside<U>(&self, it: &'a U, location: String) -> Place<'a, U> {
        Place { document: self.document, it, location, execution_type: self.execution_type }
    }

    /// Notes a fault at `below`, a path below this place.
    fn fault(&self, code: DiagnosticCode, message: impl Into<String>, below: &str) {
        let location = format!("{}{below}", self.location);
        self.document.push(Diagnostic::error(code, message, Some(location)));
    }
}

impl<'a> Place<'a, Flow> {
    fn states(&self) -> impl Iterator<Item = Place<'a, State>> {
        let state = |state: &'a State| self.inside(state, format!("{}/States/{}", self.location, state.name));
        self.it.states.values().map(state)
    }

    /// This flow and all that are inside its states.
    fn each(&self, visit: &mut dyn FnMut(&Place<'a, Flow>)) {
        visit(self);
        for state in self.states() {
            for flow in state.flows() {
                flow.each(visit);
            }
        }
    }
}

impl<'a> Place<'a, State> {
    fn flows(&self) -> Vec<Place<'a, Flow>> {
        let location = |index: usize| match &self.it.kind {
            StateKind::Map(map) => format!("{}/{}", self.location, map.processor_field),
            _ => format!("{}/Branches[{index}]", self.location),
        };
        let execution_type = match &self.it.kind {
            StateKind::Map(map) => map.distributed.as_ref().map(|distributed| distributed.execution_type),
            _ => None,
        };
        let flow = |(index, flow)| Place {
            execution_type: execution_type.unwrap_or(self.execution_type),
            ..self.inside(flow, location(index))
        };
        self.it.flows().iter().enumerate().map(flow).collect()
    }
}

/// Applies all rules, and notes what they find.
pub(crate) fn validate(document: &Document, state_machine: &StateMachine) {
    let execution_type = document.state_machine_type;
    let top = Place { document, it: &state_machine.flow, location: String::new(), execution_type };
    top.each(&mut |flow| {
        for state in flow.states() {
            for rule in STATE_RULES {
                rule(&state);
            }
        }
    });
    for rule in STATE_MACHINE_RULES {
        rule(&top);
    }
    top.each(&mut |flow| {
        if document.is_of_state && flow.location.is_empty() {
            return;
        }
        for rule in FLOW_RULES {
            rule(flow);
        }
    });
}
