//! Kills the real process with `kill -9`, again and again, under a thousand executions with waits, activity tasks, retries
//! and callbacks. What was accepted ends exactly once, with a gapless history.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use asl::StateMachineType;
use checker::{Checker, Described, History};
use harness::{Client, Error, Server};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

const EXECUTIONS: usize = 1_000;
/// Clients that start executions, workers of the activity.
const STARTERS: usize = 16;
const WORKERS: usize = 16;
/// The process is killed each time so many starts, and later so many ends, have been seen.
const KILL_AT_STARTS: [usize; 3] = [150, 450, 800];
const KILL_AT_ENDS: [usize; 2] = [300, 700];
const ROLE: &str = "arn:aws:iam::000000000000:role/crash";
const POLL: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_ends_exactly_once() {
    let mut server = Server::start(Path::new(env!("CARGO_BIN_EXE_stepwell")), &[]).await.unwrap();
    let client = server.client();
    let state_machine = deploy(&client).await;
    let workers = workers(&client);

    let started = Arc::new(AtomicUsize::new(0));
    let starters = start_all(&client, &state_machine, &started);
    for threshold in KILL_AT_STARTS {
        kill_when(&mut server, || async { started.load(Ordering::SeqCst) >= threshold }).await;
    }
    let executions = starters.await.unwrap();
    for threshold in KILL_AT_ENDS {
        kill_when(&mut server, || async { succeeded(&client, &state_machine).await >= threshold }).await;
    }

    let checker = checker(&client, &state_machine).await;
    for (number, execution) in executions.iter().enumerate() {
        check_ended_once(&client, &checker, number, execution).await;
    }
    assert_eq!(succeeded(&client, &state_machine).await, EXECUTIONS);
    drop(workers);
    server.kill();
    check_folder(&server.data_dir());
}

/// What a killed process leaves is whole.
fn check_folder(folder: &Path) {
    let checked = Command::new(env!("CARGO_BIN_EXE_stepwell")).arg("fsck").arg(folder).output().unwrap();
    let report = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.status.success(), "{report}");
    assert!(report.contains("(0 open, 0 set aside)") && report.ends_with("nothing is damaged\n"), "{report}");
}

/// Wait, then an activity task whose first attempt always fails, then a callback that a child execution answers.
async fn deploy(client: &Client) -> String {
    let activity = client.call("CreateActivity", json!({ "name": "work" })).await.unwrap();
    let answer = json!({ "StartAt": "Answer", "States": { "Answer": {
        "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:sendTaskSuccess", "End": true,
        "Parameters": { "TaskToken.$": "$.token", "Output.$": "States.JsonToString($.answer)" },
    } } });
    let answer = create(client, "answer", &answer).await;
    create(client, "crash", &definition(activity["activityArn"].as_str().unwrap(), &answer)).await
}

fn definition(activity: &str, answer: &str) -> Value {
    let again = json!([{ "ErrorEquals": ["Again", "States.Timeout"], "IntervalSeconds": 1, "MaxAttempts": 100, "BackoffRate": 1 }]);
    json!({ "StartAt": "Wait", "States": {
        "Wait": { "Type": "Wait", "Seconds": 1, "Next": "Work" },
        // A kill may lose the answer that carries the token: the worker never hears of the task, its heartbeat is missed.
        "Work": { "Type": "Task", "Resource": activity, "HeartbeatSeconds": 5, "Retry": again, "Next": "Call",
            "Parameters": { "number.$": "$.number", "attempt.$": "$$.State.RetryCount" }, "ResultPath": "$.worked" },
        "Call": { "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.waitForTaskToken", "End": true,
            "Parameters": { "StateMachineArn": answer,
                "Input": { "token.$": "$$.Task.Token", "answer": { "number.$": "$.number", "worked.$": "$.worked" } } } },
    } })
}

async fn create(client: &Client, name: &str, definition: &Value) -> String {
    let input = json!({ "name": name, "definition": definition.to_string(), "roleArn": ROLE });
    let created = client.call("CreateStateMachine", input).await.unwrap();
    created["stateMachineArn"].as_str().unwrap().to_owned()
}

/// Starts all executions; a start that got no answer is sent again under the same name.
fn start_all(client: &Client, state_machine: &str, started: &Arc<AtomicUsize>) -> tokio::task::JoinHandle<Vec<String>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut starters = JoinSet::new();
    for _ in 0..STARTERS {
        let (client, state_machine) = (client.clone(), state_machine.to_owned());
        let (next, started) = (next.clone(), started.clone());
        starters.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                if number >= EXECUTIONS {
                    return mine;
                }
                let input = json!({ "stateMachineArn": state_machine, "name": format!("run-{number}"),
                    "input": json!({ "number": number }).to_string() });
                let answer = until_answered(&client, "StartExecution", input).await.unwrap();
                mine.push((number, answer["executionArn"].as_str().unwrap().to_owned()));
                started.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    tokio::spawn(async move {
        let mut all: Vec<(usize, String)> = starters.join_all().await.into_iter().flatten().collect();
        all.sort_unstable();
        all.into_iter().map(|(_, execution)| execution).collect()
    })
}

/// Workers that fail each task's first attempt and answer the next one. They outlive the server.
fn workers(client: &Client) -> JoinSet<()> {
    let activity = "arn:aws:states:us-east-1:000000000000:activity:work";
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        let client = client.clone();
        workers.spawn(async move {
            loop {
                let Ok(task) = until_answered(&client, "GetActivityTask", json!({ "activityArn": activity })).await
                else {
                    continue;
                };
                let Some(token) = task["taskToken"].as_str() else { continue };
                let input: Value = serde_json::from_str(task["input"].as_str().unwrap()).unwrap();
                // A task that timed out meanwhile is refused: another attempt of it comes.
                let _refused = if input["attempt"] == 0 {
                    until_answered(&client, "SendTaskFailure", json!({ "taskToken": token, "error": "Again" })).await
                } else {
                    let output = json!({ "square": input["number"].as_u64().unwrap().pow(2) }).to_string();
                    until_answered(&client, "SendTaskSuccess", json!({ "taskToken": token, "output": output })).await
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

async fn kill_when<F: Future<Output = bool>>(server: &mut Server, due: impl Fn() -> F) {
    while !due().await {
        tokio::time::sleep(POLL).await;
    }
    server.restart().await.unwrap();
}

async fn succeeded(client: &Client, state_machine: &str) -> usize {
    let mut count = 0;
    let mut input = json!({ "stateMachineArn": state_machine, "statusFilter": "SUCCEEDED", "maxResults": 1000 });
    loop {
        let page = until_answered(client, "ListExecutions", input.clone()).await.unwrap();
        count += page["executions"].as_array().unwrap().len();
        match page.get("nextToken") {
            Some(token) => input["nextToken"] = token.clone(),
            None => return count,
        }
    }
}

async fn checker(client: &Client, state_machine: &str) -> Checker {
    let described = client.call("DescribeStateMachine", json!({ "stateMachineArn": state_machine })).await.unwrap();
    Checker::new(described["definition"].as_str().unwrap(), StateMachineType::Standard).unwrap()
}

/// The history is a legal path of the definition, and DescribeExecution agrees with it.
fn check_legal(checker: &Checker, described: &Value, history: &[Value]) {
    let events = checker::read_events(&Value::from(history).to_string()).unwrap();
    let input = described["input"].as_str().unwrap();
    let told = Described::new(json::Value::parse(&described.to_string()).unwrap());
    let verdict = checker.check(&History { input, events: &events, described: Some(&told), ..History::default() });
    assert!(verdict.is_legal() && verdict.closed, "{}: {verdict}", described["executionArn"]);
}

async fn check_ended_once(client: &Client, checker: &Checker, number: usize, execution: &str) {
    let described = client.closed(execution, POLL).await.unwrap();
    assert_eq!(described["status"], "SUCCEEDED", "{execution}: {described}");
    let output: Value = serde_json::from_str(described["output"].as_str().unwrap()).unwrap();
    assert_eq!(output, json!({ "number": number, "worked": { "square": number * number } }));

    let history = client.history(execution).await.unwrap();
    check_legal(checker, &described, &history);
    let ids: Vec<u64> = history.iter().map(|event| event["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>(), "{execution}: gaps");
    let count = |kind: &str| history.iter().filter(|event| event["type"] == kind).count();
    let once = [
        "ExecutionStarted",
        "WaitStateExited",
        "ActivitySucceeded",
        "TaskSubmitted",
        "TaskSucceeded",
        "ExecutionSucceeded",
    ];
    for kind in once {
        assert_eq!(count(kind), 1, "{execution}: {kind}");
    }
    // The worker fails the first attempt, unless it hears of it too late or never.
    assert!(
        count("ActivityFailed") + count("ActivityTimedOut") >= 1,
        "{execution}: the first attempt does not succeed"
    );
    assert_eq!(history.last().unwrap()["type"], "ExecutionSucceeded");
    assert!(history.iter().all(|event| event["previousEventId"].as_u64() < event["id"].as_u64()));
}
