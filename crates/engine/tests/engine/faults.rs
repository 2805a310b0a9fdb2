//! What goes wrong with one execution disturbs no other.

use crate::support::*;
use engine::{Account, Error, ExecutionFilter, OpenStore, Page, Restart};
use futures_util::future::join_all;
use machine::{Failure, Status};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use store::{Batch, Keyspace, Range, Store};
use tokio::sync::Notify;

const WAITS: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"End":true}}}"#;

const QUICK: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;

/// An expression that never ends.
const ENDLESS: &str = r#"{"QueryLanguage":"JSONata","StartAt":"P","States":{"P":{"Type":"Pass","Output":"{% ($f := function($n) { $f($n + 1) }; $f(0)) %}","End":true}}}"#;

/// A template with hundreds of fields that look at everything.
fn template() -> String {
    let fields: Vec<String> = (0..500).map(|n| format!(r#""m{n}.$":"$..[?($..a)]""#)).collect();
    format!(r#"{{"StartAt":"P","States":{{"P":{{"Type":"Pass","Parameters":{{{}}},"End":true}}}}}}"#, fields.join(","))
}

fn wide_input() -> String {
    format!("[{}]", vec![r#"{"a":[1,2]}"#; 1_000].join(","))
}

fn hostile_world() -> World {
    let mut world = World::new();
    world.options.shards = 1;
    world.options.slow_budget.time = Duration::from_millis(300);
    world
}

#[tokio::test]
async fn a_hostile_definition_fails_its_execution_and_holds_up_no_other() {
    for (definition, input, error) in [
        (ENDLESS.to_owned(), "{}".to_owned(), "States.QueryEvaluationError"),
        (template(), wide_input(), "States.Runtime"),
    ] {
        let world = hostile_world();
        let engine = world.open().await;
        let hostile = create(&engine, "hostile", &definition).await;
        let quick = create(&engine, "quick", QUICK).await;
        let started = engine.start_execution(start_of(&hostile, "e", &input));
        let neighbour = async {
            let arn = start(&engine, &quick, "e").await;
            engine.wait_until_closed(&arn).await.unwrap()
        };
        tokio::pin!(started);
        let record = tokio::select! {
            biased;
            started = &mut started => panic!("the neighbour waited: {started:?}"),
            record = neighbour => record,
        };
        assert_eq!(record.status, Status::Succeeded);
        started.await.unwrap();
        let record = engine.wait_until_closed(&execution_arn("hostile", "e")).await.unwrap();
        let Some(machine::Outcome::Failed(failure)) = &record.outcome else { panic!("{record:?}") };
        assert_eq!(failure.error.as_deref(), Some(error));
        check_history(&engine, &record).await;
    }
}

#[tokio::test]
async fn who_starts_what_begins_on_the_slow_lane_is_answered_when_that_is_durable() {
    let mut world = hostile_world();
    world.options.quick_budget.memory_bytes = 1_000;
    let engine = world.open().await;
    let slow = r#"{"QueryLanguage":"JSONata","StartAt":"P","States":{"P":{"Type":"Pass","Output":"{% $sum([1..100000]) %}","Next":"W"},"W":{"Type":"Wait","Seconds":60,"End":true}}}"#;
    let machine = create(&engine, "m", slow).await;
    let arn = execution_arn("m", "e");
    let again = async {
        let started = engine.start_execution(start_of(&machine, "e", "{}")).await.unwrap();
        (started, engine.execution(&arn).await.unwrap())
    };
    let (first, (again, record)) = tokio::join!(engine.start_execution(start_of(&machine, "e", "{}")), again);
    assert_eq!(first.unwrap().start_ms, again.start_ms);
    assert_eq!((record.status, record.start_ms), (Status::Running, again.start_ms));
}

#[tokio::test]
async fn a_flood_of_slow_steps_does_not_hold_up_the_slow_steps_of_others() {
    const FLOOD: usize = 12;
    let world = hostile_world();
    let engine = world.open().await;
    let endless = create(&engine, "endless", ENDLESS).await;
    let slow = r#"{"QueryLanguage":"JSONata","StartAt":"P","States":{"P":{"Type":"Pass","Output":"{% $sum([1..100000]) %}","End":true}}}"#;
    let slow = create(&engine, "slow", slow).await;
    let names: Vec<String> = (0..FLOOD).map(|number| format!("e{number}")).collect();
    let flood = names.iter().map(|name| engine.start_execution(start_of(&endless, name, "{}")));
    let flood = join_all(flood);
    let neighbour = async {
        let arn = start(&engine, &slow, "e").await;
        engine.wait_until_closed(&arn).await.unwrap()
    };
    tokio::pin!(flood);
    let record = tokio::select! {
        biased;
        _ = &mut flood => panic!("the neighbour waited for all of them"),
        record = neighbour => record,
    };
    assert_eq!(record.status, Status::Succeeded);
    flood.await;
    for name in &names {
        let record = engine.wait_until_closed(&execution_arn("endless", name)).await.unwrap();
        assert_eq!(record.status, Status::Failed);
    }
}

#[tokio::test]
async fn a_panic_of_an_integration_fails_its_task() {
    let world = World::new();
    let engine = world.open().await;
    let definition = r#"{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::aws-sdk:sqs:listQueues","Parameters":{},"End":true}}}"#;
    let machine = create(&engine, "m", definition).await;
    let arn = start(&engine, &machine, "e").await;
    ends(&engine, &arn, Status::Failed).await;
}

#[tokio::test]
async fn a_record_that_no_store_takes_stops_no_other_execution() {
    let mut world = World::new();
    world.options.shards = 1;
    world.options.limits.open_executions_max = 1;
    let opened = Arc::new(AtomicUsize::new(0));
    let (store, count) = (world.store.clone(), Arc::clone(&opened));
    let open: OpenStore = Arc::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(Arc::new(store.clone()) as _)
    });
    let engine = world.open_with(open).await;
    let quick = create(&engine, "quick", QUICK).await;
    let input = format!(r#""{}""#, "x".repeat(store::VALUE_BYTES_MAX));
    let refused = engine.start_execution(start_of(&quick, "e", &input)).await;
    assert!(matches!(refused, Err(Error::SetAside { .. })), "{refused:?}");
    // It was never begun: it is not open, and its name is free.
    for name in ["neighbour", "e"] {
        let arn = start(&engine, &quick, name).await;
        assert_eq!(engine.wait_until_closed(&arn).await.unwrap().status, Status::Succeeded);
    }
    assert_eq!(opened.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_corrupt_record_hides_no_other() {
    let world = World::to_be_damaged();
    let engine = world.open().await;
    let waits = create(&engine, "waits", WAITS).await;
    let sound = start(&engine, &waits, "sound").await;
    let damaged = start(&engine, &waits, "damaged").await;
    create(&engine, "damaged", QUICK).await;
    drop(engine);
    let mut batch = Batch::new();
    // Rows that are too short, before all others of their partition and due at once.
    for partition in 0..=u8::MAX {
        batch.put(Keyspace("open"), [partition], []);
        batch.put(Keyspace("timers"), [partition, 0, 0, 0, 0, 0, 0, 0, 1], []);
    }
    for keyspace in [Keyspace("executions"), Keyspace("state_machines")] {
        for (key, value) in world.store.scan(keyspace, Range::ALL, 10).unwrap() {
            if unpacked(&value).windows(7).any(|bytes| bytes == b"damaged") {
                batch.put(keyspace, key, [1, 0xc1]);
            }
        }
    }
    world.store.commit(batch).await.unwrap();
    let engine = world.open().await;
    let listed = engine
        .list_executions(
            ExecutionFilter { state_machine: waits, status: None, is_pending_redrive: false, is_redriven: None },
            page(),
        )
        .await
        .unwrap();
    assert_eq!(listed.items.iter().map(|record| &*record.name).collect::<Vec<_>>(), ["sound"]);
    let scope = Account { partition: "aws".into(), region: "us-east-1".into(), account: "123456789012".into() };
    let listed = engine.list_state_machines(&scope, page()).await.unwrap();
    assert_eq!(listed.items.iter().map(|record| &*record.name).collect::<Vec<_>>(), ["waits"]);
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(engine.wait_until_closed(&sound).await.unwrap().status, Status::Succeeded);
    assert!(matches!(engine.execution(&damaged).await, Err(Error::Corrupt { keyspace: "executions", .. })));
}

#[tokio::test]
async fn a_shard_that_panics_goes_on_without_the_execution_at_which_it_did() {
    let mut world = World::new();
    world.options.shards = 1;
    world.options.executions_in_memory_max = 1;
    let is_armed = Arc::new(AtomicBool::new(false));
    let (store, armed) = (world.store.clone(), Arc::clone(&is_armed));
    let open: OpenStore =
        Arc::new(move || Ok(Arc::new(PanickingStore { inner: store.clone(), is_armed: Arc::clone(&armed) }) as _));
    let engine = world.open_with(open).await;
    let machine = create(&engine, "m", WAITS).await;
    let blamed = start(&engine, &machine, "blamed").await;
    let neighbour = start(&engine, &machine, "neighbour").await;
    is_armed.store(true, Ordering::SeqCst);
    // The execution is not in memory: the shard reads it, and panics.
    engine.stop_execution(&blamed, None, None).await.unwrap_err();
    let refused = loop {
        match engine.wait_until_closed(&blamed).await {
            Err(Error::Store(_)) => tokio::task::yield_now().await,
            ended => break ended,
        }
    };
    assert!(matches!(refused, Err(Error::SetAside { .. })), "{refused:?}");
    world.clock.advance(Duration::from_secs(60));
    ends(&engine, &neighbour, Status::Succeeded).await;
}

#[tokio::test]
async fn what_cannot_be_read_at_a_start_is_read_when_it_can_be() {
    for keyspace in ["held", "open", "executions", "parts", "timers"] {
        let mut world = World::new();
        world.options.shards = 1;
        world.options.tasks_at_once_max = 1;
        let unknown = Failure { error: Some("Lambda.Unknown".into()), cause: None };
        *world.calls.restart.lock().unwrap() = Restart::Fail(unknown);
        let engine = world.open().await;
        let definition = r#"{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},"TimeoutSeconds":60,"End":true}}}"#;
        let machine = create(&engine, "m", definition).await;
        let running = start(&engine, &machine, "running").await;
        let made = world.calls.next().await;
        let queued = start(&engine, &machine, "queued").await;
        engine.shutdown(Duration::ZERO).await;
        drop((engine, made));
        let (store, is_armed) = (world.store.clone(), Arc::new(AtomicBool::new(true)));
        let armed = Arc::clone(&is_armed);
        let open: OpenStore = Arc::new(move || {
            let is_armed = Arc::clone(&armed);
            Ok(Arc::new(UnreadableStore { inner: store.clone(), keyspace: Keyspace(keyspace), is_armed }) as _)
        });
        let engine = world.open_with(open).await;
        let made = world.calls.next().await;
        assert!(!is_armed.load(Ordering::SeqCst), "{keyspace}");
        assert_eq!(&*made.call.facts.name, "queued", "{keyspace}");
        made.succeed("1");
        for (arn, status) in [(running, Status::Failed), (queued, Status::Succeeded)] {
            let record = loop {
                match engine.wait_until_closed(&arn).await {
                    Err(Error::Store(_)) => tokio::task::yield_now().await,
                    record => break record.unwrap(),
                }
            };
            assert_eq!(record.status, status, "{keyspace}");
            check_history(&engine, &record).await;
        }
    }
}

fn page() -> Page {
    Page { size: 10, after: None }
}

/// With a lane that has minutes of work, and with a disk that takes a batch and never says that it has it.
#[tokio::test]
async fn a_shutdown_waits_neither_for_the_slow_lane_nor_for_a_disk_that_hangs() {
    const FLOOD: usize = 200;
    let mut world = hostile_world();
    world.options.slow_budget.time = Duration::from_secs(1);
    // The token's key, the state machines, and a start are durable; the next one hangs.
    let hung = Arc::new(Notify::new());
    let (inner, told) = (world.store.clone(), Arc::clone(&hung));
    let open = move || Ok(Arc::new(CrashStore::new(inner.clone(), 5, false, Arc::clone(&told))) as _);
    let engine = world.open_with(Arc::new(open)).await;
    let (endless, quick) = (create(&engine, "endless", ENDLESS).await, create(&engine, "quick", QUICK).await);
    start(&engine, &quick, "durable").await;
    let names: Vec<String> = (0..FLOOD).map(|number| format!("e{number}")).collect();
    let flood = names.iter().map(|name| engine.start_execution(start_of(&endless, name, "{}")));
    let asked = async { tokio::join!(join_all(flood), engine.start_execution(start_of(&quick, "lost", "{}"))) };
    let stop = async {
        hung.notified().await;
        let begun = Instant::now();
        engine.shutdown(Duration::ZERO).await;
        begun.elapsed()
    };
    let ((flood, lost), took) = tokio::join!(asked, stop);
    assert!(took < Duration::from_secs(10), "{took:?}");
    for refused in flood.into_iter().chain([lost]) {
        assert!(matches!(refused, Err(Error::ShuttingDown)), "{refused:?}");
    }
    drop(engine);
    let engine = world.open().await;
    engine.wait_until_closed(&execution_arn("quick", "durable")).await.unwrap();
}
