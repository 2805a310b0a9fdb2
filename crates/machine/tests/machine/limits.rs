//! Limits: events, payloads, variables, error texts.

use crate::world::{START_MS, World};
use asl::StateMachineType;
use machine::{EventType, Failure, Trigger};

/// A state machine that goes round and round, with these fields in its Pass state.
fn round(fields: &str) -> String {
    format!(
        r#"{{"StartAt": "A", "States": {{
            "A": {{"Type": "Pass", {fields} "Next": "B"}},
            "B": {{"Type": "Choice",
                   "Choices": [{{"Variable": "$.stop", "IsPresent": true, "Next": "C"}}], "Default": "A"}},
            "C": {{"Type": "Succeed"}}}}}}"#
    )
}

const TASK: &str = r#"{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
    "Parameters": {"FunctionName": "f"}, "End": true}}}"#;

#[test]
fn the_history_has_at_most_25_000_events() {
    let world = World::started(&round(""), "{}");
    assert_eq!(world.history.len(), 25_000);
    let last = world.history.last().unwrap();
    assert_eq!((last.id, last.previous_event_id, last.event_type), (25_000, 24_999, EventType::ExecutionFailed));
    let cause = "The execution reached the maximum number of history events (25000).".to_owned();
    assert_eq!(world.failure(), ("States.Runtime".to_owned(), cause));
}

#[test]
fn an_express_execution_may_have_more_events() {
    let mut world = World::new(&round(""), StateMachineType::Express, "{}");
    world.limits.express_history_events_max = 26_000;
    world.trigger(Trigger::Start);
    assert_eq!(world.history.len(), 26_000);
    let cause = "The execution reached the maximum number of history events (26000).".to_owned();
    assert_eq!(world.failure(), ("States.Runtime".to_owned(), cause));
}

#[test]
fn an_execution_may_take_so_long() {
    for (state_machine_type, default_seconds) in
        [(StateMachineType::Standard, 31_536_000), (StateMachineType::Express, 300)]
    {
        for seconds in [default_seconds, 7] {
            let mut world = World::new(TASK, state_machine_type, "{}");
            if seconds != default_seconds {
                world.limits.standard_seconds_max = 7;
                world.limits.express_seconds_max = 7;
            }
            world.trigger(Trigger::Start);
            let due: Vec<i64> = world.timers.values().map(|due_ms| due_ms - START_MS).collect();
            assert_eq!(due, [seconds * 1_000], "{state_machine_type:?}");
            world.fire_next_timer();
            assert!(world.outline().ends_with("ExecutionTimedOut"), "{}", world.outline());
        }
    }
}

#[test]
fn an_output_may_have_256_kib() {
    for (length, fits) in [(262_144 - r#"{"a":""}"#.len(), true), (262_145 - r#"{"a":""}"#.len(), false)] {
        let definition = r#"{"StartAt": "X", "States": {"X": {"Type": "Pass", "End": true}}}"#;
        let world = World::started(definition, &format!(r#"{{"a":"{}"}}"#, "x".repeat(length)));
        assert_eq!(world.outline().ends_with("ExecutionSucceeded"), fits);
        if !fits {
            let cause =
                "The state/task 'X' returned a result with a size exceeding the maximum number of bytes service limit.";
            assert_eq!(world.failure(), ("States.DataLimitExceeded".to_owned(), cause.to_owned()));
            assert!(world.outline().ends_with("2<0:PassStateEntered 3<2:ExecutionFailed"));
        }
    }
}

#[test]
fn nesting_without_end_is_refused() {
    let definition = round(r#""Parameters": {"x.$": "$"},"#);
    assert_eq!(World::started(&definition, "{}").failure().0, "States.DataLimitExceeded");
}

#[test]
fn errors_and_causes_are_cut() {
    let mut world = World::started(TASK, "{}");
    world.calls.clear();
    let failure = Failure { error: Some("é".repeat(300).into()), cause: Some("é".repeat(40_000).into()) };
    world.trigger(Trigger::TaskFailed { effect: 3, failure });
    let (error, cause) = world.failure();
    assert_eq!((error.chars().count(), cause.chars().count()), (256, 32_768));
}

#[test]
fn variables_have_limits() {
    let assign = |limit: fn(&mut asl::Limits)| {
        let definition = r#"{"StartAt": "A", "States": {
            "A": {"Type": "Pass", "Assign": {"a": "0123456789"}, "Next": "B"},
            "B": {"Type": "Pass", "Assign": {"b": "0123456789", "c": "0123456789"}, "End": true}}}"#;
        let mut world = World::standard(definition, "{}");
        limit(&mut world.limits);
        world.trigger(Trigger::Start);
        world.failure()
    };
    let prefix = |state, event| {
        format!("An error occurred while executing the state '{state}' (entered at the event id #{event}). ")
    };
    for ((error, cause), expected) in [
        (
            assign(|limits| limits.variable_bytes_max = 11),
            prefix("A", 2) + "The value of the variable 'a' exceeds the maximum of 11 bytes.",
        ),
        (
            assign(|limits| limits.variable_bytes_max = 23),
            prefix("B", 4) + "The variables of 'Assign' exceed the maximum of 23 bytes.",
        ),
        (
            assign(|limits| limits.variables_bytes_total_max = 30),
            prefix("B", 4) + "The variables of the execution exceed the maximum of 30 bytes.",
        ),
    ] {
        assert_eq!((error.as_str(), cause), ("States.DataLimitExceeded", expected));
    }
}
