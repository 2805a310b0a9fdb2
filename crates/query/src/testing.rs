//! What tests of this crate evaluate against.

use crate::{Ambient, Budget, ContextObject, ExecutionContext, Scope, Variables};
use json::{Object, Value};
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn parse(text: &str) -> Value {
    Value::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) fn ambient() -> Ambient {
    Ambient::new(0, 1, Budget { time: Duration::from_secs(1), memory_bytes: 1 << 20, depth: 100, last: true })
}

/// Calls `then` with the input, the variable `x`, and a context object of the execution `run`.
pub(crate) fn with_scope<T>(input: &str, x: &str, then: impl FnOnce(&Scope<'_>) -> T) -> T {
    let execution = ExecutionContext {
        id: "arn:aws:states:eu-west-1:123456789012:execution:machine:run".into(),
        input: Value::Null,
        name: "run".into(),
        role_arn: "arn:aws:iam::123456789012:role/role".into(),
        start_time_ms: 0,
        redrive_count: Some(0),
        redrive_time_ms: None,
        state_machine_id: "arn:aws:states:eu-west-1:123456789012:stateMachine:machine".into(),
        state_machine_name: "machine".into(),
    };
    let context = ContextObject::new(Arc::new(execution), "State".into(), 0);
    let (input, outer) = (parse(input), Object::from([("x", parse(x))]));
    let variables = Variables { scopes: vec![&outer] };
    then(&Scope { input: &input, result: None, error_output: None, context: &context, variables: &variables })
}
