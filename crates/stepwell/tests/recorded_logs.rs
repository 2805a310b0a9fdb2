//! The log records that were recorded from AWS (`conformance/cases/logs.jsonl`) come out of the real server.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use harness::{Client, Server};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

const ROLE: &str = "arn:aws:iam::000000000000:role/r";

/// How the recordings write what is generated.
fn as_recorded(record: &Value, execution_arn: &str) -> Value {
    assert_eq!(record["execution_arn"], json!(execution_arn));
    assert!(record["event_timestamp"].as_str().unwrap().parse::<u64>().unwrap() > 1_700_000_000_000);
    let mut record = record.clone();
    record["event_timestamp"] = json!("timestamp");
    record["execution_arn"] =
        json!("arn:<partition>:states:<region>:111111111111:execution:<ArnPart_0idx>:<ExecArnPart_0idx>");
    for (_, value) in record["details"].as_object_mut().unwrap() {
        match value.as_str() {
            Some(ROLE) => *value = json!("snf_role_arn"),
            Some(text) if text.starts_with('{') => *value = serde_json::from_str(text).unwrap(),
            _ => {}
        }
    }
    record
}

/// Runs the state machine of a case once; gives the execution.
async fn run(client: &Client, case: &Value, number: usize) -> String {
    let given = |name: &str| case["ops"].as_array().unwrap().iter().find_map(|op| op["params"].get(name)).unwrap();
    let mut logging = given("loggingConfiguration").clone();
    let group = format!("arn:aws:logs:us-east-1:000000000000:log-group:g{number}:*");
    logging["destinations"][0]["cloudWatchLogsLogGroup"]["logGroupArn"] = json!(group);
    let new = json!({
        "name": format!("m{number}"), "definition": given("definition"), "roleArn": ROLE, "loggingConfiguration": logging,
    });
    let state_machine = client.call("CreateStateMachine", new).await.unwrap()["stateMachineArn"].clone();
    let start = json!({"stateMachineArn": state_machine, "input": given("input")});
    let execution = client.call("StartExecution", start).await.unwrap()["executionArn"].clone();
    client.closed(execution.as_str().unwrap(), Duration::from_millis(5)).await.unwrap();
    execution.as_str().unwrap().to_owned()
}

/// The lines of a log, as soon as there are so many.
async fn lines(log: &Path, count: usize) -> Vec<Value> {
    loop {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        if text.lines().count() >= count && (text.is_empty() || text.ends_with('\n')) {
            return text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn log_records_are_as_recorded() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/cases/logs.jsonl");
    let cases = std::fs::read_to_string(cases).unwrap();
    let cases: Vec<Value> = cases.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(cases.len() >= 16, "{}", cases.len());
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("stepwell.toml");
    std::fs::write(&configuration, "[logs]\nfolder = 'logs'\n").unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_stepwell"));
    let server = Server::start(program, &["--config", configuration.to_str().unwrap()]).await.unwrap();
    let log = |number: usize| folder.path().join(format!("logs/g{number}.jsonl"));
    for (number, case) in cases.iter().enumerate() {
        let execution = run(&server.client(), case, number).await;
        // Where nothing is logged, the recording has no member.
        let expected = case["expected"]["logged_execution_events"].as_array().cloned().unwrap_or_default();
        let records = lines(&log(number), expected.len()).await;
        let records: Vec<_> = records.iter().map(|record| as_recorded(record, &execution)).collect();
        assert_eq!(records, expected, "{}", case["id"]);
    }
    // Records are written in order: what came after the empty logs has come.
    let is_empty = |case: &Value| case["expected"].get("logged_execution_events").is_none();
    for (number, _) in cases.iter().enumerate().filter(|(_, case)| is_empty(case)) {
        assert!(!log(number).exists(), "{number}");
    }
}
