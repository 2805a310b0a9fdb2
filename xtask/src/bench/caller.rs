//! The few operations that workloads call, over one [`Connection`].

use super::connection::Connection;
use crate::Result;
use serde::Deserialize;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::time::Duration;

const ROLE: &str = "arn:aws:iam::123456789012:role/bench";

/// Calls operations, one after the other.
pub struct Caller {
    connection: Connection,
}

/// A task that a worker was given.
#[derive(Deserialize)]
pub struct ActivityTask {
    #[serde(rename = "taskToken")]
    pub token: Option<String>,
    pub input: Option<String>,
}

/// What DescribeExecution tells, as far as workloads ask.
#[derive(Deserialize)]
pub struct Described {
    pub status: String,
    #[serde(rename = "startDate")]
    pub start_date: f64,
    #[serde(rename = "stopDate")]
    pub stop_date: Option<f64>,
    pub cause: Option<String>,
}

impl Caller {
    pub fn new(address: &str) -> Caller {
        Caller { connection: Connection::new(address) }
    }

    /// Any operation, its answer as a tree: for what is not measured.
    pub async fn call(&mut self, operation: &str, input: &Value) -> Result<Value> {
        Ok(serde_json::from_slice(self.connection.call(operation, &input.to_string()).await?)?)
    }

    /// Creates a state machine; gives its ARN.
    pub async fn create(&mut self, name: &str, definition: &Value, kind: &str) -> Result<String> {
        let input = json!({ "name": name, "definition": definition.to_string(), "roleArn": ROLE, "type": kind });
        let created = self.call("CreateStateMachine", &input).await?;
        Ok(created["stateMachineArn"].as_str().ok_or("CreateStateMachine gave no ARN")?.to_owned())
    }

    pub async fn create_activity(&mut self, name: &str) -> Result<String> {
        let created = self.call("CreateActivity", &json!({ "name": name })).await?;
        Ok(created["activityArn"].as_str().ok_or("CreateActivity gave no ARN")?.to_owned())
    }

    /// Starts an execution with a body made by [`start_body`]; gives its ARN.
    pub async fn start(&mut self, body: &str) -> Result<String> {
        #[derive(Deserialize)]
        struct Started<'a> {
            #[serde(rename = "executionArn", borrow)]
            arn: Cow<'a, str>,
        }
        let answer = self.connection.call("StartExecution", body).await?;
        Ok(serde_json::from_slice::<Started<'_>>(answer)?.arn.into_owned())
    }

    /// Starts an Express execution and waits for its end, which must be a success.
    pub async fn start_sync(&mut self, body: &str) -> Result {
        #[derive(Deserialize)]
        struct Ended<'a> {
            #[serde(borrow)]
            status: Cow<'a, str>,
        }
        let answer = self.connection.call("StartSyncExecution", body).await?;
        match serde_json::from_slice::<Ended<'_>>(answer)?.status {
            status if status == "SUCCEEDED" => Ok(()),
            status => Err(format!("an execution ended as {status}").into()),
        }
    }

    pub async fn describe(&mut self, execution_arn: &str) -> Result<Described> {
        let body = format!(r#"{{"executionArn":"{execution_arn}"}}"#);
        Ok(serde_json::from_slice(self.connection.call("DescribeExecution", &body).await?)?)
    }

    /// Asks until the execution has ended, which must be a success.
    pub async fn succeeded(&mut self, execution_arn: &str, poll: Duration) -> Result<Described> {
        loop {
            let described = self.describe(execution_arn).await?;
            match &*described.status {
                "SUCCEEDED" => return Ok(described),
                "RUNNING" => tokio::time::sleep(poll).await,
                status => {
                    let cause = described.cause.unwrap_or_default();
                    return Err(format!("{execution_arn} ended as {status}: {cause}").into());
                }
            }
        }
    }

    /// Asks for a task; `None` if there was none for a minute.
    pub async fn activity_task(&mut self, activity_arn: &str) -> Result<Option<(String, String)>> {
        let body = format!(r#"{{"activityArn":"{activity_arn}"}}"#);
        let answer = self.connection.call("GetActivityTask", &body).await?;
        let ActivityTask { token, input } = serde_json::from_slice(answer)?;
        Ok(token.zip(input))
    }

    pub async fn task_success(&mut self, token: &str, output: &str) -> Result {
        let body = format!(r#"{{"taskToken":{},"output":{}}}"#, quoted(token), quoted(output));
        self.connection.call("SendTaskSuccess", &body).await?;
        Ok(())
    }

    /// Whether an execution of the state machine is open.
    pub async fn has_open(&mut self, state_machine_arn: &str) -> Result<bool> {
        let input = json!({ "stateMachineArn": state_machine_arn, "statusFilter": "RUNNING", "maxResults": 1 });
        let listed = self.call("ListExecutions", &input).await?;
        Ok(listed["executions"].as_array().is_some_and(|executions| !executions.is_empty()))
    }
}

/// The body of StartExecution and StartSyncExecution.
pub fn start_body(state_machine_arn: &str, input: &str) -> String {
    format!(r#"{{"stateMachineArn":"{state_machine_arn}","input":{}}}"#, quoted(input))
}

/// The same, with a name.
pub fn named_start_body(state_machine_arn: &str, name: &str, input: &str) -> String {
    format!(r#"{{"stateMachineArn":"{state_machine_arn}","name":"{name}","input":{}}}"#, quoted(input))
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
