//! Variables: a part of their own, written when something was assigned, and gone with their scope.

use crate::world::World;
use machine::{Part, PartId, Trigger};
use serde_json::{Value, json};

const TASK: &str = r#""Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"v.$": "$v"}"#;

fn definition() -> String {
    format!(
        r#"{{"StartAt": "A", "States": {{
            "A": {{"Type": "Pass", "Assign": {{"v": "one", "w": "other"}}, "Next": "B"}},
            "B": {{{TASK}, "Next": "C"}},
            "C": {{{TASK}, "Assign": {{"v": "two"}}, "Next": "D"}},
            "D": {{{TASK}, "Next": "E"}},
            "E": {{"Type": "Pass", "Parameters": {{"v.$": "$v", "w.$": "$w"}}, "End": true}}}}}}"#
    )
}

/// The parts of an execution that are variables.
fn variables(world: &World) -> Vec<PartId> {
    let is_variables = |id: &PartId| matches!(world.execution.part(*id), Some(Part::Variables(_)));
    world.stored.keys().copied().filter(is_variables).collect()
}

#[test]
fn they_are_written_only_when_something_was_assigned() {
    let mut world = World::standard(&definition(), "{}");
    world.restarts = true;
    let first = world.step(Trigger::Start);
    let [part] = variables(&world)[..] else { panic!("{:?}", world.stored.keys()) };
    assert!(first.changed.contains(&part));
    for assigns in [false, true] {
        let effect = world.call();
        world.calls.remove(&effect);
        let output = json::Payload::parse("1").unwrap();
        let step = world.step(Trigger::TaskSucceeded { effect, output });
        assert_eq!(step.changed.contains(&part), assigns);
        assert_eq!(variables(&world), [part]);
    }
    world.succeed(world.call(), "1");
    assert_eq!(world.output(), r#"{"v":"two","w":"other"}"#);
}

#[test]
fn they_go_with_their_scope() {
    let definition = format!(
        r#"{{"StartAt": "M", "States": {{
            "M": {{"Type": "Map", "Next": "T", "ItemProcessor": {{"StartAt": "I", "States": {{
                "I": {{"Type": "Pass", "Assign": {{"v.$": "$"}}, "Next": "J"}}, "J": {{{TASK}, "End": true}}}}}},
                "Catch": [{{"ErrorEquals": ["States.ALL"], "Next": "T"}}]}},
            "T": {{"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {{}}, "End": true}}}}}}"#
    );
    for fails in [false, true] {
        let mut world = World::started(&definition, "[1,2,3]");
        assert_eq!(variables(&world).len(), 3);
        world.succeed(world.call(), "1");
        assert_eq!(variables(&world).len(), 2);
        if fails {
            world.fail(world.call(), "Broken");
        } else {
            world.succeed(world.call(), "1");
            world.succeed(world.call(), "1");
        }
        assert_eq!(variables(&world), []);
        assert_eq!(world.stored.len(), 2, "the root and a frame");
    }
}

#[test]
fn one_that_is_assigned_anew_counts_once() {
    let fits = |count: usize| {
        let definition = r#"{"QueryLanguage": "JSONata", "StartAt": "A", "States": {
            "A": {"Type": "Pass", "Assign": {"v": "0123456789"}, "Next": "B"},
            "B": {"Type": "Pass", "Assign": {"v": "VALUE"}, "Next": "M"},
            "M": {"Type": "Map", "Items": [1, 2], "End": true, "ItemProcessor": {"StartAt": "C", "States": {
                "C": {"Type": "Pass", "Assign": {"w": "0123"}, "Next": "D"},
                "D": {"Type": "Wait", "Seconds": 1, "End": true}}}}}}"#;
        let mut world = World::standard(&definition.replace("VALUE", &"x".repeat(count)), "{}");
        world.limits.variables_bytes_total_max = 24;
        world.trigger(Trigger::Start);
        world.outcome.is_none()
    };
    // Both iterations together have 12 bytes more, quotes included.
    assert!(fits(10));
    assert!(!fits(11));
}

/// What earlier builds stored: the variables were a field of the frame.
#[test]
fn those_of_earlier_builds_are_taken_up() {
    let mut world = World::started(&definition(), "{}");
    let [part] = variables(&world)[..] else { panic!("{:?}", world.stored.keys()) };
    world.stored.remove(&part);
    for bytes in world.stored.values_mut() {
        let mut stored: Value = rmp_serde::from_slice(bytes).unwrap();
        if let Some(frame) = stored.get_mut("Frame") {
            frame["variables_part"] = Value::Null;
            frame["variables"] = json!(r#"{"v":"one","w":"other"}"#);
            *bytes = rmp_serde::to_vec_named(&stored).unwrap();
        }
    }
    world.restarts = true;
    let facts = machine::Facts::clone(world.execution.facts());
    let parts = world.stored.iter().map(|(id, bytes)| (*id, rmp_serde::from_slice::<Part>(bytes).unwrap()));
    world.execution = machine::Execution::from_parts(facts, parts).unwrap();
    world.succeed(world.call(), "1");
    assert_eq!(variables(&world), []);
    world.succeed(world.call(), "1");
    assert_eq!(variables(&world).len(), 1);
    world.succeed(world.call(), "1");
    assert_eq!(world.output(), r#"{"v":"two","w":"other"}"#);
}
