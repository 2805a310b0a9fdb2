//! States of the query language JSONata, where no recording shows them.

use crate::world::World;
use machine::EventType;

/// A JSONata state `T` with these fields; `Caught` is where catchers go.
fn state(fields: &str) -> String {
    let caught = if fields.contains("Caught") { r#", "Caught": {"Type": "Pass", "End": true}"# } else { "" };
    format!(r#"{{"QueryLanguage": "JSONata", "StartAt": "T", "States": {{"T": {{{fields}, "End": true}}{caught}}}}}"#)
}

const TASK: &str = r#""Type": "Task", "Resource": "arn:aws:states:::lambda:invoke""#;

#[test]
fn output_and_assign_see_the_same_snapshot() {
    let definition = r#"{"QueryLanguage": "JSONata", "StartAt": "A", "States": {
        "A": {"Type": "Pass", "Assign": {"v": 1}, "Next": "B"},
        "B": {"Type": "Pass", "Assign": {"v": "{% $v + 1 %}", "w": "{% $v * 10 %}"}, "Output": "{% $v %}", "Next": "C"},
        "C": {"Type": "Pass", "Output": "{% [$states.input, $v, $w] %}", "End": true}}}"#;
    assert_eq!(World::started(definition, "{}").output(), "[1,2,10]");
}

#[test]
fn the_output_of_a_task_is_its_result_or_computed() {
    for (output, expected) in [
        ("", r#"{"r":2}"#),
        (r#", "Output": "{% $states.result.r + $states.input.i %}""#, "3"),
        (r#", "Output": {"both": "{% [$states.input.i, $states.result.r] %}"}"#, r#"{"both":[1,2]}"#),
    ] {
        let mut world = World::started(&state(&format!("{TASK}{output}")), r#"{"i":1}"#);
        world.succeed(world.call(), r#"{"r":2}"#);
        assert_eq!(world.output(), expected);
    }
}

#[test]
fn a_result_that_cannot_be_evaluated_fails_after_it_came() {
    let mut world = World::started(&state(&format!(r#"{TASK}, "Output": "{{% $states.result.missing %}}""#)), "{}");
    world.succeed(world.call(), "{}");
    assert!(world.outline().ends_with("5<4:TaskSucceeded 6<5:EvaluationFailed 7<6:ExecutionFailed"));
    assert_eq!(world.failure().0, "States.QueryEvaluationError");
}

#[test]
fn an_evaluation_that_fails_is_retried_and_caught() {
    let fields = r#"{% $states.input.missing %}"},
        "Retry": [{"ErrorEquals": ["States.QueryEvaluationError"], "MaxAttempts": 1}],
        "Catch": [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "Caught",
                   "Output": "{% $states.errorOutput.Error %}"}]"#;
    let mut world = World::started(&state(&format!(r#"{TASK}, "Arguments": {{"x": "{fields}"#)), "{}");
    world.fire_next_timer();
    assert_eq!(world.output(), r#""States.QueryEvaluationError""#);
    assert_eq!(world.count(EventType::EvaluationFailed), 2);
    assert_eq!(world.count(EventType::TaskScheduled), 0);
}

#[test]
fn a_catcher_computes_output_and_variables() {
    let catch = r#""Catch": [{"ErrorEquals": ["States.ALL"], "Assign": {"seen": "{% $states.errorOutput.Cause %}"},
        "Output": {"input": "{% $states.input %}", "error": "{% $states.errorOutput %}"}, "Next": "Caught"}]"#;
    let mut world = World::started(&state(&format!("{TASK}, {catch}")), r#"{"i":1}"#);
    world.fail(world.call(), "A");
    assert_eq!(world.output(), r#"{"input":{"i":1},"error":{"Error":"A","Cause":"because"}}"#);
}

#[test]
fn numbers_may_be_computed() {
    let fields = format!(r#"{TASK}, "TimeoutSeconds": "{{% $states.input.t %}}", "HeartbeatSeconds": "{{% 7 %}}""#);
    let world = World::started(&state(&fields), r#"{"t":30}"#);
    assert_eq!(world.next_timer_ms(), 7_000);
    let (error, cause) = World::started(&state(&fields), r#"{"t":"x"}"#).failure();
    assert_eq!(error, "States.QueryEvaluationError");
    assert!(
        cause.ends_with(
            "The JSONata expression '$states.input.t' specified for the field 'TimeoutSeconds' returned an unexpected \
             result type. Expected 'number', but was 'string' for value: \"x\""
        ),
        "{cause}"
    );
    let wait = state(r#""Type": "Wait", "Seconds": "{% $states.input.t * 2 %}""#);
    assert_eq!(World::started(&wait, r#"{"t":30}"#).next_timer_ms(), 60_000);
    assert_eq!(World::started(&wait, r#"{"t":-1}"#).failure().0, "States.QueryEvaluationError");
}

#[test]
fn a_fail_state_computes_error_and_cause() {
    let definition = r#"{"QueryLanguage": "JSONata", "StartAt": "F", "States": {
        "F": {"Type": "Fail", "Error": "{% 'E' & $states.input.n %}", "Cause": "as written"}}}"#;
    assert_eq!(World::started(definition, r#"{"n":1}"#).failure(), ("E1".to_owned(), "as written".to_owned()));
}

#[test]
fn a_map_computes_items_and_concurrency() {
    let definition = state(
        r#""Type": "Map", "Items": "{% $states.input.list %}", "MaxConcurrency": "{% 1 + 1 %}",
        "ItemSelector": {"item": "{% $states.context.Map.Item.Value %}", "of": "{% $count($states.input.list) %}"},
        "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Wait", "Seconds": 1, "End": true}}}"#,
    );
    let mut world = World::started(&definition, r#"{"list":["a","b","c"]}"#);
    assert_eq!(world.count(EventType::MapIterationStarted), 2);
    while world.outcome.is_none() {
        world.fire_next_timer();
    }
    assert_eq!(world.output(), r#"[{"item":"a","of":3},{"item":"b","of":3},{"item":"c","of":3}]"#);
}
