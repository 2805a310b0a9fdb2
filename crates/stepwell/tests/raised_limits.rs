//! The real server with limits above AWS's: payloads beyond 256 KiB, histories beyond 25,000 events.

use harness::Server;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_stepwell");
/// Four events each.
const ITEMS: usize = 7_000;

/// The definition, and an input of about 500 KB.
fn map() -> (Value, String) {
    let each = json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}});
    let definition = json!({"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": each, "End": true}}});
    let items: Vec<String> = (0..ITEMS).map(|number| format!("{number:070}")).collect();
    (definition, json!(items).to_string())
}

#[tokio::test]
async fn a_large_input_runs_through_a_long_history() {
    let limits = ["history_events_max=40_000", "payload_bytes_max=1_000_000", "request_bytes_max=4_000_000"];
    let arguments: Vec<&str> = limits.into_iter().flat_map(|limit| ["--limit", limit]).collect();
    let server = Server::start(Path::new(PROGRAM), &arguments).await.unwrap();
    let client = server.client();
    let (definition, input) = map();
    let new = json!({"name": "m", "definition": definition.to_string(), "roleArn": "arn:aws:iam::000000000000:role/r"});
    let state_machine = client.call("CreateStateMachine", new).await.unwrap()["stateMachineArn"].clone();
    let start = json!({"stateMachineArn": state_machine, "input": input});
    let execution = client.call("StartExecution", start).await.unwrap()["executionArn"].clone();
    let execution = execution.as_str().unwrap();
    let described = client.closed(execution, Duration::from_millis(20)).await.unwrap();
    assert_eq!((&described["status"], &described["output"]), (&json!("SUCCEEDED"), &json!(input)));
    let history = client.history(execution).await.unwrap();
    assert_eq!(history.len(), 4 * ITEMS + 6);
    assert!(history.iter().zip(1..).all(|(event, id)| event["id"] == json!(id)));
}

#[tokio::test]
async fn batches_of_a_map_grow_with_the_limit_of_payloads() {
    let limits = ["payload_bytes_max=1_000_000", "request_bytes_max=4_000_000"];
    let arguments: Vec<&str> = limits.into_iter().flat_map(|limit| ["--limit", limit]).collect();
    let server = Server::start(Path::new(PROGRAM), &arguments).await.unwrap();
    let client = server.client();
    let count = json!({"Type": "Pass", "Parameters": {"count.$": "States.ArrayLength($.Items)"}, "End": true});
    let processor = json!({"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "A", "States": {"A": count}});
    let map = json!({"Type": "Map", "ItemBatcher": {"MaxInputBytesPerBatch": 500_000},
        "ItemProcessor": processor, "End": true});
    let definition = json!({"StartAt": "M", "States": {"M": map}}).to_string();
    let new = json!({"name": "m", "definition": definition, "roleArn": "arn:aws:iam::000000000000:role/r"});
    let state_machine = client.call("CreateStateMachine", new).await.unwrap()["stateMachineArn"].clone();
    // Four batches by AWS's limit, two by the one that the definition asks for.
    let items: Vec<String> = (0..8).map(|number| number.to_string().repeat(110_000)).collect();
    let start = json!({"stateMachineArn": state_machine, "input": json!(items).to_string()});
    let execution = client.call("StartExecution", start).await.unwrap()["executionArn"].clone();
    let described = client.closed(execution.as_str().unwrap(), Duration::from_millis(20)).await.unwrap();
    assert_eq!(described["output"], json!(r#"[{"count":4},{"count":4}]"#), "{described}");
}

#[tokio::test]
async fn what_is_over_a_limit_gets_the_errors_of_aws() {
    let limits = ["history_events_max=1000", "state_machines_max=1", "activities_max=1", "open_executions_max=1"];
    let arguments: Vec<&str> = limits.into_iter().flat_map(|limit| ["--limit", limit]).collect();
    let server = Server::start(Path::new(PROGRAM), &arguments).await.unwrap();
    let client = server.client();
    let (definition, input) = map();
    let new = |name: &str, definition: &Value| json!({"name": name, "definition": definition.to_string(), "roleArn": "arn:aws:iam::000000000000:role/r"});
    let refused = async |operation: &str, input: Value| match client.call(operation, input).await {
        Err(harness::Error::Api { error, .. }) => error.code,
        other => format!("{other:?}"),
    };
    let state_machine =
        client.call("CreateStateMachine", new("m", &definition)).await.unwrap()["stateMachineArn"].clone();
    assert_eq!(refused("CreateStateMachine", new("n", &definition)).await, "StateMachineLimitExceeded");
    client.call("CreateActivity", json!({"name": "a"})).await.unwrap();
    assert_eq!(refused("CreateActivity", json!({"name": "b"})).await, "ActivityLimitExceeded");

    let start = |input: &str| json!({"stateMachineArn": state_machine, "input": input});
    assert_eq!(refused("StartExecution", start(&input)).await, "ValidationException");
    let items = json!(vec![0; 1_000]).to_string();
    let execution = client.call("StartExecution", start(&items)).await.unwrap()["executionArn"].clone();
    let described = client.closed(execution.as_str().unwrap(), Duration::from_millis(20)).await.unwrap();
    assert_eq!((&described["status"], &described["error"]), (&json!("FAILED"), &json!("States.Runtime")));
    assert_eq!(described["cause"], json!("The execution reached the maximum number of history events (1000)."));

    let waits = json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": true}}});
    let change = json!({"stateMachineArn": state_machine, "definition": waits.to_string()});
    client.call("UpdateStateMachine", change).await.unwrap();
    client.call("StartExecution", start("1")).await.unwrap();
    assert_eq!(refused("StartExecution", start("2")).await, "ExecutionLimitExceeded");
}
