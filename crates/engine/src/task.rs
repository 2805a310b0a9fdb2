//! What an integration provides.
use json::Payload;
use machine::{Facts, Failure, TaskRequest};
use std::sync::Arc;
use store::BoxFuture;

/// One call that a Task state asked for.
#[derive(Clone)]
pub struct Call {
    pub request: TaskRequest,
    /// Of the execution that asks.
    pub facts: Arc<Facts>,
    /// Unique to this attempt and the same after a restart: for services with idempotency keys.
    pub idempotency_key: String,
    submitted: Arc<dyn Fn(Payload) -> BoxFuture<'static, ()> + Send + Sync>,
}

impl Call {
    pub fn new(
        request: TaskRequest,
        facts: Arc<Facts>,
        idempotency_key: String,
        submitted: Arc<dyn Fn(Payload) -> BoxFuture<'static, ()> + Send + Sync>,
    ) -> Call {
        Call { request, facts, idempotency_key, submitted }
    }
    /// What a `.sync` call starts was accepted: ready when `TaskSubmitted` with this output is durable.
    pub async fn submitted(&self, output: Payload) {
        (self.submitted)(output).await;
    }
}

/// What a restart does with an attempt in flight whose outcome is unknown.
#[derive(Clone, Debug, PartialEq)]
pub enum Restart {
    /// Call again: the service is idempotent, or takes the idempotency key.
    Redispatch,
    /// Fail the attempt with this error; Retry and Catch decide.
    Fail(Failure),
}

/// One service integration.
pub trait Task: Send + Sync {
    /// Makes the call. Request-response and callback: the answer of the call (for a callback it becomes `TaskSubmitted`).
    /// `.sync`: reports [`Call::submitted`], then waits for the end of what it started. Dropping the future cancels the call.
    fn run(&self, call: Call) -> BoxFuture<'static, Result<Payload, Failure>>;
    /// `.sync` after a restart: waits for the end of what was submitted with this output.
    fn resume(&self, call: Call, submitted: Payload) -> BoxFuture<'static, Result<Payload, Failure>>;
    fn restart(&self, request: &TaskRequest) -> Restart;
    /// Whether the call does nothing but wait for something that happens in this engine, such as the end of an
    /// execution. Such a call takes no place among those that run at once, because what it waits for may need one; the
    /// number of such calls is bounded by that of what they wait for.
    fn is_waiting(&self, _request: &TaskRequest) -> bool {
        false
    }
}

/// Finds the integration of a `Resource`.
pub trait Tasks: Send + Sync {
    /// `None`: there is none; the task fails as AWS would say it.
    fn find(&self, request: &TaskRequest) -> Option<Arc<dyn Task>>;
}
