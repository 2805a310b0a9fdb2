//! Events as the real service writes them, with and without their data.

use super::*;
use json::{Payload, Value};

fn payload(text: &str) -> Payload {
    Payload::parse(text).unwrap()
}

fn event(event_type: EventType, details: EventDetails) -> HistoryEvent {
    HistoryEvent { id: 3, previous_event_id: 2, timestamp_ms: 1_700_000_000_123, event_type, details }
}

/// Compares the details member of an event with what the real service answered.
fn check(event_type: EventType, details: EventDetails, name: &str, shown: &str, without_data: &str) {
    let event = event(event_type, details);
    for (with_data, expected) in [(true, shown), (false, without_data)] {
        let written = serde_json::to_string(&ShownEvent { event: event.clone(), with_data }).unwrap();
        let written = Value::parse(&written).unwrap();
        assert_eq!(written.get("type").and_then(Value::as_str), Some(event_type.as_str()));
        assert_eq!(written.get(name), Some(&Value::parse(expected).unwrap()), "{event_type:?} {written}");
        assert_eq!(written.as_object().unwrap().len(), 5, "{written}");
    }
}

#[test]
fn an_event_without_details_has_four_members() {
    let event = event(EventType::MapStateSucceeded, EventDetails::None);
    let written = serde_json::to_string(&ShownEvent { event, with_data: true }).unwrap();
    assert_eq!(written, r#"{"timestamp":1700000000.123,"type":"MapStateSucceeded","id":3,"previousEventId":2}"#);
}

#[test]
fn executions() {
    check(
        EventType::ExecutionStarted,
        EventDetails::ExecutionStarted {
            input: r#"{ "a": 1 }"#.into(),
            role_arn: "role".into(),
            state_machine_alias_arn: None,
            state_machine_version_arn: None,
        },
        "executionStartedEventDetails",
        r#"{"input": "{ \"a\": 1 }", "inputDetails": {"truncated": false}, "roleArn": "role"}"#,
        r#"{"roleArn": "role"}"#,
    );
    check(
        EventType::ExecutionSucceeded,
        EventDetails::ExecutionSucceeded { output: payload("[1, 2]") },
        "executionSucceededEventDetails",
        r#"{"output": "[1,2]", "outputDetails": {"truncated": false}}"#,
        "{}",
    );
    check(
        EventType::ExecutionFailed,
        EventDetails::Failed { error: Some("E".into()), cause: None },
        "executionFailedEventDetails",
        r#"{"error": "E"}"#,
        r#"{"error": "E"}"#,
    );
    check(
        EventType::ExecutionAborted,
        EventDetails::Failed { error: None, cause: None },
        "executionAbortedEventDetails",
        "{}",
        "{}",
    );
}

#[test]
fn states() {
    check(
        EventType::PassStateEntered,
        EventDetails::StateEntered { name: "S".into(), input: payload("{}") },
        "stateEnteredEventDetails",
        r#"{"name": "S", "input": "{}", "inputDetails": {"truncated": false}}"#,
        r#"{"name": "S"}"#,
    );
    check(
        EventType::ChoiceStateExited,
        EventDetails::StateExited {
            name: "S".into(),
            output: payload("null"),
            assigned_variables: Some(vec![("x".into(), "\"text\"".into())]),
        },
        "stateExitedEventDetails",
        r#"{"name": "S", "output": "null", "outputDetails": {"truncated": false},
            "assignedVariables": {"x": "\"text\""}, "assignedVariablesDetails": {"truncated": false}}"#,
        r#"{"name": "S"}"#,
    );
    check(
        EventType::MapStateStarted,
        EventDetails::MapStateStarted { length: 4 },
        "mapStateStartedEventDetails",
        r#"{"length": 4}"#,
        r#"{"length": 4}"#,
    );
    check(
        EventType::MapIterationFailed,
        EventDetails::MapIteration { name: "M".into(), index: 0 },
        "mapIterationFailedEventDetails",
        r#"{"name": "M", "index": 0}"#,
        r#"{"name": "M", "index": 0}"#,
    );
    check(
        EventType::EvaluationFailed,
        EventDetails::EvaluationFailed {
            error: Some("E".into()),
            cause: Some("C".into()),
            location: None,
            state: "S".into(),
        },
        "evaluationFailedEventDetails",
        r#"{"error": "E", "cause": "C", "state": "S"}"#,
        r#"{"error": "E", "cause": "C", "state": "S"}"#,
    );
}

#[test]
fn tasks() {
    check(
        EventType::TaskScheduled,
        EventDetails::TaskScheduled {
            resource_type: "aws-sdk:sfn".into(),
            resource: "createActivity".into(),
            region: "us-east-1".into(),
            parameters: payload(r#"{"Name": "a"}"#),
            timeout_seconds: Some(60),
            heartbeat_seconds: Some(5),
            role_arn: Some("role".into()),
        },
        "taskScheduledEventDetails",
        r#"{"resourceType": "aws-sdk:sfn", "resource": "createActivity", "region": "us-east-1",
            "parameters": "{\"Name\":\"a\"}", "timeoutInSeconds": 60, "heartbeatInSeconds": 5,
            "taskCredentials": {"roleArn": "role"}}"#,
        r#"{"resourceType": "aws-sdk:sfn", "resource": "createActivity", "region": "us-east-1",
            "timeoutInSeconds": 60, "heartbeatInSeconds": 5, "taskCredentials": {"roleArn": "role"}}"#,
    );
    check(
        EventType::TaskSubmitted,
        EventDetails::TaskOutput {
            resource_type: "states".into(),
            resource: "startExecution.sync".into(),
            output: payload("{}"),
        },
        "taskSubmittedEventDetails",
        r#"{"resourceType": "states", "resource": "startExecution.sync", "output": "{}", "outputDetails": {"truncated": false}}"#,
        r#"{"resourceType": "states", "resource": "startExecution.sync"}"#,
    );
    check(
        EventType::TaskTimedOut,
        EventDetails::TaskFailed {
            resource_type: "lambda".into(),
            resource: "invoke".into(),
            error: Some("States.Timeout".into()),
            cause: None,
        },
        "taskTimedOutEventDetails",
        r#"{"resourceType": "lambda", "resource": "invoke", "error": "States.Timeout"}"#,
        r#"{"resourceType": "lambda", "resource": "invoke", "error": "States.Timeout"}"#,
    );
}

#[test]
fn functions_and_activities() {
    check(
        EventType::LambdaFunctionScheduled,
        EventDetails::LambdaFunctionScheduled {
            resource: "arn".into(),
            input: payload("{}"),
            timeout_seconds: None,
            role_arn: None,
        },
        "lambdaFunctionScheduledEventDetails",
        r#"{"resource": "arn", "input": "{}", "inputDetails": {"truncated": false}}"#,
        r#"{"resource": "arn"}"#,
    );
    check(
        EventType::ActivityScheduled,
        EventDetails::ActivityScheduled {
            resource: "arn".into(),
            input: payload("{}"),
            timeout_seconds: Some(9),
            heartbeat_seconds: None,
        },
        "activityScheduledEventDetails",
        r#"{"resource": "arn", "input": "{}", "inputDetails": {"truncated": false}, "timeoutInSeconds": 9}"#,
        r#"{"resource": "arn", "timeoutInSeconds": 9}"#,
    );
    check(
        EventType::ActivityStarted,
        EventDetails::ActivityStarted { worker_name: None },
        "activityStartedEventDetails",
        "{}",
        "{}",
    );
}
