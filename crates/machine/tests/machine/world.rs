//! A small world around one execution: a clock, the timers that are set and the calls that wait for an answer.

use asl::{Limits, StateMachine, StateMachineType};
use json::Payload;
use machine::{
    Effect, EventId, EventType, Execution, Facts, HistoryEvent, MapRunRequest, Outcome, Part, PartId, Step, StepError,
    TimerId, Trigger,
};
use query::{Ambient, Budget};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// 2026-11-23T09:36:00Z, shortly before the times that the recorded definitions wait for.
pub const START_MS: i64 = 1_795_426_560_000;

/// When a world ends, the history checker judges what came of it: an independent reading of the language against this one.
pub struct World {
    definition: String,
    pub machine: StateMachine,
    pub execution: Execution,
    pub limits: Limits,
    /// Limits of results that the execution had before.
    pub other_result_bytes_max: Vec<u64>,
    pub now_ms: i64,
    pub history: Vec<HistoryEvent>,
    pub timers: BTreeMap<TimerId, i64>,
    pub calls: BTreeMap<EventId, Effect>,
    /// Calls whose submission is to be stopped.
    pub stopped: Vec<EventId>,
    /// The Map Runs that run, and all that were asked for.
    pub map_runs: BTreeMap<json::Text, Arc<MapRunRequest>>,
    pub requested: BTreeMap<json::Text, Arc<MapRunRequest>>,
    pub outcome: Option<Outcome>,
    pub steps: u64,
    /// Whether each step is followed by a restart: the execution is read back from what was written.
    pub restarts: bool,
    /// Each step is tried with this budget first, as the shards of the engine do it.
    pub quick_budget: Option<Budget>,
    /// The budget that has to do; steps that needed it, when there was a quick one.
    pub budget: Budget,
    pub slow_steps: u64,
    pub stored: BTreeMap<PartId, Vec<u8>>,
}

impl World {
    pub fn new(definition: &str, state_machine_type: StateMachineType, input: &str) -> World {
        let parsed = asl::parse(definition, state_machine_type, &asl::Limits::default());
        let machine = parsed.state_machine.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics));
        World {
            definition: definition.to_owned(),
            machine,
            execution: Execution::new(facts(state_machine_type, input)),
            limits: Limits::default(),
            other_result_bytes_max: Vec::new(),
            now_ms: START_MS,
            history: Vec::new(),
            timers: BTreeMap::new(),
            calls: BTreeMap::new(),
            stopped: Vec::new(),
            map_runs: BTreeMap::new(),
            requested: BTreeMap::new(),
            outcome: None,
            steps: 0,
            restarts: false,
            quick_budget: None,
            budget: budget(),
            slow_steps: 0,
            stored: BTreeMap::new(),
        }
    }

    pub fn standard(definition: &str, input: &str) -> World {
        World::new(definition, StateMachineType::Standard, input)
    }

    /// A standard execution that was started.
    pub fn started(definition: &str, input: &str) -> World {
        let mut world = World::standard(definition, input);
        world.trigger(Trigger::Start);
        world
    }

    /// Gives the trigger, and goes on as long as steps are bounded.
    pub fn trigger(&mut self, trigger: Trigger) {
        let mut step = self.step(trigger);
        while step.effects.iter().any(|effect| matches!(effect, Effect::Continue)) {
            step = self.step(Trigger::Continue);
        }
    }

    pub fn step(&mut self, trigger: Trigger) -> Step {
        let step = match self.quick_budget.map(|quick| self.try_step(quick, trigger.clone())) {
            Some(Ok(step)) => step,
            Some(Err(error)) => {
                assert_eq!(error, StepError::OverBudget);
                self.slow_steps += 1;
                self.try_step(self.budget, trigger).unwrap()
            }
            None => self.try_step(self.budget, trigger).unwrap(),
        };
        self.steps += 1;
        self.history.extend(step.history.iter().cloned());
        step.effects.iter().for_each(|effect| self.carry_out(effect));
        if step.outcome.is_some() {
            assert!(self.outcome.is_none(), "an execution ends once");
            self.outcome.clone_from(&step.outcome);
        }
        self.store(&step);
        self.check();
        step
    }

    fn try_step(&mut self, budget: Budget, trigger: Trigger) -> Result<Step, StepError> {
        let ambient = Ambient::new(self.now_ms, self.steps, budget);
        let token_of = |id: EventId| format!("token of {id}").into();
        self.execution.step(&self.machine, trigger, &ambient, &self.limits, &token_of)
    }

    fn carry_out(&mut self, effect: &Effect) {
        match effect {
            Effect::RunTask(request) => drop(self.calls.insert(request.id, effect.clone())),
            Effect::OfferActivity { id, .. } => drop(self.calls.insert(*id, effect.clone())),
            Effect::StopTask { request, .. } => self.stopped.push(request.id),
            Effect::CancelTask { id } => assert!(self.calls.remove(id).is_some(), "call {id} was not awaited"),
            Effect::SetTimer { timer, due_ms } => drop(self.timers.insert(*timer, *due_ms)),
            Effect::CancelTimer { timer } => assert!(self.timers.remove(timer).is_some(), "{timer:?} was not set"),
            Effect::StartMapRun(request) => {
                self.map_runs.insert(request.map_run_arn.clone(), Arc::clone(request));
                self.requested.insert(request.map_run_arn.clone(), Arc::clone(request));
            }
            // The Map Run is driven by who tests it.
            Effect::RedriveMapRun(pending) => {
                let request = self.requested.get(&pending.map_run_arn).expect("it was started");
                self.map_runs.insert(pending.map_run_arn.clone(), Arc::clone(request));
            }
            Effect::StopMapRun { map_run_arn } => {
                assert!(self.map_runs.remove(map_run_arn).is_some(), "{map_run_arn} was not awaited");
            }
            Effect::Continue => {}
        }
    }

    fn store(&mut self, step: &Step) {
        for id in &step.removed {
            assert!(self.stored.remove(id).is_some(), "{id:?} was not stored");
        }
        for id in &step.changed {
            let part = self.execution.part(*id).unwrap();
            self.stored.insert(*id, rmp_serde::to_vec_named(part).unwrap());
        }
        if self.restarts {
            let facts = Facts::clone(self.execution.facts());
            let parts = self.stored.iter().map(|(id, bytes)| (*id, rmp_serde::from_slice::<Part>(bytes).unwrap()));
            self.execution = Execution::from_parts(facts, parts).unwrap();
        }
    }

    /// What the execution says it waits for is what the effects asked for.
    fn check(&self) {
        let timers: BTreeMap<TimerId, i64> = self.execution.timers().into_iter().collect();
        assert_eq!(timers, self.timers);
        let pending: Vec<EventId> = self.execution.pending().iter().map(|pending| pending.request.id()).collect();
        assert_eq!(pending.len(), self.calls.len());
        self.check_weight();
        let is_found = |id: &EventId| self.calls.contains_key(id) && self.execution.pending_call(*id).is_some();
        assert!(pending.iter().all(is_found));
    }

    /// What was counted along with the steps is what there is; not looked at where that would take long.
    fn check_weight(&self) {
        const PARTS_MAX: usize = 64;
        if self.stored.len() > PARTS_MAX {
            return;
        }
        let parts = self.stored.iter().map(|(id, bytes)| (*id, rmp_serde::from_slice::<Part>(bytes).unwrap()));
        let read = Execution::from_parts(Facts::clone(self.execution.facts()), parts).unwrap();
        assert_eq!(self.execution.weight(), read.weight());
    }

    /// Sets the clock to the timer that is due next, and fires it.
    pub fn fire_next_timer(&mut self) {
        let (timer, due_ms) =
            self.timers.iter().min_by_key(|(_, due_ms)| **due_ms).map(|(t, d)| (*t, *d)).expect("a timer is set");
        self.now_ms = self.now_ms.max(due_ms);
        self.timers.remove(&timer);
        self.trigger(Trigger::TimerFired { timer, due_ms });
    }

    pub fn succeed(&mut self, effect: EventId, output: &str) {
        self.calls.remove(&effect);
        self.trigger(Trigger::TaskSucceeded { effect, output: Payload::parse(output).unwrap() });
    }

    pub fn fail(&mut self, effect: EventId, error: &str) {
        self.calls.remove(&effect);
        let failure = machine::Failure { error: Some(error.into()), cause: Some("because".into()) };
        self.trigger(Trigger::TaskFailed { effect, failure });
    }

    /// RedriveExecution, `after_ms` after the end.
    pub fn redrive(&mut self, after_ms: i64) {
        self.prepare_redrive(after_ms);
        self.trigger(Trigger::Redrive);
    }

    /// RedriveExecution, `after_ms` after the end, as far as it changes the record.
    pub fn prepare_redrive(&mut self, after_ms: i64) {
        assert!(self.execution.is_redrivable() && self.calls.is_empty() && self.timers.is_empty());
        self.now_ms += after_ms;
        self.outcome = None;
        let facts = Facts::clone(self.execution.facts());
        let (redrive_count, redrive_ms) = (facts.redrive_count + 1, Some(self.now_ms));
        self.execution = self.execution.clone().redriven(Facts { redrive_count, redrive_ms, ..facts });
    }

    /// The call that waits longest.
    pub fn call(&self) -> EventId {
        *self.calls.keys().next().expect("a call waits")
    }

    /// Milliseconds until the timer that is due next.
    pub fn next_timer_ms(&self) -> i64 {
        self.timers.values().min().expect("a timer is set") - self.now_ms
    }

    /// `id<previousEventId:type` of all events.
    pub fn outline(&self) -> String {
        let event =
            |event: &HistoryEvent| format!("{}<{}:{}", event.id, event.previous_event_id, event.event_type.as_str());
        self.history.iter().map(event).collect::<Vec<_>>().join(" ")
    }

    pub fn count(&self, event_type: EventType) -> usize {
        self.history.iter().filter(|event| event.event_type == event_type).count()
    }

    /// The output of an execution that succeeded.
    pub fn output(&self) -> String {
        match &self.outcome {
            Some(Outcome::Succeeded { output }) => output.text().to_string(),
            other => panic!("{other:?}"),
        }
    }

    /// Error and cause of one that failed.
    pub fn failure(&self) -> (String, String) {
        match &self.outcome {
            Some(Outcome::Failed(failure)) => {
                let text = |text: &Option<json::Text>| text.as_deref().unwrap_or_default().to_owned();
                (text(&failure.error), text(&failure.cause))
            }
            other => panic!("{:.300}", format!("{other:?}")),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() && !self.history.is_empty() {
            self.judge();
        }
    }
}

impl World {
    /// The history must be legal.
    fn judge(&self) {
        let facts = self.execution.facts();
        let mut checker = checker::Checker::new(&self.definition, facts.state_machine_type).unwrap();
        checker.limits = self.limits.clone();
        checker.other_result_bytes_max.clone_from(&self.other_result_bytes_max);
        let events: Vec<checker::HistoryEvent> = self.history.iter().map(checker::HistoryEvent::from).collect();
        let history = checker::History { input: &facts.input_text, events: &events, ..checker::History::default() };
        let verdict = checker.check(&history);
        assert!(verdict.is_legal(), "{verdict}\n{}\n{}", self.definition, self.outline());
        assert!(verdict.closed || self.outcome.is_none(), "{}", self.outline());
    }
}

pub fn ambient(now_ms: i64, seed: u64) -> Ambient {
    Ambient::new(now_ms, seed, budget())
}

pub fn budget() -> Budget {
    Budget { time: Duration::from_secs(10), memory_bytes: 1 << 30, depth: 1_000, last: true }
}

pub fn facts(state_machine_type: StateMachineType, input: &str) -> Facts {
    Facts {
        execution_arn: "arn:aws:states:us-east-1:111111111111:execution:machine:run".into(),
        name: "run".into(),
        state_machine_arn: "arn:aws:states:us-east-1:111111111111:stateMachine:machine".into(),
        state_machine_name: "machine".into(),
        state_machine_version_arn: None,
        state_machine_alias_arn: None,
        role_arn: "arn:aws:iam::111111111111:role/role".into(),
        state_machine_type,
        is_synchronous: false,
        start_ms: START_MS,
        input_text: input.into(),
        input: Payload::parse(input).unwrap(),
        region: "us-east-1".into(),
        account: "111111111111".into(),
        redrive_count: 0,
        redrive_ms: None,
    }
}
