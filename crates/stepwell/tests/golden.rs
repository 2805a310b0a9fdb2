//! Opens the data folder of each version that was kept (`cargo xtask golden`), finishes what is open in it, and compares
//! what is closed with what that version said of it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use harness::{Client, Launch, Server};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_stepwell");
const POLL: Duration = Duration::from_millis(20);

fn versions() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    let mut versions: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    versions.sort();
    versions
}

#[tokio::test]
async fn the_folder_of_each_version_is_taken_up() {
    let versions = versions();
    assert!(!versions.is_empty());
    for version in versions {
        check(&version).await;
    }
}

async fn check(version: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    std::fs::create_dir(&data_dir).unwrap();
    let unpack = ["--extract", "--gzip", "--file"];
    let unpacked = Command::new("tar").args(unpack).arg(version.join("data.tar.gz")).arg("-C").arg(&data_dir).status();
    assert!(unpacked.unwrap().success(), "{}", version.display());
    let expected: Value =
        serde_json::from_str(&std::fs::read_to_string(version.join("expected.json")).unwrap()).unwrap();
    fsck(&data_dir);

    // The folder is as old as its version: nothing of it may have expired.
    let arguments = ["--limit", "retention_days=36500", "--limit", "redrive_days=36500"].map(String::from).to_vec();
    let launch = Launch { arguments, data_dir: Some(data_dir.clone()), ..Launch::default() };
    let mut server = Server::stopped(Path::new(BINARY), launch).unwrap();
    server.restart().await.unwrap();
    let client = server.client();
    for closed in expected["closed"].as_array().unwrap() {
        check_closed(&client, closed).await;
    }
    finish(&client, &expected).await;
    for (execution, output) in expected["outputs"].as_object().unwrap() {
        let described = client.closed(execution, POLL).await.unwrap();
        assert_eq!(described["status"], "SUCCEEDED", "{}: {described}", version.display());
        assert_eq!(described["output"], *output, "{}: {described}", version.display());
    }
    server.kill();
    fsck(&data_dir);
}

fn fsck(data_dir: &Path) {
    let checked = Command::new(BINARY).args(["fsck", "--format", "json"]).arg(data_dir).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    let report: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!(report["findings"], json!([]));
    assert_eq!((&report["checked"]["damaged"], &report["checked"]["setAside"]), (&json!(0), &json!(0)));
    assert!(report["checked"]["executions"].as_u64().unwrap() >= 10, "{report}");
}

/// What was told of it then is told now; newer members may have come.
async fn check_closed(client: &Client, closed: &Value) {
    let execution = &closed["described"]["executionArn"];
    let described = client.call("DescribeExecution", json!({ "executionArn": execution })).await.unwrap();
    for (member, value) in closed["described"].as_object().unwrap() {
        assert_eq!(described[member], *value, "{member} of {execution}");
    }
    let history = client.history(execution.as_str().unwrap()).await.unwrap();
    assert_eq!(Value::Array(history), closed["history"], "{execution}");
}

/// Answers the token that was out, takes and answers the task that was offered, redrives what had failed.
async fn finish(client: &Client, expected: &Value) {
    answer(client, &expected["token"]).await;
    client.call("RedriveExecution", json!({ "executionArn": expected["redrivable"] })).await.unwrap();
    for _task in ["offered", "redriven"] {
        let task = client.call("GetActivityTask", json!({ "activityArn": expected["activity"] })).await.unwrap();
        answer(client, &task["taskToken"]).await;
    }
    let alias = json!({ "stateMachineArn": expected["alias"], "name": "again", "input": "{}" });
    let started = client.call("StartExecution", alias).await.unwrap();
    let described = client.closed(started["executionArn"].as_str().unwrap(), POLL).await.unwrap();
    assert_eq!(described["status"], "SUCCEEDED", "{described}");
}

async fn answer(client: &Client, token: &Value) {
    let output = json!({ "taskToken": token, "output": "{\"answered\":true}" });
    client.call("SendTaskSuccess", output).await.unwrap();
}
