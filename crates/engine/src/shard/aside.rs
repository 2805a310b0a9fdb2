//! Executions that are set aside: each is kept as it is, says why, and disturbs no other.
//!
//! That is what becomes of an execution that this build cannot step: a record of it is corrupt, or it made the code panic.
//! It goes on when another build takes it up and can step it. Until then it counts as open to who describes it, and
//! StopExecution ends it.

use super::{Shard, message::Reply};
use crate::{
    Error,
    outbox::Outbox,
    tables::{ExecutionKey, ReadError, SetAside, StoredExecution, Tables, Wanted},
};
use machine::{EventDetails, EventType, Failure, HistoryEvent, Outcome, Status};
use std::sync::Arc;

/// What is kept of the reason why an execution is set aside.
const WHY_CHARS_MAX: usize = 4_096;

impl Shard {
    /// Whether the execution is set aside, durably or not yet.
    pub(super) fn is_aside(&self, key: ExecutionKey, tables: &Tables) -> Result<Option<SetAside>, ReadError> {
        match self.aside.get(&key) {
            Some(why) => Ok(Some(SetAside::Here(why.clone()))),
            None => tables.aside(key),
        }
    }

    /// Not even what the execution is can be read: it is set aside by its key, and keeps nobody waiting.
    pub(super) fn unreadable(&mut self, key: ExecutionKey, error: ReadError, tables: &Tables) -> Error {
        if let ReadError::Corrupt { why, .. } = &error
            && matches!(self.is_aside(key, tables), Ok(None | Some(SetAside::Elsewhere)))
        {
            self.keep_aside(key, why);
        }
        error.into()
    }

    /// The execution cannot be stepped: it stays as it is, says why, and nothing else is disturbed.
    pub(super) fn set_aside(&mut self, key: ExecutionKey, arn: &json::Text, why: &str) -> Error {
        let live = self.live.remove(key);
        tracing::error!(execution = %arn, why, "an execution is set aside");
        for _ in 0..self.dispatcher.cancel_all(|other| other == key) {
            self.begin_next();
        }
        self.observers.remove(&key);
        if let Some(StoredExecution { child: Some(child), record, .. }) = live.as_ref().map(|live| &live.stored) {
            self.report_failed_child(child, record.map_run_redrives, why);
        }
        let refused = || Error::SetAside { arn: Arc::clone(arn), why: why.to_owned() };
        for caller in self.waiters.take_callers(key) {
            self.pipeline.outbox.answer(caller, Err(refused()));
        }
        let mut outbox = Outbox::default();
        self.tell_calls(key, &mut outbox);
        self.pipeline.outbox.append(outbox);
        match live {
            Some(live) if !live.is_standard => {
                self.environment.express_room.ended(live.is_child());
                self.forget_express_start(key, &live);
                if let Some(reply) = live.sync_reply {
                    self.pipeline.outbox.answer(reply, Err(refused()));
                }
                self.work.extend(live.parked);
            }
            Some(live) => {
                self.environment.one_open_less(&live.stored);
                let environment = Arc::clone(&self.environment);
                let state_machine_arn = live.stored.record.state_machine_arn.clone();
                self.pipeline.outbox.then(move || environment.deletions.execution_closed(&state_machine_arn));
                if live.is_written {
                    self.keep_aside(key, why);
                }
                self.work.extend(live.parked);
            }
            // It could not be loaded, and was never counted as open.
            None => self.keep_aside(key, why),
        }
        refused()
    }

    pub(super) fn keep_aside(&mut self, key: ExecutionKey, why: &str) {
        // It may be the message of a panic, of any length; its record must not fail the batch.
        let why: String = why.chars().take(WHY_CHARS_MAX).collect();
        self.aside.insert(key, why.clone());
        self.pipeline.writes.aside(key, &why, self.environment.clock.now_ms());
    }

    /// StopExecution of an execution that is set aside: it ends with what can be read of it, its record and its history.
    pub(super) fn stop_aside(&mut self, key: ExecutionKey, failure: Failure, reply: Reply<i64>) {
        let stopped = self.abort_aside(key, failure.truncated());
        self.pipeline.outbox.answer(reply, stopped);
    }

    fn abort_aside(&mut self, key: ExecutionKey, failure: Failure) -> Result<i64, Error> {
        let tables = self.tables()?.clone();
        let Some(stored) = tables.execution(key)? else { return Err(Error::Store(store::Error::Poisoned)) };
        let newest = Wanted { reverse: true, with_data: false, after: None, events_max: 1, bytes_max: usize::MAX };
        let last = tables.history(key, &newest)?.events.pop();
        let last_ms = last.as_ref().map_or(stored.record.start_ms, |last| last.timestamp_ms);
        let event = HistoryEvent {
            id: last.map_or(0, |last| last.id) + 1,
            previous_event_id: 0,
            timestamp_ms: self.environment.clock.now_ms().max(last_ms),
            event_type: EventType::ExecutionAborted,
            details: EventDetails::Failed { error: failure.error.clone(), cause: failure.cause.clone() },
        };
        let aborted = aborted(&stored, &event, failure);
        let writes = &mut self.pipeline.writes;
        writes.step(key, std::slice::from_ref(&event), &[], Some(&aborted))?;
        writes.unlist(key, &stored.record);
        writes.list(key, &aborted);
        writes.close(key);
        writes.not_aside(key);
        tables.forget_where_it_stood(writes, key)?;
        self.aside.remove(&key);
        let mut outbox = Outbox::default();
        self.tell_calls(key, &mut outbox);
        let environment = Arc::clone(&self.environment);
        outbox.then(move || environment.deletions.execution_closed(&aborted.record.state_machine_arn));
        self.pipeline.outbox.append(outbox);
        Ok(event.timestamp_ms)
    }
}

/// The record of an execution that was aborted where it had been set aside. Its parts go, so it cannot be redriven.
fn aborted(stored: &StoredExecution, event: &HistoryEvent, failure: Failure) -> StoredExecution {
    let mut aborted = stored.clone();
    let record = &mut aborted.record;
    (record.status, record.stop_ms) = (Status::Aborted, Some(event.timestamp_ms));
    record.outcome = Some(Outcome::Aborted(failure));
    aborted
}
