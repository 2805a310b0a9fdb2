//! Redrives a hundred executions while the real process is killed with `kill -9`: each goes on once, and what had ended
//! does not run again.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use harness::{Client, Error, Server};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::task::JoinSet;

const EXECUTIONS: usize = 100;
const WORKERS: usize = 8;
const POLL: Duration = Duration::from_millis(20);
const ACTIVITY: &str = "arn:aws:states:us-east-1:000000000000:activity:work";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_redriven_ends_exactly_once() {
    let mut server = Server::start(Path::new(env!("CARGO_BIN_EXE_stepwell")), &[]).await.unwrap();
    let client = server.client();
    let state_machine = deploy(&client).await;
    let workers = workers(&client);
    let mut executions = Vec::new();
    for number in 0..EXECUTIONS {
        let input = json!({ "stateMachineArn": state_machine, "name": format!("run-{number}") });
        let started = client.call("StartExecution", input).await.unwrap();
        executions.push(started["executionArn"].as_str().unwrap().to_owned());
    }
    for execution in &executions {
        assert_eq!(client.closed(execution, POLL).await.unwrap()["status"], "FAILED");
    }
    for (number, execution) in executions.iter().enumerate() {
        let redrive = json!({ "executionArn": execution, "clientToken": "once" });
        if number % 30 == 29 {
            // The answer may be lost with the process.
            let (_maybe, restarted) = tokio::join!(client.call("RedriveExecution", redrive.clone()), server.restart());
            restarted.unwrap();
        }
        until_answered(&client, "RedriveExecution", redrive).await.unwrap();
    }
    server.restart().await.unwrap();
    for execution in &executions {
        check(&client, execution).await;
    }
    drop(workers);
}

/// A branch that ends, and one whose activity task fails until it is redriven.
async fn deploy(client: &Client) -> String {
    client.call("CreateActivity", json!({ "name": "work" })).await.unwrap();
    let definition = json!({ "StartAt": "Both", "States": { "Both": { "Type": "Parallel", "End": true, "Branches": [
        { "StartAt": "Quick", "States": { "Quick": { "Type": "Pass", "Result": "quick", "End": true } } },
        { "StartAt": "Work", "States": { "Work": { "Type": "Task", "Resource": ACTIVITY, "HeartbeatSeconds": 5, "End": true,
            "Parameters": { "redrives.$": "$$.Execution.RedriveCount" },
            "Retry": [{ "ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1, "MaxAttempts": 100 }] } } },
    ] } } });
    let input = json!({ "name": "redrive", "definition": definition.to_string(), "roleArn": "arn:aws:iam::000000000000:role/r" });
    client.call("CreateStateMachine", input).await.unwrap()["stateMachineArn"].as_str().unwrap().to_owned()
}

fn workers(client: &Client) -> JoinSet<()> {
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        let client = client.clone();
        workers.spawn(async move {
            loop {
                let Ok(task) = until_answered(&client, "GetActivityTask", json!({ "activityArn": ACTIVITY })).await
                else {
                    continue;
                };
                let Some(token) = task["taskToken"].as_str() else { continue };
                let input: Value = serde_json::from_str(task["input"].as_str().unwrap()).unwrap();
                // A task that timed out meanwhile is refused: another attempt of it comes.
                let _refused = if input["redrives"] == 0 {
                    until_answered(&client, "SendTaskFailure", json!({ "taskToken": token, "error": "Broken" })).await
                } else {
                    until_answered(&client, "SendTaskSuccess", json!({ "taskToken": token, "output": "1" })).await
                };
            }
        });
    }
    workers
}

/// Calls until the server answers, through its restarts.
async fn until_answered(client: &Client, operation: &str, input: Value) -> Result<Value, Error> {
    loop {
        match client.call(operation, input.clone()).await {
            Err(Error::NoAnswer { .. } | Error::NotJson { .. }) => tokio::time::sleep(POLL).await,
            Err(Error::Api { error, .. }) if error.status >= 500 => tokio::time::sleep(POLL).await,
            answered => return answered,
        }
    }
}

async fn check(client: &Client, execution: &str) {
    let described = client.closed(execution, POLL).await.unwrap();
    assert_eq!(described["status"], "SUCCEEDED", "{execution}: {described}");
    assert_eq!((&described["output"], &described["redriveCount"]), (&json!(r#"["quick",1]"#), &json!(1)));
    let history = client.history(execution).await.unwrap();
    let ids: Vec<u64> = history.iter().map(|event| event["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>(), "{execution}: gaps");
    let count = |kind: &str| history.iter().filter(|event| event["type"] == kind).count();
    for once in ["ExecutionFailed", "ExecutionRedriven", "PassStateEntered", "TaskStateEntered", "ExecutionSucceeded"] {
        assert_eq!(count(once), 1, "{execution}: {once}");
    }
}
