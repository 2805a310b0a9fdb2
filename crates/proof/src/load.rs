//! The load: clients that start executions and see them end, and workers of the activity. They outlive the server and
//! write down what they were answered.

use crate::definitions::{DEFINITIONS, Deployed, execution_arn};
use crate::faults::Faults;
use crate::ledger::{Answered, Ledger};
use crate::random::Random;
use harness::{Client, Error};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

const POLL: Duration = Duration::from_millis(50);
const WORKERS: usize = 8;
/// The load's executions take seconds; in this time even those that lost many tasks have ended.
const END_WITHIN: Duration = Duration::from_secs(120);

/// What clients and workers share.
pub struct World {
    pub client: Client,
    pub deployed: Deployed,
    pub ledger: Ledger,
    pub faults: Faults,
    pub random: Random,
    next: AtomicUsize,
    is_finishing: AtomicBool,
}

impl World {
    pub fn new(client: Client, deployed: Deployed, seed: u64) -> World {
        World {
            client,
            deployed,
            ledger: Ledger::default(),
            faults: Faults::default(),
            random: Random::new(seed),
            next: AtomicUsize::new(0),
            is_finishing: AtomicBool::new(false),
        }
    }

    /// Calls until the server answers, through its restarts.
    pub async fn until_answered(&self, operation: &str, input: Value) -> Result<Value, Error> {
        loop {
            match self.client.call(operation, input.clone()).await {
                Err(error) if is_unanswered(&error) => tokio::time::sleep(POLL).await,
                answered => return answered,
            }
        }
    }
}

impl World {
    /// Asks once for an execution of small steps, and writes down what is answered. It is judged with the others.
    pub async fn start_once(&self, name: &str, input: &Value) -> Result<(), Error> {
        let steps = 1;
        let state_machine = self.deployed.state_machines.get(steps).map(|(arn, _)| arn);
        let request = json!({ "stateMachineArn": state_machine, "name": name, "input": input.to_string() });
        self.ledger.asked(name, steps, input);
        let answer = self.client.call("StartExecution", request).await?;
        self.ledger.acknowledged(name, answer["executionArn"].as_str().unwrap_or_default());
        Ok(())
    }

    /// So many bytes of text, and up to 19 more, that do not compress.
    pub fn noise(&self, bytes: u64) -> String {
        let words = (0..bytes.div_ceil(20)).map(|_| format!("{:020}", self.random.next()));
        words.collect::<Vec<_>>().concat()
    }
}

/// Whether the outcome of the call is unknown.
pub fn is_unanswered(error: &Error) -> bool {
    match error {
        Error::Api { error, .. } => error.status >= 500,
        _ => true,
    }
}

/// A running load.
pub struct Load {
    world: Arc<World>,
    clients: JoinSet<()>,
    /// They go on as long as the load is there: somebody must do the tasks, also those of an execution whose start nobody
    /// heard of.
    workers: JoinSet<()>,
}

impl Load {
    /// So many clients, each of which has one execution open.
    pub fn begin(world: &Arc<World>, clients: usize) -> Load {
        let mut load = Load { world: Arc::clone(world), clients: JoinSet::new(), workers: JoinSet::new() };
        for _ in 0..WORKERS {
            let world = Arc::clone(world);
            load.workers.spawn(async move {
                loop {
                    work_once(&world).await;
                }
            });
        }
        for _ in 0..clients {
            let world = Arc::clone(world);
            load.clients.spawn(async move {
                while !world.is_finishing.load(Ordering::SeqCst) {
                    let number = world.next.fetch_add(1, Ordering::SeqCst);
                    if let Err(fault) = run_once(&world, &name(number), number).await {
                        world.faults.add(fault);
                    }
                }
            });
        }
        load
    }

    /// Begins nothing more; ready when everything that a client waits for has ended, or should have.
    pub async fn finish(&mut self) {
        self.world.is_finishing.store(true, Ordering::SeqCst);
        let ended = async { while self.clients.join_next().await.is_some() {} };
        if tokio::time::timeout(END_WITHIN, ended).await.is_err() {
            self.world.faults.add(format!("executions have not ended after {} s", END_WITHIN.as_secs()));
        }
    }
}

fn name(number: usize) -> String {
    format!("run-{number}")
}

/// Starts an execution and sees it end: gives its ARN, unless no answer came. An answer that is none of those that AWS
/// gives here is a fault.
pub async fn run_once(world: &World, name: &str, number: usize) -> Result<Option<String>, String> {
    let state_machine = 1 + number % (DEFINITIONS.len() - 1);
    let input = json!({ "number": number % 10 });
    let Some(execution) = start(world, state_machine, name, &input).await? else { return Ok(None) };
    if world.random.one_in(12) {
        tokio::time::sleep(Duration::from_millis(world.random.below(1_500))).await;
        let stop = json!({ "executionArn": execution, "error": "Stopped" });
        world.until_answered("StopExecution", stop).await.map_err(|error| format!("{name}: {error}"))?;
        if world.random.one_in(2) {
            redrive(world, name, &execution).await?;
        }
    }
    ended(world, name, &execution).await?;
    Ok(Some(execution))
}

async fn ended(world: &World, name: &str, execution: &str) -> Result<(), String> {
    loop {
        let described = world.until_answered("DescribeExecution", json!({ "executionArn": execution })).await;
        match described {
            Ok(described) if described["status"] == "RUNNING" => tokio::time::sleep(POLL * 2).await,
            Ok(_) => return Ok(()),
            Err(error) => return Err(format!("{name} was acknowledged: {error}")),
        }
    }
}

/// One that was stopped goes on, unless it had ended before; asked again with the same token it is the same redrive.
async fn redrive(world: &World, name: &str, execution: &str) -> Result<(), String> {
    let history = loop {
        match world.client.history(execution).await {
            Err(error) if is_unanswered(&error) => tokio::time::sleep(POLL).await,
            answered => break answered.map_err(|error| format!("{name}: {error}"))?,
        }
    };
    world.ledger.to_be_redriven(name, history);
    let request = json!({ "executionArn": execution, "clientToken": name });
    match world.until_answered("RedriveExecution", request).await {
        Err(Error::Api { error, .. }) if error.code != "ExecutionNotRedrivable" => Err(format!("{name}: {error}")),
        _ => Ok(()),
    }
}

/// The ARN of the execution; `None` if no answer came and the load leaves it at that.
async fn start(world: &World, state_machine: usize, name: &str, input: &Value) -> Result<Option<String>, String> {
    let (state_machine_arn, _) = world.deployed.state_machines.get(state_machine).ok_or("no such state machine")?;
    world.ledger.asked(name, state_machine, input);
    let request = json!({ "stateMachineArn": state_machine_arn, "name": name, "input": input.to_string() });
    loop {
        let execution = match world.client.call("StartExecution", request.clone()).await {
            Ok(answer) => answer["executionArn"].as_str().ok_or("StartExecution gave no ARN")?.to_owned(),
            // It was done before, and unheard.
            Err(Error::Api { error, .. }) if error.code == "ExecutionAlreadyExists" => {
                execution_arn(state_machine_arn, name)
            }
            Err(error) if is_unanswered(&error) => {
                if world.random.one_in(4) {
                    return Ok(None);
                }
                tokio::time::sleep(POLL).await;
                continue;
            }
            Err(error) => return Err(format!("{name} was refused: {error}")),
        };
        world.ledger.acknowledged(name, &execution);
        return Ok(Some(execution));
    }
}

/// Takes a task and answers it: some fail, some are answered twice, some answers are lost with the connection.
async fn work_once(world: &World) {
    let poll = json!({ "activityArn": world.deployed.activity });
    let Ok(task) = world.client.call("GetActivityTask", poll).await else { return tokio::time::sleep(POLL).await };
    let (Some(token), Some(input)) = (task["taskToken"].as_str(), task["input"].as_str()) else { return };
    world.ledger.handed(token);
    let Ok(input) = serde_json::from_str::<Value>(input) else {
        return world.faults.add(format!("a worker was handed `{input}`"));
    };
    let (number, attempt) = (input["number"].as_u64().unwrap_or(0), input["attempt"].as_u64().unwrap_or(0));
    if number % 4 == 1 {
        // What it says is told by the answer that follows.
        let _heard = world.client.call("SendTaskHeartbeat", json!({ "taskToken": token })).await;
    }
    let (operation, answer) = match (number % 3, attempt) {
        (0, 0) => ("SendTaskFailure", json!({ "taskToken": token, "error": "Again", "cause": "the first attempt" })),
        (1, 1..) => ("SendTaskFailure", json!({ "taskToken": token, "error": "Broken" })),
        _ => {
            let output = json!({ "square": number.pow(2) }).to_string();
            ("SendTaskSuccess", json!({ "taskToken": token, "output": output }))
        }
    };
    let times = 1 + u64::from(number % 5 == 2);
    for _ in 0..times {
        answer_once(world, operation, &answer, token).await;
    }
}

/// An answer without an answer is given again.
async fn answer_once(world: &World, operation: &str, answer: &Value, token: &str) {
    loop {
        let answered = match world.client.call(operation, answer.clone()).await {
            Ok(_) => Answered::Accepted,
            Err(error) if is_unanswered(&error) => Answered::Unknown,
            Err(Error::Api { error, .. }) if error.code == "TaskTimedOut" => Answered::Refused,
            Err(error) => return world.faults.add(format!("{operation}: {error}")),
        };
        world.ledger.answered(token, answered);
        if answered != Answered::Unknown {
            return;
        }
        tokio::time::sleep(POLL).await;
    }
}
