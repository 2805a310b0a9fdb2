//! What the targets share: something to evaluate against, and a world around one execution.

pub mod execution;
pub mod stored;

use json::{Object, Value};
use query::{Ambient, Budget, ContextObject, ExecutionContext, Scope, Variables};
use std::sync::Arc;
use std::time::Duration;

const INPUT: &str = r#"{"a": [1, 2.5, -3, "x", {"b": null}], "b": {"c": true, "d": "é", "n": 12}, "text": "2026-11-29T09:36:00Z",
    "orders": [{"id": 1, "price": 9.5, "tags": ["p", "q"]}, {"id": 2, "price": 10, "tags": []}], "": {}}"#;
const VARIABLE: &str = r#"{"list": [3, 1, 2], "name": "n"}"#;

/// As small as that of a step on a shard's own thread, but for the time: instruments make everything slow.
const BUDGET: Budget = Budget { time: Duration::from_millis(200), memory_bytes: 1 << 20, depth: 256, last: true };

/// Calls `then` with something to evaluate against: an input, a result, an error, a context object, the variable `x`.
///
/// # Panics
/// Never: the texts are JSON.
pub fn with_scope<T>(then: impl FnOnce(&Scope<'_>, &Ambient) -> T) -> T {
    let input = Value::parse(INPUT).expect("JSON");
    let execution = ExecutionContext {
        id: "arn:aws:states:us-east-1:111111111111:execution:machine:run".into(),
        input: input.clone(),
        name: "run".into(),
        role_arn: "arn:aws:iam::111111111111:role/role".into(),
        start_time_ms: 1_795_426_560_000,
        redrive_count: Some(0),
        redrive_time_ms: None,
        state_machine_id: "arn:aws:states:us-east-1:111111111111:stateMachine:machine".into(),
        state_machine_name: "machine".into(),
    };
    let context = ContextObject::new(Arc::new(execution), "State".into(), 0);
    let variable = Object::from([("x", Value::parse(VARIABLE).expect("JSON"))]);
    let variables = Variables { scopes: vec![&variable] };
    let scope = Scope {
        input: &input,
        result: Some(&input),
        error_output: Some(&input),
        context: &context,
        variables: &variables,
    };
    then(&scope, &Ambient::new(1_795_426_560_000, 7, BUDGET))
}

/// Panics that the code catches are its answer to a fault in a library, and no finding. One that leaves the target ends the
/// process all the same. The hook says where it was, and does not end the process by itself, as that of libFuzzer does.
pub fn caught_panics_are_no_finding() {
    std::panic::set_hook(Box::new(|panicked| {
        if !query::jsonata::is_evaluating() {
            eprintln!("{panicked}");
        }
    }));
}
