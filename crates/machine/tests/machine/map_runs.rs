//! Distributed Maps: what the state asks for, and the Map Run as a value.

use crate::driven::{Driven, definition};
use crate::world::World;
use json::Payload;
use machine::{
    Failure, MapRunOutcome, MapRunSettings, MapRunStatus, MapRunTrigger, MapRunUpdate, Outcome, Room, Trigger,
    Unsuccessful,
};
use std::collections::BTreeSet;

#[test]
fn children_get_their_items() {
    let check = |fields: &str, input: &str, expected: &str| {
        assert_eq!(Driven::of(fields, input).inputs(), expected, "{fields}");
    };
    check("", "[1,\"a\",null]", r#"0:1 1:"a" 2:null"#);
    check(r#", "MaxConcurrency": 2"#, "[1,2,3]", "0:1 1:2");
    check(r#", "ItemsPath": "$.x""#, r#"{"x": {"a": 1, "b": 2}}"#, "0:1 1:2");
    let context = r#", "ItemsPath": "$.x", "ItemSelector": {"i.$": "$$.Map.Item.Index", "k.$": "$$.Map.Item.Key",
        "v.$": "$$.Map.Item.Value", "s.$": "$$.Map.Item.Source", "all.$": "$.y"}"#;
    let expected = r#"0:{"i":0,"k":"a","v":1,"s":"STATE_DATA","all":7}"#;
    check(context, r#"{"x": {"a": 1}, "y": 7}"#, expected);
}

#[test]
fn as_many_children_run_at_once_as_the_limit_says() {
    let check = |most: u64, fields: &str, at_once: usize| {
        let limits = asl::Limits { distributed_map_concurrency_max: most, ..asl::Limits::default() };
        let items: Vec<u32> = (0..10_002).collect();
        assert_eq!(Driven::within(limits, fields, &format!("{items:?}")).running.len(), at_once, "{most} {fields}");
    };
    let default = asl::Limits::default().distributed_map_concurrency_max;
    check(default, "", 10_000);
    check(default, r#", "MaxConcurrency": 20000"#, 10_000);
    check(10_001, r#", "MaxConcurrency": 20000"#, 10_001);
    check(3, "", 3);
    check(3, r#", "MaxConcurrency": 2"#, 2);
}

#[test]
fn items_come_in_batches() {
    let check = |batcher: &str, input: &str, expected: &str| {
        let run = Driven::of(&format!(r#", "ItemBatcher": {batcher}, "MaxConcurrency": 2"#), input);
        assert_eq!(run.inputs(), expected, "{batcher}");
    };
    let batched = r#"0:{"Items":[1,2]} 1:{"Items":[3,4]}"#;
    check(r#"{"MaxItemsPerBatch": 2}"#, "[1,2,3,4,5]", batched);
    check(r#"{"MaxInputBytesPerBatch": 32}"#, "[1,2,3,4,5]", batched);
    check(r#"{"MaxInputBytesPerBatch": 1}"#, "[1,2]", r#"0:{"Items":[1]} 1:{"Items":[2]}"#);
    let with_input = r#"{"MaxItemsPerBatch": 9, "BatchInput": {"n.$": "States.ArrayLength($)"}}"#;
    check(with_input, "[1,2]", r#"0:{"BatchInput":{"n":2},"Items":[1,2]}"#);
}

#[test]
fn a_child_follows_the_one_that_ended() {
    let mut run = Driven::of(r#", "MaxConcurrency": 1"#, "[5,6]");
    assert_eq!(run.inputs(), "0:5");
    run.succeed(0, "\"a\"");
    assert_eq!(run.inputs(), "1:6");
    // What comes twice, or for a child that was never started, counts once.
    run.succeed(0, "\"again\"");
    run.succeed(7, "\"other\"");
    let progress = run.run.progress();
    assert_eq!((progress.executions.succeeded, progress.executions.running, progress.items_pending()), (1, 1, 0));
    run.succeed(1, "\"b\"");
    assert_eq!(run.ended, Some(MapRunStatus::Succeeded));
    assert_eq!(run.results(), r#"["a","b"]"#);
}

#[test]
fn no_items_are_no_children() {
    let run = Driven::of("", "[]");
    assert_eq!((run.ended, run.results()), (Some(MapRunStatus::Succeeded), "[]".to_owned()));
}

#[test]
fn failures_are_tolerated_as_the_definition_says() {
    let check = |tolerated: &str, failed: u64, expected: MapRunStatus| {
        let mut run = Driven::of(tolerated, "[0,1,2,3]");
        (0..4).for_each(|child| if child < failed { run.fail(child) } else { run.succeed(child, "0") });
        assert_eq!(run.ended, Some(expected), "{tolerated} {failed}");
        let error = run.run.progress().failure().and_then(|failure| failure.error.clone());
        let threshold = (expected == MapRunStatus::Failed).then(|| "States.ExceedToleratedFailureThreshold".into());
        assert_eq!(error, threshold);
    };
    let (succeeded, failed) = (MapRunStatus::Succeeded, MapRunStatus::Failed);
    check("", 0, succeeded);
    check("", 1, failed);
    check(r#", "ToleratedFailureCount": 2"#, 2, succeeded);
    check(r#", "ToleratedFailureCount": 2"#, 3, failed);
    check(r#", "ToleratedFailurePercentage": 50"#, 2, succeeded);
    check(r#", "ToleratedFailurePercentage": 50"#, 3, failed);
    check(r#", "ToleratedFailurePercentage": 100"#, 4, succeeded);
    check(r#", "ToleratedFailureCount": 1, "ToleratedFailurePercentage": 100"#, 2, failed);
}

#[test]
fn all_items_of_a_batch_fail_with_it() {
    let fields = r#", "ItemBatcher": {"MaxItemsPerBatch": 3}, "ToleratedFailureCount": 2"#;
    let mut run = Driven::of(fields, "[1,2,3,4]");
    run.fail(0);
    assert_eq!(run.stopped, [1]);
    run.end(1, Outcome::Aborted(Failure::default()));
    let progress = run.run.progress();
    assert_eq!((progress.items.failed, progress.items.aborted, progress.executions.failed), (3, 1, 1));
    assert_eq!(run.ended, Some(MapRunStatus::Failed));
}

#[test]
fn a_tolerated_failure_is_described_in_the_results() {
    let mut run = Driven::of(r#", "Label": "L", "ToleratedFailureCount": 1"#, "[0,1]");
    run.fail(0);
    run.succeed(1, "[1]");
    let results = run.results();
    for piece in [r#""Error":"E""#, r#""Status":"FAILED""#, ":execution:machine/L:", r#""Input":"0""#, ",[1]]"] {
        assert!(results.contains(piece), "{piece} in {results}");
    }
}

/// A step starts as many children as there is room for, and one at least, however large its input is.
#[test]
fn a_step_has_so_much_room() {
    let check = |room: Room, expected: usize| {
        let mut run =
            Driven::of(r#", "MaxConcurrency": 1"#, r#"["0123456789", "0123456789", "0123456789", "0123456789"]"#);
        run.room = room;
        let update = MapRunUpdate { max_concurrency: Some(0), ..MapRunUpdate::default() };
        let step = run.step_once(MapRunTrigger::Update(update));
        assert_eq!((run.running.len() - 1, step.goes_on), (expected, expected < 3), "{room:?}");
    };
    check(Room::NONE, 0);
    check(Room::ALL, 3);
    check(Room { children: 2, ..Room::ALL }, 2);
    check(Room { input_bytes: 0, ..Room::ALL }, 1);
    check(Room { input_bytes: 13, ..Room::ALL }, 2);
}

#[test]
fn children_that_have_not_begun_are_pending() {
    let mut run = Driven::of(r#", "ItemBatcher": {"MaxItemsPerBatch": 2}, "MaxConcurrency": 2"#, "[0,1,2,3,4,5,6]");
    let told = run.run.progress_as_told(BTreeSet::from([1, 7]));
    assert_eq!((told.executions.running, told.executions_pending(), told.executions_total()), (1, 3, 4));
    assert_eq!((told.items.running, told.items_pending()), (2, 5));
    run.fail(0);
    run.end(1, Outcome::TimedOut(Failure::default()));
    assert_eq!(run.redrive(), [0, 1]);
    let told = run.run.progress_as_told(BTreeSet::from([1]));
    let waiting = Unsuccessful { timed_out: 1, ..Unsuccessful::default() };
    assert_eq!((told.executions.running, told.executions.pending_redrive), (1, waiting));
    assert_eq!((told.executions_pending(), told.executions_total()), (2, 4));
}

#[test]
fn what_was_aborted_did_not_fail() {
    let mut run = Driven::of("", "[0,1,2]");
    run.end(1, Outcome::Aborted(Failure::default()));
    run.succeed(0, "0");
    assert_eq!(run.ended, None);
    run.succeed(2, "0");
    assert_eq!((run.ended, run.run.progress().executions.aborted), (Some(MapRunStatus::Succeeded), 1));
}

#[test]
fn results_are_counted_with_all_that_they_show() {
    let described = r#", "ResultWriter": {"WriterConfig": {"Transformation": "NONE", "OutputType": "JSON"}}"#;
    for (fields, output) in [
        ("", "\"some output\""),
        (described, "1"),
        (described, r#"{"a": "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""}"#),
    ] {
        let fields = format!(r#"{fields}, "ToleratedFailurePercentage": 100, "Label": "L""#);
        let mut run = Driven::of(&fields, "[0,1,2,3,4,5,6,7,8,9]");
        (0..10).for_each(|child| if child == 3 { run.fail(child) } else { run.succeed(child, output) });
        let (counted, are) = (run.run.progress().results_bytes(), run.results().len() as u64);
        assert!(counted.abs_diff(are) < are / 8, "{counted} for {are}: {}", run.results());
    }
}

#[test]
fn a_stop_ends_the_children_first() {
    let mut run = Driven::of(r#", "MaxConcurrency": 2"#, "[0,1,2]");
    run.succeed(0, "0");
    run.step(MapRunTrigger::Stop);
    assert_eq!((run.stopped.clone(), run.ended), (vec![1, 2], None));
    run.end(1, Outcome::Aborted(Failure::default()));
    run.succeed(2, "0");
    assert_eq!(run.ended, Some(MapRunStatus::Aborted));
    assert_eq!(run.run.progress().executions_total(), 3);
}

#[test]
fn an_update_takes_effect_at_once() {
    let mut run = Driven::of(r#", "MaxConcurrency": 1, "ToleratedFailureCount": 2"#, "[0,1,2,3]");
    run.step(MapRunTrigger::Update(MapRunUpdate { max_concurrency: Some(3), ..MapRunUpdate::default() }));
    assert_eq!(run.running.len(), 3);
    run.fail(0);
    let update = MapRunUpdate { tolerated_failure_count: Some(0), ..MapRunUpdate::default() };
    run.step(MapRunTrigger::Update(update));
    assert_eq!((run.stopped.len(), run.ended), (3, None));
    let expected =
        MapRunSettings { max_concurrency: 3, tolerated_failure_count: Some(0), tolerated_failure_percentage: None };
    assert_eq!(run.run.progress().settings, expected);
}

#[test]
fn a_restart_asks_again_for_the_children_that_have_not_ended() {
    for fields in ["", r#", "ItemBatcher": {"MaxInputBytesPerBatch": 1}"#] {
        let mut run = Driven::of(&format!(r#"{fields}, "MaxConcurrency": 3"#), "[0,1,2,3]");
        let before: Vec<String> = run.running.iter().map(|start| start.input.text().to_string()).collect();
        run.succeed(1, "\"b\"");
        run.restart();
        run.step(MapRunTrigger::Continue);
        assert_eq!(run.children(), [0, 2, 3]);
        assert_eq!(run.running[0].input.text().to_string(), before[0]);
        run.succeed(3, "\"d\"");
        run.restart();
        run.step(MapRunTrigger::Stop);
        assert_eq!(run.stopped, [0, 2], "those that may run are stopped after a restart, too");
    }
}

#[test]
fn a_selector_that_cannot_be_evaluated_fails_the_map_run() {
    let run = Driven::of(r#", "ItemSelector": {"x.$": "$.missing"}"#, "[0]");
    assert_eq!(run.ended, Some(MapRunStatus::Failed));
    let cause = run.run.progress().failure().and_then(|failure| failure.cause.clone()).unwrap_or_default();
    assert!(
        cause.starts_with("An error occurred while executing the state 'M' (entered at the event id #2)."),
        "{cause}"
    );
}

#[test]
fn a_hundred_thousand_items_start_a_few_at_a_time() {
    let items: Vec<String> = (0..100_000).map(|item| item.to_string()).collect();
    let mut run = Driven::of("", &format!("[{}]", items.join(",")));
    assert_eq!((run.running.len(), run.run.progress().executions_pending()), (10_000, 90_000));
    run.fail(0);
    assert_eq!((run.running.len(), run.stopped.len()), (9_999, 9_999));
}

/// The history of the execution around a Map Run that ended so.
fn check_history(fields: &str, outcome: MapRunOutcome, expected: &str) {
    let mut world = World::started(&definition(fields), "[1]");
    assert_eq!(world.outline(), "1<0:ExecutionStarted 2<0:MapStateEntered 3<2:MapStateStarted 4<3:MapRunStarted");
    world.map_runs.clear();
    let begun = world.outline();
    world.trigger(Trigger::MapRunEnded { effect: 4, outcome });
    assert_eq!(world.outline().strip_prefix(&format!("{begun} ")), Some(expected));
}

#[test]
fn the_history_tells_how_the_map_run_ended() {
    let succeeded = MapRunOutcome::Succeeded { results: Some(Payload::parse("[1]").unwrap()) };
    let exited = "5<4:MapRunSucceeded 6<5:MapStateSucceeded 7<4:MapStateExited 8<7:ExecutionSucceeded";
    check_history("", succeeded.clone(), exited);
    let failure = Failure { error: Some("States.ExceedToleratedFailureThreshold".into()), cause: None };
    let failed = "5<4:MapRunFailed 6<5:MapStateFailed 7<6:ExecutionFailed";
    check_history("", MapRunOutcome::Failed(failure), failed);
    let too_much = "5<4:MapRunSucceeded 6<5:MapStateFailed 7<6:ExecutionFailed";
    check_history("", MapRunOutcome::Succeeded { results: None }, too_much);
}

#[test]
fn an_execution_that_is_stopped_stops_its_map_run() {
    let mut world = World::started(&definition(""), "[1]");
    assert_eq!(world.execution.pending_map_runs().len(), 1);
    world.trigger(Trigger::Stop { error: None, cause: None });
    assert!(world.map_runs.is_empty() && world.execution.pending_map_runs().is_empty());
}
