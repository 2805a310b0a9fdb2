//! `cargo xtask golden`: keeps a small data folder of this version in `tests/golden/VERSION-format-N`.
//!
//! The N is the format of the folder, which may change before the version does. (`0.1.0` has no such name: it is of the first
//! format, in which no record was packed.)
//!
//! It has what a later version must take up: executions that wait, for a timer, a worker and a child, with a task token
//! that is out; closed and failed ones, one that can be redriven; Map Runs that run and that have ended; versions,
//! aliases, tags. `expected.json` says what becomes of each. `crates/stepwell/tests/golden.rs` opens, finishes and checks
//! the folders of all versions.

use crate::{Result, Wanted, process};
use harness::{Client, Server};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const ROLE: &str = "arn:aws:iam::000000000000:role/golden";
const POLL: Duration = Duration::from_millis(10);
/// Longer than the making takes: what waits for it is open when the server is killed.
const REST_SECONDS: u64 = 20;
/// Three years: these executions are opened again long after they were made.
const TIMEOUT_SECONDS: u64 = 94_608_000;

pub fn run(wanted: &Wanted) -> Result {
    let folder = process::block_on(async {
        let mut server = Server::start(&wanted.binary, &[]).await?;
        let written = std::fs::read_to_string(server.data_dir().join("data").join("format"))?;
        let format = format_of(&written)?;
        let expected = fill(&server.client()).await?;
        // As a crash leaves it: the next version must take up what is pending.
        server.kill();
        let name = format!("{}-format-{format}", env!("CARGO_PKG_VERSION"));
        let folder = Path::new("tests/golden").join(name);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("expected.json"), format!("{expected:#}\n"))?;
        let packed = Command::new("tar")
            .args(["--create", "--gzip", "--sparse", "--file"])
            .arg(folder.join("data.tar.gz"))
            .arg("--directory")
            .arg(server.data_dir())
            .arg(".")
            .status()?;
        if packed.success() { Ok(folder) } else { Err("the folder could not be packed".into()) }
    })?;
    println!("{}", folder.display());
    Ok(())
}

/// The number of a folder's format, as the store that every build has writes it.
fn format_of(written: &str) -> Result<u32> {
    let written = written.trim_end();
    written.parse().map_err(|_| {
        format!(
            "the folder is of format `{written}`, which not every build opens: only folders of the default store are kept, \
             so `STEPWELL_STORE` must not name another one"
        )
        .into()
    })
}

async fn fill(client: &Client) -> Result<Value> {
    let activity = created(client, "CreateActivity", json!({ "name": "golden" }), "activityArn").await?;
    let rest = json!({ "Type": "Wait", "Seconds": REST_SECONDS, "End": true });
    let task = json!({ "Type": "Task", "Resource": activity, "End": true });
    let waits = create(client, "waits", &single(&rest)).await?;
    let works = create(client, "works", &single(&task)).await?;
    let nested = json!({ "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": true,
        "Parameters": { "StateMachineArn": waits, "Input": { "from": "nested" } }, "OutputPath": "$.Output" });
    let nests = create(client, "nests", &single(&nested)).await?;
    let running = create(client, "map-running", &map("STANDARD", &rest)).await?;
    let ended = create(client, "map-ended", &map("EXPRESS", &json!({ "Type": "Pass", "End": true }))).await?;
    let alias = alias(client).await?;

    let ended = start(client, &ended, "ended", "{}").await?;
    let by_alias = start(client, &alias, "by-alias", "{\"by\":\"alias\"}").await?;
    let failed = start(client, &works, "failed", "{\"to\":\"fail\"}").await?;
    let token = take(client, &activity).await?;
    let failure = json!({ "taskToken": token, "error": "Broken", "cause": "to be redriven" });
    client.call("SendTaskFailure", failure).await?;
    for closed in [&ended, &by_alias, &failed] {
        client.closed(closed, POLL).await?;
    }
    let answered = start(client, &works, "taken", "{\"to\":\"answer\"}").await?;
    let token = take(client, &activity).await?;
    let offered = start(client, &works, "offered", "{\"to\":\"take\"}").await?;
    let waiting = start(client, &waits, "waiting", "{\"from\":\"caller\"}").await?;
    let nesting = start(client, &nests, "nesting", "{}").await?;
    let mapping = start(client, &running, "mapping", "{}").await?;
    until_children_run(client, &mapping).await?;
    Ok(json!({
        "activity": activity,
        "token": token,
        "alias": alias,
        "redrivable": failed,
        "closed": [closed(client, &ended).await?, closed(client, &by_alias).await?, closed(client, &failed).await?],
        "outputs": {
            answered: "{\"answered\":true}", offered: "{\"answered\":true}", failed: "{\"answered\":true}",
            waiting: "{\"from\":\"caller\"}", nesting: "{\"from\":\"nested\"}", mapping: "[1,2,3]",
        },
    }))
}

fn single(state: &Value) -> Value {
    json!({ "StartAt": "Only", "TimeoutSeconds": TIMEOUT_SECONDS, "States": { "Only": state } })
}

fn map(execution_type: &str, child: &Value) -> Value {
    json!({ "StartAt": "List", "TimeoutSeconds": TIMEOUT_SECONDS, "States": {
        "List": { "Type": "Pass", "Result": [1, 2, 3], "Next": "Each" },
        "Each": { "Type": "Map", "End": true, "ItemProcessor": { "StartAt": "Item", "States": { "Item": child },
            "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": execution_type } } },
    } })
}

async fn created(client: &Client, operation: &str, input: Value, member: &str) -> Result<String> {
    let answer = client.call(operation, input).await?;
    Ok(answer[member].as_str().ok_or_else(|| format!("{operation} gave no {member}"))?.to_owned())
}

async fn create(client: &Client, name: &str, definition: &Value) -> Result<String> {
    let input = json!({ "name": name, "definition": definition.to_string(), "roleArn": ROLE,
        "tags": [{ "key": "golden", "value": name }] });
    created(client, "CreateStateMachine", input, "stateMachineArn").await
}

/// An alias that leads to two versions.
async fn alias(client: &Client) -> Result<String> {
    let pass =
        |result: &str| single(&json!({ "Type": "Pass", "Result": result, "ResultPath": "$.version", "End": true }));
    let machine = create(client, "versioned", &pass("first")).await?;
    let first =
        created(client, "PublishStateMachineVersion", json!({ "stateMachineArn": machine }), "stateMachineVersionArn")
            .await?;
    let update = json!({ "stateMachineArn": machine, "definition": pass("second").to_string(), "publish": true });
    let second = created(client, "UpdateStateMachine", update, "stateMachineVersionArn").await?;
    let routes =
        json!([{ "stateMachineVersionArn": first, "weight": 50 }, { "stateMachineVersionArn": second, "weight": 50 }]);
    created(
        client,
        "CreateStateMachineAlias",
        json!({ "name": "live", "routingConfiguration": routes }),
        "stateMachineAliasArn",
    )
    .await
}

async fn start(client: &Client, state_machine: &str, name: &str, input: &str) -> Result<String> {
    let request = json!({ "stateMachineArn": state_machine, "name": name, "input": input });
    created(client, "StartExecution", request, "executionArn").await
}

async fn take(client: &Client, activity: &str) -> Result<String> {
    created(client, "GetActivityTask", json!({ "activityArn": activity }), "taskToken").await
}

async fn until_children_run(client: &Client, execution: &str) -> Result {
    loop {
        let map_runs = client.call("ListMapRuns", json!({ "executionArn": execution })).await?;
        if let Some(map_run) = map_runs["mapRuns"][0]["mapRunArn"].as_str() {
            let described = client.call("DescribeMapRun", json!({ "mapRunArn": map_run })).await?;
            if described["executionCounts"]["running"] == 3 {
                return Ok(());
            }
        }
        tokio::time::sleep(POLL).await;
    }
}

/// What DescribeExecution and GetExecutionHistory tell of a closed execution.
async fn closed(client: &Client, execution: &str) -> Result<Value> {
    let mut described = client.call("DescribeExecution", json!({ "executionArn": execution })).await?;
    if let Some(described) = described.as_object_mut() {
        // How long an execution can be redriven depends on when it is asked.
        described.retain(|member, _| !member.starts_with("redriveStatus"));
    }
    Ok(json!({ "described": described, "history": client.history(execution).await? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_the_default_store_are_kept() {
        assert_eq!(format_of("2\n").unwrap(), 2);
        let refused = format_of("rocksdb 1\n").unwrap_err().to_string();
        assert!(refused.starts_with("the folder is of format `rocksdb 1`, which not every build opens"), "{refused}");
    }
}
