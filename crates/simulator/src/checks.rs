//! What every history must be, whatever its definition is.
//!
//! Each rule says what is wrong, or nothing. The numbers I1 to I13 are those of RELIABILITY.md.

use checker::Checker;
use engine::ExecutionRecord;
use machine::{EventDetails, EventId, EventType, HistoryEvent, Outcome, Status};
use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hasher},
};

/// What a closed execution came to: it must be the same whenever it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub redrive_count: u32,
    pub events: usize,
    /// Of its record and its history.
    pub fingerprint: u64,
    /// Of its history alone.
    pub history: u64,
}

impl Seen {
    pub fn new(record: &ExecutionRecord, events: &[HistoryEvent]) -> Seen {
        let mut hasher = DefaultHasher::new();
        hasher.write(&written(record));
        let history = fingerprint(events);
        hasher.write_u64(history);
        Seen { redrive_count: record.redrive_count, events: events.len(), fingerprint: hasher.finish(), history }
    }

    /// I11: what was seen before a redrive is what the history begins with after it.
    pub fn check_kept(&self, now: &Seen, events: &[HistoryEvent]) -> Result<(), String> {
        let is_kept = if now.redrive_count == self.redrive_count {
            self == now
        } else {
            events.get(..self.events).is_some_and(|before| fingerprint(before) == self.history)
        };
        if is_kept { Ok(()) } else { Err("I11: its history is not what it was before it was redriven".into()) }
    }
}

/// All that an event says, as a text.
pub fn told(of: &HistoryEvent) -> String {
    serde_json::to_string(of).unwrap_or_default()
}

/// All that a record says.
pub fn written(record: &ExecutionRecord) -> Vec<u8> {
    rmp_serde::to_vec_named(record).unwrap_or_default()
}

/// Of the events of a history.
pub fn fingerprint(events: &[HistoryEvent]) -> u64 {
    let mut hasher = DefaultHasher::new();
    // Without the names of its members an event is written several times as fast as `told` writes it.
    let written = rmp_serde::to_vec(events).unwrap_or_default();
    hasher.write(&written);
    hasher.finish()
}

/// I4: the history is a legal path of its definition, as the checker judges it.
pub fn judge(checker: &Checker, record: &ExecutionRecord, events: &[HistoryEvent]) -> Result<(), String> {
    let events: Vec<checker::HistoryEvent> = events.iter().map(checker::HistoryEvent::from).collect();
    let history = checker::History { input: &record.input_text, events: &events, ..checker::History::default() };
    match checker.check(&history).violations.first() {
        None => Ok(()),
        Some(violation) => Err(format!("I4: {}: {violation}", record.arn)),
    }
}

type Rule = fn(&ExecutionRecord, &[HistoryEvent]) -> Result<(), String>;

const RULES: &[Rule] = &[numbered, in_time, ended_once, agrees, timers_are_not_early, tasks_end_once];

/// Checks the history of an execution that has ended.
pub fn check(record: &ExecutionRecord, events: &[HistoryEvent]) -> Result<(), String> {
    RULES.iter().try_for_each(|rule| rule(record, events)).map_err(|why| format!("{}: {why}", record.arn))
}

/// I3: ids from 1 without a gap, and each event after one that came before it.
fn numbered(_: &ExecutionRecord, events: &[HistoryEvent]) -> Result<(), String> {
    goes_on(events, 0)
}

/// I3: the same of the events after one.
pub fn goes_on(events: &[HistoryEvent], after: EventId) -> Result<(), String> {
    for (event, id) in events.iter().zip(after.saturating_add(1)..) {
        if event.id != id {
            return Err(format!("I3: event {} stands where {id} should", event.id));
        }
        if event.previous_event_id >= id {
            return Err(format!("I3: event {id} comes after {}", event.previous_event_id));
        }
    }
    Ok(())
}

/// I8: timestamps never decrease.
fn in_time(record: &ExecutionRecord, events: &[HistoryEvent]) -> Result<(), String> {
    let mut last_ms = record.start_ms;
    for event in events {
        if event.timestamp_ms < last_ms {
            return Err(format!("I8: event {} is earlier than the one before it", event.id));
        }
        last_ms = event.timestamp_ms;
    }
    Ok(())
}

/// I7: nothing has happened at a time that the clock has never shown. What a timer brings about is dated no earlier than the
/// timer is due, so one that fires early is seen by this. A redrive is a millisecond after the end, at least.
pub fn has_been(events: &[HistoryEvent], latest_ms: i64) -> Result<(), String> {
    let redrives = events.iter().filter(|event| event.event_type == EventType::ExecutionRedriven).count();
    let latest_ms = latest_ms.saturating_add(i64::try_from(redrives).unwrap_or(i64::MAX));
    match events.iter().find(|event| event.timestamp_ms > latest_ms) {
        Some(event) => Err(format!("I7: event {} is {} ms early", event.id, event.timestamp_ms - latest_ms)),
        None => Ok(()),
    }
}

fn ends(event: &HistoryEvent) -> bool {
    use EventType as Type;
    matches!(
        event.event_type,
        Type::ExecutionSucceeded | Type::ExecutionFailed | Type::ExecutionTimedOut | Type::ExecutionAborted
    )
}

/// I2: one end, and one more for each redrive; the last event is one.
fn ended_once(record: &ExecutionRecord, events: &[HistoryEvent]) -> Result<(), String> {
    let redriven = events.iter().filter(|event| event.event_type == EventType::ExecutionRedriven).count();
    let ended = events.iter().filter(|event| ends(event)).count();
    if ended != redriven + 1 || !events.last().is_some_and(ends) {
        return Err(format!("I2: it has {ended} ends and was redriven {redriven} times"));
    }
    if u32::try_from(redriven) != Ok(record.redrive_count) {
        return Err(format!("I2: it was redriven {redriven} times, and says {}", record.redrive_count));
    }
    if events.first().is_none_or(|event| event.event_type != EventType::ExecutionStarted) {
        return Err("I2: it does not begin with its start".into());
    }
    Ok(())
}

/// I2: status, output and time of the end are those of the last event.
fn agrees(record: &ExecutionRecord, events: &[HistoryEvent]) -> Result<(), String> {
    let Some(last) = events.last() else { return Err("I2: it has no events".into()) };
    let expected = match last.event_type {
        EventType::ExecutionSucceeded => Status::Succeeded,
        EventType::ExecutionTimedOut => Status::TimedOut,
        EventType::ExecutionAborted => Status::Aborted,
        _ => Status::Failed,
    };
    if record.status != expected || record.stop_ms != Some(last.timestamp_ms) {
        return Err(format!(
            "I2: the record says {:?} at {:?}, the history {expected:?} at {}",
            record.status, record.stop_ms, last.timestamp_ms
        ));
    }
    let same = match (&record.outcome, &last.details) {
        (Some(Outcome::Succeeded { output }), EventDetails::ExecutionSucceeded { output: told }) => output == told,
        // As AWS has it, only the event of a timeout says that it is one.
        (Some(Outcome::TimedOut(_)), EventDetails::Failed { .. }) => true,
        (Some(Outcome::Failed(failure) | Outcome::Aborted(failure)), EventDetails::Failed { error, cause }) => {
            failure.error == *error && failure.cause == *cause
        }
        _ => false,
    };
    if same { Ok(()) } else { Err(format!("I2: the record says {:?}, the history {:?}", record.outcome, last.details)) }
}

/// I7: a task that timed out had its time, or that of its heartbeat.
fn timers_are_not_early(_: &ExecutionRecord, events: &[HistoryEvent]) -> Result<(), String> {
    let mut times = BTreeMap::new();
    for event in events {
        let (timeout, heartbeat) = match &event.details {
            EventDetails::TaskScheduled { timeout_seconds, heartbeat_seconds, .. }
            | EventDetails::ActivityScheduled { timeout_seconds, heartbeat_seconds, .. } => {
                (*timeout_seconds, *heartbeat_seconds)
            }
            _ => (None, None),
        };
        if let Some(seconds) = timeout.into_iter().chain(heartbeat).min() {
            let due_ms =
                event.timestamp_ms.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000));
            times.insert(event.id, due_ms);
        } else if let Some(due_ms) = times.get(&event.previous_event_id).copied() {
            // The time of a task counts from its schedule on, through its start.
            times.insert(event.id, due_ms);
            let is_timeout = matches!(event.event_type, EventType::TaskTimedOut | EventType::ActivityTimedOut);
            if is_timeout && event.timestamp_ms < due_ms {
                return Err(format!("I7: event {} is {} ms early", event.id, due_ms - event.timestamp_ms));
            }
        }
    }
    Ok(())
}

/// I5: what was scheduled ends once, in one way.
fn tasks_end_once(_: &ExecutionRecord, events: &[HistoryEvent]) -> Result<(), String> {
    use EventType as Type;
    let mut ends = BTreeMap::new();
    let mut belongs = BTreeMap::new();
    for event in events {
        let of = belongs.get(&event.previous_event_id).copied();
        match (event.event_type, of) {
            (Type::TaskScheduled | Type::ActivityScheduled | Type::LambdaFunctionScheduled, _) => {
                belongs.insert(event.id, event.id);
            }
            (
                Type::TaskStarted | Type::TaskSubmitted | Type::ActivityStarted | Type::LambdaFunctionStarted,
                Some(of),
            ) => {
                belongs.insert(event.id, of);
            }
            (
                Type::TaskSucceeded
                | Type::TaskFailed
                | Type::TaskTimedOut
                | Type::TaskSubmitFailed
                | Type::ActivitySucceeded
                | Type::ActivityFailed
                | Type::ActivityTimedOut
                | Type::LambdaFunctionSucceeded
                | Type::LambdaFunctionFailed
                | Type::LambdaFunctionTimedOut,
                Some(of),
            ) => {
                if let Some(earlier) = ends.insert(of, event.id) {
                    return Err(format!("I5: the task of event {of} ended with {earlier} and with {}", event.id));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The answers of workers that are in a history, by their numbers.
pub fn answers(events: &[HistoryEvent]) -> Vec<u64> {
    let outputs = events.iter().filter_map(|event| match &event.details {
        EventDetails::Succeeded { output } | EventDetails::TaskOutput { output, .. } => Some(output),
        _ => None,
    });
    outputs.filter_map(|output| u64::try_from(output.value().get(ANSWER)?.as_i64()?).ok()).collect()
}

/// The member of an output by which an answer is known again.
pub const ANSWER: &str = "answer";

/// States that were entered.
pub fn transitions(events: &[HistoryEvent]) -> u64 {
    let entered = |event: &&HistoryEvent| matches!(event.details, EventDetails::StateEntered { .. });
    u64::try_from(events.iter().filter(entered).count()).unwrap_or(0)
}
