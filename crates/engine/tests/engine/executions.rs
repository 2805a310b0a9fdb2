//! Starting, stopping, describing, listing and watching executions.

use crate::support::*;
use asl::{Arn, StateMachineType};
use engine::{Error, ExecutionFilter, Page};
use machine::{Outcome, Status};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

const PASSES: &str =
    r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Result":{"b":1},"End":true}}}"#;
const WAITS: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"End":true}}}"#;

#[tokio::test]
async fn an_execution_runs_to_its_end() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", PASSES).await;
    let arn = start(&engine, &machine, "e").await;
    let record = engine.wait_until_closed(&arn).await.unwrap();
    assert_eq!(record.status, Status::Succeeded);
    assert_eq!(record.outcome, Some(Outcome::Succeeded { output: payload(r#"{"b":1}"#) }));
    check_history(&engine, &record).await;
    let described = engine.execution(&arn).await.unwrap();
    assert_eq!((described.status, described.stop_ms), (record.status, record.stop_ms));
    assert_eq!(engine.state_machine_of_execution(&arn).await.unwrap().definition.as_ref(), PASSES);
}

#[tokio::test]
async fn what_has_ended_is_there_after_a_restart() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", PASSES).await;
    let arn = start(&engine, &machine, "e").await;
    let before = history(&engine, &arn).await;
    drop(engine);
    let engine = world.open().await;
    assert_eq!(engine.wait_until_closed(&arn).await.unwrap().status, Status::Succeeded);
    assert_eq!(history(&engine, &arn).await, before);
}

#[tokio::test]
async fn the_same_start_again_is_the_same_execution_while_it_runs() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", WAITS).await;
    let first = engine.start_execution(start_of(&machine, "e", r#"{"a": 1}"#)).await.unwrap();
    world.clock.advance(Duration::from_secs(5));
    let again = engine.start_execution(start_of(&machine, "e", r#"{"a":1}"#)).await.unwrap();
    assert_eq!((again.arn, again.start_ms), (Arc::clone(&first.arn), START_MS));
    let other = engine.start_execution(start_of(&machine, "e", r#"{"a":2}"#)).await;
    assert!(matches!(other, Err(Error::ExecutionAlreadyExists(arn)) if arn == first.arn));
    engine.stop_execution(&Arn::parse(&first.arn).unwrap(), None, None).await.unwrap();
    let closed = engine.start_execution(start_of(&machine, "e", r#"{"a": 1}"#)).await;
    assert!(matches!(closed, Err(Error::ExecutionAlreadyExists(_))));
}

#[tokio::test]
async fn starts_of_one_name_at_once_make_one_execution() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", WAITS).await;
    let starts = (0..32).map(|_| engine.start_execution(start_of(&machine, "e", "{}")));
    for started in futures_util::future::join_all(starts).await {
        assert_eq!(started.unwrap().start_ms, START_MS);
    }
    let all = ExecutionFilter { state_machine: machine, status: None, is_pending_redrive: false, is_redriven: None };
    assert_eq!(engine.list_executions(all, Page { size: 10, after: None }).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn a_stopped_execution_is_aborted_once() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", WAITS).await;
    let arn = start(&engine, &machine, "e").await;
    world.clock.advance(Duration::from_secs(1));
    let stop = || engine.stop_execution(&arn, Some("E".into()), Some("because".into()));
    assert_eq!(stop().await.unwrap(), START_MS + 1_000);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(stop().await.unwrap(), START_MS + 1_000);
    let record = engine.execution(&arn).await.unwrap();
    assert_eq!(record.status, Status::Aborted);
    check_history(&engine, &record).await;
    let unknown = engine.stop_execution(&execution_arn("m", "unknown"), None, None).await;
    assert!(matches!(unknown, Err(Error::ExecutionDoesNotExist(_))));
}

#[tokio::test]
async fn lists_are_paged_newest_first_and_by_status() {
    let world = World::new();
    let engine = world.open().await;
    let passes = create(&engine, "m", PASSES).await;
    for n in 0..7 {
        world.clock.advance(Duration::from_secs(1));
        start(&engine, &passes, &format!("e{n}")).await;
    }
    for (status, expected) in [(None, 7), (Some(Status::Succeeded), 7), (Some(Status::Running), 0)] {
        let filter =
            ExecutionFilter { state_machine: passes.clone(), status, is_pending_redrive: false, is_redriven: None };
        let (mut after, mut names) = (None, Vec::new());
        loop {
            let page = engine.list_executions(filter.clone(), Page { size: 3, after }).await.unwrap();
            names.extend(page.items.iter().map(|record| record.name.to_string()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let newest_first: Vec<String> = (0..expected).rev().map(|n| format!("e{n}")).collect();
        assert_eq!(names, newest_first, "{status:?}");
    }
    let bad = Page { size: 3, after: Some(vec![1]) };
    let filter = ExecutionFilter { state_machine: passes, status: None, is_pending_redrive: false, is_redriven: None };
    assert!(matches!(engine.list_executions(filter, bad).await, Err(Error::InvalidPageToken)));
}

#[tokio::test]
async fn a_history_is_the_same_in_any_order_and_page_size() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", WAITS).await;
    let arn = start(&engine, &machine, "e").await;
    engine.stop_execution(&arn, None, None).await.unwrap();
    let whole = history(&engine, &arn).await;
    for size in 1..=whole.len() {
        for reverse in [false, true] {
            let (mut after, mut events) = (None, Vec::new());
            loop {
                let page = engine.history(&arn, reverse, Page { size, after }).await.unwrap();
                events.extend(page.items);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            if reverse {
                events.reverse();
            }
            assert_eq!(events, whole, "{size} {reverse}");
        }
    }
}

#[tokio::test]
async fn a_page_of_a_history_has_only_so_many_bytes() {
    assert_eq!(asl::Limits::default().history_page_bytes_max, 8 << 20);
    let input = format!("\"{}\"", "x".repeat(1_000));
    for (bytes_max, pages) in [(8 << 20, 1), (2_500, 2), (1, 6)] {
        let mut world = World::new();
        world.options.limits.history_page_bytes_max = bytes_max;
        let engine = world.open().await;
        let machine = create(&engine, "m", PASSES).await;
        engine.start_execution(start_of(&machine, "e", &input)).await.unwrap();
        let arn = execution_arn("m", "e");
        let (mut after, mut events, mut count) = (None, Vec::new(), 0);
        loop {
            let page = engine.history(&arn, false, Page { size: 100, after }).await.unwrap();
            assert!(!page.items.is_empty());
            events.extend(page.items);
            count += 1;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let ids: Vec<u64> = events.iter().map(|event| event.id).collect();
        assert_eq!((ids, count), (vec![1, 2, 3, 4, 5, 6], pages), "{bytes_max}");
    }
}

#[tokio::test]
async fn who_watches_sees_every_event_once() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", WAITS).await;
    let arn = start(&engine, &machine, "e").await;
    let mut observed = engine.subscribe(&arn).await.unwrap();
    let mut seen = vec![observed.next().await.unwrap().unwrap()];
    engine.stop_execution(&arn, None, None).await.unwrap();
    while let Some(event) = observed.next().await.unwrap() {
        seen.push(event);
    }
    assert_eq!(seen, history(&engine, &arn).await);
}

#[tokio::test]
async fn an_express_execution_answers_at_its_end_and_stores_nothing() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create_typed(&engine, "x", WAITS, StateMachineType::Express).await;
    let sync = engine.start_sync_execution(start_of(&machine, "e", "{}"));
    let moving = async {
        let clock = Arc::clone(&world.clock);
        loop {
            clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    let result = tokio::select! { result = sync => result.unwrap(), () = moving => unreachable!() };
    assert_eq!(result.record.status, Status::Succeeded);
    assert!(result.record.stop_ms.unwrap() >= START_MS + 60_000);
    assert_eq!(result.billed_duration_ms % 100, 0);
    let arn = Arn::parse(&result.record.arn).unwrap();
    assert!(matches!(engine.execution(&arn).await, Err(Error::ExecutionDoesNotExist(_))));
    let standard = create(&engine, "m", PASSES).await;
    let refused = engine.start_sync_execution(start_of(&standard, "e", "{}")).await;
    assert!(matches!(refused, Err(Error::StateMachineTypeNotSupported)));
}

#[tokio::test]
async fn only_so_many_executions_are_open() {
    let mut world = World::new();
    world.options.limits.open_executions_max = 1;
    let engine = world.open().await;
    let machine = create(&engine, "m", WAITS).await;
    let arn = start(&engine, &machine, "e").await;
    let refused = engine.start_execution(start_of(&machine, "f", "{}")).await;
    assert!(matches!(refused, Err(Error::ExecutionLimitExceeded)));
    engine.stop_execution(&arn, None, None).await.unwrap();
    start(&engine, &machine, "f").await;
}

#[tokio::test]
async fn executions_that_wait_leave_the_memory_and_come_back() {
    let mut world = World::new();
    world.options.executions_in_memory_max = 2;
    let engine = world.open().await;
    let machine = create(&engine, "m", WAITS).await;
    let mut arns = Vec::new();
    for n in 0..40 {
        arns.push(start(&engine, &machine, &format!("e{n}")).await);
    }
    world.clock.advance(Duration::from_secs(60));
    for arn in arns {
        ends(&engine, &arn, Status::Succeeded).await;
    }
}

/// Starts executions with an input of 100,000 characters, and lets their waits be over; gives how many of them were read
/// again from the store for that.
async fn read_again(bytes_max: usize, executions: u64) -> u64 {
    let mut world = World::new();
    (world.options.shards, world.options.executions_in_memory_bytes_max) = (1, bytes_max);
    let (engine, reads) = world.open_slow().await;
    let machine = create(&engine, "m", WAITS).await;
    let input = format!("\"{}\"", "x".repeat(100_000));
    for number in 0..executions {
        engine.start_execution(start_of(&machine, &format!("e{number}"), &input)).await.unwrap();
    }
    let before = reads.load(Ordering::SeqCst);
    world.clock.advance(Duration::from_secs(60));
    for number in 0..executions {
        let name = format!("e{number}");
        while engine.execution(&execution_arn("m", &name)).await.unwrap().status == Status::Running {
            tokio::task::yield_now().await;
        }
    }
    reads.load(Ordering::SeqCst) - before
}

#[tokio::test]
async fn so_do_those_that_are_large() {
    // About 300 kB each: two of them stay until others come back, and one more may be about to leave.
    assert!((5..=8).contains(&read_again(768 << 10, 8).await));
    assert_eq!(read_again(16 << 20, 8).await, 0);
    assert_eq!(read_again(1, 1).await, 0, "the last one stays, however large it is");
}

/// Branches that wait, with 200 KB each: they begin in several steps, and between two of them the execution is in line.
#[tokio::test]
async fn one_that_goes_on_is_not_read_again_for_its_next_step() {
    const BRANCHES: usize = 30;
    const EXECUTIONS: u64 = 8;
    let mut world = World::new();
    // About half of what they take at the end; twice as much is there for those that go on.
    (world.options.shards, world.options.executions_in_memory_bytes_max) = (1, 50 << 20);
    let (engine, reads) = world.open_slow().await;
    let branch = |n| format!(r#"{{"StartAt":"W{n}","States":{{"W{n}":{{"Type":"Wait","Seconds":60,"End":true}}}}}}"#);
    let branches: Vec<String> = (0..BRANCHES).map(branch).collect();
    let parallel = format!(
        r#"{{"StartAt":"P","States":{{"P":{{"Type":"Parallel","ResultSelector":{{}},"End":true,"Branches":[{}]}}}}}}"#,
        branches.join(",")
    );
    let machine = create(&engine, "m", &parallel).await;
    let input = format!("\"{}\"", "x".repeat(200_000));
    let names: Vec<String> = (0..EXECUTIONS).map(|number| format!("e{number}")).collect();
    let starts = names.iter().map(|name| engine.start_execution(start_of(&machine, name, &input)));
    futures_util::future::try_join_all(starts).await.unwrap();
    for name in &names {
        // The start, the Parallel's two events, and one of each branch.
        while history(&engine, &execution_arn("m", name)).await.len() < 3 + BRANCHES {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(reads.load(Ordering::SeqCst), EXECUTIONS, "each was looked for when it was to be started");
}

#[tokio::test]
async fn closed_executions_expire() {
    let mut world = World::new();
    world.options.limits.retention_days = 2;
    let engine = world.open().await;
    let machine = create(&engine, "m", PASSES).await;
    let waits = create(&engine, "w", WAITS).await;
    let old = start(&engine, &machine, "old").await;
    let open = start(&engine, &waits, "open").await;
    world.clock.advance(Duration::from_secs(86_400));
    let young = start(&engine, &machine, "young").await;
    let open = engine.wait_until_closed(&open).await.unwrap();
    world.clock.advance(Duration::from_secs(86_400));
    assert_eq!(engine.remove_expired().await.unwrap(), 0);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(engine.remove_expired().await.unwrap(), 1);
    assert!(matches!(engine.execution(&old).await, Err(Error::ExecutionDoesNotExist(_))));
    assert_eq!(engine.execution(&young).await.unwrap().status, Status::Succeeded);
    assert_eq!(open.status, Status::Succeeded);
}

#[tokio::test]
async fn a_name_is_not_given_again_for_90_days_after_the_end() {
    let name_reuse_days = asl::Limits::default().name_reuse_days;
    assert_eq!(name_reuse_days, 90);
    check_name_reuse(2, name_reuse_days).await;
    check_name_reuse(90, name_reuse_days).await;
    check_name_reuse(2, 7).await;
    check_name_reuse(2, 100).await;
}

async fn check_name_reuse(retention_days: u64, name_reuse_days: u64) {
    let mut world = World::new();
    world.options.limits.retention_days = retention_days;
    world.options.limits.name_reuse_days = name_reuse_days;
    let engine = world.open().await;
    let machine = create(&engine, "m", PASSES).await;
    start(&engine, &machine, "e").await;
    for days in [3, name_reuse_days - 4] {
        world.clock.advance(Duration::from_hours(24 * days));
        engine.remove_expired().await.unwrap();
        engine.free_names().await.unwrap();
        let refused = engine.start_execution(start_of(&machine, "e", "{}")).await;
        assert!(matches!(refused, Err(Error::ExecutionAlreadyExists(_))), "{retention_days} {days} {refused:?}");
    }
    world.clock.advance(Duration::from_hours(25));
    engine.remove_expired().await.unwrap();
    assert_eq!(engine.free_names().await.unwrap(), usize::from(retention_days == 2));
    start(&engine, &machine, "e").await;
}

#[tokio::test]
async fn only_so_many_express_executions_run() {
    only_one_runs("{}", asl::Limits { express_executions_max: 1, ..asl::Limits::default() }).await;
}

#[tokio::test]
async fn express_executions_take_only_so_much_memory() {
    let input = format!("\"{}\"", "x".repeat(100_000));
    only_one_runs(&input, asl::Limits { express_executions_bytes_max: 300_000, ..asl::Limits::default() }).await;
}

/// An execution with this input runs, and no other is started until it has ended.
async fn only_one_runs(input: &str, limits: asl::Limits) {
    let mut world = World::new();
    world.options.limits = limits;
    let engine = world.open().await;
    let machine = create_typed(&engine, "x", WAITS, StateMachineType::Express).await;
    for _ in 0..2 {
        let started = engine.start_execution(start_of(&machine, "e", input)).await.unwrap();
        let more = engine.start_execution(start_of(&machine, "f", "{}")).await;
        assert!(matches!(more, Err(Error::ExecutionLimitExceeded)), "{more:?}");
        let more = engine.start_sync_execution(start_of(&machine, "g", "{}")).await;
        assert!(matches!(more, Err(Error::Throttled)), "{more:?}");
        engine.stop_execution(&Arn::parse(&started.arn).unwrap(), None, None).await.unwrap();
    }
}
