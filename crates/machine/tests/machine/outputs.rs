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
        let cause = format!(
            "The state/task 'M' returned a result with a size exceeding the maximum number of bytes service limit. Its \
             branches or iterations may give {bytes_max} bytes in all (result_bytes_max)."
        );
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

fn too_heavy(bytes_max: u64) -> String {
    format!("The execution takes more than {bytes_max} bytes of memory (execution_bytes_max).")
}

#[test]
fn an_execution_that_takes_too_much_memory_fails_and_can_be_redriven_when_it_may_take_more() {
    let fields = r#""ResultSelector": {"n.$": "States.ArrayLength($)"}"#;
    for state_machine_type in [StateMachineType::Standard, StateMachineType::Express] {
        let mut world = World::new(&map(fields), state_machine_type, &items());
        world.limits.execution_bytes_max = 2 << 20;
        assert!(heaviest(&mut world) < 8 << 20);
        let is_standard = state_machine_type == StateMachineType::Standard;
        let (error, cause) = world.failure();
        assert_eq!(error, "States.Runtime");
        if is_standard {
            assert_eq!(cause, too_heavy(2 << 20));
        } else {
            let told = "2097152 bytes of memory (execution_bytes_max, or its share while all Express executions take ";
            assert!(cause.contains(told), "{cause}");
        }
        assert_eq!(world.execution.is_redrivable(), is_standard);
        if is_standard {
            world.limits.execution_bytes_max = 1 << 30;
            world.redrive(1_000);
            assert_eq!(world.output(), format!(r#"{{"n":{ITEMS}}}"#));
            assert_eq!(world.count(EventType::MapIterationSucceeded), ITEMS);
        }
    }
}

/// Tasks that wait while others answer.
fn tasks(count: usize) -> World {
    let definition = r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ResultPath": null,
        "ItemProcessor": {"StartAt": "T", "States": {"T": {"Type": "Task", "TimeoutSeconds": 60,
            "Resource": "arn:aws:states:::aws-sdk:sfn:listActivities", "Next": "W"},
            "W": {"Type": "Wait", "Seconds": 60, "End": true}}}}}}"#;
    let mut world = World::standard(definition, &format!("{:?}", vec![0; count]));
    world.limits.execution_bytes_max = 1 << 20;
    world.trigger(Trigger::Start);
    world
}

fn large() -> String {
    format!(r#""{}""#, "x".repeat(200_000))
}

#[test]
fn what_waits_is_cancelled_when_an_execution_takes_too_much() {
    let mut world = tasks(6);
    for _ in 0..2 {
        let call = world.call();
        world.succeed(call, &large());
    }
    assert!(world.outcome.is_none() && world.execution.weight() < 1 << 20);
    let call = world.call();
    world.succeed(call, &large());
    // The answer was taken: its state was left.
    assert!(world.outline().ends_with(" 35<34:TaskStateExited 36<35:WaitStateEntered 37<36:ExecutionFailed"));
    assert_eq!(world.failure().1, too_heavy(1 << 20));
    assert!(world.calls.is_empty() && world.timers.is_empty());
    world.limits.execution_bytes_max = 1 << 30;
    world.redrive(1_000);
    assert_eq!((world.calls.len(), world.timers.len()), (3, 1 + 3 + 3));
}

#[test]
fn what_comes_late_does_not_end_an_execution() {
    let mut world = tasks(6);
    world.limits.execution_bytes_max = 1 << 30;
    let calls: Vec<_> = world.calls.keys().copied().take(4).collect();
    for call in &calls {
        world.succeed(*call, &large());
    }
    world.limits.execution_bytes_max = 1 << 20;
    world.trigger(Trigger::TaskHeartbeat { effect: calls[0] });
    assert!(world.outcome.is_none());
    world.trigger(Trigger::Stop { error: None, cause: None });
    assert!(world.outline().ends_with(":ExecutionAborted"));
}

#[test]
fn the_answer_that_frees_what_an_execution_takes_does_not_end_it() {
    let definition = r#"{"StartAt": "T", "States": {"T": {"Type": "Task", "End": true,
        "Resource": "arn:aws:states:::aws-sdk:sfn:listActivities"}}}"#;
    let mut world = World::started(definition, &large());
    world.limits.execution_bytes_max = 1 << 19;
    let call = world.call();
    world.succeed(call, "1");
    assert_eq!(world.output(), "1");
}

#[test]
fn a_result_that_was_too_large_is_made_anew_by_a_redrive() {
    let fields = r#""ResultSelector": {"n.$": "States.ArrayLength($)"}"#;
    let mut world = World::standard(&map(fields), &items());
    world.limits.result_bytes_max = LARGE as u64;
    heaviest(&mut world);
    assert_eq!(world.failure().0, "States.DataLimitExceeded");
    world.redrive(1_000);
    assert_eq!(world.failure().0, "States.DataLimitExceeded");
    assert_eq!(world.count(EventType::MapIterationSucceeded), 2 * ITEMS);
}

/// A server goes on with a larger limit: what was left out under the smaller one stays so until a redrive makes it anew.
#[test]
fn a_result_that_was_too_large_for_a_smaller_limit_says_which_it_was() {
    let definition = r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "T",
        "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:listActivities", "End": true}}}}}}"#;
    let mut world = World::standard(definition, "[1,2,3]");
    world.limits.result_bytes_max = 20;
    world.trigger(Trigger::Start);
    for output in [r#""thirteen ..""#, r#""thirteen ..""#] {
        world.succeed(world.call(), output);
    }
    world.other_result_bytes_max = vec![20];
    world.limits.result_bytes_max = 30;
    world.restarts = true;
    world.succeed(world.call(), "1");
    let (error, cause) = world.failure();
    assert_eq!(error, "States.DataLimitExceeded");
    assert!(cause.ends_with("may give 20 bytes in all (result_bytes_max)."), "{cause}");
    world.redrive(1_000);
    for output in [r#""thirteen ..""#, r#""thirteen ..""#, "3"] {
        world.succeed(world.call(), output);
    }
    assert_eq!(world.output(), r#"["thirteen ..","thirteen ..",3]"#);
}

#[test]
fn branches_and_maps_in_maps_count_each_for_itself() {
    let pass = |output: &str| format!(r#"{{"Type": "Pass", "Result": "{output}", "End": true}}"#);
    let flow = |name: &str, state: &str| format!(r#"{{"StartAt": "{name}", "States": {{"{name}": {state}}}}}"#);
    let parallel = format!(
        r#"{{"Type": "Parallel", "End": true, "ResultSelector": {{"n.$": "States.ArrayLength($)"}}, "Branches": [{}, {}]}}"#,
        flow("A", &pass("12345678")),
        flow("B", &pass("12345678"))
    );
    let map = format!(
        r#"{{"Type": "Map", "End": true, "ResultSelector": {{"all.$": "States.ArrayLength($)"}}, "ItemProcessor": {}}}"#,
        flow("P", &parallel)
    );
    // Two of ten bytes each; three of seven. The second branch has what the first has, and counts as well.
    for (bytes_max, failed) in [(21, None), (20, Some("M")), (19, Some("P"))] {
        let mut world = World::standard(&flow("M", &map), "[1,2,3]");
        world.limits.result_bytes_max = bytes_max;
        world.trigger(Trigger::Start);
        match failed {
            None => assert_eq!(world.output(), r#"{"all":3}"#),
            Some(state) => assert!(world.failure().1.contains(&format!("'{state}'")), "{:?}", world.failure()),
        }
    }
}
