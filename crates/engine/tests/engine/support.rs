//! A world for the engine: store, clock and tasks in the hands of the test.

use crate::stores::{SlowStore, SteppedStore};
use asl::{Arn, Resource, StateMachineType};
use engine::{
    Call, Engine, ExecutionRecord, Finding, ManualClock, NewActivity, NewStateMachine, Options, Page, Restart,
    Severity, StartExecution, Task, Tasks,
};
use futures_util::FutureExt;
use json::{Payload, Text, Value};
use machine::{Failure, HistoryEvent, Status, TaskRequest};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use store::{BoxFuture, Fault, FaultyStore, Keyspace, MemoryStore};
use tokio::sync::{Mutex as AsyncMutex, Semaphore, mpsc, oneshot};

pub use crate::stores::*;

pub const START_MS: i64 = 1_700_000_000_000;

/// What outlives an engine.
pub struct World {
    pub store: MemoryStore,
    pub clock: Arc<ManualClock>,
    pub calls: Arc<Calls>,
    pub options: Options,
    /// The test damages the store: it is not checked at the end.
    pub is_damaged: bool,
}

/// Whatever a test did: what it leaves in its store agrees.
impl Drop for World {
    fn drop(&mut self) {
        if self.is_damaged || std::thread::panicking() {
            return;
        }
        let damage = self.damage();
        assert!(damage.is_empty(), "{damage:#?}");
    }
}

impl World {
    /// For a test that damages the store.
    pub fn to_be_damaged() -> World {
        let mut world = World::new();
        world.is_damaged = true;
        world
    }

    /// What `fsck` finds to be damaged.
    pub fn damage(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        let limits = &self.options.limits;
        let expired_before_ms = engine::expired_before_ms(&*self.clock, limits);
        let checked = engine::fsck(Arc::new(self.store.clone()), expired_before_ms, &mut |finding| {
            if finding.severity == Severity::Damage {
                found.push(finding);
            }
        });
        assert_eq!(checked.damaged, found.len() as u64);
        found
    }

    pub fn new() -> World {
        World {
            store: MemoryStore::new(),
            clock: Arc::new(ManualClock::at(START_MS)),
            calls: Arc::new(Calls::default()),
            options: Options { shards: 2, removes_by_itself: false, ..Options::default() },
            is_damaged: false,
        }
    }

    /// Its engine does all that it does on the thread of the test.
    pub fn simulated() -> World {
        let mut world = World::new();
        (world.options.simulated, world.options.shards) = (Some(1), 1);
        world
    }

    pub async fn open(&self) -> Engine {
        let store = self.store.clone();
        self.open_with(Arc::new(move || Ok(Arc::new(store.clone()) as _))).await
    }

    /// With other tasks than those that the test answers.
    pub async fn open_tasks(&self, tasks: Arc<dyn Tasks>) -> Engine {
        let store = self.store.clone();
        let open_store = Arc::new(move || Ok(Arc::new(store.clone()) as _));
        Engine::open(open_store, tasks, Arc::clone(&self.clock) as _, self.options.clone()).await.unwrap()
    }

    /// Over a store that takes its time for each read of an execution, and counts these reads.
    pub async fn open_slow(&self) -> (Engine, Arc<AtomicU64>) {
        self.open_with_slow(|thread, keyspace, _| thread.starts_with("shard-") && keyspace.0 == "executions").await
    }

    /// Over one that takes as long when the parts of an execution are read beside the loop of its shard.
    pub async fn open_slow_apart(&self) -> (Engine, Arc<AtomicU64>) {
        self.open_with_slow(is_large_reading).await
    }

    async fn open_with_slow(&self, is_slow: fn(&str, Keyspace, &[u8]) -> bool) -> (Engine, Arc<AtomicU64>) {
        let (inner, reads) = (self.store.clone(), Arc::new(AtomicU64::new(0)));
        let shown = Arc::clone(&reads);
        let open = move || Ok(Arc::new(SlowStore { inner: inner.clone(), reads: Arc::clone(&shown), is_slow }) as _);
        (self.open_with(Arc::new(open)).await, reads)
    }

    /// Over a store on which some scans wait until the sender is dropped; counts those that have begun.
    pub async fn open_held(
        &self,
        is_held: fn(&str, Keyspace, &[u8]) -> bool,
    ) -> (Engine, Arc<AtomicU64>, std::sync::mpsc::Sender<()>) {
        let (told, go) = std::sync::mpsc::channel();
        let (inner, begun, go) = (self.store.clone(), Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(go)));
        let counted = Arc::clone(&begun);
        let open = move || {
            let (begun, go) = (Arc::clone(&counted), Arc::clone(&go));
            Ok(Arc::new(HeldStore { inner: inner.clone(), is_held, begun, go }) as _)
        };
        (self.open_with(Arc::new(open)).await, begun, told)
    }

    /// Over a store that fails at one commit, after so many, and does not when it is opened again.
    pub async fn open_failing(&self, commits: u64, fault: Fault) -> Engine {
        let (store, has_failed) = (self.store.clone(), AtomicBool::new(false));
        let open = move || {
            let inner = Arc::new(store.clone());
            let is_first = !has_failed.swap(true, Ordering::SeqCst);
            Ok(if is_first { Arc::new(FaultyStore::new(inner, commits, fault)) as _ } else { inner as _ })
        };
        self.open_with(Arc::new(open)).await
    }

    /// Over a store that makes a commit for each permit.
    pub async fn open_stepped(&self, permits: usize) -> (Engine, Arc<Semaphore>) {
        let (inner, steps) = (self.store.clone(), Arc::new(Semaphore::new(permits)));
        let gate = Arc::clone(&steps);
        let runtime = tokio::runtime::Handle::current();
        let open = move || Ok(Arc::new(SteppedStore::new(inner.clone(), Arc::clone(&gate), &runtime)) as _);
        (self.open_with(Arc::new(open)).await, steps)
    }

    pub async fn open_with(&self, open_store: engine::OpenStore) -> Engine {
        let tasks = Arc::new(Scripted { calls: Arc::clone(&self.calls) });
        Engine::open(open_store, tasks, Arc::clone(&self.clock) as _, self.options.clone()).await.unwrap()
    }
}

/// Whether the parts of an execution are read beside the loop of its shard: that begins so.
pub fn is_large_reading(thread: &str, keyspace: Keyspace, key: &[u8]) -> bool {
    !thread.starts_with("shard-") && keyspace == Keyspace("parts") && key.len() == 16
}

/// A call that the engine made, and where its answer goes.
pub struct Made {
    pub call: Call,
    pub answer: oneshot::Sender<Result<Payload, Failure>>,
    /// What was submitted before the restart, if the call is resumed.
    pub resumed: Option<Payload>,
}

impl Made {
    pub fn succeed(self, output: &str) {
        let _ = self.answer.send(Ok(payload(output)));
    }
    pub fn fail(self, error: &str) {
        let _ = self.answer.send(Err(Failure { error: Some(error.into()), cause: Some("told to".into()) }));
    }
}

/// The calls that the engine makes, in order. They outlive the engine, as services do.
pub struct Calls {
    sender: mpsc::UnboundedSender<Made>,
    made: AsyncMutex<mpsc::UnboundedReceiver<Made>>,
    /// What was submitted and nobody waits for any more.
    stopped: mpsc::UnboundedSender<Payload>,
    stops: AsyncMutex<mpsc::UnboundedReceiver<Payload>>,
    /// What a restart does with a call whose outcome is unknown.
    pub restart: Mutex<Restart>,
}

impl Default for Calls {
    fn default() -> Calls {
        let (sender, made) = mpsc::unbounded_channel();
        let (stopped, stops) = mpsc::unbounded_channel();
        let (made, stops) = (AsyncMutex::new(made), AsyncMutex::new(stops));
        Calls { sender, made, stopped, stops, restart: Mutex::new(Restart::Redispatch) }
    }
}

impl Calls {
    pub async fn next(&self) -> Made {
        self.made.lock().await.recv().await.unwrap()
    }
    /// What an integration is asked to stop.
    pub async fn stop(&self) -> Payload {
        self.stops.lock().await.recv().await.unwrap()
    }
    pub async fn is_empty(&self) -> bool {
        self.made.lock().await.is_empty()
    }
}

struct Scripted {
    calls: Arc<Calls>,
}

impl Tasks for Scripted {
    fn find(&self, request: &TaskRequest) -> Option<Arc<dyn Task>> {
        (&*request.service != "sns").then(|| Arc::new(Scripted { calls: Arc::clone(&self.calls) }) as _)
    }
}

impl Task for Scripted {
    fn run(&self, call: Call) -> BoxFuture<'static, Result<Payload, Failure>> {
        assert_ne!(&*call.request.action, "listQueues", "told to panic");
        self.made(call, None)
    }
    fn resume(&self, call: Call, submitted: Payload) -> BoxFuture<'static, Result<Payload, Failure>> {
        self.made(call, Some(submitted))
    }
    fn awaits(&self, _request: &TaskRequest, submitted: &Payload) -> Option<Text> {
        submitted.value().get("ExecutionArn").and_then(Value::as_str).map(Text::from)
    }
    fn cancel(&self, _call: Call, submitted: Payload) -> BoxFuture<'static, ()> {
        let _ = self.calls.stopped.send(submitted);
        Box::pin(std::future::ready(()))
    }
    fn restart(&self, _request: &TaskRequest) -> Restart {
        self.calls.restart.lock().unwrap().clone()
    }
    fn is_waiting(&self, request: &TaskRequest) -> bool {
        &*request.action == "getActivityTask"
    }
}

impl Scripted {
    fn made(&self, call: Call, resumed: Option<Payload>) -> BoxFuture<'static, Result<Payload, Failure>> {
        let (answer, answered) = oneshot::channel();
        let _ = self.calls.sender.send(Made { call, answer, resumed });
        Box::pin(async move {
            match answered.await {
                Ok(outcome) => outcome,
                // The test forgot the call: it never returns.
                Err(_) => std::future::pending().await,
            }
        })
    }
}

pub fn payload(text: &str) -> Payload {
    Payload::parse(text).unwrap()
}

pub fn arn(kind: &str, name: &str) -> Arn {
    Arn::parse(&format!("arn:aws:states:us-east-1:123456789012:{kind}:{name}")).unwrap()
}

pub fn execution_arn(state_machine: &str, name: &str) -> Arn {
    arn("execution", &format!("{state_machine}:{name}"))
}

pub fn new_state_machine(name: &str, definition: &str, state_machine_type: StateMachineType) -> NewStateMachine {
    let parsed = asl::parse(definition, state_machine_type, &asl::Limits::default());
    NewStateMachine {
        arn: arn("stateMachine", name),
        parsed: Arc::new(parsed.state_machine.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics))),
        definition: definition.into(),
        role_arn: "arn:aws:iam::123456789012:role/r".into(),
        state_machine_type,
        logging: None,
        tracing: None,
        encryption: None,
        tags: Vec::new(),
        publish: None,
    }
}

/// Creates a Standard state machine, whatever became of an earlier attempt.
pub async fn create(engine: &Engine, name: &str, definition: &str) -> Arn {
    create_typed(engine, name, definition, StateMachineType::Standard).await
}

pub async fn create_typed(engine: &Engine, name: &str, definition: &str, state_machine_type: StateMachineType) -> Arn {
    engine.create_state_machine(new_state_machine(name, definition, state_machine_type)).await.unwrap();
    arn("stateMachine", name)
}

pub async fn create_activity(engine: &Engine, name: &str) -> Arn {
    let new = NewActivity { arn: arn("activity", name), encryption: None, tags: Vec::new() };
    engine.create_activity(new).await.unwrap();
    arn("activity", name)
}

pub fn start_of(state_machine: &Arn, name: &str, input: &str) -> StartExecution {
    StartExecution {
        state_machine: state_machine.clone(),
        name: Some(name.into()),
        input: payload(input),
        input_text: input.into(),
        trace_header: None,
        origin: None,
    }
}

pub async fn start(engine: &Engine, state_machine: &Arn, name: &str) -> Arn {
    let started = engine.start_execution(start_of(state_machine, name, "{}")).await.unwrap();
    Arn::parse(&started.arn).unwrap()
}

pub async fn history(engine: &Engine, arn: &Arn) -> Vec<HistoryEvent> {
    let mut events = Vec::new();
    let mut after = None;
    loop {
        let page = engine.history(arn, false, Page { size: 1_000, after }).await.unwrap();
        events.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    judge(engine, arn, &events).await;
    events
}

/// The history checker judges every history that a test reads.
async fn judge(engine: &Engine, arn: &Arn, events: &[HistoryEvent]) {
    let (Ok(record), Ok(state_machine)) = (engine.execution(arn).await, engine.state_machine_of_execution(arn).await)
    else {
        return;
    };
    let Ok(mut checker) = checker::Checker::new(&state_machine.definition, record.state_machine_type) else { return };
    if let Resource::MapRunStateMachine { label, .. } = Arn::parse(&record.state_machine_arn).unwrap().resource {
        checker = checker.of_children(&label).unwrap();
    }
    let events: Vec<checker::HistoryEvent> = events.iter().map(checker::HistoryEvent::from).collect();
    let history = checker::History { input: &record.input_text, events: &events, ..checker::History::default() };
    let verdict = checker.check(&history);
    assert!(verdict.is_legal(), "{verdict}\n{}\n{events:#?}", state_machine.definition);
}

pub async fn event_types(engine: &Engine, arn: &Arn) -> Vec<&'static str> {
    history(engine, arn).await.iter().map(|event| event.event_type.as_str()).collect()
}

/// Waits until the history has so many events.
pub async fn until_events(engine: &Engine, arn: &Arn, count: usize) {
    while history(engine, arn).await.len() < count {
        tokio::task::yield_now().await;
    }
}

/// Waits until the execution has ended, which it must have in this way and with a good history.
pub async fn ends(engine: &Engine, arn: &Arn, status: Status) {
    let record = engine.wait_until_closed(arn).await.unwrap();
    assert_eq!(record.status, status, "{arn}: {:?}", record.outcome);
    check_history(engine, &record).await;
}

/// What every history must be: gapless, in time, and ended once, and once more for each redrive, at its end.
pub async fn check_history(engine: &Engine, record: &ExecutionRecord) {
    let events = history(engine, &Arn::parse(&record.arn).unwrap()).await;
    let mut last_ms = record.start_ms;
    for (event, id) in events.iter().zip(1..) {
        assert_eq!(event.id, id, "{events:?}");
        assert!(event.previous_event_id < event.id, "{events:?}");
        assert!(event.timestamp_ms >= last_ms, "{events:?}");
        last_ms = event.timestamp_ms;
    }
    let ends = |event: &HistoryEvent| {
        let name = event.event_type.as_str();
        ["ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"].contains(&name)
    };
    let redriven = events.iter().filter(|event| event.event_type.as_str() == "ExecutionRedriven").count();
    assert_eq!(u32::try_from(redriven), Ok(record.redrive_count));
    assert_eq!(events.iter().filter(|event| ends(event)).count(), 1 + redriven, "{events:?}");
    assert!(events.last().is_some_and(ends));
    assert_eq!(record.stop_ms, events.last().map(|event| event.timestamp_ms));
}

/// A stored record as one that is not packed, so that text of the same length can be put in its place. The engine gives
/// records away as what they tell, and never as they are stored: so these tests, which damage a store from outside, know its
/// format a second time (`tables/encoding.rs`, which has the exact bytes in its tests).
pub fn unpacked(value: &[u8]) -> Vec<u8> {
    match value {
        [2, a, b, c, d, block @ ..] => {
            let length = u32::from_le_bytes([*a, *b, *c, *d]);
            [&[1][..], &lz4_flex::block::decompress(block, length as usize).unwrap()].concat()
        }
        plain => plain.to_vec(),
    }
}

/// The caller of a change goes away when it has begun, and before a commit of it is made.
pub async fn leave<T>(steps: &Semaphore, change: impl Future<Output = T>) {
    steps.forget_permits(steps.available_permits());
    assert!(change.now_or_never().is_none());
    come_to_rest().await;
}

/// A simulated engine does all that it can do.
pub async fn come_to_rest() {
    for _ in 0..2_000 {
        tokio::task::yield_now().await;
    }
}
