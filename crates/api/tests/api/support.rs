//! An API over an engine in memory, and requests to it.

use api::{Api, ApiConfig};
use bytes::Bytes;
use engine::{Clock, Engine, Options, SystemClock, Task, Tasks};
use http::{Request, Response};
use json::Value;
use machine::TaskRequest;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use store::{Batch, BoxFuture, Error, Keyspace, MemoryStore, Range, Record, Store};

pub struct NoTasks;

impl Tasks for NoTasks {
    fn find(&self, _request: &TaskRequest) -> Option<Arc<dyn Task>> {
        None
    }
}

pub async fn api() -> Api {
    api_with(Options::default()).await
}

pub async fn api_with(options: Options) -> Api {
    api_at(Arc::new(SystemClock), options).await
}

pub async fn api_at(clock: Arc<dyn Clock>, options: Options) -> Api {
    api_over(Arc::new(MemoryStore::new()), clock, options).await
}

/// An API, and how many commits it has made.
pub async fn counted_api() -> (Api, Arc<AtomicU64>) {
    let commits = Arc::new(AtomicU64::new(0));
    let store = CountingStore { inner: MemoryStore::new(), commits: Arc::clone(&commits) };
    (api_over(Arc::new(store), Arc::new(SystemClock), Options::default()).await, commits)
}

/// Tells how often something was written.
struct CountingStore {
    inner: MemoryStore,
    commits: Arc<AtomicU64>,
}

impl Store for CountingStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.inner.get(keyspace, key)
    }
    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, Error> {
        self.inner.scan(keyspace, range, limit)
    }
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), Error>> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        self.inner.commit(batch)
    }
}

async fn api_over(store: Arc<dyn Store>, clock: Arc<dyn Clock>, options: Options) -> Api {
    let open_store: engine::OpenStore = Arc::new(move || Ok(Arc::clone(&store)));
    let engine = Engine::open(open_store, Arc::new(NoTasks), clock, options).await.unwrap();
    Api::new(engine, ApiConfig { account_id: "123456789012".into(), default_region: "us-east-1".into() })
}

pub async fn send(api: &Api, operation: &str, body: impl Into<Bytes>) -> Response<Bytes> {
    let request = Request::post("/")
        .header("Content-Type", "application/x-amz-json-1.0")
        .header("X-Amz-Target", format!("AWSStepFunctions.{operation}"))
        .body(body.into());
    api.handle(request.unwrap()).await
}

/// The body of a successful answer.
pub async fn ask(api: &Api, operation: &str, body: &str) -> Value {
    let response = send(api, operation, body.to_owned()).await;
    let text = std::str::from_utf8(response.body()).unwrap();
    assert_eq!(response.status(), 200, "{operation} {body}: {text}");
    Value::parse(text).unwrap()
}

/// Code and message of a refusal.
pub async fn refused(api: &Api, operation: &str, body: &str) -> (String, String) {
    let response = send(api, operation, body.to_owned()).await;
    let text = std::str::from_utf8(response.body()).unwrap();
    assert_eq!(response.status(), 400, "{operation} {body}: {text}");
    let error = Value::parse(text).unwrap();
    (string(&error, "__type"), string(&error, "message"))
}

pub fn string(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}
