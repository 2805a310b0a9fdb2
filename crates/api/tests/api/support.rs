//! An API over an engine in memory, and requests to it.

use api::{Api, ApiConfig};
use bytes::Bytes;
use engine::{Engine, Options, SystemClock, Task, Tasks};
use http::{Request, Response};
use json::Value;
use machine::TaskRequest;
use std::sync::Arc;
use store::MemoryStore;

struct NoTasks;

impl Tasks for NoTasks {
    fn find(&self, _request: &TaskRequest) -> Option<Arc<dyn Task>> {
        None
    }
}

pub async fn api() -> Api {
    api_with(Options::default()).await
}

pub async fn api_with(options: Options) -> Api {
    let store = Arc::new(MemoryStore::new());
    let open_store: engine::OpenStore = Arc::new(move || Ok(store.clone() as _));
    let engine = Engine::open(open_store, Arc::new(NoTasks), Arc::new(SystemClock), options).await.unwrap();
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
