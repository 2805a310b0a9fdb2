//! Bodies of API requests: the first line names the operation. Answered with success or an error of the client; never with
//! a 5xx, a panic or a hang.
#![no_main]

use api::{Api, ApiConfig};
use engine::{Engine, Options, SystemClock, Task, Tasks};
use http::Request;
use libfuzzer_sys::fuzz_target;
use machine::TaskRequest;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;
use store::MemoryStore;
use tokio::runtime::{Builder, Runtime};

/// What was created stays: after so many requests they go to a new engine.
const REQUESTS_MAX: u32 = 5_000;
/// GetActivityTask waits for a task, StartSyncExecution for an end.
const PATIENCE: Duration = Duration::from_millis(20);

struct NoTasks;

impl Tasks for NoTasks {
    fn find(&self, _request: &TaskRequest) -> Option<Arc<dyn Task>> {
        None
    }
}

struct World {
    runtime: Runtime,
    api: Api,
    requests: u32,
}

impl World {
    fn new() -> World {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let store: Arc<dyn store::Store> = Arc::new(MemoryStore::new());
        let open: engine::OpenStore = Arc::new(move || Ok(Arc::clone(&store)));
        let opened = Engine::open(open, Arc::new(NoTasks), Arc::new(SystemClock), Options::default());
        let engine = runtime.block_on(opened).expect("an engine in memory opens");
        let config = ApiConfig { account_id: "123456789012".into(), default_region: "us-east-1".into() };
        World { runtime, api: Api::new(engine, config), requests: 0 }
    }
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

fuzz_target!(init: fuzz::caught_panics_are_no_finding(), |data: &[u8]| {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let (Some(operation), Some(body)) = (parts.next(), parts.next()) else { return };
    let request = Request::post("/")
        .header("Content-Type", "application/x-amz-json-1.0")
        .header("X-Amz-Target", [b"AWSStepFunctions.", operation].concat());
    let Ok(request) = request.body(bytes::Bytes::copy_from_slice(body)) else { return };
    WORLD.with_borrow_mut(|world| {
        let world = match world {
            Some(world) if world.requests < REQUESTS_MAX => world,
            _ => world.insert(World::new()),
        };
        world.requests += 1;
        let answered = async { tokio::time::timeout(PATIENCE, world.api.handle(request)).await };
        if let Ok(answer) = world.runtime.block_on(answered) {
            assert!(!answer.status().is_server_error(), "{}", String::from_utf8_lossy(answer.body()));
        }
    });
});
