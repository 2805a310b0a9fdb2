//! Redrive of Map Runs: which children run again, how that is told, and a crash at every commit.

use crate::map_run_world::*;
use crate::support::*;
use asl::Arn;
use engine::{Engine, Error, ExecutionRecord, MapRunRecord, NotRedrivable, OpenStore};
use machine::{Counts, MapRunStatus, MapRunUpdate, Outcome, Status, Unsuccessful};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use store::{Keyspace, Range, Store};
use tokio::sync::Notify;

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn only_unsuccessful_children_run_again() {
    for execution_type in ["STANDARD", "EXPRESS"] {
        let world = World::new();
        let script = Script::of([("1", 1), ("3", 1)]);
        let engine = world.open().await;
        let fields = r#","MaxConcurrency":1,"ToleratedFailureCount":1"#;
        let execution = begin(&engine, &map(execution_type, CALL, fields), "[0,1,2,3,4]").await;
        let record = script.during(&world, engine.wait_until_closed(&execution)).await.unwrap();
        assert_eq!(record.status, Status::Failed);
        let before = map_run(&engine, &execution).await;
        assert_eq!(before.progress.status, MapRunStatus::Failed);
        assert_eq!(counts(&before), Counts { succeeded: 2, failed: 2, ..Counts::default() });
        assert_eq!(engine.not_redrivable(&record).await.unwrap(), None);

        world.clock.advance(DAY);
        let redriven_ms = redrive(&engine, &execution).await.unwrap();
        let redriven = map_run(&engine, &execution).await;
        assert_eq!((redriven.stop_ms, redriven.progress.redrive_count), (None, 1));
        assert_eq!((&redriven.arn, redriven.start_ms, redriven.redrive_ms), (&before.arn, START_MS, Some(redriven_ms)));
        let record = script.during(&world, engine.wait_until_closed(&execution)).await.unwrap();
        assert_eq!(record.outcome, Some(Outcome::Succeeded { output: payload("[0,1,2,3,4]") }), "{record:?}");
        check_history(&engine, &record).await;
        let types = event_types(&engine, &execution).await;
        assert_eq!(types.iter().filter(|name| **name == "MapRunRedriven").count(), 1);

        let after = map_run(&engine, &execution).await;
        assert_eq!((after.progress.status, after.progress.redrive_count), (MapRunStatus::Succeeded, 1));
        assert_eq!(counts(&after), Counts { succeeded: 5, ..Counts::default() });
        assert_eq!(["0", "1", "2", "3", "4"].map(|item| script.calls(item)), [1, 2, 1, 2, 1]);
        if execution_type == "STANDARD" {
            check_children(&engine, &after).await;
        } else {
            check_express_children(&engine, &after).await;
        }
        assert!(world.store.scan(Keyspace("open_map_runs"), Range::ALL, 1).unwrap().is_empty());
    }
}

/// Standard children keep their ARNs and their histories, which go on.
async fn check_children(engine: &Engine, map_run: &MapRunRecord) {
    let all = children(engine, map_run, Listed::default()).await;
    assert_eq!(all.len(), 5);
    for child in &all {
        let record = engine.execution(&Arn::parse(&child.arn).unwrap()).await.unwrap();
        assert_eq!(record.status, Status::Succeeded);
        check_history(engine, &record).await;
        assert_eq!(engine.not_redrivable(&record).await.unwrap(), Some(NotRedrivable::Succeeded));
    }
    for (is_redriven, expected) in [(true, 2), (false, 3)] {
        let listed = Listed { is_redriven: Some(is_redriven), ..Listed::default() };
        let found = children(engine, map_run, listed).await;
        assert_eq!(found.len(), expected);
        assert!(found.iter().all(|child| child.redrive_count == u32::from(is_redriven)));
    }
}

/// Express children have begun anew, and each is told of once.
async fn check_express_children(engine: &Engine, map_run: &MapRunRecord) {
    let all = children(engine, map_run, Listed::default()).await;
    let mut inputs = Vec::new();
    for child in &all {
        let record = engine.execution(&Arn::parse(&child.arn).unwrap()).await.unwrap();
        assert_eq!((record.status, record.redrive_count), (Status::Succeeded, 0));
        assert_eq!(record.outcome, Some(Outcome::Succeeded { output: payload(&record.input_text) }));
        inputs.push(record.input_text.to_string());
    }
    inputs.sort_unstable();
    assert_eq!(inputs, ["0", "1", "2", "3", "4"]);
    let redriven = Listed { is_redriven: Some(true), ..Listed::default() };
    assert!(children(engine, map_run, redriven).await.is_empty());
}

/// A stop leaves the Map Run to stop its children; a redrive waits for that, however early it comes.
#[tokio::test]
async fn what_was_stopped_goes_on_when_it_has_stopped() {
    for execution_type in ["STANDARD", "EXPRESS"] {
        for turns in [0, 1, 50] {
            let world = World::new();
            let script = Script::default();
            let store = world.store.clone();
            let open: OpenStore = Arc::new(move || Ok(Arc::new(PatientStore::new(store.clone(), turns)) as _));
            let engine = world.open_with(open).await;
            let definition = map(execution_type, CALL, r#","MaxConcurrency":2"#);
            let execution = begin(&engine, &definition, "[0,1,2,3]").await;
            let calls = [world.calls.next().await, world.calls.next().await];
            for _ in 0..3 {
                // Also while the Map Run is still to hear of the redrive before.
                engine.stop_execution(&execution, None, None).await.unwrap();
                redrive(&engine, &execution).await.unwrap();
            }
            drop(calls);
            let record = script.during(&world, engine.wait_until_closed(&execution)).await.unwrap();
            assert_eq!(record.outcome, Some(Outcome::Succeeded { output: payload("[0,1,2,3]") }), "{record:?}");
            check_history(&engine, &record).await;
            let record = map_run(&engine, &execution).await;
            assert_eq!((counts(&record).succeeded, record.progress.redrive_count), (4, 3));
        }
    }
}

#[tokio::test]
async fn those_that_wait_are_pending() {
    for execution_type in ["STANDARD", "EXPRESS"] {
        check_pending(execution_type).await;
    }
}

async fn check_pending(execution_type: &str) {
    let world = World::new();
    let engine = world.open().await;
    let definition = map(execution_type, CALL, r#","MaxConcurrency":3"#);
    let execution = begin(&engine, &definition, "[0,1,2]").await;
    let calls = [world.calls.next().await, world.calls.next().await, world.calls.next().await];
    engine.stop_execution(&execution, None, None).await.unwrap();
    let record = until(&engine, &execution, |record| record.stop_ms.is_some()).await;
    drop(calls);
    let arn = Arn::parse(&record.arn).unwrap();
    let aborted = Listed { status: Some(Status::Aborted), ..Listed::default() };
    assert_eq!(children(&engine, &record, aborted).await.len(), 3);

    // One at a time from now on: what an update said counts for the redrive, too.
    let update = MapRunUpdate { max_concurrency: Some(1), ..MapRunUpdate::default() };
    assert!(matches!(engine.update_map_run(&arn, update).await, Err(Error::MapRunCompleted(_))));
    redrive(&engine, &execution).await.unwrap();
    engine.update_map_run(&arn, update).await.unwrap();
    engine.stop_execution(&execution, None, None).await.unwrap();
    until(&engine, &execution, |record| record.stop_ms.is_some()).await;
    redrive(&engine, &execution).await.unwrap();

    let record = until(&engine, &execution, |record| counts(record).running == 1).await;
    let pending_redrive = Unsuccessful { aborted: 2, ..Unsuccessful::default() };
    assert_eq!(counts(&record), Counts { running: 1, pending_redrive, ..Counts::default() });
    let pending = Listed { is_pending_redrive: true, ..Listed::default() };
    let waiting = loop {
        let waiting = children(&engine, &record, pending).await;
        if waiting.len() == 2 {
            break waiting;
        }
        tokio::task::yield_now().await;
    };
    assert!(children(&engine, &record, aborted).await.is_empty());
    for child in waiting {
        let record = engine.execution(&Arn::parse(&child.arn).unwrap()).await.unwrap();
        assert!(record.is_pending_redrive && child.is_pending_redrive);
        assert_eq!(engine.not_redrivable(&record).await.unwrap(), Some(NotRedrivable::ByMapRun));
    }

    engine.update_map_run(&arn, MapRunUpdate { max_concurrency: Some(0), ..update }).await.unwrap();
    until(&engine, &execution, |record| counts(record).running == 3).await;
    engine.stop_execution(&execution, None, None).await.unwrap();
    let record = until(&engine, &execution, |record| record.stop_ms.is_some()).await;
    assert_eq!(counts(&record), Counts { aborted: 3, ..Counts::default() });
    assert!(children(&engine, &record, pending).await.is_empty());
}

#[tokio::test]
async fn a_child_is_redriven_by_its_map_run_only() {
    let world = World::new();
    let engine = world.open().await;
    let fails = r#""StartAt":"F","States":{"F":{"Type":"Fail"}}"#;
    let execution = begin(&engine, &map("STANDARD", fails, ""), "[1]").await;
    engine.wait_until_closed(&execution).await.unwrap();
    let child = children(&engine, &map_run(&engine, &execution).await, Listed::default()).await.pop().unwrap();
    let arn = Arn::parse(&child.arn).unwrap();
    let record = engine.execution(&arn).await.unwrap();
    assert_eq!(engine.not_redrivable(&record).await.unwrap(), Some(NotRedrivable::ByMapRun));
    let refused = redrive(&engine, &arn).await;
    assert!(matches!(refused, Err(Error::ExecutionNotRedrivable { why: NotRedrivable::ByMapRun, .. })));
}

/// A child whose time to be redriven is over, or that retention has removed, stays what it was, and counts.
#[tokio::test]
async fn what_cannot_be_redriven_any_more_stays() {
    for (days, is_kept) in [(15, true), (92, false)] {
        let world = World::new();
        let script = Script::of([("0", 99), ("1", 1)]);
        let engine = world.open().await;
        let fields = r#","ToleratedFailureCount":1,"MaxConcurrency":2"#;
        let execution = begin(&engine, &map("STANDARD", CALL, fields), "[0,1]").await;
        let (first, second) = (world.calls.next().await, world.calls.next().await);
        let (broken, waits) =
            if first.call.request.parameters.text().contains(":0") { (first, second) } else { (second, first) };
        broken.fail("Broken");
        until(&engine, &execution, |record| counts(record).failed == 1).await;
        world.clock.advance(days * DAY);
        engine.remove_expired().await.unwrap();
        let record = map_run(&engine, &execution).await;
        assert_eq!(children(&engine, &record, Listed::default()).await.len(), if is_kept { 2 } else { 1 });
        waits.fail("Broken");
        assert_eq!(engine.wait_until_closed(&execution).await.unwrap().status, Status::Failed);
        let none = Unsuccessful::default();
        assert_eq!(counts(&map_run(&engine, &execution).await).not_redrivable, none);

        redrive(&engine, &execution).await.unwrap();
        let record = script.during(&world, engine.wait_until_closed(&execution)).await;
        let record = match record {
            // The call of this child has failed once already, and was not told to the script.
            Ok(record) if record.status == Status::Failed => {
                redrive(&engine, &execution).await.unwrap();
                script.during(&world, engine.wait_until_closed(&execution)).await.unwrap()
            }
            record => record.unwrap(),
        };
        let Some(Outcome::Succeeded { output }) = &record.outcome else { panic!("{record:?}") };
        assert!(output.text().contains(r#""Error":"Broken""#) && output.text().ends_with(",1]"), "{output:?}");
        let not_redrivable = Unsuccessful { failed: 1, ..none };
        let expected = Counts { succeeded: 1, failed: 1, not_redrivable, ..Counts::default() };
        assert_eq!(counts(&map_run(&engine, &execution).await), expected);
        assert_eq!(script.calls("0"), 0);
    }
}

#[tokio::test]
async fn a_full_history_cannot_be_redriven() {
    let mut world = World::new();
    world.options.limits.history_events_max = 20;
    let engine = world.open().await;
    let endless = r#""StartAt":"A","States":{"A":{"Type":"Choice","Default":"B","Choices":[{"Variable":"$.end",
        "IsPresent":true,"Next":"E"}]},"B":{"Type":"Pass","Next":"A"},"E":{"Type":"Succeed"}}"#;
    let execution = begin(&engine, &map("STANDARD", endless, ""), "[1]").await;
    for redrives in 0..2 {
        let record = engine.wait_until_closed(&execution).await.unwrap();
        assert_eq!((record.status, record.redrive_count), (Status::Failed, redrives));
        check_history(&engine, &record).await;
        let record = map_run(&engine, &execution).await;
        let not_redrivable = Unsuccessful { failed: 1, ..Unsuccessful::default() };
        assert_eq!(counts(&record), Counts { failed: 1, not_redrivable, ..Counts::default() });
        let child = children(&engine, &record, Listed::default()).await.pop().unwrap();
        assert_eq!(engine.not_redrivable(&child).await.unwrap(), Some(NotRedrivable::HistoryFull));
        if redrives == 0 {
            redrive(&engine, &execution).await.unwrap();
        }
    }
}

/// What cannot be made is refused again; what has nothing to read from is not taken for one that has no items.
#[tokio::test]
async fn what_nothing_reads_is_refused_again() {
    let world = World::new();
    let engine = world.open().await;
    let reader = r#","ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Parameters":{"Bucket":"b","Key":"k"}}"#;
    let execution = begin(&engine, &map("STANDARD", CALL, reader), "{}").await;
    for redrives in 0..3 {
        let record = engine.wait_until_closed(&execution).await.unwrap();
        let Some(Outcome::Failed(failure)) = &record.outcome else { panic!("{record:?}") };
        assert_eq!(failure.error.as_deref(), Some("States.ItemReaderFailed"));
        assert_eq!(map_run(&engine, &execution).await.progress.redrive_count, redrives);
        redrive(&engine, &execution).await.unwrap();
    }
}

#[tokio::test]
async fn a_map_run_within_a_map_run_goes_on() {
    let world = World::new();
    let script = Script::of([("2", 1), ("3", 2)]);
    let engine = world.open().await;
    let inner = format!(
        r#""StartAt":"I","States":{{"I":{{"Type":"Map","Label":"I","End":true,"ItemProcessor":{{
        "ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"}},{CALL}}}}}}}"#
    );
    let execution = begin(&engine, &map("STANDARD", &inner, r#","MaxConcurrency":1"#), "[[0,1],[2],[3]]").await;
    for redrives in 1..=3 {
        let record = script.during(&world, engine.wait_until_closed(&execution)).await.unwrap();
        assert_eq!(record.status, Status::Failed, "{redrives}");
        redrive(&engine, &execution).await.unwrap();
    }
    let record = script.during(&world, engine.wait_until_closed(&execution)).await.unwrap();
    assert_eq!(record.outcome, Some(Outcome::Succeeded { output: payload("[[0,1],[2],[3]]") }));
    assert_eq!(["0", "1", "2", "3"].map(|item| script.calls(item)), [1, 1, 2, 3]);
    let record = map_run(&engine, &execution).await;
    let mut redriven: Vec<u32> =
        children(&engine, &record, Listed::default()).await.iter().map(|child| child.redrive_count).collect();
    redriven.sort_unstable();
    assert_eq!(redriven, [0, 1, 2]);
    for child in children(&engine, &record, Listed::default()).await {
        let arn = Arn::parse(&child.arn).unwrap();
        check_history(&engine, &engine.execution(&arn).await.unwrap()).await;
        assert_eq!(map_run(&engine, &arn).await.progress.redrive_count, child.redrive_count);
    }
}

/// Nothing of a Map Run that was redriven is left behind.
#[tokio::test]
async fn retention_removes_a_redriven_map_run() {
    let world = World::new();
    let script = Script::of([("1", 1)]);
    let engine = world.open().await;
    let execution = begin(&engine, &map("STANDARD", CALL, ""), "[0,1]").await;
    script.during(&world, engine.wait_until_closed(&execution)).await.unwrap();
    world.clock.advance(13 * DAY);
    redrive(&engine, &execution).await.unwrap();
    script.during(&world, engine.wait_until_closed(&execution)).await.unwrap();
    world.clock.advance(80 * DAY);
    engine.remove_expired().await.unwrap();
    assert_eq!(map_run(&engine, &execution).await.progress.status, MapRunStatus::Succeeded);
    world.clock.advance(11 * DAY);
    engine.remove_expired().await.unwrap();
    for keyspace in ["map_runs", "map_run_requests", "map_run_blocks", "map_runs_of", "open_map_runs", "executions"] {
        assert!(world.store.scan(Keyspace(keyspace), Range::ALL, 1).unwrap().is_empty(), "{keyspace}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_for_a_redrive_is_read_when_it_can_be() {
    for keyspace in ["map_runs", "map_run_requests", "map_run_blocks"].map(Keyspace) {
        let world = World::new();
        let script = Script::of([("1", 1)]);
        let (inner, is_armed) = (world.store.clone(), Arc::new(AtomicBool::new(false)));
        let armed = Arc::clone(&is_armed);
        let open: OpenStore = Arc::new(move || {
            Ok(Arc::new(UnreadableStore { inner: inner.clone(), keyspace, is_armed: Arc::clone(&armed) }) as _)
        });
        let engine = world.open_with(open).await;
        let execution = begin(&engine, &map("STANDARD", CALL, ""), "[0,1,2]").await;
        script.during(&world, engine.wait_until_closed(&execution)).await.unwrap();
        is_armed.store(true, Ordering::SeqCst);
        let again = async {
            loop {
                match engine.wait_until_closed(&execution).await {
                    Ok(record) if record.status == Status::Succeeded => break record,
                    Ok(_) => drop(redrive(&engine, &execution).await),
                    Err(_) => {}
                }
                world.clock.advance(Duration::from_secs(1));
                tokio::task::yield_now().await;
            }
        };
        let record = script.during(&world, again).await;
        assert!(!is_armed.load(Ordering::SeqCst), "{keyspace:?}");
        assert_eq!(record.outcome, Some(Outcome::Succeeded { output: payload("[0,1,2]") }), "{keyspace:?}");
        check_history(&engine, &record).await;
    }
}

/// Starts, and redrives until the execution succeeds. Errors are signals to try again.
async fn live(engine: &Engine, definition: &str) -> ExecutionRecord {
    let execution = execution_arn("m", "e");
    loop {
        tokio::task::yield_now().await;
        let machine = new_state_machine("m", definition, asl::StateMachineType::Standard);
        if engine.create_state_machine(machine).await.is_err() {
            continue;
        }
        match engine.start_execution(start_of(&arn("stateMachine", "m"), "e", "[0,1,2,3,4]")).await {
            Ok(_) | Err(Error::ExecutionAlreadyExists(_)) => {}
            Err(_) => continue,
        }
        match engine.wait_until_closed(&execution).await {
            Ok(record) if record.status == Status::Succeeded => return record,
            Ok(_) => drop(redrive(engine, &execution).await),
            Err(_) => {}
        }
    }
}

/// The process ends at each commit in turn, durable or not: each time every child ends once, and is counted once.
#[tokio::test]
async fn a_crash_at_any_commit_redrives_every_child_once() {
    for execution_type in ["STANDARD", "EXPRESS"] {
        let definition = map(execution_type, CALL, r#","MaxConcurrency":2,"ToleratedFailureCount":1"#);
        for is_applied in [false, true] {
            for commits in 1.. {
                if crash_after(&definition, commits, is_applied).await {
                    assert!(commits > 15, "the scenario has too few commits: {commits}");
                    break;
                }
            }
        }
    }
}

/// Whether everything had ended before.
async fn crash_after(definition: &str, commits: u64, is_applied: bool) -> bool {
    let (world, crashed) = (World::new(), Arc::new(Notify::new()));
    let script = Script::of([("0", 1), ("1", 1), ("2", 2), ("4", 1)]);
    let (store, notify) = (world.store.clone(), Arc::clone(&crashed));
    let open: OpenStore =
        Arc::new(move || Ok(Arc::new(CrashStore::new(store.clone(), commits, is_applied, Arc::clone(&notify))) as _));
    let run = async {
        let engine = world.open_with(open).await;
        let record = live(&engine, definition).await;
        (engine, record)
    };
    let ended = tokio::select! {
        ended = run => Some(ended),
        () = script.serve(&world) => unreachable!(),
        () = crashed.notified() => None,
    };
    let is_over = ended.is_some();
    let (engine, record) = if let Some(ended) = ended {
        ended
    } else {
        let engine = world.open().await;
        let record = script.during(&world, live(&engine, definition)).await;
        (engine, record)
    };
    let what = format!("commit {commits}, applied: {is_applied}");
    check_history(&engine, &record).await;
    let record = map_run(&engine, &execution_arn("m", "e")).await;
    let Counts { succeeded, failed, timed_out, aborted, running, pending_redrive, .. } = counts(&record);
    assert_eq!((succeeded + failed, timed_out + aborted + running, pending_redrive.total()), (5, 0, 0), "{what}");
    assert!(failed <= 1, "{what}");
    let listed = children(&engine, &record, Listed::default()).await;
    for child in &listed {
        let child = engine.execution(&Arn::parse(&child.arn).unwrap()).await.unwrap();
        // Of an Express child there is no history.
        if definition.contains("EXPRESS") {
            continue;
        }
        check_history(&engine, &child).await;
        let types = event_types(&engine, &Arn::parse(&child.arn).unwrap()).await;
        let succeeded = types.iter().filter(|name| **name == "TaskSucceeded").count();
        assert_eq!(succeeded, usize::from(child.status == Status::Succeeded), "{what}");
    }
    assert_eq!(listed.iter().filter(|child| child.status == Status::Succeeded).count() as u64, succeeded, "{what}");
    is_over
}
