//! A sample of what a workload left behind, judged by `stepwell check-history`: speed is worth nothing when it is wrong.

use super::subject::Ours;
use crate::Result;
use harness::Client;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// Executions of each sample: the latest ones.
const SAMPLE: usize = 20;

/// Fails when a history of the sample is no legal path of its definition, or DescribeExecution disagrees with it.
pub async fn check(ours: &Ours, binary: &Path) -> Result {
    let client = ours.server.client();
    let machines = client.call("ListStateMachines", json!({})).await?;
    let arns = machines["stateMachines"].as_array().into_iter().flatten().map(|machine| &machine["stateMachineArn"]);
    for arn in arns {
        let input = json!({ "stateMachineArn": arn, "statusFilter": "SUCCEEDED", "maxResults": SAMPLE });
        let executions = client.call("ListExecutions", input).await?;
        for execution in executions["executions"].as_array().into_iter().flatten() {
            check_one(&client, binary, execution["executionArn"].as_str().unwrap_or_default()).await?;
        }
    }
    Ok(())
}

async fn check_one(client: &Client, binary: &Path, execution: &str) -> Result {
    let input = json!({ "executionArn": execution });
    let machine = client.call("DescribeStateMachineForExecution", input.clone()).await?;
    let described = client.call("DescribeExecution", input).await?;
    let history = client.history(execution).await?;
    let folder = tempfile::tempdir()?;
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
    write("definition.json", machine["definition"].as_str().unwrap_or_default())?;
    write("described.json", &described.to_string())?;
    write("history.json", &Value::from(history).to_string())?;
    let arguments = ["--definition", "definition.json", "--history", "history.json", "--describe", "described.json"];
    let output = Command::new(binary).current_dir(folder.path()).arg("check-history").args(arguments).output()?;
    if output.status.success() {
        return Ok(());
    }
    let (found, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("{execution}: {found}{error}").into())
}
