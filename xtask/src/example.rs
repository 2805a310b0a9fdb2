//! `cargo xtask example [NAME]`: builds the release binary, serves, deploys an example, runs it to its end and
//! shows its history.

use crate::{Result, process};
use harness::{Client, Server};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Runs `examples/NAME` (`order-processing` when none is named) behind a server with an embedded store.
pub fn run(arguments: &[String]) -> Result {
    let name = arguments.first().map_or("order-processing", String::as_str);
    let names = names()?;
    if !names.iter().any(|known| known == name) {
        return Err(format!("there is no example `{name}`; there are {}", names.join(", ")).into());
    }
    let folder = process::root().join("examples").join(name);
    let binary = process::release_binary()?;
    process::block_on(async {
        let config = folder.join("stepwell.toml");
        let config = config.to_str().ok_or("the path of the example is not UTF-8")?;
        let server = Server::start(&binary, &["--config", config]).await?;
        println!("serving on {} with data in {}", server.endpoint(), server.data_dir().display());
        let execution = deploy_and_start(&server.client(), &folder, name).await?;
        let closed = server.client().closed(&execution, Duration::from_millis(50)).await?;
        show_history(&server.client().history(&execution).await?);
        show_end(&closed)
    })
}

/// The examples that there are: the folders that have a definition of their name.
fn names() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(process::root().join("examples"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if definition(&entry.path(), &name).is_file() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn definition(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.asl.json"))
}

async fn deploy_and_start(client: &Client, folder: &Path, name: &str) -> Result<String> {
    let definition = read(&definition(folder, name))?;
    let created = client
        .call(
            "CreateStateMachine",
            json!({ "name": name, "definition": definition, "roleArn": "arn:aws:iam::000000000000:role/example" }),
        )
        .await?;
    let input = read(&folder.join("input.json"))?;
    let started =
        client.call("StartExecution", json!({ "stateMachineArn": created["stateMachineArn"], "input": input })).await?;
    let arn = started["executionArn"].as_str().ok_or("StartExecution gave no ARN")?;
    println!("started   {arn}\n");
    Ok(arn.to_owned())
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()).into())
}

fn show_history(events: &[Value]) {
    let start = events.first().and_then(|event| event["timestamp"].as_f64()).unwrap_or_default();
    for event in events {
        let at = event["timestamp"].as_f64().unwrap_or_default() - start;
        let kind = event["type"].as_str().unwrap_or_default();
        println!("{:>4}  {at:>8.3} s  {kind:26} {}", event["id"], what(event));
    }
}

/// The name, the resource or the error of an event: what its details say first.
fn what(event: &Value) -> String {
    let details = event.as_object().and_then(|members| members.values().find(|member| member.is_object()));
    let said = |name: &str| details.and_then(|details| details[name].as_str());
    ["error", "name", "resource"].into_iter().find_map(said).unwrap_or_default().to_owned()
}

fn show_end(closed: &Value) -> Result {
    let status = closed["status"].as_str().unwrap_or_default();
    if status != "SUCCEEDED" {
        return Err(format!("{status}: {} {}", closed["error"], closed["cause"]).into());
    }
    let output: Value = serde_json::from_str(closed["output"].as_str().unwrap_or("null"))?;
    println!("\nSUCCEEDED with\n{output:#}");
    Ok(())
}
