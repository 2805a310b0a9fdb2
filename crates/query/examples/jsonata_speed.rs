//! What an evaluation costs: `cargo run --release -p query --example jsonata_speed`.

use json::{Object, Value};
use query::{Ambient, Budget, ContextObject, ExecutionContext, Scope, Variables, jsonata::Expression};
use std::sync::Arc;
use std::time::{Duration, Instant};

const EXPRESSIONS: [&str; 8] = [
    "$states.input",
    "$states.input.a.b",
    "$states.input.a.b + 1",
    "$states.context.Execution.Id",
    "'Order ' & $states.input.a.b",
    "$states.input.a.b > 40 and $order.id = 5",
    "$map($states.input.items, function($item) { $item.price * 2 })",
    "$sum($states.input.items.(price * quantity))",
];

#[expect(clippy::disallowed_methods, reason = "a measurement has a clock")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let items: Vec<Value> =
        (0..20).map(|n| Value::parse(&format!(r#"{{"price":{n},"quantity":2}}"#))).collect::<Result<_, _>>()?;
    let mut input = Object::new();
    input.insert("a", Value::parse(r#"{"b":41}"#)?);
    input.insert("items", items);
    // A payload as large as AWS allows, of which the expressions need little.
    input.insert("rest", (0..20_000_i64).map(Value::from).collect::<Value>());
    let input = Value::from(input);
    let variables = Object::from([("order", Value::parse(r#"{"id":5}"#)?)]);
    let context = ContextObject::new(Arc::new(execution()), "State".into(), 0);
    let scopes = Variables { scopes: vec![&variables] };
    let scope = Scope { input: &input, result: None, error_output: None, context: &context, variables: &scopes };
    let budget = Budget { time: Duration::from_secs(3_600), memory_bytes: 16 << 20, depth: 512, last: true };
    let ambient = Ambient::new(0, 1, budget);
    for text in EXPRESSIONS {
        let expression = Expression::parse(text)?;
        let (mut count, start) = (0_u32, Instant::now());
        while start.elapsed() < Duration::from_millis(200) {
            for _ in 0..100 {
                std::hint::black_box(expression.evaluate(&scope, &ambient, "Output")?);
                count += 1;
            }
        }
        println!("{:>8} ns  {text}", start.elapsed().as_nanos() / u128::from(count));
    }
    Ok(())
}

fn execution() -> ExecutionContext {
    ExecutionContext {
        id: "arn:aws:states:eu-west-1:123456789012:execution:machine:run".into(),
        input: Value::Null,
        name: "run".into(),
        role_arn: "arn:aws:iam::123456789012:role/role".into(),
        start_time_ms: 0,
        redrive_count: Some(0),
        redrive_time_ms: None,
        state_machine_id: "arn:aws:states:eu-west-1:123456789012:stateMachine:machine".into(),
        state_machine_name: "machine".into(),
    }
}
