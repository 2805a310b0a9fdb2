//! State machines that are deleted while they have executions, or are about to have one.

use crate::map_run_world::{self, Listed};
use crate::support::*;
use asl::StateMachineType;
use engine::{Engine, Error};
use futures_util::FutureExt;
use machine::{Outcome, Status};
use std::{
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};
use store::{Batch, BoxFuture, Fault, Keyspace, MemoryStore, Range, Record, Store};

const WAITS: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"End":true}}}"#;
const WAITS_AND_GOES_ON: &str =
    r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"Next":"P"},"P":{"Type":"Pass","End":true}}}"#;
const WAITS_IN_A_BRANCH: &str = r#"{"StartAt":"B","States":{"B":{"Type":"Parallel","End":true,"Branches":[
    {"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"Next":"P"},"P":{"Type":"Pass","End":true}}},
    {"StartAt":"V","States":{"V":{"Type":"Wait","Seconds":90,"End":true}}}]}}}"#;

async fn until_gone(engine: &Engine) {
    while engine.state_machine(&arn("stateMachine", "m")).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

/// Deletes the state machine while its execution waits, and lets the wait be over.
async fn check(definition: &str, restarts: bool, expected: Status, last_events: &[&str]) {
    let world = World::new();
    let mut engine = world.open().await;
    let machine = create(&engine, "m", definition).await;
    let execution = start(&engine, &machine, "e").await;
    engine.delete_state_machine(&machine).await.unwrap();
    assert_eq!(engine.execution(&execution).await.unwrap().status, Status::Running);
    if restarts {
        drop(engine);
        engine = world.open().await;
    }
    world.clock.advance(Duration::from_secs(60));
    let record = engine.wait_until_closed(&execution).await.unwrap();
    assert_eq!(record.status, expected, "{definition}");
    if expected == Status::Failed {
        let Some(Outcome::Failed(failure)) = &record.outcome else { panic!("{record:?}") };
        assert_eq!(failure.error.as_deref(), Some("States.Runtime"));
        assert_eq!(failure.cause.as_deref(), Some("State machine m has been deleted."));
    }
    let types = event_types(&engine, &execution).await;
    assert!(types.ends_with(last_events), "{types:?}");
    check_history(&engine, &record).await;
    until_gone(&engine).await;
}

#[tokio::test]
async fn an_execution_of_a_deleted_state_machine_fails_at_its_next_transition() {
    for restarts in [false, true] {
        check(WAITS, restarts, Status::Succeeded, &["WaitStateExited", "ExecutionSucceeded"]).await;
        check(WAITS_AND_GOES_ON, restarts, Status::Failed, &["WaitStateExited", "ExecutionFailed"]).await;
        check(WAITS_IN_A_BRANCH, restarts, Status::Failed, &["WaitStateExited", "ExecutionFailed"]).await;
    }
}

#[tokio::test]
async fn children_of_a_map_run_of_a_deleted_state_machine_fail_at_their_next_transition() {
    let child = WAITS_AND_GOES_ON.trim_start_matches('{').trim_end_matches('}');
    let child = format!("{child}}}}}");
    let fields = r#","MaxConcurrency":1,"ToleratedFailurePercentage":100"#;
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", &map_run_world::map("STANDARD", &child, fields)).await;
    let execution = start_of(&machine, "e", "[1,2,3]");
    let execution = asl::Arn::parse(&engine.start_execution(execution).await.unwrap().arn).unwrap();
    map_run_world::until(&engine, &execution, |map_run| map_run.progress.executions.running == 1).await;
    engine.delete_state_machine(&machine).await.unwrap();
    world.clock.advance(Duration::from_secs(60));
    let record = engine.wait_until_closed(&execution).await.unwrap();
    let map_run = map_run_world::map_run(&engine, &execution).await;
    assert_eq!(map_run_world::counts(&map_run).failed, 3, "{map_run:?}");
    for child in map_run_world::children(&engine, &map_run, Listed::default()).await {
        let child = engine.wait_until_closed(&asl::Arn::parse(&child.arn).unwrap()).await.unwrap();
        let Some(Outcome::Failed(failure)) = &child.outcome else { panic!("{child:?}") };
        assert!(failure.cause.as_deref().unwrap().ends_with("has been deleted."), "{failure:?}");
    }
    check_history(&engine, &record).await;
    until_gone(&engine).await;
}

#[tokio::test]
async fn a_deletion_is_finished_whichever_of_its_commits_fails() {
    // Three commits are not its own: the key of the tokens, the state machine and the execution.
    let (applied, lost) = (Fault::AppliedButReported, Fault::Lost);
    for (commits, fault) in [(3, applied), (4, applied), (5, applied), (4, lost), (5, lost)] {
        let world = World::new();
        let engine = world.open_failing(commits, fault).await;
        let machine = create(&engine, "m", WAITS_AND_GOES_ON).await;
        let execution = start(&engine, &machine, "e").await;
        assert_eq!(engine.delete_state_machine(&machine).await.is_err(), commits == 3);
        world.clock.advance(Duration::from_secs(60));
        while !matches!(engine.state_machine(&machine).await, Err(Error::StateMachineDoesNotExist(_))) {
            tokio::task::yield_now().await;
        }
        let record = engine.execution(&execution).await.unwrap();
        assert_eq!(record.status, Status::Failed, "{commits} {fault:?}");
        check_history(&engine, &record).await;
    }
}

const RETRIES: &str = r#"{"StartAt":"T","States":{"T":{"Type":"Task","End":true,
    "Resource":"arn:aws:states:::sqs:sendMessage","Parameters":{"QueueUrl":"u","MessageBody":"b"},
    "Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":1,"MaxAttempts":99}]}}}"#;

#[tokio::test]
async fn a_retry_is_a_transition() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", RETRIES).await;
    let execution = start(&engine, &machine, "e").await;
    let call = world.calls.next().await;
    engine.delete_state_machine(&machine).await.unwrap();
    call.fail("Any");
    while event_types(&engine, &execution).await.last() != Some(&"TaskFailed") {
        tokio::task::yield_now().await;
    }
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(engine.wait_until_closed(&execution).await.unwrap().status, Status::Failed);
    until_gone(&engine).await;
}

/// Holds up a shard when it looks whether the name of a start is free, once: it has seen the state machine by then.
#[derive(Clone)]
struct HeldStore {
    inner: MemoryStore,
    hold: Arc<Mutex<Option<Hold>>>,
}

struct Hold {
    held: tokio::sync::oneshot::Sender<()>,
    go: mpsc::Receiver<()>,
}

impl HeldStore {
    fn new(world: &mut World) -> HeldStore {
        // Longer than executions are kept: else no names are looked for.
        world.options.limits.name_reuse_days = world.options.limits.retention_days + 1;
        HeldStore { inner: world.store.clone(), hold: Arc::default() }
    }

    async fn open(&self, world: &World) -> Engine {
        let store = self.clone();
        world.open_with(Arc::new(move || Ok(Arc::new(store.clone()) as _))).await
    }

    /// Starts an execution, and comes back when the shard is held up with it in hands.
    async fn start(
        &self,
        engine: &Engine,
        machine: &asl::Arn,
    ) -> (tokio::task::JoinHandle<Result<engine::Started, Error>>, mpsc::Sender<()>) {
        let (held, is_held) = tokio::sync::oneshot::channel();
        let (go, told) = mpsc::channel();
        *self.hold.lock().unwrap() = Some(Hold { held, go: told });
        let (engine, start) = (engine.clone(), start_of(machine, "e", "{}"));
        let started = tokio::spawn(async move { engine.start_execution(start).await });
        is_held.await.unwrap();
        (started, go)
    }
}

impl Store for HeldStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, store::Error> {
        let hold = self.hold.lock().unwrap().take_if(|_| keyspace == Keyspace("names"));
        if let Some(Hold { held, go }) = hold {
            held.send(()).unwrap();
            go.recv().unwrap();
        }
        self.inner.get(keyspace, key)
    }
    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, store::Error> {
        self.inner.scan(keyspace, range, limit)
    }
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), store::Error>> {
        self.inner.commit(batch)
    }
}

#[tokio::test]
async fn a_state_machine_is_not_removed_while_a_start_is_on_its_way() {
    let mut world = World::new();
    let store = HeldStore::new(&mut world);
    let engine = store.open(&world).await;
    let machine = create(&engine, "m", WAITS).await;
    let (started, go) = store.start(&engine, &machine).await;
    let (deleting, deleted) = (engine.clone(), machine.clone());
    let deletion = tokio::spawn(async move { deleting.delete_state_machine(&deleted).await });
    while world.store.get(Keyspace("deleting"), machine.to_string().as_bytes()).unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    go.send(()).unwrap();
    started.await.unwrap().unwrap();
    deletion.await.unwrap().unwrap();
    // It was accepted, and to enter its first state is a transition.
    let record = engine.execution(&execution_arn("m", "e")).await.unwrap();
    assert_eq!(record.status, Status::Failed);
    until_gone(&engine).await;
}

#[tokio::test]
async fn a_start_that_comes_after_the_deletion_is_refused_although_it_has_read_the_definition() {
    for recreated in [false, true] {
        let mut world = World::new();
        (world.options.shards, world.options.requests_waiting_max) = (1, 1);
        let store = HeldStore::new(&mut world);
        let engine = store.open(&world).await;
        let machine = create(&engine, "m", WAITS).await;
        let other = create(&engine, "other", WAITS).await;
        let (started, go) = store.start(&engine, &other).await;
        // It has its definition, and waits for its turn to ask the shard.
        let mut late = pin!(engine.start_execution(start_of(&machine, "late", "{}")));
        assert!(late.as_mut().now_or_never().is_none());
        go.send(()).unwrap();
        started.await.unwrap().unwrap();
        engine.delete_state_machine(&machine).await.unwrap();
        assert!(matches!(engine.state_machine(&machine).await, Err(Error::StateMachineDoesNotExist(_))));
        if recreated {
            world.clock.advance(Duration::from_millis(1));
            create(&engine, "m", WAITS).await;
        }
        assert!(matches!(late.await, Err(Error::StateMachineDoesNotExist(_))));
        let execution = engine.execution(&execution_arn("m", "late")).await;
        assert!(matches!(execution, Err(Error::ExecutionDoesNotExist(_))));
    }
}

#[tokio::test]
async fn so_is_a_start_whose_caller_waits_for_the_end() {
    let mut world = World::new();
    (world.options.shards, world.options.requests_waiting_max) = (1, 1);
    let store = HeldStore::new(&mut world);
    let engine = store.open(&world).await;
    let passes = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
    let machine = create_typed(&engine, "m", passes, StateMachineType::Express).await;
    let other = create(&engine, "other", WAITS).await;
    let (started, go) = store.start(&engine, &other).await;
    let mut late = pin!(engine.start_sync_execution(start_of(&machine, "late", "{}")));
    assert!(late.as_mut().now_or_never().is_none());
    go.send(()).unwrap();
    started.await.unwrap().unwrap();
    engine.delete_state_machine(&machine).await.unwrap();
    let refused = late.await;
    assert!(matches!(refused, Err(Error::StateMachineDoesNotExist(_))), "{refused:?}");
}

#[tokio::test]
async fn a_state_machine_is_deleted_while_the_slow_lane_never_rests() {
    const STARTERS: usize = 32;
    const STARTS_MAX: usize = 960;
    let mut world = World::new();
    (world.options.shards, world.options.quick_budget.memory_bytes) = (1, 1_000);
    let engine = world.open().await;
    let slow = r#"{"QueryLanguage":"JSONata","StartAt":"P","States":{"P":{"Type":"Pass","Output":"{% $sum([1..20000]) %}","End":true}}}"#;
    let (slow, machine) = (create(&engine, "slow", slow).await, create(&engine, "m", WAITS).await);
    let under_load = tokio::sync::Barrier::new(STARTERS + 1);
    let begun = AtomicUsize::new(0);
    let starters = (0..STARTERS).map(|starter| {
        let (engine, slow, under_load, begun) = (&engine, &slow, &under_load, &begun);
        async move {
            for number in 0..STARTS_MAX / STARTERS {
                start(engine, slow, &format!("{starter}-{number}")).await;
                begun.fetch_add(1, Ordering::Relaxed);
                if number == 0 {
                    under_load.wait().await;
                }
            }
        }
    });
    let load = futures_util::future::join_all(starters);
    let deletion = async {
        under_load.wait().await;
        engine.delete_state_machine(&machine).await
    };
    tokio::select! {
        biased;
        _ = load => panic!("the deletion waits for all that is begun after it"),
        deleted = deletion => deleted.unwrap(),
    }
    assert!(begun.into_inner() < STARTS_MAX / 2, "the deletion waits for much that is begun after it");
    assert!(matches!(engine.state_machine(&machine).await, Err(Error::StateMachineDoesNotExist(_))));
}
