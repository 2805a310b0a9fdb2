//! I6: what workers answered, held against the histories.

use crate::{
    checks,
    model::{Holder, Token},
    world::Violation,
};
use json::Text;
use machine::{EventDetails, EventId, EventType, HistoryEvent};
use std::collections::{BTreeMap, BTreeSet};

/// Answers that histories tell of, and whose they are.
#[derive(Default)]
pub(crate) struct Answers {
    /// The executions in whose histories an answer is, once for each time.
    found: BTreeMap<u64, Vec<Text>>,
    /// Whose task a worker took. Each poll is that of a worker of its own, so a worker takes one task at most.
    taken: BTreeMap<Text, Text>,
    /// Executions that failed as their history became full. The answer that fills one is no event of it.
    full: BTreeSet<Text>,
    /// Calls, by their execution and the event that scheduled the task, and whether the history says what came of them.
    calls: BTreeMap<(Text, EventId), bool>,
}

impl Answers {
    /// Looks through events of an execution that were not seen before, to its end. A history has `events_max` events at most.
    pub(crate) fn see(&mut self, execution: &Text, events: &[HistoryEvent], events_max: u64) {
        for answer in checks::answers(events) {
            self.found.entry(answer).or_default().push(execution.clone());
        }
        for event in events {
            if let EventDetails::ActivityStarted { worker_name: Some(worker) } = &event.details {
                self.taken.insert(worker.clone(), execution.clone());
            }
        }
        let is_full = |last: &HistoryEvent| last.id >= events_max && last.event_type == EventType::ExecutionFailed;
        if events.last().is_some_and(is_full) {
            self.full.insert(execution.clone());
        }
        self.calls.extend(calls(events).into_iter().map(|(id, is_heard_of)| ((execution.clone(), id), is_heard_of)));
    }

    /// An answer that was accepted is in the history of the execution whose task it answers, once; or it is the one that
    /// was too many there; or it came before the call that handed out its token had returned, and the task was aborted
    /// before that. (A worker may be quicker than the call. Its answer is kept, and becomes an event after the call's own.
    /// That a task of whose call nothing is heard was aborted is what I4 says.)
    pub(crate) fn check(&self, tokens: &[Token]) -> Result<(), Violation> {
        let mut one_too_many = self.full.clone();
        for (token, answer) in tokens.iter().filter_map(|token| Some((token, token.answer?))) {
            let execution = match &token.holder {
                Holder::Service { execution, .. } => execution,
                Holder::Worker { name } => self.taken.get(name).ok_or_else(|| {
                    format!("I6: answer {answer} was accepted of {name}, whose task is in no history")
                })?,
            };
            match self.found.get(&answer).map(Vec::as_slice) {
                Some([found]) if found == execution => {}
                Some(found) => {
                    return Err(format!(
                        "I6: answer {answer} is one of {execution}, and in the histories of {found:?}"
                    ));
                }
                None if self.is_of_no_use(&token.holder) || one_too_many.remove(execution) => {}
                None => return Err(format!("I6: answer {answer} was accepted, and {execution} has lost it")),
            }
        }
        Ok(())
    }

    /// Whether the call that handed out the token was aborted before it had returned.
    fn is_of_no_use(&self, holder: &Holder) -> bool {
        match holder {
            Holder::Service { execution, scheduled } => {
                self.calls.get(&(execution.clone(), *scheduled)) == Some(&false)
            }
            Holder::Worker { .. } => false,
        }
    }
}

/// The calls of a history: the events that scheduled them, and whether something follows their start.
fn calls(events: &[HistoryEvent]) -> BTreeMap<EventId, bool> {
    use EventType as Type;
    let is_started = |event: &&HistoryEvent| event.event_type == Type::TaskStarted;
    let started = events.iter().filter(is_started).map(|event| (event.id, event.previous_event_id));
    let started: BTreeMap<EventId, EventId> = started.collect();
    let mut calls: BTreeMap<EventId, bool> = started.values().map(|scheduled| (*scheduled, false)).collect();
    let is_of_call = |event: &&HistoryEvent| {
        matches!(
            event.event_type,
            Type::TaskSubmitted | Type::TaskSubmitFailed | Type::TaskSucceeded | Type::TaskFailed | Type::TaskTimedOut
        )
    };
    for event in events.iter().filter(is_of_call) {
        if let Some(scheduled) = started.get(&event.previous_event_id) {
            calls.insert(*scheduled, true);
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;
    use json::Payload;

    const EVENTS_MAX: u64 = 6;

    fn event(id: u64, event_type: EventType, details: EventDetails) -> HistoryEvent {
        HistoryEvent { id, previous_event_id: id - 1, timestamp_ms: 0, event_type, details }
    }

    /// A worker takes a task.
    fn taken(by: &str) -> HistoryEvent {
        event(2, EventType::ActivityStarted, EventDetails::ActivityStarted { worker_name: Some(by.into()) })
    }

    /// A service is called by the first event.
    fn called() -> HistoryEvent {
        event(2, EventType::TaskStarted, EventDetails::None)
    }

    /// The call has returned, or has ended otherwise.
    fn returned(event_type: EventType) -> HistoryEvent {
        event(3, event_type, EventDetails::None)
    }

    fn answered(number: u64) -> HistoryEvent {
        let output = Payload::parse(&format!(r#"{{"{}":{number}}}"#, checks::ANSWER)).unwrap();
        event(3, EventType::ActivitySucceeded, EventDetails::Succeeded { output })
    }

    fn ended(id: u64, event_type: EventType) -> HistoryEvent {
        event(id, event_type, EventDetails::Failed { error: None, cause: None })
    }

    /// A token whose answer of this number was accepted.
    fn accepted(holder: Holder, answer: u64) -> Token {
        Token { answer: Some(answer), is_accepted: true, ..Token::new(format!("token {answer}").into(), holder) }
    }

    fn of_worker(name: &str) -> Holder {
        Holder::Worker { name: name.into() }
    }

    /// The event that scheduled the task is the first.
    fn of_service(execution: &str) -> Holder {
        Holder::Service { execution: execution.into(), scheduled: 1 }
    }

    /// Some executions: the histories of `full` and `stopped` have as many events as they may have; in that of `twice` its
    /// answer is twice; the call of `early` is aborted, that of `late` times out, and those of `full` and `other` return.
    /// What is wrong when these tokens were accepted begins so, or nothing is.
    #[track_caller]
    fn check(tokens: &[Token], wrong: Option<&str>) {
        let mut answers = Answers::default();
        let submitted = returned(EventType::TaskSubmitted);
        let failed = ended(EVENTS_MAX, EventType::ExecutionFailed);
        let full = [called(), submitted.clone(), taken("a"), answered(1), failed];
        answers.see(&"full".into(), &full, EVENTS_MAX);
        let failed = ended(EVENTS_MAX - 1, EventType::ExecutionFailed);
        let other = [called(), submitted, taken("b"), answered(2), failed.clone()];
        answers.see(&"other".into(), &other, EVENTS_MAX);
        let stopped = [taken("c"), ended(EVENTS_MAX, EventType::ExecutionAborted)];
        answers.see(&"stopped".into(), &stopped, EVENTS_MAX);
        answers.see(&"twice".into(), &[taken("d"), answered(3), answered(3), failed.clone()], EVENTS_MAX);
        let aborted = event(3, EventType::TaskStateAborted, EventDetails::None);
        answers.see(&"early".into(), &[called(), aborted, failed.clone()], EVENTS_MAX);
        answers.see(&"late".into(), &[called(), returned(EventType::TaskTimedOut), failed], EVENTS_MAX);
        let found = answers.check(tokens).err();
        let agrees = match (&found, wrong) {
            (Some(found), Some(wrong)) => found.starts_with(wrong),
            (found, wrong) => found.is_none() && wrong.is_none(),
        };
        assert!(agrees, "{found:?}, and not {wrong:?}");
    }

    #[test]
    fn an_answer_is_in_the_history_of_its_execution() {
        check(&[accepted(of_worker("a"), 1), accepted(of_service("other"), 2)], None);
        check(&[accepted(of_worker("b"), 1)], Some("I6: answer 1 is one of other, and in the histories of [\"full\"]"));
        check(&[accepted(of_worker("nobody"), 1)], Some("I6: answer 1 was accepted of nobody"));
        let twice = "I6: answer 3 is one of twice, and in the histories of [\"twice\", \"twice\"]";
        check(&[accepted(of_worker("d"), 3)], Some(twice));
    }

    #[test]
    fn a_history_that_is_full_excuses_one_answer_and_its_own() {
        check(&[accepted(of_worker("a"), 7)], None);
        check(&[accepted(of_service("full"), 7)], None);
        check(
            &[accepted(of_worker("a"), 7), accepted(of_service("full"), 8)],
            Some("I6: answer 8 was accepted, and full"),
        );
        for of_another in [of_worker("b"), of_service("other")] {
            check(&[accepted(of_another, 7)], Some("I6: answer 7 was accepted, and other has lost it"));
        }
        // The last event that there was room for is that of a stop: no answer was too many.
        check(&[accepted(of_worker("c"), 7)], Some("I6: answer 7 was accepted, and stopped has lost it"));
    }

    #[test]
    fn an_answer_that_came_before_its_call_returned_may_be_aborted_with_it() {
        check(&[accepted(of_service("early"), 7)], None);
        check(&[accepted(of_service("late"), 7)], Some("I6: answer 7 was accepted, and late has lost it"));
        // The history of `twice` has no such call.
        check(&[accepted(of_service("twice"), 7)], Some("I6: answer 7 was accepted, and twice has lost it"));
    }
}
