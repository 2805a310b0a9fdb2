//! `TestState`: one state on its own, by the same functions that run it in an execution.
//!
//! A [`StateTest`] is an execution of a definition that has only this state. It differs in three things, all of them
//! asked for through the [`Test`] of the turn: a mock stands for the work of a Task, Map or Parallel state, the values in
//! between are kept, and nothing follows the state. An execution has no [`Test`], and then nothing is looked at or kept.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html>

use crate::{Execution, Facts, Failure, Outcome, Step, StepError, TokenOf, Trigger};
use asl::{Limits, StateMachine, Transition};
use json::{Object, Payload, Text};
use query::{Ambient, ContextObject};
use std::cell::RefCell;

/// What a caller of `TestState` says beside definition and input.
#[derive(Clone, Debug, Default)]
pub struct TestSetup {
    pub mock: Option<Mock>,
    /// Members of the context object that stand for those of the test.
    pub context_object: Option<Object>,
    pub variables: Option<Object>,
    /// `retrierRetryCount`: how often the retrier that applies has had the state tried again.
    pub retrier_retry_count: Option<u64>,
    /// `mapIterationFailureCount`: how many iterations of a Map failed.
    pub map_iteration_failure_count: Option<u64>,
    /// `mapItemReaderData`: the text that `ItemReader` would read.
    pub map_item_reader_data: Option<Text>,
}

/// What stands for the work of a state.
#[derive(Clone, Debug)]
pub enum Mock {
    Result(Payload),
    Failure(Failure),
}

/// What became of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestStatus {
    Succeeded,
    Failed,
    /// It failed, and a retrier would have it tried again.
    Retriable,
    CaughtError,
}

/// The answer of a test.
#[derive(Clone, Debug)]
pub struct Tested {
    pub status: TestStatus,
    pub output: Option<Payload>,
    /// Also of an error that was caught.
    pub failure: Option<Failure>,
    pub next_state: Option<Text>,
    pub inspection: Inspection,
}

/// The values in between, as far as the state came to them.
#[derive(Clone, Debug, Default)]
pub struct Inspection {
    pub after_arguments: Option<Payload>,
    pub after_input_path: Option<Payload>,
    pub after_parameters: Option<Payload>,
    pub result: Option<Payload>,
    pub after_result_selector: Option<Payload>,
    pub after_result_path: Option<Payload>,
    /// The variables after the state, those that it was given and those that it assigned.
    pub variables: Option<Payload>,
    pub after_items_path: Option<Payload>,
    pub after_item_selector: Option<Payload>,
    pub after_item_batcher: Option<Payload>,
    pub after_items_pointer: Option<Payload>,
    /// How many items a Map has.
    pub items: Option<u64>,
    pub max_concurrency: Option<u64>,
    pub tolerated_failure_count: Option<u64>,
    pub tolerated_failure_percentage: Option<f64>,
    /// Place in `Retry` of the retrier that decided.
    pub retry_index: Option<usize>,
    /// Milliseconds that it would wait; `None` when its attempts are used up.
    pub retry_delay_ms: Option<i64>,
    /// Place in `Catch` of the catcher that caught the error.
    pub catch_index: Option<usize>,
    caught: Option<Failure>,
    next_state: Option<Text>,
}

impl Inspection {
    pub(crate) fn retrier(&mut self, place: usize, delay_ms: Option<i64>) {
        (self.retry_index, self.retry_delay_ms) = (Some(place), delay_ms);
    }

    pub(crate) fn catcher(&mut self, place: usize, failure: &Failure) {
        (self.catch_index, self.caught) = (Some(place), Some(failure.clone()));
    }
}

/// What states are told and asked while one of them is under test.
#[derive(Debug, Default)]
pub(crate) struct Test {
    setup: TestSetup,
    inspection: RefCell<Inspection>,
}

impl Test {
    pub(crate) fn mock(&self) -> Option<&Mock> {
        self.setup.mock.as_ref()
    }

    pub(crate) fn retries_made(&self) -> Option<u64> {
        self.setup.retrier_retry_count
    }

    pub(crate) fn map_item_reader_data(&self) -> Option<&Text> {
        self.setup.map_item_reader_data.as_ref()
    }

    pub(crate) fn map_failures(&self) -> Option<u64> {
        self.setup.map_iteration_failure_count
    }

    pub(crate) fn variables(&self) -> Option<&Object> {
        self.setup.variables.as_ref()
    }

    pub(crate) fn note(&self, note: impl FnOnce(&mut Inspection)) {
        note(&mut self.inspection.borrow_mut());
    }

    /// Puts into the context object what the caller said about it.
    pub(crate) fn complete(&self, context: &mut ContextObject) {
        if let (Some(count), Some(_)) = (self.setup.retrier_retry_count, context.retry_count) {
            context.retry_count = Some(u32::try_from(count).unwrap_or(u32::MAX));
        }
        context.given.clone_from(&self.setup.context_object);
    }

    /// The state has ended.
    pub(crate) fn left(&self, variables: Option<Payload>, transition: &Transition) {
        self.note(|inspection| {
            inspection.variables = variables;
            inspection.next_state = match transition {
                Transition::Next(next) => Some(next.clone()),
                Transition::End => None,
            };
        });
    }
}

/// A state under test. Its first step takes `Trigger::Start`; what the step asks for is carried out as for any execution,
/// until there is an answer.
#[derive(Debug)]
pub struct StateTest {
    execution: Execution,
    definition: StateMachine,
    test: Test,
    outcome: Option<Outcome>,
}

impl StateTest {
    /// Tests the first state of `definition`.
    pub fn new(facts: Facts, definition: StateMachine, setup: TestSetup) -> StateTest {
        let test = Test { setup, inspection: RefCell::default() };
        StateTest { execution: Execution::new(facts), definition, test, outcome: None }
    }

    pub fn facts(&self) -> &std::sync::Arc<Facts> {
        self.execution.facts()
    }

    /// Steps as [`Execution::step`] does.
    pub fn step(
        &mut self,
        trigger: Trigger,
        ambient: &Ambient,
        limits: &Limits,
        token_of: TokenOf<'_>,
    ) -> Result<Step, StepError> {
        let test = Some(&self.test);
        let step = self.execution.step_in(&self.definition, trigger, ambient, limits, token_of, test)?;
        if step.outcome.is_some() {
            self.outcome.clone_from(&step.outcome);
        }
        Ok(step)
    }

    /// The answer, once the state has come to its end.
    pub fn tested(&self) -> Option<Tested> {
        let inspection = self.test.inspection.borrow().clone();
        let (status, output, failure) = match self.outcome.clone()? {
            Outcome::Succeeded { output } => match inspection.caught.clone() {
                Some(failure) => (TestStatus::CaughtError, Some(output), Some(failure)),
                None => (TestStatus::Succeeded, Some(output), None),
            },
            Outcome::Failed(failure) if inspection.retry_delay_ms.is_some() => {
                (TestStatus::Retriable, None, Some(failure))
            }
            Outcome::Failed(failure) | Outcome::Aborted(failure) => (TestStatus::Failed, None, Some(failure)),
            Outcome::TimedOut(_) => (TestStatus::Failed, None, Some(Failure::timeout())),
        };
        let next_state = inspection.next_state.clone();
        Some(Tested { status, output, failure, next_state, inspection })
    }
}
