//! Express executions: their names, their five minutes and their bill.

use crate::support::*;
use asl::{Arn, Resource, StateMachineType};
use engine::{Engine, SyncResult};
use machine::{Outcome, Status};
use std::{sync::Arc, time::Duration};

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
