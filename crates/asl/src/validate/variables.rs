//! Variables: which members of `$states` a field sees, and names that stand for one variable only.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html>

use super::{Place, transitions};
use crate::diagnostic::DiagnosticCode;
use crate::reader::{Reader, Sees};
use crate::{Fields, Flow, State, StateKind, Template};
use query::Location;
use query::jsonata::Expression;
use std::collections::HashSet;

/// `$states.result` and `$states.errorOutput` are there in few fields, and everywhere else a mistake.
pub(crate) fn check_states_variable(
    reader: &Reader<'_>,
    field: &str,
    location: &Location<'_>,
    expression: &Expression,
) {
    for (member, needs) in [("result", Sees::Result), ("errorOutput", Sees::ErrorOutput)] {
        if expression.reads_states(member) && reader.sees(field) != needs {
            let message = format!("Reference to '$states.{member}' in this field is not supported.");
            reader.fault_with(DiagnosticCode::UnsupportedJsonataExpression, message, location);
        }
    }
}

/// A state inside a Parallel or Map reads the variables around it; it cannot assign another of the same name.
pub(super) fn names_are_of_one_scope(top: &Place<'_, Flow>) {
    look_into(top, None);
}

/// The names that a flow assigns, and those around it.
struct Names<'a, 'o> {
    outer: Option<&'o Names<'a, 'o>>,
    own: HashSet<&'a str>,
}

impl Names<'_, '_> {
    fn contains(&self, name: &str) -> bool {
        self.own.contains(name) || self.outer.is_some_and(|outer| outer.contains(name))
    }
}

fn look_into<'a>(flow: &Place<'a, Flow>, outer: Option<&Names<'a, '_>>) {
    let mut own = HashSet::new();
    for state in flow.states() {
        for (location, assign) in assigns(&state) {
            for name in assign.names() {
                if outer.is_some_and(|outer| outer.contains(name)) {
                    let message = format!("The variable '{name}' is assigned in an outer scope, too");
                    state.fault(DiagnosticCode::SchemaValidationFailed, message, &location);
                }
                own.insert(name);
            }
        }
    }
    let names = Names { outer, own };
    for state in flow.states() {
        state.each_flow(&mut |inner| look_into(inner, Some(&names)));
    }
}

/// Each `Assign` of a state, with its location.
fn assigns<'a>(state: &Place<'a, State>) -> Vec<(Location<'a>, &'a Template)> {
    let fields = match &state.it.kind {
        StateKind::Choice(choice) => Some(&choice.fields),
        _ => transitions::fields_of(state.it).map(|state_fields| &state_fields.fields),
    };
    let own = fields.and_then(|fields| match fields {
        Fields::JsonPath { assign, .. } | Fields::Jsonata { assign, .. } => assign.as_ref(),
    });
    let assign_of = |at: Location<'a>, assign: Option<&'a Template>| Some((at.member("Assign"), assign?));
    let mut assigns: Vec<(Location<'a>, &Template)> = assign_of(state.location.clone(), own).into_iter().collect();
    if let StateKind::Choice(choice) = &state.it.kind {
        let (at, rules) = (state.location.member("Choices"), choice.choices.iter().enumerate());
        assigns.extend(rules.filter_map(|(index, rule)| assign_of(at.element(index), rule.assign.as_ref())));
    }
    let (at, catchers) = (state.location.member("Catch"), transitions::catchers(state.it).iter().enumerate());
    assigns.extend(catchers.filter_map(|(index, catcher)| assign_of(at.element(index), catcher.assign.as_ref())));
    assigns
}
