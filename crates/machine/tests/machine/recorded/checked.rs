//! The histories recorded on AWS, judged by the history checker: the oracle of the checker itself.
//!
//! In a recording, names, tokens and times are placeholders, JSON texts were parsed, there are no timestamps, and the order
//! of what happened inside a Parallel was lost. The first three are told to the checker; histories with the last one are
//! judged as they come out of the machine here, which `World` does with every history.

use super::compare::Placeholders;
use super::{Recorded, recordings, state_machine_type};
use checker::{Checker, History, HistoryEvent, Texts, Verdict};
use serde_json::{Map, Value};

/// Recordings that are not judged, and why.
const EXCEPTIONS: &[(&str, &str)] = &[(
    "TestBaseScenarios::test_lambda_invoke_with_retry_extended_input#get_execution_history",
    "recorded in October 2023, before the context object had `Execution.RedriveCount`",
)];

#[test]
fn recorded_histories_are_legal() {
    let mut wrong = Vec::new();
    let mut judged = 0;
    for recorded in recordings().iter().filter(|recorded| has_order(recorded)) {
        let verdict = judge(recorded);
        let is_excepted = EXCEPTIONS.iter().any(|(id, _)| recorded.id == *id);
        if verdict.is_legal() == is_excepted {
            wrong.push(format!("{}\n{verdict}", recorded.id));
        }
        assert!(verdict.closed || !verdict.is_legal(), "{}", recorded.id);
        judged += 1;
    }
    assert!(wrong.is_empty(), "{} of {judged} are wrong\n{}", wrong.len(), wrong.join("\n\n"));
    assert_eq!(judged, 355);
}

/// Whether the ids of all events were recorded.
fn has_order(recorded: &Recorded) -> bool {
    recorded.history.iter().all(|event| event["id"].is_u64())
}

fn judge(recorded: &Recorded) -> Verdict {
    let checker = Checker::new(&recorded.definition, state_machine_type(recorded)).unwrap();
    let placeholders = Placeholders::new(&recorded.placeholders);
    let alike = |expected: &str, found: &str| placeholders.are_alike(expected, found);
    let events: Vec<HistoryEvent> = recorded.history.iter().map(as_answered).collect();
    let texts = Texts::Alike(&alike);
    let history = History { input: &recorded.input, events: &events, texts, ..History::default() };
    checker.check(&history)
}

/// An event as the API answered it: what was parsed is text again.
fn as_answered(event: &Value) -> HistoryEvent {
    let mut event = event.as_object().unwrap().clone();
    for details in event.values_mut().filter_map(Value::as_object_mut) {
        for member in ["input", "output", "parameters", "error", "cause"] {
            restore(details, member);
        }
        if let Some(variables) = details.get_mut("assignedVariables").and_then(Value::as_object_mut) {
            let names: Vec<String> = variables.keys().cloned().collect();
            names.iter().for_each(|name| restore(variables, name));
        }
        if let Some(seconds) = details.get("timeoutInSeconds").and_then(Value::as_str).map(str::parse::<u64>) {
            details.insert("timeoutInSeconds".to_owned(), seconds.unwrap().into());
        }
    }
    HistoryEvent::read(&json::Value::parse(&Value::Object(event).to_string()).unwrap()).unwrap()
}

fn restore(details: &mut Map<String, Value>, member: &str) {
    if let Some(value) = details.get_mut(member).filter(|value| !value.is_string()) {
        *value = value.to_string().into();
    }
}
