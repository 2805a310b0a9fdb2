//! Map Runs: children of both types, tolerated failures, stops, updates, and a crash at every commit.

use crate::support::*;
use asl::Arn;
use engine::{Engine, Error, ExecutionFilter, MapRunRecord, Page};
use machine::{Counts, MapRunStatus, MapRunUpdate, Outcome, Status};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};
use store::{Batch, Keyspace, MemoryStore, Range, Store};
use tokio::sync::Notify;

fn map(execution_type: &str, child: &str, fields: &str) -> String {
    format!(
        r#"{{"StartAt":"M","States":{{"M":{{"Type":"Map","Label":"L","End":true{fields},"ItemProcessor":{{
        "ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"{execution_type}"}},
        "StartAt":"C","States":{{{child}}}}}}}}}}}"#
    )
}

const PASS: &str = r#""C":{"Type":"Pass","End":true}"#;
const WAIT: &str = r#""C":{"Type":"Wait","Seconds":200,"End":true}"#;
/// Fails for the item 3.
const CHOICE: &str = r#""C":{"Type":"Choice","Choices":[{"Variable":"$","NumericEquals":3,"Next":"F"}],"Default":"P"},
    "F":{"Type":"Fail","Error":"E"},"P":{"Type":"Pass","End":true}"#;

async fn begin(engine: &Engine, definition: &str, input: &str) -> Arn {
    let machine = create(engine, "m", definition).await;
    let started = engine.start_execution(start_of(&machine, "e", input)).await.unwrap();
    Arn::parse(&started.arn).unwrap()
}

async fn map_run(engine: &Engine, execution: &Arn) -> Option<MapRunRecord> {
    engine.list_map_runs(execution, Page { size: 10, after: None }).await.unwrap().items.pop()
}

/// Waits until the Map Run is as wanted: nothing is told when it is.
async fn until(engine: &Engine, execution: &Arn, wanted: impl Fn(&MapRunRecord) -> bool) -> MapRunRecord {
    loop {
        if let Some(record) = map_run(engine, execution).await.filter(&wanted) {
            return record;
        }
        tokio::task::yield_now().await;
    }
}

async fn check(definition: &str, input: &str, expected: Result<&str, &str>, counts: Counts) {
    let world = World::new();
    let engine = world.open().await;
    let execution = begin(&engine, definition, input).await;
    let record = engine.wait_until_closed(&execution).await.unwrap();
    match (&record.outcome, expected) {
        (Some(Outcome::Succeeded { output }), Ok(expected)) => assert_eq!(&**output.text(), expected),
        (Some(Outcome::Failed(failure)), Err(expected)) => assert_eq!(failure.error.as_deref(), Some(expected)),
        other => panic!("{other:?}"),
    }
    check_history(&engine, &record).await;
    assert_eq!(map_run(&engine, &execution).await.map(|record| record.progress.executions), Some(counts));
}

#[tokio::test]
async fn children_of_both_types() {
    let none = Counts::default();
    for execution_type in ["STANDARD", "EXPRESS"] {
        let passes = map(execution_type, PASS, "");
        check(&passes, "[1,2,3]", Ok("[1,2,3]"), Counts { succeeded: 3, ..none }).await;
        check(&passes, "[]", Ok("[]"), none).await;
        let batches = map(execution_type, PASS, r#","ItemBatcher":{"MaxItemsPerBatch":2}"#);
        let expected = r#"[{"Items":[1,2]},{"Items":[3]}]"#;
        check(&batches, "[1,2,3]", Ok(expected), Counts { succeeded: 2, ..none }).await;
        let tolerates = map(execution_type, CHOICE, r#","ToleratedFailureCount":1,"ResultPath":null"#);
        check(&tolerates, "[1,2,3]", Ok("[1,2,3]"), Counts { succeeded: 2, failed: 1, ..none }).await;
        let fails = map(execution_type, CHOICE, r#","MaxConcurrency":1"#);
        let exceeded = Err("States.ExceedToleratedFailureThreshold");
        check(&fails, "[1,3,2]", exceeded, Counts { succeeded: 1, failed: 1, ..none }).await;
    }
}

#[tokio::test]
async fn what_nothing_reads_or_writes_is_refused() {
    let reader = r#","ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Parameters":{"Bucket":"b","Key":"k"}}"#;
    check(&map("STANDARD", PASS, reader), "{}", Err("States.ItemReaderFailed"), Counts::default()).await;
    let writer = r#","ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"b"}}"#;
    check(&map("STANDARD", PASS, writer), "[1]", Err("States.ResultWriterFailed"), Counts::default()).await;
}

#[tokio::test]
async fn a_stop_aborts_the_children() {
    for execution_type in ["STANDARD", "EXPRESS"] {
        let world = World::new();
        let engine = world.open().await;
        let execution = begin(&engine, &map(execution_type, WAIT, r#","MaxConcurrency":2"#), "[1,2,3]").await;
        until(&engine, &execution, |record| record.progress.executions.running == 2).await;
        engine.stop_execution(&execution, None, None).await.unwrap();
        let record = until(&engine, &execution, |record| record.stop_ms.is_some()).await;
        assert_eq!(record.progress.status, MapRunStatus::Aborted);
        assert_eq!(record.progress.executions, Counts { aborted: 2, ..Counts::default() });
        let update = engine.update_map_run(&Arn::parse(&record.arn).unwrap(), MapRunUpdate::default()).await;
        assert!(matches!(update, Err(Error::MapRunCompleted(_))));
    }
}

#[tokio::test]
async fn a_map_run_expires_with_its_execution() {
    for execution_type in ["STANDARD", "EXPRESS"] {
        let world = World::new();
        let engine = world.open().await;
        let execution = begin(&engine, &map(execution_type, PASS, ""), "[1,2]").await;
        engine.wait_until_closed(&execution).await.unwrap();
        let arn = Arn::parse(&map_run(&engine, &execution).await.unwrap().arn).unwrap();
        let page = Page { size: 10, after: None };
        let children =
            ExecutionFilter { state_machine: arn.clone(), status: None, is_pending_redrive: false, is_redriven: None };
        world.clock.advance(Duration::from_hours(90 * 24));
        assert!(engine.map_run(&arn).await.is_ok());
        assert_eq!(engine.list_executions(children.clone(), page.clone()).await.unwrap().items.len(), 2);
        world.clock.advance(Duration::from_millis(1));
        assert!(matches!(engine.map_run(&arn).await, Err(Error::ResourceNotFound(_))));
        let update = engine.update_map_run(&arn, MapRunUpdate::default()).await;
        assert!(matches!(update, Err(Error::ResourceNotFound(_))));
        let listed = engine.list_map_runs(&execution, page.clone()).await;
        assert!(matches!(listed, Err(Error::ExecutionDoesNotExist(_))));
        assert!(engine.list_executions(children, page).await.unwrap().items.is_empty());
    }
}

#[tokio::test]
async fn an_update_without_a_setting_changes_nothing() {
    let world = World::new();
    let engine = world.open().await;
    let execution = begin(&engine, &map("STANDARD", WAIT, r#","MaxConcurrency":2"#), "[1,2,3]").await;
    let before = until(&engine, &execution, |record| record.progress.executions.running == 2).await;
    engine.update_map_run(&Arn::parse(&before.arn).unwrap(), MapRunUpdate::default()).await.unwrap();
    assert_eq!(map_run(&engine, &execution).await.unwrap().progress, before.progress);
}

/// A Map Run of three children, one after the other, after the first of them, in the store of a server that is killed.
async fn interrupted(world: &World) -> Arn {
    let engine = world.open().await;
    let execution = begin(&engine, &map("STANDARD", WAIT, r#","MaxConcurrency":1"#), "[1,2,3]").await;
    let record = until(&engine, &execution, |record| record.progress.executions.running == 1).await;
    let state_machine = Arn::parse(&record.arn).unwrap();
    let filter =
        ExecutionFilter { state_machine, status: Some(Status::Running), is_pending_redrive: false, is_redriven: None };
    while engine.list_executions(filter.clone(), Page { size: 1, after: None }).await.unwrap().items.is_empty() {
        tokio::task::yield_now().await;
    }
    world.clock.advance(Duration::from_secs(200));
    until(&engine, &execution, |record| record.progress.executions.succeeded == 1).await;
    execution
}

#[tokio::test]
async fn a_map_run_that_cannot_be_read_at_a_start_is_read_when_it_can_be() {
    for keyspace in ["open_map_runs", "map_runs", "map_run_requests", "map_run_blocks"] {
        let world = World::new();
        let execution = interrupted(&world).await;
        let (store, is_armed) = (world.store.clone(), Arc::new(AtomicBool::new(true)));
        let armed = Arc::clone(&is_armed);
        let open = move || {
            let is_armed = Arc::clone(&armed);
            Ok(Arc::new(UnreadableStore { inner: store.clone(), keyspace: Keyspace(keyspace), is_armed }) as _)
        };
        let engine = world.open_with(Arc::new(open)).await;
        let record = loop {
            match engine.execution(&execution).await {
                Ok(record) if record.status != Status::Running => break record,
                Ok(_) | Err(Error::Store(_)) => world.clock.advance(Duration::from_secs(1)),
                Err(error) => panic!("{error}"),
            }
            tokio::task::yield_now().await;
        };
        assert!(!is_armed.load(Ordering::SeqCst), "{keyspace}");
        assert_eq!(record.outcome, Some(Outcome::Succeeded { output: payload("[1,2,3]") }), "{keyspace}");
        check_history(&engine, &record).await;
    }
}

/// A disk that gives nothing of a keyspace of Map Runs before the test says so.
struct GatedStore {
    inner: MemoryStore,
    keyspace: Keyspace,
    /// It is open when the sender is dropped.
    gate: Arc<Mutex<mpsc::Receiver<()>>>,
}

impl Store for GatedStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, store::Error> {
        if keyspace == self.keyspace {
            let _ = self.gate.lock().unwrap().recv();
        }
        self.inner.get(keyspace, key)
    }
    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<store::Record>, store::Error> {
        self.inner.scan(keyspace, range, limit)
    }
    fn commit(&self, batch: Batch) -> store::BoxFuture<'static, Result<(), store::Error>> {
        self.inner.commit(batch)
    }
}

/// The gate is open when the sender is dropped.
async fn open_gated(world: &World, keyspace: Keyspace) -> (Engine, mpsc::Sender<()>) {
    let (closed, gate) = mpsc::channel();
    let (inner, gate) = (world.store.clone(), Arc::new(Mutex::new(gate)));
    let open = move || Ok(Arc::new(GatedStore { inner: inner.clone(), keyspace, gate: Arc::clone(&gate) }) as _);
    (world.open_with(Arc::new(open)).await, closed)
}

#[tokio::test]
async fn nobody_waits_until_map_runs_are_read_after_a_start() {
    let mut world = World::new();
    world.options.shards = 1;
    let execution = interrupted(&world).await;
    let (engine, closed) = open_gated(&world, Keyspace("map_run_blocks")).await;
    let other = create(&engine, "other", &format!(r#"{{"StartAt":"C","States":{{{PASS}}}}}"#)).await;
    let other = start(&engine, &other, "e").await;
    assert_eq!(engine.wait_until_closed(&other).await.unwrap().status, Status::Succeeded);

    // What is asked of the Map Run waits for it.
    let arn = Arn::parse(&map_run(&engine, &execution).await.unwrap().arn).unwrap();
    let update = MapRunUpdate { max_concurrency: Some(2), ..MapRunUpdate::default() };
    let (updated, ()) = tokio::join!(engine.update_map_run(&arn, update), async { drop(closed) });
    updated.unwrap();
    let both_run = |record: &MapRunRecord| record.progress.executions.running == 2;
    until(&engine, &execution, both_run).await;
    world.clock.advance(Duration::from_secs(200));
    while engine.execution(&execution).await.unwrap().status == Status::Running {
        world.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    let record = engine.execution(&execution).await.unwrap();
    assert_eq!(record.outcome, Some(Outcome::Succeeded { output: payload("[1,2,3]") }));
    check_history(&engine, &record).await;
}

#[tokio::test]
async fn results_that_cannot_be_read_are_read_when_they_can_be() {
    let world = World::new();
    let (inner, keyspace, is_armed) =
        (world.store.clone(), Keyspace("map_run_blocks"), Arc::new(AtomicBool::new(true)));
    let armed = Arc::clone(&is_armed);
    let open =
        move || Ok(Arc::new(UnreadableStore { inner: inner.clone(), keyspace, is_armed: Arc::clone(&armed) }) as _);
    let engine = world.open_with(Arc::new(open)).await;
    let execution = begin(&engine, &map("STANDARD", PASS, ""), "[1,2,3]").await;
    let record = loop {
        match engine.wait_until_closed(&execution).await {
            Err(Error::Store(_)) => tokio::task::yield_now().await,
            record => break record.unwrap(),
        }
    };
    assert!(!is_armed.load(Ordering::SeqCst));
    assert_eq!(record.outcome, Some(Outcome::Succeeded { output: payload("[1,2,3]") }));
}

/// Every record of the keyspace is another, or gone.
async fn damage(world: &World, keyspace: Keyspace, value: Option<[u8; 2]>) {
    let mut batch = Batch::new();
    for (key, _) in world.store.scan(keyspace, Range::ALL, 10).unwrap() {
        match value {
            Some(value) => batch.put(keyspace, key, value),
            None => batch.delete(keyspace, key),
        };
    }
    world.store.commit(batch).await.unwrap();
}

#[tokio::test]
async fn a_map_run_that_is_corrupt_or_missing_sets_its_execution_aside() {
    for keyspace in ["map_runs", "map_run_requests", "map_run_blocks"].map(Keyspace) {
        for value in [Some([1, 0xc1]), None] {
            let world = World::to_be_damaged();
            let execution = interrupted(&world).await;
            damage(&world, keyspace, value).await;
            let engine = world.open().await;
            let ended = engine.wait_until_closed(&execution).await;
            assert!(matches!(ended, Err(Error::SetAside { .. })), "{keyspace:?} {value:?} {ended:?}");
        }
    }
}

/// The name is asked for before its execution is taken up: the execution is set aside then, and stays what it was.
#[tokio::test]
async fn an_execution_whose_map_run_is_corrupt_keeps_its_name() {
    for value in [Some([1, 0xc1]), None] {
        let mut world = World::to_be_damaged();
        world.options.shards = 1;
        interrupted(&world).await;
        damage(&world, Keyspace("map_runs"), value).await;
        let stored = || ["executions", "history"].map(|name| world.store.scan(Keyspace(name), Range::ALL, 99).unwrap());
        let before = stored();
        let (engine, closed) = open_gated(&world, Keyspace("map_runs")).await;
        let machine = arn("stateMachine", "m");
        let start = engine.start_execution(start_of(&machine, "e", "[1,2,3]"));
        let (started, ()) = tokio::join!(start, async {
            // The start reads the state machine first, and is then with the shard, which has not begun yet.
            engine.state_machine(&machine).await.unwrap();
            tokio::task::yield_now().await;
            drop(closed);
        });
        assert!(matches!(started, Err(Error::SetAside { .. })), "{value:?} {started:?}");
        engine.shutdown(Duration::ZERO).await;
        assert_eq!(stored(), before);
    }
}

/// A store whose blocks are damaged whenever one is read.
struct DamagedStore(MemoryStore);

impl Store for DamagedStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, store::Error> {
        if keyspace == Keyspace("map_run_blocks") {
            return Ok(Some(vec![1, 0xc1]));
        }
        self.0.get(keyspace, key)
    }
    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<store::Record>, store::Error> {
        self.0.scan(keyspace, range, limit)
    }
    fn commit(&self, batch: Batch) -> store::BoxFuture<'static, Result<(), store::Error>> {
        self.0.commit(batch)
    }
}

#[tokio::test]
async fn results_that_are_damaged_set_the_execution_aside() {
    let world = World::to_be_damaged();
    let inner = world.store.clone();
    // First they are read when the Map Run ends, then when the execution is taken up.
    for restarts in 0..2 {
        let inner = inner.clone();
        let engine = world.open_with(Arc::new(move || Ok(Arc::new(DamagedStore(inner.clone())) as _))).await;
        let execution = match restarts {
            0 => begin(&engine, &map("EXPRESS", PASS, ""), "[1,2,3]").await,
            _ => execution_arn("m", "e"),
        };
        let ended = engine.wait_until_closed(&execution).await;
        let Err(Error::SetAside { why, .. }) = &ended else { panic!("{ended:?}") };
        assert!(why.starts_with("its Map Run cannot be read"), "{why}");
    }
}

#[tokio::test]
async fn an_update_starts_more_children_and_their_list_tells_of_them() {
    let world = World::new();
    let engine = world.open().await;
    let execution = begin(&engine, &map("STANDARD", WAIT, r#","MaxConcurrency":1"#), "[1,2,3]").await;
    let record = until(&engine, &execution, |record| record.progress.executions.running == 1).await;
    let arn = Arn::parse(&record.arn).unwrap();
    let update = MapRunUpdate { max_concurrency: Some(0), ..MapRunUpdate::default() };
    engine.update_map_run(&arn, update).await.unwrap();
    until(&engine, &execution, |record| record.progress.executions.running == 3).await;
    let filter = ExecutionFilter {
        state_machine: arn,
        status: Some(Status::Running),
        is_pending_redrive: false,
        is_redriven: None,
    };
    loop {
        let page = Page { size: 10, after: None };
        let children = engine.list_executions(filter.clone(), page).await.unwrap().items;
        assert!(
            children.iter().all(|child| child.map_run_arn == Some(record.arn.clone()) && child.item_count == Some(1))
        );
        if children.len() == 3 {
            break;
        }
        tokio::task::yield_now().await;
    }
}

/// The process ends at each commit in turn, durable or not: each time everything is counted once.
#[tokio::test]
async fn a_crash_at_any_commit_loses_no_child() {
    for execution_type in ["STANDARD", "EXPRESS"] {
        let definition =
            map(execution_type, CHOICE, r#","MaxConcurrency":2,"ToleratedFailureCount":1,"ResultPath":null"#);
        for commits in 2..30 {
            crash_after(&definition, commits).await;
        }
    }
}

async fn crash_after(definition: &str, commits: u64) {
    let world = World::new();
    let crashed = Arc::new(Notify::new());
    let (inner, told) = (world.store.clone(), Arc::clone(&crashed));
    let is_applied = commits.is_multiple_of(2);
    let open: engine::OpenStore =
        Arc::new(move || Ok(Arc::new(CrashStore::new(inner.clone(), commits, is_applied, Arc::clone(&told))) as _));
    let engine = world.open_with(open).await;
    let machine = new_state_machine("m", definition, asl::StateMachineType::Standard);
    let run = async {
        if engine.create_state_machine(machine).await.is_ok()
            && engine.start_execution(start_of(&arn("stateMachine", "m"), "e", "[1,2,3,4,5]")).await.is_ok()
        {
            let _ = engine.wait_until_closed(&execution_arn("m", "e")).await;
        }
    };
    tokio::select! {
        () = run => {}
        () = crashed.notified() => {}
    }
    drop(engine);

    let engine = world.open().await;
    let execution = execution_arn("m", "e");
    if engine.execution(&execution).await.is_err() {
        create(&engine, "m", definition).await;
        engine.start_execution(start_of(&arn("stateMachine", "m"), "e", "[1,2,3,4,5]")).await.unwrap();
    }
    let record = engine.wait_until_closed(&execution).await.unwrap();
    assert_eq!(record.status, Status::Succeeded, "{commits}");
    check_history(&engine, &record).await;
    let counts = map_run(&engine, &execution).await.map(|record| record.progress.executions);
    assert_eq!(counts, Some(Counts { succeeded: 4, failed: 1, ..Counts::default() }), "{commits}");
}
