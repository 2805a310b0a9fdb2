//! Redrive: what goes on, and what does not run again.

use crate::world::World;
use asl::StateMachineType;
use machine::{Effect, EventType, Trigger};

/// What happens in a case.
#[derive(Debug)]
enum Do {
    /// The call that waits longest succeeds with the name of its state, or fails.
    Succeed,
    Fail,
    /// The timer that is due next goes off.
    Fire,
    Stop,
    Redrive,
}

use Do::{Fail, Fire, Redrive, Stop, Succeed};

/// `T` becomes a Task state, which tells its parameters.
fn states(definition: &str) -> String {
    let task = r#""Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"n.$": "$$.State.Name",
        "retries.$": "$$.State.RetryCount", "redrives.$": "$$.Execution.RedriveCount"}, "ResultPath": null"#;
    definition.replace("T:", task)
}

/// The events after the first redrive, without ids, and the calls of all: state, retries, redrives.
fn run(definition: &str, input: &str, script: &[Do]) -> (World, String) {
    let mut world = World::standard(&states(definition), input);
    world.restarts = true;
    world.trigger(Trigger::Start);
    for act in script {
        match act {
            Succeed => world.succeed(world.call(), "1"),
            Fail => world.fail(world.call(), "Broken"),
            Fire => world.fire_next_timer(),
            Stop => world.trigger(Trigger::Stop { error: None, cause: None }),
            Redrive => world.redrive(60_000),
        }
    }
    let redriven = world.history.iter().position(|event| event.event_type == EventType::ExecutionRedriven).unwrap();
    let shown = |event: &machine::HistoryEvent| {
        format!("{}<{}:{}", event.id, event.previous_event_id, event.event_type.as_str())
    };
    let after = world.history[redriven..].iter().map(shown).collect::<Vec<_>>().join(" ");
    (world, after)
}

fn check(definition: &str, input: &str, script: &[Do], expected: &str) {
    let (_, after) = run(definition, input, script);
    assert_eq!(after, expected, "{definition} {script:?}");
}

#[test]
fn a_state_begins_again_without_being_entered_again() {
    let after_a_pass = r#"{"StartAt": "P", "States": {"P": {"Type": "Pass", "Next": "A"}, "A": {T:, "End": true}}}"#;
    check(
        after_a_pass,
        "{}",
        &[Fail, Redrive, Succeed],
        "9<8:ExecutionRedriven 10<9:TaskScheduled 11<10:TaskStarted 12<11:TaskSucceeded 13<12:TaskStateExited \
         14<13:ExecutionSucceeded",
    );
    check(
        after_a_pass,
        "{}",
        &[Stop, Redrive, Stop, Redrive],
        "8<7:ExecutionRedriven 9<8:TaskScheduled 10<9:TaskStarted 11<0:ExecutionAborted 12<11:ExecutionRedriven \
         13<12:TaskScheduled 14<13:TaskStarted",
    );
    check(
        r#"{"StartAt": "C", "States": {"F": {"Type": "Fail"}, "C": {"Type": "Choice", "Choices": [
            {"Variable": "$.a", "IsPresent": true, "Next": "F"}]}}}"#,
        "{}",
        &[Redrive],
        "4<3:ExecutionRedriven 5<4:ExecutionFailed",
    );
    check(
        r#"{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Always"}}}"#,
        "{}",
        &[Redrive],
        "4<3:ExecutionRedriven 5<4:FailStateEntered 6<5:ExecutionFailed",
    );
}

#[test]
fn waits_begin_again_unless_their_time_has_come() {
    for (fields, expected) in [
        (r#""Seconds": 10"#, "4<3:ExecutionRedriven 5<4:WaitStateExited 6<5:ExecutionSucceeded"),
        (r#""Timestamp": "2026-11-23T09:36:10Z""#, "4<3:ExecutionRedriven 5<4:WaitStateExited 6<5:ExecutionSucceeded"),
    ] {
        let definition = format!(r#"{{"StartAt": "W", "States": {{"W": {{"Type": "Wait", {fields}, "End": true}}}}}}"#);
        let (mut world, _) = run(&definition, "{}", &[Stop, Redrive]);
        let waits = world.outcome.is_none();
        assert_eq!(waits, fields.contains("Seconds"));
        if waits {
            assert_eq!(world.next_timer_ms(), 10_000);
            world.fire_next_timer();
        }
        assert!(world.outline().ends_with(expected), "{}", world.outline());
    }
}

#[test]
fn iterations_that_had_only_begun_enter_their_first_states() {
    let map = r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "A", "States": {
        "A": {"Type": "Pass", "QueryLanguage": "JSONata", "End": true,
              "Output": "{% $states.context.Execution.RedriveCount = 0 ? $error('not yet') : $states.input %}"}}}}}}"#;
    let (world, after) = run(map, "[0, 1, 2]", &[Redrive]);
    assert_eq!(world.output(), "[0,1,2]");
    assert_eq!(
        after,
        "14<13:ExecutionRedriven 15<14:PassStateExited 16<15:MapIterationSucceeded 17<14:PassStateEntered \
         18<17:PassStateExited 19<18:MapIterationSucceeded 20<14:PassStateEntered 21<20:PassStateExited \
         22<21:MapIterationSucceeded 23<22:MapStateSucceeded 24<22:MapStateExited 25<24:ExecutionSucceeded"
    );
}

/// The checker, which looks at each of these histories, had not taken up the others when the first failed.
#[test]
fn iterations_that_had_only_begun_are_aborted_when_the_first_fails_again() {
    let map = r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "A", "States": {
        "A": {"Type": "Pass", "QueryLanguage": "JSONata", "End": true, "Output": "{% $pad('', 300000, 'x') %}"}}}}}}"#;
    check(
        map,
        "[0, 1, 2]",
        &[Redrive],
        "13<12:ExecutionRedriven 14<13:MapIterationFailed 15<13:MapIterationAborted 16<13:MapIterationAborted \
         17<13:MapStateFailed 18<17:ExecutionFailed",
    );
}

#[test]
fn iterations_beside_a_branch_that_failed_go_on() {
    let definition = r#"{"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [
        {"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemsPath": "$.list", "ItemProcessor": {
            "StartAt": "N", "States": {"N": {"Type": "Map", "End": true, "ItemProcessor": {
                "StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}}}}}}},
        {"StartAt": "F", "States": {"F": {"Type": "Pass", "QueryLanguage": "JSONata", "End": true,
            "Output": "{% $states.context.Execution.RedriveCount = 0 ? $error('not yet') : 'now' %}"}}}]}}}"#;
    let (world, _) = run(definition, r#"{"list": [[1, 2], [3]]}"#, &[Redrive]);
    assert_eq!(world.output(), r#"[[[1,2],[3]],"now"]"#);
    assert_eq!(world.count(EventType::MapIterationAborted), 2, "{}", world.outline());
}

#[test]
fn only_unsuccessful_branches_run_again() {
    let parallel = r#"{"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [
        {"StartAt": "A", "States": {"A": {T:, "OutputPath": "$.x", "End": true}}},
        {"StartAt": "B", "States": {"B": {T:, "Next": "C"}, "C": {T:, "OutputPath": "$.y", "End": true}}},
        {"StartAt": "D", "States": {"D": {T:, "OutputPath": "$.z", "End": true}}}]}}}"#;
    let input = r#"{"x": 1, "y": 2, "z": 3}"#;
    // The first branch ends, the second is aborted in its second state, the third fails.
    let (mut world, _) = run(parallel, input, &[Succeed, Succeed, Fail, Redrive]);
    assert_eq!(called(&world), ["C", "D"]);
    world.succeed(world.call(), "1");
    world.succeed(world.call(), "1");
    assert_eq!(world.output(), "[1,2,3]");
}

/// The states whose calls wait.
fn called(world: &World) -> Vec<String> {
    let name = |effect: &Effect| match effect {
        Effect::RunTask(request) => {
            request.parameters.value().get("n").and_then(|name| name.as_str()).unwrap().to_owned()
        }
        other => panic!("{other:?}"),
    };
    world.calls.values().map(name).collect()
}

#[test]
fn only_unsuccessful_iterations_run_again() {
    let map = r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "MaxConcurrency": 2, "End": true,
        "ItemProcessor": {"StartAt": "A", "States": {"A": {T:, "End": true}}}}}}"#;
    // Of five, two have ended, the third fails, the fourth is aborted and the fifth has not begun.
    let (mut world, after) = run(map, "[1,2,3,4,5]", &[Succeed, Succeed, Fail, Redrive]);
    assert_eq!(world.calls.len(), 2, "{after}");
    assert_eq!(world.count(EventType::MapIterationStarted), 4);
    for _ in 0..3 {
        world.succeed(world.call(), "1");
    }
    assert_eq!(world.output(), "[1,2,3,4,5]");
    assert_eq!(world.count(EventType::MapIterationStarted), 5);
    assert_eq!(world.count(EventType::MapIterationSucceeded), 5);
    assert_eq!(world.count(EventType::LambdaFunctionScheduled) + world.count(EventType::TaskScheduled), 7);
}

#[test]
fn an_iteration_that_could_not_begin_begins_after_a_redrive() {
    let map = r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "MaxConcurrency": 1, "End": true,
        "ItemSelector": {"x.$": "States.ArrayGetItem($.at, $$.Map.Item.Index)"}, "ItemsPath": "$.items",
        "ItemProcessor": {"StartAt": "A", "States": {"A": {T:, "End": true}}}}}}"#;
    let (world, after) = run(map, r#"{"items": [1, 2], "at": [7]}"#, &[Succeed, Redrive]);
    assert_eq!(after, "13<12:ExecutionRedriven 14<13:MapStateFailed 15<14:ExecutionFailed");
    assert_eq!(world.count(EventType::TaskScheduled), 1);
}

#[test]
fn a_state_that_could_not_use_its_result_runs_whole_again() {
    let parallel = r#"{"StartAt": "P", "States": {"P": {"Type": "Parallel", "OutputPath": "$.missing", "End": true,
        "Branches": [{"StartAt": "A", "States": {"A": {T:, "End": true}}}]}}}"#;
    check(
        parallel,
        "{}",
        &[Succeed, Redrive, Succeed],
        "11<10:ExecutionRedriven 12<11:ParallelStateStarted 13<12:TaskStateEntered 14<13:TaskScheduled \
         15<14:TaskStarted 16<15:TaskSucceeded 17<16:TaskStateExited 18<17:ParallelStateSucceeded 19<17:ExecutionFailed",
    );
}

#[test]
fn nested_states_go_on_inside() {
    let nested = r#"{"StartAt": "S", "States": {
        "S": {"Type": "Pass", "Assign": {"outer": "o"}, "Next": "P"},
        "P": {"Type": "Parallel", "Next": "Z", "Branches": [
            {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 100, "End": true}}},
            {"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "I", "States": {
                "I": {"Type": "Pass", "Assign": {"item.$": "$"}, "Next": "A"},
                "A": {T:, "Next": "B"},
                "B": {"Type": "Pass", "Parameters": {"item.$": "$item", "outer.$": "$outer"}, "End": true}}}}}}]},
        "Z": {"Type": "Succeed"}}}"#;
    let (mut world, _) = run(nested, "[1,2]", &[Succeed, Fail, Redrive]);
    assert_eq!(world.calls.len(), 1);
    assert_eq!(world.timers.len(), 2, "the deadline and the wait");
    world.succeed(world.call(), "1");
    world.fire_next_timer();
    assert_eq!(world.output(), r#"[[1,2],[{"item":1,"outer":"o"},{"item":2,"outer":"o"}]]"#);
    assert_eq!(world.count(EventType::ParallelStateStarted), 1);
    assert_eq!(world.count(EventType::MapStateStarted), 1);
    assert!(world.stored.len() <= 1, "only the root is left: {:?}", world.stored.keys());
}

#[test]
fn retries_begin_anew() {
    let retried = r#"{"StartAt": "A", "States": {"A": {T:, "End": true,
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2}]}}}"#;
    let attempts = [Fail, Fire, Fail, Fire, Fail, Redrive, Fail, Fire];
    let (mut world, _) = run(retried, "{}", &attempts);
    let Some(Effect::RunTask(request)) = world.calls.values().next() else { panic!("{:?}", world.calls) };
    assert_eq!(&**request.parameters.text(), r#"{"n":"A","retries":1,"redrives":1}"#);
    world.fail(world.call(), "Broken");
    world.fire_next_timer();
    world.fail(world.call(), "Broken");
    assert_eq!(world.failure().0, "Broken");
    world.redrive(0);
    world.succeed(world.call(), "1");
    assert_eq!(world.output(), "{}");
}

#[test]
fn what_a_catcher_caught_is_over() {
    let caught = r#"{"StartAt": "P", "States": {
        "P": {"Type": "Parallel", "Next": "F", "Branches": [{"StartAt": "A", "States": {"A": {T:, "End": true}}}],
              "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}]},
        "B": {T:, "Next": "F"}, "F": {"Type": "Fail"}}}"#;
    let (world, _) = run(caught, "{}", &[Fail, Fail, Redrive]);
    assert_eq!(called(&world), ["B"]);
    assert_eq!(world.count(EventType::ParallelStateEntered), 1);
}

#[test]
fn the_timeout_of_the_state_machine_begins_anew() {
    let limited = r#"{"TimeoutSeconds": 30, "StartAt": "A", "States": {"A": {T:, "TimeoutSeconds": 20, "End": true}}}"#;
    let (mut world, _) = run(limited, "{}", &[Stop, Redrive]);
    let due: Vec<i64> = world.timers.values().map(|due_ms| due_ms - world.now_ms).collect();
    assert_eq!(due, [30_000, 20_000]);
    world.fire_next_timer();
    assert!(world.outline().ends_with("TaskTimedOut 10<9:ExecutionFailed"), "{}", world.outline());

    let (mut world, _) = run(&limited.replace("20", "40"), "{}", &[Fire, Redrive, Fire, Redrive]);
    world.limits.standard_seconds_max = 200;
    world.trigger(Trigger::Stop { error: None, cause: None });
    // 181 of 200 seconds are over.
    world.redrive(1_000);
    let due: Vec<i64> = world.timers.values().map(|due_ms| due_ms - world.now_ms).collect();
    assert_eq!(due, [19_000, 40_000]);
    assert_eq!(world.count(EventType::ExecutionTimedOut), 2);
}

#[test]
fn a_bounded_step_that_was_stopped_goes_on() {
    let many = format!("[{}0]", "0,".repeat(699));
    let map = r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "A",
        "States": {"A": {"Type": "Pass", "End": true}}}}}}"#;
    let mut world = World::standard(map, &many);
    world.restarts = true;
    let first = world.step(Trigger::Start);
    assert!(first.effects.iter().any(|effect| matches!(effect, Effect::Continue)));
    world.trigger(Trigger::Stop { error: None, cause: None });
    world.redrive(0);
    assert_eq!(world.output(), many);
    assert_eq!(world.count(EventType::PassStateEntered), 700);
}

#[test]
fn what_cannot_be_redriven_keeps_nothing() {
    let task = states(r#"{"StartAt": "A", "States": {"A": {T:, "End": true}}}"#);
    let mut world = World::new(&task, StateMachineType::Express, "{}");
    world.trigger(Trigger::Start);
    world.fail(world.call(), "Broken");
    assert!(!world.execution.is_redrivable());
    assert_eq!(world.stored.len(), 1);

    let mut world = World::started(&task, "{}");
    world.succeed(world.call(), "1");
    assert!(!world.execution.is_redrivable());
    let events = world.history.len();
    world.outcome = None;
    world.trigger(Trigger::Redrive);
    assert_eq!(world.history.len(), events);

    let mut world = World::standard(&task, "{}");
    world.limits.history_events_max = 5;
    world.trigger(Trigger::Start);
    world.fail(world.call(), "Broken");
    assert_eq!(world.failure().0, "States.Runtime");
    assert!(!world.execution.is_redrivable());
}

#[test]
fn one_that_runs_is_not_redriven() {
    let mut world = World::started(&states(r#"{"StartAt": "A", "States": {"A": {T:, "End": true}}}"#), "{}");
    assert!(!world.execution.is_redrivable());
    world.trigger(Trigger::Redrive);
    assert_eq!(world.count(EventType::ExecutionRedriven), 0);
}

/// After a redrive, the ends of all that is aborted follow the same event, whichever Map they are of.
#[test]
fn iterations_of_maps_in_maps_are_aborted_by_name() {
    let definition = r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "I",
        "States": {"F": {"Type": "Fail"}, "I": {"Type": "Map", "Next": "F", "ItemProcessor": {"StartAt": "A",
        "States": {"A": {T:, "End": true}}}}}}}}}"#;
    check(
        definition,
        "[[0],[1,2]]",
        &[Succeed, Redrive],
        "37<36:ExecutionRedriven 38<37:FailStateEntered 39<38:MapIterationFailed 40<37:TaskStateAborted \
         41<37:MapIterationAborted 42<37:TaskStateAborted 43<37:MapIterationAborted 44<37:MapStateAborted \
         45<37:MapIterationAborted 46<38:MapStateFailed 47<46:ExecutionFailed",
    );
}

/// Found by the simulator (seed 1100): what ended in the step of the redrive had its turn again in the same step.
#[test]
fn a_state_whose_children_end_at_once_has_one_turn() {
    check(
        r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "Retry": [{"ErrorEquals": ["States.ALL"],
            "IntervalSeconds": 3, "MaxAttempts": 1}], "ItemProcessor": {"StartAt": "F", "States": {"F": {"Type": "Fail"}}}}}}"#,
        "[0]",
        &[Fire, Redrive],
        "13<12:ExecutionRedriven 14<13:FailStateEntered 15<14:MapIterationFailed",
    );
    check(
        r#"{"StartAt": "P", "States": {"A": {T:, "End": true}, "P": {"Type": "Parallel", "Next": "A", "Branches": [
            {"StartAt": "W", "States": {"W": {"Type": "Wait", "Timestamp": "2026-11-23T09:36:10Z", "End": true}}}]}}}"#,
        "{}",
        &[Stop, Redrive],
        "6<5:ExecutionRedriven 7<6:WaitStateExited 8<7:ParallelStateSucceeded 9<7:ParallelStateExited \
         10<9:TaskStateEntered 11<10:TaskScheduled 12<11:TaskStarted",
    );
}

/// Found by the simulator (seed 1183): the checker took one Wait for the other, when both follow the redrive.
#[test]
fn waits_beside_each_other_are_told_apart() {
    check(
        r#"{"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [
            {"StartAt": "L", "States": {"L": {"Type": "Wait", "Seconds": 3600, "End": true}}},
            {"StartAt": "S", "States": {"S": {"Type": "Wait", "Seconds": 10, "End": true}}}]}}}"#,
        "{}",
        &[Stop, Redrive, Fire, Fire],
        "7<6:ExecutionRedriven 8<7:WaitStateExited 9<7:WaitStateExited 10<9:ParallelStateSucceeded \
         11<9:ParallelStateExited 12<11:ExecutionSucceeded",
    );
}

/// Found by the simulator (seed 2166): branches were numbered as they began, so that after a redrive the iterations of a Map
/// in the first branch went before the other branches.
#[test]
fn branches_begin_again_in_the_order_of_their_numbers() {
    let parallel = r#"{"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [
        {"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {
            "StartAt": "A", "States": {"A": {T:, "End": true}}}}}},
        {"StartAt": "B", "States": {"B": {T:, "End": true}}},
        {"StartAt": "C", "States": {"C": {T:, "End": true}}}]}}}"#;
    let by_number = ["B", "C", "A", "A"];
    assert_eq!(called(&World::started(&states(parallel), "[1,2]")), by_number);
    for ended in [Stop, Fail] {
        let (world, after) = run(parallel, "[1,2]", &[ended, Redrive]);
        assert_eq!(called(&world), by_number, "{after}");
    }
}
