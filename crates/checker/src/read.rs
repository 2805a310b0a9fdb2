//! Histories as they come: pages, lists and lines of events; and what holds for any list of events.

use crate::event::HistoryEvent;
use crate::verdict::{Rule, Verdict, Violation};

use json::Value;
use serde_json::value::RawValue;

/// Why a text is no history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// What is wrong, in words.
    pub message: String,
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ReadError {}

/// Reads the events of a history: an answer of GetExecutionHistory, or several of them one after the other, an array of
/// events, or one event a line. A history that was read in reverse order is turned round.
pub fn read_events(text: &str) -> Result<Vec<HistoryEvent>, ReadError> {
    let error = |message: String| ReadError { message };
    let mut events = Vec::new();
    for document in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        let document = document.map_err(|source| error(format!("the history is no JSON: {source}")))?;
        let value = Value::parse(document.get())
            .map_err(|source| error(format!("the history is no JSON: {}", source.message)))?;
        let page = value.get("events").unwrap_or(&value);
        match page {
            Value::Array(page) => {
                for event in page.iter() {
                    events.push(HistoryEvent::read(event).map_err(error)?);
                }
            }
            event => events.push(HistoryEvent::read(event).map_err(error)?),
        }
    }
    if is_reversed(&events) {
        events.reverse();
    }
    Ok(events)
}

fn is_reversed(events: &[HistoryEvent]) -> bool {
    let Some((first, last)) = events.first().zip(events.last()) else { return false };
    first.id > last.id && last.id == 1
}

/// Ids, the order of the events that they name, timestamps, and how many there are.
pub(crate) fn check_envelopes(events: &[HistoryEvent], events_max: u64, verdict: &mut Verdict) {
    let mut last_ms = i64::MIN;
    for (event, expected) in events.iter().zip(1..) {
        let mut report = |rule, message| verdict.violations.push(Violation { event_id: event.id, rule, message });
        if event.id != expected {
            report(Rule::Ids, format!("the id should be {expected}"));
        }
        if event.previous_event_id >= event.id {
            report(Rule::Previous, format!("follows event {}, which is not before it", event.previous_event_id));
        }
        match event.timestamp_ms {
            Some(at_ms) if at_ms < last_ms => {
                report(Rule::Timestamps, format!("the time goes back by {} ms", last_ms - at_ms));
            }
            Some(at_ms) => last_ms = at_ms,
            None => verdict.untimed += 1,
        }
    }
    verdict.events = events.len() as u64;
    if verdict.events > events_max {
        let message = format!("has more than {events_max} events");
        verdict.violations.push(Violation { event_id: verdict.events, rule: Rule::Limits, message });
    }
    if events.is_empty() {
        let message = "there are no events".to_owned();
        verdict.violations.push(Violation { event_id: 0, rule: Rule::Terminal, message });
    }
}
