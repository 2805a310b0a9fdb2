//! Variables: which members of `$states` a field sees, and names that stand for one variable only.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html>

use super::{Place, transitions};
use crate::diagnostic::DiagnosticCode;
use crate::reader::{Reader, Sees};
use crate::{Fields, Flow, State, StateKind, Template};
use query::jsonata::Expression;
use std::collections::HashSet;

/// `$states.result` and `$states.errorOutput` are there in few fields, and everywhere else a mistake.
pub(crate) fn check_states_variable(reader: &Reader<'_>, field: &str, place: &str, expression: &Expression) {
    for (member, needs) in [("result", Sees::Result), ("errorOutput", Sees::ErrorOutput)] {
        if expression.reads_states(member) && reader.sees(field) != needs {
            let message = format!("Reference to '$states.{member}' in this field is not supported.");
            let location = reader.location_of(field) + place;
            reader.fault_with(DiagnosticCode::UnsupportedJsonataExpression, message, location);
        }
    }
}

/// A state inside a Parallel or Map reads the variables around it; it cannot assign another of the same name.
pub(super) fn names_are_of_one_scope(top: &Place<'_, Flow>) {
    look_into(top, &HashSet::new());
}

fn look_into<'a>(flow: &Place<'a, Flow>, outer: &HashSet<&'a str>) {
    let mut names = outer.clone();
    for state in flow.states() {
        for (field, assign) in assigns(state.it) {
            for name in assign.names() {
                if outer.contains(name) {
                    let message = format!("The variable '{name}' is assigned in an outer scope, too");
                    state.fault(DiagnosticCode::SchemaValidationFailed, message, &format!("/{field}"));
                }
                names.insert(name);
            }
        }
    }
    for state in flow.states() {
        state.flows().iter().for_each(|inner| look_into(inner, &names));
    }
}

/// Each `Assign` of a state, with the field that holds it.
fn assigns(state: &State) -> Vec<(String, &Template)> {
    let fields = match &state.kind {
        StateKind::Choice(choice) => Some(&choice.fields),
        _ => transitions::fields_of(state).map(|state_fields| &state_fields.fields),
    };
    let own = fields.and_then(|fields| match fields {
        Fields::JsonPath { assign, .. } | Fields::Jsonata { assign, .. } => assign.as_ref(),
    });
    let mut assigns: Vec<(String, &Template)> = own.map(|assign| ("Assign".to_owned(), assign)).into_iter().collect();
    if let StateKind::Choice(choice) = &state.kind {
        let rules = choice.choices.iter().enumerate();
        assigns.extend(
            rules.filter_map(|(index, rule)| Some((format!("Choices[{index}]/Assign"), rule.assign.as_ref()?))),
        );
    }
    let catchers = transitions::catchers(state).iter().enumerate();
    assigns.extend(
        catchers.filter_map(|(index, catcher)| Some((format!("Catch[{index}]/Assign"), catcher.assign.as_ref()?))),
    );
    assigns
}
