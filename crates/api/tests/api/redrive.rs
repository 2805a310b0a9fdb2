//! RedriveExecution as clients have it: its answer, how it is described and listed, and how it refuses.

use crate::support::{self, ask, refused, string};
use api::Api;
use json::Value;

const FAIL: &str = r#"{\"StartAt\": \"F\", \"States\": {\"F\": {\"Type\": \"Fail\", \"Error\": \"Always\"}}}"#;
const STATE_MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:m";
const EXECUTION: &str = "arn:aws:states:us-east-1:123456789012:execution:m:e";

async fn start(api: &Api, definition: &str) {
    let create =
        format!(r#"{{"name": "m", "definition": "{definition}", "roleArn": "arn:aws:iam::123456789012:role/r"}}"#);
    ask(api, "CreateStateMachine", &create).await;
    ask(api, "StartExecution", &format!(r#"{{"stateMachineArn": "{STATE_MACHINE}", "name": "e"}}"#)).await;
}

/// The execution when it is closed.
async fn closed(api: &Api) -> Value {
    loop {
        let described = ask(api, "DescribeExecution", &of_execution("")).await;
        if string(&described, "status") != "RUNNING" {
            return described;
        }
        tokio::task::yield_now().await;
    }
}

fn of_execution(more: &str) -> String {
    format!(r#"{{"executionArn": "{EXECUTION}"{more}}}"#)
}

fn check(object: &Value, expected: &[(&str, &str)]) {
    for (member, expected) in expected {
        assert_eq!(object.get(member).map(ToString::to_string).as_deref(), Some(*expected), "{member}");
    }
}

#[tokio::test]
async fn a_redrive_is_described_and_listed() {
    let api = support::api().await;
    start(&api, FAIL).await;
    let described = closed(&api).await;
    check(&described, &[("redriveCount", "0"), ("redriveStatus", r#""REDRIVABLE""#)]);
    assert_eq!((described.get("redriveDate"), described.get("redriveStatusReason")), (None, None));

    let redriven = ask(&api, "RedriveExecution", &of_execution(r#", "clientToken": "t""#)).await;
    assert_eq!(ask(&api, "RedriveExecution", &of_execution(r#", "clientToken": "t""#)).await, redriven);
    let described = closed(&api).await;
    check(&described, &[("redriveCount", "1"), ("redriveStatus", r#""REDRIVABLE""#)]);
    assert_eq!(described.get("redriveDate"), redriven.get("redriveDate"));

    let history = ask(&api, "GetExecutionHistory", &of_execution("")).await;
    let events = history.get("events").and_then(Value::as_array).unwrap();
    let event = |index: usize| events.get(index).unwrap();
    let details = r#"{"redriveCount":1}"#;
    check(
        event(3),
        &[
            ("type", r#""ExecutionRedriven""#),
            ("id", "4"),
            ("previousEventId", "3"),
            ("executionRedrivenEventDetails", details),
        ],
    );
    check(event(5), &[("type", r#""ExecutionFailed""#), ("id", "6")]);

    for (filter, expected) in [("REDRIVEN", 1), ("NOT_REDRIVEN", 0)] {
        let list = format!(r#"{{"stateMachineArn": "{STATE_MACHINE}", "redriveFilter": "{filter}"}}"#);
        let listed = ask(&api, "ListExecutions", &list).await;
        let executions = listed.get("executions").and_then(Value::as_array).unwrap();
        assert_eq!(executions.len(), expected, "{filter}");
        executions.iter().for_each(|execution| check(execution, &[("redriveCount", "1")]));
    }
}

#[tokio::test]
async fn what_cannot_be_redriven_is_refused_in_the_words_of_its_description() {
    for (kind, status) in [
        ("Succeed", "SUCCEEDED"),
        ("Wait\\\", \\\"Seconds\\\": 600, \\\"End\\\": true, \\\"Comment\\\": \\\"", "RUNNING"),
    ] {
        let api = support::api().await;
        start(&api, &format!(r#"{{\"StartAt\": \"S\", \"States\": {{\"S\": {{\"Type\": \"{kind}\"}}}}}}"#)).await;
        let described = loop {
            let described = ask(&api, "DescribeExecution", &of_execution("")).await;
            if string(&described, "status") == status {
                break described;
            }
            tokio::task::yield_now().await;
        };
        let why = format!("Execution is {status} and cannot be redriven");
        check(&described, &[("redriveStatus", r#""NOT_REDRIVABLE""#)]);
        assert_eq!(string(&described, "redriveStatusReason"), why);
        let refusal = refused(&api, "RedriveExecution", &of_execution("")).await;
        assert_eq!(refusal, ("ExecutionNotRedrivable".to_owned(), why));
    }
}

#[tokio::test]
async fn other_refusals() {
    let api = support::api().await;
    let does_not_exist = ("ExecutionDoesNotExist".to_owned(), format!("Execution Does Not Exist: '{EXECUTION}'"));
    assert_eq!(refused(&api, "RedriveExecution", &of_execution("")).await, does_not_exist);
    for (arn, code) in [
        ("nonsense", "InvalidArn"),
        (STATE_MACHINE, "InvalidArn"),
        ("arn:aws:states:us-east-1:123456789012:express:m:a:b", "InvalidArn"),
    ] {
        let (found, _) = refused(&api, "RedriveExecution", &format!(r#"{{"executionArn": "{arn}"}}"#)).await;
        assert_eq!(found, code, "{arn}");
    }
}
