//! Where states go: targets exist in the same flow, something ends it, everything is reached.

use super::Place;
use crate::diagnostic::DiagnosticCode;
use crate::{Catcher, Flow, State, StateFields, StateKind, Transition};
use query::Location;
use std::collections::HashSet;

pub(super) fn targets_exist(flow: &Place<'_, Flow>) {
    let check = |target: &str, location: &Location<'_>| {
        if !flow.it.states.contains_key(target) {
            // AWS says 'Next' for every field.
            let message = format!("Missing 'Next' target: {target}");
            flow.fault(DiagnosticCode::MissingTransitionTarget, message, location);
        }
    };
    check(&flow.it.start_at, &flow.location.member("StartAt"));
    for state in flow.states() {
        for (target, location) in targets(state.it, &state.location) {
            check(target, &location);
        }
    }
}

/// AWS gives no location here.
pub(super) fn something_ends(flow: &Place<'_, Flow>) {
    if !has_terminal_state(flow.it) {
        let (code, message) = (DiagnosticCode::MissingEndState, "Workflow has no terminal state");
        flow.document.fault(code, message, None);
    }
}

/// AWS does not look for unreachable states in a flow without end.
pub(super) fn everything_is_reachable(flow: &Place<'_, Flow>) {
    if !has_terminal_state(flow.it) {
        return;
    }
    let reached = reached(flow.it);
    for state in flow.states().filter(|state| !reached.contains(&*state.it.name)) {
        let message = format!("State \"{}\" is not reachable.", state.it.name);
        state.fault(DiagnosticCode::MissingTransitionTarget, message, &state.location);
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
            next.extend(targets(state, &Location::default()).into_iter().map(|(target, _)| target));
        }
    }
    reached
}

/// Every state to which a state at `at` can go, with the location of the field that says so.
fn targets<'a>(state: &'a State, at: &Location<'a>) -> Vec<(&'a str, Location<'a>)> {
    let mut targets: Vec<(&str, Location<'a>)> = Vec::new();
    if let Some(StateFields { transition: Transition::Next(next), .. }) = fields_of(state) {
        targets.push((next, at.member("Next")));
    }
    if let StateKind::Choice(choice) = &state.kind {
        let (rules_at, rules) = (at.member("Choices"), choice.choices.iter().enumerate());
        targets.extend(rules.map(|(index, rule)| (&*rule.next, rules_at.element(index).member("Next"))));
        targets.extend(choice.default.iter().map(|default| (&**default, at.member("Default"))));
    }
    let (catchers_at, catchers) = (at.member("Catch"), catchers(state).iter().enumerate());
    targets.extend(catchers.map(|(index, catcher)| (&*catcher.next, catchers_at.element(index).member("Next"))));
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
