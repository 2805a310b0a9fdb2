//! What `fsck` finds: nothing in a store that the engine wrote (each test here ends with that), and each damage.

use crate::support::*;
use engine::{Engine, Error, Severity};
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};
use store::{Batch, Keyspace, Range, Store};

/// A wait of an hour, in a Map Run whose children wait, too.
const WAITS: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":3600,"End":true}}}"#;
/// Fails in its second step.
const FAILS_LATE: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1,"Next":"F"},
    "F":{"Type":"Fail","Error":"E"}}}"#;
const FAILS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","Next":"F"},"F":{"Type":"Fail","Error":"E"}}}"#;
const MAP_RUN: &str = r#"{"StartAt":"L","States":{
    "L":{"Type":"Pass","Result":[1,2],"Next":"M"},
    "M":{"Type":"Map","End":true,"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
        "StartAt":"C","States":{"C":{"Type":"Wait","Seconds":3600,"End":true}}}}}}"#;

/// A store with executions that wait, that have failed, and that wait for a Map Run.
async fn world() -> World {
    let world = World::to_be_damaged();
    let engine = world.open().await;
    for (name, definition) in [("waits", WAITS), ("fails", FAILS), ("late", FAILS_LATE), ("map", MAP_RUN)] {
        let machine = create(&engine, name, definition).await;
        start(&engine, &machine, "e").await;
    }
    world.clock.advance(Duration::from_secs(1));
    for name in ["fails", "late"] {
        engine.wait_until_closed(&execution_arn(name, "e")).await.unwrap();
    }
    children_run(&engine).await;
    engine.shutdown(Duration::ZERO).await;
    world
}

async fn children_run(engine: &Engine) {
    loop {
        let page = engine::Page { size: 10, after: None };
        let map_runs = engine.list_map_runs(&execution_arn("map", "e"), page).await.unwrap().items;
        if map_runs.first().is_some_and(|map_run| map_run.progress.executions.running == 2) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Every record of a keyspace.
fn records(world: &World, keyspace: &'static str) -> Vec<store::Record> {
    world.store.scan(Keyspace(keyspace), Range::ALL, 100).unwrap()
}

/// Damages a fresh store and finds what is expected, and that it is of these keyspaces.
async fn check(damage: impl Fn(&World, &mut Batch), expected: &[(&str, &str)]) {
    let world = world().await;
    assert!(world.damage().is_empty(), "{:#?}", world.damage());
    let mut batch = Batch::new();
    damage(&world, &mut batch);
    assert!(!batch.is_empty());
    world.store.commit(batch).await.unwrap();
    let found = world.damage();
    for (keyspace, what) in expected {
        let is_it = |finding: &engine::Finding| finding.keyspace == *keyspace && finding.what.contains(what);
        assert!(found.iter().any(is_it), "{keyspace} {what}: {found:#?}");
    }
}

fn remove_all(keyspace: &'static str) -> impl Fn(&World, &mut Batch) {
    move |world, batch| {
        for (key, _) in records(world, keyspace) {
            batch.delete(Keyspace(keyspace), key);
        }
    }
}

#[tokio::test]
async fn a_lost_record_is_found_in_each_keyspace() {
    let expected: &[(&str, &[(&str, &str)])] = &[
        ("history", &[("history", "its history ends with nothing")]),
        ("parts", &[("parts", "do not fit together")]),
        (
            "executions",
            &[("open", "has no record"), ("history", "belongs to no execution"), ("by_status", "is not there")],
        ),
        ("open", &[("open", "recovery would not read it")]),
        ("by_status", &[("by_status", "is not listed")]),
        ("timers", &[("timers", "the timer of an execution is missing")]),
        ("map_runs", &[("map_runs", "a Map Run that is missing"), ("map_run_requests", "belongs to no Map Run")]),
        ("map_run_requests", &[("map_run_requests", "is missing")]),
        ("map_runs_of", &[("map_runs_of", "does not list it")]),
        ("open_map_runs", &[("open_map_runs", "would not be read")]),
        (
            "revisions",
            &[("executions", "the revision of its state machine"), ("state_machines", "revision is missing")],
        ),
    ];
    for (keyspace, expected) in expected {
        check(remove_all(keyspace), expected).await;
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_found_in_each_keyspace() {
    let keyspaces =
        ["history", "parts", "executions", "map_runs", "map_run_requests", "revisions", "state_machines", "meta"];
    for keyspace in keyspaces {
        let damage = |world: &World, batch: &mut Batch| {
            let (key, _) = records(world, keyspace).remove(0);
            batch.put(Keyspace(keyspace), key, [1, 0xc1]);
        };
        check(damage, &[(keyspace, "corrupt")]).await;
    }
}

#[tokio::test]
async fn a_record_that_belongs_to_nothing_is_found() {
    let stray = |keyspace: &'static str, bytes: usize| {
        move |_: &World, batch: &mut Batch| {
            batch.put(Keyspace(keyspace), vec![7; bytes], Vec::new());
        }
    };
    check(stray("timers", 33), &[("timers", "no execution has this timer")]).await;
    check(stray("timers", 9), &[("timers", "no key of a timer")]).await;
    check(stray("open", 16), &[("open", "has no record")]).await;
    check(stray("parts", 24), &[("parts", "belongs to no execution")]).await;
    check(stray("held", 24), &[("held", "belongs to no execution")]).await;
    check(stray("by_status", 41), &[("by_status", "is not there")]).await;
    check(stray("map_run_blocks", 24), &[("map_run_blocks", "belongs to no Map Run")]).await;
    check(stray("tags", 4), &[("tags", "the tags of nothing")]).await;
}

/// Branches and iterations that run and that have ended, with variables; two outputs are stored as one.
const FORKS: &str = r#"{"StartAt":"A","States":{
    "A":{"Type":"Pass","Assign":{"kept":1},"Next":"P"},
    "P":{"Type":"Parallel","End":true,"Branches":[
        {"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":3600,"End":true}}},
        {"StartAt":"M","States":{"M":{"Type":"Map","MaxConcurrency":1,"End":true,"ItemProcessor":{
            "StartAt":"C","States":{
                "C":{"Type":"Choice","Choices":[{"Variable":"$","NumericEquals":7,"Next":"V"}],"Default":"E"},
                "E":{"Type":"Pass","End":true},
                "V":{"Type":"Wait","Seconds":3600,"End":true}}}}}}]}}}"#;

#[tokio::test]
async fn a_part_that_another_refers_to_is_found_to_be_missing() {
    let world = World::to_be_damaged();
    let engine = world.open().await;
    let machine = create(&engine, "m", FORKS).await;
    let long = "x".repeat(100);
    let input = format!(r#"["{long}","{long}",7,8]"#);
    engine.start_execution(start_of(&machine, "e", &input)).await.unwrap();
    while event_types(&engine, &execution_arn("m", "e")).await.last() != Some(&"WaitStateEntered") {
        tokio::task::yield_now().await;
    }
    engine.shutdown(Duration::ZERO).await;
    assert!(world.damage().is_empty(), "{:#?}", world.damage());
    let parts = records(&world, "parts");
    // The root; the frames of the Parallel, of its branches and of an iteration; for each of the two that have children
    // their progress and what they begin with, but for a Parallel whose branches have all begun; two outputs; variables.
    assert!(parts.len() >= 10, "{}", parts.len());
    for (key, value) in parts {
        let mut batch = Batch::new();
        batch.delete(Keyspace("parts"), &*key);
        world.store.commit(batch).await.unwrap();
        let found = world.damage();
        let is_it = |found: &engine::Finding| found.keyspace == "parts" && found.what.contains("do not fit together");
        assert!(found.iter().any(is_it), "{key:?} {found:#?}");
        let mut batch = Batch::new();
        batch.put(Keyspace("parts"), key, value);
        world.store.commit(batch).await.unwrap();
    }
}

#[tokio::test]
async fn a_gap_in_a_history_is_found() {
    let lose = |world: &World, batch: &mut Batch| {
        let later = records(world, "history").into_iter().filter(|(key, _)| !key.ends_with(&[0, 0, 0, 1]));
        for (key, _) in later {
            batch.delete(Keyspace("history"), key);
        }
    };
    check(lose, &[("history", "and its history ends with")]).await;
}

#[tokio::test]
async fn what_is_set_aside_is_noted_and_no_damage() {
    let world = world().await;
    let waits = execution_arn("waits", "e");
    let key = Sha256::digest(waits.to_string().as_bytes());
    let mut batch = Batch::new();
    for (part, _) in records(&world, "parts").into_iter().filter(|(part, _)| key.starts_with(&part[..16])) {
        batch.put(Keyspace("parts"), part, [1, 0xc1]);
    }
    world.store.commit(batch).await.unwrap();
    let engine = world.open().await;
    assert!(matches!(engine.wait_until_closed(&waits).await, Err(Error::SetAside { .. })));
    engine.shutdown(Duration::ZERO).await;
    let mut found = Vec::new();
    let checked = engine::fsck(Arc::new(world.store.clone()), 0, &mut |finding| found.push(finding));
    assert_eq!((checked.set_aside, checked.damaged), (1, 0));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].severity, Severity::Notice);
    assert!(found[0].what.contains("it is set aside: "), "{found:#?}");
}
