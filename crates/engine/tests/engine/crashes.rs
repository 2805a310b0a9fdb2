//! The process is killed at every commit in turn: each time everything ends once, with a gapless history.

use crate::support::*;
use engine::{Engine, Error, ExecutionRecord, OpenStore};
use futures_util::{StreamExt, stream::FuturesUnordered};
use machine::Status;
use std::{sync::Arc, time::Duration};
use store::Fault;
use tokio::sync::Notify;

/// A call, a wait, an activity and a callback side by side, then a `.sync` call. A hand-out of the activity task that
/// was durable and not told is lost to the worker, as in AWS; the heartbeat finds that out.
const EVERYTHING: &str = r#"{"StartAt":"P","States":{
  "P":{"Type":"Parallel","Next":"Sync","Branches":[
    {"StartAt":"Call","States":{"Call":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},"TimeoutSeconds":99999999,"End":true}}},
    {"StartAt":"Wait","States":{"Wait":{"Type":"Wait","Seconds":90,"End":true}}},
    {"StartAt":"Act","States":{"Act":{"Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a","HeartbeatSeconds":3600,"Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":99999}],"End":true}}},
    {"StartAt":"Back","States":{"Back":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","Parameters":{"QueueUrl":"q","MessageBody":{"Token.$":"$$.Task.Token"}},"End":true}}}]},
  "Sync":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync:2","Parameters":{"StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:x"},"Next":"Done"},
  "Done":{"Type":"Pass","End":true}}}"#;

/// Everything that the world does for the execution. An error of the engine is the world's signal to try again.
async fn live(world: &World, engine: &Engine) -> ExecutionRecord {
    let execution = execution_arn("m", "e");
    tokio::select! {
        record = start_and_wait(engine, &execution) => record,
        () = serve_calls(world, engine) => unreachable!(),
        () = work(engine) => unreachable!(),
        () = pass_time(world) => unreachable!(),
    }
}

async fn start_and_wait(engine: &Engine, execution: &asl::Arn) -> ExecutionRecord {
    loop {
        tokio::task::yield_now().await;
        let activity = engine::NewActivity { arn: arn("activity", "a"), encryption: None, tags: Vec::new() };
        if engine.create_activity(activity).await.is_err() {
            continue;
        }
        let machine = new_state_machine("m", EVERYTHING, asl::StateMachineType::Standard);
        if engine.create_state_machine(machine).await.is_err() {
            continue;
        }
        match engine.start_execution(start_of(&arn("stateMachine", "m"), "e", "{}")).await {
            Ok(_) | Err(Error::ExecutionAlreadyExists(_)) => {}
            Err(_) => continue,
        }
        if let Ok(record) = engine.wait_until_closed(execution).await {
            return record;
        }
    }
}

async fn serve_calls(world: &World, engine: &Engine) {
    let mut served = FuturesUnordered::new();
    loop {
        tokio::select! {
            made = world.calls.next() => served.push(serve(engine, made)),
            Some(()) = served.next() => {}
        }
    }
}

async fn serve(engine: &Engine, made: Made) {
    let token = made.call.request.task_token.clone();
    made.succeed("{}");
    if let Some(token) = token {
        while matches!(engine.task_succeeded(&token, payload("1")).await, Err(Error::Store(_))) {
            tokio::task::yield_now().await;
        }
    }
}

async fn work(engine: &Engine) {
    loop {
        tokio::task::yield_now().await;
        if let Ok(Some(task)) = engine.activity_task(&arn("activity", "a"), None, Duration::from_secs(60)).await {
            while matches!(engine.task_succeeded(&task.token, payload("1")).await, Err(Error::Store(_))) {
                tokio::task::yield_now().await;
            }
        }
    }
}

async fn pass_time(world: &World) {
    loop {
        world.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
}

async fn check_end(engine: &Engine, record: &ExecutionRecord, what: &str) {
    assert_eq!(record.status, Status::Succeeded, "{what}: {record:?}");
    check_history(engine, record).await;
    let types = event_types(engine, &execution_arn("m", "e")).await;
    for once in ["WaitStateExited", "ActivitySucceeded", "ExecutionStarted"] {
        assert_eq!(types.iter().filter(|name| **name == once).count(), 1, "{what}: {types:?}");
    }
}

#[tokio::test]
async fn a_crash_at_any_commit_loses_and_doubles_nothing() {
    for is_applied in [false, true] {
        for commits in 1.. {
            let world = World::new();
            let crashed = Arc::new(Notify::new());
            let (store, notify) = (world.store.clone(), Arc::clone(&crashed));
            let open: OpenStore = Arc::new(move || {
                Ok(Arc::new(CrashStore::new(store.clone(), commits, is_applied, Arc::clone(&notify))) as _)
            });
            // The first commit makes the key of the task tokens, while the engine opens.
            let opened =
                tokio::select! { engine = world.open_with(open) => Some(engine), () = crashed.notified() => None };
            let ended = match &opened {
                Some(engine) => tokio::select! {
                    record = live(&world, engine) => Some(record),
                    () = crashed.notified() => None,
                },
                None => None,
            };
            if let (Some(record), Some(engine)) = (ended, &opened) {
                check_end(engine, &record, "no crash").await;
                assert!(commits > 6, "the scenario has too few commits: {commits}");
                break;
            }
            drop(opened);
            let what = format!("commit {commits}, applied: {is_applied}");
            let engine = world.open().await;
            let record = live(&world, &engine).await;
            check_end(&engine, &record, &what).await;
        }
    }
}

#[tokio::test]
async fn a_failed_commit_loses_nothing_that_was_acknowledged() {
    for fault in [Fault::Lost, Fault::AppliedButReported] {
        for commits in 1.. {
            let world = World::new();
            let engine = world.open_failing(commits, fault).await;
            let record = live(&world, &engine).await;
            check_end(&engine, &record, &format!("commit {commits}, {fault:?}")).await;
            if commits > 40 {
                break;
            }
        }
    }
}
