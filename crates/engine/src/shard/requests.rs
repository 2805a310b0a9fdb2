//! What callers ask of a shard.

use super::{
    Found, Shard,
    live::Live,
    message::{NewExecution, Reply, Request, Then, Work},
};
use crate::{
    ActivityTask, Error, ExecutionRecord, Origin, Started, SyncResult,
    activities::{Offer, Poller},
    planted::{Fault, strikes},
    tables::{ExecutionKey, StoredExecution},
    tokens::TaskToken,
};
use asl::Arn;
use json::{Payload, Text};
use machine::{EventId, Execution, Failure, HistoryEvent, Trigger};
use std::sync::Arc;
use tokio::sync::mpsc as channel;

impl Shard {
    pub(super) fn request(&mut self, request: Request) {
        match request {
            Request::Start { new, reply } if self.is_beginning(new.key) => {
                self.park(new.key, Work::Request(Request::Start { new, reply }, None));
            }
            Request::Start { new, reply } => self.start(*new, reply),
            Request::StartSync { new, reply } => self.start_sync(*new, reply),
            Request::Redrive { redrive, reply } => self.redrive(redrive, reply),
            Request::Stop { arn, error, cause, reply } => self.stop(&arn, error, cause, reply),
            Request::Answer { token, trigger, origin, reply } => self.answer(token, trigger, origin, reply),
            Request::Handed { token, reply } => self.handed(token, reply),
            Request::WaitUntilClosed { arn, reply } => self.wait_until_closed(&arn, reply),
            Request::InMemory { keys, reply } => {
                let found = keys.into_iter().filter_map(|key| Some(self.live.get(key)?.stored.record.clone()));
                let found = found.collect();
                self.pipeline.outbox.answer(reply, Ok(found));
            }
            Request::OpenMapRun { map_run, reply, .. } => self.open_map_run(map_run, reply),
            Request::UpdateMapRun { arn, update, reply, .. } => self.update_map_run(arn, update, reply),
            Request::Observe { arn, observer, reply } => self.observe(&arn, observer, reply),
        }
    }

    /// Whether an execution begins or is redriven, and nothing of that is in a batch yet. Who asks for the same waits with
    /// it, as no answer may be given before its commit.
    pub(super) fn is_beginning(&self, key: ExecutionKey) -> bool {
        self.live.get(key).is_some_and(Live::is_beginning)
    }

    /// StartExecution. A name that was used before is the same call again if the execution runs and had the same input.
    fn start(&mut self, new: NewExecution, reply: Reply<Started>) {
        let arn = new.stored.record.arn.clone();
        if let Err(error) = self.is_there_still(&new) {
            return self.pipeline.outbox.answer(reply, Err(error));
        }
        if new.is_standard() {
            if let Some(answer) = self.started_before(&new) {
                return self.pipeline.outbox.answer(reply, answer);
            }
            let open = self.environment.open_executions().count(&arn);
            if open >= self.environment.options.limits.open_executions_max {
                return self.pipeline.outbox.answer(reply, Err(Error::ExecutionLimitExceeded));
            }
        } else if let Err(error) = self.tables() {
            // Its start could not be stored.
            return self.pipeline.outbox.answer(reply, Err(error));
        } else if !self.environment.begin_express() {
            return self.pipeline.outbox.answer(reply, Err(Error::ExecutionLimitExceeded));
        }
        self.begin_execution(new, Then::Started(reply, arn));
    }

    /// The answer to a start by a name that is taken.
    fn started_before(&mut self, new: &NewExecution) -> Option<Result<Started, Error>> {
        match self.find(new.key) {
            Ok(_) if strikes(Fault::NameStartedTwice) => None,
            Ok(Found::Absent) => self.is_name_free(new).err().map(Err),
            Ok(Found::Closed(stored)) => Some(same_start(&stored, new)),
            Ok(Found::Open) => Some(match self.live.get(new.key) {
                Some(live) => same_start(&live.stored, new),
                // The name is taken, whatever became of the execution.
                None => Err(Error::Store(store::Error::Poisoned)),
            }),
            Err(error) => Some(Err(error)),
        }
    }

    /// Whether there is no execution of this name that closed lately and was removed.
    fn is_name_free(&self, new: &NewExecution) -> Result<(), Error> {
        if self.environment.keep_name_ms() == 0 {
            return Ok(());
        }
        match self.tables()?.name_taken_until_ms(new.key)? {
            Some(until_ms) if until_ms > self.environment.clock.now_ms() => {
                Err(Error::ExecutionAlreadyExists(new.stored.record.arn.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Whether the state machine is what it was when its definition was read: a deletion may have begun since.
    fn is_there_still(&self, new: &NewExecution) -> Result<(), Error> {
        if self.environment.deletions.begun() == new.deletions_begun {
            return Ok(());
        }
        let read = &new.definition.record;
        match self.tables()?.state_machine(&read.arn)? {
            Some(now) if now.deleting => Err(Error::StateMachineDeleting(now.arn)),
            Some(now) if now.created_ms == read.created_ms => Ok(()),
            _ => Err(Error::StateMachineDoesNotExist(read.arn.clone())),
        }
    }

    /// StartSyncExecution, which has no error of its own for a limit: AWS throttles it.
    fn start_sync(&mut self, new: NewExecution, reply: Reply<SyncResult>) {
        if let Err(error) = self.is_there_still(&new) {
            return self.pipeline.outbox.answer(reply, Err(error));
        }
        if !self.environment.begin_express() {
            return self.pipeline.outbox.answer(reply, Err(Error::Throttled));
        }
        let key = new.key;
        self.insert_new(new);
        if let Some(live) = self.live.get_mut(key) {
            live.sync_reply = Some(reply);
        }
        self.turn(key, Trigger::Start, Then::Nothing);
    }

    pub(super) fn begin_execution(&mut self, new: NewExecution, then: Then) {
        let key = new.key;
        self.insert_new(new);
        self.turn(key, Trigger::Start, then);
    }

    fn insert_new(&mut self, mut new: NewExecution) {
        let now_ms = self.environment.clock.now_ms();
        new.stored.record.start_ms = now_ms;
        new.facts.start_ms = now_ms;
        let is_standard = new.is_standard();
        if is_standard {
            self.environment.one_open_more(&new.stored);
            self.recovery.met(new.key);
        }
        let execution = Execution::new(new.facts);
        self.bring_in(new.key, Live::new(execution, new.definition, new.stored, is_standard));
    }

    /// StopExecution. A closed execution stays as it is, and its stop time is the answer.
    fn stop(&mut self, arn: &Arn, error: Option<Text>, cause: Option<Text>, reply: Reply<i64>) {
        let text: Text = arn.to_string().into();
        let key = ExecutionKey::of(&text);
        match self.find(key) {
            Ok(Found::Open) => self.turn(key, Trigger::Stop { error, cause }, Then::Stopped(reply)),
            Ok(Found::Closed(stored)) => {
                let stop_ms = stored.record.stop_ms.unwrap_or(stored.record.start_ms);
                self.pipeline.outbox.answer(reply, Ok(stop_ms));
            }
            Ok(Found::Absent) => self.pipeline.outbox.answer(reply, Err(Error::ExecutionDoesNotExist(text))),
            Err(Error::SetAside { .. }) => self.stop_aside(key, Failure { error, cause }, reply),
            Err(error) => self.pipeline.outbox.answer(reply, Err(error)),
        }
    }

    /// SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat.
    fn answer(&mut self, token: TaskToken, trigger: Trigger, origin: Option<Origin>, reply: Reply<()>) {
        let refused = match self.find(token.key) {
            Ok(Found::Open) => match self.live.get(token.key) {
                Some(live) if live.stored.record.start_ms != token.start_ms => Error::TaskTimedOut,
                Some(Live { execution: None, .. }) => {
                    return self
                        .park(token.key, Work::Request(Request::Answer { token, trigger, origin, reply }, None));
                }
                Some(Live { execution: Some(execution), .. })
                    if execution.awaits(token.id) || strikes(Fault::TokenAcceptedTwice) =>
                {
                    return self.turn(token.key, trigger, Then::Answered(reply, origin, token));
                }
                _ => Error::TaskTimedOut,
            },
            Ok(Found::Closed(_)) => Error::TaskTimedOut,
            Ok(Found::Absent) => Error::TaskDoesNotExist,
            Err(error) => error,
        };
        let was_accepted = || origin.is_some_and(|origin| self.remembers(origin, token.key, token.id));
        let answer = if matches!(refused, Error::TaskTimedOut) && was_accepted() { Ok(()) } else { Err(refused) };
        self.pipeline.outbox.answer(reply, answer);
    }

    /// What a call did in another execution is durable with its effect: after a restart the call may be made again.
    pub(super) fn remember(&mut self, origin: Option<Origin>, key: ExecutionKey, id: EventId) {
        if let Some(origin) = origin {
            self.pipeline.writes.done_by(origin, key, id);
        }
    }

    /// Whether this very call has had its effect on the task.
    fn remembers(&self, origin: Origin, key: ExecutionKey, id: EventId) -> bool {
        let done = self.pipeline.tables().and_then(|tables| tables.done_by(origin).ok().flatten());
        done == Some((key, id))
    }

    /// GetActivityTask, called again after a restart: the task that it was handed before.
    fn handed(&mut self, token: TaskToken, reply: Reply<Option<ActivityTask>>) {
        let answer = match self.find(token.key) {
            Ok(Found::Open) => match self.live.get(token.key) {
                Some(Live { execution: None, .. }) => {
                    return self.park(token.key, Work::Request(Request::Handed { token, reply }, None));
                }
                Some(Live { execution: Some(execution), stored, .. }) => {
                    let token = TaskToken { start_ms: stored.record.start_ms, ..token };
                    Ok(activity_task(execution, token.id, true).map(|(_, input)| self.activity_task(token, &input)))
                }
                None => Ok(None),
            },
            Ok(Found::Closed(_) | Found::Absent) => Ok(None),
            Err(error) => Err(error),
        };
        self.pipeline.outbox.answer(reply, answer);
    }

    fn activity_task(&self, token: TaskToken, input: &Payload) -> ActivityTask {
        ActivityTask { token: self.environment.sealer.seal(token), input: Arc::clone(input.text()) }
    }

    /// A worker was matched with a task: the task is started if it is still wanted and the worker still waits.
    pub(super) fn take_activity(&mut self, offer: Offer, poller: Poller) {
        let key = offer.key;
        if poller.reply.is_closed() {
            return self.offer(offer);
        }
        if !matches!(self.find(key), Ok(Found::Open)) {
            return self.poll_again(&offer.activity_arn, poller);
        }
        let Some(live) = self.live.get(key) else { return self.poll_again(&offer.activity_arn, poller) };
        let Some(execution) = &live.execution else {
            return self.park(key, Work::Report(super::Report::TakeActivity { offer, poller }));
        };
        let Some(input) = offered_input(execution, &offer) else {
            return self.poll_again(&offer.activity_arn, poller);
        };
        let token = TaskToken { key, start_ms: live.stored.record.start_ms, id: offer.id };
        let task = self.activity_task(token, &input);
        let trigger = Trigger::ActivityStarted { effect: offer.id, worker_name: poller.worker_name.clone() };
        self.turn(key, trigger, Then::Taken(poller, offer, task));
    }

    fn wait_until_closed(&mut self, arn: &Arn, reply: Reply<ExecutionRecord>) {
        let text: Text = arn.to_string().into();
        let key = ExecutionKey::of(&text);
        let answer = match self.find(key) {
            Ok(Found::Open) => return self.waiters.add_caller(key, reply),
            Ok(Found::Closed(stored)) => Ok(stored.record),
            Ok(Found::Absent) => Err(Error::ExecutionDoesNotExist(text)),
            Err(error) => Err(error),
        };
        self.pipeline.outbox.answer(reply, answer);
    }

    fn observe(&mut self, arn: &Arn, observer: channel::UnboundedSender<HistoryEvent>, reply: Reply<()>) {
        let text: Text = arn.to_string().into();
        let key = ExecutionKey::of(&text);
        let answer = match self.find(key) {
            Ok(Found::Open) => {
                self.observers.entry(key).or_default().push(observer);
                Ok(())
            }
            Ok(Found::Closed(_)) => Ok(()),
            Ok(Found::Absent) => Err(Error::ExecutionDoesNotExist(text)),
            Err(error) => Err(error),
        };
        self.pipeline.outbox.answer(reply, answer);
    }

    /// It is done when the slow lane gives the execution back.
    pub(super) fn park(&mut self, key: ExecutionKey, work: Work) {
        if let Some(live) = self.live.get_mut(key) {
            live.parked.push_back(work);
        }
    }
}

/// The input of the task that was offered, if it still waits for a worker. A step that was lost with the store may have offered
/// another one under the same number.
pub(super) fn offered_input(execution: &Execution, offer: &Offer) -> Option<Payload> {
    let (activity_arn, input) = activity_task(execution, offer.id, false)?;
    (activity_arn == offer.activity_arn).then_some(input)
}

/// An activity task that waits for a worker, or that a worker has: its activity and its input.
fn activity_task(execution: &Execution, wanted: EventId, is_taken: bool) -> Option<(Text, Payload)> {
    let pending = execution.pending_call(wanted).filter(|pending| pending.started == is_taken)?;
    match pending.request {
        machine::Request::Activity { activity_arn, input, .. } => Some((activity_arn, input)),
        machine::Request::Task(_) => None,
    }
}

/// A call that a restart made again has the answer that it had; anybody else must ask for the same while it runs.
fn same_start(earlier: &StoredExecution, new: &NewExecution) -> Result<Started, Error> {
    let record = &earlier.record;
    let same_call = record.origin.is_some() && record.origin == new.stored.record.origin;
    let same_input = record.input_text == new.facts.input_text
        || Payload::parse(&record.input_text).is_ok_and(|input| input == new.facts.input);
    if same_call || (record.stop_ms.is_none() && same_input) {
        Ok(Started { arn: Arc::clone(&record.arn), start_ms: record.start_ms })
    } else {
        Err(Error::ExecutionAlreadyExists(Arc::clone(&record.arn)))
    }
}
