//! I6: what workers answered, held against the histories.

use crate::{
    checks,
    model::{Holder, Token},
    world::Violation,
};
use json::Text;
use machine::{EventDetails, EventType, HistoryEvent};
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
    }

    /// An answer that was accepted is in the history of the execution whose task it answers, once; or it is the one that
    /// was too many there.
    pub(crate) fn check(&self, tokens: &[Token]) -> Result<(), Violation> {
        let mut one_too_many = self.full.clone();
        for (token, answer) in tokens.iter().filter_map(|token| Some((token, token.answer?))) {
            let execution = match &token.holder {
                Holder::Service { execution } => execution,
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
                None if one_too_many.remove(execution) => {}
                None => return Err(format!("I6: answer {answer} was accepted, and {execution} has lost it")),
            }
        }
        Ok(())
    }
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

    fn of_service(execution: &str) -> Holder {
        Holder::Service { execution: execution.into() }
    }

    /// Some executions: the histories of `full` and `stopped` have as many events as they may have; in that of `twice` its
    /// answer is twice. What is wrong when these tokens were accepted begins so, or nothing is.
    #[track_caller]
    fn check(tokens: &[Token], wrong: Option<&str>) {
        let mut answers = Answers::default();
        let full = [taken("a"), answered(1), ended(EVENTS_MAX, EventType::ExecutionFailed)];
        answers.see(&"full".into(), &full, EVENTS_MAX);
        let other = [taken("b"), answered(2), ended(EVENTS_MAX - 1, EventType::ExecutionFailed)];
        answers.see(&"other".into(), &other, EVENTS_MAX);
        let stopped = [taken("c"), ended(EVENTS_MAX, EventType::ExecutionAborted)];
        answers.see(&"stopped".into(), &stopped, EVENTS_MAX);
        let twice = [taken("d"), answered(3), answered(3), ended(EVENTS_MAX - 1, EventType::ExecutionFailed)];
        answers.see(&"twice".into(), &twice, EVENTS_MAX);
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
}
