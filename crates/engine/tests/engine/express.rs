//! Express executions: their names, their five minutes and their bill.

use crate::support::*;
use asl::{Arn, Resource, StateMachineType};
use engine::{Engine, Error, SyncResult};
use machine::{Outcome, Status};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use store::Store;

/// Runs a synchronous execution that waits for so long, while the clock goes on by `tick`.
async fn run_sync(world: &World, engine: &Engine, seconds: u64, tick: Duration) -> SyncResult {
    let definition = format!(r#"{{"StartAt":"W","States":{{"W":{{"Type":"Wait","Seconds":{seconds},"End":true}}}}}}"#);
    let machine = create_typed(engine, &format!("x{seconds}"), &definition, StateMachineType::Express).await;
    let clock = Arc::clone(&world.clock);
    let moving = async {
        loop {
            clock.advance(tick);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        result = engine.start_sync_execution(start_of(&machine, "e", "{}")) => result.unwrap(),
        () = moving => unreachable!(),
    }
}

#[tokio::test]
async fn they_end_after_five_minutes() {
    let world = World::new();
    let engine = world.open().await;
    let result = run_sync(&world, &engine, 299, Duration::from_millis(100)).await;
    assert_eq!(result.record.status, Status::Succeeded);
    let result = run_sync(&world, &engine, 301, Duration::from_millis(100)).await;
    assert_eq!(result.record.status, Status::TimedOut);
    assert!(matches!(result.record.outcome, Some(Outcome::TimedOut(_))));
    assert!(result.record.stop_ms.unwrap() >= result.record.start_ms + 300_000);
}

#[tokio::test]
async fn they_are_billed_in_steps_of_100_ms() {
    let world = World::new();
    let engine = world.open().await;
    for (seconds, tick_ms) in [(0, 1), (1, 7), (2, 30)] {
        let result = run_sync(&world, &engine, seconds, Duration::from_millis(tick_ms)).await;
        let took_ms = u64::try_from(result.record.stop_ms.unwrap() - result.record.start_ms).unwrap();
        assert!(took_ms >= seconds * 1_000);
        assert_eq!(result.billed_duration_ms, took_ms.div_ceil(100).max(1) * 100, "{took_ms}");
        assert_eq!(result.billed_memory_mb, 64);
    }
}

#[tokio::test]
async fn a_name_can_be_used_again_and_the_arn_is_another() {
    let world = World::new();
    let engine = world.open().await;
    let pass = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#;
    let machine = create_typed(&engine, "x", pass, StateMachineType::Express).await;
    let (first, second) = (start(&engine, &machine, "e").await, start(&engine, &machine, "e").await);
    assert_ne!(first, second);
    let is_named = |arn: &Arn| {
        matches!(&arn.resource, Resource::ExpressExecution { state_machine, name, id }
            if &**state_machine == "x" && &**name == "e" && id.len() == 36)
    };
    assert!(is_named(&first) && is_named(&second), "{first} {second}");
}

const CALLS: &str = r#"{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke",
    "Parameters":{"FunctionName":"f"},"Next":"W"},"W":{"Type":"Wait","Seconds":60,"End":true}}}"#;

fn stored_starts(world: &World) -> usize {
    world.store.keys(store::Keyspace("express_starts"), store::Range::new(&[], None), 100).unwrap().len()
}

#[tokio::test]
async fn one_that_was_lost_with_the_process_is_begun_anew() {
    let mut world = World::new();
    world.options.express_history_bytes_max = 1 << 20;
    let engine = world.open().await;
    let machine = create_typed(&engine, "x", CALLS, StateMachineType::Express).await;
    let execution = start(&engine, &machine, "e").await;
    world.calls.next().await.succeed("1");
    while event_types(&engine, &execution).await.last() != Some(&"WaitStateEntered") {
        tokio::task::yield_now().await;
    }
    assert_eq!(stored_starts(&world), 1);
    drop(engine);
    let engine = world.open().await;
    world.calls.next().await.succeed("2");
    while event_types(&engine, &execution).await.last() != Some(&"WaitStateEntered") {
        tokio::task::yield_now().await;
    }
    world.clock.advance(Duration::from_secs(60));
    ends(&engine, &execution, Status::Succeeded).await;
    engine.shutdown(Duration::from_secs(60)).await;
    assert_eq!(stored_starts(&world), 0, "it is not begun a third time");
}

#[tokio::test]
async fn a_synchronous_one_and_one_that_ends_at_once_are_not_stored() {
    let world = World::new();
    let engine = world.open().await;
    let pass = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#;
    let ends_at_once = create_typed(&engine, "p", pass, StateMachineType::Express).await;
    start(&engine, &ends_at_once, "e").await;
    assert_eq!(stored_starts(&world), 0);
    let machine = create_typed(&engine, "x", CALLS, StateMachineType::Express).await;
    let sync = engine.start_sync_execution(start_of(&machine, "e", "{}"));
    let made = tokio::select! { _ = sync => unreachable!("it waits"), made = world.calls.next() => made };
    assert_eq!(stored_starts(&world), 0);
    drop((made, engine));
    let engine = world.open().await;
    engine.execution(&execution_arn("x", "e")).await.unwrap_err();
    assert!(world.calls.is_empty().await, "a synchronous one is run at most once");
}

/// Starts executions that an earlier process leaves behind.
async fn left_behind(world: &World, names: &[&str]) {
    let engine = world.open().await;
    let machine = create_typed(&engine, "x", CALLS, StateMachineType::Express).await;
    let mut unanswered = Vec::new();
    for name in names {
        start(&engine, &machine, name).await;
        unanswered.push(world.calls.next().await);
    }
    engine.shutdown(Duration::ZERO).await;
    assert_eq!(stored_starts(world), names.len());
}

/// The first read of them fails, and with it the rest: all are read when the store is open again.
#[tokio::test]
async fn what_cannot_be_read_at_a_start_is_begun_anew_when_it_can_be() {
    let world = World::new();
    let names = ["a", "b", "c", "d", "e", "f"];
    left_behind(&world, &names).await;
    let (store, is_armed) = (world.store.clone(), Arc::new(AtomicBool::new(true)));
    let keyspace = store::Keyspace("express_starts");
    let open = move || {
        let is_armed = Arc::clone(&is_armed);
        Ok(Arc::new(UnreadableStore { inner: store.clone(), keyspace, is_armed }) as _)
    };
    let engine = world.open_with(Arc::new(open)).await;
    for _ in names {
        world.calls.next().await.succeed("2");
    }
    drop(engine);
}

/// One at which the shard panics is given up: its room is free for another.
#[tokio::test]
async fn a_panic_gives_back_the_room() {
    let mut world = World::new();
    world.options.shards = 1;
    world.options.limits.express_executions_max = 1;
    left_behind(&world, &["blamed"]).await;
    let is_armed = Arc::new(AtomicBool::new(true));
    let (store, armed) = (world.store.clone(), Arc::clone(&is_armed));
    let open = move || Ok(Arc::new(PanickingStore { inner: store.clone(), is_armed: Arc::clone(&armed) }) as _);
    let engine = world.open_with(Arc::new(open)).await;
    // Nothing else is read of a single execution: it is the start that is read, and the shard panics.
    while stored_starts(&world) > 0 {
        tokio::task::yield_now().await;
    }
    assert!(!is_armed.load(Ordering::SeqCst));
    let other = start(&engine, &arn("stateMachine", "x"), "other").await;
    world.calls.next().await.succeed("1");
    let refused = engine.start_execution(start_of(&arn("stateMachine", "x"), "third", "{}")).await;
    assert!(matches!(refused, Err(Error::ExecutionLimitExceeded)), "{refused:?} beside {other}");
}
