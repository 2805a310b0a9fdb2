//! Calls that reach into other executions: `.sync` calls and their end, and calls that a restart makes again.

use crate::support::*;
use asl::Arn;
use engine::{Engine, Error, Options, Origin, StartExecution, TaskAnswer};
use machine::{Failure, Status};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use store::{Fault, FaultyStore};

const SYNC: &str = r#"{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync:2","Parameters":{"StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:x"},"TimeoutSeconds":600,"End":true}}}"#;
const CALL: &str = r#"{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},"End":true}}}"#;
const WAITS: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"End":true}}}"#;
const ACTIVITY: &str = r#"{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a","HeartbeatSeconds":600,"End":true}}}"#;
const MINUTE: Duration = Duration::from_secs(60);

/// Starts a `.sync` call that submits `submitted`, and waits until that is durable.
async fn submit(world: &World, engine: &Engine, name: &str, submitted: &str) -> Arn {
    let machine = create(engine, "parent", SYNC).await;
    let arn = start(engine, &machine, name).await;
    world.calls.next().await.succeed(submitted);
    let mut observed = engine.subscribe(&arn).await.unwrap();
    while observed.next().await.unwrap().unwrap().event_type.as_str() != "TaskSubmitted" {}
    arn
}

#[tokio::test]
async fn what_was_submitted_is_waited_for_also_after_a_restart() {
    let world = World::new();
    let engine = world.open().await;
    let arn = submit(&world, &engine, "e", r#"{"job":7}"#).await;
    assert_eq!(world.calls.next().await.resumed, Some(payload(r#"{"job":7}"#)));
    drop(engine);
    let engine = world.open().await;
    wait_for_end(&world, &engine, &arn).await;
}

/// What was submitted is waited for, and ends; so does its execution.
async fn wait_for_end(world: &World, engine: &Engine, arn: &Arn) {
    let resumed = world.calls.next().await;
    assert_eq!(resumed.resumed, Some(payload(r#"{"job":7}"#)));
    resumed.succeed("3");
    ends(engine, arn, Status::Succeeded).await;
}

/// Found by the simulator (seed 10769): the call is answered while the store is closed, and the commit that it is submitted
/// fails right after the store was opened again.
#[tokio::test]
async fn the_end_of_what_was_submitted_is_not_waited_for_before_that_is_durable() {
    let mut world = World::new();
    // The shard takes its turns on the thread of the test.
    world.options = Options { shards: 1, simulated: Some(1), ..world.options.clone() };
    let (may_open, was_refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (has_failed, has_failed_again) = (AtomicBool::new(false), AtomicBool::new(false));
    let (store, gate, refused) = (world.store.clone(), Arc::clone(&may_open), Arc::clone(&was_refused));
    let open = move || {
        let failing = |commits| Ok(Arc::new(FaultyStore::new(Arc::new(store.clone()), commits, Fault::Lost)) as _);
        if !has_failed.swap(true, Ordering::SeqCst) {
            // The key of the tokens, two state machines, the execution; a start is lost.
            return failing(4);
        }
        if !gate.load(Ordering::SeqCst) {
            refused.store(true, Ordering::SeqCst);
            return Err(store::Error::Poisoned);
        }
        if has_failed_again.swap(true, Ordering::SeqCst) { Ok(Arc::new(store.clone()) as _) } else { failing(0) }
    };
    let engine = world.open_with(Arc::new(open)).await;
    let machine = create(&engine, "parent", SYNC).await;
    let waits = create(&engine, "waits", WAITS).await;
    let arn = start(&engine, &machine, "e").await;
    let made = world.calls.next().await;
    let idempotency_key = made.call.idempotency_key.clone();
    engine.start_execution(start_of(&waits, "lost", "{}")).await.unwrap_err();
    // Before the store is opened again the shard is halted.
    while !was_refused.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    made.succeed(r#"{"job":7}"#);
    // In so many turns the call returns, and the shard, which has no store, takes its answer.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    may_open.store(true, Ordering::SeqCst);
    let again = world.calls.next().await;
    assert_eq!(again.resumed, None, "it is not durable that it was submitted");
    assert_eq!(again.call.idempotency_key, idempotency_key);
    again.succeed(r#"{"job":7}"#);
    wait_for_end(&world, &engine, &arn).await;
}

#[tokio::test]
async fn a_submitted_call_does_not_keep_others_from_running() {
    let mut world = World::new();
    world.options.tasks_at_once_max = 1;
    world.options.shards = 1;
    let engine = world.open().await;
    submit(&world, &engine, "e", "{}").await;
    let resumed = world.calls.next().await;
    let calling = create(&engine, "m", CALL).await;
    let arn = start(&engine, &calling, "f").await;
    world.calls.next().await.succeed("1");
    assert_eq!(engine.wait_until_closed(&arn).await.unwrap().status, Status::Succeeded);
    resumed.succeed("2");
}

#[tokio::test]
async fn an_execution_that_is_waited_for_costs_no_call_until_it_has_ended() {
    for restarts in [false, true] {
        let world = World::new();
        let mut engine = world.open().await;
        let child = create(&engine, "child", WAITS).await;
        let child = start(&engine, &child, "c").await;
        let parents = ["a", "b", "c"];
        for name in parents {
            submit(&world, &engine, name, &format!(r#"{{"ExecutionArn":"{child}"}}"#)).await;
        }
        if restarts {
            drop(engine);
            engine = world.open().await;
        }
        assert!(world.calls.is_empty().await);
        engine.stop_execution(&child, None, None).await.unwrap();
        for _ in parents {
            let resumed = world.calls.next().await;
            assert!(resumed.resumed.is_some());
            resumed.succeed("1");
        }
        for name in parents {
            let record = engine.wait_until_closed(&execution_arn("parent", name)).await.unwrap();
            assert_eq!(record.status, Status::Succeeded);
            check_history(&engine, &record).await;
        }
        // One that has ended before, and one that is gone, are answered at once.
        for (name, awaited) in [("late", child.to_string()), ("gone", execution_arn("child", "gone").to_string())] {
            let arn = submit(&world, &engine, name, &format!(r#"{{"ExecutionArn":"{awaited}"}}"#)).await;
            world.calls.next().await.succeed("2");
            assert_eq!(engine.wait_until_closed(&arn).await.unwrap().status, Status::Succeeded);
        }
    }
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_stopped() {
    let world = World::new();
    let engine = world.open().await;
    let stopped = submit(&world, &engine, "stopped", r#"{"job":1}"#).await;
    let mut resumed = world.calls.next().await;
    engine.stop_execution(&stopped, None, None).await.unwrap();
    assert_eq!(world.calls.stop().await, payload(r#"{"job":1}"#));
    resumed.answer.closed().await;
    submit(&world, &engine, "timed out", r#"{"job":2}"#).await;
    world.clock.advance(Duration::from_secs(600));
    assert_eq!(world.calls.stop().await, payload(r#"{"job":2}"#));
}

/// The origin of a call, as integrations pass it on.
async fn origin(world: &World, engine: &Engine, name: &str) -> Option<Origin> {
    let machine = create(engine, "caller", CALL).await;
    start(engine, &machine, name).await;
    let origin = world.calls.next().await.call.origin;
    assert!(origin.is_some());
    origin
}

#[tokio::test]
async fn a_start_that_a_restart_makes_again_has_the_same_answer() {
    let world = World::new();
    let engine = world.open().await;
    let (call, other) = (origin(&world, &engine, "e").await, origin(&world, &engine, "f").await);
    let machine = create(&engine, "m", WAITS).await;
    let by = |origin| StartExecution { origin, ..start_of(&machine, "n", "{}") };
    let started = engine.start_execution(by(call)).await.unwrap();
    engine.stop_execution(&execution_arn("m", "n"), None, None).await.unwrap();
    drop(engine);
    let engine = world.open().await;
    let again = engine.start_execution(by(call)).await.unwrap();
    assert_eq!((again.arn, again.start_ms), (started.arn, started.start_ms));
    for another in [other, None] {
        let refused = engine.start_execution(by(another)).await;
        assert!(matches!(refused, Err(Error::ExecutionAlreadyExists(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn an_answer_that_a_restart_sends_again_is_accepted_again() {
    let world = World::new();
    let engine = world.open().await;
    let (call, other) = (origin(&world, &engine, "e").await, origin(&world, &engine, "f").await);
    let activity = create_activity(&engine, "a").await;
    let machine = create(&engine, "m", ACTIVITY).await;
    let failure = Failure { error: Some("E".into()), cause: None };
    let answers = [TaskAnswer::Succeeded(payload("1")), TaskAnswer::Failed(failure), TaskAnswer::Heartbeat];
    for (answer, name) in answers.into_iter().zip(["succeeded", "failed", "alive"]) {
        let call = if name == "succeeded" { call } else { origin(&world, &engine, name).await };
        let arn = start(&engine, &machine, name).await;
        let task = engine.activity_task(&activity, None, MINUTE).await.unwrap().unwrap();
        engine.answer_task(&task.token, answer.clone(), call).await.unwrap();
        if name == "alive" {
            engine.stop_execution(&arn, None, None).await.unwrap();
        }
        let record = engine.wait_until_closed(&arn).await.unwrap();
        check_history(&engine, &record).await;
        engine.answer_task(&task.token, answer.clone(), call).await.unwrap();
        for another in [other, None] {
            let refused = engine.answer_task(&task.token, answer.clone(), another).await;
            assert!(matches!(refused, Err(Error::TaskTimedOut)), "{refused:?}");
        }
    }
}

#[tokio::test]
async fn a_poll_that_a_restart_makes_again_is_handed_the_same_task() {
    let world = World::new();
    let engine = world.open().await;
    let call = origin(&world, &engine, "e").await;
    let activity = create_activity(&engine, "a").await;
    let machine = create(&engine, "m", ACTIVITY).await;
    let arn = start(&engine, &machine, "x").await;
    let handed = engine.activity_task_for(call, &activity, None, MINUTE).await.unwrap().unwrap();
    start(&engine, &machine, "y").await;
    drop(engine);
    let engine = world.open().await;
    let again = engine.activity_task_for(call, &activity, None, MINUTE).await.unwrap().unwrap();
    assert_eq!((&again.token, &again.input), (&handed.token, &handed.input));
    engine.task_succeeded(&again.token, payload("1")).await.unwrap();
    assert_eq!(engine.wait_until_closed(&arn).await.unwrap().status, Status::Succeeded);
    // What it was handed is over: there is another one.
    let next = engine.activity_task_for(call, &activity, None, MINUTE).await.unwrap().unwrap();
    assert_ne!(next.token, handed.token);
}
