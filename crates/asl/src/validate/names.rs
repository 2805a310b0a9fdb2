//! Names: of states, not too long and each only once; of labels, each only once.

use super::Place;
use crate::diagnostic::DiagnosticCode;
use crate::name::NAME_CHARS_MAX;
use crate::{Flow, State, StateKind};
use std::collections::HashSet;

pub(super) fn state_name_has_length(state: &Place<'_, State>) {
    let length = state.it.name.chars().count();
    if !(1..=NAME_CHARS_MAX).contains(&length) {
        let message = format!("State name must have between 1 and {NAME_CHARS_MAX} characters");
        state.fault(DiagnosticCode::InvalidStateName, message, &state.location);
    }
}

/// The states of one flow are unique as members of an object; those of different flows need not be.
pub(super) fn states_are_unique(top: &Place<'_, Flow>) {
    let mut names = HashSet::new();
    top.each(&mut |flow| {
        for state in flow.states() {
            if !names.insert(state.it.name.clone()) {
                let message = format!("Duplicate State name: {}", state.it.name);
                state.fault(DiagnosticCode::DuplicateStateName, message, &state.location);
            }
        }
    });
}

pub(super) fn labels_are_unique(top: &Place<'_, Flow>) {
    let mut labels = HashSet::new();
    top.each(&mut |flow| {
        for state in flow.states() {
            let StateKind::Map(map) = &state.it.kind else { continue };
            let label = map.distributed.as_ref().and_then(|distributed| distributed.label.clone());
            if let Some(label) = label.filter(|label| !labels.insert(label.clone())) {
                let message = format!("Duplicate Label name: {label}");
                state.fault(DiagnosticCode::DuplicateLabelName, message, &state.location.member("Label"));
            }
        }
    });
}
