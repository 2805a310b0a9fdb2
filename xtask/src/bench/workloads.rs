//! The workloads: what runs, and what one unit of it is.

use super::figures::Figures;
use crate::Result;
use harness::{Client, Server};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// One workload: a definition, and how many clients run it at once.
pub struct Workload {
    pub name: &'static str,
    clients: usize,
    states: States,
}

/// Of what the ten states of the definition are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum States {
    Pass,
    /// Activity tasks, answered by this process.
    Task,
}

pub const WORKLOADS: &[Workload] = &[
    Workload { name: "pass64", clients: 64, states: States::Pass },
    Workload { name: "pass1", clients: 1, states: States::Pass },
    Workload { name: "task64", clients: 64, states: States::Task },
    Workload { name: "task1", clients: 1, states: States::Task },
];

/// States of each definition.
const STATES: usize = 10;
const ROLE: &str = "arn:aws:iam::000000000000:role/bench";

impl Workload {
    /// Runs it for `time`; a unit is one execution, from its start to its end as the client sees it.
    pub async fn measure(&self, server: &Server, time: Duration) -> Result<Figures> {
        let client = server.client();
        let resource = activity(&client).await?;
        let workers = match self.states {
            States::Pass => JoinSet::new(),
            States::Task => workers(&client, &resource, self.clients),
        };
        let state_machine = state_machine(&client, &self.definition(&resource)).await?;
        let start = Instant::now();
        let latencies = run_clients(&client, &state_machine, self, start + time).await?;
        let elapsed = start.elapsed();
        drop(workers);
        Ok(Figures { name: self.name, latencies, elapsed, resident_bytes: resident_bytes(server) })
    }

    /// How long a client waits until it asks again whether its execution has ended. Many clients ask less often, so that
    /// the asking is not what is measured.
    fn poll(&self) -> Duration {
        if self.clients == 1 { Duration::from_millis(1) } else { Duration::from_millis(10) }
    }

    fn definition(&self, activity_arn: &str) -> Value {
        let state = |number: usize| {
            let mut state = match self.states {
                States::Pass => json!({ "Type": "Pass" }),
                States::Task => json!({ "Type": "Task", "Resource": activity_arn }),
            };
            if number == STATES {
                state["End"] = json!(true);
            } else {
                state["Next"] = json!(format!("S{}", number + 1));
            }
            (format!("S{number}"), state)
        };
        let states: serde_json::Map<String, Value> = (1..=STATES).map(state).collect();
        json!({ "StartAt": "S1", "States": states })
    }
}

async fn activity(client: &Client) -> Result<String> {
    let created = client.call("CreateActivity", json!({ "name": "bench" })).await?;
    Ok(text(&created, "activityArn"))
}

async fn state_machine(client: &Client, definition: &Value) -> Result<String> {
    let input = json!({ "name": "bench", "definition": definition.to_string(), "roleArn": ROLE });
    Ok(text(&client.call("CreateStateMachine", input).await?, "stateMachineArn"))
}

/// Each client starts an execution, waits for its end, and starts the next one.
async fn run_clients(
    client: &Client,
    state_machine: &str,
    workload: &Workload,
    until: Instant,
) -> Result<Vec<Duration>> {
    let poll = workload.poll();
    let mut running = JoinSet::new();
    for _ in 0..workload.clients {
        let (client, state_machine) = (client.clone(), state_machine.to_owned());
        running.spawn(async move {
            let mut latencies = Vec::new();
            while Instant::now() < until {
                let start = Instant::now();
                run_one(&client, &state_machine, poll).await?;
                latencies.push(start.elapsed());
            }
            Ok::<_, harness::Error>(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(finished) = running.join_next().await {
        latencies.extend(finished??);
    }
    Ok(latencies)
}

async fn run_one(client: &Client, state_machine: &str, poll: Duration) -> std::result::Result<(), harness::Error> {
    let input = json!({ "stateMachineArn": state_machine, "input": r#"{"order":{"id":"o-1","items":[1,2,3]}}"# });
    let started = client.call("StartExecution", input).await?;
    client.closed(&text(&started, "executionArn"), poll).await?;
    Ok(())
}

/// Workers of the activity: each takes a task, answers it, and takes the next one.
fn workers(client: &Client, activity_arn: &str, count: usize) -> JoinSet<()> {
    let mut workers = JoinSet::new();
    for _ in 0..count {
        let (client, activity_arn) = (client.clone(), activity_arn.to_owned());
        workers.spawn(async move {
            while let Ok(task) = client.call("GetActivityTask", json!({ "activityArn": activity_arn })).await {
                let Some(token) = task.get("taskToken") else { continue };
                let answer = json!({ "taskToken": token, "output": r#"{"done":true}"# });
                if client.call("SendTaskSuccess", answer).await.is_err() {
                    break;
                }
            }
        });
    }
    workers
}

fn text(answer: &Value, member: &str) -> String {
    answer.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Resident memory of the server, as the kernel counts it; 0 where it does not tell.
fn resident_bytes(server: &Server) -> u64 {
    let status = server.process_id().and_then(|id| std::fs::read_to_string(format!("/proc/{id}/status")).ok());
    let kilobytes = status.as_deref().and_then(|status| {
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    kilobytes.unwrap_or(0) * 1_024
}
