//! What an integration provides.
use crate::{ItemReader, ResultWriter, tables::ExecutionKey};
use asl::StateMachineType;
use json::{Payload, Text, Value};
use machine::{EventId, Facts, Failure, TaskRequest};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::BoxFuture;

/// One call that a Task state asked for.
#[derive(Clone)]
pub struct Call {
    pub request: Arc<TaskRequest>,
    /// Of the execution that asks.
    pub facts: Arc<Facts>,
    /// Unique to this attempt and the same after a restart: for services with idempotency keys.
    pub idempotency_key: String,
    /// For calls that come back to this engine. `None` where a restart makes no call again: in Express executions.
    pub origin: Option<Origin>,
}

/// Names the attempt that makes a call. What the call did in another execution is remembered with it: if a restart makes
/// the call again, it has the same answer and no second effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    pub(crate) key: ExecutionKey,
    pub(crate) id: EventId,
}

impl Call {
    pub fn new(request: impl Into<Arc<TaskRequest>>, facts: Arc<Facts>, idempotency_key: String) -> Call {
        let request = request.into();
        let is_standard = facts.state_machine_type == StateMachineType::Standard;
        let origin = || Origin { key: ExecutionKey::of(&facts.execution_arn), id: request.id };
        let origin = is_standard.then(origin);
        Call { request, facts, idempotency_key, origin }
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
    /// Makes the call. Request-response: gives the answer. Callback and `.sync`: gives the answer of the service that
    /// took the request, which becomes `TaskSubmitted`. Dropping the future cancels the call.
    fn run(&self, call: Call) -> BoxFuture<'static, Result<Payload, Failure>>;
    /// `.sync`, once `TaskSubmitted` with this output is durable, and again after a restart: waits for the end of what was
    /// submitted.
    fn resume(&self, call: Call, submitted: Payload) -> BoxFuture<'static, Result<Payload, Failure>>;
    /// `.sync`: the execution of this engine that was submitted. The engine waits for its end by name only, and calls
    /// [`Task::resume`] when it has ended. `None` if something else was submitted.
    fn awaits(&self, _request: &TaskRequest, _submitted: &Payload) -> Option<Text> {
        None
    }
    /// `.sync`: the task timed out, or its execution or branch ended: stops what was submitted, as well as it can be done.
    fn cancel(&self, _call: Call, _submitted: Payload) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
    fn restart(&self, request: &TaskRequest) -> Restart;
    /// Whether the call does nothing but wait for something that happens in this engine, such as the end of an
    /// execution. Such a call takes no place among those that run at once, because what it waits for may need one; the
    /// number of such calls is bounded by that of what they wait for.
    fn is_waiting(&self, _request: &TaskRequest) -> bool {
        false
    }
}

/// How strictly a mocked result is compared with the API model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MockCheck {
    /// Required members must be there, and what is there must fit.
    Strict,
    /// What is there must fit.
    Present,
}

/// Finds the integration of a `Resource`.
pub trait Tasks: Send + Sync {
    /// `None`: there is none; the task fails as AWS would say it.
    fn find(&self, request: &TaskRequest) -> Option<Arc<dyn Task>>;
    /// Finds what reads the items of a Map by the `Resource` of its `ItemReader`. `None`: nothing of this server does, and
    /// the Map Run fails with `States.ItemReaderFailed`.
    fn item_reader(&self, _resource: &str) -> Option<Arc<dyn ItemReader>> {
        None
    }
    /// Finds what writes the results of a Map by the `Resource` of its `ResultWriter`. `None`: nothing of this server does,
    /// and the Map Run fails with `States.ResultWriterFailed`.
    fn result_writer(&self, _resource: &str) -> Option<Arc<dyn ResultWriter>> {
        None
    }
    /// Who knows what the services take that Tasks call. `None`: nobody does, and a definition may say anything.
    fn services(&self) -> Option<Arc<dyn asl::Services>> {
        None
    }
    /// Compares a mocked result with the API model of what the resource calls, and says what is wrong with it. A
    /// resource without a model takes any result.
    fn check_mock(&self, _resource: &asl::TaskResource, _result: &Value, _check: MockCheck) -> Result<(), String> {
        Ok(())
    }
}
