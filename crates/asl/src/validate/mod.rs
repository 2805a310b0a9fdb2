//! Rules over a definition that was read without a fault, and warnings on the way.
//!
//! What one object may hold is checked where it is read. Here is what concerns several at once: transitions, names,
//! error lists, what an Express state machine cannot do. Each rule is a row.

mod errors;
mod names;
mod tasks;
mod templates;
mod transitions;

pub(crate) use templates::{check_template, warn_of_path, warn_of_static_result};

use crate::diagnostic::{Diagnostic, DiagnosticCode};
use crate::reader::Document;
use crate::{Flow, State, StateKind, StateMachine};

/// Rules about one state.
const STATE_RULES: &[fn(&Place<'_, State>)] =
    &[names::state_name_has_length, errors::all_stands_alone, tasks::pattern_fits_type, tasks::heartbeat_is_shorter];

/// Rules about one flow, in the order in which AWS applies them.
const FLOW_RULES: &[fn(&Place<'_, Flow>)] =
    &[transitions::targets_exist, transitions::something_ends, transitions::everything_is_reachable];

/// Rules about the whole definition.
const STATE_MACHINE_RULES: &[fn(&Place<'_, Flow>)] = &[names::states_are_unique, names::labels_are_unique];

/// Something of a definition, and where it stands.
struct Place<'a, T> {
    document: &'a Document,
    it: &'a T,
    /// Empty for the flow of the state machine.
    location: String,
}

impl<'a, T> Place<'a, T> {
    fn inside<U>(&self, it: &'a U, location: String) -> Place<'a, U> {
        Place { document: self.document, it, location }
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
        self.it.flows().iter().enumerate().map(|(index, flow)| self.inside(flow, location(index))).collect()
    }
}

/// Applies all rules, and notes what they find.
pub(crate) fn validate(document: &Document, state_machine: &StateMachine) {
    let top = Place { document, it: &state_machine.flow, location: String::new() };
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
