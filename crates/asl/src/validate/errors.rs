//! `ErrorEquals` of Retry and Catch.

use super::Place;
use crate::diagnostic::DiagnosticCode;
use crate::{Catcher, Retrier, State, StateKind};
use json::Text;

pub(super) fn all_stands_alone(state: &Place<'_, State>) {
    each_list(state.it, |lists, field| {
        for (index, list) in lists.iter().enumerate() {
            let is_right_place = list.len() == 1 && index + 1 == lists.len();
            let all = list.iter().position(|name| &**name == "States.ALL").filter(|_| !is_right_place);
            if let Some(position) = all {
                let list = state.location.member(field).element(index);
                let location = list.member("ErrorEquals").element(position);
                let message = "States.ALL must appear alone and at end of list";
                state.fault(DiagnosticCode::SchemaValidationFailed, message, &location);
            }
        }
    });
}

/// The lists of the retriers, then those of the catchers.
fn each_list(state: &State, visit: impl Fn(&[&[Text]], &'static str)) {
    let (retry, catch): (&[Retrier], &[Catcher]) = match &state.kind {
        StateKind::Task(task) => (&task.retry, &task.catch),
        StateKind::Parallel(parallel) => (&parallel.retry, &parallel.catch),
        StateKind::Map(map) => (&map.retry, &map.catch),
        StateKind::Pass(_) | StateKind::Choice(_) | StateKind::Wait(_) | StateKind::Succeed(_) | StateKind::Fail(_) => {
            return;
        }
    };
    let retry: Vec<&[Text]> = retry.iter().map(|retrier| &*retrier.error_equals).collect();
    let catch: Vec<&[Text]> = catch.iter().map(|catcher| &*catcher.error_equals).collect();
    visit(&retry, "Retry");
    visit(&catch, "Catch");
}
