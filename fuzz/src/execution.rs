//! One execution of whatever definition came out, to its end or to a bound, held to the history checker.

use asl::{Limits, StateMachineType};
use json::Payload;
use machine::{Effect, Execution, Facts, HistoryEvent, TimerId, Trigger};
use query::{Ambient, Budget};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

const START_MS: i64 = 1_795_426_560_000;
const STEPS_MAX: u64 = 200;
const EVENTS_MAX: u64 = 500;
const BUDGET: Budget = Budget { time: Duration::from_secs(2), memory_bytes: 1 << 20, depth: 256, last: true };

/// Runs the definition with the input: tasks are answered with their parameters, every third with a failure; timers fire in
/// their order; Map Runs are not carried out.
///
/// # Panics
/// If the history is no legal path of the definition.
pub fn run(definition: &str, state_machine_type: StateMachineType, input: &str) {
    let Some(state_machine) = asl::parse(definition, state_machine_type, &Limits::default()).state_machine else {
        return;
    };
    let Ok(payload) = Payload::parse(input) else { return };
    let limits = Limits { history_events_max: EVENTS_MAX, payload_bytes_max: 1 << 16, ..Limits::default() };
    let mut execution = Execution::new(facts(state_machine_type, input, payload));
    let mut history: Vec<HistoryEvent> = Vec::new();
    let mut waiting = Waiting::default();
    let mut now_ms = START_MS;
    let mut next = Some(Trigger::Start);
    for steps in 0..STEPS_MAX {
        let Some(trigger) = next.take() else { break };
        let ambient = Ambient::new(now_ms, steps, BUDGET);
        let token_of = |id| format!("token of {id}").into();
        let Ok(step) = execution.step(&state_machine, trigger, &ambient, &limits, &token_of) else { break };
        history.extend(step.history.iter().cloned());
        if step.outcome.is_some() {
            break;
        }
        step.effects.into_iter().for_each(|effect| waiting.carry_out(effect));
        next = waiting.next(&mut now_ms);
    }
    judge(definition, state_machine_type, input, &limits, &history);
}

fn judge(definition: &str, of_type: StateMachineType, input: &str, limits: &Limits, history: &[HistoryEvent]) {
    let Ok(mut checker) = checker::Checker::new(definition, of_type) else { return };
    checker.limits = limits.clone();
    let events: Vec<checker::HistoryEvent> = history.iter().map(checker::HistoryEvent::from).collect();
    let verdict = checker.check(&checker::History { input, events: &events, ..checker::History::default() });
    assert!(verdict.is_legal(), "{verdict}\n{definition}\n{input}");
}

/// What the execution waits for.
#[derive(Default)]
struct Waiting {
    goes_on: bool,
    answers: VecDeque<Trigger>,
    timers: BTreeMap<TimerId, i64>,
    tasks: u64,
}

impl Waiting {
    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Continue => self.goes_on = true,
            Effect::RunTask(request) => {
                let (effect, output) = (request.id, request.parameters.clone());
                // Such a call returns before its task is answered.
                if request.pattern != asl::IntegrationPattern::RequestResponse {
                    self.answers.push_back(Trigger::TaskSubmitted { effect, output: output.clone() });
                }
                self.answer(effect, output);
            }
            Effect::OfferActivity { id, input, .. } => self.answer(id, input),
            Effect::CancelTask { id } => self.answers.retain(|answer| !answers(answer, id)),
            Effect::SetTimer { timer, due_ms } => drop(self.timers.insert(timer, due_ms)),
            Effect::CancelTimer { timer } => drop(self.timers.remove(&timer)),
            Effect::StopTask { .. } | Effect::StartMapRun(_) | Effect::RedriveMapRun(_) | Effect::StopMapRun { .. } => {
            }
        }
    }

    fn answer(&mut self, effect: u64, output: Payload) {
        self.tasks += 1;
        let failure = || machine::Failure { error: Some("Broken".into()), cause: Some("because".into()) };
        let fails = self.tasks.is_multiple_of(3);
        self.answers.push_back(if fails {
            Trigger::TaskFailed { effect, failure: failure() }
        } else {
            Trigger::TaskSucceeded { effect, output }
        });
    }

    fn next(&mut self, now_ms: &mut i64) -> Option<Trigger> {
        if std::mem::take(&mut self.goes_on) {
            return Some(Trigger::Continue);
        }
        if let Some(answer) = self.answers.pop_front() {
            return Some(answer);
        }
        let (timer, due_ms) = self.timers.iter().min_by_key(|(_, due_ms)| **due_ms).map(|(t, d)| (*t, *d))?;
        self.timers.remove(&timer);
        *now_ms = due_ms.max(*now_ms);
        Some(Trigger::TimerFired { timer, due_ms })
    }
}

fn answers(trigger: &Trigger, id: u64) -> bool {
    matches!(
        trigger,
        Trigger::TaskSubmitted { effect, .. } | Trigger::TaskSucceeded { effect, .. } | Trigger::TaskFailed { effect, .. }
            if *effect == id
    )
}

fn facts(state_machine_type: StateMachineType, input_text: &str, input: Payload) -> Facts {
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
        input_text: input_text.into(),
        input,
        region: "us-east-1".into(),
        account: "111111111111".into(),
        redrive_count: 0,
        redrive_ms: None,
    }
}
