//! An execution and the function that steps it.

use crate::failure::Halt;
use crate::frame::{Answer, Call, PendingMapRun, Phase, Request, Timer};
use crate::parts::Parts;
use crate::redrive;
use crate::states::{self, distributed_map, task, wait};
use crate::test_state::Test;
use crate::turn::{Turn, Written, after};
use crate::weight;
use crate::{Effect, EventDetails, EventId, EventType, Failure, Frame, HistoryEvent, Part, PartId, TimerId, Trigger};
use asl::{Limits, StateMachine, StateMachineType};
use json::{Payload, Text};
use query::{Ambient, ExecutionContext};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};

/// What is fixed when an execution starts, or is redriven.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Facts {
    pub execution_arn: Text,
    pub name: Text,
    pub state_machine_arn: Text,
    pub state_machine_name: Text,
    pub state_machine_version_arn: Option<Text>,
    pub state_machine_alias_arn: Option<Text>,
    pub role_arn: Text,
    pub state_machine_type: StateMachineType,
    /// Started with StartSyncExecution.
    #[serde(default)]
    pub is_synchronous: bool,
    /// Milliseconds since the Unix epoch.
    pub start_ms: i64,
    pub input: Payload,
    /// The text of the input as the caller wrote it: it is JSON.
    pub input_text: Text,
    pub region: Text,
    pub account: Text,
    /// How often it was redriven, and when the last time (milliseconds since the Unix epoch).
    #[serde(default)]
    pub redrive_count: u32,
    #[serde(default)]
    pub redrive_ms: Option<i64>,
}

/// How an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Status {
    Running,
    Succeeded,
    Failed,
    TimedOut,
    Aborted,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    Succeeded { output: Payload },
    Failed(Failure),
    TimedOut(Failure),
    Aborted(Failure),
}

impl Outcome {
    pub fn status(&self) -> Status {
        match self {
            Outcome::Succeeded { .. } => Status::Succeeded,
            Outcome::Failed(_) => Status::Failed,
            Outcome::TimedOut(_) => Status::TimedOut,
            Outcome::Aborted(_) => Status::Aborted,
        }
    }

    /// Length of the output, or of error and cause.
    pub fn byte_len(&self) -> usize {
        match self {
            Outcome::Succeeded { output } => output.byte_len(),
            Outcome::Failed(failure) | Outcome::TimedOut(failure) | Outcome::Aborted(failure) => {
                let texts = [&failure.error, &failure.cause];
                texts.into_iter().flatten().map(|text| text.len()).sum()
            }
        }
    }
}

/// An execution: where it stands, the data it holds, its variables, its retry counters, what it waits for.
///
/// It does not hold its history: memory and time of a step depend on what the step does, not on what came before.
#[derive(Clone, Debug)]
pub struct Execution {
    facts: Arc<Facts>,
    parts: Parts,
    /// Made from the facts when it is first asked for.
    context: OnceLock<Arc<ExecutionContext>>,
    /// Its state machine is being deleted.
    ends_at_transition: bool,
}

/// What came of a trigger.
#[derive(Debug, Default)]
#[must_use]
pub struct Step {
    /// New events, in order of their ids.
    pub history: Vec<HistoryEvent>,
    /// Parts to write (look them up with [`Execution::part`]) …
    pub changed: Vec<PartId>,
    /// … and parts to delete.
    pub removed: Vec<PartId>,
    /// In the order in which they were asked for.
    pub effects: Vec<Effect>,
    /// Set in the step that ends the execution.
    pub outcome: Option<Outcome>,
}

impl Step {
    fn goes_on(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Continue))
    }
}

/// Why a step could not be made. The execution is unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepError {
    /// An expression used up the budget of the ambient: try again elsewhere with a larger one.
    OverBudget,
    /// The stored parts do not fit together or do not fit the definition: set the execution aside.
    Corrupt(String),
}

/// Makes the text of a task token for the task whose scheduled event is `id`.
pub type TokenOf<'a> = &'a dyn Fn(EventId) -> Text;

/// A task that waits for its answer.
#[derive(Clone, Debug)]
pub struct Pending {
    /// What was asked for.
    pub request: Request,
    /// A worker took it (activity), or the call was made (any other task).
    pub started: bool,
    /// The call was accepted (`TaskSubmitted` with this output).
    pub submitted: Option<Payload>,
}

impl Execution {
    /// A new execution; its first step takes `Trigger::Start`.
    pub fn new(facts: Facts) -> Execution {
        Execution { facts: Arc::new(facts), parts: Parts::new(), context: OnceLock::new(), ends_at_transition: false }
    }

    /// Loads what was stored. What does not fit together is found when a step comes to it.
    pub fn from_parts(facts: Facts, parts: impl IntoIterator<Item = (PartId, Part)>) -> Result<Execution, StepError> {
        let parts = Parts::from_stored(parts);
        parts.root()?;
        Ok(Execution { facts: Arc::new(facts), parts, context: OnceLock::new(), ends_at_transition: false })
    }

    /// Why its parts do not fit together: each [`StepError::Corrupt`] is of a part that another refers to, and that is not
    /// there or is something else. A step sees that only when it comes to the part.
    pub fn misplaced_parts(&self) -> Vec<StepError> {
        self.parts.misplaced()
    }

    /// The same execution with the facts of a redrive; its next step takes `Trigger::Redrive`.
    #[must_use]
    pub fn redriven(self, facts: Facts) -> Execution {
        Execution { facts: Arc::new(facts), context: OnceLock::new(), ..self }
    }

    pub fn part(&self, id: PartId) -> Option<&Part> {
        self.parts.get(id)
    }

    pub fn facts(&self) -> &Arc<Facts> {
        &self.facts
    }

    /// About what it takes in memory, in bytes, texts and values of its payloads included. Known without a look at its
    /// parts; a step changes it when it is made.
    pub fn weight(&self) -> usize {
        weight::facts(&self.facts).saturating_add(self.parts.weight())
    }

    pub fn status(&self) -> Status {
        self.parts.root().map_or(Status::Running, |root| root.status)
    }

    /// Whether it ended unsuccessfully and knows where: what stood there was kept for a redrive. Express executions
    /// keep nothing, and neither does one whose history is full.
    pub fn is_redrivable(&self) -> bool {
        !matches!(self.status(), Status::Running | Status::Succeeded) && self.parts.frames().next().is_some()
    }

    /// The number of its events so far.
    pub fn last_event(&self) -> EventId {
        self.parts.root().map_or(0, |root| root.last_event)
    }

    /// The time of its last event: later ones must not be earlier, wherever the clock was set to meanwhile.
    pub fn last_ms(&self) -> i64 {
        self.parts.root().map_or(0, |root| root.last_ms)
    }

    /// Whether the last step was bounded: after loading, such an execution wants `Trigger::Continue`.
    pub fn is_ready(&self) -> bool {
        self.parts.root().is_ok_and(|root| !root.ready.is_empty())
    }

    /// The tasks that wait for an answer, as the effects that asked for them: what recovery carries out again,
    /// and with the `.sync` and callback calls whether they were submitted already.
    pub fn pending(&self) -> Vec<Pending> {
        self.parts.frames().filter_map(|(_, frame)| frame.call().map(Call::pending)).collect()
    }

    /// The one of them whose `…Scheduled` event has this number.
    pub fn pending_call(&self, id: EventId) -> Option<Pending> {
        self.call(id).map(Call::pending)
    }

    fn call(&self, id: EventId) -> Option<&Call> {
        let frame = self.parts.awaited().call(id)?;
        self.parts.frame(frame).ok()?.call()
    }

    /// The Map Runs that have not ended.
    pub fn pending_map_runs(&self) -> Vec<PendingMapRun> {
        self.parts.frames().filter_map(|(_, frame)| frame.map_run().cloned()).collect()
    }

    /// All timers that are set, and when they are due (milliseconds since the Unix epoch).
    pub fn timers(&self) -> Vec<(TimerId, i64)> {
        let deadline = self.parts.root().ok().and_then(|root| root.deadline);
        let of_frames = self.parts.frames().flat_map(|(_, frame)| frame.timers());
        deadline.into_iter().chain(of_frames).map(|timer| (timer.id, timer.due_ms)).collect()
    }

    /// Its state machine is being deleted: instead of entering another state, or the same one again, the execution
    /// fails. What waits, for a timer or an answer, goes on waiting. This is not stored: who loads an execution says it
    /// again.
    pub fn end_at_next_transition(&mut self) {
        self.ends_at_transition = true;
    }

    /// Whether `id` waits for an answer (task tokens are accepted only then).
    pub fn awaits(&self, id: EventId) -> bool {
        self.call(id).is_some_and(|call| call.early.is_none())
    }

    /// Steps the execution. On `Err` it is unchanged.
    pub fn step(
        &mut self,
        definition: &StateMachine,
        trigger: Trigger,
        ambient: &Ambient,
        limits: &Limits,
        token_of: TokenOf<'_>,
    ) -> Result<Step, StepError> {
        self.step_in(definition, trigger, ambient, limits, token_of, None)
    }

    /// The step of an execution, or of the test of a state.
    pub(crate) fn step_in(
        &mut self,
        definition: &StateMachine,
        trigger: Trigger,
        ambient: &Ambient,
        limits: &Limits,
        token_of: TokenOf<'_>,
        test: Option<&Test>,
    ) -> Result<Step, StepError> {
        let execution = self.context.get_or_init(|| Arc::new(execution_context(&self.facts)));
        let timers_before = self.parts.root()?.timers_made;
        let is_too_heavy = self.is_too_heavy(limits);
        let mut turn = Turn {
            parts: &mut self.parts,
            facts: &self.facts,
            execution,
            definition,
            ambient,
            limits,
            token_of,
            ends_at_transition: self.ends_at_transition,
            is_too_heavy,
            test,
            step: Step::default(),
            timers_before,
            written: Written::default(),
        };
        let result = turn.take(trigger).and_then(|()| turn.parts.close_gaps());
        let mut step = turn.step;
        if let Err(error) = result {
            self.parts.undo();
            return Err(error);
        }
        (step.changed, step.removed) = self.parts.accept();
        // It ends in a step of its own, so that what led to this one is answered.
        if self.is_too_heavy(limits) && !step.history.is_empty() && !step.goes_on() {
            step.effects.push(Effect::Continue);
        }
        Ok(step)
    }

    /// Whether it runs and takes more memory than an execution may.
    fn is_too_heavy(&self, limits: &Limits) -> bool {
        self.weight() as u64 > limits.execution_bytes_max && self.status() == Status::Running
    }
}

pub(crate) fn execution_context(facts: &Facts) -> ExecutionContext {
    ExecutionContext {
        id: facts.execution_arn.clone(),
        input: facts.input.value().clone(),
        name: facts.name.clone(),
        role_arn: facts.role_arn.clone(),
        start_time_ms: facts.start_ms,
        // Recorded: the context object of a synchronous execution has no such member.
        redrive_count: (!facts.is_synchronous).then_some(facts.redrive_count),
        redrive_time_ms: facts.redrive_ms,
        state_machine_id: facts.state_machine_arn.clone(),
        state_machine_name: facts.state_machine_name.clone(),
    }
}

impl Turn<'_> {
    /// Takes what happened, then moves on as far as it goes.
    fn take(&mut self, trigger: Trigger) -> Result<(), StepError> {
        if self.is_running()? == matches!(trigger, Trigger::Redrive) {
            return Ok(());
        }
        match self.answer(trigger).and_then(|()| states::run(self)) {
            Ok(()) => Ok(()),
            Err(Halt::HistoryFull) => {
                let last = self.parts.root()?.last_event;
                let events_max = self.limits.events_max(self.facts.state_machine_type);
                self.end_failed(last, Failure::history_full(events_max))?;
                // There is no room for a redrive, and what stands there may be half of a move.
                self.parts.clear();
                Ok(())
            }
            Err(Halt::Step(error)) => Err(error),
        }
    }

    fn answer(&mut self, trigger: Trigger) -> Result<(), Halt> {
        match trigger {
            Trigger::Start => self.start(),
            Trigger::Continue if self.is_too_heavy => {
                let failure = Failure::too_heavy(self.limits.execution_bytes_max, self.facts.state_machine_type);
                Ok(self.end_failed(self.parts.root()?.last_event, failure)?)
            }
            Trigger::Continue => Ok(()),
            Trigger::TimerFired { timer, due_ms } => self.timer_fired(timer, due_ms),
            Trigger::ActivityStarted { effect, worker_name } => {
                self.call(effect).map_or(Ok(()), |id| task::activity_started(self, id, worker_name))
            }
            Trigger::ActivityNotScheduled { effect, failure } => {
                self.call(effect).map_or(Ok(()), |id| task::not_scheduled(self, id, failure))
            }
            Trigger::TaskSubmitted { effect, output } => {
                self.call(effect).map_or(Ok(()), |id| task::submitted(self, id, output))
            }
            Trigger::TaskHeartbeat { effect } => self.call(effect).map_or(Ok(()), |id| task::heartbeat(self, id)),
            Trigger::TaskNotSubmitted { effect, failure } => {
                self.call(effect).map_or(Ok(()), |id| task::not_submitted(self, id, failure))
            }
            Trigger::TaskSucceeded { effect, output } => {
                self.call(effect).map_or(Ok(()), |id| task::answered(self, id, Answer::Succeeded(output)))
            }
            Trigger::TaskFailed { effect, failure } => {
                self.call(effect).map_or(Ok(()), |id| task::answered(self, id, Answer::Failed(failure)))
            }
            Trigger::Redrive => redrive::begin(self),
            Trigger::MapRunEnded { effect, outcome } => match self.map_run(effect) {
                Some(id) => distributed_map::ended(self, id, outcome),
                None => Ok(()),
            },
            // The stop comes from outside: its event follows no other.
            Trigger::Stop { error, cause } => Ok(self.end(0, Outcome::Aborted(Failure { error, cause }.truncated()))?),
        }
    }

    fn start(&mut self) -> Result<(), Halt> {
        if self.parts.root()?.last_event > 0 {
            return Ok(());
        }
        self.emit(0, EventType::ExecutionStarted, self.started())?;
        let deadline = self.set_timer(self.deadline_ms())?;
        let (start_at, input) = (self.definition.flow.start_at.clone(), self.facts.input.clone());
        // AWS gives the first state no previous event, although `ExecutionStarted` comes before it.
        let top = self.parts.add_frame(Frame::ready(None, start_at, input, 0))?;
        if let Some(variables) = self.test.and_then(Test::variables) {
            self.parts.assign(top, variables)?;
        }
        let root = self.parts.root_mut()?;
        root.deadline = Some(deadline);
        root.ready.push_back(top);
        Ok(())
    }

    fn started(&self) -> EventDetails {
        EventDetails::ExecutionStarted {
            input: self.facts.input_text.clone(),
            role_arn: self.facts.role_arn.clone(),
            state_machine_alias_arn: self.facts.state_machine_alias_arn.clone(),
            state_machine_version_arn: self.facts.state_machine_version_arn.clone(),
        }
    }

    /// When the execution times out that starts, or is redriven, now: a redrive sets its own timeout back, but an
    /// execution is open for no longer than its type may be.
    pub(crate) fn deadline_ms(&self) -> i64 {
        let of_type = match self.facts.state_machine_type {
            StateMachineType::Standard => self.limits.standard_seconds_max,
            StateMachineType::Express => self.limits.express_seconds_max,
        };
        let from_ms = self.facts.redrive_ms.unwrap_or(self.facts.start_ms);
        let own = self.definition.timeout_seconds.map_or(i64::MAX, |seconds| after(from_ms, seconds));
        own.min(after(self.facts.start_ms, of_type))
    }

    fn timer_fired(&mut self, id: TimerId, due_ms: i64) -> Result<(), Halt> {
        // A timer that was moved on after it went off, and before the execution heard of it, is not due yet.
        let is_it = |timer: Timer| timer == Timer { id, due_ms };
        if self.parts.root()?.deadline.is_some_and(is_it) {
            self.parts.root_mut()?.deadline = None;
            return Ok(self.end(0, Outcome::TimedOut(Failure::default()))?);
        }
        let Some(frame_id) = self.parts.awaited().timer(id) else { return Ok(()) };
        let frame = self.parts.frame(frame_id)?.clone();
        if !frame.timers().any(is_it) {
            return Ok(());
        }
        match &frame.phase {
            Phase::Waiting { .. } => wait::over(self, frame_id),
            Phase::Retrying { .. } => states::again(self, frame_id),
            Phase::Calling(call) => task::timed_out(self, frame_id, call, id),
            Phase::Ready | Phase::Forked(_) | Phase::MapRunning(_) | Phase::MapRunUnsuccessful(_) => Ok(()),
        }
    }

    /// The frame that waits for the end of a Map Run.
    fn map_run(&self, id: EventId) -> Option<PartId> {
        self.parts.awaited().map_run(id)
    }

    /// The frame that waits for the answer to a call.
    fn call(&self, id: EventId) -> Option<PartId> {
        self.parts.awaited().call(id)
    }
}

impl Call {
    fn pending(&self) -> Pending {
        Pending { request: self.request.clone(), started: self.started, submitted: self.submitted.clone() }
    }

    /// The effect that asks for this call.
    pub(crate) fn effect(&self) -> Effect {
        match &self.request {
            Request::Task(request) => Effect::RunTask(request.clone()),
            Request::Activity { id, activity_arn, input } => Effect::OfferActivity {
                id: *id,
                activity_arn: activity_arn.clone(),
                input: input.clone(),
                heartbeat_seconds: self.heartbeat_seconds,
            },
        }
    }
}
