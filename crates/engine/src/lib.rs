//! The engine: drives `machine` against `store`. Shards own executions; a step is committed before its effects happen.

mod clock;
mod error;
mod model;
mod task;

pub use clock::{Clock, SystemClock};
pub use error::Error;
pub use model::*;
pub use task::{Call, Restart, Task, Tasks};

use std::sync::Arc;
use store::Store;

/// How the engine runs. Every figure has a default.
#[derive(Clone, Debug)]
pub struct Options {
    pub limits: asl::Limits,
    /// Shards, each a thread of its own. 0 is one per core.
    pub shards: usize,
    /// Tasks that run at once; more of them wait in line.
    pub tasks_at_once_max: usize,
    /// Budget of an expression on the shard's own thread, and on the slow lane that it is moved to when that is not enough.
    pub quick_budget: query::Budget,
    pub slow_budget: query::Budget,
}

/// Opens the store; called again after a failed commit.
pub type OpenStore = Arc<dyn Fn() -> Result<Arc<dyn Store>, store::Error> + Send + Sync>;

/// A running engine. Cloning it shares it.
#[derive(Clone)]
pub struct Engine { _inner: Arc<()> }

impl Engine {
    /// Opens the store, loads what is open, carries out again what was pending, and starts the shards.
    pub async fn open(_open_store: OpenStore, _tasks: Arc<dyn Tasks>, _clock: Arc<dyn Clock>, _options: Options) -> Result<Engine, Error> { todo!() }
    /// Takes no new work, waits for running tasks up to `drain`, commits what is left.
    pub async fn shutdown(&self, _drain: std::time::Duration) { todo!() }
    pub fn limits(&self) -> &asl::Limits { todo!() }

    // State machines. `create` is idempotent by AWS's rule (same name, definition text, type, logging, tracing, encryption).
    pub async fn create_state_machine(&self, _new: NewStateMachine) -> Result<Arc<StateMachineRecord>, Error> { todo!() }
    pub async fn update_state_machine(&self, _arn: &asl::Arn, _change: StateMachineChange) -> Result<Arc<StateMachineRecord>, Error> { todo!() }
    pub async fn state_machine(&self, _arn: &asl::Arn) -> Result<Arc<StateMachineRecord>, Error> { todo!() }
    /// Marks it DELETING while it has open executions; unknown ones are no error.
    pub async fn delete_state_machine(&self, _arn: &asl::Arn) -> Result<(), Error> { todo!() }
    pub async fn list_state_machines(&self, _scope: &Account, _page: Page) -> Result<Paged<Arc<StateMachineRecord>>, Error> { todo!() }

    // Executions.
    pub async fn start_execution(&self, _start: StartExecution) -> Result<Started, Error> { todo!() }
    pub async fn start_sync_execution(&self, _start: StartExecution) -> Result<SyncResult, Error> { todo!() }
    pub async fn stop_execution(&self, _arn: &asl::Arn, _error: Option<json::Text>, _cause: Option<json::Text>) -> Result<i64, Error> { todo!() }
    pub async fn execution(&self, _arn: &asl::Arn) -> Result<ExecutionRecord, Error> { todo!() }
    /// The state machine as it was when the execution started.
    pub async fn state_machine_of_execution(&self, _arn: &asl::Arn) -> Result<Arc<StateMachineRecord>, Error> { todo!() }
    /// Newest first.
    pub async fn list_executions(&self, _filter: ExecutionFilter, _page: Page) -> Result<Paged<ExecutionRecord>, Error> { todo!() }
    pub async fn history(&self, _arn: &asl::Arn, _reverse: bool, _page: Page) -> Result<Paged<machine::HistoryEvent>, Error> { todo!() }
    /// Ready when the execution has ended.
    pub async fn wait_until_closed(&self, _arn: &asl::Arn) -> Result<ExecutionRecord, Error> { todo!() }

    // Activities and task tokens.
    pub async fn create_activity(&self, _new: NewActivity) -> Result<ActivityRecord, Error> { todo!() }
    pub async fn activity(&self, _arn: &asl::Arn) -> Result<ActivityRecord, Error> { todo!() }
    pub async fn delete_activity(&self, _arn: &asl::Arn) -> Result<(), Error> { todo!() }
    pub async fn list_activities(&self, _scope: &Account, _page: Page) -> Result<Paged<ActivityRecord>, Error> { todo!() }
    /// Long poll of up to `wait`; `None` when there was no task.
    pub async fn activity_task(&self, _arn: &asl::Arn, _worker_name: Option<json::Text>, _wait: std::time::Duration) -> Result<Option<ActivityTask>, Error> { todo!() }
    pub async fn task_succeeded(&self, _token: &str, _output: json::Payload) -> Result<(), Error> { todo!() }
    pub async fn task_failed(&self, _token: &str, _failure: machine::Failure) -> Result<(), Error> { todo!() }
    pub async fn task_heartbeat(&self, _token: &str) -> Result<(), Error> { todo!() }

    // Tags, of state machines and activities.
    pub async fn tags(&self, _arn: &asl::Arn) -> Result<Vec<(String, String)>, Error> { todo!() }
    pub async fn tag(&self, _arn: &asl::Arn, _tags: Vec<(String, String)>) -> Result<(), Error> { todo!() }
    pub async fn untag(&self, _arn: &asl::Arn, _keys: &[String]) -> Result<(), Error> { todo!() }
}
