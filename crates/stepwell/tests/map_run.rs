//! Kills the real process with `kill -9` in the middle of a Map Run with one failing child in a hundred: every child is
//! counted once, whatever its type.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use harness::{Client, Error, Server};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

const ITEMS: u64 = 10_000;
/// The process is killed each time so many children have ended.
const KILL_AT: [u64; 3] = [500, 3_000, 7_000];
const POLL: Duration = Duration::from_millis(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_children_are_counted_once() {
    check("STANDARD").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn express_children_are_counted_once() {
    check("EXPRESS").await;
}

async fn check(execution_type: &str) {
    let mut server = Server::start(Path::new(env!("CARGO_BIN_EXE_stepwell")), &[]).await.unwrap();
    let client = server.client();
    let execution = start(&client, execution_type).await;
    let map_run = until(&client, "ListMapRuns", json!({ "executionArn": execution }), |answer| {
        answer["mapRuns"].as_array().is_some_and(|runs| !runs.is_empty())
    });
    let map_run = map_run.await["mapRuns"][0]["mapRunArn"].clone();
    let describe = json!({ "mapRunArn": map_run });
    for threshold in KILL_AT {
        let ended = |answer: &Value| {
            let counts = &answer["executionCounts"];
            counts["succeeded"].as_u64().unwrap() + counts["failed"].as_u64().unwrap() >= threshold
        };
        let counts = until(&client, "DescribeMapRun", describe.clone(), ended).await;
        assert_eq!(counts["executionCounts"]["total"], ITEMS, "the total is told while it runs");
        server.restart().await.unwrap();
    }
    let closed = |answer: &Value| answer["status"] != "RUNNING";
    let ended = until(&client, "DescribeExecution", json!({ "executionArn": execution }), closed).await;
    assert_eq!((&ended["status"], &ended["output"]), (&json!("SUCCEEDED"), &json!(ITEMS.to_string())));
    let counts = client.call("DescribeMapRun", describe).await.unwrap()["executionCounts"].clone();
    let expected = [("succeeded", ITEMS - ITEMS / 100), ("failed", ITEMS / 100), ("running", 0), ("pending", 0)];
    for (name, count) in expected {
        assert_eq!(counts[name], count, "{name}");
    }
    if execution_type == "STANDARD" {
        check_child(&client, &map_run).await;
    }
}

/// The result is how many results there are.
async fn start(client: &Client, execution_type: &str) -> String {
    let definition = json!({ "QueryLanguage": "JSONata", "StartAt": "Map", "States": { "Map": {
        "Type": "Map", "Items": format!("{{% [1..{ITEMS}] %}}"), "ToleratedFailurePercentage": 1, "MaxConcurrency": 500,
        "ItemProcessor": {
            "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": execution_type },
            "StartAt": "Choice",
            "States": {
                "Choice": { "Type": "Choice", "Default": "Pass",
                    "Choices": [{ "Condition": "{% $states.input % 100 = 7 %}", "Next": "Fail" }] },
                "Fail": { "Type": "Fail", "Error": "Seven" },
                "Pass": { "Type": "Pass", "End": true },
            } },
        "Output": "{% $count($states.result) %}", "End": true,
    } } });
    let role = "arn:aws:iam::000000000000:role/map";
    let machine = json!({ "name": "map", "definition": definition.to_string(), "roleArn": role });
    let machine = client.call("CreateStateMachine", machine).await.unwrap()["stateMachineArn"].clone();
    let started = client.call("StartExecution", json!({ "stateMachineArn": machine })).await.unwrap();
    started["executionArn"].as_str().unwrap().to_owned()
}

/// A child is an execution of its own.
async fn check_child(client: &Client, map_run: &Value) {
    let filter = json!({ "mapRunArn": map_run, "statusFilter": "FAILED", "maxResults": 1000 });
    let failed = client.call("ListExecutions", filter).await.unwrap()["executions"].clone();
    assert_eq!(failed.as_array().unwrap().len() as u64, ITEMS / 100);
    let child = json!({ "executionArn": failed[0]["executionArn"] });
    let described = client.call("DescribeExecution", child.clone()).await.unwrap();
    assert_eq!((&described["mapRunArn"], &described["error"]), (map_run, &json!("Seven")));
    let machine = client.call("DescribeStateMachineForExecution", child.clone()).await.unwrap();
    assert_eq!((&machine["mapRunArn"], machine["label"].is_string()), (map_run, true));
    assert_eq!(machine["stateMachineArn"], described["stateMachineArn"]);
    let history = client.call("GetExecutionHistory", child).await.unwrap();
    assert_eq!(history["events"].as_array().unwrap().len(), 5);
}

/// Asks again until the answer is as wanted, also while the server is away.
async fn until(client: &Client, operation: &str, input: Value, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        match client.call(operation, input.clone()).await {
            Ok(answer) if wanted(&answer) => return answer,
            Ok(_) | Err(Error::NoAnswer { .. } | Error::NotJson { .. }) => tokio::time::sleep(POLL).await,
            Err(error) => assert!(matches!(&error, Error::Api { error, .. } if error.status >= 500), "{error}"),
        }
    }
}
