//! Definitions that AWS accepted are accepted, and those that it refused are refused word for word.

#![expect(clippy::unwrap_used, reason = "an error here is a failed test")]

use asl::{Diagnostic, DiagnosticCode, Limits, StateMachineType, invalid_definition_message, parse};
use json::{Object, Value};

fn rows(text: &str) -> impl Iterator<Item = Value> {
    text.lines().map(|line| Value::parse(line).unwrap())
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn parsed(row: &Value) -> asl::Parsed {
    let is_express = text(row, "type") == "EXPRESS";
    let state_machine_type = if is_express { StateMachineType::Express } else { StateMachineType::Standard };
    parse(text(row, "definition"), state_machine_type, &Limits::default())
}

#[test]
fn accepted() {
    for row in rows(include_str!("recorded/accepted.jsonl")) {
        let is_lone = row.get("lone").and_then(Value::as_bool).unwrap();
        let about_others = [DiagnosticCode::MissingTransitionTarget, DiagnosticCode::MissingEndState];
        let faults: Vec<Diagnostic> = parsed(&row)
            .diagnostics
            .into_iter()
            .filter(|diagnostic| diagnostic.is_error() && !(is_lone && about_others.contains(&diagnostic.code)))
            .collect();
        assert!(faults.is_empty(), "{}: {}\n{faults:#?}", text(&row, "case"), text(&row, "definition"));
    }
}

#[test]
fn rejected() {
    for row in rows(include_str!("recorded/rejected.jsonl")) {
        let diagnostics = parsed(&row).diagnostics;
        if row.get("message").is_some() {
            let message = invalid_definition_message(&diagnostics);
            assert_eq!(message.as_deref(), Some(text(&row, "message")), "{}", text(&row, "case"));
        } else {
            let found: Value = diagnostics.iter().map(in_an_answer).collect();
            assert_eq!(Some(&found), row.get("diagnostics"), "{}", text(&row, "case"));
        }
    }
}

/// As `ValidateStateMachineDefinition` answers.
fn in_an_answer(diagnostic: &Diagnostic) -> Value {
    let mut answer = Object::new();
    answer.insert("severity", diagnostic.severity.as_str());
    answer.insert("code", diagnostic.code.as_str());
    answer.insert("message", diagnostic.message.as_str());
    if let Some(location) = &diagnostic.location {
        answer.insert("location", location.as_str());
    }
    answer.into()
}

#[test]
fn variable_references() {
    for row in rows(include_str!("recorded/variable_references.jsonl")) {
        let references = parsed(&row).state_machine.unwrap().variable_references();
        let found: Object = references
            .into_iter()
            .map(|(state, variables)| (state, variables.into_iter().map(Value::from).collect::<Value>()))
            .collect();
        assert_eq!(row.get("references"), Some(&Value::Object(found)), "{}", text(&row, "case"));
    }
}
