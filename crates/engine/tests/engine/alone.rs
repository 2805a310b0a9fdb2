//! Who writes a batch: a shard that has nothing else to do may, one that has goes on meanwhile.

use crate::support::*;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use store::{Batch, BoxFuture, Keyspace, MemoryStore, Range, Record, Store};
use tokio::sync::watch;

const PASSES: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#;
const WAITS: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":3600,"End":true}}}"#;

/// Counts the commits of either kind, and makes them when the test lets them through.
struct WatchedStore {
    inner: MemoryStore,
    counts: Arc<Counts>,
    is_open: watch::Receiver<bool>,
}

#[derive(Default)]
struct Counts {
    here: AtomicUsize,
    elsewhere: AtomicUsize,
}

impl Counts {
    fn now(&self) -> (usize, usize) {
        (self.here.load(SeqCst), self.elsewhere.load(SeqCst))
    }

    async fn reach(&self, expected: (usize, usize)) {
        let reached = async {
            while self.now() != expected {
                tokio::task::yield_now().await;
            }
        };
        let reached = tokio::time::timeout(Duration::from_secs(10), reached).await;
        assert!(reached.is_ok(), "{:?}, not {expected:?}", self.now());
    }
}

impl WatchedStore {
    fn when_open(&self, batch: Batch) -> BoxFuture<'static, Result<(), store::Error>> {
        let (inner, mut is_open) = (self.inner.clone(), self.is_open.clone());
        Box::pin(async move {
            is_open.wait_for(|is_open| *is_open).await.unwrap();
            inner.commit(batch).await
        })
    }
}

impl Store for WatchedStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, store::Error> {
        self.inner.get(keyspace, key)
    }
    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, store::Error> {
        self.inner.scan(keyspace, range, limit)
    }
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), store::Error>> {
        self.counts.elsewhere.fetch_add(1, SeqCst);
        self.when_open(batch)
    }
    fn commit_here(&self, batch: Batch) -> BoxFuture<'static, Result<(), store::Error>> {
        self.counts.here.fetch_add(1, SeqCst);
        self.when_open(batch)
    }
}

/// An engine of one shard over such a store, with a state machine. The counts begin when the shard has come to rest.
async fn watched(
    definition: &str,
    is_express: bool,
) -> (World, engine::Engine, asl::Arn, Arc<Counts>, watch::Sender<bool>) {
    let mut world = World::new();
    world.options.shards = 1;
    // A shard whose thread is held up for a few milliseconds has something left to do: no stopwatch is looked at here.
    world.options.simulated = Some(1);
    let (gate, is_open) = watch::channel(true);
    let counts = Arc::<Counts>::default();
    let (inner, counted) = (world.store.clone(), Arc::clone(&counts));
    let open = move || {
        let store = WatchedStore { inner: inner.clone(), counts: Arc::clone(&counted), is_open: is_open.clone() };
        Ok(Arc::new(store) as _)
    };
    let engine = world.open_with(Arc::new(open)).await;
    let machine = create(&engine, "m", PASSES).await;
    // While it looks for what is to be taken up after the start, partition by partition, it has something else to do.
    for number in 0..1_000 {
        if counts.now().0 == 0 {
            start(&engine, &machine, &format!("before {number}")).await;
        }
    }
    assert_ne!(counts.now().0, 0);
    if is_express {
        let express = create_typed(&engine, "express", definition, asl::StateMachineType::Express).await;
        engine.start_execution(start_of(&express, "x", "{}")).await.unwrap();
    }
    counts.here.store(0, SeqCst);
    counts.elsewhere.store(0, SeqCst);
    (world, engine, machine, counts, gate)
}

#[tokio::test]
async fn a_shard_with_nothing_else_to_do_writes_a_lone_batch() {
    let (_world, engine, machine, counts, _gate) = watched(PASSES, false).await;
    start(&engine, &machine, "a").await;
    assert_eq!(counts.now(), (1, 0));
    start(&engine, &machine, "b").await;
    assert_eq!(counts.now(), (2, 0));
}

#[tokio::test]
async fn it_steps_on_while_a_batch_is_on_its_way() {
    let (_world, engine, machine, counts, gate) = watched(PASSES, false).await;
    gate.send(false).unwrap();
    let second = async {
        counts.reach((1, 0)).await;
        start(&engine, &machine, "second").await
    };
    let opened = async {
        counts.reach((1, 1)).await;
        gate.send(true).unwrap();
    };
    tokio::join!(start(&engine, &machine, "first"), second, opened);
    assert_eq!(counts.now(), (1, 1));
}

#[tokio::test]
async fn express_executions_do_not_wait_for_the_disk() {
    let (_world, engine, machine, counts, _gate) = watched(WAITS, true).await;
    start(&engine, &machine, "a").await;
    assert_eq!(counts.now(), (0, 1));
}
