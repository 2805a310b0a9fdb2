//! Kills the real process with `kill -9` in the middle of a Map Run with one failing child in a hundred: every child is
//! counted once, whatever its type, and memory stays bounded.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use harness::{Client, Error, Server};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// The input of the state has room for so many digits.
const ITEMS: usize = 100_000;
/// The process is killed each time so many children in a hundred have ended.
const KILL_AT_PERCENT: [usize; 3] = [5, 30, 70];
/// What the process may have in memory at most. With a hundred thousand items of either type it had 55 to 165.
const PEAK_MIB_MAX: u64 = 256;
const POLL: Duration = Duration::from_millis(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_children_are_counted_once() {
    check("STANDARD", ITEMS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn express_children_are_counted_once() {
    check("EXPRESS", ITEMS).await;
}

async fn check(execution_type: &str, items: usize) {
    let mut server = Server::start(Path::new(env!("CARGO_BIN_EXE_stepwell")), &[]).await.unwrap();
    let client = server.client();
    let execution = start(&client, execution_type, items).await;
    let map_run = until(&client, "ListMapRuns", json!({ "executionArn": execution }), |answer| {
        answer["mapRuns"].as_array().is_some_and(|runs| !runs.is_empty())
    });
    let map_run = map_run.await["mapRuns"][0]["mapRunArn"].clone();
    let describe = json!({ "mapRunArn": map_run });
    for percent in KILL_AT_PERCENT {
        let ended = |answer: &Value| {
            let counts = &answer["executionCounts"];
            let ended = counts["succeeded"].as_u64().unwrap() + counts["failed"].as_u64().unwrap();
            ended >= (items * percent / 100) as u64
        };
        let counts = until(&client, "DescribeMapRun", describe.clone(), ended).await;
        assert_eq!(counts["executionCounts"]["total"], items, "the total is told while it runs");
        check_memory(&server);
        server.restart().await.unwrap();
    }
    let closed = |answer: &Value| answer["status"] != "RUNNING";
    let ended = until(&client, "DescribeExecution", json!({ "executionArn": execution }), closed).await;
    assert_eq!((&ended["status"], &ended["output"]), (&json!("SUCCEEDED"), &json!(items.to_string())));
    check_memory(&server);
    let counts = client.call("DescribeMapRun", describe).await.unwrap()["executionCounts"].clone();
    let expected = [("succeeded", items - items / 100), ("failed", items / 100), ("running", 0), ("pending", 0)];
    for (name, count) in expected {
        assert_eq!(counts[name], count, "{name}");
    }
    check_child(&client, execution_type, &map_run, items / 100).await;
}

/// The peak of what the process has in memory. Only Linux tells.
fn check_memory(server: &Server) {
    if !cfg!(target_os = "linux") {
        return;
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process_id().unwrap())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim();
    let kib: u64 = peak.trim_end_matches(" kB").parse().unwrap();
    assert!(kib < PEAK_MIB_MAX << 10, "{peak} at most");
}

/// Every hundredth item is a 7, and its child fails. The result is how many results there are.
async fn start(client: &Client, execution_type: &str, items: usize) -> String {
    let definition = json!({ "QueryLanguage": "JSONata", "StartAt": "Map", "States": { "Map": {
        "Type": "Map", "Items": "{% $states.input %}", "ToleratedFailurePercentage": 1, "MaxConcurrency": 500,
        "ItemProcessor": {
            "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": execution_type },
            "StartAt": "Choice",
            "States": {
                "Choice": { "Type": "Choice", "Default": "Pass",
                    "Choices": [{ "Condition": "{% $states.input = 7 %}", "Next": "Fail" }] },
                "Fail": { "Type": "Fail", "Error": "Seven" },
                "Pass": { "Type": "Pass", "End": true },
            } },
        "Output": "{% $count($states.result) %}", "End": true,
    } } });
    let role = "arn:aws:iam::000000000000:role/map";
    let machine = json!({ "name": "map", "definition": definition.to_string(), "roleArn": role });
    let machine = client.call("CreateStateMachine", machine).await.unwrap()["stateMachineArn"].clone();
    let input: Vec<u8> = (0..items).map(|item| if item % 100 == 7 { 7 } else { 0 }).collect();
    let start = json!({ "stateMachineArn": machine, "input": json!(input).to_string() });
    let started = client.call("StartExecution", start).await.unwrap();
    started["executionArn"].as_str().unwrap().to_owned()
}

/// A child is an execution of its own.
async fn check_child(client: &Client, execution_type: &str, map_run: &Value, failed_count: usize) {
    let filter = json!({ "mapRunArn": map_run, "statusFilter": "FAILED", "maxResults": 1000 });
    let failed = client.call("ListExecutions", filter).await.unwrap()["executions"].clone();
    assert_eq!(failed.as_array().unwrap().len(), failed_count);
    let child = json!({ "executionArn": failed[0]["executionArn"] });
    let described = client.call("DescribeExecution", child.clone()).await.unwrap();
    assert_eq!((&described["mapRunArn"], &described["error"]), (map_run, &json!("Seven")));
    assert_eq!((&described["input"], &described["redriveStatus"]), (&json!("7"), &json!("REDRIVABLE_BY_MAP_RUN")));
    if execution_type == "EXPRESS" {
        for operation in ["GetExecutionHistory", "DescribeStateMachineForExecution"] {
            let refused = client.call(operation, child.clone()).await.unwrap_err();
            assert!(refused.to_string().contains("InvalidArn"), "{operation}: {refused}");
        }
        return;
    }
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
