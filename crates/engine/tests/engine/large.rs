//! Large executions are read beside the loop of their shard.

use crate::support::*;
use engine::{Engine, Error, RedriveExecution};
use futures_util::FutureExt;
use machine::Status;
use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

const SMALL: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#;

/// A Parallel with a branch that has 300 KB, and one that is `other`.
fn large(other: &str) -> String {
    format!(
        r#"{{"StartAt":"P","QueryLanguage":"JSONata","States":{{"P":{{"Type":"Parallel","Output":"done","End":true,"Branches":[
            {{"StartAt":"A","States":{{"A":{{"Type":"Pass","Output":"{{% $pad('', 150000) %}}","Next":"B"}},
                "B":{{"Type":"Pass","Assign":{{"kept":"{{% $states.input %}}"}},"Next":"C"}},
                "C":{{"Type":"Wait","Seconds":100,"End":true}}}}}},
            {other}]}}}}}}"#
    )
}

fn world() -> World {
    let mut world = World::new();
    (world.options.shards, world.options.read_in_loop_bytes_max) = (1, 200_000);
    world
}

/// Comes to its end when time passes, or is stopped.
const WAITS: &str = r#"{"StartAt":"D","States":{"D":{"Type":"Wait","Seconds":50,"End":true}}}"#;

/// Begins one, and ends the process when it waits.
async fn begin(world: &World, definition: &str, events: usize) -> (asl::Arn, asl::Arn) {
    let engine = world.open().await;
    let machine = create(&engine, "large", definition).await;
    let arn = start(&engine, &machine, "e").await;
    until_events(&engine, &arn, events).await;
    engine.shutdown(Duration::ZERO).await;
    (machine, arn)
}

/// Over a disk that holds the reading of a large execution until the sender is dropped; such a reading has begun.
async fn open_held(world: &World) -> (Engine, Arc<AtomicU64>, mpsc::Sender<()>) {
    let held = world.open_held(is_large_reading).await;
    until_begun(&held.1).await;
    held
}

async fn until_begun(begun: &AtomicU64) {
    while begun.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
}

async fn a_small_one_ends(engine: &Engine) {
    let small = create(engine, "small", SMALL).await;
    let arn = start(engine, &small, "s").await;
    ends(engine, &arn, Status::Succeeded).await;
}

#[tokio::test]
async fn others_go_on_while_one_is_read_and_what_comes_for_it_waits() {
    let world = world();
    let (machine, arn) = begin(&world, &large(WAITS), 9).await;
    // It is taken up after the start.
    let (engine, begun, told) = open_held(&world).await;
    let mut again = pin!(engine.start_execution(start_of(&machine, "e", "{\"other\":1}")));
    let mut closed = pin!(engine.wait_until_closed(&arn));
    let mut stopped = pin!(engine.stop_execution(&arn, None, None));
    assert!(again.as_mut().now_or_never().is_none());
    assert!(closed.as_mut().now_or_never().is_none());
    assert!(stopped.as_mut().now_or_never().is_none());
    a_small_one_ends(&engine).await;
    // The shard has heard of them, as it has heard of what came after them.
    assert!(again.as_mut().now_or_never().is_none());
    assert!(closed.as_mut().now_or_never().is_none());
    assert!(stopped.as_mut().now_or_never().is_none());
    drop(told);
    assert!(matches!(again.await, Err(Error::ExecutionAlreadyExists(_))), "it runs, and had another input");
    stopped.await.unwrap();
    let record = closed.await.unwrap();
    assert_eq!(record.status, Status::Aborted);
    check_history(&engine, &record).await;
    assert_eq!(begun.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn timers_that_fall_due_while_one_is_read_fire() {
    let world = world();
    let (_, arn) = begin(&world, &large(WAITS), 9).await;
    let (engine, _, told) = open_held(&world).await;
    world.clock.advance(Duration::from_secs(60));
    a_small_one_ends(&engine).await;
    drop(told);
    // The timer of one branch has fallen due, that of the other not yet.
    until_events(&engine, &arn, 10).await;
    world.clock.advance(Duration::from_secs(60));
    ends(&engine, &arn, Status::Succeeded).await;
}

/// What is left of it is as large as it was.
#[tokio::test]
async fn others_go_on_while_one_is_read_for_a_redrive() {
    let world = world();
    let fails =
        r#"{"StartAt":"D","States":{"D":{"Type":"Wait","Seconds":1,"Next":"F"},"F":{"Type":"Fail","Error":"E"}}}"#;
    let (_, arn) = begin(&world, &large(fails), 9).await;
    world.clock.advance(Duration::from_secs(2));
    {
        let engine = world.open().await;
        assert_eq!(engine.wait_until_closed(&arn).await.unwrap().status, Status::Failed);
        engine.shutdown(Duration::ZERO).await;
    }
    let (engine, begun, told) = world.open_held(is_large_reading).await;
    let redriven = tokio::spawn({
        let (engine, execution) = (engine.clone(), arn.clone());
        async move { engine.redrive_execution(RedriveExecution { execution, client_token: None }).await }
    });
    until_begun(&begun).await;
    a_small_one_ends(&engine).await;
    assert!(!redriven.is_finished());
    drop(told);
    redriven.await.unwrap().unwrap();
    world.clock.advance(Duration::from_secs(200));
    ends(&engine, &arn, Status::Failed).await;
}

/// Two that come to 300 KB each, where there is room for none of them.
#[tokio::test]
async fn what_waits_is_done_before_a_shutdown_though_another_has_more_to_do() {
    let mut world = world();
    world.options.executions_in_memory_bytes_max = 1_000;
    let (machine, first) = begin(&world, &large(WAITS), 9).await;
    let second = {
        let engine = world.open().await;
        let second = start(&engine, &machine, "f").await;
        until_events(&engine, &second, 9).await;
        engine.shutdown(Duration::ZERO).await;
        second
    };
    let (engine, _, told) = open_held(&world).await;
    // Both have timers that are due, and something that the next start cannot do.
    world.clock.advance(Duration::from_secs(60));
    let mut stops = [&first, &second].map(|arn| Box::pin(engine.stop_execution(arn, None, None)));
    for stop in &mut stops {
        assert!(stop.as_mut().now_or_never().is_none());
    }
    let ending = tokio::spawn({
        let engine = engine.clone();
        async move { engine.shutdown(Duration::from_secs(3_600)).await }
    });
    come_to_rest().await;
    drop(told);
    for stop in stops {
        stop.await.unwrap();
    }
    ending.await.unwrap();
}
