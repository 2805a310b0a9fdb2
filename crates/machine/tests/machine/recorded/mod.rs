//! Replays executions recorded on AWS: the answers of their tasks are taken from the recorded history, and all the
//! rest of the history must come out.

mod checked;
mod compare;
mod events;
mod mutants;

use crate::world::World;
use asl::StateMachineType;
use events::{to_aws, type_of};
use json::Payload;
use machine::{EventId, Failure, Trigger};
use serde::Deserialize;
use serde_json::Value;

/// Executions that cannot come out as they were recorded, and why.
const EXCEPTIONS: &[(&str, &str)] = &[(
    "TestBaseScenarios::test_lambda_invoke_with_retry_extended_input#get_execution_history",
    "recorded in October 2023, before the context object had `Execution.RedriveCount`",
)];

#[derive(Deserialize)]
struct Recorded {
    id: String,
    definition: String,
    #[serde(rename = "type")]
    state_machine_type: String,
    input: String,
    placeholders: Vec<String>,
    history: Vec<Value>,
}

fn recordings() -> Vec<Recorded> {
    let lines = include_str!("../../recorded/histories.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn recorded_histories_come_out() {
    check(false);
}

#[test]
fn recorded_histories_come_out_with_a_restart_after_each_step() {
    check(true);
}

fn check(restarts: bool) {
    let mut wrong = Vec::new();
    for recorded in recordings() {
        let is_excepted = EXCEPTIONS.iter().any(|(id, _)| recorded.id == *id);
        match (replay(&recorded, restarts), is_excepted) {
            (Ok(()), true) => wrong.push(format!("{}: comes out, it is no exception", recorded.id)),
            (Err(difference), false) => wrong.push(format!("{}: {difference}", recorded.id)),
            (Ok(()), false) | (Err(_), true) => {}
        }
    }
    assert!(wrong.is_empty(), "{} histories differ\n{}", wrong.len(), wrong.join("\n"));
}

fn replay(recorded: &Recorded, restarts: bool) -> Result<(), String> {
    let mut world = World::new(&recorded.definition, state_machine_type(recorded), &recorded.input);
    world.restarts = restarts;
    run(recorded, &mut world)?;
    let produced: Vec<Value> = world.history.iter().map(to_aws).collect();
    compare::histories(&produced, &recorded.history, &recorded.placeholders)
}

/// The world of a recording, at its end.
fn produced(recorded: &Recorded) -> Result<World, String> {
    let mut world = World::new(&recorded.definition, state_machine_type(recorded), &recorded.input);
    run(recorded, &mut world)?;
    Ok(world)
}

fn run(recorded: &Recorded, world: &mut World) -> Result<(), String> {
    world.trigger(Trigger::Start);
    let mut answered = vec![false; recorded.history.len()];
    while world.outcome.is_none() {
        let answer = next_answer(world, &recorded.history, &answered);
        match answer {
            Some((index, trigger)) => {
                answered[index] = true;
                if let Trigger::TaskSucceeded { effect, .. } | Trigger::TaskFailed { effect, .. } = &trigger {
                    world.calls.remove(effect);
                }
                world.trigger(trigger);
            }
            None if world.timers.is_empty() => return Err("waits for nothing".to_owned()),
            None => world.fire_next_timer(),
        }
        if world.history.len() > recorded.history.len() + 100 {
            return Err("does not end".to_owned());
        }
    }
    Ok(())
}

fn state_machine_type(recorded: &Recorded) -> StateMachineType {
    match recorded.state_machine_type.as_str() {
        "EXPRESS" => StateMachineType::Express,
        _ => StateMachineType::Standard,
    }
}

/// The first recorded answer that was not given yet, if it is for a call that waits now.
fn next_answer(world: &World, history: &[Value], answered: &[bool]) -> Option<(usize, Trigger)> {
    let unanswered = (0..history.len()).filter(|index| !answered[*index]);
    let first = unanswered.into_iter().find(|index| is_answer(&history[*index]))?;
    let event = &history[first];
    let call = call_of(world, history, event)?;
    Some((first, trigger(history, event, call)))
}

fn is_answer(event: &Value) -> bool {
    matches!(
        type_of(event),
        "TaskSubmitted"
            | "TaskSucceeded"
            | "TaskFailed"
            | "ActivityStarted"
            | "ActivitySucceeded"
            | "ActivityFailed"
            | "LambdaFunctionSucceeded"
            | "LambdaFunctionFailed"
    )
}

/// The call that the recorded event answers: up the chain of events to its `…Scheduled`. In a Parallel the recording
/// has lost the chain; there the first call that waits is as good as another.
fn call_of(world: &World, history: &[Value], event: &Value) -> Option<EventId> {
    let mut id = event["previousEventId"].as_u64()?;
    if id == 0 {
        return world.calls.keys().next().copied();
    }
    loop {
        let previous = history.iter().find(|event| event["id"].as_u64() == Some(id))?;
        if type_of(previous).ends_with("Scheduled") {
            return world.calls.contains_key(&id).then_some(id);
        }
        id = previous["previousEventId"].as_u64()?;
    }
}

fn trigger(history: &[Value], event: &Value, effect: EventId) -> Trigger {
    let details = events::details(event);
    let text = |member: &str| details.get(member).map(text_of);
    let output = || Payload::parse(&text("output").unwrap_or_else(|| "null".to_owned())).unwrap();
    match type_of(event) {
        "ActivityStarted" => Trigger::ActivityStarted { effect, worker_name: text("workerName").map(Into::into) },
        "TaskSubmitted" => Trigger::TaskSubmitted { effect, output: output() },
        "TaskFailed" | "ActivityFailed" | "LambdaFunctionFailed" => {
            if text("error").as_deref() == Some("States.DataLimitExceeded") {
                let output = Payload::from(json::Value::from("x".repeat(262_145)));
                return Trigger::TaskSucceeded { effect, output };
            }
            let failure = Failure { error: text("error").map(Into::into), cause: text("cause").map(Into::into) };
            if is_callback(event) && !history.iter().any(|other| type_of(other) == "TaskSubmitted") {
                return Trigger::TaskNotSubmitted { effect, failure };
            }
            Trigger::TaskFailed { effect, failure }
        }
        _ => Trigger::TaskSucceeded { effect, output: output() },
    }
}

fn is_callback(event: &Value) -> bool {
    events::details(event).get("resource").is_some_and(|resource| text_of(resource).ends_with(".waitForTaskToken"))
}

/// A text that is an object was parsed in the recording.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
