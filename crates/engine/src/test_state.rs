//! TestState: carries out what one state on its own asks for.
//!
//! The state is stepped by `machine` as in an execution, and its task is called by the same integrations. No shard owns
//! it and the store never hears of it: it lives as long as the call of TestState does.

use crate::{Engine, Error, TestState, dispatch, environment::Environment, tables::ExecutionKey, tokens::TaskToken};
use asl::{Arn, Resource, StateMachineType};
use futures_util::future::{self, Either};
use json::{Payload, Text};
use machine::{Effect, EventId, Facts, Failure, StateTest, Step, StepError, Tested, TimerId, Trigger};
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};
use store::BoxFuture;
use tokio::sync::oneshot;

impl Engine {
    pub(crate) async fn run_test(&self, test: TestState) -> Result<Tested, Error> {
        let environment = &self.inner.environment;
        if environment.is_stopping() {
            return Err(Error::ShuttingDown);
        }
        // The semaphore is never closed.
        let _place = environment.state_tests.acquire().await;
        let facts = facts(environment, &test, environment.clock.now_ms())?;
        let mut test = StateTest::new(facts, test.definition, test.setup);
        let mut awaited = Awaited::default();
        let mut trigger = Trigger::Start;
        loop {
            let step;
            (test, step) = step_once(environment, test, trigger).await?;
            if let Some(tested) = test.tested() {
                return Ok(tested);
            }
            step.effects.into_iter().for_each(|effect| awaited.add(environment, test.facts(), effect));
            trigger = awaited.next(environment).await;
        }
    }
}

/// What `machine` knows of the execution that the state seems to run in. Recorded: AWS names both at random, and the
/// execution like a synchronous Express one.
fn facts(environment: &Environment, test: &TestState, start_ms: i64) -> Result<Facts, Error> {
    let (name, state_machine): (Text, Text) = (environment.random.uuid()?.into(), environment.random.uuid()?.into());
    let arn = |resource| Arn::of_states(&test.scope.region, &test.scope.account, resource).to_string().into();
    Ok(Facts {
        execution_arn: arn(Resource::Other(format!("express:{state_machine}:{name}").into())),
        name,
        state_machine_arn: arn(Resource::StateMachine { name: state_machine.clone() }),
        state_machine_name: state_machine,
        state_machine_version_arn: None,
        state_machine_alias_arn: None,
        role_arn: test.role_arn.clone(),
        state_machine_type: StateMachineType::Express,
        is_synchronous: true,
        start_ms,
        redrive_count: 0,
        redrive_ms: None,
        input: test.input.clone(),
        input_text: test.input_text.clone(),
        region: test.scope.region.clone(),
        account: test.scope.account.clone(),
    })
}

/// What the slow lane takes all tests for: they share with one another what one state machine would get.
const ON_THE_LANE: &str = "TestState";

/// Steps the test on the slow lane: whatever its expressions need, no shard waits for them.
async fn step_once(
    environment: &Arc<Environment>,
    mut test: StateTest,
    trigger: Trigger,
) -> Result<(StateTest, Step), Error> {
    let arn = test.facts().execution_arn.clone();
    let seed = u64::from_be_bytes(environment.random.bytes()?);
    let (reply, stepped) = oneshot::channel();
    let shared = Arc::clone(environment);
    let work = move || {
        let step = catch_unwind(AssertUnwindSafe(|| step(&shared, &mut test, trigger, seed)));
        // Nobody waits any more when the caller went away.
        let _ = reply.send((test, step));
    };
    environment.slow_lane.submit(environment, ON_THE_LANE.into(), Box::new(work));
    let broken = |why: &str| Error::SetAside { arn: arn.clone(), why: why.into() };
    let (test, step) = stepped.await.map_err(|_| environment.no_answer())?;
    match step {
        Ok(Ok(step)) => Ok((test, step)),
        Ok(Err(StepError::OverBudget)) => Err(broken("its step needs more than the budget of the slow lane")),
        Ok(Err(StepError::Corrupt(why))) => Err(broken(&why)),
        Err(_) => Err(broken("its step panicked")),
    }
}

fn step(environment: &Environment, test: &mut StateTest, trigger: Trigger, seed: u64) -> Result<Step, StepError> {
    let options = &environment.options;
    let limits = asl::Limits { express_seconds_max: options.limits.test_state_seconds_max, ..options.limits.clone() };
    let (key, start_ms) = (ExecutionKey::of(&test.facts().execution_arn), test.facts().start_ms);
    let token_of = |id: EventId| -> Text { environment.sealer.seal(TaskToken { key, start_ms, id }) };
    let ambient = query::Ambient::new(environment.clock.now_ms(), seed, options.slow_budget);
    test.step(trigger, &ambient.timed(environment.stopwatch), &limits, &token_of)
}

/// What a state under test waits for.
#[derive(Default)]
struct Awaited {
    /// When each is due.
    timers: BTreeMap<TimerId, i64>,
    call: Option<(EventId, BoxFuture<'static, Result<Payload, Failure>>)>,
    is_ready: bool,
}

impl Awaited {
    fn add(&mut self, environment: &Arc<Environment>, facts: &Arc<Facts>, effect: Effect) {
        match effect {
            Effect::RunTask(request) => {
                let (id, facts, tasks) = (request.id, Arc::clone(facts), Arc::clone(&environment.tasks));
                self.call = Some((id, Box::pin(async move { dispatch::call_once(&*tasks, request, facts).await })));
            }
            // `api` wants a mock for an activity, for what waits and for a Map: no worker is asked, and nothing is submitted.
            Effect::OfferActivity { .. }
            | Effect::StopTask { .. }
            | Effect::StartMapRun(_)
            | Effect::RedriveMapRun(_)
            | Effect::StopMapRun { .. } => {}
            Effect::CancelTask { .. } => self.call = None,
            Effect::SetTimer { timer, due_ms } => {
                self.timers.insert(timer, due_ms);
            }
            Effect::CancelTimer { timer } => {
                self.timers.remove(&timer);
            }
            Effect::Continue => self.is_ready = true,
        }
    }

    /// What happens first. A test always has a timer: the time that it may take.
    async fn next(&mut self, environment: &Environment) -> Trigger {
        if std::mem::take(&mut self.is_ready) {
            return Trigger::Continue;
        }
        let (timer, due_ms) = self
            .timers
            .iter()
            .map(|(timer, due_ms)| (*timer, *due_ms))
            .min_by_key(|timer| timer.1)
            .unwrap_or((TimerId(0), i64::MAX));
        let due = environment.clock.sleep_until(due_ms);
        let Some((effect, call)) = &mut self.call else {
            due.await;
            self.timers.remove(&timer);
            return Trigger::TimerFired { timer, due_ms };
        };
        let effect = *effect;
        match future::select(call, due).await {
            Either::Left((outcome, _)) => {
                self.call = None;
                match outcome {
                    Ok(output) => Trigger::TaskSucceeded { effect, output },
                    Err(failure) => Trigger::TaskFailed { effect, failure },
                }
            }
            Either::Right(((), _)) => {
                self.timers.remove(&timer);
                Trigger::TimerFired { timer, due_ms }
            }
        }
    }
}
