//! Executions that wait for one another, in a real server that carries out one task at a time.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use harness::{Client, Server};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

const ROLE: &str = "arn:aws:iam::000000000000:role/r";
const PARENTS: usize = 8;

async fn create(client: &Client, name: &str, state_machine_type: &str, task: &Value) -> String {
    let definition = json!({ "StartAt": "Task", "States": { "Task": task } });
    let new =
        json!({ "name": name, "type": state_machine_type, "definition": definition.to_string(), "roleArn": ROLE });
    client.call("CreateStateMachine", new).await.unwrap()["stateMachineArn"].as_str().unwrap().to_owned()
}

fn task(resource: &str, parameters: &Value) -> Value {
    json!({ "Type": "Task", "Resource": format!("arn:aws:states:::{resource}"), "Parameters": parameters, "End": true })
}

async fn ended(client: &Client, execution: &str) -> String {
    loop {
        let described = client.call("DescribeExecution", json!({ "executionArn": execution })).await.unwrap();
        match described["status"].as_str().unwrap() {
            "RUNNING" => tokio::time::sleep(Duration::from_millis(20)).await,
            status => return status.to_owned(),
        }
    }
}

#[tokio::test]
async fn more_parents_than_places_all_finish() {
    let program = Path::new(env!("CARGO_BIN_EXE_stepwell"));
    let server = Server::start_configured(program, "shards = 1\ntasks_at_once_max = 1\n").await.unwrap();
    let client = server.client();
    let activity = client.call("CreateActivity", json!({ "name": "work" })).await.unwrap()["activityArn"].clone();

    // Each waits for something that needs a place itself.
    let list = task("aws-sdk:sfn:listActivities", &json!({}));
    let express = create(&client, "express", "EXPRESS", &list).await;
    let standard = create(&client, "standard", "STANDARD", &list).await;
    let work = json!({ "Type": "Task", "Resource": activity, "End": true });
    let work = create(&client, "work", "STANDARD", &work).await;
    let parents = [
        ("sync", "states:startExecution.sync:2", json!({ "StateMachineArn": standard })),
        ("synchronous", "aws-sdk:sfn:startSyncExecution", json!({ "StateMachineArn": express })),
        ("poll", "aws-sdk:sfn:getActivityTask", json!({ "ActivityArn": activity })),
    ];
    let mut executions = Vec::new();
    for (name, resource, parameters) in parents {
        let parent = create(&client, name, "STANDARD", &task(resource, &parameters)).await;
        for _ in 0..PARENTS {
            let started = client.call("StartExecution", json!({ "stateMachineArn": parent })).await.unwrap();
            executions.push(started["executionArn"].as_str().unwrap().to_owned());
        }
    }
    for _ in 0..PARENTS {
        client.call("StartExecution", json!({ "stateMachineArn": work })).await.unwrap();
    }
    for execution in &executions {
        assert_eq!(ended(&client, execution).await, "SUCCEEDED", "{execution}");
    }
}

#[tokio::test]
async fn what_a_stopped_parent_had_started_is_stopped() {
    let server = Server::start(Path::new(env!("CARGO_BIN_EXE_stepwell")), &[]).await.unwrap();
    let client = server.client();
    let wait = json!({ "Type": "Wait", "Seconds": 3600, "End": true });
    let child = create(&client, "child", "STANDARD", &wait).await;
    let parameters = json!({ "StateMachineArn": child, "Name": "c" });
    let parent = create(&client, "parent", "STANDARD", &task("states:startExecution.sync", &parameters)).await;
    let started = client.call("StartExecution", json!({ "stateMachineArn": parent })).await.unwrap();
    let child = child.replace(":stateMachine:", ":execution:") + ":c";
    let history = json!({ "executionArn": started["executionArn"] });
    loop {
        let events = client.call("GetExecutionHistory", history.clone()).await.unwrap();
        if events["events"].as_array().unwrap().iter().any(|event| event["type"] == "TaskSubmitted") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    client.call("StopExecution", history).await.unwrap();
    assert_eq!(ended(&client, &child).await, "ABORTED");
}
