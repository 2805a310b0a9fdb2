//! A turn: the working state of one step. It numbers events, sets timers and collects effects.

use crate::execution::{Outcome, Status, Step, TokenOf};
use crate::failure::Halt;
use crate::frame::{Call, Frame, Request, Timer};
use crate::parts::Parts;
use crate::redrive;
use crate::test_state::Test;
use crate::visit::Visit;
use crate::{Effect, EventDetails, EventId, EventType, Facts, Failure, HistoryEvent, PartId, StepError, TimerId};
use asl::{Flow, IntegrationPattern, Limits, State, StateKind, StateMachine, StateMachineType};
use json::{Payload, Text};
use query::{Ambient, ContextObject, ExecutionContext, MapItem};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) struct Turn<'t> {
    pub(crate) parts: &'t mut Parts,
    pub(crate) facts: &'t Facts,
    pub(crate) execution: &'t Arc<ExecutionContext>,
    pub(crate) definition: &'t StateMachine,
    pub(crate) ambient: &'t Ambient,
    pub(crate) limits: &'t Limits,
    pub(crate) token_of: TokenOf<'t>,
    /// Its state machine is being deleted: no state is entered any more.
    pub(crate) ends_at_transition: bool,
    /// It takes more memory than an execution may: it goes on no more.
    pub(crate) is_too_heavy: bool,
    /// `Some` when the execution is the test of a state.
    pub(crate) test: Option<&'t Test>,
    pub(crate) step: Step,
    /// How many timers were made before this step.
    pub(crate) timers_before: u64,
    /// What the step writes, so far.
    pub(crate) written: Written,
}

/// About what a step writes, in bytes of payload.
#[derive(Default)]
pub(crate) struct Written {
    bytes: usize,
    /// That of the last event that has one: it is stored once for all that follow and repeat it.
    of_event: Option<Payload>,
    /// What has been counted of frames, which are written once, as the step leaves them.
    of_frames: BTreeMap<PartId, usize>,
}

/// How many bytes one step writes, not counting what its last move adds. Others wait for that long, and memory holds it.
const STEP_BYTES_MAX: usize = 1 << 20;

/// How many events it makes, in the same way: some milliseconds. Each of the states that it enters may begin many iterations.
const STEP_EVENTS_MAX: usize = 2_000;

impl Written {
    fn event(&mut self, details: &EventDetails) {
        self.bytes += details.other_bytes();
        let Some(payload) = details.payload() else { return };
        if !self.of_event.as_ref().is_some_and(|last| payload.repeats(last)) {
            self.bytes += payload.byte_len();
            self.of_event = Some(payload.clone());
        }
    }

    fn frame(&mut self, id: PartId, bytes: usize) {
        let before = self.of_frames.insert(id, bytes).unwrap_or(0);
        self.bytes = self.bytes.saturating_sub(before) + bytes;
    }

    /// The output of a child.
    pub(crate) fn output(&mut self, output: &Payload) {
        self.bytes += output.byte_len();
    }
}

impl<'t> Turn<'t> {
    /// Appends an event. The last event that may be made is kept for the end of the execution.
    pub(crate) fn emit(
        &mut self,
        previous: EventId,
        event_type: EventType,
        details: EventDetails,
    ) -> Result<EventId, Halt> {
        if self.next_event()? >= self.limits.events_max(self.facts.state_machine_type) {
            return Err(Halt::HistoryFull);
        }
        Ok(self.append(previous, event_type, details)?)
    }

    /// Appends an event and moves the frame past it.
    pub(crate) fn advance(
        &mut self,
        id: PartId,
        event_type: EventType,
        details: EventDetails,
    ) -> Result<EventId, Halt> {
        let event = self.emit(self.parts.frame(id)?.position, event_type, details)?;
        self.parts.frame_mut(id)?.position = event;
        Ok(event)
    }

    fn append(
        &mut self,
        previous_event_id: EventId,
        event_type: EventType,
        details: EventDetails,
    ) -> Result<EventId, StepError> {
        let id = self.next_event()?;
        let timestamp_ms = self.ambient.now_ms;
        let root = self.parts.root_mut()?;
        (root.last_event, root.last_ms) = (id, timestamp_ms);
        self.written.event(&details);
        self.step.history.push(HistoryEvent { id, previous_event_id, timestamp_ms, event_type, details });
        Ok(id)
    }

    /// The id that the next event will have.
    pub(crate) fn next_event(&self) -> Result<EventId, StepError> {
        Ok(self.parts.root()?.last_event + 1)
    }

    /// A step that writes much, or has used much of its fuel, ends here, so that the next state finds enough.
    pub(crate) fn is_long(&self) -> bool {
        self.written.bytes >= STEP_BYTES_MAX
            || self.step.history.len() >= STEP_EVENTS_MAX
            || self.ambient.is_running_low()
    }

    /// The frame is written as it is now, or is gone.
    pub(crate) fn count_frame(&mut self, id: PartId) {
        self.written.frame(id, self.parts.frame(id).map_or(0, |frame| frame.payload_bytes()));
    }

    pub(crate) fn push(&mut self, effect: Effect) {
        self.step.effects.push(effect);
    }

    pub(crate) fn set_timer(&mut self, due_ms: i64) -> Result<Timer, StepError> {
        let id = self.parts.root_mut()?.next_timer();
        self.push(Effect::SetTimer { timer: id, due_ms });
        Ok(Timer { id, due_ms })
    }

    pub(crate) fn set_timer_in(&mut self, seconds: u64) -> Result<Timer, StepError> {
        self.set_timer(after(self.ambient.now_ms, seconds))
    }

    /// A timer that was set in this very step leaves no effect at all.
    pub(crate) fn cancel_timer(&mut self, id: TimerId) {
        if id.0 <= self.timers_before {
            return self.push(Effect::CancelTimer { timer: id });
        }
        self.step.effects.retain(|effect| !matches!(effect, Effect::SetTimer { timer, .. } if *timer == id));
    }

    /// Cancels the frame's timers.
    pub(crate) fn cancel_timers(&mut self, frame: &Frame) {
        for timer in frame.timers() {
            self.cancel_timer(timer.id);
        }
    }

    /// Cancels the frame's timers and its call.
    pub(crate) fn cancel(&mut self, frame: &Frame) {
        self.cancel_timers(frame);
        if let Some(call) = frame.call() {
            self.cancel_call(call);
        }
        if let Some(pending) = frame.map_run() {
            self.push(Effect::StopMapRun { map_run_arn: pending.map_run_arn.clone() });
        }
    }

    /// The answer of the call is not wanted any more, nor what it has submitted.
    pub(crate) fn cancel_call(&mut self, call: &Call) {
        self.push(Effect::CancelTask { id: call.request.id() });
        if let (Request::Task(request), Some(submitted)) = (&call.request, &call.submitted)
            && request.pattern == IntegrationPattern::Sync
        {
            self.push(Effect::StopTask { request: request.clone(), submitted: submitted.clone() });
        }
    }

    /// Ends the execution: the last event, and nothing is awaited any more. A Standard execution that ends unsuccessfully
    /// stays where it stood, for a redrive.
    pub(crate) fn end(&mut self, previous: EventId, outcome: Outcome) -> Result<(), StepError> {
        let waiting = self.parts.frames().filter(|(_, frame)| frame.waits_for_others());
        let waiting: Vec<Arc<Frame>> = waiting.map(|(_, frame)| frame.clone()).collect();
        for frame in waiting {
            self.cancel(&frame);
        }
        let root = self.parts.root_mut()?;
        root.ready.clear();
        root.status = outcome.status();
        if let Some(deadline) = root.deadline.take() {
            self.cancel_timer(deadline.id);
        }
        if outcome.status() == Status::Succeeded || self.facts.state_machine_type == StateMachineType::Express {
            self.parts.clear();
        } else {
            redrive::keep(self)?;
        }
        let (event_type, details) = last_event(&outcome);
        self.append(previous, event_type, details)?;
        self.step.outcome = Some(outcome);
        Ok(())
    }

    pub(crate) fn end_failed(&mut self, previous: EventId, failure: Failure) -> Result<(), StepError> {
        self.end(previous, Outcome::Failed(failure.truncated()))
    }

    pub(crate) fn is_running(&self) -> Result<bool, StepError> {
        Ok(self.parts.root()?.status == Status::Running)
    }

    /// The state in which a frame stands.
    pub(crate) fn state(&self, frame: &Frame) -> Result<&'t State, StepError> {
        let state = self.flow(frame)?.states.get(&frame.state);
        state.ok_or_else(|| StepError::Corrupt(format!("the definition has no state `{}` there", frame.state)))
    }

    fn flow(&self, frame: &Frame) -> Result<&'t Flow, StepError> {
        let Some(parent) = frame.parent else { return Ok(&self.definition.flow) };
        let state = self.state(self.parts.frame(parent.frame)?)?;
        let flow = match &state.kind {
            StateKind::Parallel(parallel) => {
                usize::try_from(parent.index).ok().and_then(|index| parallel.branches.get(index))
            }
            StateKind::Map(map) => Some(&map.item_processor),
            StateKind::Pass(_)
            | StateKind::Task(_)
            | StateKind::Choice(_)
            | StateKind::Wait(_)
            | StateKind::Succeed(_)
            | StateKind::Fail(_) => None,
        };
        flow.ok_or_else(|| StepError::Corrupt(format!("state `{}` has no branch {}", state.name, parent.index)))
    }

    /// The frame in its state, with all that expressions can see there.
    pub(crate) fn visit(&self, id: PartId) -> Result<Visit<'t>, StepError> {
        let frame = self.parts.frame(id)?.clone();
        let state = self.state(&frame)?;
        let entered_ms = frame.entered.map_or(self.ambient.now_ms, |entered| entered.at_ms);
        let mut context = ContextObject::new(self.execution.clone(), state.name.clone(), entered_ms);
        context.retry_count = can_retry(&state.kind).then(|| u32::try_from(frame.retry_count()).unwrap_or(u32::MAX));
        context.map_item = self.map_item(&frame)?;
        if let Some(test) = self.test {
            test.complete(&mut context);
        }
        Ok(Visit {
            id,
            scopes: self.scopes(&frame)?,
            variables_bytes: self.parts.root()?.variables_bytes,
            frame,
            state,
            context,
            ambient: self.ambient,
            limits: self.limits,
            test: self.test,
        })
    }

    /// The variables of the frame and of all around it, innermost first.
    fn scopes(&self, frame: &Frame) -> Result<Vec<json::Payload>, StepError> {
        let mut scopes: Vec<json::Payload> = self.parts.variables_of(frame)?.into_iter().cloned().collect();
        let mut parent = frame.parent;
        while let Some(outer) = parent {
            let outer = self.parts.frame(outer.frame)?;
            scopes.extend(self.parts.variables_of(outer)?.cloned());
            parent = outer.parent;
        }
        Ok(scopes)
    }

    /// `$$.Map.Item` of the innermost Map around the frame.
    fn map_item(&self, frame: &Frame) -> Result<Option<MapItem>, StepError> {
        let mut parent = frame.parent;
        while let Some(outer) = parent {
            let frame = self.parts.frame(outer.frame)?;
            if let crate::Phase::Forked(crate::Fork { items: Some(items), .. }) = frame.phase {
                return crate::states::item(self.parts.payload(items)?, outer.index).map(Some);
            }
            parent = frame.parent;
        }
        Ok(None)
    }

    /// The task token of the task that is scheduled next.
    pub(crate) fn next_token(&self, scheduled: EventId) -> Text {
        (self.token_of)(scheduled)
    }
}

/// `seconds` after `now_ms`; a time that cannot be told is never.
pub(crate) fn after(now_ms: i64, seconds: u64) -> i64 {
    let milliseconds = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000);
    now_ms.saturating_add(milliseconds)
}

/// The states of these types have `$$.State.RetryCount`.
fn can_retry(kind: &StateKind) -> bool {
    match kind {
        StateKind::Task(_) | StateKind::Parallel(_) | StateKind::Map(_) => true,
        StateKind::Pass(_) | StateKind::Choice(_) | StateKind::Wait(_) | StateKind::Succeed(_) | StateKind::Fail(_) => {
            false
        }
    }
}

fn last_event(outcome: &Outcome) -> (EventType, EventDetails) {
    let failed = |failure: &Failure| {
        let Failure { error, cause } = failure.clone();
        EventDetails::Failed { error, cause }
    };
    match outcome {
        Outcome::Succeeded { output } => {
            (EventType::ExecutionSucceeded, EventDetails::ExecutionSucceeded { output: output.clone() })
        }
        Outcome::Failed(failure) => (EventType::ExecutionFailed, failed(failure)),
        // Only the event names the error; `DescribeExecution` has neither error nor cause.
        Outcome::TimedOut(_) => (EventType::ExecutionTimedOut, failed(&Failure::timeout())),
        Outcome::Aborted(failure) => (EventType::ExecutionAborted, failed(failure)),
    }
}
