//! Retry and Catch, where no recording shows them.

use crate::world::{START_MS, World};
use machine::EventType;

/// A Task with these `Retry` and `Catch` fields; `Caught` is where catchers go.
fn task(fields: &str) -> String {
    let caught = if fields.contains("Caught") { r#", "Caught": {"Type": "Pass", "End": true}"# } else { "" };
    format!(
        r#"{{"StartAt": "T", "States": {{
            "T": {{"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {{"FunctionName": "f"}},
                   {fields}, "End": true}}{caught}}}}}"#
    )
}

/// Fails the call with each error in turn; the delays in milliseconds before the retries that follow.
fn delays(world: &mut World, errors: &[&str]) -> Vec<i64> {
    let mut delays = Vec::new();
    for error in errors {
        world.fail(world.call(), error);
        if world.outcome.is_some() {
            break;
        }
        delays.push(world.next_timer_ms());
        world.fire_next_timer();
    }
    delays
}

#[track_caller]
fn check_delays(retry: &str, errors: &[&str], expected: &[i64]) {
    let mut world = World::started(&task(&format!(r#""Retry": {retry}"#)), "{}");
    assert_eq!(delays(&mut world, errors), expected);
    assert_eq!(world.outcome.is_some(), errors.len() > expected.len(), "attempts that are used up end the execution");
}

#[test]
fn delays_grow_and_end() {
    let a = ["A"; 4];
    check_delays(r#"[{"ErrorEquals": ["A"]}]"#, &a, &[1_000, 2_000, 4_000]);
    check_delays(
        r#"[{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 3, "BackoffRate": 1.5, "MaxAttempts": 2}]"#,
        &a,
        &[3_000, 4_500],
    );
    check_delays(
        r#"[{"ErrorEquals": ["A"], "IntervalSeconds": 3, "BackoffRate": 10, "MaxDelaySeconds": 5}]"#,
        &a,
        &[3_000, 5_000, 5_000],
    );
    check_delays(r#"[{"ErrorEquals": ["A"], "MaxAttempts": 0}]"#, &a, &[]);
    check_delays(r#"[{"ErrorEquals": ["B"]}]"#, &a, &[]);
    check_delays(r#"[{"ErrorEquals": ["States.Runtime"]}]"#, &["States.Runtime"], &[]);
}

#[test]
fn each_retrier_counts_alone_and_the_first_that_is_meant_decides() {
    let retry = r#"[{"ErrorEquals": ["A"], "IntervalSeconds": 1, "MaxAttempts": 1},
                    {"ErrorEquals": ["B"], "IntervalSeconds": 10, "MaxAttempts": 2},
                    {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 100}]"#;
    check_delays(retry, &["B", "A", "B", "C"], &[10_000, 1_000, 20_000, 100_000]);
    // The retrier of all errors is not asked when the one of `A` has no attempts left.
    check_delays(retry, &["A", "A"], &[1_000]);
}

#[test]
fn task_failed_is_all_but_a_timeout() {
    let retry = r#"[{"ErrorEquals": ["States.TaskFailed"]}]"#;
    check_delays(retry, &["Anything"], &[1_000]);
    check_delays(retry, &["States.Timeout"], &[]);
}

#[test]
fn jitter_stays_below_the_delay() {
    let retry = r#""Retry": [{"ErrorEquals": ["A"], "IntervalSeconds": 8, "BackoffRate": 1, "MaxAttempts": 200,
                              "JitterStrategy": "FULL"}]"#;
    let mut world = World::started(&task(retry), "{}");
    let delays = delays(&mut world, &["A"; 200]);
    assert!(delays.iter().all(|delay| (0..=8_000).contains(delay)));
    assert!(delays.iter().any(|delay| *delay < 2_000) && delays.iter().any(|delay| *delay > 6_000));
}

#[test]
fn counters_last_for_one_visit() {
    let definition = r#"{"StartAt": "T", "States": {
        "T": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
              "Parameters": {"n.$": "$$.State.RetryCount"},
              "Retry": [{"ErrorEquals": ["A"], "MaxAttempts": 1}], "Next": "C"},
        "C": {"Type": "Choice", "Choices": [{"Variable": "$.stop", "IsPresent": true, "Next": "E"}], "Default": "T"},
        "E": {"Type": "Succeed"}}}"#;
    let mut world = World::started(definition, "{}");
    for _ in 0..3 {
        assert_eq!(delays(&mut world, &["A"]), [1_000]);
        world.succeed(world.call(), "{}");
    }
    let counts: Vec<String> = world
        .history
        .iter()
        .filter_map(|event| match &event.details {
            machine::EventDetails::TaskScheduled { parameters, .. } => Some(parameters.text().to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(
        counts,
        [r#"{"n":0}"#, r#"{"n":1}"#, r#"{"n":0}"#, r#"{"n":1}"#, r#"{"n":0}"#, r#"{"n":1}"#, r#"{"n":0}"#]
    );
}

#[track_caller]
fn check_caught(catch: &str, error: &str, output: Option<&str>) {
    let mut world = World::started(&task(&format!(r#""Catch": {catch}"#)), r#"{"a":1}"#);
    world.fail(world.call(), error);
    match output {
        Some(output) => assert_eq!(world.output(), output),
        None => assert_eq!(world.failure(), (error.to_owned(), "because".to_owned())),
    }
}

#[test]
fn catchers() {
    let error_output = r#"{"Error":"A","Cause":"because"}"#;
    let to = r#""Next": "Caught""#;
    check_caught(&format!(r#"[{{"ErrorEquals": ["A"], {to}}}]"#), "A", Some(error_output));
    check_caught(&format!(r#"[{{"ErrorEquals": ["B"], {to}}}]"#), "A", None);
    check_caught(
        &format!(
            r#"[{{"ErrorEquals": ["B"], "ResultPath": "$.b", {to}}},
                {{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", {to}}}]"#
        ),
        "A",
        Some(r#"{"a":1,"e":{"Error":"A","Cause":"because"}}"#),
    );
    check_caught(&format!(r#"[{{"ErrorEquals": ["A"], "ResultPath": null, {to}}}]"#), "A", Some(r#"{"a":1}"#));
    check_caught(&format!(r#"[{{"ErrorEquals": ["States.ALL"], {to}}}]"#), "States.Runtime", None);
    check_caught(&format!(r#"[{{"ErrorEquals": ["States.TaskFailed"], {to}}}]"#), "A", Some(error_output));
    check_caught(&format!(r#"[{{"ErrorEquals": ["States.TaskFailed"], {to}}}]"#), "States.Timeout", None);
}

#[test]
fn retriers_are_asked_before_catchers() {
    let fields = r#""Retry": [{"ErrorEquals": ["A"], "MaxAttempts": 1}],
                    "Catch": [{"ErrorEquals": ["A"], "Next": "Caught"}]"#;
    let mut world = World::started(&task(fields), "{}");
    assert_eq!(delays(&mut world, &["A", "A"]), [1_000]);
    assert_eq!(world.output(), r#"{"Error":"A","Cause":"because"}"#);
    assert_eq!(world.now_ms, START_MS + 1_000);
    assert_eq!(world.count(EventType::TaskFailed), 2);
}

#[test]
fn a_catcher_assigns_from_the_error_output() {
    let definition = r#"{"StartAt": "T", "States": {
        "T": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"},
              "Assign": {"never": 1},
              "Catch": [{"ErrorEquals": ["States.ALL"], "Assign": {"name.$": "$.Error"}, "Next": "Caught"}],
              "End": true},
        "Caught": {"Type": "Pass", "Parameters": {"name.$": "$name"}, "End": true}}}"#;
    let mut world = World::started(definition, "{}");
    world.fail(world.call(), "A");
    assert_eq!(world.output(), r#"{"name":"A"}"#);
}

#[test]
fn a_retry_that_waits_is_over_when_the_execution_stops() {
    let mut world = World::started(&task(r#""Retry": [{"ErrorEquals": ["A"]}]"#), "{}");
    world.fail(world.call(), "A");
    assert_eq!(world.timers.len(), 2);
    world.trigger(machine::Trigger::Stop { error: None, cause: None });
    assert!(world.timers.is_empty());
}
