//! Redrive of distributed Maps: what the execution asks for, and which children of the Map Run run again.

use crate::driven::{Driven, broken, definition};
use crate::world::World;
use asl::Limits;
use json::Payload;
use machine::{
    Counts, Effect, EventDetails, Failure, MapRunOutcome, MapRunStatus, MapRunTrigger, MapRunUpdate, Outcome,
    PendingMapRun, Trigger, Unsuccessful,
};

fn failed(error: &str) -> MapRunOutcome {
    MapRunOutcome::Failed(Failure { error: Some(error.into()), cause: None })
}

fn succeeded(results: &str) -> MapRunOutcome {
    MapRunOutcome::Succeeded { results: Some(Payload::parse(results).unwrap()) }
}

/// What was asked of Map Runs since the last redrive of the execution: its events, and the Map Run that it waits for.
fn redriven(world: &mut World) -> (String, Vec<PendingMapRun>) {
    let begun = world.history.len();
    world.redrive(1_000);
    let event = |event: &machine::HistoryEvent| {
        format!("{}<{}:{}", event.id, event.previous_event_id, event.event_type.as_str())
    };
    let events: Vec<String> = world.history[begun..].iter().map(event).collect();
    (events.join(" "), world.execution.pending_map_runs())
}

const THRESHOLD: &str = "States.ExceedToleratedFailureThreshold";

#[test]
fn an_execution_goes_on_with_its_map_run() {
    for restarts in [false, true] {
        let mut world = World::standard(&definition(""), "[1]");
        world.restarts = restarts;
        world.trigger(Trigger::Start);
        let first = world.execution.pending_map_runs()[0].clone();
        world.trigger(Trigger::MapRunEnded { effect: 4, outcome: failed(THRESHOLD) });
        assert!(world.outline().ends_with("5<4:MapRunFailed 6<5:MapStateFailed 7<6:ExecutionFailed"));
        let (events, pending) = redriven(&mut world);
        assert_eq!(events, "8<7:ExecutionRedriven 9<8:MapRunRedriven");
        assert_eq!(pending, [PendingMapRun { id: 9, redrive_count: 1, ..first.clone() }]);
        let map_run_arn = first.map_run_arn.clone();
        assert_eq!(world.history[8].details, EventDetails::MapRunRedriven { map_run_arn, redrive_count: 1 });

        // What the Map Run came to before the redrive comes late.
        world.trigger(Trigger::MapRunEnded { effect: 4, outcome: succeeded("[0]") });
        assert!(world.outcome.is_none());
        world.trigger(Trigger::Stop { error: None, cause: None });
        let (events, pending) = redriven(&mut world);
        assert_eq!(events, "11<10:ExecutionRedriven 12<11:MapRunRedriven");
        assert_eq!(pending, [PendingMapRun { id: 12, redrive_count: 2, ..first }]);
        world.trigger(Trigger::MapRunEnded { effect: 12, outcome: succeeded("[7]") });
        assert_eq!(world.output(), "[7]");
        let end = "13<12:MapRunSucceeded 14<13:MapStateSucceeded 15<12:MapStateExited 16<15:ExecutionSucceeded";
        assert!(world.outline().ends_with(end), "{}", world.outline());
    }
}

/// What would only fail again, and what has succeeded and could not be used, is made anew; so is what a retrier tries again.
#[test]
fn a_new_map_run_is_made_where_the_old_one_is_of_no_use() {
    let check = |fields: &str, outcome: MapRunOutcome, is_new: bool| {
        let mut world = World::started(&definition(fields), "[1]");
        let first = world.execution.pending_map_runs()[0].clone();
        world.trigger(Trigger::MapRunEnded { effect: first.id, outcome: outcome.clone() });
        let (events, pending) = redriven(&mut world);
        assert_eq!(pending[0].map_run_arn != first.map_run_arn, is_new, "{outcome:?}");
        assert_eq!(events.contains("MapRunStarted"), is_new, "{events}");
        assert_eq!(events.contains("MapRunRedriven"), !is_new, "{events}");
        assert!(!events.contains("Entered"), "{events}");
    };
    for error in [THRESHOLD, "States.ItemReaderFailed", "States.ResultWriterFailed"] {
        check("", failed(error), false);
    }
    for error in ["States.Runtime", "States.DataLimitExceeded"] {
        check("", failed(error), true);
    }
    check("", MapRunOutcome::Succeeded { results: None }, true);
    check(r#", "ResultSelector": {"x.$": "$.missing"}"#, succeeded("[1]"), true);

    let retry = r#", "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]"#;
    let mut world = World::started(&definition(retry), "[1]");
    let first = world.execution.pending_map_runs()[0].clone();
    world.trigger(Trigger::MapRunEnded { effect: first.id, outcome: failed(THRESHOLD) });
    world.fire_next_timer();
    let second = world.execution.pending_map_runs()[0].clone();
    assert_ne!(second.map_run_arn, first.map_run_arn);
    world.trigger(Trigger::MapRunEnded { effect: second.id, outcome: failed(THRESHOLD) });
    let (_, pending) = redriven(&mut world);
    assert_eq!((&pending[0].map_run_arn, pending[0].redrive_count), (&second.map_run_arn, 1));
}

#[test]
fn what_a_catcher_caught_is_not_redriven() {
    let caught = r#", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "F"}]}, "F": {"Type": "Fail""#;
    let mut world = World::started(&definition(caught), "[1]");
    world.trigger(Trigger::MapRunEnded { effect: 4, outcome: failed(THRESHOLD) });
    let (events, pending) = redriven(&mut world);
    assert!(pending.is_empty() && events.contains("FailStateEntered"), "{events}");
}

/// A Map Run that runs beside the state that fails is aborted, and goes on with the redrive; so does one that times out.
#[test]
fn what_was_aborted_goes_on() {
    let map = r#"{"Type": "Map", "End": true, "ItemProcessor": {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}}"#;
    let branches = format!(
        r#"{{"TimeoutSeconds": 60, "StartAt": "B", "States": {{"B": {{"Type": "Parallel", "End": true, "Branches": [
        {{"StartAt": "T", "States": {{"T": {{"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
            "Parameters": {{}}}}}}}}, {{"StartAt": "M", "States": {{"M": {map}}}}}]}}}}}}"#
    );
    for times_out in [false, true] {
        let mut world = World::standard(&branches, "[1]");
        world.restarts = true;
        world.trigger(Trigger::Start);
        let first = world.execution.pending_map_runs()[0].clone();
        if times_out {
            world.fire_next_timer();
            world.calls.clear();
        } else {
            world.fail(world.call(), "Broken");
            assert!(world.outline().contains("MapRunAborted"));
        }
        assert!(world.map_runs.is_empty(), "it was stopped");
        let (events, pending) = redriven(&mut world);
        assert!(events.contains("MapRunRedriven") && events.contains("TaskScheduled"), "{events}");
        assert_eq!((&pending[0].map_run_arn, pending[0].redrive_count), (&first.map_run_arn, 1));
        world.trigger(Trigger::MapRunEnded { effect: pending[0].id, outcome: succeeded("[1]") });
        world.succeed(world.call(), "0");
        assert_eq!(world.output(), "[0,[1]]");
    }
}

#[test]
fn a_map_run_is_redriven_only_so_often() {
    let mut world = World::started(&definition(""), "[1]");
    world.limits.map_run_redrives_max = 2;
    for _ in 0..2 {
        let effect = world.execution.pending_map_runs()[0].id;
        world.trigger(Trigger::MapRunEnded { effect, outcome: failed(THRESHOLD) });
        redriven(&mut world);
    }
    let effect = world.execution.pending_map_runs()[0].id;
    world.trigger(Trigger::MapRunEnded { effect, outcome: failed(THRESHOLD) });
    for _ in 0..2 {
        let (events, pending) = redriven(&mut world);
        assert!(pending.is_empty() && !events.contains("MapRunRedriven"), "{events}");
        let (error, cause) = world.failure();
        assert_eq!(error, "States.Runtime");
        assert_eq!(cause, "The Map Run has been redriven 2 times and cannot be redriven again.");
    }
}

#[test]
fn the_effect_of_a_redrive_is_what_the_execution_waits_for() {
    let mut world = World::started(&definition(""), "[1]");
    world.trigger(Trigger::MapRunEnded { effect: 4, outcome: failed(THRESHOLD) });
    world.prepare_redrive(1_000);
    let step = world.step(Trigger::Redrive);
    let asked: Vec<&PendingMapRun> = step
        .effects
        .iter()
        .filter_map(|effect| if let Effect::RedriveMapRun(pending) = effect { Some(pending) } else { None })
        .collect();
    assert_eq!(asked, world.execution.pending_map_runs().iter().collect::<Vec<_>>());
}

#[test]
fn only_unsuccessful_children_run_again() {
    for restarts in [false, true] {
        let mut run = Driven::of(r#", "MaxConcurrency": 3, "ToleratedFailureCount": 1"#, "[0,1,2,3,4]");
        run.succeed(0, "\"a\"");
        run.fail(1);
        run.end(2, Outcome::TimedOut(Failure::default()));
        // The threshold is exceeded: those that run are stopped, one of them too late, another before it began.
        assert_eq!(run.stopped, [3, 4]);
        run.succeed(3, "\"d\"");
        run.not_run(4, false);
        assert_eq!(run.ended, Some(MapRunStatus::Failed));
        let counts = Counts { succeeded: 2, failed: 1, timed_out: 1, aborted: 1, ..Counts::default() };
        assert_eq!(run.run.progress().executions, counts);

        assert_eq!(run.redrive(), [1, 2, 4]);
        let begun: Vec<bool> = run.running.iter().map(|start| start.is_redriven).collect();
        assert_eq!(begun, [true, true, false]);
        assert_eq!(run.run.progress().executions, Counts { succeeded: 2, running: 3, ..Counts::default() });
        assert_eq!(run.run.progress().items, run.run.progress().executions);
        run.succeed(4, "\"e\"");
        if restarts {
            run.restart();
            run.step(MapRunTrigger::Continue);
            assert_eq!(run.children(), [1, 2]);
        }
        run.succeed(1, "\"b\"");
        run.succeed(2, "\"c\"");
        assert_eq!((run.ended, run.results()), (Some(MapRunStatus::Succeeded), r#"["a","b","c","d","e"]"#.to_owned()));
        assert_eq!(run.run.progress().executions, Counts { succeeded: 5, ..Counts::default() });
    }
}

/// Children that were not started are, behind those that run again; what came before the redrive is late.
#[test]
fn a_redrive_starts_what_was_not_started() {
    let mut run = Driven::of(r#", "MaxConcurrency": 1"#, "[0,1,2]");
    run.fail(0);
    assert_eq!(run.run.progress().executions_pending(), 2);
    assert_eq!(run.redrive(), [0]);
    let (input, outcome) = ("0".into(), broken());
    run.step(MapRunTrigger::ChildEnded {
        child: 0,
        redrive_count: 0,
        start_ms: 0,
        stop_ms: 0,
        outcome,
        input,
        is_redrivable: true,
    });
    assert_eq!(run.children(), [0]);
    for (child, output) in [(0, "0"), (1, "1"), (2, "2")] {
        assert_eq!(run.children(), [child]);
        run.succeed(child, output);
    }
    assert_eq!((run.ended, run.results()), (Some(MapRunStatus::Succeeded), "[0,1,2]".to_owned()));
}

#[test]
fn batches_are_what_they_were() {
    let fields = r#", "ItemBatcher": {"MaxInputBytesPerBatch": 32}, "MaxConcurrency": 2"#;
    let mut run = Driven::of(fields, "[1,2,3,4,5]");
    let before = run.inputs();
    run.fail(0);
    run.end(1, Outcome::Aborted(Failure::default()));
    run.redrive();
    assert_eq!(run.inputs(), before);
    run.restart();
    run.step(MapRunTrigger::Continue);
    assert_eq!(run.inputs(), before);
    run.succeed(0, "0");
    assert_eq!(run.inputs(), r#"1:{"Items":[3,4]} 2:{"Items":[5]}"#);
}

#[test]
fn those_beyond_the_concurrency_are_pending_and_no_more_when_it_ends() {
    let mut run = Driven::of(r#", "ToleratedFailureCount": 4"#, "[0,1,2,3,4]");
    for child in [0, 1, 2, 3] {
        run.fail(child);
    }
    run.end(4, Outcome::TimedOut(Failure::default()));
    assert_eq!(run.ended, Some(MapRunStatus::Failed));
    let mut progress = run.run.progress().clone();
    progress.settings.max_concurrency = 1;
    progress.redrive(1);
    let waiting = Unsuccessful { failed: 4, timed_out: 1, aborted: 0 };
    assert_eq!(progress.executions, Counts { pending_redrive: waiting, ..Counts::default() });
    assert_eq!((progress.executions_total(), progress.executions_pending(), waiting.total()), (5, 0, 5));

    run.redrive();
    // All of them run at once: the Map Run has room for them.
    assert_eq!(run.children(), [0, 1, 2, 3, 4]);
    let update = |max_concurrency| {
        MapRunTrigger::Update(MapRunUpdate { max_concurrency: Some(max_concurrency), ..MapRunUpdate::default() })
    };
    run.step(update(2));
    run.step(MapRunTrigger::Stop);
    for child in [0, 1, 2, 3, 4] {
        run.not_run(child, false);
    }
    // They are what they were, whatever stopped the Map Run.
    let counts = Counts { failed: 4, timed_out: 1, ..Counts::default() };
    assert_eq!((run.ended, run.run.progress().executions), (Some(MapRunStatus::Aborted), counts));

    // An update in an earlier attempt counts on: two at a time.
    assert_eq!(run.redrive(), [0, 1]);
    run.succeed(1, "1");
    assert_eq!(run.children(), [0, 2]);
    for restarts in [false, true] {
        if restarts {
            run.restart();
            run.step(MapRunTrigger::Continue);
        }
        let progress = run.run.progress();
        let pending_redrive = Unsuccessful { failed: 1, timed_out: 1, aborted: 0 };
        assert_eq!(progress.executions, Counts { running: 2, succeeded: 1, pending_redrive, ..Counts::default() });
        assert_eq!(run.children(), [0, 2]);
    }
    run.step(update(0));
    assert_eq!(run.children(), [0, 2, 3, 4]);
    run.step(MapRunTrigger::Stop);
    let progress = run.run.progress();
    assert_eq!((progress.executions.pending_redrive, progress.executions.running), (Unsuccessful::default(), 4));
}

/// Those that are pending when the Map Run ends are what they were.
#[test]
fn what_waits_is_withdrawn() {
    let mut run = Driven::of(r#", "ToleratedFailureCount": 1"#, "[0,1,2]");
    run.fail(0);
    run.fail(1);
    run.end(2, Outcome::Aborted(Failure::default()));
    let update = MapRunUpdate { max_concurrency: Some(1), ..MapRunUpdate::default() };
    run.redrive();
    run.step(MapRunTrigger::Update(update));
    run.step(MapRunTrigger::Stop);
    (0..3).for_each(|child| run.not_run(child, false));
    assert_eq!(run.redrive(), [0]);
    for restarts in [false, true] {
        run.step(MapRunTrigger::Stop);
        if restarts {
            run.restart();
            run.step(MapRunTrigger::Stop);
        }
        assert_eq!(run.run.progress().executions, Counts { failed: 1, aborted: 1, running: 1, ..Counts::default() });
    }
    run.end(0, Outcome::Aborted(Failure::default()));
    assert_eq!(run.run.progress().executions, Counts { failed: 1, aborted: 2, ..Counts::default() });
    assert_eq!(run.redrive(), [0]);
}

/// A child that cannot be redriven counts, with what it came to, whether that is known at its end or found later.
#[test]
fn what_cannot_be_redriven_stays_and_counts() {
    for found_later in [false, true] {
        let mut run = Driven::of(r#", "ToleratedFailureCount": 1, "MaxConcurrency": 2"#, "[0,1,2]");
        run.end_as(0, broken(), found_later);
        run.fail(1);
        run.not_run(2, false);
        assert_eq!(run.ended, Some(MapRunStatus::Failed));
        let children = run.redrive();
        if found_later {
            assert_eq!(children, [0, 1]);
            run.not_run(0, true);
        } else {
            assert_eq!(children, [1, 2]);
        }
        let failed = Unsuccessful { failed: 1, ..Unsuccessful::default() };
        let expected = Counts { failed: 1, running: 2, not_redrivable: failed, ..Counts::default() };
        assert_eq!(run.run.progress().executions, expected);
        run.restart();
        run.step(MapRunTrigger::Continue);
        assert_eq!(run.children(), [1, 2]);
        run.succeed(1, "1");
        run.succeed(2, "2");
        assert_eq!(run.ended, Some(MapRunStatus::Succeeded));
        let results = run.results();
        assert!(results.contains(r#""Error":"E""#) && results.ends_with(",1,2]"), "{results}");
    }
}

#[test]
fn too_many_that_cannot_be_redriven_fail_the_map_run_at_once() {
    let mut run = Driven::of(r#", "MaxConcurrency": 1"#, "[0,1]");
    run.end_as(0, broken(), false);
    assert_eq!(run.redrive(), Vec::<u64>::new());
    assert_eq!(run.ended, Some(MapRunStatus::Failed));
    let failure = run.run.progress().failure().and_then(|failure| failure.error.clone());
    assert_eq!(failure.as_deref(), Some(THRESHOLD));
}

/// Failures of this attempt count, and those of earlier ones do not.
#[test]
fn tolerated_failures_are_counted_anew() {
    let mut run = Driven::of(r#", "ToleratedFailureCount": 2"#, "[0,1,2,3]");
    (0..3).for_each(|child| run.fail(child));
    run.succeed(3, "3");
    assert_eq!(run.redrive(), [0, 1, 2]);
    (0..2).for_each(|child| run.fail(child));
    run.succeed(2, "2");
    assert_eq!(run.ended, Some(MapRunStatus::Succeeded));
    assert_eq!(run.run.progress().executions, Counts { succeeded: 2, failed: 2, ..Counts::default() });
    // One that succeeded has nothing left to run again, but those whose failure was tolerated.
    let mut run = Driven::of("", "[0]");
    run.succeed(0, "7");
    assert_eq!(run.redrive(), Vec::<u64>::new());
    assert_eq!((run.ended, run.results()), (Some(MapRunStatus::Succeeded), "[7]".to_owned()));
}

/// The results of children that failed make no room scarce once these are redriven.
#[test]
fn what_was_superseded_does_not_count_to_the_results() {
    let limits = Limits { map_run_result_bytes_max: 8, ..Limits::default() };
    let mut run = Driven::within(limits, r#", "ToleratedFailureCount": 2"#, "[0,1,2,3]");
    (0..3).for_each(|child| run.fail(child));
    run.succeed(3, "3");
    assert!(run.run.progress().results_bytes() > 8);
    run.redrive();
    (0..3).for_each(|child| run.succeed(child, "1"));
    assert_eq!((run.ended, run.results()), (Some(MapRunStatus::Succeeded), "[1,1,1,3]".to_owned()));
    assert_eq!(run.run.progress().results_bytes(), 8);
}

#[test]
fn a_selector_is_not_evaluated_again_for_what_succeeded() {
    let mut run = Driven::of(r#", "ItemSelector": {"n.$": "$$.Execution.RedriveCount"}"#, "[0,1]");
    run.succeed(0, "0");
    run.fail(1);
    assert_eq!(run.redrive(), [1]);
    assert_eq!(run.inputs(), r#"1:{"n":0}"#, "the facts of the execution are those that the engine gives");
}

#[test]
fn a_hundred_thousand_children_are_redriven_a_few_at_a_time() {
    let items: Vec<String> = (0..100_000).map(|item| item.to_string()).collect();
    let mut run = Driven::of("", &format!("[{}]", items.join(",")));
    run.step(MapRunTrigger::Stop);
    (0..10_000).for_each(|child| run.not_run(child, false));
    assert_eq!(run.redrive().len(), 10_000);
    assert_eq!(run.run.progress().executions_pending(), 90_000);
}
