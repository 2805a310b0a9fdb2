//! What a branch that fails does to Parallels, Maps, Tasks and Waits in the branches beside it.

use crate::world::World;

const TASK: &str = r#"{"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"}, "End": true}"#;

/// A Parallel of a task, which fails, and of `sibling`; what happens after the failure is `expected`.
fn check(sibling: &str, expected: &str) {
    let definition = format!(
        r#"{{"StartAt": "P", "States": {{"P": {{"Type": "Parallel", "End": true, "Branches": [
            {{"StartAt": "T", "States": {{"T": {TASK}}}}},
            {{"StartAt": "S", "States": {{"S": {sibling}}}}}]}}}}}}"#
    );
    let mut world = World::started(&definition, "[1, 2]");
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
