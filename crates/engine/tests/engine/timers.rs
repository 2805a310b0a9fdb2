//! Timers: never early, none lost, whatever happens to the process.

use crate::support::*;
use machine::Status;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use store::Store;

fn waits(seconds: u64) -> String {
    format!(r#"{{"StartAt":"W","States":{{"W":{{"Type":"Wait","Seconds":{seconds},"End":true}}}}}}"#)
}

#[tokio::test]
async fn a_timer_fires_when_it_is_due_and_not_before() {
    for seconds in [1, 59, 60, 61, 86_400] {
        let world = World::new();
        let engine = world.open().await;
        let machine = create(&engine, "m", &waits(seconds)).await;
        let arn = start(&engine, &machine, "e").await;
        world.clock.advance(Duration::from_millis(seconds * 1_000 - 1));
        // Whatever the shard does with the time that has passed, it does before it answers this.
        engine.stop_execution(&execution_arn("m", "none"), None, None).await.unwrap_err();
        assert_eq!(engine.execution(&arn).await.unwrap().status, Status::Running, "{seconds}");
        world.clock.advance(Duration::from_millis(1));
        let record = engine.wait_until_closed(&arn).await.unwrap();
        assert_eq!(record.stop_ms, Some(START_MS + i64::try_from(seconds).unwrap() * 1_000));
    }
}

#[tokio::test]
async fn what_fell_due_while_nobody_ran_fires_at_the_start() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", &waits(3_600)).await;
    let arn = start(&engine, &machine, "e").await;
    drop(engine);
    world.clock.advance(Duration::from_secs(400 * 86_400));
    let engine = world.open().await;
    // The time of the whole execution, a year, is over as well: the earlier of the two counts.
    ends(&engine, &arn, Status::Succeeded).await;
}

#[tokio::test]
async fn a_thousand_timers_of_one_moment_fire_once_each() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", &waits(600)).await;
    let mut arns = Vec::new();
    for n in 0..1_000 {
        arns.push(start(&engine, &machine, &format!("e{n}")).await);
    }
    drop(engine);
    let engine = world.open().await;
    world.clock.advance(Duration::from_secs(600));
    for arn in arns {
        let record = engine.wait_until_closed(&arn).await.unwrap();
        check_history(&engine, &record).await;
    }
}

#[tokio::test]
async fn timers_that_fall_due_one_after_the_other_do_not_hold_up_a_shutdown() {
    let world = World::new();
    let (store, clock) = (world.store.clone(), Arc::clone(&world.clock));
    let commit_takes = Duration::from_secs(1);
    let open =
        move || Ok(Arc::new(TickingStore { inner: store.clone(), clock: Arc::clone(&clock), commit_takes }) as _);
    let engine = world.open_with(Arc::new(open)).await;
    let ticks = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1,"Next":"C"},"C":{"Type":"Choice",
        "Choices":[{"Variable":"$.done","IsPresent":true,"Next":"S"}],"Default":"W"},"S":{"Type":"Succeed"}}}"#;
    let machine = create(&engine, "m", ticks).await;
    let arn = start(&engine, &machine, "e").await;
    engine.shutdown(Duration::from_secs(10)).await;
    drop(engine);
    let engine = world.open().await;
    assert_eq!(engine.execution(&arn).await.unwrap().status, Status::Running);
    let before = history(&engine, &arn).await.len();
    world.clock.advance(Duration::from_secs(1));
    let mut watched = engine.subscribe(&arn).await.unwrap();
    while watched.next().await.unwrap().unwrap().id <= before as u64 {}
}

/// Found by simulation: the row stayed until the end of the execution, and for ever if that was taken up in between.
#[tokio::test]
async fn the_row_of_a_timer_goes_when_it_has_fired() {
    const TWICE: &str = r#"{"StartAt":"A","States":{
      "A":{"Type":"Wait","Seconds":10,"Next":"B"},"B":{"Type":"Wait","Seconds":10,"End":true}}}"#;
    let world = World::new();
    let rows = || world.store.keys(store::Keyspace("timers"), store::Range::ALL, 9).unwrap().len();
    let engine = world.open().await;
    let machine = create(&engine, "m", TWICE).await;
    let arn = start(&engine, &machine, "e").await;
    world.clock.advance(Duration::from_secs(10));
    until_events(&engine, &arn, 4).await;
    assert_eq!(rows(), 2, "the time of the whole execution, and the second wait");
    drop(engine);
    let engine = world.open().await;
    world.clock.advance(Duration::from_secs(10));
    engine.wait_until_closed(&arn).await.unwrap();
    assert_eq!(rows(), 0);
}

/// Found by simulation: an execution that was taken up anew did not know the time of its last event.
#[tokio::test]
async fn a_clock_that_was_set_back_before_a_start_makes_no_event_earlier_than_the_last() {
    let mut world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", &task_after(10)).await;
    let arn = start(&engine, &machine, "e").await;
    world.clock.advance(Duration::from_secs(10));
    world.calls.next().await;
    drop(engine);
    world.clock = Arc::new(engine::ManualClock::at(START_MS + 5_000));
    let engine = world.open().await;
    world.calls.next().await.succeed("{}");
    let record = engine.wait_until_closed(&arn).await.unwrap();
    check_history(&engine, &record).await;
}

#[tokio::test]
async fn timers_that_are_due_together_do_not_starve_who_asks() {
    const WAITING: u64 = 24;
    let mut world = World::new();
    world.options.shards = 1;
    let engine = world.open().await;
    let machine = create(&engine, "m", &waits(60)).await;
    let mut arns = Vec::new();
    for number in 0..WAITING {
        arns.push(start(&engine, &machine, &format!("e{number}")).await);
    }
    drop(engine);
    world.clock.advance(Duration::from_secs(60));
    let (engine, reads) = world.open_slow().await;
    while reads.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    start(&engine, &machine, "late").await;
    let read = reads.load(Ordering::SeqCst);
    assert!(read < WAITING, "all {read} were read before the answer");
    for arn in arns {
        let record = engine.wait_until_closed(&arn).await.unwrap();
        check_history(&engine, &record).await;
    }
}

fn task_after(seconds: u64) -> String {
    format!(
        r#"{{"StartAt":"W","States":{{"W":{{"Type":"Wait","Seconds":{seconds},"Next":"T"}},
        "T":{{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{{"FunctionName":"f"}},"End":true}}}}}}"#
    )
}

/// Two branches with a worker each; what follows the answer of the second one takes long.
const SLOW_BRANCH: &str = r#"{"QueryLanguage":"JSONata","StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
    {"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a","HeartbeatSeconds":20,"End":true}}},
    {"StartAt":"B","States":{"B":{"Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:b","Next":"S"},
        "S":{"Type":"Pass","Output":"{% $reduce([1..100000], function($a,$b){$a+$b}) %}","End":true}}}]}}}"#;

/// A one-shard world in which the shard leaves each evaluation to the slow lane.
fn world_of_slow_steps() -> World {
    let mut world = World::new();
    world.options.shards = 1;
    world.options.quick_budget.memory_bytes = 1_000;
    world.options.slow_budget.time = Duration::from_secs(60);
    world
}

#[tokio::test]
async fn a_heartbeat_moves_its_timer_also_while_the_slow_lane_has_the_execution() {
    let world = world_of_slow_steps();
    let engine = world.open().await;
    let (a, b) = (create_activity(&engine, "a").await, create_activity(&engine, "b").await);
    let machine = create(&engine, "m", SLOW_BRANCH).await;
    let arn = start(&engine, &machine, "e").await;
    let minute = Duration::from_secs(60);
    let beats = engine.activity_task(&a, None, minute).await.unwrap().unwrap();
    let slow = engine.activity_task(&b, None, minute).await.unwrap().unwrap();
    // The slow lane takes the execution; the heartbeat and the timer, which falls due, wait for it. Whoever is refused here
    // came after them in line.
    let falls_due = async {
        engine.stop_execution(&execution_arn("m", "none"), None, None).await.unwrap_err();
        world.clock.advance(Duration::from_secs(20));
    };
    let (succeeded, heard, ()) =
        tokio::join!(engine.task_succeeded(&slow.token, payload("1")), engine.task_heartbeat(&beats.token), falls_due);
    succeeded.unwrap();
    heard.unwrap();
    world.clock.advance(Duration::from_millis(19_999));
    engine.stop_execution(&execution_arn("m", "none"), None, None).await.unwrap_err();
    assert_eq!(engine.execution(&arn).await.unwrap().status, Status::Running);
    world.clock.advance(Duration::from_millis(1));
    let record = engine.wait_until_closed(&arn).await.unwrap();
    let Some(machine::Outcome::Failed(failure)) = &record.outcome else { panic!("{record:?}") };
    assert_eq!(failure.error.as_deref(), Some("States.Timeout"));
    check_history(&engine, &record).await;
}
