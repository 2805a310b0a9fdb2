//! What a branch that fails does to Parallels, Maps, Tasks and Waits in the branches beside it.

use crate::world::World;
use json::Payload;
use machine::Trigger;

const TASK: &str = r#"{"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"}, "End": true}"#;

/// A Parallel of a task and of `sibling`.
fn beside_a_task(sibling: &str) -> World {
    let definition = format!(
        r#"{{"StartAt": "P", "States": {{"P": {{"Type": "Parallel", "End": true, "Branches": [
            {{"StartAt": "T", "States": {{"T": {TASK}}}}},
            {{"StartAt": "S", "States": {{"S": {sibling}}}}}]}}}}}}"#
    );
    World::started(&definition, "[1, 2]")
}

/// The task fails; what happens after that is `expected`.
#[track_caller]
fn check_failure(mut world: World, expected: &str) {
    world.fail(world.call(), "A");
    let outline = world.outline();
    let (_, found) = outline.split_once(":TaskFailed ").unwrap();
    let types: Vec<_> = found.split(' ').filter_map(|event| event.split_once(':').map(|(_, name)| name)).collect();
    assert_eq!(
        types.join(" "),
        format!("TaskStateAborted {expected} ParallelStateFailed ExecutionFailed"),
        "{outline}"
    );
    assert!(world.calls.is_empty() && world.timers.is_empty() && world.map_runs.is_empty(), "nothing goes on");
}

#[track_caller]
fn check(sibling: &str, expected: &str) {
    check_failure(beside_a_task(sibling), expected);
}

#[test]
fn what_runs_beside_a_branch_that_fails_is_aborted_from_the_inside_out() {
    let inner = |state: &str| format!(r#"{{"StartAt": "I", "States": {{"I": {state}}}}}"#);
    let map = |state: &str| format!(r#"{{"Type": "Map", "End": true, "ItemProcessor": {}}}"#, inner(state));
    let parallel = |state: &str| format!(r#"{{"Type": "Parallel", "End": true, "Branches": [{}]}}"#, inner(state));
    let wait = r#"{"Type": "Wait", "Seconds": 60, "End": true}"#;
    check(wait, "WaitStateAborted");
    check(TASK, "TaskStateAborted");
    check(&parallel(wait), "WaitStateAborted ParallelStateAborted");
    let processor =
        inner(wait).replacen('{', r#"{"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "#, 1);
    let distributed = format!(r#"{{"Type": "Map", "End": true, "ItemProcessor": {processor}}}"#);
    check(&distributed, "MapRunAborted MapStateAborted");
    check(&map(TASK), "TaskStateAborted MapIterationAborted TaskStateAborted MapIterationAborted MapStateAborted");
    check(
        &parallel(&map(wait).replace("\"I\"", "\"W\"")),
        "WaitStateAborted MapIterationAborted WaitStateAborted MapIterationAborted MapStateAborted ParallelStateAborted",
    );
}

/// A worker may be quicker than the call that gives it the task token. Its answer is no event before the call has returned,
/// and none at all if the task is aborted before that.
#[test]
fn an_answer_that_came_before_its_call_returned_is_aborted_with_the_task() {
    let mut world = beside_a_task(&TASK.replace("invoke", "invoke.waitForTaskToken"));
    let (effect, _) = world.calls.last_key_value().unwrap();
    let effect = *effect;
    world.trigger(Trigger::TaskSucceeded { effect, output: Payload::parse("1").unwrap() });
    assert!(!world.execution.awaits(effect), "it was accepted, and no other is");
    check_failure(world, "TaskStateAborted");
}
