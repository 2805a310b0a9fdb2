//! What is removed after its time, and what never is.

use crate::support::*;
use asl::{Arn, StateMachineType};
use engine::{Engine, Error, ExecutionFilter, Page, StateMachineChange};
use machine::Status;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use store::{Batch, BoxFuture, Keyspace, MemoryStore, Range, Record, Store, Write};

const HISTORY: Keyspace = Keyspace("history");
const BY_STATUS: Keyspace = Keyspace("by_status");
const PASSES: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
const WAITS: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":30000000,"End":true}}}"#;
const WAITS_ALSO: &str = r#"{"StartAt":"X","States":{"X":{"Type":"Wait","Seconds":30000000,"End":true}}}"#;
const DAY: Duration = Duration::from_secs(86_400);

fn count(store: &MemoryStore, keyspace: &'static str) -> usize {
    store.scan(Keyspace(keyspace), Range::ALL, usize::MAX).unwrap().len()
}

/// What the records of an execution are stored under.
fn key_of(arn: &Arn) -> Vec<u8> {
    <sha2::Sha256 as sha2::Digest>::digest(arn.to_string().as_bytes()).into_iter().take(16).collect()
}

async fn run(engine: &Engine, machine: &Arn, name: &str) -> Arn {
    let arn = start(engine, machine, name).await;
    engine.wait_until_closed(&arn).await.unwrap();
    arn
}

/// Counts the deletions of each batch, or changes what the batch expects before the store takes it.
#[derive(Clone, Default)]
struct WatchedStore {
    inner: MemoryStore,
    deletions_max: Arc<AtomicUsize>,
    interferes: Arc<Mutex<bool>>,
}

impl WatchedStore {
    async fn open(&self, world: &World) -> Engine {
        let store = self.clone();
        world.open_with(Arc::new(move || Ok(Arc::new(store.clone()) as _))).await
    }
}

impl Store for WatchedStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, store::Error> {
        self.inner.get(keyspace, key)
    }
    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, store::Error> {
        assert!(keyspace != HISTORY, "a history is read by its keys only");
        self.inner.scan(keyspace, range, limit)
    }
    fn keys(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Vec<u8>>, store::Error> {
        self.inner.keys(keyspace, range, limit)
    }
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), store::Error>> {
        let deletions = batch.writes.iter().filter(|write| matches!(write, Write::Delete { keyspace: HISTORY, .. }));
        self.deletions_max.fetch_max(deletions.count(), Ordering::SeqCst);
        if *self.interferes.lock().unwrap() {
            for (keyspace, key, _) in &batch.expect {
                let mut other = Batch::new();
                other.delete(*keyspace, key.clone());
                assert!(futures_util::FutureExt::now_or_never(self.inner.commit(other)).unwrap().is_ok());
            }
        }
        self.inner.commit(batch)
    }
}

#[tokio::test]
async fn a_long_history_is_removed_in_slices_and_without_reading_it() {
    let world = World::new();
    let store = WatchedStore::default();
    let engine = store.open(&world).await;
    let machine = create(&engine, "m", PASSES).await;
    let arn = run(&engine, &machine, "e").await;
    let mut batch = Batch::new();
    for step in 1_000..6_000_u64 {
        batch.put(HISTORY, [key_of(&arn), step.to_be_bytes().to_vec()].concat(), "");
    }
    store.inner.commit(batch).await.unwrap();
    world.clock.advance(DAY * 91);
    assert_eq!(engine.remove_expired().await.unwrap(), 1);
    for keyspace in ["history", "parts", "executions", "by_status", "open", "timers"] {
        assert_eq!(count(&store.inner, keyspace), 0, "{keyspace}");
    }
    assert!((1..=1_000).contains(&store.deletions_max.load(Ordering::SeqCst)));
}

#[tokio::test]
async fn an_execution_that_is_opened_again_while_it_expires_stays() {
    let world = World::new();
    let store = WatchedStore::default();
    let engine = store.open(&world).await;
    let machine = create(&engine, "m", PASSES).await;
    run(&engine, &machine, "e").await;
    world.clock.advance(DAY * 91);
    *store.interferes.lock().unwrap() = true;
    assert_eq!(engine.remove_expired().await.unwrap(), 0);
    assert_eq!((count(&store.inner, "executions"), count(&store.inner, "history")), (1, 1));
}

#[tokio::test]
async fn an_expired_execution_cannot_be_read_before_it_is_removed() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", PASSES).await;
    let arn = run(&engine, &machine, "e").await;
    world.clock.advance(DAY * 90 + Duration::from_millis(1));
    assert!(matches!(engine.execution(&arn).await, Err(Error::ExecutionDoesNotExist(_))));
    let page = Page { size: 10, after: None };
    assert!(engine.history(&arn, false, page.clone()).await.is_err());
    let filter = ExecutionFilter { state_machine: machine, status: None, is_pending_redrive: false, is_redriven: None };
    assert!(engine.list_executions(filter, page).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn a_record_that_cannot_be_read_keeps_no_other_from_expiring() {
    let world = World::to_be_damaged();
    let engine = world.open().await;
    let machine = create(&engine, "m", PASSES).await;
    run(&engine, &machine, "a").await;
    run(&engine, &machine, "b").await;
    let mut batch = Batch::new();
    let rows = world.store.scan(BY_STATUS, Range::ALL, 1).unwrap();
    // One is too short for a status, and two are too short for an execution, one of them between the others.
    batch.put(BY_STATUS, [0], "").put(BY_STATUS, &rows[0].0[..30], "").put(
        BY_STATUS,
        [&rows[0].0[..17], &[0xff]].concat(),
        "",
    );
    world.store.commit(batch).await.unwrap();
    world.clock.advance(DAY * 91);
    assert_eq!(engine.remove_expired().await.unwrap(), 2);
    assert_eq!(count(&world.store, "executions"), 0);
}

#[tokio::test]
async fn an_execution_that_is_set_aside_is_removed_after_its_time() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", WAITS).await;
    let (broken, open) = (start(&engine, &machine, "broken").await, start(&engine, &machine, "open").await);
    drop(engine);
    let mut batch = Batch::new();
    batch.put(Keyspace("parts"), [key_of(&broken), vec![0; 8]].concat(), [1, 0xc1]);
    world.store.commit(batch).await.unwrap();
    let engine = world.open().await;
    assert!(matches!(engine.wait_until_closed(&broken).await, Err(Error::SetAside { .. })));
    world.clock.advance(DAY * 90);
    assert_eq!(engine.remove_expired().await.unwrap(), 0);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(engine.remove_expired().await.unwrap(), 1);
    assert!(matches!(engine.execution(&broken).await, Err(Error::ExecutionDoesNotExist(_))));
    assert_eq!(engine.execution(&open).await.unwrap().status, Status::Running);
    let of_one = ["executions", "by_status", "open", "history"].map(|keyspace| count(&world.store, keyspace));
    assert_eq!((of_one, count(&world.store, "aside")), ([1; 4], 0));
    start(&engine, &machine, "broken").await;
}

async fn update(engine: &Engine, machine: &Arn, definition: &str) {
    let parsed =
        Arc::new(asl::parse(definition, StateMachineType::Standard, &asl::Limits::default()).state_machine.unwrap());
    let change = StateMachineChange { definition: Some((definition.into(), parsed)), ..StateMachineChange::default() };
    engine.update_state_machine(machine, change).await.unwrap();
}

#[tokio::test]
async fn a_revision_is_removed_when_nothing_uses_it() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", PASSES).await;
    let closed = run(&engine, &machine, "closed").await;
    update(&engine, &machine, WAITS).await;
    let open = start(&engine, &machine, "open").await;
    update(&engine, &machine, WAITS_ALSO).await;
    update(&engine, &machine, PASSES).await;
    let check = async |expected: [usize; 2]| {
        let found = engine.remove_unused_revisions().await.unwrap();
        assert_eq!([found, count(&world.store, "revisions")], expected);
    };
    // A start that has read its definition may be on its way.
    check([0, 4]).await;
    world.clock.advance(DAY * 2);
    check([1, 3]).await;
    engine.state_machine_of_execution(&closed).await.unwrap();
    engine.state_machine_of_execution(&open).await.unwrap();
    world.clock.advance(DAY * 89);
    engine.remove_expired().await.unwrap();
    check([1, 2]).await;
    engine.stop_execution(&open, None, None).await.unwrap();
    engine.delete_state_machine(&machine).await.unwrap();
    world.clock.advance(DAY * 2);
    check([1, 1]).await;
    assert_eq!(&*engine.state_machine_of_execution(&open).await.unwrap().definition, WAITS);
    world.clock.advance(DAY * 90);
    engine.remove_expired().await.unwrap();
    check([1, 0]).await;
    assert_eq!(count(&world.store, "superseded"), 0);
}

/// A sequence of numbers from a seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Does whatever comes, and looks after each retention at every execution that ever was.
async fn check_life(seed: u64) {
    let mut draw = Draw(seed);
    let mut world = World::new();
    world.options.limits.retention_days = 2;
    let mut engine = world.open().await;
    let (passes, waits) = (create(&engine, "passes", PASSES).await, create(&engine, "waits", WAITS).await);
    // When each stopped, if it has.
    let mut all: BTreeMap<String, Option<i64>> = BTreeMap::new();
    for number in 0..60 {
        match draw.below(6) {
            0 | 1 => {
                let machine = if draw.below(2) == 0 { &passes } else { &waits };
                let arn = start(&engine, machine, &number.to_string()).await;
                all.insert(arn.to_string(), engine.execution(&arn).await.unwrap().stop_ms);
            }
            2 => {
                let running = all.iter_mut().filter(|(_, stopped)| stopped.is_none());
                if let Some((arn, stopped)) = running.last() {
                    *stopped = Some(engine.stop_execution(&Arn::parse(arn).unwrap(), None, None).await.unwrap());
                }
            }
            3 => update(&engine, &waits, if draw.below(2) == 0 { WAITS } else { WAITS_ALSO }).await,
            4 => world.clock.advance(DAY * u32::try_from(draw.below(3)).unwrap() / 2),
            _ => {
                drop(engine);
                engine = world.open().await;
            }
        }
        engine.remove_expired().await.unwrap();
        engine.remove_unused_revisions().await.unwrap();
        let before_ms = engine::Clock::now_ms(&*world.clock) - 2 * 86_400_000;
        for (arn, stopped) in &all {
            let arn = Arn::parse(arn).unwrap();
            let is_there = engine.execution(&arn).await.is_ok();
            assert_eq!(is_there, stopped.is_none_or(|stop_ms| stop_ms >= before_ms), "seed {seed}: {arn} {stopped:?}");
            if is_there {
                engine.state_machine_of_execution(&arn).await.unwrap();
                assert_eq!(history(&engine, &arn).await.first().map(|event| event.id), Some(1), "seed {seed}: {arn}");
            }
        }
        let open = all.values().filter(|stopped| stopped.is_none()).count();
        assert_eq!(count(&world.store, "open"), open, "seed {seed}");
    }
}

#[tokio::test]
async fn no_execution_is_removed_that_is_open_or_has_closed_lately() {
    for seed in 1..=20 {
        check_life(seed).await;
    }
}

/// The engine removes an execution after so long, and while less time has passed it is there.
async fn check_is_removed(days: u64, minutes: u64, kept: Duration) {
    let mut world = World::new();
    world.options.removes_by_itself = true;
    world.options.limits.retention_days = days;
    world.options.limits.retention_minutes = minutes;
    let engine = world.open().await;
    let machine = create(&engine, "m", PASSES).await;
    let arn = run(&engine, &machine, "e").await;
    world.clock.advance(kept);
    engine.execution(&arn).await.unwrap();
    assert_eq!(count(&world.store, "executions"), 1);
    world.clock.advance(kept);
    while count(&world.store, "executions") > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_engine_removes_what_has_expired_by_itself() {
    check_is_removed(90, 0, 90 * DAY).await;
    check_is_removed(0, 2, Duration::from_mins(2)).await;
    check_is_removed(1, 30, DAY + Duration::from_mins(30)).await;
}
