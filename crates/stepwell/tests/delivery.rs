//! Logs and events of the real server: files and HTTP, also of what ended in the moment of the shutdown.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "delivery/endpoint.rs"]
mod endpoint;

use endpoint::{Authority, listen, listen_with_tls, take_requests};
use harness::{Client, Launch, Server};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;

const GROUP: &str = "/aws/vendedlogs/states/orders";
/// How long to wait between two looks.
const POLL: Duration = Duration::from_millis(10);

async fn start_server(folder: &TempDir, configuration: &str) -> Server {
    start_server_in(folder, configuration, &[]).await
}

/// With these variables in its environment.
async fn start_server_in(folder: &TempDir, configuration: &str, environment: &[(&str, &Path)]) -> Server {
    let path = folder.path().join("stepwell.toml");
    std::fs::write(&path, configuration).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_stepwell"));
    let variable = |(name, value): &(&str, &Path)| ((*name).to_owned(), value.to_str().unwrap().to_owned());
    let launch = Launch {
        arguments: vec!["--config".to_owned(), path.to_str().unwrap().to_owned()],
        environment: environment.iter().map(variable).collect(),
        ..Launch::default()
    };
    let mut server = Server::stopped(program, launch).unwrap();
    server.restart().await.unwrap();
    server
}

/// Creates a state machine that logs and starts one execution of it; gives its ARN.
async fn run_one(client: &Client, state_machine_type: &str) -> String {
    let definition = json!({"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "E", "Cause": "c"}}});
    let group = format!("arn:aws:logs:us-east-1:000000000000:log-group:{GROUP}:*");
    let new = json!({
        "name": format!("m-{state_machine_type}"), "type": state_machine_type, "definition": definition.to_string(),
        "roleArn": "arn:aws:iam::000000000000:role/r",
        "loggingConfiguration": {
            "level": "ERROR", "includeExecutionData": true,
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
        },
    });
    let created = client.call("CreateStateMachine", new).await.unwrap();
    let start = json!({"stateMachineArn": created["stateMachineArn"], "name": "e"});
    let started = client.call("StartExecution", start).await.unwrap();
    started["executionArn"].as_str().unwrap().to_owned()
}

/// The lines of a file, as soon as there are so many.
async fn lines(path: &Path, count: usize) -> Vec<Value> {
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if text.ends_with('\n') && text.lines().count() >= count {
            return text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        }
        tokio::time::sleep(POLL).await;
    }
}

fn of<'v>(records: &'v [Value], name: &str) -> Vec<&'v Value> {
    records.iter().map(|record| &record[name]).collect()
}

#[tokio::test]
async fn logs_and_events_go_to_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = start_server(&folder, "[logs]\nfolder = 'logs'\n[events]\nfile = 'events.jsonl'\n").await;
    let log = folder.path().join("logs/aws/vendedlogs/states/orders.jsonl");
    let standard = run_one(&server.client(), "STANDARD").await;
    let records = lines(&log, 2).await;
    assert_eq!(of(&records, "type"), ["FailStateEntered", "ExecutionFailed"]);
    assert_eq!(of(&records, "id"), ["2", "3"]);
    assert_eq!(of(&records, "execution_arn"), [&standard, &standard]);
    assert_eq!(records[0]["details"]["input"], "{}");
    assert_eq!(records[1]["details"], json!({"error": "E", "cause": "c"}));
    let express = run_one(&server.client(), "EXPRESS").await;
    assert_eq!(of(&lines(&log, 4).await[2..], "execution_arn"), [&express, &express]);

    let events = lines(&folder.path().join("events.jsonl"), 2).await;
    assert_eq!(of(&events, "detail-type"), ["Step Functions Execution Status Change"; 2]);
    assert_eq!(of(&events, "resources"), [&json!([standard]), &json!([standard])]);
    let details: Vec<_> = events.iter().map(|event| (&event["detail"]["status"], &event["detail"]["error"])).collect();
    assert_eq!(details, [(&json!("RUNNING"), &Value::Null), (&json!("FAILED"), &json!("E"))]);
    // The files go on after a restart.
    server.restart().await.unwrap();
    let again = json!({"stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:m-STANDARD"});
    server.client().call("StartExecution", again).await.unwrap();
    assert_eq!(lines(&log, 6).await.len(), 6);
}

#[tokio::test]
async fn data_that_is_too_large_is_cut_in_logs_and_left_out_of_events() {
    let folder = tempfile::tempdir().unwrap();
    let limits = "[limits]\nlog_data_bytes_max = 8\nevent_data_bytes_max = 8\n";
    let targets = "[logs]\nfolder = 'logs'\n[events]\nfile = 'events.jsonl'\n";
    let server = start_server(&folder, &format!("{limits}{targets}")).await;
    let client = server.client();
    run_one(&client, "STANDARD").await;
    let log = folder.path().join("logs/aws/vendedlogs/states/orders.jsonl");
    lines(&log, 2).await;
    let state_machine = "arn:aws:states:us-east-1:000000000000:stateMachine:m-STANDARD";
    client.call("StartExecution", json!({"stateMachineArn": state_machine, "input": "[\"abcde\"]"})).await.unwrap();
    let records = lines(&log, 4).await;
    assert_eq!(records[0]["details"]["inputDetails"], json!({"truncated": false}));
    let cut = json!({"name": "A", "input": "[\"abcde", "inputDetails": {"truncated": true}});
    assert_eq!(records[2]["details"], cut);
    let events = lines(&folder.path().join("events.jsonl"), 4).await;
    let data: Vec<_> =
        events.iter().map(|event| (&event["detail"]["input"], &event["detail"]["inputDetails"])).collect();
    let (small, included) = (json!("{}"), json!({"included": true}));
    let left_out = json!({"included": false});
    assert_eq!(data[1..3], [(&small, &included), (&Value::Null, &left_out)]);
}

#[tokio::test]
async fn an_endpoint_that_comes_late_misses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens there any more, and nobody does yet.
    let address = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let server = start_server(&folder, &format!("[events]\nurl = 'http://{address}/'\n")).await;
    let execution = run_one(&server.client(), "STANDARD").await;
    while !server.log().contains("a delivery waits") {
        tokio::time::sleep(POLL).await;
    }
    let mut events = take_requests(TcpListener::bind(address).await.unwrap(), None);
    for status in ["RUNNING", "FAILED"] {
        let (_, event) = events.recv().await.unwrap();
        assert_eq!((&event["detail"]["status"], &event["resources"][0]), (&json!(status), &json!(execution)));
    }
}

#[tokio::test]
async fn logs_and_events_go_to_http_endpoints() {
    let folder = tempfile::tempdir().unwrap();
    let (logs_port, mut logs) = listen().await;
    let (events_port, mut events) = listen().await;
    let configuration = format!(
        "[logs]\notlp_endpoint = 'http://127.0.0.1:{logs_port}/v1/logs'\n[events]\nurl = 'http://127.0.0.1:{events_port}/in'\n"
    );
    let server = start_server(&folder, &configuration).await;
    let execution = run_one(&server.client(), "STANDARD").await;

    let (path, sent) = logs.recv().await.unwrap();
    assert_eq!(path, "/v1/logs");
    let resource = &sent["resourceLogs"][0];
    let group = &resource["resource"]["attributes"][1];
    assert_eq!(
        (&group["key"], &group["value"]["arrayValue"]["values"][0]["stringValue"]),
        (&json!("aws.log.group.names"), &json!(GROUP))
    );
    let records = resource["scopeLogs"][0]["logRecords"].as_array().unwrap();
    assert_eq!(of(records, "severityText"), ["ERROR", "FATAL"]);
    let body: Value = serde_json::from_str(records[1]["body"]["stringValue"].as_str().unwrap()).unwrap();
    assert_eq!((&body["type"], &body["execution_arn"]), (&json!("ExecutionFailed"), &json!(execution)));

    for status in ["RUNNING", "FAILED"] {
        let (path, event) = events.recv().await.unwrap();
        assert_eq!((path.as_str(), &event["detail"]["status"]), ("/in", &json!(status)));
    }
}

#[tokio::test]
async fn logs_and_events_go_to_https_endpoints() {
    let folder = tempfile::tempdir().unwrap();
    // One of a file, and one that the system trusts: OpenSSL's variable says where the system has them.
    let (of_file, of_system) = (Authority::new(), Authority::new());
    std::fs::write(folder.path().join("ca.pem"), of_file.pem()).unwrap();
    let system = folder.path().join("system.pem");
    std::fs::write(&system, of_system.pem()).unwrap();
    let (logs_port, mut logs) = listen_with_tls(&of_file).await;
    let (events_port, mut events) = listen_with_tls(&of_system).await;
    let configuration = format!(
        "[logs]\notlp_endpoint = 'https://localhost:{logs_port}/v1/logs'\nca_file = 'ca.pem'\n\
         [events]\nurl = 'https://127.0.0.1:{events_port}/in'\n"
    );
    let server = start_server_in(&folder, &configuration, &[("SSL_CERT_FILE", &system)]).await;
    run_one(&server.client(), "STANDARD").await;
    let (path, sent) = logs.recv().await.unwrap();
    assert_eq!(path, "/v1/logs");
    let records = sent["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().unwrap();
    assert_eq!(of(records, "severityText"), ["ERROR", "FATAL"]);
    for status in ["RUNNING", "FAILED"] {
        let (path, event) = events.recv().await.unwrap();
        assert_eq!((path.as_str(), &event["detail"]["status"]), ("/in", &json!(status)));
    }
}

#[tokio::test]
async fn an_endpoint_that_nobody_trusted_vouches_for_gets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), Authority::new().pem()).unwrap();
    let (port, mut events) = listen_with_tls(&Authority::new()).await;
    let configuration = format!("[events]\nurl = 'https://127.0.0.1:{port}/'\nca_file = 'ca.pem'\n");
    let server = start_server(&folder, &configuration).await;
    run_one(&server.client(), "STANDARD").await;
    while !server.log().contains("invalid peer certificate") {
        tokio::time::sleep(POLL).await;
    }
    assert!(events.try_recv().is_err());
}
