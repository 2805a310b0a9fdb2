//! Compares what the server says, at rest, with what the load was answered, through the public API alone.
//!
//! | | what is held against the server |
//! |---|---|
//! | I1 | what was acknowledged exists, once, with its input; what was not is absent or whole |
//! | I2, I3, I4, I8 | its history is a legal path of its definition, by the history checker |
//! | I3 | small pages and the reverse order are the same list |
//! | I5 | no task is handed out twice, no state is tried more often than its Retry allows |
//! | I6 | a task token is accepted once |
//! | I11 | a history that was redriven begins as it was before |
//! | I12 | ListExecutions has what was started and nothing else |

use crate::Result;
use crate::definitions::{DEFINITIONS, execution_arn};
use crate::ledger::{Answered, Start};
use crate::load::World;
use checker::{Checker, Described, History};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long an execution may go on that nobody waited for.
const END_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);
/// Attempts of a task of the load: one, and those that its Retry allows.
const ATTEMPTS_MAX: usize = 61;

/// Judges everything; what is wrong goes to the faults of the world. Gives how many histories were read.
pub async fn judge(world: &World) -> Result<usize> {
    let mut starts = BTreeMap::new();
    for (name, start) in world.ledger.starts() {
        if let Some(execution) = find(world, &name, &start).await? {
            starts.insert(name, (execution, start));
        }
    }
    judge_tasks(world);
    let mut histories = 0;
    let checkers = checkers(world)?;
    for (execution, start) in starts.values() {
        histories += judge_ended(world, execution, start, &checkers).await?;
    }
    for (index, ((state_machine, _), checker)) in world.deployed.state_machines.iter().zip(&checkers).enumerate() {
        let listed = list(world, state_machine).await?;
        if index == 0 {
            // Callbacks are answered by executions that the load does not start itself.
            for execution in &listed {
                judge_execution(world, execution, None, checker).await?;
                histories += 1;
            }
            continue;
        }
        let started: BTreeSet<String> = starts
            .values()
            .filter(|(_, start)| start.state_machine == index)
            .map(|(execution, _)| execution.clone())
            .collect();
        for lost in started.difference(&listed) {
            world.faults.add(format!("I12: {lost} is not listed"));
        }
        for ghost in listed.difference(&started) {
            world.faults.add(format!("I12: {ghost} is listed, and nobody started it"));
        }
    }
    Ok(histories)
}

/// One for each state machine of the load.
pub fn checkers(world: &World) -> Result<Vec<Checker>> {
    world.deployed.state_machines.iter().map(|(_, text)| checker(text)).collect()
}

/// Judges an execution that has ended, and its Map Runs; gives how many histories were read.
pub async fn judge_ended(world: &World, execution: &str, start: &Start, checkers: &[Checker]) -> Result<usize> {
    let checker = checkers.get(start.state_machine).ok_or("no such state machine")?;
    judge_execution(world, execution, Some(start), checker).await?;
    let has_map_run = DEFINITIONS.get(start.state_machine).is_some_and(|named| named.name.ends_with("-children"));
    Ok(1 + if has_map_run { judge_map_runs(world, execution, checker).await? } else { 0 })
}

/// I5 and I6.
pub fn judge_tasks(world: &World) {
    for (token, handed) in world.ledger.tasks() {
        if handed.times > 1 {
            world.faults.add(format!("I5: a task was handed out {} times; its token is {token}", handed.times));
        }
        let accepted = handed.answers.iter().filter(|answered| **answered == Answered::Accepted).count();
        if accepted > 1 {
            world.faults.add(format!("I6: {accepted} answers were accepted for {token}: {:?}", handed.answers));
        }
    }
}

/// I1: where the execution is, if it is there at all. What nobody was told of may still run.
async fn find(world: &World, name: &str, start: &Start) -> Result<Option<String>> {
    let (state_machine, _) = world.deployed.state_machines.get(start.state_machine).ok_or("no such state machine")?;
    let execution = execution_arn(state_machine, name);
    if start.execution_arn.as_ref().is_some_and(|acknowledged| *acknowledged != execution) {
        world.faults.add(format!("I1: {name} was acknowledged as {:?}", start.execution_arn));
    }
    let closed = tokio::time::timeout(END_WITHIN, world.client.closed(&execution, POLL)).await;
    match closed {
        Err(_) => {
            world.faults.add(format!("I2: {execution} has not ended"));
            Ok(None)
        }
        Ok(Ok(_)) => Ok(Some(execution)),
        Ok(Err(harness::Error::Api { error, .. })) if error.code == "ExecutionDoesNotExist" => {
            if start.execution_arn.is_some() {
                world.faults.add(format!("I1: {execution} was acknowledged and is gone"));
            }
            Ok(None)
        }
        Ok(Err(error)) => Err(error.into()),
    }
}

/// All executions of a state machine, or children of a Map Run.
async fn list(world: &World, of: &str) -> Result<BTreeSet<String>> {
    let by = if of.contains(":mapRun:") { "mapRunArn" } else { "stateMachineArn" };
    let mut found = BTreeSet::new();
    for execution in world.client.all("ListExecutions", json!({ by: of, "maxResults": 100 }), "executions").await? {
        let arn = execution["executionArn"].as_str().unwrap_or_default().to_owned();
        if !found.insert(arn.clone()) {
            world.faults.add(format!("I12: {arn} is listed twice"));
        }
    }
    Ok(found)
}

/// The Map Runs of an execution, and the histories of their Standard children.
async fn judge_map_runs(world: &World, execution: &str, checker: &Checker) -> Result<usize> {
    let children = checker.of_children("Each").ok_or("it has no distributed Map")?;
    let map_runs = world.client.call("ListMapRuns", json!({ "executionArn": execution })).await?;
    let mut histories = 0;
    for map_run in map_runs["mapRuns"].as_array().into_iter().flatten() {
        let map_run = map_run["mapRunArn"].as_str().unwrap_or_default();
        let Some(described) = closed_map_run(world, map_run).await? else {
            world.faults.add(format!("{map_run} runs after its execution has ended"));
            continue;
        };
        let counts = &described["executionCounts"];
        if described["status"] == "SUCCEEDED" && (counts["succeeded"] != 6 || counts["total"] != 6) {
            world.faults.add(format!("{map_run} succeeded with {counts}"));
        }
        let listed = list(world, map_run).await?;
        if described["status"] == "SUCCEEDED" && listed.len() != 6 {
            world.faults.add(format!("I12: {map_run} succeeded, and {} of its children are listed", listed.len()));
        }
        for child in listed {
            world.client.closed(&child, POLL).await?;
            // An Express child has no history.
            if !child.contains(":express:") {
                judge_execution(world, &child, None, &children).await?;
                histories += 1;
            }
        }
    }
    Ok(histories)
}

/// What is told of a Map Run when it has ended: after its execution was stopped, its children are. `None` if it does not end.
async fn closed_map_run(world: &World, map_run: &str) -> Result<Option<Value>> {
    let closed = async {
        loop {
            let described = world.client.call("DescribeMapRun", json!({ "mapRunArn": map_run })).await?;
            if described["status"] != "RUNNING" {
                return Result::Ok(described);
            }
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(END_WITHIN, closed).await.ok().transpose()
}

async fn judge_execution(world: &World, execution: &str, start: Option<&Start>, checker: &Checker) -> Result {
    let described = world.client.call("DescribeExecution", json!({ "executionArn": execution })).await?;
    let history = world.client.history(execution).await?;
    let mut wrong = Vec::new();
    if let Some(start) = start {
        if described["input"].as_str() != Some(&start.input.to_string()) {
            wrong.push(format!("I1: its input is {}", described["input"]));
        }
        if !history.starts_with(&start.before_redrive) {
            wrong.push("I11: its history does not begin as it did before it was redriven".into());
        }
    }
    let events = checker::read_events(&Value::Array(history.clone()).to_string())?;
    let answer = json::Value::parse(&described.to_string()).map_err(|error| error.message)?;
    let answer = Described::new(answer);
    let input = described["input"].as_str().unwrap_or_default();
    let verdict = checker.check(&History { input, events: &events, described: Some(&answer), ..History::default() });
    wrong.extend(verdict.violations.iter().map(|violation| format!("I4: {violation}")));
    if !verdict.closed {
        wrong.push("I2: its history has no end".into());
    }
    if attempts(&history) > ATTEMPTS_MAX {
        wrong.push(format!("I5: a task was scheduled {} times", attempts(&history)));
    }
    let (pages, reversed) = read_otherwise(world, execution).await?;
    if pages != history {
        wrong.push("I3: small pages are another history".into());
    }
    if reversed != history {
        wrong.push("I3: the reverse order is another history".into());
    }
    for wrong in wrong {
        world.faults.add(format!("{wrong}; {execution}"));
    }
    Ok(())
}

fn checker(definition: &Value) -> Result<Checker> {
    let checker = Checker::new(&definition.to_string(), asl::StateMachineType::Standard);
    checker.map_err(|diagnostics| format!("a definition of the load has errors: {diagnostics:?}").into())
}

/// The history in small pages, and what it is when it is read from its end.
async fn read_otherwise(world: &World, execution: &str) -> Result<(Vec<Value>, Vec<Value>)> {
    let read = async |reverse: bool| {
        let input = json!({ "executionArn": execution, "maxResults": 7, "reverseOrder": reverse });
        world.client.all("GetExecutionHistory", input, "events").await
    };
    let (pages, mut reversed) = (read(false).await?, read(true).await?);
    reversed.reverse();
    Ok((pages, reversed))
}

/// Attempts of each visit of a task, on average.
fn attempts(history: &[Value]) -> usize {
    let count = |kind: &str| history.iter().filter(|event| event["type"] == kind).count();
    count("ActivityScheduled").div_ceil(count("TaskStateEntered").max(1))
}
