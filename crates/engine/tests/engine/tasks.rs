//! Calls: their outcomes, what a restart does with them, and task tokens.

use crate::support::*;
use engine::{Error, OpenStore, Restart};
use machine::{Failure, Outcome, Status};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use store::{Fault, FaultyStore};

fn task(resource: &str, more: &str) -> String {
    format!(r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task","Resource":"{resource}"{more},"End":true}}}}}}"#)
}

const LAMBDA: &str = "arn:aws:states:::lambda:invoke";
const CALLBACK: &str = "arn:aws:states:::sqs:sendMessage.waitForTaskToken";
const WITH_TOKEN: &str = r#","Parameters":{"QueueUrl":"q","MessageBody":{"Token.$":"$$.Task.Token"}}"#;
const INVOKE: &str = r#","Parameters":{"FunctionName":"f"}"#;

fn token_in(made: &Made) -> String {
    let parameters = made.call.request.parameters.value();
    parameters.get("MessageBody").unwrap().get("Token").unwrap().as_str().unwrap().to_owned()
}

fn error_of(outcome: Option<Outcome>) -> String {
    match outcome {
        Some(Outcome::Failed(failure)) => failure.error.unwrap().to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_answer_of_a_call_is_the_result() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", &task(LAMBDA, INVOKE)).await;
    let arn = start(&engine, &machine, "e").await;
    world.calls.next().await.succeed(r#"{"r":1}"#);
    let record = engine.wait_until_closed(&arn).await.unwrap();
    assert_eq!(record.outcome, Some(Outcome::Succeeded { output: payload(r#"{"r":1}"#) }));
    let arn = start(&engine, &machine, "f").await;
    world.calls.next().await.fail("Broken");
    assert_eq!(error_of(engine.wait_until_closed(&arn).await.unwrap().outcome), "Broken");
}

#[tokio::test]
async fn what_nobody_serves_fails() {
    let world = World::new();
    let engine = world.open().await;
    let more = r#","Parameters":{"TopicArn":"t","Message":"m"}"#;
    let machine = create(&engine, "m", &task("arn:aws:states:::sns:publish", more)).await;
    let arn = start(&engine, &machine, "e").await;
    assert_eq!(error_of(engine.wait_until_closed(&arn).await.unwrap().outcome), "States.TaskFailed");
}

#[tokio::test]
async fn a_call_in_flight_is_made_again_or_failed_as_its_integration_says() {
    let failed = Restart::Fail(Failure { error: Some("Lambda.Unknown".into()), cause: None });
    for restart in [Restart::Redispatch, failed] {
        let world = World::new();
        *world.calls.restart.lock().unwrap() = restart.clone();
        let engine = world.open().await;
        let machine = create(&engine, "m", &task(LAMBDA, INVOKE)).await;
        let arn = start(&engine, &machine, "e").await;
        let first = world.calls.next().await;
        drop(engine);
        let engine = world.open().await;
        let record = if restart == Restart::Redispatch {
            let second = world.calls.next().await;
            assert_eq!(first.call.idempotency_key, second.call.idempotency_key);
            second.succeed("2");
            engine.wait_until_closed(&arn).await.unwrap()
        } else {
            engine.wait_until_closed(&arn).await.unwrap()
        };
        let expected = if restart == Restart::Redispatch { Status::Succeeded } else { Status::Failed };
        assert_eq!(record.status, expected);
        check_history(&engine, &record).await;
    }
}

#[tokio::test]
async fn a_call_that_waits_for_something_here_takes_no_place() {
    let mut world = World::new();
    world.options.tasks_at_once_max = 1;
    world.options.shards = 1;
    let engine = world.open().await;
    let poll = r#","Parameters":{"ActivityArn":"arn:aws:states:us-east-1:123456789012:activity:a"}"#;
    let waiting = create(&engine, "w", &task("arn:aws:states:::aws-sdk:sfn:getActivityTask", poll)).await;
    let calling = create(&engine, "m", &task(LAMBDA, INVOKE)).await;
    let mut waits = Vec::new();
    for name in ["a", "b", "c"] {
        start(&engine, &waiting, name).await;
        waits.push(world.calls.next().await);
    }
    // One call has the only place, the next waits for it.
    let arns = [start(&engine, &calling, "d").await, start(&engine, &calling, "e").await];
    let first = world.calls.next().await;
    assert!(world.calls.is_empty().await);
    first.succeed("1");
    world.calls.next().await.succeed("2");
    for arn in &arns {
        assert_eq!(engine.wait_until_closed(arn).await.unwrap().status, Status::Succeeded);
    }
    // A shutdown waits for those that wait: nobody else would know of their answer.
    let shutdown = engine.shutdown(Duration::from_secs(10));
    let answer = async { waits.into_iter().for_each(|made| made.succeed("3")) };
    tokio::join!(shutdown, answer);
    drop(engine);
    let engine = world.open().await;
    assert_eq!(engine.wait_until_closed(&execution_arn("w", "c")).await.unwrap().status, Status::Succeeded);
}

#[tokio::test]
async fn a_token_survives_restarts_and_is_accepted_once() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", &task(CALLBACK, WITH_TOKEN)).await;
    let arn = start(&engine, &machine, "e").await;
    let made = world.calls.next().await;
    let token = token_in(&made);
    made.succeed("{}");
    let mut observed = engine.subscribe(&arn).await.unwrap();
    while observed.next().await.unwrap().unwrap().event_type.as_str() != "TaskSubmitted" {}
    drop((engine, observed));
    let engine = world.open().await;
    engine.task_heartbeat(&token).await.unwrap();
    engine.task_succeeded(&token, payload("1")).await.unwrap();
    assert!(matches!(engine.task_succeeded(&token, payload("2")).await, Err(Error::TaskTimedOut)));
    assert!(matches!(engine.task_heartbeat(&token).await, Err(Error::TaskTimedOut)));
    assert!(matches!(engine.task_heartbeat("no token").await, Err(Error::InvalidTaskToken)));
    let record = engine.wait_until_closed(&arn).await.unwrap();
    assert_eq!(record.outcome, Some(Outcome::Succeeded { output: payload("1") }));
    assert!(world.calls.is_empty().await);
}

#[tokio::test]
async fn an_answer_that_is_quicker_than_its_call_waits_for_it() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", &task(CALLBACK, WITH_TOKEN)).await;
    let arn = start(&engine, &machine, "e").await;
    let made = world.calls.next().await;
    let token = token_in(&made);
    let answer = engine.task_succeeded(&token, payload("1"));
    let call = async {
        tokio::task::yield_now().await;
        made.succeed("{}");
    };
    let (answered, ()) = tokio::join!(answer, call);
    answered.unwrap();
    engine.wait_until_closed(&arn).await.unwrap();
    let types = event_types(&engine, &arn).await;
    assert_eq!(types[types.len() - 4..], ["TaskSubmitted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"]);
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_dropped_and_timed_out() {
    let world = World::new();
    let engine = world.open().await;
    let more = format!(r#"{INVOKE},"TimeoutSeconds":5"#);
    let machine = create(&engine, "m", &task(LAMBDA, &more)).await;
    let arn = start(&engine, &machine, "e").await;
    let mut made = world.calls.next().await;
    world.clock.advance(Duration::from_secs(5));
    let record = engine.wait_until_closed(&arn).await.unwrap();
    assert_eq!(error_of(record.outcome), "States.Timeout");
    made.answer.closed().await;
}

#[tokio::test]
async fn a_clean_shutdown_keeps_calls_that_were_not_begun() {
    let mut world = World::new();
    world.options.tasks_at_once_max = 1;
    world.options.shards = 1;
    *world.calls.restart.lock().unwrap() = Restart::Fail(Failure { error: Some("Lambda.Unknown".into()), cause: None });
    let engine = world.open().await;
    let machine = create(&engine, "m", &task(LAMBDA, INVOKE)).await;
    let running = start(&engine, &machine, "running").await;
    let made = world.calls.next().await;
    let queued = start(&engine, &machine, "queued").await;
    let shutdown = engine.shutdown(Duration::from_secs(10));
    let answer = async { made.succeed("1") };
    tokio::join!(shutdown, answer);
    assert!(matches!(engine.start_execution(start_of(&machine, "late", "{}")).await, Err(Error::ShuttingDown)));
    drop(engine);
    let engine = world.open().await;
    assert_eq!(engine.wait_until_closed(&running).await.unwrap().status, Status::Succeeded);
    world.calls.next().await.succeed("2");
    assert_eq!(engine.wait_until_closed(&queued).await.unwrap().status, Status::Succeeded);
}

/// Found in the world of seed 913 of the simulator: the timeout of the call is on its way to the disk when it is durable that the
/// call may begin.
#[tokio::test]
async fn a_call_that_was_not_begun_and_has_timed_out_since_is_not_made() {
    let mut world = World::new();
    world.options.tasks_at_once_max = 1;
    world.options.shards = 1;
    world.options.simulated = Some(1);
    let engine = world.open().await;
    let machine = create(&engine, "m", &task(LAMBDA, &format!(r#"{INVOKE},"TimeoutSeconds":60"#))).await;
    start(&engine, &machine, "running").await;
    let made = world.calls.next().await;
    let queued = start(&engine, &machine, "queued").await;
    tokio::join!(engine.shutdown(Duration::from_secs(10)), async { made.succeed("1") });
    drop(engine);
    let (engine, steps) = world.open_stepped(0).await;
    come_to_rest().await;
    world.clock.advance(Duration::from_secs(61));
    come_to_rest().await;
    assert!(world.calls.is_empty().await);
    steps.add_permits(1);
    come_to_rest().await;
    assert!(world.calls.is_empty().await, "its timeout is known");
    steps.add_permits(100);
    let record = engine.wait_until_closed(&queued).await.unwrap();
    assert_eq!(error_of(record.outcome), "States.Timeout");
    assert!(world.calls.is_empty().await);
}

/// Two calls at once; what follows the first needs the slow lane.
fn slow_after_a_call() -> String {
    let branch = |name: &str, then: &str| {
        let arguments = format!(r#""Arguments":{{"FunctionName":"{name}"}}"#);
        let task = format!(r#"{{"Type":"Task","Resource":"{LAMBDA}",{arguments},{then}}}"#);
        let slow = r#"{"Type":"Pass","Output":"{% $sum([1..100000]) %}","End":true}"#;
        format!(r#"{{"StartAt":"{name}","States":{{"{name}":{task},"Slow{name}":{slow}}}}}"#)
    };
    let branches = [branch("A", r#""Next":"SlowA""#), branch("B", r#""Next":"SlowB""#)].join(",");
    let parallel = format!(r#"{{"Type":"Parallel","Branches":[{branches}],"End":true}}"#);
    format!(r#"{{"QueryLanguage":"JSONata","StartAt":"P","States":{{"P":{parallel}}}}}"#)
}

#[tokio::test]
async fn a_call_that_runs_through_a_failure_of_the_store_is_not_made_again() {
    let mut world = World::new();
    world.options.shards = 1;
    world.options.quick_budget.memory_bytes = 1_000;
    let (store, openings, may_open) = (world.store.clone(), AtomicUsize::new(0), Arc::new(AtomicBool::new(false)));
    let gate = Arc::clone(&may_open);
    let open: OpenStore = Arc::new(move || match openings.fetch_add(1, Ordering::SeqCst) {
        // Four commits: the key of the tokens, two state machines, the first execution.
        0 => Ok(Arc::new(FaultyStore::new(Arc::new(store.clone()), 4, Fault::Lost)) as _),
        _ if gate.load(Ordering::SeqCst) => Ok(Arc::new(store.clone()) as _),
        _ => Err(store::Error::Poisoned),
    });
    let engine = world.open_with(open).await;
    let machine = create(&engine, "m", &slow_after_a_call()).await;
    let quick = create(&engine, "quick", r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#).await;
    let execution = start(&engine, &machine, "e").await;
    let (first, second) = (world.calls.next().await, world.calls.next().await);
    engine.start_execution(start_of(&quick, "lost", "{}")).await.unwrap_err();
    // This answer reaches the shard while it has no store; when it has one, that leads to the slow lane at once.
    first.succeed("1");
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    may_open.store(true, Ordering::SeqCst);
    let unknown = execution_arn("m", "none");
    while !matches!(engine.stop_execution(&unknown, None, None).await, Err(Error::ExecutionDoesNotExist(_))) {
        tokio::task::yield_now().await;
    }
    second.succeed("2");
    tokio::select! {
        record = engine.wait_until_closed(&execution) => assert_eq!(record.unwrap().status, Status::Succeeded),
        made = world.calls.next() => panic!("a call was made twice: {:?}", made.call.request),
    }
}

#[tokio::test]
async fn a_clean_shutdown_keeps_a_call_whose_commit_is_on_its_way() {
    let world = World::new();
    *world.calls.restart.lock().unwrap() = Restart::Fail(Failure { error: Some("Lambda.Unknown".into()), cause: None });
    let store = world.store.clone();
    let engine = world.open_with(Arc::new(move || Ok(Arc::new(PatientStore::new(store.clone(), 5_000)) as _))).await;
    let machine = create(&engine, "m", &task(LAMBDA, INVOKE)).await;
    let (execution, ()) = tokio::join!(start(&engine, &machine, "e"), engine.shutdown(Duration::from_secs(10)));
    assert!(world.calls.is_empty().await);
    drop(engine);
    let engine = world.open().await;
    tokio::select! {
        record = engine.wait_until_closed(&execution) => panic!("the call was not made: {record:?}"),
        made = world.calls.next() => made.succeed("1"),
    }
    assert_eq!(engine.wait_until_closed(&execution).await.unwrap().status, Status::Succeeded);
}

#[tokio::test]
async fn a_clean_shutdown_waits_for_the_slow_lane() {
    let mut world = World::new();
    world.options.quick_budget.memory_bytes = 1_000;
    let engine = world.open().await;
    let machine = create(&engine, "m", &slow_after_a_call()).await;
    let execution = start(&engine, &machine, "e").await;
    for made in [world.calls.next().await, world.calls.next().await] {
        made.succeed("1");
    }
    engine.shutdown(Duration::from_secs(10)).await;
    drop(engine);
    let engine = world.open().await;
    tokio::select! {
        record = engine.wait_until_closed(&execution) => assert_eq!(record.unwrap().status, Status::Succeeded),
        made = world.calls.next() => panic!("the answer of a call was lost: {:?}", made.call.request),
    }
}

#[tokio::test]
async fn a_shutdown_ends_in_time_whatever_waits_for_the_slow_lane() {
    let mut world = World::new();
    world.options.quick_budget.memory_bytes = 1_000;
    let engine = world.open().await;
    let machine = create(&engine, "m", &slow_after_a_call()).await;
    let executions: Vec<String> = (0..20).map(|number| format!("e{number}")).collect();
    for name in &executions {
        start(&engine, &machine, name).await;
        for made in [world.calls.next().await, world.calls.next().await] {
            made.succeed("1");
        }
    }
    engine.shutdown(Duration::ZERO).await;
    drop(engine);
    // The lane had not come to the last of them. What is lost is made again.
    let engine = world.open().await;
    let last = execution_arn("m", "e19");
    assert_eq!(engine.execution(&last).await.unwrap().status, Status::Running);
    let answer = async {
        loop {
            world.calls.next().await.succeed("1");
        }
    };
    tokio::select! {
        record = engine.wait_until_closed(&last) => assert_eq!(record.unwrap().status, Status::Succeeded),
        () = answer => unreachable!(),
    }
}
