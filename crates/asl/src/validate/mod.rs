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

use crate::diagnostic::DiagnosticCode;
use crate::reader::Document;
use crate::{Flow, State, StateKind, StateMachine, StateMachineType};
use query::Location;

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
    /// The top for the flow of the state machine.
    location: Location<'a>,
    /// As what it runs: the states in a distributed Map are executions of their own, which may be Express.
    execution_type: StateMachineType,
}

impl<'a, T> Place<'a, T> {
    fn inside<U>(&self, it: &'a U, location: Location<'a>) -> Place<'a, U> {
        Place { document: self.document, it, location, execution_type: self.execution_type }
    }

    /// Notes a fault at a location here or below.
    fn fault(&self, code: DiagnosticCode, message: impl Into<String>, location: &Location<'_>) {
        self.document.fault(code, message, Some(location));
    }
}

impl<'a> Place<'a, Flow> {
    fn states(&self) -> impl Iterator<Item = Place<'a, State>> {
        let states = self.location.member("States");
        self.it.states.values().map(move |state| self.inside(state, states.member(&state.name)))
    }

    /// This flow and all that are inside its states.
    fn each(&self, visit: &mut dyn FnMut(&Place<'a, Flow>)) {
        visit(self);
        for state in self.states() {
            state.each_flow(&mut |flow| flow.each(visit));
        }
    }
}

impl<'a> Place<'a, State> {
    fn each_flow(&self, visit: &mut dyn FnMut(&Place<'a, Flow>)) {
        let branches = self.location.member("Branches");
        for (index, flow) in self.it.flows().iter().enumerate() {
            let (location, execution_type) = match &self.it.kind {
                StateKind::Map(map) => (
                    self.location.member(map.processor_field),
                    map.distributed.as_ref().map(|distributed| distributed.execution_type),
                ),
                _ => (branches.element(index), None),
            };
            let execution_type = execution_type.unwrap_or(self.execution_type);
            visit(&Place { execution_type, ..self.inside(flow, location) });
        }
    }
}

/// Applies all rules, and notes what they find.
pub(crate) fn validate(document: &Document, state_machine: &StateMachine) {
    let execution_type = document.state_machine_type;
    let top = Place { document, it: &state_machine.flow, location: Location::default(), execution_type };
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
        if document.is_of_state && flow.location.is_top() {
            return;
        }
        for rule in FLOW_RULES {
            rule(flow);
        }
    });
}
