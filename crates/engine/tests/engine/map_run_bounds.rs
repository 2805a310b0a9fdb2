//! Map Runs and their neighbours: many and large children take neither the time nor the room of others.

use crate::map_run_world::*;
use crate::support::*;
use asl::{Arn, StateMachineType};
use engine::{Engine, Error, MapRunRecord, Options, Page};
use machine::Status;
use std::{collections::BTreeSet, time::Duration};

/// A world whose shards take turns, so that how far each is does not depend on the machine.
fn in_turns(shards: usize) -> World {
    let mut world = World::new();
    world.options = Options { shards, simulated: Some(7), ..world.options.clone() };
    world
}

const WAIT: &str = r#""StartAt":"C","States":{"C":{"Type":"Wait","Seconds":200,"End":true}}"#;
const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;

fn numbers(count: u64) -> String {
    let numbers: Vec<String> = (0..count).map(|number| number.to_string()).collect();
    format!("[{}]", numbers.join(","))
}

#[tokio::test]
async fn who_starts_an_execution_does_not_wait_until_all_children_are_stopped() {
    let world = in_turns(1);
    let engine = world.open().await;
    let neighbour = create(&engine, "neighbour", PASS).await;
    let execution = begin(&engine, &map("STANDARD", WAIT, ""), &numbers(2_000)).await;
    let state = until(&engine, &execution, |record| record.progress.executions.running == 2_000).await;
    let running = Listed { status: Some(Status::Running), ..Listed::default() };
    while page_of_children(&engine, &state, running, 2_000).await.len() < 2_000 {
        tokio::task::yield_now().await;
    }
    engine.stop_execution(&execution, None, None).await.unwrap();
    until(&engine, &execution, |record| record.progress.executions.aborted > 0).await;
    engine.start_execution(start_of(&neighbour, "n", "{}")).await.unwrap();
    let aborted = map_run(&engine, &execution).await.progress.executions.aborted;
    assert!(aborted < 1_000, "{aborted} were stopped before");
    until(&engine, &execution, |record| record.stop_ms.is_some()).await;
    engine.shutdown(Duration::ZERO).await;
}

/// What is described to run is listed to run, at any time, and the rest is pending.
#[tokio::test]
async fn children_run_when_they_have_begun() {
    for execution_type in ["STANDARD", "EXPRESS"] {
        let world = in_turns(2);
        let engine = world.open().await;
        let execution = begin(&engine, &map(execution_type, WAIT, ""), &numbers(2_000)).await;
        let asked = map_run(&engine, &execution).await;
        let arn = Arn::parse(&asked.arn).unwrap();
        let listed = Listed { status: Some(Status::Running), ..Listed::default() };
        let mut seen = BTreeSet::new();
        while !seen.contains(&2_000) {
            let progress = engine.map_run(&arn).await.unwrap().progress;
            let running = usize::try_from(progress.executions.running).unwrap();
            let are_listed = page_of_children(&engine, &asked, listed, 2_000).await.len();
            assert!(running <= are_listed, "{running} of {are_listed}");
            assert_eq!(progress.executions, progress.items);
            let of_all = (progress.executions_pending() + progress.executions.running, progress.executions_total());
            assert_eq!((of_all, progress.items_pending()), ((2_000, 2_000), progress.executions_pending()));
            seen.insert(running);
        }
        assert!(seen.len() > 2, "{execution_type}: {seen:?}");
        engine.shutdown(Duration::ZERO).await;
    }
}

/// A redriven child that waits to begin is what it was before: pending redrive.
#[tokio::test]
async fn children_that_wait_to_be_redriven_do_not_run() {
    let world = in_turns(1);
    let engine = world.open().await;
    let definition = map("STANDARD", CALL, r#","ToleratedFailureCount":0"#);
    let execution = begin(&engine, &definition, &numbers(200)).await;
    for _ in 0..200 {
        world.calls.next().await.fail("Broken");
    }
    engine.wait_until_closed(&execution).await.unwrap();
    let ended = until(&engine, &execution, |record| record.stop_ms.is_some()).await;
    redrive(&engine, &execution).await.unwrap();
    let arn = Arn::parse(&ended.arn).unwrap();
    let mut seen = BTreeSet::new();
    while !seen.contains(&200) {
        let counts = counts(&engine.map_run(&arn).await.unwrap());
        assert_eq!(counts.running + counts.pending_redrive.total(), 200, "{counts:?}");
        seen.insert(counts.running);
        tokio::task::yield_now().await;
    }
    assert!(seen.len() > 2, "{seen:?}");
    engine.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn children_take_no_place_of_other_executions() {
    for is_express in [false, true] {
        let mut world = World::new();
        (world.options.limits.open_executions_max, world.options.limits.express_executions_max) = (2, 1);
        let (execution_type, state_machine_type) =
            if is_express { ("EXPRESS", StateMachineType::Express) } else { ("STANDARD", StateMachineType::Standard) };
        let engine = world.open().await;
        let execution = begin(&engine, &map(execution_type, WAIT, ""), &numbers(5)).await;
        let other = create_typed(&engine, "other", &format!("{{{WAIT}}}"), state_machine_type).await;
        let arn = Arn::parse(&until(&engine, &execution, |_| true).await.arn).unwrap();
        let running = async |engine: &Engine| engine.map_run(&arn).await.unwrap().progress.executions.running;
        while running(&engine).await < 5 {
            tokio::task::yield_now().await;
        }
        start(&engine, &other, "first").await;
        let second = engine.start_execution(start_of(&other, "second", "{}")).await;
        assert!(matches!(second, Err(Error::ExecutionLimitExceeded)), "{second:?}");
        drop(engine);
        // What is taken up, or begun anew, counts as before.
        let engine = world.open().await;
        if !is_express {
            // The same start again takes it up, if nothing has yet.
            start(&engine, &other, "first").await;
        }
        while running(&engine).await < 5 {
            tokio::task::yield_now().await;
        }
        let second = engine.start_execution(start_of(&other, "second", "{}")).await;
        assert!(matches!(second, Err(Error::ExecutionLimitExceeded)), "{second:?}");
        world.clock.advance(Duration::from_secs(200));
        assert_eq!(engine.wait_until_closed(&execution).await.unwrap().status, Status::Succeeded);
    }
}

/// The definition and the input of a Map of `count` children whose inputs have 100,000 bytes each.
fn large(execution_type: &str, child: &str, count: u64) -> (String, String) {
    let selects = r#","ItemsPath":"$.items","ItemSelector":{"large.$":"$.large","item.$":"$$.Map.Item.Value"}"#;
    let input = format!(r#"{{"large":"{}","items":{}}}"#, "x".repeat(100_000), numbers(count));
    (map(execution_type, child, selects), input)
}

#[tokio::test]
async fn large_children_wait_where_they_take_no_room() {
    let mut world = in_turns(2);
    world.options.limits.express_executions_bytes_max = 16_000_000;
    let engine = world.open().await;
    let passes = create_typed(&engine, "passes", PASS, StateMachineType::Express).await;
    let (definition, input) = large("EXPRESS", CALL, 200);
    let execution = begin(&engine, &definition, &input).await;
    let mut calls = Vec::new();
    for _ in 0..20_000 {
        while !world.calls.is_empty().await {
            calls.push(world.calls.next().await);
        }
        tokio::task::yield_now().await;
    }
    let asked = map_run(&engine, &execution).await;
    let described = engine.map_run(&Arn::parse(&asked.arn).unwrap()).await.unwrap();
    let (begun, asked) = (calls.len() as u64, asked.progress.executions.running);
    // Each weighs at least four times the bytes of its input, and half of the room is theirs.
    assert!((2..=20).contains(&begun), "{begun} run at once");
    assert!(asked > begun && asked < begun + 40, "{asked} were asked for while {begun} run");
    assert_eq!(described.progress.executions.running, begun);
    engine.start_sync_execution(start_of(&passes, "s", "{}")).await.unwrap();
    calls.into_iter().for_each(|call| call.succeed("1"));
    let serve = async {
        loop {
            world.calls.next().await.succeed("1");
        }
    };
    let record = tokio::select! {
        record = engine.wait_until_closed(&execution) => record.unwrap(),
        () = serve => unreachable!(),
    };
    assert_eq!(record.status, Status::Succeeded);
    engine.shutdown(Duration::ZERO).await;
}

/// However little room there is, all children come to their turn, and a Map Run that is stopped ends.
#[tokio::test]
async fn one_child_after_the_other_goes_on_without_room() {
    let ends = r#""StartAt":"P","States":{"P":{"Type":"Pass","Result":1,"End":true}}"#;
    for execution_type in ["STANDARD", "EXPRESS"] {
        let mut world = in_turns(2);
        world.options.limits.express_executions_bytes_max = 1;
        let engine = world.open().await;
        let (definition, input) = large(execution_type, ends, 100);
        let execution = begin(&engine, &definition, &input).await;
        assert_eq!(engine.wait_until_closed(&execution).await.unwrap().status, Status::Succeeded);

        let (definition, input) = large(execution_type, WAIT, 100);
        let stays = create(&engine, "stays", &definition).await;
        let started = engine.start_execution(start_of(&stays, "e", &input)).await.unwrap();
        let execution = Arn::parse(&started.arn).unwrap();
        let is_full = |record: &MapRunRecord| record.progress.executions.running > 5;
        while !engine.list_map_runs(&execution, Page { size: 1, after: None }).await.unwrap().items.iter().any(is_full)
        {
            tokio::task::yield_now().await;
        }
        engine.stop_execution(&execution, None, None).await.unwrap();
        until(&engine, &execution, |record| record.stop_ms.is_some()).await;
        engine.shutdown(Duration::ZERO).await;
    }
}
