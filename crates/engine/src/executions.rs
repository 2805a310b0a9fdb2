//! Executions and tasks as callers ask for them: what a request needs is looked up here, and the shard does the rest.

use crate::{
    ActivityTask, Engine, Error, ExecutionRecord, Observed, Origin, RedriveExecution, StartExecution, Started,
    SyncResult, TaskAnswer,
    activities::{Polled, Poller},
    definitions::Definition,
    routing::Target,
    shard::{NewExecution, Report, Request, ShardSender},
    tables::{ExecutionKey, StoredExecution, facts_of},
    tokens::TaskToken,
};
use asl::{Arn, Resource, StateMachineType};
use json::Text;
use machine::{Status, Trigger};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

static POLLERS: AtomicU64 = AtomicU64::new(0);

impl Engine {
    pub(crate) async fn start(&self, start: StartExecution) -> Result<Started, Error> {
        let new = Box::new(self.new_execution(&start, None).await?);
        self.shard(new.key)?.ask(|reply| Request::Start { new, reply }).await
    }

    pub(crate) async fn start_sync(&self, start: StartExecution) -> Result<SyncResult, Error> {
        let mut new = Box::new(self.new_execution(&start, Some(StateMachineType::Express)).await?);
        new.facts.is_synchronous = true;
        self.shard(new.key)?.ask(|reply| Request::StartSync { new, reply }).await
    }

    async fn new_execution(
        &self,
        start: &StartExecution,
        only: Option<StateMachineType>,
    ) -> Result<NewExecution, Error> {
        if self.inner.environment.is_stopping() {
            return Err(Error::ShuttingDown);
        }
        let deletions_begun = self.inner.environment.deletions.begun();
        let target = self.inner.registry.to_start(&start.state_machine).await?;
        let definition = &target.definition;
        if only.is_some_and(|only| only != definition.record.state_machine_type) {
            return Err(Error::StateMachineTypeNotSupported);
        }
        let name: Text = match &start.name {
            Some(name) => Arc::clone(name),
            None => self.inner.environment.random.uuid()?.into(),
        };
        let arn: Text = self.execution_arn(&start.state_machine, definition, &name)?.to_string().into();
        let key = ExecutionKey::of(&arn);
        let record = new_record(&arn, &name, &target, start);
        let stored = StoredExecution::new(record, definition.revision);
        let Arn { region, account, .. } = start.state_machine.clone();
        let facts = facts_of(&stored.record, start.input.clone(), region, account);
        Ok(NewExecution { key, stored, facts, definition: target.definition, deletions_begun })
    }

    /// Express executions have a random last part: their names can be used again at any time.
    fn execution_arn(&self, state_machine: &Arn, definition: &Definition, name: &Text) -> Result<Arn, Error> {
        let (machine, name) = (Arc::clone(&definition.record.name), Arc::clone(name));
        let resource = match definition.record.state_machine_type {
            StateMachineType::Standard => Resource::Execution { state_machine: machine, name },
            StateMachineType::Express => {
                let id = self.inner.environment.random.uuid()?.into();
                Resource::ExpressExecution { state_machine: machine, name, id }
            }
        };
        Ok(Arn { resource, ..state_machine.clone() })
    }

    pub(crate) async fn redrive(&self, redrive: RedriveExecution) -> Result<i64, Error> {
        if self.inner.environment.is_stopping() {
            return Err(Error::ShuttingDown);
        }
        self.shard_of(&redrive.execution)?.ask(|reply| Request::Redrive { redrive, reply }).await
    }

    pub(crate) async fn stop(&self, arn: &Arn, error: Option<Text>, cause: Option<Text>) -> Result<i64, Error> {
        let arn = arn.clone();
        self.shard_of(&arn)?.ask(|reply| Request::Stop { arn, error, cause, reply }).await
    }

    pub(crate) async fn closed(&self, arn: &Arn) -> Result<ExecutionRecord, Error> {
        let arn = arn.clone();
        let shard = self.shard_of(&arn)?;
        let mut caller = Caller { shard, key: ExecutionKey::of(&arn.to_string()), is_answered: false };
        let record = shard.ask(|reply| Request::WaitUntilClosed { arn, reply }).await;
        caller.is_answered = true;
        record
    }

    pub(crate) async fn observed(&self, arn: &Arn) -> Result<Observed, Error> {
        let (observer, events) = mpsc::unbounded_channel();
        let wanted = arn.clone();
        self.shard_of(arn)?.ask(|reply| Request::Observe { arn: wanted, observer, reply }).await?;
        Ok(Observed::new(self.clone(), arn.clone(), events))
    }

    pub(crate) async fn answer(&self, token: &str, answer: TaskAnswer, origin: Option<Origin>) -> Result<(), Error> {
        let token = self.inner.environment.sealer.open(token)?;
        let trigger = trigger_of(answer, token.id);
        self.shard(token.key)?.ask(|reply| Request::Answer { token, trigger, origin, reply }).await
    }

    /// The task that the call was handed before a restart, if it is not over.
    async fn handed(&self, origin: Origin) -> Result<Option<ActivityTask>, Error> {
        let Some((key, id)) = self.inner.environment.tables()?.done_by(origin)? else { return Ok(None) };
        let token = TaskToken { key, start_ms: 0, id };
        self.shard(key)?.ask(|reply| Request::Handed { token, reply }).await
    }

    /// The long poll of GetActivityTask.
    pub(crate) async fn poll(
        &self,
        arn: &Arn,
        worker_name: Option<Text>,
        wait: Duration,
        origin: Option<Origin>,
    ) -> Result<Option<ActivityTask>, Error> {
        let environment = &self.inner.environment;
        if environment.is_stopping() {
            return Err(Error::ShuttingDown);
        }
        let activity_arn = self.inner.registry.activity(arn)?.arn;
        if let Some(origin) = origin
            && let Some(task) = self.handed(origin).await?
        {
            return Ok(Some(task));
        }
        let deadline_ms =
            environment.clock.now_ms().saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        let number = POLLERS.fetch_add(1, Ordering::Relaxed);
        let (reply, mut task) = oneshot::channel();
        match environment.activities.poll(&activity_arn, Poller { number, worker_name, deadline_ms, origin, reply }) {
            Polled::Refused(_) => return Err(Error::ActivityWorkerLimitExceeded),
            Polled::Matched(offer, poller) => self.shard(offer.key)?.report(Report::TakeActivity { offer, poller }),
            Polled::Waiting => {}
        }
        // A caller that goes away leaves the line: dropping this future withdraws the poller.
        let _place = Place { engine: self, activity_arn: &activity_arn, number };
        tokio::select! {
            biased;
            task = &mut task => return task.map_err(|_| environment.no_answer())?,
            () = environment.clock.sleep_until(deadline_ms) => {}
        }
        if environment.activities.withdraw(&activity_arn, number) {
            return Ok(None);
        }
        // It has just been given a task, which is started as soon as that is durable.
        task.await.map_err(|_| environment.no_answer())?
    }

    fn shard_of(&self, arn: &Arn) -> Result<&ShardSender, Error> {
        self.shard(ExecutionKey::of(&arn.to_string()))
    }

    fn shard(&self, key: ExecutionKey) -> Result<&ShardSender, Error> {
        self.inner.environment.shard(key).ok_or(Error::ShuttingDown)
    }
}

/// A place in the line of an activity.
struct Place<'a> {
    engine: &'a Engine,
    activity_arn: &'a Text,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.engine.inner.environment.activities.withdraw(self.activity_arn, self.number);
    }
}

/// The record but for the start time, which the shard sets.
fn new_record(arn: &Text, name: &Text, target: &Target, start: &StartExecution) -> ExecutionRecord {
    let state_machine = &target.definition.record;
    ExecutionRecord {
        arn: Arc::clone(arn),
        name: Arc::clone(name),
        state_machine_arn: Arc::clone(&state_machine.arn),
        state_machine_name: Arc::clone(&state_machine.name),
        role_arn: Arc::clone(&state_machine.role_arn),
        state_machine_version_arn: target.version_arn.clone(),
        state_machine_alias_arn: target.alias_arn.clone(),
        state_machine_type: state_machine.state_machine_type,
        status: Status::Running,
        start_ms: 0,
        stop_ms: None,
        input_text: Arc::clone(&start.input_text),
        outcome: None,
        trace_header: start.trace_header.clone(),
        redrive_count: 0,
        redrive_ms: None,
        origin: start.origin,
        remains: None,
        map_run_arn: None,
        item_count: None,
        map_run_redrives: 0,
        is_pending_redrive: false,
    }
}

/// A caller that waits for the end of an execution. If it goes away before, the shard is told.
struct Caller<'a> {
    shard: &'a ShardSender,
    key: ExecutionKey,
    is_answered: bool,
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.shard.report(Report::CallerGone(self.key));
        }
    }
}

/// What the answer of a worker means for the task `effect`.
fn trigger_of(answer: TaskAnswer, effect: machine::EventId) -> Trigger {
    match answer {
        TaskAnswer::Succeeded(output) => Trigger::TaskSucceeded { effect, output },
        TaskAnswer::Failed(failure) => Trigger::TaskFailed { effect, failure },
        TaskAnswer::Heartbeat => Trigger::TaskHeartbeat { effect },
    }
}
