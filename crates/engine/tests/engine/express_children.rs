//! Express children of Map Runs: listed and described while they run and after that, although nothing stores them.

use crate::map_run_world::*;
use crate::support::*;
use asl::{Arn, StateMachineType};
use engine::{Engine, Error, ExecutionFilter, ExecutionRecord, MapRunRecord, OpenStore, Page};
use machine::{Child, Outcome, Status};
use std::{collections::HashMap, sync::Arc, time::Duration};

const SECOND: Duration = Duration::from_secs(1);

/// The children, page by page: item and status.
async fn listed(engine: &Engine, map_run: &MapRunRecord, status: Option<Status>, size: usize) -> Vec<(String, Status)> {
    let state_machine = Arn::parse(&map_run.arn).unwrap();
    let filter = ExecutionFilter { state_machine, status, is_pending_redrive: false, is_redriven: None };
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = engine.list_executions(filter.clone(), Page { size, after }).await.unwrap();
        assert!(page.items.len() == size || page.next.is_none());
        for child in page.items {
            let described = describe(engine, &child).await;
            let without_data = ExecutionRecord { input_text: "".into(), outcome: None, ..described.clone() };
            assert_eq!(format!("{child:?}"), format!("{without_data:?}"));
            found.push((described.input_text.to_string(), child.status));
        }
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

async fn describe(engine: &Engine, child: &ExecutionRecord) -> ExecutionRecord {
    engine.execution(&Arn::parse(&child.arn).unwrap()).await.unwrap()
}

async fn check_listed(engine: &Engine, map_run: &MapRunRecord, expected: &[(&str, Status)]) {
    let expected: Vec<_> = expected.iter().map(|(item, status)| ((*item).to_owned(), *status)).collect();
    for size in [1, 2, 3, 100] {
        assert_eq!(listed(engine, map_run, None, size).await, expected);
        for status in [Status::Running, Status::Succeeded, Status::Failed, Status::Aborted] {
            let expected: Vec<_> = expected.iter().filter(|(_, of)| *of == status).cloned().collect();
            assert_eq!(listed(engine, map_run, Some(status), size).await, expected);
        }
    }
}

/// The calls that are made next, by their items.
async fn calls<const N: usize>(world: &World) -> HashMap<String, Made> {
    let mut calls = HashMap::new();
    for _ in 0..N {
        let made = world.calls.next().await;
        let item = made.call.request.parameters.value().get("Payload").unwrap().to_string();
        calls.insert(item, made);
    }
    calls
}

#[tokio::test]
async fn they_are_listed_by_time_while_they_run_and_after() {
    use Status::{Failed, Running, Succeeded};
    let world = World::new();
    let store = world.store.clone();
    let open: OpenStore = Arc::new(move || Ok(Arc::new(PatientStore::new(store.clone(), 20)) as _));
    let engine = world.open_with(open).await;
    let fields = r#","MaxConcurrency":3,"ToleratedFailureCount":1"#;
    let execution = begin(&engine, &map("EXPRESS", CALL, fields), "[0,1,2,3,4]").await;
    let mut made = calls::<3>(&world).await;
    let record = map_run(&engine, &execution).await;
    check_listed(&engine, &record, &[("2", Running), ("1", Running), ("0", Running)]).await;
    for number in [3, 5] {
        let child = Child::of(&record.arn, StateMachineType::Express, number).execution_arn;
        let absent = engine.execution(&Arn::parse(&child).unwrap()).await;
        assert!(matches!(absent, Err(Error::ExecutionDoesNotExist(arn)) if arn == child), "it has not begun");
    }

    world.clock.advance(SECOND);
    made.remove("1").unwrap().succeed("\"one\"");
    made.extend(calls::<1>(&world).await);
    world.clock.advance(SECOND);
    made.remove("0").unwrap().fail("Broken");
    made.extend(calls::<1>(&world).await);
    // Where one follows another it began later, if not by the clock.
    let expected = [("4", Running), ("0", Failed), ("3", Running), ("1", Succeeded), ("2", Running)];
    check_listed(&engine, &record, &expected).await;

    world.clock.advance(SECOND);
    for (seconds, item) in (0..).zip(["3", "2", "4"]) {
        made.remove(item).unwrap().succeed(item);
        let arn = Arn::parse(&Child::of(&record.arn, StateMachineType::Express, item.parse().unwrap()).execution_arn);
        // It is seen to run until its end is durable, and never missed.
        while engine.execution(arn.as_ref().unwrap()).await.unwrap().status == Running {
            tokio::task::yield_now().await;
        }
        if seconds < 2 {
            world.clock.advance(SECOND);
        }
    }
    engine.wait_until_closed(&execution).await.unwrap();
    let record = map_run(&engine, &execution).await;
    let expected = [("4", Succeeded), ("2", Succeeded), ("3", Succeeded), ("0", Failed), ("1", Succeeded)];
    check_listed(&engine, &record, &expected).await;
    check_ended(&engine, &record).await;

    world.clock.advance(SECOND * 86_400 * 91);
    let all = children(&engine, &record, Listed::default()).await;
    assert!(all.is_empty(), "they have expired: {all:?}");
}

/// What is told of children that have ended; and what is not.
async fn check_ended(engine: &Engine, record: &MapRunRecord) {
    let all = children(engine, record, Listed::default()).await;
    let [.., failed, one] = &all[..] else { panic!("{all:?}") };
    let (failed, one) = (describe(engine, failed).await, describe(engine, one).await);
    let output = payload("\"one\"");
    assert_eq!(one.outcome, Some(Outcome::Succeeded { output }));
    assert_eq!((one.start_ms, one.stop_ms), (START_MS, Some(START_MS + 1_000)));
    assert_eq!((&one.map_run_arn, one.item_count), (&Some(record.arn.clone()), Some(1)));
    assert!(matches!(&failed.outcome, Some(Outcome::Failed(failure)) if failure.error.as_deref() == Some("Broken")));
    let arn = Arn::parse(&one.arn).unwrap();
    let history = engine.history(&arn, false, Page { size: 10, after: None }).await;
    assert!(matches!(history, Err(Error::ExecutionDoesNotExist(_))));

    let filter = ExecutionFilter {
        state_machine: Arn::parse(&record.arn).unwrap(),
        status: None,
        is_pending_redrive: false,
        is_redriven: None,
    };
    for token in [vec![], vec![0; 8], vec![255; 24], vec![0; 25]] {
        let refused = engine.list_executions(filter.clone(), Page { size: 10, after: Some(token) }).await;
        assert!(matches!(refused, Err(Error::InvalidPageToken)));
    }
}

#[tokio::test]
async fn batches_are_told_with_their_items() {
    let world = World::new();
    let engine = world.open().await;
    let pass = r#""StartAt":"P","States":{"P":{"Type":"Pass","End":true}}"#;
    let definition = map("EXPRESS", pass, r#","ItemBatcher":{"MaxItemsPerBatch":2}"#);
    let execution = begin(&engine, &definition, "[0,1,2,3,4]").await;
    engine.wait_until_closed(&execution).await.unwrap();
    let record = map_run(&engine, &execution).await;
    let mut found = Vec::new();
    for child in children(&engine, &record, Listed::default()).await {
        assert_eq!(child.item_count, describe(&engine, &child).await.item_count);
        found.push((describe(&engine, &child).await.input_text.to_string(), child.item_count));
    }
    found.sort_unstable();
    let of = |items: &str, count| (format!(r#"{{"Items":{items}}}"#), Some(count));
    assert_eq!(found, [of("[0,1]", 2), of("[2,3]", 2), of("[4]", 1)]);
}
