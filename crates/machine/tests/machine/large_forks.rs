//! Forks whose payloads are so large that their children begin in several steps.

use crate::world::World;
use asl::StateMachineType;
use machine::{Effect, EventDetails, EventType, HistoryEvent, Outcome, Trigger};

const CHILDREN: usize = 12;
const LARGE: usize = 200_000;

/// Branches that pass on 200 KB: gives the names of the states in the order in which they were entered.
fn entered_in_parallel(branches: usize, states: usize) -> Vec<String> {
    let pass = |branch: usize, state: usize| {
        let onward =
            if state + 1 < states { format!(r#""Next": "B{branch}.{}""#, state + 1) } else { r#""End": true"#.into() };
        format!(r#""B{branch}.{state}": {{"Type": "Pass", {onward}}}"#)
    };
    let branch = |branch: usize| {
        let states: Vec<String> = (0..states).map(|state| pass(branch, state)).collect();
        format!(r#"{{"StartAt": "B{branch}.0", "States": {{{}}}}}"#, states.join(","))
    };
    let definition = format!(
        r#"{{"StartAt": "P", "States": {{"P": {{"Type": "Parallel", "End": true, "Branches": [{}],
            "ResultSelector": {{}}}}}}}}"#,
        (0..branches).map(branch).collect::<Vec<_>>().join(",")
    );
    let mut world = World::standard(&definition, &format!(r#""{}""#, "x".repeat(200_000)));
    world.limits.result_bytes_max = 1 << 30;
    let mut step = world.step(Trigger::Start);
    while world.outcome.is_none() {
        let bytes: usize = step.changed.iter().map(|id| world.stored[id].len()).sum();
        assert!(bytes < 2 << 20, "{bytes} bytes of parts in one step");
        step = world.step(Trigger::Continue);
    }
    assert_eq!(world.output(), "{}");
    let entered = |event: &HistoryEvent| match &event.details {
        EventDetails::StateEntered { name, .. } => name.strip_prefix('B').map(str::to_owned),
        _ => None,
    };
    world.history.iter().filter_map(entered).collect()
}

#[test]
fn wide_branches_with_large_payloads_are_written_bit_by_bit_and_begin_in_order() {
    for (branches, states) in [(1_000, 1), (30, 3)] {
        let all_at_once = (0..states).flat_map(|state| (0..branches).map(move |branch| format!("{branch}.{state}")));
        assert_eq!(entered_in_parallel(branches, states), all_at_once.collect::<Vec<_>>());
    }
}

/// A Parallel of branches that wait; the last of these fails at once, if it is told to.
fn branches_that_wait(fields: &str, count: usize, fails: bool) -> String {
    let branch = |branch: usize| {
        let state = if fails && branch + 1 == count {
            r#""Type": "Fail", "Error": "Broken""#
        } else {
            r#""Type": "Wait", "Seconds": 1, "End": true"#
        };
        format!(r#"{{"StartAt": "W{branch}", "States": {{"W{branch}": {{{state}}}}}}}"#)
    };
    let rest = (count..CHILDREN).map(|rest| branch(rest + CHILDREN));
    let branches: Vec<String> = (0..count).map(branch).chain(rest).collect();
    format!(
        r#"{{"StartAt": "P", "States": {{"P": {{"Type": "Parallel", {fields} "Next": "Done", "ResultSelector": {{}},
            "Branches": [{}]}}, "Done": {{"Type": "Pass", "Result": "done", "End": true}}}}}}"#,
        branches.join(",")
    )
}

/// A step that ended before all children had begun.
fn begin(definition: &str, input: &str) -> World {
    let mut world = World::standard(definition, input);
    world.restarts = true;
    let first = world.step(Trigger::Start);
    assert!(first.effects.iter().any(|effect| matches!(effect, Effect::Continue)));
    world
}

/// What was stopped before all children had begun goes on: each is entered once.
fn check_stopped(definition: &str, input: &str, begun: EventType) {
    let mut world = begin(definition, input);
    let before = world.count(begun);
    assert!((1..CHILDREN).contains(&before), "{before} have begun");
    world.trigger(Trigger::Stop { error: None, cause: None });
    world.redrive(0);
    assert_eq!(world.count(EventType::WaitStateEntered), CHILDREN);
    assert_eq!(world.count(begun), CHILDREN);
    while world.outcome.is_none() {
        world.fire_next_timer();
    }
    assert_eq!(world.output(), "\"done\"");
    assert_eq!(world.count(EventType::WaitStateExited), CHILDREN);
}

#[test]
fn children_that_had_not_begun_begin_after_a_redrive() {
    let large = format!(r#""{}""#, "x".repeat(LARGE));
    check_stopped(&branches_that_wait("", CHILDREN, false), &large, EventType::WaitStateEntered);
    let map = r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.items", "Next": "Done", "ResultSelector": {},
        "ItemSelector": {"large.$": "$.large", "item.$": "$$.Map.Item.Value"},
        "ItemProcessor": {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "End": true}}}},
        "Done": {"Type": "Pass", "Result": "done", "End": true}}}"#;
    let items: Vec<usize> = (0..CHILDREN).collect();
    check_stopped(map, &format!(r#"{{"large": {large}, "items": {items:?}}}"#), EventType::MapIterationStarted);
}

#[test]
fn branches_that_had_not_begun_never_do_after_a_failure() {
    let large = format!(r#""{}""#, "x".repeat(LARGE));
    let retry = r#""Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Done"}],"#;
    // Of these three the last fails, in the step in which the first began.
    let mut world = World::standard(&branches_that_wait(retry, 3, true), &large);
    world.restarts = true;
    world.trigger(Trigger::Start);
    world.fire_next_timer();
    assert_eq!(world.output(), "\"done\"");
    assert_eq!(world.count(EventType::ParallelStateStarted), 2);
    assert_eq!((world.count(EventType::WaitStateEntered), world.count(EventType::WaitStateAborted)), (4, 4));
}

#[test]
fn an_output_that_comes_again_is_stored_once_and_read_back() {
    let output = format!(r#"{{"n": 1, "text": "{}"}}"#, "y".repeat(100));
    let other = format!(r#"{{"n": 2, "text": "{}"}}"#, "y".repeat(100));
    let map = r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "T",
        "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {}, "End": true}}}}}}"#;
    let mut world = World::standard(map, "[0,1,2,3,4]");
    world.restarts = true;
    world.trigger(Trigger::Start);
    let stored = |world: &World| world.stored.values().map(Vec::len).sum::<usize>();
    let mut sizes = Vec::new();
    for output in [&output, &output, &other, &output] {
        let before = stored(&world);
        let call = world.call();
        world.succeed(call, output);
        sizes.push(stored(&world).cast_signed() - before.cast_signed());
    }
    assert!(sizes[1] + 100 < sizes[0] && sizes[1] + 100 < sizes[2], "{sizes:?}");
    world.trigger(Trigger::Stop { error: None, cause: None });
    world.redrive(0);
    let call = world.call();
    world.succeed(call, &output);
    let compact = |text: &str| json::Payload::parse(text).unwrap().text().to_string();
    let (output, other) = (compact(&output), compact(&other));
    assert_eq!(world.output(), format!("[{output},{output},{other},{output},{output}]"));
}

/// A look at all of them for each of them would take minutes.
#[test]
fn many_iterations_that_have_only_begun_are_aborted() {
    let map = |inner: String| {
        format!(
            r#"{{"Type": "Map", "End": true, "QueryLanguage": "JSONata", "Items": "{{% [1..30] %}}", "ItemProcessor": {inner}}}"#
        )
    };
    let flow = |name: &str, state: String| format!(r#"{{"StartAt": "{name}", "States": {{"{name}": {state}}}}}"#);
    let fails = flow("F", r#"{"Type": "Fail", "Error": "Broken"}"#.into());
    let definition = ["C", "B", "A"].iter().fold(fails, |inner, name| flow(name, map(inner)));
    let mut world = World::new(&definition, StateMachineType::Express, "{}");
    world.trigger(Trigger::Start);
    assert!(matches!(&world.outcome, Some(Outcome::Failed(failure)) if failure.error.as_deref() == Some("Broken")));
    let begun = 30 + 30 * 30 + 30 * 30 * 30;
    assert_eq!(world.count(EventType::MapIterationStarted), begun);
    assert_eq!(world.count(EventType::MapIterationFailed), 3);
    assert_eq!(world.count(EventType::MapIterationAborted), begun - 3);
}

#[test]
fn what_is_aborted_is_cancelled_once_wherever_the_history_is_full() {
    let definition = branches_that_wait("", CHILDREN, true);
    let mut full = 0;
    for events_max in 10..60 {
        let mut world = World::standard(&definition, "{}");
        world.limits.history_events_max = events_max;
        world.trigger(Trigger::Start);
        assert!(matches!(world.outcome, Some(Outcome::Failed(_))) && world.timers.is_empty());
        full += usize::from(!world.execution.is_redrivable());
    }
    assert!((10..50).contains(&full), "{full} of the histories were full");
}
