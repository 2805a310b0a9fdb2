//! A visit: one frame in one state, and what the expressions of the state can see.

use crate::failure::{Evaluating, Failed, Stop};
use crate::test_state::{Inspection, Mock, Test};
use crate::{Failure, Frame, PartId};
use asl::{Limits, State, Template};
use json::{Object, Payload, Value};
use query::{Ambient, ContextObject, Path, Scope, Variables, jsonata};
use std::sync::Arc;

/// Everything here is shared with the execution or borrowed; a visit outlives changes to the execution, and does not
/// see them.
#[derive(Clone)]
pub(crate) struct Visit<'d> {
    pub(crate) id: PartId,
    pub(crate) frame: Arc<Frame>,
    pub(crate) state: &'d State,
    pub(crate) context: ContextObject,
    /// Objects of variables, innermost first.
    pub(crate) scopes: Vec<Payload>,
    /// What the values of all variables of the execution come to.
    pub(crate) variables_bytes: usize,
    pub(crate) ambient: &'d Ambient,
    pub(crate) limits: &'d Limits,
    /// `Some` when the state is under test.
    pub(crate) test: Option<&'d Test>,
}

/// What a field sees beside context object and variables.
#[derive(Clone, Copy)]
pub(crate) struct Sees<'a> {
    pub(crate) input: &'a Value,
    pub(crate) result: Option<&'a Value>,
    pub(crate) error_output: Option<&'a Value>,
}

impl<'a> Sees<'a> {
    pub(crate) fn input(input: &'a Value) -> Sees<'a> {
        Sees { input, result: None, error_output: None }
    }
}

impl Visit<'_> {
    pub(crate) fn template(&self, template: &Template, field: &str, sees: Sees<'_>) -> Result<Value, Stop> {
        Ok(self.with_scope(sees, |scope| template.evaluate(scope, self.ambient, field))?)
    }

    pub(crate) fn expression(
        &self,
        expression: &jsonata::Expression,
        field: &str,
        sees: Sees<'_>,
    ) -> Result<Value, Stop> {
        Ok(self.with_scope(sees, |scope| expression.evaluate(scope, self.ambient, field))?)
    }

    pub(crate) fn path(&self, path: &Path, input: &Value) -> Result<Value, Stop> {
        Ok(self.with_scope(Sees::input(input), |scope| path.evaluate(scope, self.ambient))?)
    }

    /// `None` when the path leads nowhere.
    pub(crate) fn find(&self, path: &Path, input: &Value) -> Result<Option<Value>, Stop> {
        Ok(self.with_scope(Sees::input(input), |scope| path.find(scope, self.ambient))?)
    }

    pub(crate) fn with_scope<T>(&self, sees: Sees<'_>, evaluate: impl FnOnce(&Scope<'_>) -> T) -> T {
        let variables = Variables { scopes: self.objects().collect() };
        evaluate(&Scope {
            input: sees.input,
            result: sees.result,
            error_output: sees.error_output,
            context: &self.context,
            variables: &variables,
        })
    }

    /// What stands for the work of the state, when it is under test with a mock.
    pub(crate) fn mocked(&self) -> Option<Result<Payload, Stop>> {
        match self.test?.mock()? {
            Mock::Result(result) => Some(Ok(result.clone())),
            Mock::Failure(failure) => Some(Err(failure.clone().into())),
        }
    }

    /// How often the retrier in this place of `Retry` has had the state tried again.
    pub(crate) fn retries_made(&self, retrier: usize) -> u64 {
        let told = self.test.and_then(Test::retries_made);
        told.unwrap_or_else(|| self.frame.retries.get(retrier).copied().unwrap_or(0))
    }

    /// Shows an intermediate value to the test of the state, if this is one.
    pub(crate) fn note(&self, note: impl FnOnce(&mut Inspection)) {
        if let Some(test) = self.test {
            test.note(note);
        }
    }

    pub(crate) fn objects(&self) -> impl Iterator<Item = &Object> {
        self.scopes.iter().filter_map(|scope| scope.value().as_object())
    }

    /// The state's input as it came.
    pub(crate) fn raw_input(&self) -> &Payload {
        &self.frame.input
    }

    /// Fails when a payload is more than a state may pass on.
    pub(crate) fn within_limit(&self, payload: Payload) -> Result<Payload, Stop> {
        let bytes_max = self.limits.payload_bytes_max;
        let is_new = !payload.is_written();
        let fits = payload.fits(bytes_max);
        if is_new {
            // The step ends the sooner for it, but no state fails.
            let bytes = if fits { payload.byte_len() } else { bytes_max };
            let _ = self.ambient.spend(bytes as u64);
        }
        if !fits || payload.is_too_deep() {
            return Err(Failure::data_limit(&self.state.name).into());
        }
        Ok(payload)
    }

    /// The sentence that opens every cause found while the state's fields are evaluated. A test has no events to name.
    pub(crate) fn cause(&self, sentence: &str) -> String {
        if self.test.is_some() {
            return sentence.to_owned();
        }
        let entered = self.frame.entered.map_or(0, |entered| entered.event);
        Evaluating::cause(&self.state.name, entered, sentence)
    }

    /// The failure as it is reported.
    pub(crate) fn report(&self, failed: &Failed) -> Failure {
        match failed {
            Failed::As(failure) => failure.clone(),
            Failed::Heartbeat => Failure::timeout(),
            Failed::TooLarge => Failure::data_limit(&self.state.name),
            Failed::Evaluating(found) => Failure::new(found.error, self.cause(&found.sentence)),
        }
    }
}

/// A number as a JSONata field gives it: an integer that is not negative, written with or without a fraction of zero.
pub(crate) fn as_count(value: &Value) -> Option<u64> {
    let number = value.as_number()?;
    number.as_u64().or_else(|| {
        let float = number.as_f64();
        // 2^53: beyond it a float does not tell integers apart.
        (float.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&float)).then(|| exact(float))
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the caller looked: an integer in range")]
fn exact(float: f64) -> u64 {
    float as u64
}
