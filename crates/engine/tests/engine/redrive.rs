//! Redrive: what ended unsuccessfully goes on, once, and is listed and stored as what it is.

use crate::support::*;
use asl::Arn;
use engine::{Engine, Error, ExecutionFilter, ExecutionRecord, NotRedrivable, OpenStore, Page, RedriveExecution};
use machine::Status;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use store::{Keyspace, Range, Store};
use tokio::sync::Notify;

const TASK: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","Next":"T"},"T":{"Type":"Task",
    "Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},"End":true}}}"#;
const FAILS: &str = r#"{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"Always"}}}"#;
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

async fn redrive(engine: &Engine, arn: &Arn, client_token: Option<&str>) -> Result<i64, Error> {
    let redrive = RedriveExecution { execution: arn.clone(), client_token: client_token.map(Into::into) };
    engine.redrive_execution(redrive).await
}

/// Starts an execution of [`TASK`] whose call fails.
async fn failed(world: &World, engine: &Engine, name: &str) -> Arn {
    let arn = start(engine, &arn("stateMachine", "m"), name).await;
    world.calls.next().await.fail("Broken");
    assert_eq!(engine.wait_until_closed(&arn).await.unwrap().status, Status::Failed);
    arn
}

async fn refusal(engine: &Engine, arn: &Arn) -> NotRedrivable {
    let described = engine.not_redrivable(&engine.execution(arn).await.unwrap()).await.unwrap();
    match redrive(engine, arn, None).await {
        Err(Error::ExecutionNotRedrivable { why, .. }) => {
            assert_eq!(described, Some(why));
            why
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn who_redrives_what_goes_on_on_the_slow_lane_is_answered_when_that_is_durable() {
    let mut world = World::new();
    world.options.shards = 1;
    world.options.quick_budget.memory_bytes = 1_000;
    let engine = world.open().await;
    let slow = r#"{"QueryLanguage":"JSONata","StartAt":"T","States":{"T":{"Type":"Task","End":true,
        "Resource":"arn:aws:states:::lambda:invoke","Arguments":{"FunctionName":"f","Payload":"{% $sum([1..100000]) %}"}}}}"#;
    create(&engine, "m", slow).await;
    let arn = failed(&world, &engine, "e").await;
    let again = async {
        let redriven_ms = redrive(&engine, &arn, Some("token")).await.unwrap();
        (redriven_ms, engine.execution(&arn).await.unwrap())
    };
    let (first, (again, record)) = tokio::join!(redrive(&engine, &arn, Some("token")), again);
    assert_eq!(first.unwrap(), again);
    assert_eq!((record.status, record.redrive_ms), (Status::Running, Some(again)));
}

#[tokio::test]
async fn a_failed_execution_goes_on() {
    for restarts in [false, true] {
        let world = World::new();
        let mut engine = world.open().await;
        create(&engine, "m", TASK).await;
        let arn = failed(&world, &engine, "e").await;
        let before = history(&engine, &arn).await;
        for count in 1..=3 {
            world.clock.advance(DAY);
            if restarts {
                drop(engine);
                engine = world.open().await;
            }
            let redriven_ms = redrive(&engine, &arn, None).await.unwrap();
            assert_eq!(redriven_ms, START_MS + i64::from(count) * 86_400_000);
            let record = engine.execution(&arn).await.unwrap();
            assert_eq!((record.status, record.stop_ms, record.start_ms), (Status::Running, None, START_MS));
            assert_eq!((record.redrive_count, record.redrive_ms), (count, Some(redriven_ms)));
            assert_eq!(refusal(&engine, &arn).await, NotRedrivable::Running);
            let made = world.calls.next().await;
            if count < 3 {
                made.fail("Broken");
            } else {
                made.succeed("1");
            }
            engine.wait_until_closed(&arn).await.unwrap();
        }
        let record = engine.execution(&arn).await.unwrap();
        assert_eq!(record.status, Status::Succeeded);
        check_history(&engine, &record).await;
        assert_eq!(history(&engine, &arn).await[..before.len()], before);
        assert_eq!(refusal(&engine, &arn).await, NotRedrivable::Succeeded);
        assert!(world.store.scan(Keyspace("parts"), Range::ALL, 1).unwrap().is_empty());
        assert!(world.store.scan(Keyspace("open"), Range::ALL, 1).unwrap().is_empty());
        assert!(world.store.scan(Keyspace("timers"), Range::ALL, 1).unwrap().is_empty());
    }
}

#[tokio::test]
async fn one_that_fails_in_its_first_step_costs_three_records() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", FAILS).await;
    let arn = start(&engine, &machine, "e").await;
    engine.wait_until_closed(&arn).await.unwrap();
    let count = |keyspace| world.store.scan(Keyspace(keyspace), Range::ALL, 10).unwrap().len();
    let counts = || ["history", "executions", "by_status", "parts", "open", "timers"].map(count);
    assert_eq!(counts(), [1, 1, 1, 0, 0, 0]);
    redrive(&engine, &arn, None).await.unwrap();
    let record = engine.wait_until_closed(&arn).await.unwrap();
    assert_eq!((record.status, record.redrive_count), (Status::Failed, 1));
    check_history(&engine, &record).await;
    assert_eq!(counts(), [2, 1, 1, 2, 0, 0]);
    redrive(&engine, &arn, None).await.unwrap();
    assert_eq!(engine.wait_until_closed(&arn).await.unwrap().redrive_count, 2);
}

/// What an execution keeps goes with it.
#[tokio::test]
async fn retention_removes_what_was_kept() {
    let world = World::new();
    let engine = world.open().await;
    create(&engine, "m", TASK).await;
    failed(&world, &engine, "e").await;
    assert!(!world.store.scan(Keyspace("parts"), Range::ALL, 1).unwrap().is_empty());
    world.clock.advance(91 * DAY);
    engine.remove_expired().await.unwrap();
    for keyspace in ["parts", "history", "executions", "by_status"] {
        assert!(world.store.scan(Keyspace(keyspace), Range::ALL, 1).unwrap().is_empty(), "{keyspace}");
    }
}

#[tokio::test]
async fn an_execution_can_be_redriven_for_14_days() {
    for (since, expected) in [(13 * DAY + 23 * 60 * MINUTE, None), (14 * DAY, Some(NotRedrivable::PeriodExceeded))] {
        let world = World::new();
        let engine = world.open().await;
        create(&engine, "m", TASK).await;
        let arn = failed(&world, &engine, "e").await;
        world.clock.advance(since);
        let described = engine.not_redrivable(&engine.execution(&arn).await.unwrap()).await.unwrap();
        assert_eq!(described, expected);
        if expected.is_some() {
            assert_eq!(Some(refusal(&engine, &arn).await), expected);
        }
    }
}

#[tokio::test]
async fn what_cannot_be_redriven_says_why() {
    let mut world = World::new();
    world.options.limits.history_events_max = 9;
    let engine = world.open().await;
    create(&engine, "m", TASK).await;
    let arn = failed(&world, &engine, "full").await;
    assert_eq!(history(&engine, &arn).await.len(), 8);
    assert_eq!(refusal(&engine, &arn).await, NotRedrivable::HistoryFull);
    drop(engine);

    world.options.limits.history_events_max = 10;
    world.options.limits.standard_seconds_max = 10 * 86_400;
    let engine = world.open().await;
    world.clock.advance(10 * DAY);
    assert_eq!(refusal(&engine, &arn).await, NotRedrivable::TooOld);
    drop(engine);

    world.options.limits.standard_seconds_max = 365 * 86_400;
    world.options.limits.open_executions_max = 0;
    let engine = world.open().await;
    assert!(matches!(redrive(&engine, &arn, None).await, Err(Error::ExecutionLimitExceeded)));
    let unknown = redrive(&engine, &execution_arn("m", "unknown"), None).await;
    assert!(matches!(unknown, Err(Error::ExecutionDoesNotExist(_))));
    engine.delete_state_machine(&machine_arn()).await.unwrap();
    assert_eq!(refusal(&engine, &arn).await, NotRedrivable::Deleting);
    world.clock.advance(MINUTE);
    create(&engine, "m", TASK).await;
    assert_eq!(refusal(&engine, &arn).await, NotRedrivable::Deleting);
}

fn machine_arn() -> Arn {
    arn("stateMachine", "m")
}

#[tokio::test]
async fn a_client_token_makes_it_the_same_call() {
    let world = World::new();
    let engine = world.open().await;
    create(&engine, "m", TASK).await;
    let arn = failed(&world, &engine, "e").await;
    let first = redrive(&engine, &arn, Some("a")).await.unwrap();
    world.clock.advance(MINUTE);
    assert_eq!(redrive(&engine, &arn, Some("a")).await.unwrap(), first);
    assert!(matches!(redrive(&engine, &arn, Some("b")).await, Err(Error::ExecutionNotRedrivable { .. })));
    world.calls.next().await.fail("Broken");
    engine.wait_until_closed(&arn).await.unwrap();
    assert_eq!(redrive(&engine, &arn, Some("a")).await.unwrap(), first);
    assert!(world.calls.is_empty().await);
    drop(engine);

    // The last ten are known, and each for 15 minutes.
    let engine = world.open().await;
    for n in 0..10 {
        redrive(&engine, &arn, Some(&n.to_string())).await.unwrap();
        world.calls.next().await.fail("Broken");
        engine.wait_until_closed(&arn).await.unwrap();
    }
    assert_eq!(redrive(&engine, &arn, Some("0")).await.unwrap(), START_MS + 60_001);
    assert_eq!(engine.execution(&arn).await.unwrap().redrive_count, 11);
    world.clock.advance(16 * MINUTE);
    redrive(&engine, &arn, Some("9")).await.unwrap();
    assert_eq!(engine.execution(&arn).await.unwrap().redrive_count, 12);
}

#[tokio::test]
async fn how_many_client_tokens_are_known_and_for_how_long_are_limits() {
    let mut world = World::new();
    world.options.limits.redrive_tokens_max = 2;
    world.options.limits.redrive_token_minutes = 3;
    let engine = world.open().await;
    create(&engine, "m", TASK).await;
    let arn = failed(&world, &engine, "e").await;
    // Each call, and how often the execution has been redriven after it.
    let calls = [("a", 1), ("b", 2), ("a", 2), ("c", 3), ("b", 3), ("a", 4), ("c", 4), ("b", 5)];
    for (token, redrives) in calls {
        let before = engine.execution(&arn).await.unwrap().redrive_count;
        redrive(&engine, &arn, Some(token)).await.unwrap();
        if redrives > before {
            world.calls.next().await.fail("Broken");
            engine.wait_until_closed(&arn).await.unwrap();
        }
        assert_eq!(engine.execution(&arn).await.unwrap().redrive_count, redrives, "{token}");
    }
    world.clock.advance(2 * MINUTE);
    redrive(&engine, &arn, Some("b")).await.unwrap();
    assert_eq!(engine.execution(&arn).await.unwrap().redrive_count, 5);
    world.clock.advance(2 * MINUTE);
    redrive(&engine, &arn, Some("b")).await.unwrap();
    assert_eq!(engine.execution(&arn).await.unwrap().redrive_count, 6);
}

#[tokio::test]
async fn redriven_ones_are_listed_as_such() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", TASK).await;
    let mut arns = Vec::new();
    for n in 0..600 {
        world.clock.advance(Duration::from_secs(1));
        arns.push(failed(&world, &engine, &format!("e{n}")).await);
    }
    for n in [3, 300, 599] {
        redrive(&engine, &arns[n], None).await.unwrap();
    }
    for (status, is_redriven, expected) in [
        (None, None, 600),
        (None, Some(true), 3),
        (None, Some(false), 597),
        (Some(Status::Running), Some(true), 3),
        (Some(Status::Running), Some(false), 0),
        (Some(Status::Failed), Some(true), 0),
    ] {
        for size in [2, 1_000] {
            let filter =
                ExecutionFilter { state_machine: machine.clone(), status, is_pending_redrive: false, is_redriven };
            let (mut after, mut names) = (None, std::collections::HashSet::new());
            loop {
                let page = engine.list_executions(filter.clone(), Page { size, after }).await.unwrap();
                assert!(page.items.len() <= size);
                names.extend(page.items.into_iter().map(|record| record.name));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(names.len(), expected, "{status:?} {is_redriven:?} {size}");
        }
    }
}

const MAP: &str = r#"{"TimeoutSeconds":600,"StartAt":"M","States":{"M":{"Type":"Map","End":true,
    "ItemProcessor":{"StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"v.$":"$"},"Next":"T"},
    "T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"v.$":"$v"},"End":true}}}}}}"#;

/// Iterations that had ended keep their outputs over a restart; the others run again, with their variables.
#[tokio::test]
async fn iterations_go_on_after_a_restart() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", MAP).await;
    let started = engine.start_execution(start_of(&machine, "e", "[1,2,3]")).await.unwrap();
    let arn = Arn::parse(&started.arn).unwrap();
    world.calls.next().await.succeed("10");
    let broken = world.calls.next().await;
    let aborted = world.calls.next().await;
    broken.fail("Broken");
    engine.wait_until_closed(&arn).await.unwrap();
    drop((engine, aborted));

    let engine = world.open().await;
    redrive(&engine, &arn, None).await.unwrap();
    drop(engine);
    // Its calls are dropped in their turn.
    come_to_rest().await;
    let engine = world.open().await;
    let mut calls = Vec::new();
    while calls.len() < 2 {
        let made = world.calls.next().await;
        if made.answer.is_closed() {
            // It was made before the engine was dropped.
            continue;
        }
        calls.push(made);
    }
    world.clock.advance(Duration::from_secs(599));
    for made in calls {
        made.succeed("20");
    }
    let record = engine.wait_until_closed(&arn).await.unwrap();
    assert_eq!(record.status, Status::Succeeded, "{record:?}");
    assert_eq!(record.outcome, Some(machine::Outcome::Succeeded { output: payload("[10,20,20]") }));
    check_history(&engine, &record).await;
}

/// Found by a user: the checker took one iteration for another, as all of them go on from the same event and nothing that
/// they show tells them apart but their end.
#[tokio::test]
async fn iterations_that_wait_end_in_any_order_after_a_redrive() {
    let world = World::new();
    let engine = world.open().await;
    let waits = r#"{"QueryLanguage":"JSONata","StartAt":"M","States":{"M":{"Type":"Map","Items":"{% [1..8] %}","End":true,
        "ItemProcessor":{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":"{% 2 + (7 * $states.input) % 5 %}",
            "Output":"{% $uuid() %}","End":true}}}}}}"#;
    let machine = create(&engine, "m", waits).await;
    let arn = start(&engine, &machine, "e").await;
    for _ in 0..2 {
        come_to_rest().await;
        world.clock.advance(Duration::from_secs(1));
        engine.stop_execution(&arn, None, None).await.unwrap();
        redrive(&engine, &arn, None).await.unwrap();
    }
    for _ in 0..8 {
        come_to_rest().await;
        world.clock.advance(Duration::from_secs(1));
    }
    ends(&engine, &arn, Status::Succeeded).await;
}

#[tokio::test]
async fn one_that_timed_out_has_its_time_anew() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", &TASK.replace("{\"StartAt\"", "{\"TimeoutSeconds\":60,\"StartAt\"")).await;
    let arn = start(&engine, &machine, "e").await;
    for count in 1..=2 {
        let _running = world.calls.next().await;
        world.clock.advance(Duration::from_secs(61));
        assert_eq!(engine.wait_until_closed(&arn).await.unwrap().status, Status::TimedOut);
        redrive(&engine, &arn, None).await.unwrap();
        assert_eq!(engine.execution(&arn).await.unwrap().redrive_count, count);
    }
    world.calls.next().await.succeed("1");
    assert_eq!(engine.wait_until_closed(&arn).await.unwrap().status, Status::Succeeded);
}

/// Redrives until the execution succeeds; its call fails the first time. Errors are signals to try again.
async fn live(engine: &Engine) -> ExecutionRecord {
    let execution = execution_arn("m", "e");
    loop {
        tokio::task::yield_now().await;
        let machine = new_state_machine("m", TASK, asl::StateMachineType::Standard);
        if engine.create_state_machine(machine).await.is_err() {
            continue;
        }
        match engine.start_execution(start_of(&machine_arn(), "e", "{}")).await {
            Ok(_) | Err(Error::ExecutionAlreadyExists(_)) => {}
            Err(_) => continue,
        }
        match engine.wait_until_closed(&execution).await {
            Ok(record) if record.status == Status::Succeeded => return record,
            Ok(_) => {
                let _maybe_lost = redrive(engine, &execution, Some("once")).await;
            }
            Err(_) => {}
        }
    }
}

async fn serve(world: &World, failed: &Mutex<bool>) {
    loop {
        let made = world.calls.next().await;
        if std::mem::replace(&mut *failed.lock().unwrap(), true) {
            made.succeed("1");
        } else {
            made.fail("Broken");
        }
    }
}

#[tokio::test]
async fn a_crash_at_any_commit_redrives_once() {
    for is_applied in [false, true] {
        for commits in 1.. {
            let (world, failed, crashed) = (World::new(), Mutex::new(false), Arc::new(Notify::new()));
            let (store, notify) = (world.store.clone(), Arc::clone(&crashed));
            let open: OpenStore = Arc::new(move || {
                Ok(Arc::new(CrashStore::new(store.clone(), commits, is_applied, Arc::clone(&notify))) as _)
            });
            let run = async {
                let engine = world.open_with(open).await;
                let record = live(&engine).await;
                (engine, record)
            };
            let ended = tokio::select! {
                ended = run => Some(ended),
                () = serve(&world, &failed) => unreachable!(),
                () = crashed.notified() => None,
            };
            let is_over = ended.is_some();
            let (engine, record) = if let Some(ended) = ended {
                ended
            } else {
                let engine = world.open().await;
                tokio::select! {
                    record = live(&engine) => (engine.clone(), record),
                    () = serve(&world, &failed) => unreachable!(),
                }
            };
            check_history(&engine, &record).await;
            // The failure may have been lost with the process: then the call was made again, and there was no redrive.
            assert!(record.redrive_count <= 1, "commit {commits}, applied: {is_applied}");
            if is_over {
                assert!(commits > 6, "the scenario has too few commits: {commits}");
                break;
            }
        }
    }
}
