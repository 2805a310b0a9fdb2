//! Outputs of branches and iterations: which of them are kept until the join.

use crate::world::World;
use asl::StateMachineType;
use machine::{EventType, Trigger};

const ITEMS: usize = 60;
/// What each iteration ends with, in bytes.
const LARGE: usize = 20_000;

/// A Map whose iterations make their outputs themselves.
fn map(fields: &str) -> String {
    format!(
        r#"{{"StartAt": "M", "States": {{"M": {{"Type": "Map", {fields}, "Next": "Done",
            "ItemProcessor": {{"StartAt": "P", "States": {{"P": {{"Type": "Pass", "QueryLanguage": "JSONata",
            "Output": "{{% $pad($string($states.input), {LARGE}) %}}", "End": true}}}}}}}},
            "Done": {{"Type": "Pass", "End": true}}}}}}"#
    )
}

fn items() -> String {
    format!("{:?}", (0..ITEMS).collect::<Vec<_>>())
}

/// Runs to the end: gives what the execution weighed at most, in bytes.
fn heaviest(world: &mut World) -> usize {
    world.restarts = true;
    let mut heaviest = 0;
    let mut trigger = Trigger::Start;
    while world.outcome.is_none() {
        let _step = world.step(std::mem::replace(&mut trigger, Trigger::Continue));
        heaviest = heaviest.max(world.execution.weight());
    }
    heaviest
}

#[test]
fn what_their_state_does_not_need_is_not_kept() {
    let jsonata = |fields: &str| format!(r#""QueryLanguage": "JSONata", {fields}"#);
    let items = items();
    for (fields, output, keeps) in [
        (r#""ResultPath": null"#.to_owned(), items.as_str(), false),
        (r#""ResultPath": null, "OutputPath": "$[1]""#.to_owned(), "1", false),
        (jsonata(r#""Output": {"is": "{% $exists($states.input.x) %}"}"#), r#"{"is":false}"#, false),
        (jsonata(r#""Output": 7, "Assign": {"a": "{% $states.context.State.Name %}"}"#), "7", false),
        (r#""ResultPath": null, "ResultSelector": {"n.$": "States.ArrayLength($)"}"#.to_owned(), &items, true),
        (r#""ResultPath": null, "Assign": {"n.$": "States.ArrayLength($)"}"#.to_owned(), &items, true),
        (r#""ResultSelector": {"n.$": "States.ArrayLength($)"}"#.to_owned(), r#"{"n":60}"#, true),
        (jsonata(r#""Output": "{% $count($states.result) %}""#), "60", true),
        (jsonata(r#""Output": "{% $count($lookup($states, 'res' & 'ult')) %}""#), "60", true),
        (jsonata(r#""Output": "{% ($s := $states; $count($s.result)) %}""#), "60", true),
        (jsonata(r#""Output": "{% $count($states.*[$type($) = 'string']) %}""#), "60", true),
        (jsonata(r#""Output": 7, "Assign": {"n": ["{% $count($states.result) %}"]}"#), "7", true),
    ] {
        for state_machine_type in [StateMachineType::Standard, StateMachineType::Express] {
            let mut world = World::new(&map(&fields), state_machine_type, &items);
            let heaviest = heaviest(&mut world);
            assert_eq!(world.output(), output.replace(' ', ""), "{fields}");
            // The last steps may be holding as many iterations as run at once.
            assert_eq!(heaviest > ITEMS * LARGE, keeps, "{fields}: {heaviest} bytes");
        }
    }
}

#[test]
fn a_result_that_is_too_large_is_not_collected_and_fails_its_state_when_all_have_ended() {
    let fields = r#""ResultSelector": {}, "Catch": [{"ErrorEquals": ["States.DataLimitExceeded"], "Next": "Done"}]"#;
    for (bytes_max, fits) in [(ITEMS * (LARGE + 2), true), (ITEMS * (LARGE + 2) - 1, false), (LARGE, false)] {
        let mut world = World::standard(&map(fields), &items());
        world.limits.result_bytes_max = bytes_max as u64;
        let heaviest = heaviest(&mut world);
        let cause =
            "The state/task 'M' returned a result with a size exceeding the maximum number of bytes service limit.";
        let failed = format!(r#"{{"Error":"States.DataLimitExceeded","Cause":"{cause}"}}"#);
        assert_eq!(world.output(), if fits { "{}" } else { &*failed });
        assert_eq!(world.count(EventType::MapIterationSucceeded), ITEMS);
        if bytes_max == LARGE {
            assert!(heaviest < ITEMS * LARGE, "{heaviest} bytes");
        }
    }
}

#[test]
fn an_iteration_whose_output_was_not_kept_does_not_run_again() {
    let definition = r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "MaxConcurrency": 1, "End": true,
        "ResultPath": null, "ItemProcessor": {"StartAt": "T", "States": {"T": {"Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sfn:listActivities", "End": true}}}}}}"#;
    let mut world = World::started(definition, "[1,2,3]");
    world.restarts = true;
    world.succeed(world.call(), r#""first""#);
    world.fail(world.call(), "Broken");
    world.redrive(1_000);
    world.succeed(world.call(), r#""second""#);
    world.succeed(world.call(), r#""third""#);
    assert_eq!(world.output(), "[1,2,3]");
    assert_eq!(world.count(EventType::TaskScheduled), 4);
}

#[test]
fn an_execution_that_takes_too_much_memory_fails() {
    let fields = r#""ResultSelector": {}"#;
    for state_machine_type in [StateMachineType::Standard, StateMachineType::Express] {
        let mut world = World::new(&map(fields), state_machine_type, &items());
        world.limits.execution_bytes_max = 2 << 20;
        assert!(heaviest(&mut world) < 8 << 20);
        let cause = "The execution takes more than the maximum of 2097152 bytes of memory.";
        assert_eq!(world.failure(), ("States.Runtime".to_owned(), cause.to_owned()));
        assert!(!world.execution.is_redrivable());
    }
}
