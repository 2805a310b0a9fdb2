//! Tasks, activities and timers of a shard.

use super::{
    Found, Report, Shard,
    message::{Reply, Then, Work},
};
use crate::{
    activities::{Offer, Polled, Poller},
    dispatch::Attempt,
    tables::ExecutionKey,
};
use asl::IntegrationPattern;
use json::{Payload, Text};
use machine::{Effect, EventId, Failure, Pending, TaskRequest, Trigger};
use std::sync::Arc;

impl Shard {
    /// A call has returned.
    pub(super) fn task_ended(
        &mut self,
        attempt: Attempt,
        number: u64,
        pattern: IntegrationPattern,
        outcome: Result<Payload, Failure>,
    ) {
        if !self.dispatcher.ended(attempt, number) {
            return;
        }
        let (key, effect) = attempt;
        let trigger = match (outcome, pattern) {
            (Ok(output), IntegrationPattern::WaitForTaskToken) => Trigger::TaskSubmitted { effect, output },
            (Ok(output), _) => Trigger::TaskSucceeded { effect, output },
            (Err(failure), pattern) => failed(effect, failure, pattern),
        };
        self.turn(key, trigger, Then::Nothing);
        self.begin_next();
    }

    /// A `.sync` call was accepted; it only waits from now on.
    pub(super) fn task_submitted(&mut self, attempt: Attempt, number: u64, output: Payload, reply: Reply<()>) {
        if !self.dispatcher.waits(attempt, number) {
            return;
        }
        let (key, effect) = attempt;
        self.turn(key, Trigger::TaskSubmitted { effect, output }, Then::Answered(reply));
        self.begin_next();
    }

    pub(super) fn cancel(&mut self, attempt: Attempt) {
        self.dispatcher.cancel(attempt);
        self.begin_next();
    }

    fn begin_next(&mut self) {
        if let Some(attempt) = self.dispatcher.next() {
            self.work.push_back(Work::Begin(attempt));
        }
    }

    /// Begins a call that has waited in line, if it is still wanted; ends one that runs and is not.
    pub(super) fn begin(&mut self, attempt: Attempt) {
        let wanted = self.wanted(attempt, Work::Begin(attempt));
        match wanted.and_then(|(request, _)| Some((request, self.facts(attempt.0)?))) {
            Some(_) if self.dispatcher.is_running(attempt) => {}
            Some((request, facts)) => self.dispatcher.run(attempt.0, request, facts),
            None => {
                self.dispatcher.cancel(attempt);
                self.begin_next();
            }
        }
    }

    /// Goes on with a call whose outcome is unknown, as its integration says.
    pub(super) fn take_up(&mut self, attempt: Attempt) {
        if self.dispatcher.has(attempt) {
            // The store failed, and not the process: the call goes on.
            return;
        }
        let Some((request, pending)) = self.wanted(attempt, Work::TakeUp(attempt)) else { return };
        let Some(facts) = self.facts(attempt.0) else { return };
        match (pending.submitted, request.pattern) {
            (Some(submitted), IntegrationPattern::Sync) => self.dispatcher.resume(attempt.0, request, facts, submitted),
            // The token is out: its answer may come at any time.
            (Some(_), _) => {}
            (None, _) => match self.environment.tasks.find(&request).map(|task| task.restart(&request)) {
                Some(crate::Restart::Fail(failure)) => {
                    self.turn(attempt.0, failed(attempt.1, failure, request.pattern), Then::Nothing);
                }
                // An unknown resource fails where it is dispatched.
                Some(crate::Restart::Redispatch) | None => self.dispatcher.run(attempt.0, request, facts),
            },
        }
    }

    /// The request of an attempt that still waits for its answer. While the slow lane has the execution, `again` is
    /// parked.
    fn wanted(&mut self, attempt: Attempt, again: Work) -> Option<(TaskRequest, Pending)> {
        let (key, id) = attempt;
        if !matches!(self.find(key), Ok(Found::Open)) {
            return None;
        }
        let Some(execution) = &self.live.get(key)?.execution else {
            self.park(key, again);
            return None;
        };
        execution.pending().into_iter().find_map(|pending| match &pending.effect {
            Effect::RunTask(request) if request.id == id => Some((request.clone(), pending)),
            _ => None,
        })
    }

    fn facts(&self, key: ExecutionKey) -> Option<Arc<machine::Facts>> {
        Some(Arc::clone(self.live.get(key)?.execution.as_ref()?.facts()))
    }

    /// Offers an activity task to the workers; the first one that waits takes it.
    pub(super) fn offer(&mut self, key: ExecutionKey, id: EventId, activity_arn: Text) {
        if let Some((offer, poller)) = self.environment.activities.offer(Offer { key, id, activity_arn }) {
            self.work.push_back(Work::Report(Report::TakeActivity { offer, poller }));
        }
    }

    /// The task that the worker was matched with is gone: it waits again, unless its time is over.
    pub(super) fn poll_again(&mut self, activity_arn: &Text, poller: Poller) {
        if poller.deadline_ms <= self.environment.clock.now_ms() {
            // A worker that went away needs no answer.
            let _ = poller.reply.send(Ok(None));
            return;
        }
        match self.environment.activities.poll(activity_arn, poller) {
            Polled::Waiting => {}
            Polled::Refused(poller) => {
                let _ = poller.reply.send(Ok(None));
            }
            Polled::Matched(offer, poller) => {
                if let Some(owner) = self.environment.shard(offer.key) {
                    owner.report(Report::TakeActivity { offer, poller });
                }
            }
        }
    }

    /// Fires what is due. A timer that was moved or cancelled in a step that is not durable yet is stale and dropped.
    pub(super) fn fire_timers(&mut self) {
        let now_ms = self.environment.clock.now_ms();
        if let Some(tables) = self.pipeline.tables() {
            let partitions = self.recovery.partitions();
            if let Err(error) = self.timers.refill(now_ms, partitions, tables) {
                tracing::error!(%error, "timers cannot be read");
            }
        }
        for _ in 0..super::WORK_AT_ONCE_MAX {
            if !self.pipeline.has_room(self.environment.options.batch_bytes_max) {
                return;
            }
            let Some(row) = self.timers.take_due(now_ms) else { return };
            let is_set = match self.find(row.key) {
                Ok(Found::Open) => {
                    self.live.get(row.key).is_some_and(|live| live.timers.get(&row.timer) == Some(&row.due_ms))
                }
                _ => false,
            };
            if is_set {
                self.turn(row.key, Trigger::TimerFired { timer: row.timer }, Then::Nothing);
            }
        }
    }
}

/// What the failure of a call means: a callback call that failed has not handed out its token.
fn failed(effect: EventId, failure: Failure, pattern: IntegrationPattern) -> Trigger {
    match pattern {
        IntegrationPattern::WaitForTaskToken => Trigger::TaskNotSubmitted { effect, failure },
        IntegrationPattern::RequestResponse | IntegrationPattern::Sync => Trigger::TaskFailed { effect, failure },
    }
}
