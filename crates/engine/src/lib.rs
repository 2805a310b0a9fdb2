//! The engine: drives `machine` against `store`. Shards own executions; a step is committed before its effects happen.
//!
//! [`Engine`] is the façade. A request goes through `executions` to the `shard` that owns the execution, which steps it,
//! writes through `tables`, and keeps answers and effects in an `outbox` until the commit is durable. `dispatch`,
//! `activities` and `timers` carry the effects out and bring back triggers. `queries` reads the store and meets no shard.

mod changes;
mod clock;
mod error;
mod item_reader;
mod model;
mod options;
mod result_writer;
mod task;

mod aliases;
mod executions;
mod observed;
mod opening;
mod queries;
mod resources;
mod routing;
mod state_machines;
mod test_state;
mod versions;

mod activities;
mod definitions;
mod deletions;
mod dispatch;
mod environment;
mod express;
mod express_children;
mod express_room;
mod fsck;
mod lane;
mod line;
mod map_run;
mod map_run_places;
mod outbox;
mod planted;
mod random;
mod recent;
mod redrive;
mod reopen;
mod retention;
mod scopes;
mod shard;
mod tables;
mod timers;
mod tokens;
mod waiting_children;
mod witness;

pub use clock::{Clock, ManualClock, SystemClock};
pub use environment::expired_before_ms;
pub use error::Error;
pub use fsck::{Checked, Finding, Severity, fsck};
pub use item_reader::{ItemPage, ItemReader, ItemReading};
pub use model::*;
pub use observed::Observed;
pub use options::{Options, SHARDS_MAX};
#[cfg(feature = "planted-faults")]
pub use planted::{Fault, plant};
pub use redrive::NotRedrivable;
pub use result_writer::{ResultWriter, ResultWriting};
pub use task::{Call, MockCheck, Origin, Restart, Task, Tasks};
pub use witness::{LogLevel, Logged, Logging, Receive};

use asl::{Arn, Resource};
use changes::Begun;
use environment::Environment;
use express_children::ExpressChildren;
use json::{Payload, Text};
use state_machines::Registry;
use std::{
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};
use store::Store;
use tokio::task::AbortHandle;

/// Opens the store; called again after a failed commit.
pub type OpenStore = Arc<dyn Fn() -> Result<Arc<dyn Store>, store::Error> + Send + Sync>;

/// A running engine. Cloning it shares it. When the last clone is dropped the engine ends as in a crash; see
/// [`Engine::shutdown`] for the other way.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    environment: Arc<Environment>,
    registry: Arc<Registry>,
    /// Tasks that run beside the shards.
    keepers: Vec<AbortHandle>,
    begun: Begun,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Engine {
    /// Opens the store and starts the shards, which take up what is open: what was pending is carried out again, as
    /// each integration says. The engine serves while that goes on. Must be called in a tokio runtime.
    pub async fn open(
        open_store: OpenStore,
        tasks: Arc<dyn Tasks>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Result<Engine, Error> {
        Engine::begin(open_store, tasks, clock, options).await
    }

    /// Takes no new work, waits for running tasks up to `drain`, commits what is left, and lets go of the store.
    pub async fn shutdown(&self, drain: Duration) {
        self.end(drain).await;
    }

    /// A key for what callers seal themselves: as long as the store is the same, so is the key of a purpose.
    pub fn derived_key(&self, purpose: &str) -> [u8; 32] {
        self.inner.environment.sealer.derived_key(purpose)
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.environment.clock
    }

    pub fn limits(&self) -> &asl::Limits {
        &self.inner.environment.options.limits
    }

    /// Whether Express executions can be described and show their history, as far as they are kept.
    pub fn keeps_express_history(&self) -> bool {
        self.inner.environment.express_history.is_some()
    }

    /// Creates a state machine. Idempotent by AWS's rule (same name, definition text, type, logging, tracing,
    /// encryption, and the same version to publish or none).
    ///
    /// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html>
    pub async fn create_state_machine(&self, new: NewStateMachine) -> Result<Changed, Error> {
        self.change(|registry, mut changing| async move { registry.create(&mut changing, new).await }).await
    }

    /// Makes a new revision, unless the change changes nothing. Executions that run keep theirs.
    pub async fn update_state_machine(&self, arn: &Arn, change: StateMachineChange) -> Result<Changed, Error> {
        let arn = arn.clone();
        self.change(|registry, changing| async move { registry.update(&changing, &arn, change).await }).await
    }

    #[expect(clippy::unused_async, reason = "a store over a network will wait here")]
    pub async fn state_machine(&self, arn: &Arn) -> Result<Arc<StateMachineRecord>, Error> {
        self.inner.registry.record(arn)
    }

    /// A version of the state machine as it is now: the one that there is, or a new one. With a `revision_id`
    /// (`INITIAL` before the first update) only if that is the current one.
    ///
    /// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_PublishStateMachineVersion.html>
    pub async fn publish_version(
        &self,
        arn: &Arn,
        revision_id: Option<Text>,
        publish: Publish,
    ) -> Result<VersionRecord, Error> {
        let arn = arn.clone();
        self.change(|registry, changing| async move { registry.publish(&changing, &arn, revision_id, &publish).await })
            .await
    }

    /// The version that a version ARN names, or the one that an alias ARN leads most executions to.
    #[expect(clippy::unused_async, reason = "a store over a network will wait here")]
    pub async fn version(&self, arn: &Arn) -> Result<Version, Error> {
        self.inner.registry.version(arn)
    }

    /// Versions of a state machine, the newest first; none if there is no such state machine.
    pub async fn list_versions(&self, state_machine: &Arn, page: Page) -> Result<Paged<VersionRecord>, Error> {
        let state_machine = state_machine.clone();
        self.inner.registry.apart(move |registry| registry.versions(&state_machine, &page)).await
    }

    /// Refused while an alias leads to it; unknown ones are no error.
    pub async fn delete_version(&self, arn: &Arn) -> Result<(), Error> {
        let arn = arn.clone();
        self.change(|registry, changing| async move { registry.delete_version(&changing, &arn).await }).await
    }

    /// Idempotent by AWS's rule: same name, description and routes.
    ///
    /// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachineAlias.html>
    pub async fn create_alias(&self, new: NewAlias) -> Result<AliasRecord, Error> {
        self.change(|registry, changing| async move { registry.create_alias(&changing, new).await }).await
    }

    pub async fn update_alias(&self, arn: &Arn, change: AliasChange) -> Result<AliasRecord, Error> {
        let arn = arn.clone();
        self.change(|registry, changing| async move { registry.update_alias(&changing, &arn, change).await }).await
    }

    #[expect(clippy::unused_async, reason = "a store over a network will wait here")]
    pub async fn alias(&self, arn: &Arn) -> Result<AliasRecord, Error> {
        self.inner.registry.alias(arn)
    }

    /// Unknown ones are no error. Executions that it started go on.
    pub async fn delete_alias(&self, arn: &Arn) -> Result<(), Error> {
        let arn = arn.clone();
        self.change(|registry, changing| async move { registry.delete_alias(&changing, &arn).await }).await
    }

    /// Aliases of a state machine, or those that lead to a version of it; the oldest first, as AWS lists them.
    pub async fn list_aliases(&self, arn: &Arn, page: Page) -> Result<Paged<AliasRecord>, Error> {
        let arn = arn.clone();
        self.inner.registry.apart(move |registry| registry.aliases(&arn, &page)).await
    }

    /// Marks it DELETING: each open execution fails at its next transition, and the state machine is gone when the last
    /// one has closed, and its versions and aliases with it. Unknown ones are no error.
    ///
    /// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DeleteStateMachine.html>
    pub async fn delete_state_machine(&self, arn: &Arn) -> Result<(), Error> {
        let arn = arn.clone();
        self.change(|registry, changing| async move { registry.delete(changing, &arn).await }).await
    }

    /// In the order of their names.
    pub async fn list_state_machines(&self, scope: &Account, page: Page) -> Result<Paged<ListedStateMachine>, Error> {
        let scope = scope.clone();
        self.inner.registry.apart(move |registry| registry.list(&scope, &page)).await
    }

    /// Ready when the start is durable. Standard: the same name and input again, while it runs, is the same start.
    ///
    /// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html>
    pub async fn start_execution(&self, start: StartExecution) -> Result<Started, Error> {
        self.start(start).await
    }

    /// Express only: ready when the execution has ended.
    pub async fn start_sync_execution(&self, start: StartExecution) -> Result<SyncResult, Error> {
        self.start_sync(start).await
    }

    /// Goes on with an execution that ended unsuccessfully, where it stood, and with its Map Runs; gives the time of the
    /// redrive. Ready when that is durable.
    ///
    /// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_RedriveExecution.html>
    pub async fn redrive_execution(&self, redrive: RedriveExecution) -> Result<i64, Error> {
        self.redrive(redrive).await
    }

    /// Why an execution cannot be redriven now; `None` if it can.
    #[expect(clippy::unused_async, reason = "a store over a network will wait here")]
    pub async fn not_redrivable(&self, record: &ExecutionRecord) -> Result<Option<NotRedrivable>, Error> {
        let environment = &self.inner.environment;
        redrive::refusal(record, &environment.tables()?, environment.clock.now_ms(), &environment.options.limits)
    }

    /// Does what may take long, like the reading of a definition, where no connection waits for it; gives what came of it. No
    /// more than [`Options::apart_at_once_max`] do so at once. A panic of `work` is [`Error::AnswerLost`].
    pub async fn apart<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        self.inner.environment.apart(work).await
    }

    /// Runs one state on its own, for at most [`asl::Limits::test_state_seconds_max`]. Nothing of it is stored, so there
    /// is nothing to commit before its task is called.
    ///
    /// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_TestState.html>
    pub async fn test_state(&self, test: TestState) -> Result<machine::Tested, Error> {
        self.run_test(test).await
    }

    /// Who knows what the services take that Tasks call, for those who read definitions.
    pub fn services(&self) -> Option<Arc<dyn asl::Services>> {
        self.inner.environment.tasks.services()
    }

    /// Why `result` cannot be what a task of this resource gives, in AWS's words.
    pub fn check_mock(
        &self,
        resource: &asl::TaskResource,
        result: &json::Value,
        check: MockCheck,
    ) -> Result<(), String> {
        self.inner.environment.tasks.check_mock(resource, result, check)
    }

    /// The stop time; that of an execution that has closed before stays.
    pub async fn stop_execution(&self, arn: &Arn, error: Option<Text>, cause: Option<Text>) -> Result<i64, Error> {
        self.stop(arn, error, cause).await
    }

    pub async fn execution(&self, arn: &Arn) -> Result<ExecutionRecord, Error> {
        match queries::execution(&self.inner.environment, arn) {
            Err(Error::ExecutionDoesNotExist(_)) => express_children::execution(&self.inner.environment, arn).await,
            found => found,
        }
    }

    /// The state machine as it was when the execution started.
    pub async fn state_machine_of_execution(&self, arn: &Arn) -> Result<Arc<StateMachineRecord>, Error> {
        let arn = arn.clone();
        self.read_apart(move |environment| queries::state_machine_of_execution(environment, &arn)).await
    }

    /// Newest first, without inputs and outcomes.
    pub async fn list_executions(&self, filter: ExecutionFilter, page: Page) -> Result<Paged<ExecutionRecord>, Error> {
        if let Resource::MapRun { .. } = filter.state_machine.resource
            && let Some(children) = ExpressChildren::of(&self.inner.environment, &filter.state_machine).await?
        {
            return children.list(filter, page).await;
        }
        self.read_apart(move |environment| queries::list_executions(environment, &filter, &page)).await
    }

    /// A Map Run as it stands: children count as running when they have begun.
    pub async fn map_run(&self, arn: &Arn) -> Result<MapRunRecord, Error> {
        self.describe_map_run(arn).await
    }

    /// The Map Runs of an execution, the newest first, each as of its last step: children count as running when they were
    /// asked for.
    pub async fn list_map_runs(&self, execution: &Arn, page: Page) -> Result<Paged<MapRunRecord>, Error> {
        let execution = execution.clone();
        self.read_apart(move |environment| map_run::list(environment, &execution, &page)).await
    }

    /// Ready when the change is durable; it is in force then. A concurrency of 0 is as much as may be.
    pub async fn update_map_run(&self, arn: &Arn, update: machine::MapRunUpdate) -> Result<(), Error> {
        self.update(arn, update).await
    }

    /// A page has fewer events than were asked for if they are large ([`asl::Limits::history_page_bytes_max`]).
    pub async fn history(&self, arn: &Arn, reverse: bool, page: Page) -> Result<Paged<machine::HistoryEvent>, Error> {
        let arn = arn.clone();
        self.read_apart(move |environment| queries::history(environment, &arn, reverse, true, &page)).await
    }

    /// The same without inputs, outputs and variables.
    pub async fn history_without_data(
        &self,
        arn: &Arn,
        reverse: bool,
        page: Page,
    ) -> Result<Paged<machine::HistoryEvent>, Error> {
        let arn = arn.clone();
        self.read_apart(move |environment| queries::history(environment, &arn, reverse, false, &page)).await
    }

    /// Ready when the execution has ended.
    pub async fn wait_until_closed(&self, arn: &Arn) -> Result<ExecutionRecord, Error> {
        self.closed(arn).await
    }

    /// The events of an execution, those that are stored and those that come.
    pub async fn subscribe(&self, arn: &Arn) -> Result<Observed, Error> {
        self.observed(arn).await
    }

    /// Removes executions that closed, or were set aside, longer ago than the retention time, and says how many. The
    /// engine does so by itself from time to time.
    pub async fn remove_expired(&self) -> Result<usize, Error> {
        retention::remove_expired(&self.inner.environment).await
    }

    /// Lets go of the names of removed executions that can be given again ([`asl::Limits::name_reuse_days`]), and says
    /// how many they were. The engine does so by itself from time to time.
    pub async fn free_names(&self) -> Result<usize, Error> {
        retention::free_names(&self.inner.environment).await
    }

    /// Removes revisions of state machines that were superseded more than a day ago and that nothing uses, and says how
    /// many. The engine does so by itself from time to time.
    pub async fn remove_unused_revisions(&self) -> Result<usize, Error> {
        retention::remove_unused_revisions(&self.inner.environment).await
    }

    pub async fn create_activity(&self, new: NewActivity) -> Result<ActivityRecord, Error> {
        self.change(|registry, mut changing| async move { registry.create_activity(&mut changing, new).await }).await
    }

    #[expect(clippy::unused_async, reason = "a store over a network will wait here")]
    pub async fn activity(&self, arn: &Arn) -> Result<ActivityRecord, Error> {
        self.inner.registry.activity(arn)
    }

    pub async fn delete_activity(&self, arn: &Arn) -> Result<(), Error> {
        let arn = arn.clone();
        self.change(|registry, mut changing| async move { registry.delete_activity(&mut changing, &arn).await }).await
    }

    /// In the order of their names.
    pub async fn list_activities(&self, scope: &Account, page: Page) -> Result<Paged<ActivityRecord>, Error> {
        let scope = scope.clone();
        self.inner.registry.apart(move |registry| registry.list_activities(&scope, &page)).await
    }

    /// Long poll of up to `wait`; `None` when there was no task.
    pub async fn activity_task(
        &self,
        arn: &Arn,
        worker_name: Option<Text>,
        wait: Duration,
    ) -> Result<Option<ActivityTask>, Error> {
        self.poll(arn, worker_name, wait, None).await
    }

    /// The same for a call of a task: if a restart makes it again, it is handed the task that it had been handed.
    pub async fn activity_task_for(
        &self,
        origin: Option<Origin>,
        arn: &Arn,
        worker_name: Option<Text>,
        wait: Duration,
    ) -> Result<Option<ActivityTask>, Error> {
        self.poll(arn, worker_name, wait, origin).await
    }

    /// Whether the token is one that this engine gave; an output is looked at only after that.
    pub fn check_task_token(&self, token: &str) -> Result<(), Error> {
        self.inner.environment.sealer.open(token).map(drop)
    }

    /// `TaskDoesNotExist`: the execution is unknown; `TaskTimedOut`: the task has been answered, or nobody waits for it
    /// any more.
    pub async fn task_succeeded(&self, token: &str, output: Payload) -> Result<(), Error> {
        self.answer(token, TaskAnswer::Succeeded(output), None).await
    }

    pub async fn task_failed(&self, token: &str, failure: machine::Failure) -> Result<(), Error> {
        self.answer(token, TaskAnswer::Failed(failure), None).await
    }

    pub async fn task_heartbeat(&self, token: &str) -> Result<(), Error> {
        self.answer(token, TaskAnswer::Heartbeat, None).await
    }

    /// The same for a call of a task: what it has told is accepted once more if a restart makes it again.
    pub async fn answer_task(&self, token: &str, answer: TaskAnswer, origin: Option<Origin>) -> Result<(), Error> {
        self.answer(token, answer, origin).await
    }

    /// Tags of a state machine or an activity.
    #[expect(clippy::unused_async, reason = "a store over a network will wait here")]
    pub async fn tags(&self, arn: &Arn) -> Result<Vec<(String, String)>, Error> {
        self.inner.registry.tags(arn)
    }

    pub async fn tag(&self, arn: &Arn, tags: Vec<(String, String)>) -> Result<(), Error> {
        let arn = arn.clone();
        self.change(|registry, changing| async move { registry.tag(&changing, &arn, tags).await }).await
    }

    pub async fn untag(&self, arn: &Arn, keys: &[String]) -> Result<(), Error> {
        let (arn, keys) = (arn.clone(), keys.to_vec());
        self.change(|registry, changing| async move { registry.untag(&changing, &arn, &keys).await }).await
    }
}
