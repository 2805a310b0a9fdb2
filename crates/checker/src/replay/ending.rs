//! How an execution begins, ends, and is redriven.

use super::abort::Aborts;
use super::{Followed, Lost, Replay};
use crate::event::HistoryEvent;
use crate::failure::{Failure, RUNTIME, TIMEOUT};
use crate::frame::{Frame, FrameId, Phase};
use crate::verdict::Rule;
use asl::{StateKind, StateMachineType};
use json::Payload;
use std::collections::HashMap;
use std::sync::Arc;

/// How far the execution is.
pub(super) enum Status {
    NotStarted,
    Running,
    /// Its last event is to come.
    Ending(Ending),
    /// It has ended, by a type of event, after which a redrive may follow.
    Closed {
        is_redrivable: bool,
    },
}

/// The last event.
pub(super) enum Ending {
    Succeeded { previous: u64, output: Payload },
    Failed { previous: u64, failure: Failure, not_before: Option<(i64, &'static str)> },
}

impl Replay<'_> {
    /// `ExecutionStarted`.
    pub(super) fn started(&mut self, event: &HistoryEvent) -> Followed {
        if !matches!(self.status, Status::NotStarted) {
            return Err(self.unexplained(event));
        }
        if event.previous_event_id != 0 {
            self.report(Rule::Previous, format!("ExecutionStarted follows nothing, not {}", event.previous_event_id));
        }
        let input = self.input.clone();
        self.expect_text(event, "input", Some(&input));
        let mut facts = (*self.facts).clone();
        facts.start_ms = self.now.last_ms;
        facts.role_arn = event.text("roleArn").cloned().unwrap_or_default();
        let value = facts.input.clone();
        self.facts = Arc::new(facts);
        self.status = Status::Running;
        // AWS gives the first state no previous event, although `ExecutionStarted` comes before it.
        let flow = &self.checker.definition.flow;
        let Some(frame) = Frame::begin(None, flow, Some(value.into()), 0) else {
            self.no_such_state(&flow.start_at);
            return Err(Lost);
        };
        let id = self.frames.add(frame);
        self.wait_after(id, 0);
        Ok(())
    }

    /// The flow of the execution came to its end.
    pub(super) fn end_with(&mut self, output: Payload, previous: u64) {
        self.end(Ending::Succeeded { previous, output });
    }

    pub(super) fn end(&mut self, ending: Ending) {
        self.status = Status::Ending(ending);
    }

    /// Whether something may happen in the execution now.
    pub(super) fn is_open(&mut self, event: &HistoryEvent) -> Followed {
        let message = match &self.status {
            Status::Running => return Ok(()),
            Status::NotStarted => format!("{} before ExecutionStarted", event.event_type),
            Status::Closed { .. } => format!("{} after the event that ends the execution", event.event_type),
            Status::Ending(ending) => {
                let (expected, previous) = match ending {
                    Ending::Succeeded { previous, .. } => ("ExecutionSucceeded", previous),
                    Ending::Failed { previous, .. } => ("ExecutionFailed", previous),
                };
                let found = super::describe(event);
                let message = format!("nothing explains {found}; expected: {expected} after event {previous}");
                self.report(Rule::Path, message);
                return Err(Lost);
            }
        };
        self.report(Rule::Terminal, message);
        Err(Lost)
    }

    /// Whether the execution can end now, in any way.
    fn can_end(&mut self, event: &HistoryEvent) -> Followed {
        match self.status {
            Status::Running | Status::Ending(_) => Ok(()),
            Status::NotStarted | Status::Closed { .. } => self.is_open(event),
        }
    }

    fn close(&mut self, is_redrivable: bool) {
        self.status = Status::Closed { is_redrivable };
    }

    fn expect_previous(&mut self, event: &HistoryEvent, previous: u64) {
        if event.previous_event_id != previous {
            let (event_type, found) = (&event.event_type, event.previous_event_id);
            self.report(Rule::Previous, format!("{event_type} follows event {previous}, not {found}"));
        }
    }

    pub(super) fn succeeded(&mut self, event: &HistoryEvent) -> Followed {
        let Status::Ending(Ending::Succeeded { previous, output }) = &self.status else {
            self.can_end(event)?;
            return Err(self.unexplained_end(event));
        };
        let (previous, output) = (*previous, output.clone());
        self.expect_previous(event, previous);
        self.agree(event, "output", &output, Vec::new);
        self.close(false);
        Ok(())
    }

    pub(super) fn failed(&mut self, event: &HistoryEvent) -> Followed {
        self.can_end(event)?;
        if self.is_too_heavy(event) {
            self.remember_failure();
            self.close(true);
            return Ok(());
        }
        if self.is_from_outside(event) || self.ran_out(event) {
            self.close(true);
            return Ok(());
        }
        let Status::Ending(Ending::Failed { previous, failure, not_before }) = &self.status else {
            return Err(self.unexplained_end(event));
        };
        let (previous, failure, not_before) = (*previous, failure.clone(), *not_before);
        self.expect_previous(event, previous);
        self.expect_failure(event, &failure);
        if let Some((not_before_ms, why)) = not_before {
            self.check_time(not_before_ms, why, &event.event_type);
        }
        self.close(true);
        Ok(())
    }

    /// What ends an execution although no state failed: its history is full, or its state machine was deleted.
    fn is_from_outside(&self, event: &HistoryEvent) -> bool {
        if event.text("error").is_none_or(|error| **error != *RUNTIME) {
            return false;
        }
        let cause = event.text("cause").map_or("", |cause| &**cause);
        let is_full = event.id == self.checker.events_max() && cause.contains("history events");
        let is_deleted = cause.starts_with("State machine ") && cause.ends_with(" has been deleted.");
        is_full || (is_deleted && self.frames.alive().any(|(_, frame)| frame.position == event.previous_event_id))
    }

    /// Whether it took too much memory. No history tells how much that was; but it ends in a step that does nothing else.
    fn is_too_heavy(&self, event: &HistoryEvent) -> bool {
        let cause = event.text("cause").map_or("", |cause| &**cause);
        matches!(self.status, Status::Running)
            && event.text("error").is_some_and(|error| **error == *RUNTIME)
            && event.previous_event_id + 1 == event.id
            && cause.starts_with("The execution takes more than ")
            && cause.contains(" bytes of memory (")
    }

    fn unexplained_end(&mut self, event: &HistoryEvent) -> Lost {
        if let Status::Ending(Ending::Succeeded { .. } | Ending::Failed { .. }) = &self.status
            && self.is_open(event).is_err()
        {
            return Lost;
        }
        let found = super::describe(event);
        let expected = self.expected_types().join(", ");
        self.report(Rule::Path, format!("nothing explains {found}; expected: {expected}"));
        Lost
    }

    /// `ExecutionAborted`: the stop comes from outside, so its event follows no other.
    pub(super) fn aborted(&mut self, event: &HistoryEvent) -> Followed {
        self.can_end(event)?;
        self.expect_previous(event, 0);
        self.remember_failure();
        self.close(true);
        Ok(())
    }

    /// `ExecutionTimedOut`.
    pub(super) fn timed_out(&mut self, event: &HistoryEvent) -> Followed {
        self.can_end(event)?;
        self.expect_previous(event, 0);
        if event.text("error").is_some() {
            self.expect_text(event, "error", Some(TIMEOUT));
        }
        let limits = &self.checker.limits;
        let of_type = match self.checker.state_machine_type {
            StateMachineType::Standard => limits.standard_seconds_max,
            StateMachineType::Express => limits.express_seconds_max,
        };
        let after =
            |ms: i64, seconds: u64| ms.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000));
        // A redrive sets the state machine's own timeout back.
        let from_ms = self.facts.redrive_ms.unwrap_or(self.facts.start_ms);
        let own = self.checker.definition.timeout_seconds.map_or(i64::MAX, |seconds| after(from_ms, seconds));
        let deadline_ms = own.min(after(self.facts.start_ms, of_type));
        self.check_time(deadline_ms, "the timeout of the execution", &event.event_type);
        self.remember_failure();
        self.close(true);
        Ok(())
    }

    /// `ExecutionRedriven`: what failed, was aborted or had not begun goes on after it.
    pub(super) fn redriven(&mut self, event: &HistoryEvent) -> Followed {
        let Status::Closed { is_redrivable: true } = self.status else {
            self.report(Rule::Terminal, "ExecutionRedriven without an unsuccessful end before it".to_owned());
            return Err(Lost);
        };
        self.expect_previous(event, event.id.saturating_sub(1));
        let redrive_count = self.facts.redrive_count.unwrap_or(0) + 1;
        self.expect_number(event, "redriveCount", Some(u64::from(redrive_count)));
        let mut facts = (*self.facts).clone();
        facts.redrive_count = Some(redrive_count);
        facts.redrive_ms = Some(self.now.last_ms);
        self.facts = Arc::new(facts);
        if let Some(frames) = self.failed_at.take() {
            self.frames = frames;
            self.variables_bytes = self.frames.alive().map(|(_, frame)| frame.variables_bytes).sum();
        }
        self.redrives_ahead = self.redrives_ahead.saturating_sub(1);
        self.status = Status::Running;
        self.waiting = HashMap::new();
        self.aborts = Aborts::default();
        self.resume();
        Ok(())
    }

    /// All frames go on after the event that is looked at.
    fn resume(&mut self) {
        let ids: Vec<FrameId> = self.frames.alive().map(|(id, _)| id).collect();
        for id in &ids {
            let frame = &mut self.frames[*id];
            frame.position = self.now.event_id;
            frame.retries.clear();
            frame.not_before = None;
        }
        // Only now: a state may fail as soon as it begins again, and abort the others or end the execution. What ran before goes
        // on first; then iterations may begin that have not.
        let (forked, running): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| self.is_forked(*id));
        for id in running {
            self.resume_running(id);
        }
        for id in forked {
            if self.is_forked(id) && matches!(self.status, Status::Running) {
                self.resume_forked(id);
            }
        }
    }

    fn is_forked(&self, id: FrameId) -> bool {
        let frame = &self.frames[id];
        frame.map_run.is_none() && matches!(frame.phase, Phase::Forked)
    }

    fn resume_running(&mut self, id: FrameId) {
        let frame = &self.frames[id];
        if matches!(frame.phase, Phase::Gone) || !matches!(self.status, Status::Running) {
            return;
        }
        match frame.map_run.clone() {
            Some(run) => self.redrive_map_run(id, &run),
            None => self.begin_again(id),
        }
    }

    fn resume_forked(&mut self, id: FrameId) {
        let fork = self.frames[id].fork.iter_mut();
        for offer in fork.flat_map(|fork| fork.iterations.iter_mut()).flat_map(|all| &mut all.offers) {
            offer.previous = self.now.event_id;
        }
        self.offer(id, self.now.event_id);
    }

    /// A state that was entered only begins again, but for a Fail state.
    fn begin_again(&mut self, id: FrameId) {
        let frame = &mut self.frames[id];
        let state = frame.state;
        if frame.entered.is_some() && !matches!(state.kind, StateKind::Fail(_)) {
            frame.fork = None;
            return self.begin(id);
        }
        frame.entered = None;
        let next = match std::mem::replace(&mut frame.phase, Phase::Gone) {
            Phase::Arriving(next) => next,
            _ => vec![&state.name],
        };
        self.stay(id, Phase::Arriving(next));
    }

    /// The history is at its end.
    pub(crate) fn finish_history(&mut self) {
        self.verdict.closed = matches!(self.status, Status::Closed { .. });
    }
}
