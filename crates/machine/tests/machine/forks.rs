//! Parallel and Map, where no recording shows them.

use crate::world::World;
use machine::{EventType, Trigger};

const TASK: &str =
    r#"{"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"x.$": "$"}, "End": true}"#;

fn parallel(fields: &str) -> String {
    let caught = if fields.contains("Caught") { r#", "Caught": {"Type": "Pass", "End": true}"# } else { "" };
    format!(
        r#"{{"StartAt": "P", "States": {{"P": {{"Type": "Parallel", {fields} "End": true, "Branches": [
            {{"StartAt": "A", "States": {{"A": {TASK}}}}},
            {{"StartAt": "B", "States": {{"B": {TASK}}}}},
            {{"StartAt": "C", "States": {{"C": {{"Type": "Wait", "Seconds": 60, "End": true}}}}}}]}}{caught}}}}}"#
    )
}

fn map(fields: &str) -> String {
    format!(
        r#"{{"StartAt": "M", "States": {{"M": {{"Type": "Map", {fields} "End": true,
            "ItemProcessor": {{"StartAt": "T", "States": {{"T": {TASK}}}}}}}}}}}"#
    )
}

#[test]
fn branches_end_in_any_order() {
    let mut world = World::started(&parallel(""), "7");
    let calls: Vec<_> = world.calls.keys().copied().collect();
    world.succeed(calls[1], "\"second\"");
    world.fire_next_timer();
    world.succeed(calls[0], "\"first\"");
    assert_eq!(world.output(), r#"["first","second",7]"#);
    assert_eq!(
        world.outline(),
        "1<0:ExecutionStarted 2<0:ParallelStateEntered 3<2:ParallelStateStarted \
         4<3:TaskStateEntered 5<4:TaskScheduled 6<5:TaskStarted \
         7<3:TaskStateEntered 8<7:TaskScheduled 9<8:TaskStarted \
         10<3:WaitStateEntered \
         11<9:TaskSucceeded 12<11:TaskStateExited 13<10:WaitStateExited 14<6:TaskSucceeded 15<14:TaskStateExited \
         16<15:ParallelStateSucceeded 17<15:ParallelStateExited 18<17:ExecutionSucceeded"
    );
}

#[test]
fn siblings_of_a_branch_that_fails_are_aborted() {
    let mut world = World::started(&parallel(""), "{}");
    world.fail(world.call(), "A");
    assert_eq!(
        world.outline().split_once("10<3:WaitStateEntered ").unwrap().1,
        "11<6:TaskFailed 12<11:TaskStateAborted 13<9:TaskStateAborted 14<10:WaitStateAborted \
         15<11:ParallelStateFailed 16<15:ExecutionFailed"
    );
    assert_eq!(world.failure().0, "A");
    assert!(world.calls.is_empty() && world.timers.is_empty());
}

#[test]
fn a_parallel_is_retried_as_a_whole_and_caught() {
    let fields = r#""Retry": [{"ErrorEquals": ["A"], "MaxAttempts": 1}],
                    "Catch": [{"ErrorEquals": ["A"], "ResultPath": "$.e", "Next": "Caught"}],"#;
    let mut world = World::started(&parallel(fields), r#"{"i":1}"#);
    world.fail(world.call(), "A");
    assert_eq!((world.calls.len(), world.timers.len()), (0, 2), "only the delay and the deadline");
    world.fire_next_timer();
    assert_eq!((world.calls.len(), world.timers.len()), (2, 2));
    world.fail(world.call(), "A");
    assert_eq!(world.output(), r#"{"i":1,"e":{"Error":"A","Cause":"because"}}"#);
    assert_eq!(world.count(EventType::ParallelStateStarted), 2);
    assert_eq!(world.count(EventType::ParallelStateFailed), 1);
}

#[test]
fn a_stop_ends_all_that_runs() {
    for definition in [parallel(""), map("")] {
        let mut world = World::started(&definition, "[1,2,3]");
        let events = world.history.len();
        world.trigger(Trigger::Stop { error: Some("E".into()), cause: Some("C".into()) });
        assert_eq!(world.history.len(), events + 1);
        let last = world.history.last().unwrap();
        assert_eq!((last.event_type, last.previous_event_id), (EventType::ExecutionAborted, 0));
        assert!(world.calls.is_empty() && world.timers.is_empty());
        assert!(world.execution.is_redrivable(), "what stood there remains");
    }
}

#[test]
fn a_map_runs_as_many_iterations_at_once_as_it_may() {
    let (three, fifty) = (r#""MaxConcurrency": 3,"#, r#""MaxConcurrency": 50,"#);
    let most = asl::Limits::default().inline_map_concurrency_max;
    assert_eq!(most, 40);
    for (fields, most, at_once) in
        [("", most, 40), (three, most, 3), (fifty, most, 40), (fifty, 60, 50), (fifty, 5, 5), ("", 60, 60)]
    {
        let input: Vec<u64> = (0..100).collect();
        let mut world = World::standard(&map(fields), &format!("{input:?}"));
        world.limits.inline_map_concurrency_max = most;
        world.trigger(Trigger::Start);
        let mut ended = 0;
        while world.outcome.is_none() {
            assert_eq!(world.calls.len(), at_once.min(100 - ended), "after {ended}");
            world.succeed(world.call(), &format!("{ended}"));
            ended += 1;
        }
        assert_eq!(ended, 100);
        assert_eq!(world.output(), format!("{input:?}").replace(' ', ""));
    }
}

#[test]
fn iterations_beside_one_that_fails_are_aborted() {
    let mut world = World::started(&map(""), "[1,2]");
    world.fail(*world.calls.keys().last().unwrap(), "A");
    assert_eq!(
        world.outline().split_once("MapStateStarted ").unwrap().1,
        "4<3:MapIterationStarted 5<3:MapIterationStarted \
         6<4:TaskStateEntered 7<6:TaskScheduled 8<7:TaskStarted \
         9<5:TaskStateEntered 10<9:TaskScheduled 11<10:TaskStarted \
         12<11:TaskFailed 13<12:TaskStateAborted 14<12:MapIterationFailed \
         15<8:TaskStateAborted 16<8:MapIterationAborted 17<12:MapStateFailed 18<17:ExecutionFailed"
    );
}

#[test]
fn an_inline_map_does_not_go_over_the_members_of_an_object() {
    let (error, cause) = World::started(&map(""), r#"{"a":1,"b":2}"#).failure();
    assert_eq!(error, "States.Runtime");
    assert!(cause.ends_with("Reference path \"$\" must point to array."), "{cause}");
}

#[test]
fn inner_states_see_the_item_and_the_variables_around_them() {
    let definition = r#"{"StartAt": "S", "States": {
        "S": {"Type": "Pass", "Assign": {"outer": "o"}, "Next": "M"},
        "M": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "I", "States": {
            "I": {"Type": "Pass", "Assign": {"inner.$": "$"}, "Next": "P"},
            "P": {"Type": "Parallel", "End": true, "Branches": [{"StartAt": "Q", "States": {
                "Q": {"Type": "Pass", "End": true, "Parameters": {
                    "outer.$": "$outer", "inner.$": "$inner", "index.$": "$$.Map.Item.Index"}}}}]}}}}}}"#;
    let world = World::started(definition, "[5,6]");
    assert_eq!(world.output(), r#"[[{"outer":"o","inner":5,"index":0}],[{"outer":"o","inner":6,"index":1}]]"#);
}

#[test]
fn a_runtime_failure_inside_fails_the_execution() {
    let definition = r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true,
        "ItemProcessor": {"StartAt": "I", "States": {
        "I": {"Type": "Pass", "InputPath": "$.missing", "End": true}}},
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "M"}]}}}"#;
    let world = World::started(definition, "[{}]");
    let (error, cause) = world.failure();
    assert_eq!(error, "States.Runtime");
    assert_eq!(
        cause,
        "An error occurred while executing the state 'I' (entered at the event id #5). Invalid path '$.missing' : No \
         results for path: $['missing']"
    );
    assert!(world.outline().ends_with("5<4:PassStateEntered 6<5:ExecutionFailed"));
}
