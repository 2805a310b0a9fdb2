//! A redriven Map Run as clients have it: how it is described, listed and told, and what its children are.

use crate::support::{self, ask, refused, string};
use api::Api;
use json::Value;

const STATE_MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:m";
const EXECUTION: &str = "arn:aws:states:us-east-1:123456789012:execution:m:e";
const ACTIVITY: &str = "arn:aws:states:us-east-1:123456789012:activity:a";
/// Each child is a task of an activity.
const DEFINITION: &str = r#"{\"StartAt\": \"M\", \"States\": {\"M\": {\"Type\": \"Map\", \"End\": true, \"ItemProcessor\": {
    \"ProcessorConfig\": {\"Mode\": \"DISTRIBUTED\", \"ExecutionType\": \"STANDARD\"}, \"StartAt\": \"T\", \"States\": {
    \"T\": {\"Type\": \"Task\", \"Resource\": \"arn:aws:states:us-east-1:123456789012:activity:a\", \"End\": true}}}}}}"#;

async fn start(input: &str) -> Api {
    let api = support::api().await;
    ask(&api, "CreateActivity", r#"{"name": "a"}"#).await;
    let definition = DEFINITION.replace('\n', "");
    let create =
        format!(r#"{{"name": "m", "definition": "{definition}", "roleArn": "arn:aws:iam::123456789012:role/r"}}"#);
    ask(&api, "CreateStateMachine", &create).await;
    let start = format!(r#"{{"stateMachineArn": "{STATE_MACHINE}", "name": "e", "input": "{input}"}}"#);
    ask(&api, "StartExecution", &start).await;
    api
}

/// The token of a task that a worker takes.
async fn task(api: &Api) -> String {
    let task = ask(api, "GetActivityTask", &format!(r#"{{"activityArn": "{ACTIVITY}"}}"#)).await;
    string(&task, "taskToken")
}

fn of_execution(arn: &str) -> String {
    format!(r#"{{"executionArn": "{arn}"}}"#)
}

/// What an operation gives when it is as wanted.
async fn until(api: &Api, operation: &str, body: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        let answer = ask(api, operation, body).await;
        if wanted(&answer) {
            return answer;
        }
        tokio::task::yield_now().await;
    }
}

async fn closed(api: &Api, arn: &str) -> Value {
    until(api, "DescribeExecution", &of_execution(arn), |described| string(described, "status") != "RUNNING").await
}

async fn map_run(api: &Api, status: &str) -> Value {
    let listed = ask(api, "ListMapRuns", &of_execution(EXECUTION)).await;
    let arn = string(&listed.get("mapRuns").and_then(Value::as_array).unwrap()[0], "mapRunArn");
    let describe = format!(r#"{{"mapRunArn": "{arn}"}}"#);
    until(api, "DescribeMapRun", &describe, |described| string(described, "status") == status).await
}

async fn children(api: &Api, map_run: &Value, filter: &str) -> Vec<Value> {
    let list = format!(r#"{{"mapRunArn": "{}"{filter}}}"#, string(map_run, "mapRunArn"));
    ask(api, "ListExecutions", &list).await.get("executions").and_then(Value::as_array).unwrap().to_vec()
}

/// The members of `executionCounts` that are not 0, in the order of their names; those of `itemCounts` are the same.
fn counts(map_run: &Value) -> String {
    let counts = |name| map_run.get(name).and_then(Value::as_object).unwrap();
    let (executions, items) = (counts("executionCounts"), counts("itemCounts"));
    assert_eq!(executions.len(), 10);
    let mut shown: Vec<String> = Vec::new();
    for (name, count) in executions.iter() {
        assert_eq!(items.get(name), Some(count), "{name}");
        if count.as_i64() != Some(0) {
            shown.push(format!("{name} {count}"));
        }
    }
    shown.sort_unstable();
    shown.join(", ")
}

#[tokio::test]
async fn a_map_run_is_redriven_with_its_execution() {
    let api = start("[1,2]").await;
    let (first, second) = (task(&api).await, task(&api).await);
    ask(&api, "SendTaskSuccess", &format!(r#"{{"taskToken": "{first}", "output": "7"}}"#)).await;
    ask(&api, "SendTaskFailure", &format!(r#"{{"taskToken": "{second}", "error": "Broken"}}"#)).await;
    let described = closed(&api, EXECUTION).await;
    assert_eq!(string(&described, "status"), "FAILED");
    assert_eq!(string(&described, "redriveStatus"), "REDRIVABLE");
    let failed = map_run(&api, "FAILED").await;
    assert_eq!(counts(&failed), "failed 1, resultsWritten 1, succeeded 1, total 2");
    assert_eq!((failed.get("redriveCount").and_then(Value::as_i64), failed.get("redriveDate")), (Some(0), None));

    // The child is redriven by its Map Run only.
    let child = children(&api, &failed, r#", "statusFilter": "FAILED""#).await.pop().unwrap();
    let arn = string(&child, "executionArn");
    let described = closed(&api, &arn).await;
    assert_eq!(string(&described, "redriveStatus"), "REDRIVABLE_BY_MAP_RUN");
    assert_eq!(described.get("redriveStatusReason"), None);
    assert_eq!(refused(&api, "RedriveExecution", &of_execution(&arn)).await.0, "ExecutionNotRedrivable");

    let redriven = ask(&api, "RedriveExecution", &of_execution(EXECUTION)).await;
    let running = map_run(&api, "RUNNING").await;
    assert_eq!(running.get("redriveCount").and_then(Value::as_i64), Some(1));
    assert!(running.get("redriveDate").is_some() && running.get("stopDate").is_none());
    assert!(redriven.get("redriveDate").is_some());
    let again = task(&api).await;
    ask(&api, "SendTaskSuccess", &format!(r#"{{"taskToken": "{again}", "output": "8"}}"#)).await;
    let described = closed(&api, EXECUTION).await;
    assert_eq!(string(&described, "status"), "SUCCEEDED");
    assert!(["[7,8]", "[8,7]"].contains(&&*string(&described, "output")), "{described}");

    let succeeded = map_run(&api, "SUCCEEDED").await;
    assert_eq!(string(&succeeded, "mapRunArn"), string(&failed, "mapRunArn"));
    assert_eq!(counts(&succeeded), "resultsWritten 2, succeeded 2, total 2");
    let history = ask(&api, "GetExecutionHistory", &of_execution(EXECUTION)).await;
    let events = history.get("events").and_then(Value::as_array).unwrap();
    let event = events.iter().find(|event| string(event, "type") == "MapRunRedriven").unwrap();
    let details = event.get("mapRunRedrivenEventDetails").unwrap();
    assert_eq!(string(details, "mapRunArn"), string(&failed, "mapRunArn"));
    assert_eq!(details.get("redriveCount").and_then(Value::as_i64), Some(1));

    let listed = children(&api, &succeeded, r#", "redriveFilter": "REDRIVEN""#).await;
    let arns: Vec<_> = listed.iter().map(|child| string(child, "executionArn")).collect();
    assert_eq!(arns, std::slice::from_ref(&arn));
    assert_eq!(listed[0].get("redriveCount").and_then(Value::as_i64), Some(1));
    let history = ask(&api, "GetExecutionHistory", &of_execution(&arn)).await;
    let events = history.get("events").and_then(Value::as_array).unwrap();
    let types: Vec<String> = events.iter().map(|event| string(event, "type")).collect();
    let expected = [
        "ExecutionStarted",
        "TaskStateEntered",
        "ActivityScheduled",
        "ActivityStarted",
        "ActivityFailed",
        "ExecutionFailed",
        "ExecutionRedriven",
        "ActivityScheduled",
        "ActivityStarted",
        "ActivitySucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ];
    assert_eq!(types, expected);
}

#[tokio::test]
async fn children_that_wait_are_shown_as_pending() {
    let api = start("[1,2]").await;
    task(&api).await;
    task(&api).await;
    let running = map_run(&api, "RUNNING").await;
    let update = format!(r#"{{"mapRunArn": "{}", "maxConcurrency": 1}}"#, string(&running, "mapRunArn"));
    ask(&api, "UpdateMapRun", &update).await;
    ask(&api, "StopExecution", &of_execution(EXECUTION)).await;
    assert_eq!(counts(&map_run(&api, "ABORTED").await), "aborted 2, total 2");
    ask(&api, "RedriveExecution", &of_execution(EXECUTION)).await;
    // The child that goes on offers its task to the workers.
    task(&api).await;
    let running = map_run(&api, "RUNNING").await;
    assert_eq!(counts(&running), "pendingRedrive 1, running 1, total 2");
    let pending = children(&api, &running, r#", "statusFilter": "PENDING_REDRIVE""#).await;
    assert_eq!(pending.iter().map(|child| string(child, "status")).collect::<Vec<_>>(), ["PENDING_REDRIVE"]);
    assert_eq!(children(&api, &running, r#", "statusFilter": "ABORTED""#).await, []);
    assert_eq!(children(&api, &running, "").await.len(), 2);
    let described = ask(&api, "DescribeExecution", &of_execution(&string(&pending[0], "executionArn"))).await;
    assert_eq!(string(&described, "status"), "PENDING_REDRIVE");
    assert_eq!(string(&described, "redriveStatus"), "REDRIVABLE_BY_MAP_RUN");

    let list = format!(r#"{{"stateMachineArn": "{STATE_MACHINE}", "statusFilter": "PENDING_REDRIVE"}}"#);
    assert_eq!(refused(&api, "ListExecutions", &list).await.0, "ValidationException");
}
