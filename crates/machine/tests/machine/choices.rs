//! Comparisons of Choice states, as AWS recorded them.

use crate::world::World;
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
struct Recorded {
    comparison: Map<String, Value>,
    input: String,
    next: String,
}

#[test]
fn recorded_comparisons() {
    let lines = include_str!("../recorded/choices.jsonl").lines();
    for recorded in lines.map(|line| serde_json::from_str::<Recorded>(line).unwrap()) {
        let next = go_on(&Value::Object(recorded.comparison.clone()), &recorded.input);
        assert_eq!(next, Ok(recorded.next), "{:?} of {}", recorded.comparison, recorded.input);
    }
}

/// Where a Choice goes on that has `$.Variable` and this comparison, or a rule; `Err` is the cause of its failure.
fn go_on(comparison: &Value, input: &str) -> Result<String, String> {
    let mut rule = comparison.clone();
    if !["And", "Or", "Not"].iter().any(|name| rule.get(*name).is_some()) {
        rule["Variable"] = json!("$.Variable");
    }
    rule["Next"] = json!("ConditionTrue");
    let definition = json!({"StartAt": "Choice", "States": {
        "Choice": {"Type": "Choice", "Choices": [rule], "Default": "ConditionFalse"},
        "ConditionTrue": {"Type": "Pass", "Result": "ConditionTrue", "End": true},
        "ConditionFalse": {"Type": "Pass", "Result": "ConditionFalse", "End": true},
    }});
    let world = World::started(&definition.to_string(), input);
    match &world.outcome {
        Some(machine::Outcome::Succeeded { output }) => Ok(output.value().as_str().unwrap().to_owned()),
        _ => Err(world.failure().1),
    }
}

#[test]
fn rules_combine() {
    let a = json!({"Variable": "$.a", "BooleanEquals": true});
    let b = json!({"Variable": "$.b", "BooleanEquals": true});
    for (rule, expected) in [
        (json!({"And": [a, b]}), [false, false, false, true]),
        (json!({"Or": [a, b]}), [false, true, true, true]),
        (json!({"Not": a}), [true, true, false, false]),
        (json!({"Not": {"And": [a, {"Not": b}]}}), [true, true, false, true]),
    ] {
        let found = [(false, false), (false, true), (true, false), (true, true)]
            .map(|(a, b)| go_on(&rule, &json!({"a": a, "b": b}).to_string()) == Ok("ConditionTrue".to_owned()));
        assert_eq!(found, expected, "{rule}");
    }
}

#[test]
fn what_is_not_there_cannot_be_compared() {
    let cause = "An error occurred while executing the state 'Choice' (entered at the event id #2). Invalid path \
                 '$.Variable': The choice state's condition path references an invalid value.";
    for comparison in [json!({"StringEquals": "a"}), json!({"IsNull": true}), json!({"IsString": false})] {
        assert_eq!(go_on(&comparison, "{}"), Err(cause.to_owned()), "{comparison}");
    }
    assert_eq!(go_on(&json!({"IsPresent": false}), "{}"), Ok("ConditionTrue".to_owned()));
    assert_eq!(go_on(&json!({"IsPresent": true}), "{}"), Ok("ConditionFalse".to_owned()));
    // A rule that decides earlier is enough.
    let either = json!({"Or": [{"Variable": "$.a", "IsPresent": false}, {"Variable": "$.a", "NumericEquals": 1}]});
    assert_eq!(go_on(&either, "{}"), Ok("ConditionTrue".to_owned()));
}

#[test]
fn no_choice_matched() {
    let definition = r#"{"StartAt": "C", "States": {
        "C": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 1, "Next": "E"}]},
        "E": {"Type": "Succeed"}}}"#;
    let (error, cause) = World::started(definition, "2").failure();
    assert_eq!(error, "States.Runtime");
    let expected = "(entered at the event id #2). Failed to transition out of the state. The state does not point to a \
                    next state.";
    assert!(cause.ends_with(expected), "{cause}");
}

/// Found by mutated text: the history checker took the name for a call of `$now`, and left open where the Choice goes.
#[test]
fn a_name_that_looks_like_a_function_is_a_name() {
    let definition = r#"{"StartAt": "C", "States": {"P": {"Type": "Pass", "End": true},
        "C": {"Type": "Choice", "Choices": [{"Variable": "$.Vari$nowable", "NumericLessThan": 1, "Next": "P"}], "Default": "P"}}}"#;
    let world = World::started(definition, "{}");
    assert_eq!(world.failure().0, "States.Runtime");
}
