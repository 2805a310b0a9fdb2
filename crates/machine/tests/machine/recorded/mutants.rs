//! The negative control of the history checker: legal histories that are broken in one place, each in a way that must be
//! found.
//!
//! The histories are those that come out for the recorded definitions. Which places are broken is drawn from a seed.

use super::{Recorded, produced, recordings, state_machine_type};
use checker::{Checker, History, HistoryEvent, Rule, Verdict};
use json::{Object, Text, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A way to break a history at one event. `None`: there is nothing to break in this way.
type Mutation = fn(&[HistoryEvent], usize) -> Option<Vec<HistoryEvent>>;

const MUTATIONS: &[(&str, Mutation)] = &[
    ("drop an event, ids closed up", |events, at| Some(closed_up(events, at))),
    ("drop an event, a gap in the ids", |events, at| Some(without(events, at))),
    ("an event twice, ids moved on", |events, at| Some(duplicated(events, at))),
    ("an event twice", |events, at| Some(inserted(events, at + 1, events[at].clone()))),
    ("two neighbours swapped with their ids", |events, at| {
        let mut events = events.to_vec();
        (at + 1 < events.len()).then(|| events.swap(at, at + 1))?;
        Some(events)
    }),
    ("two neighbours swapped, their ids kept", swap_contents),
    ("another id", |events, at| Some(changed(events, at, |event| event.id += 1))),
    ("another previousEventId", |events, at| {
        Some(changed(events, at, |event| {
            event.previous_event_id = if event.previous_event_id == 0 { 1 } else { event.previous_event_id - 1 };
        }))
    }),
    ("an earlier timestamp", |events, at| {
        (at > 0).then(|| {
            changed(events, at, |event| event.timestamp_ms = event.timestamp_ms.map(|at_ms| at_ms - 5_000_000))
        })
    }),
    ("another type of event", |events, at| {
        let other = if &*events[at].event_type == "PassStateExited" { "WaitStateExited" } else { "PassStateExited" };
        Some(changed(events, at, |event| event.event_type = other.into()))
    }),
    ("a byte of an output", |events, at| byte(events, at, "output")),
    ("a byte of an input", |events, at| byte(events, at, "input")),
    ("a byte of parameters", |events, at| byte(events, at, "parameters")),
    ("a byte of an error", |events, at| byte(events, at, "error")),
    ("a byte of a cause", |events, at| byte(events, at, "cause")),
    ("a space in an output", |events, at| {
        text(events, at, "output").map(|output| with_text(events, at, "output", &format!("{output} ")))
    }),
    ("another name of a state", |events, at| {
        text(events, at, "name").map(|name| with_text(events, at, "name", &format!("{name}'")))
    }),
    ("a variable with another value", variable),
    ("another index of an iteration", |events, at| number(events, at, "index")),
    ("another number of items", |events, at| number(events, at, "length")),
    ("another timeout", |events, at| number(events, at, "timeoutInSeconds")),
    ("another resource", |events, at| {
        text(events, at, "resource").map(|resource| with_text(events, at, "resource", &format!("{resource}2")))
    }),
    ("a timer that is early", early_timer),
    ("one more attempt than there are retries", one_more_attempt),
    ("an event after the end", |events, at| {
        let last = events.last()?;
        let again = HistoryEvent { id: last.id + 1, previous_event_id: last.id, ..events[at].clone() };
        Some([events, &[again]].concat())
    }),
    ("two ends", |events, _| {
        let last = events.last()?;
        let again = HistoryEvent { id: last.id + 1, ..last.clone() };
        Some([events, &[again]].concat())
    }),
    ("success instead of failure, and the other way", |events, _| {
        let last = events.len() - 1;
        let other =
            if &*events[last].event_type == "ExecutionSucceeded" { "ExecutionFailed" } else { "ExecutionSucceeded" };
        Some(changed(events, last, |event| {
            event.event_type = other.into();
            event.details_name = Text::default();
        }))
    }),
    ("a join that is missing", |events, at| {
        let is_join = matches!(&*events[at].event_type, "MapStateSucceeded" | "ParallelStateSucceeded");
        is_join.then(|| closed_up(events, at))
    }),
    ("a state that follows no transition", |events, at| {
        // The state is entered a second time instead of the next one.
        let is_entered = events[at].event_type.ends_with("StateEntered");
        let before = events[..at].iter().rev().find(|event| event.event_type.ends_with("StateEntered"))?;
        let is_other = before.details.get("name") != events[at].details.get("name");
        (is_entered && is_other).then(|| {
            changed(events, at, |event| {
                event.event_type = before.event_type.clone();
                event.details.insert("name", before.details.get("name").unwrap().clone());
            })
        })
    }),
];

/// Mutants that are legal histories themselves.
fn is_legal_mutant(mutation: &str, case: &Case, at: usize) -> bool {
    let event = &case.events[at];
    let event_type = &*event.event_type;
    let is_answer = ["Succeeded", "Failed", "Submitted"].iter().any(|suffix| event_type.ends_with(suffix))
        && ["Task", "Activity", "LambdaFunction"].iter().any(|prefix| event_type.starts_with(prefix));
    match mutation {
        // What a task submitted is in no other event.
        "a byte of an output" => event_type == "TaskSubmitted",
        // How an answer is written is up to who answers.
        "a space in an output" => is_answer,
        // A failure that is retried is in no other event; it may be one that is retried as well.
        "a byte of an error" => is_answer && is_retried(case, at),
        // After the beginning with the state and the event that entered it, the words of `States.Runtime` are free.
        "a byte of a cause" => (is_answer && is_retried(case, at)) || has_free_words(event) || is_drawn(case),
        "a byte of parameters" => text(&case.events, at, "parameters").is_some_and(|text| text.contains("token of")),
        // A worker may never come, or be quicker than the call that hands out its token.
        "drop an event, ids closed up" => matches!(event_type, "ActivityStarted" | "TaskSubmitted"),
        "a timer that is early" => case.recorded.definition.contains("FULL"),
        _ => false,
    }
}

fn is_retried(case: &Case, at: usize) -> bool {
    let id = case.events[at].id;
    case.events.iter().any(|event| event.previous_event_id == id && event.event_type.ends_with("Scheduled"))
}

/// A cause that is the name of the state machine: DescribeExecution tells it, and no history.
fn is_drawn(case: &Case) -> bool {
    case.recorded.definition.contains(r#""CausePath": "$$.StateMachine.Name""#)
}

fn has_free_words(event: &HistoryEvent) -> bool {
    let is = |member: &str, wanted: &str| event.details.get(member).and_then(Value::as_str) == Some(wanted);
    let cause = event.details.get("cause").and_then(Value::as_str).unwrap_or_default();
    let is_runtime = is("error", "States.Runtime") || is("error", "States.QueryEvaluationError");
    is_runtime && cause.starts_with("An error occurred while executing the state")
}

struct Case {
    checker: Checker,
    recorded: Recorded,
    events: Vec<HistoryEvent>,
}

impl Case {
    fn judge(&self, events: &[HistoryEvent]) -> Verdict {
        self.checker.check(&History { input: &self.recorded.input, events, ..History::default() })
    }
}

fn cases() -> Vec<Case> {
    let case = |recorded: Recorded| {
        let world = produced(&recorded).ok()?;
        let checker = Checker::new(&recorded.definition, state_machine_type(&recorded)).unwrap();
        let events = world.history.iter().map(HistoryEvent::from).collect();
        Some(Case { checker, recorded, events })
    };
    recordings().into_iter().filter_map(case).collect()
}

/// What came of the mutants of one kind.
#[derive(Default)]
struct Rate {
    made: usize,
    found: usize,
    rules: BTreeSet<Rule>,
    missed: Vec<String>,
}

#[test]
fn each_kind_of_mutant_is_found() {
    let mut rates: BTreeMap<&str, Rate> = BTreeMap::new();
    let mut random = Random(20_261_129);
    for case in &cases() {
        assert!(case.judge(&case.events).is_legal());
        for (name, mutation) in MUTATIONS {
            let rate = rates.entry(name).or_default();
            for at in random.places(case.events.len()) {
                let Some(mutant) = mutation(&case.events, at) else { continue };
                if is_legal_mutant(name, case, at) {
                    continue;
                }
                rate.note(case, at, &case.judge(&mutant));
            }
        }
    }
    let missed: Vec<String> = rates.iter().flat_map(|(name, rate)| rate.missed(name)).collect();
    for (name, rate) in &rates {
        let rules: Vec<&str> = rate.rules.iter().map(|rule| rule.as_str()).collect();
        println!("{name}: {} of {} ({})", rate.found, rate.made, rules.join(", "));
        assert!(rate.made >= 5, "{name}: only {} mutants", rate.made);
    }
    assert!(missed.is_empty(), "{} mutants were not found\n{}", missed.len(), missed.join("\n"));
}

impl Rate {
    fn note(&mut self, case: &Case, at: usize, verdict: &Verdict) {
        self.made += 1;
        // A history whose end is cut off is the beginning of a legal one; that it should have ended is known.
        if !verdict.is_legal() || !verdict.closed {
            self.found += 1;
            self.rules.extend(verdict.violations.iter().map(|violation| violation.rule));
        } else {
            let event = &case.events[at];
            self.missed.push(format!("{} at event {} {}", case.recorded.id, event.id, event.event_type));
        }
    }

    fn missed(&self, name: &str) -> Vec<String> {
        self.missed.iter().take(5).map(|missed| format!("{name}: {missed}")).collect()
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Some places of a history, or all of a short one.
    fn places(&mut self, length: usize) -> Vec<usize> {
        const MOST: usize = 8;
        if length <= MOST {
            return (0..length).collect();
        }
        (0..MOST).map(|_| usize::try_from(self.next() % length as u64).unwrap()).collect()
    }
}

fn text<'e>(events: &'e [HistoryEvent], at: usize, member: &str) -> Option<&'e str> {
    events[at].details.get(member).and_then(Value::as_str)
}

fn with_text(events: &[HistoryEvent], at: usize, member: &str, text: &str) -> Vec<HistoryEvent> {
    changed(events, at, |event| event.details.insert(member, text))
}

fn changed(events: &[HistoryEvent], at: usize, change: impl FnOnce(&mut HistoryEvent)) -> Vec<HistoryEvent> {
    let mut events = events.to_vec();
    change(&mut events[at]);
    events
}

fn without(events: &[HistoryEvent], at: usize) -> Vec<HistoryEvent> {
    let mut events = events.to_vec();
    events.remove(at);
    events
}

fn inserted(events: &[HistoryEvent], at: usize, event: HistoryEvent) -> Vec<HistoryEvent> {
    let mut events = events.to_vec();
    events.insert(at, event);
    events
}

/// Without the event; ids and what names them move up, so that only the path is wrong.
fn closed_up(events: &[HistoryEvent], at: usize) -> Vec<HistoryEvent> {
    let (gone, previous) = (events[at].id, events[at].previous_event_id);
    let mut events = without(events, at);
    for event in &mut events {
        let follows = if event.previous_event_id == gone { previous } else { event.previous_event_id };
        event.previous_event_id = if follows > gone { follows - 1 } else { follows };
        event.id -= u64::from(event.id > gone);
    }
    events
}

/// The event happens again right after itself.
fn duplicated(events: &[HistoryEvent], at: usize) -> Vec<HistoryEvent> {
    let id = events[at].id;
    let mut events = inserted(events, at + 1, events[at].clone());
    for event in events.iter_mut().skip(at + 1) {
        event.id += 1;
        event.previous_event_id += u64::from(event.previous_event_id >= id);
    }
    events
}

fn swap_contents(events: &[HistoryEvent], at: usize) -> Option<Vec<HistoryEvent>> {
    let next = events.get(at + 1)?;
    // What two branches do may happen in any order.
    if next.previous_event_id != events[at].id {
        return None;
    }
    let mut events = events.to_vec();
    events.swap(at, at + 1);
    for (event, id) in events.iter_mut().zip(1..) {
        event.id = id;
    }
    Some(events)
}

/// Another digit or letter, so that JSON stays JSON.
fn byte(events: &[HistoryEvent], at: usize, member: &str) -> Option<Vec<HistoryEvent>> {
    let old = text(events, at, member)?;
    let place = old.rfind(|character: char| character.is_ascii_alphanumeric())?;
    let new = if old[place..].starts_with('7') { "8" } else { "7" };
    let text = format!("{}{new}{}", &old[..place], &old[place + 1..]);
    Some(with_text(events, at, member, &text))
}

fn variable(events: &[HistoryEvent], at: usize) -> Option<Vec<HistoryEvent>> {
    let variables = events[at].details.get("assignedVariables")?.as_object()?;
    let (name, _) = variables.iter().next()?;
    let mut variables: Object = variables.clone();
    variables.insert(name.clone(), r#""another""#);
    Some(changed(events, at, |event| event.details.insert("assignedVariables", variables)))
}

fn number(events: &[HistoryEvent], at: usize, member: &str) -> Option<Vec<HistoryEvent>> {
    let number = events[at].details.get(member)?.as_i64()?;
    Some(changed(events, at, |event| event.details.insert(member, number + 1)))
}

/// All that follows a wait or a delay comes 500 ms earlier than it should.
fn early_timer(events: &[HistoryEvent], at: usize) -> Option<Vec<HistoryEvent>> {
    let (before, now) = (events.get(at.checked_sub(1)?)?.timestamp_ms?, events[at].timestamp_ms?);
    let early = (now - before) / 2;
    (early > 10).then(|| {
        let mut events = events.to_vec();
        events[at..].iter_mut().for_each(|event| event.timestamp_ms = event.timestamp_ms.map(|at_ms| at_ms - early));
        events
    })
}

/// A state that failed for good is called once more.
fn one_more_attempt(events: &[HistoryEvent], at: usize) -> Option<Vec<HistoryEvent>> {
    let failed = &events[at];
    let is_answer = matches!(&*failed.event_type, "TaskFailed" | "LambdaFunctionFailed" | "ActivityFailed");
    let scheduled = events[..at].iter().rposition(|event| event.event_type.ends_with("Scheduled"))?;
    let retries = events.get(at + 1).is_some_and(|event| event.event_type.ends_with("Scheduled"));
    if !is_answer || retries || failed.previous_event_id != events[at - 1].id {
        return None;
    }
    let attempt = &events[scheduled..=at];
    let moved = attempt.len() as u64;
    let again = attempt.iter().enumerate().map(|(offset, event)| {
        let id = failed.id + 1 + offset as u64;
        HistoryEvent { id, previous_event_id: id - 1, timestamp_ms: failed.timestamp_ms, ..event.clone() }
    });
    let rest = events[at + 1..].iter().map(|event| HistoryEvent {
        id: event.id + moved,
        previous_event_id: event.previous_event_id + if event.previous_event_id >= failed.id { moved } else { 0 },
        ..event.clone()
    });
    Some(events[..=at].iter().cloned().chain(again).chain(rest).collect())
}
