//! Executions that are set aside, and what an earlier build has left that this one would not accept.

use crate::support::*;
use asl::Arn;
use engine::{Error, ExecutionFilter, OpenStore, Page, RedriveExecution, StateMachineChange};
use machine::{Failure, Status};
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};
use store::{Batch, Keyspace, Range, Store};

const WAITS: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"End":true}}}"#;

/// Starts `names`, and damages the parts of one of them; gives the ARNs, that of the damaged one first.
async fn one_damaged(world: &World, names: &[&str]) -> Vec<Arn> {
    let engine = world.open().await;
    let machine = create(&engine, "m", WAITS).await;
    let mut arns = Vec::new();
    for name in names {
        arns.push(start(&engine, &machine, name).await);
    }
    drop(engine);
    let parts = world.store.scan(Keyspace("parts"), Range::ALL, 100).unwrap();
    let mut batch = Batch::new();
    let first = parts.first().map(|(key, _)| key.first_chunk::<16>().copied()).unwrap().unwrap();
    for (key, _) in parts.into_iter().filter(|(key, _)| key.starts_with(&first)) {
        batch.put(Keyspace("parts"), key, [1, 0xc1]);
    }
    world.store.commit(batch).await.unwrap();
    let is_damaged = |arn: &Arn| Sha256::digest(arn.to_string().as_bytes()).starts_with(&first);
    arns.sort_by_key(|arn| !is_damaged(arn));
    arns
}

#[tokio::test]
async fn a_corrupt_record_sets_one_execution_aside() {
    let world = World::new();
    let arns = one_damaged(&world, &["a", "b", "c"]).await;
    for _restart in 0..2 {
        let engine = world.open().await;
        let redrive = RedriveExecution { execution: arns[0].clone(), client_token: None };
        assert!(matches!(engine.redrive_execution(redrive).await, Err(Error::SetAside { .. })));
        assert_eq!(engine.execution(&arns[0]).await.unwrap().status, Status::Running);
        for arn in &arns[1..] {
            engine.stop_execution(arn, None, None).await.unwrap();
            assert_eq!(engine.execution(arn).await.unwrap().status, Status::Aborted);
        }
    }
}

/// A block that cannot be read would be met again at each start: the store was opened again and again, for nobody.
#[tokio::test]
async fn a_damaged_block_sets_one_execution_aside() {
    for keyspace in ["parts", "executions"].map(Keyspace) {
        let world = World::new();
        let engine = world.open().await;
        let machine = create(&engine, "m", WAITS).await;
        let mut arns = Vec::new();
        for name in ["a", "b", "c"] {
            arns.push(start(&engine, &machine, name).await);
        }
        drop(engine);
        let prefix = Sha256::digest(arns.remove(0).to_string().as_bytes())[..16].to_vec();
        let inner = world.store.clone();
        let open_store: OpenStore =
            Arc::new(
                move || Ok(Arc::new(DamagedStore { inner: inner.clone(), keyspace, prefix: prefix.clone() }) as _),
            );
        let engine = world.open_with(open_store).await;
        world.clock.advance(Duration::from_secs(60));
        for arn in &arns {
            assert_eq!(engine.wait_until_closed(arn).await.unwrap().status, Status::Succeeded, "{keyspace:?}");
        }
        engine.shutdown(Duration::ZERO).await;
    }
}

#[tokio::test]
async fn an_execution_that_is_set_aside_can_be_stopped() {
    let world = World::new();
    let arns = one_damaged(&world, &["a"]).await;
    let engine = world.open().await;
    let ended = engine.wait_until_closed(&arns[0]).await;
    assert!(matches!(ended, Err(Error::SetAside { .. })), "{ended:?}");
    let stop_ms = engine.stop_execution(&arns[0], Some("Why".into()), None).await.unwrap();
    for _restart in 0..2 {
        let engine = world.open().await;
        let record = engine.execution(&arns[0]).await.unwrap();
        let failure = Failure { error: Some("Why".into()), cause: None };
        assert_eq!((record.status, record.stop_ms), (Status::Aborted, Some(stop_ms)));
        assert_eq!(record.outcome, Some(machine::Outcome::Aborted(failure)));
        check_history(&engine, &record).await;
        let filter = |status| ExecutionFilter {
            state_machine: arn("stateMachine", "m"),
            status: Some(status),
            is_pending_redrive: false,
            is_redriven: None,
        };
        assert_eq!(engine.list_executions(filter(Status::Running), page()).await.unwrap().items.len(), 0);
        assert_eq!(engine.list_executions(filter(Status::Aborted), page()).await.unwrap().items.len(), 1);
        // It is an execution like any other that was stopped.
        assert_eq!(engine.stop_execution(&arns[0], None, None).await.unwrap(), stop_ms);
        let left =
            ["aside", "open", "parts", "timers"].map(|name| world.store.scan(Keyspace(name), Range::ALL, 1).unwrap());
        assert!(left.iter().all(Vec::is_empty), "{left:?}");
    }
}

#[tokio::test]
async fn another_build_goes_on_with_what_was_set_aside() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", WAITS).await;
    let arn = start(&engine, &machine, "e").await;
    drop(engine);
    let mut batch = Batch::new();
    // As the first builds wrote it.
    let why = [1, 0xa3, b'w', b'h', b'y'];
    batch.put(Keyspace("aside"), &Sha256::digest(arn.to_string().as_bytes())[..16], why);
    world.store.commit(batch).await.unwrap();
    let engine = world.open().await;
    world.clock.advance(Duration::from_secs(60));
    ends(&engine, &arn, Status::Succeeded).await;
    assert!(world.store.scan(Keyspace("aside"), Range::ALL, 1).unwrap().is_empty());
}

#[tokio::test]
async fn a_corrupt_execution_does_not_keep_its_state_machine_from_being_deleted() {
    let world = World::to_be_damaged();
    let engine = world.open().await;
    let machine = create(&engine, "m", WAITS).await;
    start(&engine, &machine, "e").await;
    drop(engine);
    let mut batch = Batch::new();
    for (key, _) in world.store.scan(Keyspace("executions"), Range::ALL, 10).unwrap() {
        batch.put(Keyspace("executions"), key, [1, 0xc1]);
    }
    world.store.commit(batch).await.unwrap();
    let engine = world.open().await;
    let stopped = engine.stop_execution(&execution_arn("m", "e"), None, None).await;
    assert!(matches!(stopped, Err(Error::Corrupt { .. })), "{stopped:?}");
    engine.delete_state_machine(&machine).await.unwrap();
    let gone = engine.state_machine(&machine).await;
    assert!(matches!(gone, Err(Error::StateMachineDoesNotExist(_))), "{gone:?}");
}

#[tokio::test]
async fn a_definition_that_rules_of_today_refuse_goes_on() {
    // `Next` leads nowhere: as long as nothing goes there, it is as good as any.
    let refused = WAITS.replace(r#""End":true}"#, r#""End":true},"P":{"Type":"Pass","Next":"Nowhere"}"#);
    assert!(asl::parse(&refused, asl::StateMachineType::Standard, &asl::Limits::default()).state_machine.is_none());
    let accepted = format!("{WAITS:<width$}", width = refused.len());
    let world = World::to_be_damaged();
    let engine = world.open().await;
    let machine = create(&engine, "m", &accepted).await;
    let running = start(&engine, &machine, "running").await;
    drop(engine);
    redefine(&world, &accepted, &refused).await;
    let engine = world.open().await;
    let started = start(&engine, &machine, "started").await;
    world.clock.advance(Duration::from_secs(60));
    for arn in [running, started] {
        assert_eq!(engine.wait_until_closed(&arn).await.unwrap().status, Status::Succeeded);
    }
    // One that cannot even be read can be described, repaired and removed.
    drop(engine);
    let unreadable = format!("{:<width$}", "{}", width = refused.len());
    redefine(&world, &refused, &unreadable).await;
    let engine = world.open().await;
    assert_eq!(*engine.state_machine(&machine).await.unwrap().definition, *unreadable);
    let refused = engine.start_execution(start_of(&machine, "refused", "{}")).await;
    assert!(matches!(refused, Err(Error::Corrupt { keyspace: "revisions", .. })), "{refused:?}");
    let parsed = asl::parse(WAITS, asl::StateMachineType::Standard, &asl::Limits::default()).state_machine.unwrap();
    let change = StateMachineChange { definition: Some((WAITS.into(), Arc::new(parsed))), ..Default::default() };
    engine.update_state_machine(&machine, change).await.unwrap();
    start(&engine, &machine, "repaired").await;
}

/// Another definition of the same length stands in the store, as an earlier build with other rules may have written it.
async fn redefine(world: &World, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let mut batch = Batch::new();
    for keyspace in [Keyspace("state_machines"), Keyspace("revisions")] {
        for (key, value) in world.store.scan(keyspace, Range::ALL, 10).unwrap() {
            let mut value = unpacked(&value);
            let at = value.windows(from.len()).position(|bytes| bytes == from.as_bytes()).unwrap();
            value.splice(at..at + to.len(), to.bytes());
            batch.put(keyspace, key, value);
        }
    }
    world.store.commit(batch).await.unwrap();
}

fn page() -> Page {
    Page { size: 10, after: None }
}
