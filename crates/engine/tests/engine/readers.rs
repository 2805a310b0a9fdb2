//! Who reads what: neither the runtime nor a shard reads a definition or a long list, and no list reads definitions.

use crate::support::*;
use engine::{Account, Engine, Error, NewAlias, OpenStore, Page, Publish, Route};
use machine::Status;
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, ThreadId},
    time::Duration,
};
use store::{Batch, BoxFuture, Keyspace, MemoryStore, Range, Record, Store};

const REVISIONS: Keyspace = Keyspace("revisions");

/// Notes what is read by whom: `get` of definitions, and what is scanned.
#[derive(Clone)]
struct Watched {
    inner: MemoryStore,
    seen: Arc<Seen>,
}

struct Seen {
    /// The test's own thread, which is that of the runtime.
    runtime: ThreadId,
    is_watching: AtomicBool,
    /// Keyspaces that were read where somebody waits.
    in_the_way: Mutex<BTreeSet<&'static str>>,
    definitions_read: AtomicUsize,
    /// State machines that one scan asked for.
    scanned_max: AtomicUsize,
}

impl Seen {
    fn note(&self, keyspace: Keyspace) {
        let here = thread::current();
        let is_shard = here.name().is_some_and(|name| name.starts_with("shard-"));
        if self.is_watching.load(Ordering::SeqCst) && (is_shard || here.id() == self.runtime) {
            self.in_the_way.lock().unwrap().insert(keyspace.0);
        }
    }

    /// From now on.
    fn watch(&self) {
        self.is_watching.store(true, Ordering::SeqCst);
    }
}

impl Store for Watched {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, store::Error> {
        if keyspace == REVISIONS {
            self.seen.note(keyspace);
            self.seen.definitions_read.fetch_add(1, Ordering::SeqCst);
        }
        self.inner.get(keyspace, key)
    }
    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, store::Error> {
        if ["versions", "aliases", "activities", "state_machines", "names", "superseded"].contains(&keyspace.0) {
            self.seen.note(keyspace);
        }
        if keyspace == Keyspace("state_machines") {
            self.seen.scanned_max.fetch_max(limit, Ordering::SeqCst);
        }
        self.inner.scan(keyspace, range, limit)
    }
    fn keys(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Vec<u8>>, store::Error> {
        self.inner.keys(keyspace, range, limit)
    }
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), store::Error>> {
        self.inner.commit(batch)
    }
}

fn watched(world: &World) -> (OpenStore, Arc<Seen>) {
    let seen = Arc::new(Seen {
        runtime: thread::current().id(),
        is_watching: AtomicBool::new(false),
        in_the_way: Mutex::default(),
        definitions_read: AtomicUsize::new(0),
        scanned_max: AtomicUsize::new(0),
    });
    let store = Watched { inner: world.store.clone(), seen: Arc::clone(&seen) };
    (Arc::new(move || Ok(Arc::new(store.clone()) as _)), seen)
}

/// One definition and one execution are kept in memory at a time, so that everything is read again and again.
fn forgetful_world() -> World {
    let mut world = World::new();
    (world.options.shards, world.options.definitions_bytes_max, world.options.executions_in_memory_max) = (1, 1, 1);
    world
}

const CALL: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"Next":"T"},
    "T":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","Parameters":{"QueueUrl":"u","MessageBody":"b"},"End":true}}}"#;

async fn names(engine: &Engine, count: usize) -> Vec<asl::Arn> {
    let mut machines = Vec::new();
    for number in 0..count {
        machines.push(create(engine, &format!("m{number}"), CALL).await);
    }
    machines
}

#[tokio::test]
async fn no_shard_and_no_connection_reads_a_definition() {
    const COUNT: usize = 4;
    let world = forgetful_world();
    let (open, seen) = watched(&world);
    let engine = world.open_with(open.clone()).await;
    seen.watch();
    let machines = names(&engine, COUNT).await;
    let mut executions = Vec::new();
    for machine in &machines {
        executions.push(start(&engine, machine, "e").await);
    }
    // Their timers, after a restart: each takes its execution up, with its definition.
    drop(engine);
    let engine = world.open_with(open).await;
    world.clock.advance(Duration::from_secs(60));
    for _ in 0..COUNT {
        world.calls.next().await.fail("Any");
    }
    for execution in &executions {
        let record = engine.wait_until_closed(execution).await.unwrap();
        assert_eq!(record.status, Status::Failed);
        engine
            .redrive_execution(engine::RedriveExecution { execution: execution.clone(), client_token: None })
            .await
            .unwrap();
        engine.stop_execution(execution, None, None).await.unwrap();
        check_history(&engine, &engine.execution(execution).await.unwrap()).await;
    }
    assert_eq!(*seen.in_the_way.lock().unwrap(), BTreeSet::new());
    assert!(seen.definitions_read.load(Ordering::SeqCst) > COUNT, "they were kept after all");
}

#[tokio::test]
async fn what_comes_while_a_definition_is_read_keeps_its_order() {
    let world = forgetful_world();
    let engine = world.open().await;
    let (machine, other) = (create(&engine, "m", CALL).await, create(&engine, "other", CALL).await);
    for round in 0..20 {
        let execution = start(&engine, &machine, &format!("e{round}")).await;
        start(&engine, &other, &format!("e{round}")).await;
        let (first, second) = tokio::join!(
            engine.stop_execution(&execution, Some("First".into()), None),
            engine.stop_execution(&execution, Some("Second".into()), None),
        );
        assert_eq!(first.unwrap(), second.unwrap());
        let record = engine.execution(&execution).await.unwrap();
        let Some(machine::Outcome::Aborted(failure)) = record.outcome else { panic!("{record:?}") };
        assert_eq!(failure.error.as_deref(), Some("First"));
    }
}

#[tokio::test]
async fn a_definition_that_cannot_be_read_sets_its_execution_aside_and_no_other() {
    let mut world = forgetful_world();
    world.is_damaged = true;
    let engine = world.open().await;
    let (machine, other) = (create(&engine, "m", CALL).await, create(&engine, "other", CALL).await);
    let (lost, fine) = (start(&engine, &machine, "e").await, start(&engine, &other, "e").await);
    drop(engine);
    for (key, value) in world.store.scan(REVISIONS, Range::ALL, 9).unwrap() {
        if String::from_utf8_lossy(&unpacked(&value)).contains("stateMachine:m") {
            let mut batch = Batch::new();
            batch.put(REVISIONS, key, "damaged");
            world.store.commit(batch).await.unwrap();
        }
    }
    let engine = world.open().await;
    assert!(matches!(engine.wait_until_closed(&lost).await, Err(Error::SetAside { .. })));
    world.clock.advance(Duration::from_secs(60));
    world.calls.next().await.succeed("{}");
    assert_eq!(engine.wait_until_closed(&fine).await.unwrap().status, Status::Succeeded);
}

#[tokio::test]
async fn lists_are_read_apart_and_without_definitions() {
    const COUNT: usize = 20;
    let world = World::new();
    let (open, seen) = watched(&world);
    let engine = world.open_with(open).await;
    let machines = names(&engine, COUNT).await;
    let machine = machines.first().unwrap();
    engine.publish_version(machine, None, Publish::default()).await.unwrap();
    let routes = vec![Route { version: 1, weight: 100 }];
    let alias = NewAlias { arn: arn("stateMachine", "m0:live"), description: None, routes };
    engine.create_alias(alias).await.unwrap();
    create_activity(&engine, "a").await;
    let scope = Account { partition: "aws".into(), region: "us-east-1".into(), account: "123456789012".into() };
    let page = || Page { size: 1_000, after: None };
    seen.watch();
    let listed = engine.list_state_machines(&scope, page()).await.unwrap();
    assert_eq!(listed.items.len(), COUNT);
    assert_eq!(engine.list_versions(machine, page()).await.unwrap().items.len(), 1);
    assert_eq!(engine.list_aliases(machine, page()).await.unwrap().items.len(), 1);
    assert_eq!(engine.list_activities(&scope, page()).await.unwrap().items.len(), 1);
    engine.remove_expired().await.unwrap();
    engine.free_names().await.unwrap();
    engine.remove_unused_revisions().await.unwrap();
    assert_eq!(*seen.in_the_way.lock().unwrap(), BTreeSet::new());
    // Each has a definition of up to a megabyte.
    assert!(seen.scanned_max.load(Ordering::SeqCst) <= 8);
}

#[tokio::test]
async fn the_store_is_opened_again_on_another_thread() {
    let world = World::new();
    let openers = Arc::new(Mutex::new(Vec::new()));
    let (opened, inner) = (Arc::clone(&openers), world.store.clone());
    let open: OpenStore = Arc::new(move || {
        let mut opened = opened.lock().unwrap();
        opened.push(thread::current().id());
        let commits = if opened.len() == 1 { 2 } else { u64::MAX };
        Ok(Arc::new(store::FaultyStore::new(Arc::new(inner.clone()), commits, store::Fault::Lost)) as _)
    });
    let engine = world.open_with(open).await;
    let machine = create(&engine, "m", CALL).await;
    engine.start_execution(start_of(&machine, "lost", "{}")).await.unwrap_err();
    while engine.start_execution(start_of(&machine, "e", "{}")).await.is_err() {
        tokio::task::yield_now().await;
    }
    let openers = openers.lock().unwrap();
    assert!(matches!(openers.as_slice(), [_, again] if *again != thread::current().id()), "{openers:?}");
}
