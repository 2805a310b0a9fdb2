//! A visit of a state: what its expressions can see, in each world.

use crate::failure::{Evaluating, Failure, Fault};
use crate::world::World;
use asl::{Limits, State, Template};
use json::{Object, Payload, Text, Value};
use query::{Ambient, Budget, ContextObject, ExecutionContext, MapItem, Path, Scope, Variables, jsonata};
use std::sync::Arc;

/// What is known of the execution as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) input: Value,
    pub(crate) role_arn: Text,
    pub(crate) start_ms: i64,
    /// `None` in a synchronous Express execution, whose context object has no such member.
    pub(crate) redrive_count: Option<u32>,
    pub(crate) redrive_ms: Option<i64>,
    /// Execution ARN, execution name, state machine ARN, state machine name: where DescribeExecution tells them.
    pub(crate) names: Option<Names>,
}

/// Names of an execution.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) execution_arn: Text,
    pub(crate) name: Text,
    pub(crate) state_machine_arn: Text,
    pub(crate) state_machine_name: Text,
}

/// A frame in a state.
#[derive(Clone, Debug)]
pub(crate) struct Visit<'d> {
    pub(crate) state: &'d State,
    pub(crate) input: Payload,
    /// When the state was entered.
    pub(crate) entered_ms: i64,
    /// In states that can retry.
    pub(crate) retry_count: Option<u32>,
    /// Whether there is a task token.
    pub(crate) has_token: bool,
    /// Variables, innermost scope first.
    pub(crate) scopes: Vec<Object>,
    /// Of the innermost Map.
    pub(crate) map_item: Option<MapItem>,
    pub(crate) facts: Arc<Facts>,
    /// What all variables of the execution come to, as JSON texts.
    pub(crate) variables_bytes: usize,
    pub(crate) limits: &'d Limits,
    pub(crate) budget: Budget,
    /// The time of the event after which all this is evaluated.
    pub(crate) now_ms: i64,
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
    pub(crate) fn template(
        &self,
        world: World,
        template: &Template,
        field: &str,
        sees: Sees<'_>,
    ) -> Result<Value, Fault> {
        self.evaluate(world, sees, |scope, ambient| template.evaluate(scope, ambient, field))
    }

    pub(crate) fn expression(
        &self,
        world: World,
        expression: &jsonata::Expression,
        field: &str,
        input: &Value,
    ) -> Result<Value, Fault> {
        self.evaluate(world, Sees::input(input), |scope, ambient| expression.evaluate(scope, ambient, field))
    }

    /// What a path of the state's own fields finds; leading nowhere is a failure.
    pub(crate) fn path(&self, world: World, path: &Path, input: &Value) -> Result<Value, Fault> {
        self.evaluate(world, Sees::input(input), |scope, ambient| path.evaluate(scope, ambient))
    }

    /// The same; `None` when it leads nowhere.
    pub(crate) fn find(&self, world: World, path: &Path, input: &Value) -> Result<Option<Value>, Fault> {
        self.evaluate(world, Sees::input(input), |scope, ambient| path.find(scope, ambient))
    }

    pub(crate) fn evaluate<T>(
        &self,
        world: World,
        sees: Sees<'_>,
        evaluate: impl FnOnce(&Scope<'_>, &Ambient) -> Result<T, query::Failure>,
    ) -> Result<T, Fault> {
        let context = self.context(world);
        let variables = Variables { scopes: self.scopes.iter().collect() };
        let Sees { input, result, error_output } = sees;
        let scope = Scope { input, result, error_output, context: &context, variables: &variables };
        evaluate(&scope, &world.ambient(self.now_ms, self.budget)).map_err(|failure| match failure.reason {
            query::Reason::TooLarge => Fault::As(Failure::data_limit(&self.state.name)),
            _ => Fault::Evaluating(Evaluating::from(failure)),
        })
    }

    fn context(&self, world: World) -> ContextObject {
        let execution = self.facts.in_world(world);
        let mut context =
            ContextObject::new(Arc::new(execution), self.state.name.clone(), world.time_ms(self.entered_ms));
        context.retry_count = self.retry_count;
        context.task_token = self.has_token.then(|| world.text(&"token".into()));
        context.map_item.clone_from(&self.map_item);
        context
    }

    /// Fails when a payload is more than a state may pass on.
    pub(crate) fn within_limit(&self, payload: Payload) -> Result<Payload, Fault> {
        if payload.byte_len() > self.limits.payload_bytes_max || payload.is_too_deep() {
            return Err(Fault::too_large(&self.state.name));
        }
        Ok(payload)
    }
}

impl Facts {
    fn in_world(&self, world: World) -> ExecutionContext {
        let guess = |name: &str| world.text(&name.into());
        let names = self.names.clone().unwrap_or_else(|| Names {
            execution_arn: guess("arn:aws:states:us-east-1:123456789012:execution:unknown:unknown"),
            name: guess("unknown"),
            state_machine_arn: guess("arn:aws:states:us-east-1:123456789012:stateMachine:unknown"),
            state_machine_name: guess("unknown"),
        });
        ExecutionContext {
            id: names.execution_arn,
            input: self.input.clone(),
            name: names.name,
            role_arn: self.role_arn.clone(),
            start_time_ms: world.time_ms(self.start_ms),
            redrive_count: self.redrive_count,
            redrive_time_ms: self.redrive_ms.map(|redrive_ms| world.time_ms(redrive_ms)),
            state_machine_id: names.state_machine_arn,
            state_machine_name: names.state_machine_name,
        }
    }
}

/// A number as a JSONata field gives it: an integer that is not negative, written with or without a fraction of zero.
pub(crate) fn as_count(value: &Value) -> Option<u64> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    let number = value.as_number()?;
    let float = number.as_f64();
    let is_count = float.fract() == 0.0 && (0.0..=EXACT_MAX).contains(&float);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an integer in range")]
    number.as_u64().or_else(|| is_count.then_some(float as u64))
}
