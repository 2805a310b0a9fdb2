//! Where states go: targets exist in the same flow, something ends it, everything is reached.

use super::Place;
use crate::diagnostic::{Diagnostic, DiagnosticCode};
use crate::{Catcher, Flow, State, StateFields, StateKind, Transition};
use std::collections::HashSet;

pub(super) fn targets_exist(flow: &Place<'_, Flow>) {
    let check = |target: &str, location: &str| {
        if !flow.it.states.contains_key(target) {
            // AWS says 'Next' for every field.
            let message = format!("Missing 'Next' target: {target}");
            flow.fault(DiagnosticCode::MissingTransitionTarget, message, location);
        }
    };
    check(&flow.it.start_at, "/StartAt");
    for state in flow.it.states.values() {
        for (target, field) in targets(state) {
            check(target, &format!("/States/{}/{field}", state.name));
        }
    }
}

/// AWS gives no location here.
pub(super) fn something_ends(flow: &Place<'_, Flow>) {
    if !has_terminal_state(flow.it) {
        let (code, message) = (DiagnosticCode::MissingEndState, "Workflow has no terminal state");
        flow.document.push(Diagnostic::error(code, message, None));
    }
}

/// AWS does not look for unreachable states in a flow without end.
pub(super) fn everything_is_reachable(flow: &Place<'_, Flow>) {
    if !has_terminal_state(flow.it) {
        return;
    }
    let reached = reached(flow.it);
    for name in flow.it.states.keys().filter(|name| !reached.contains(&***name)) {
        let message = format!("State \"{name}\" is not reachable.");
        flow.fault(DiagnosticCode::MissingTransitionTarget, message, &format!("/States/{name}"));
    }
}

fn has_terminal_state(flow: &Flow) -> bool {
    flow.states.values().any(|state| match &state.kind {
        StateKind::Succeed(_) | StateKind::Fail(_) => true,
        StateKind::Choice(_) => false,
        StateKind::Pass(_) | StateKind::Task(_) | StateKind::Wait(_) | StateKind::Parallel(_) | StateKind::Map(_) => {
            fields_of(state).is_some_and(|fields| fields.transition == Transition::End)
        }
    })
}

fn reached(flow: &Flow) -> HashSet<&str> {
    let mut reached = HashSet::new();
    let mut next: Vec<&str> = vec![&flow.start_at];
    while let Some(name) = next.pop() {
        if let Some(state) = flow.states.get(name).filter(|_| reached.insert(name)) {
            next.extend(targets(state).into_iter().map(|(target, _)| target));
        }
    }
    reached
}

/// Every state to which a state can go, with the field that says so.
fn targets(state: &State) -> Vec<(&str, String)> {
    let mut targets: Vec<(&str, String)> = Vec::new();
    if let Some(StateFields { transition: Transition::Next(next), .. }) = fields_of(state) {
        targets.push((next, "Next".to_owned()));
    }
    if let StateKind::Choice(choice) = &state.kind {
        let rules = choice.choices.iter().enumerate();
        targets.extend(rules.map(|(index, rule)| (&*rule.next, format!("Choices[{index}]/Next"))));
        targets.extend(choice.default.iter().map(|default| (&**default, "Default".to_owned())));
    }
    let catchers = catchers(state).iter().enumerate();
    targets.extend(catchers.map(|(index, catcher)| (&*catcher.next, format!("Catch[{index}]/Next"))));
    targets
}

pub(super) fn fields_of(state: &State) -> Option<&StateFields> {
    match &state.kind {
        StateKind::Pass(pass) => Some(&pass.state),
        StateKind::Task(task) => Some(&task.state),
        StateKind::Wait(wait) => Some(&wait.state),
        StateKind::Parallel(parallel) => Some(&parallel.state),
        StateKind::Map(map) => Some(&map.state),
        StateKind::Choice(_) | StateKind::Succeed(_) | StateKind::Fail(_) => None,
    }
}

pub(super) fn catchers(state: &State) -> &[Catcher] {
    match &state.kind {
        StateKind::Task(task) => &task.catch,
        StateKind::Parallel(parallel) => &parallel.catch,
        StateKind::Map(map) => &map.catch,
        StateKind::Pass(_) | StateKind::Choice(_) | StateKind::Wait(_) | StateKind::Succeed(_) | StateKind::Fail(_) => {
            &[]
        }
    }
}
