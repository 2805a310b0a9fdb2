//! Tasks, activities and timers of a shard.

use super::{
    Found, Report, Shard,
    message::{Then, Work},
    requests::offered_input,
};
use crate::{
    Error,
    activities::{Offer, Polled, Poller},
    dispatch::{Attempt, Returned, failure},
    tables::{ExecutionKey, Tables, TimerRow},
};
use asl::IntegrationPattern;
use json::{Payload, Text};
use machine::{Facts, Failure, Pending, Request, TaskRequest, Trigger};
use std::sync::Arc;

/// Whether a call is wanted.
enum Wanted {
    Yes {
        request: Arc<TaskRequest>,
        submitted: Option<Payload>,
        facts: Arc<Facts>,
    },
    No,
    /// It cannot be told yet.
    AskedLater,
}

impl Shard {
    /// A call has returned.
    pub(super) fn task_ended(
        &mut self,
        attempt: Attempt,
        number: u64,
        returned: Returned,
        outcome: Result<Payload, Failure>,
    ) {
        if !self.dispatcher.ended(attempt, number) {
            return;
        }
        let (key, effect) = attempt;
        let then = match (&outcome, returned) {
            (Ok(_), Returned::Submitted) => Then::Submitted(attempt),
            _ => Then::Nothing,
        };
        let trigger = match (outcome, returned) {
            (Ok(output), Returned::Answer) => Trigger::TaskSucceeded { effect, output },
            (Ok(output), Returned::TokenSent | Returned::Submitted) => Trigger::TaskSubmitted { effect, output },
            // A callback call that failed has not handed out its token.
            (Err(failure), Returned::TokenSent) => Trigger::TaskNotSubmitted { effect, failure },
            (Err(failure), Returned::Answer | Returned::Submitted) => Trigger::TaskFailed { effect, failure },
        };
        self.turn(key, trigger, then);
        self.begin_next();
    }

    pub(super) fn cancel(&mut self, attempt: Attempt) {
        self.environment.activities.retract(attempt);
        self.dispatcher.cancel(attempt);
        self.begin_next();
    }

    pub(super) fn begin_next(&mut self) {
        if let Some(attempt) = self.dispatcher.next() {
            self.work.push_back(Work::Begin(attempt));
        }
    }

    /// Begins a call that has waited, in line or for this start, if it is still wanted.
    pub(super) fn begin(&mut self, attempt: Attempt) {
        match self.wanted(attempt, Work::Begin(attempt)) {
            Wanted::Yes { request, facts, .. } if !self.dispatcher.is_running(attempt) => {
                self.dispatcher.run(attempt.0, request, facts);
            }
            Wanted::Yes { .. } | Wanted::AskedLater => {}
            Wanted::No => self.begin_next(),
        }
    }

    /// Ends a call that runs if nobody waits for its answer any more. Its answer may have come meanwhile.
    pub(super) fn end_unwanted(&mut self, attempt: Attempt) {
        if self.dispatcher.is_running(attempt) && matches!(self.wanted(attempt, Work::EndUnwanted(attempt)), Wanted::No)
        {
            self.cancel(attempt);
        }
    }

    /// Goes on with a call that was submitted, or whose outcome is unknown, as its integration says.
    pub(super) fn take_up(&mut self, attempt: Attempt, is_submitted: bool) {
        if self.dispatcher.has(attempt) {
            // The store failed, and not the process: the call goes on.
            return;
        }
        let again = Work::TakeUp { attempt, is_submitted };
        let Wanted::Yes { request, submitted, facts } = self.wanted(attempt, again) else { return };
        if submitted.is_some() && !is_submitted {
            // The answer to the call came before this turn. Its commit, which may fail, brings another turn.
            return;
        }
        match (submitted, request.pattern) {
            (Some(submitted), IntegrationPattern::Sync) => self.await_submitted(attempt.0, request, facts, submitted),
            // The token is out: its answer may come at any time.
            (Some(_), _) => {}
            (None, _) => match self.environment.tasks.find(&request).map(|task| task.restart(&request)) {
                Some(crate::Restart::Fail(failure)) => {
                    let effect = attempt.1;
                    let trigger = match request.pattern {
                        IntegrationPattern::WaitForTaskToken => Trigger::TaskNotSubmitted { effect, failure },
                        IntegrationPattern::RequestResponse | IntegrationPattern::Sync => {
                            Trigger::TaskFailed { effect, failure }
                        }
                    };
                    self.turn(attempt.0, trigger, Then::Nothing);
                }
                // An unknown resource fails where it is dispatched.
                Some(crate::Restart::Redispatch) | None => self.dispatcher.run(attempt.0, request, facts),
            },
        }
    }

    /// Waits for the end of what was submitted: for an execution of this engine by name, for anything else in a task.
    fn await_submitted(&mut self, key: ExecutionKey, request: Arc<TaskRequest>, facts: Arc<Facts>, submitted: Payload) {
        let task = self.environment.tasks.find(&request);
        let Some(awaited) = task.and_then(|task| task.awaits(&request, &submitted)) else {
            return self.dispatcher.resume(key, request, facts, submitted);
        };
        let execution = ExecutionKey::of(&awaited);
        if let Some(owner) = self.environment.shard(execution) {
            owner.report(Report::AwaitEnd { execution, attempt: (key, request.id) });
        }
    }

    /// The execution that a call waits for has ended: the call fetches its answer.
    pub(super) fn awaited_ended(&mut self, attempt: Attempt) {
        if self.dispatcher.has(attempt) {
            return;
        }
        let again = Work::Report(Report::AwaitedEnded(attempt));
        if let Wanted::Yes { request, submitted: Some(submitted), facts } = self.wanted(attempt, again) {
            self.dispatcher.resume(attempt.0, request, facts, submitted);
        }
    }

    /// Whether an attempt still waits for its answer. If that cannot be told now, `again` is done when it can: when the
    /// slow lane gives the execution back, or the store is open again.
    fn wanted(&mut self, attempt: Attempt, again: Work) -> Wanted {
        let (key, id) = attempt;
        match self.find(key) {
            Ok(Found::Open) => {}
            Err(Error::Store(_)) => {
                self.stalled.push_back(again);
                return Wanted::AskedLater;
            }
            Ok(Found::Closed(_) | Found::Absent) | Err(_) => return Wanted::No,
        }
        let Some(live) = self.live.get(key) else { return Wanted::No };
        let Some(execution) = &live.execution else {
            self.park(key, again);
            return Wanted::AskedLater;
        };
        let facts = execution.facts();
        match execution.pending_call(id) {
            Some(Pending { request: Request::Task(request), submitted, .. }) => {
                Wanted::Yes { request, submitted, facts: Arc::clone(facts) }
            }
            Some(Pending { request: Request::Activity { .. }, .. }) | None => Wanted::No,
        }
    }

    /// Offers an activity task to the workers; the first one that waits takes it. Where none waits, the activity may not
    /// exist. That is looked at last: a deletion before that is seen here, a later one finds the offer.
    pub(super) fn offer(&mut self, offer: Offer) {
        if let Some((offer, poller)) = self.environment.activities.offer(offer.clone()) {
            self.work.push_back(Work::Report(Report::TakeActivity { offer, poller }));
            return;
        }
        let is_absent = |tables: &Tables| matches!(tables.activity(&offer.activity_arn), Ok(None));
        if self.pipeline.tables().is_some_and(is_absent) && self.environment.activities.retract(offer.attempt()) {
            self.work.push_back(Work::Report(Report::ActivityGone(offer)));
        }
    }

    /// Nobody will ever take the task: it fails, as one of an activity that never was.
    pub(super) fn activity_gone(&mut self, offer: Offer) {
        if !matches!(self.find(offer.key), Ok(Found::Open)) {
            return;
        }
        let Some(live) = self.live.get(offer.key) else { return };
        let Some(execution) = &live.execution else {
            return self.park(offer.key, Work::Report(Report::ActivityGone(offer)));
        };
        if offered_input(execution, &offer).is_none() {
            return;
        }
        let cause = format!("Activity Does Not Exist: '{}'", offer.activity_arn);
        let failure = failure("States.Runtime", &cause);
        self.turn(offer.key, Trigger::ActivityNotScheduled { effect: offer.id, failure }, Then::Nothing);
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
        if self.is_ending() {
            return;
        }
        let now_ms = self.environment.clock.now_ms();
        if let Some(tables) = self.pipeline.tables()
            && let Err(error) = self.timers.refill(now_ms, self.recovery.partitions(), tables)
        {
            return self.cannot_read("timers", &error);
        }
        let slice = self.slice();
        for _ in 0..super::WORK_AT_ONCE_MAX {
            if slice.is_over() || !self.pipeline.has_room(self.environment.options.batch_bytes_max) {
                return;
            }
            let Some(row) = self.timers.take_due(now_ms) else { return };
            self.at = Some(row.key);
            self.perform(Work::Timer(row));
            self.at = None;
        }
    }

    pub(super) fn fire(&mut self, row: TimerRow) {
        let is_set = match self.find(row.key) {
            Ok(Found::Open) => self.live.get(row.key).is_some_and(|live| live.timers.is_due_at(row.timer, row.due_ms)),
            _ => false,
        };
        if is_set {
            self.turn(row.key, Trigger::TimerFired { timer: row.timer, due_ms: row.due_ms }, Then::Nothing);
        }
    }
}
