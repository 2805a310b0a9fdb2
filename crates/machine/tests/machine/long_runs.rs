//! Long loops and wide Maps: steps are bounded, and rewrite only what changed.

use crate::world::{World, budget};
use machine::{Effect, EventId, EventType, PartId, Trigger};
use query::Budget;
use std::collections::BTreeMap;
use std::time::Duration;

#[test]
fn a_loop_of_100_000_moves_is_many_bounded_steps() {
    let definition = r#"{"StartAt": "Count", "States": {
        "Count": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "Check"},
        "Check": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 50000, "Next": "Count"}],
                  "Default": "Done"},
        "Done": {"Type": "Succeed"}}}"#;
    let mut world = World::standard(definition, r#"{"n":0}"#);
    world.limits.history_events_max = u64::MAX;
    let mut step = world.step(Trigger::Start);
    while step.effects.iter().any(|effect| matches!(effect, Effect::Continue)) {
        assert!(step.history.len() <= 1_001, "{} events", step.history.len());
        assert!(world.execution.is_ready());
        assert_eq!(step.changed, [PartId(0), PartId(1)], "the root and the frame");
        step = world.step(Trigger::Continue);
    }
    assert_eq!(world.output(), r#"{"n":50000}"#);
    assert!(world.steps >= 200);
    let ids: Vec<EventId> = world.history.iter().map(|event| event.id).collect();
    assert!(ids.iter().copied().eq(1..=200_004), "{} events", ids.len());
}

/// Runs a loop of one state until the history is full; gives the longest step in states, and in bytes of payload.
fn longest_step(state: &str, input: &str) -> (usize, usize) {
    longest_step_within(budget(), state, input)
}

fn longest_step_within(budget: Budget, state: &str, input: &str) -> (usize, usize) {
    let definition = format!(
        r#"{{"StartAt": "Loop", "States": {{"Loop": {state}, "Done": {{"Type": "Succeed"}}, "Check": {{"Type": "Choice",
            "Choices": [{{"Variable": "$", "IsPresent": true, "Next": "Loop"}}], "Default": "Done"}}}}}}"#
    );
    let mut world = World::standard(&definition, input);
    world.limits.history_events_max = 2_000;
    world.budget = budget;
    let mut longest = (0, 0);
    let mut step = world.step(Trigger::Start);
    loop {
        let bytes = step.history.iter().map(|event| event.details.payload_bytes()).sum();
        longest = (longest.0.max(step.history.len() / 2), longest.1.max(bytes));
        if world.outcome.is_some() {
            return longest;
        }
        step = world.step(Trigger::Continue);
    }
}

#[test]
fn a_step_is_bounded_in_bytes_and_in_fuel() {
    let large = format!(r#"{{"n": 0, "text": "{}"}}"#, "x".repeat(200_000));
    let count = r#"{"Type": "Pass", "QueryLanguage": "JSONata", "Next": "Check",
        "Output": "{% {'n': $states.input.n + 1, 'text': $states.input.text} %}"}"#;
    let (_, bytes) = longest_step(count, &large);
    // Three of four events have the payload of the one before, which is stored once.
    assert!((3 << 20..5 << 20).contains(&bytes), "{bytes}");
    let (states, _) = longest_step(r#"{"Type": "Pass", "Next": "Check"}"#, &large);
    assert_eq!(states, 500, "the same payload all the time is no reason to end a step");
    let computes = r#"{"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% 1 + 1 %}", "Next": "Check"}"#;
    let few = longest_step_within(Budget { time: Duration::from_millis(1), ..budget() }, computes, "{}").0;
    assert!((4..=120).contains(&few), "a quarter of a millisecond is less than 60 expressions: {few} states");
}

/// A Map over 10,000 items, each with a task.
fn wide(max_concurrency: u64) -> World {
    let definition = format!(
        r#"{{"StartAt": "M", "States": {{"M": {{"Type": "Map", "MaxConcurrency": {max_concurrency}, "End": true,
            "ItemProcessor": {{"StartAt": "T", "States": {{"T": {{"Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {{"x.$": "$"}}, "End": true}}}}}}}}}}}}"#
    );
    let items: Vec<u64> = (0..10_000).collect();
    let mut world = World::standard(&definition, &format!("{items:?}"));
    world.limits.history_events_max = u64::MAX;
    world.trigger(Trigger::Start);
    world
}

#[test]
fn an_iteration_of_a_wide_map_rewrites_little() {
    for max_concurrency in [1, 40] {
        let mut world = wide(max_concurrency);
        let mut written: BTreeMap<PartId, u64> = BTreeMap::new();
        while world.outcome.is_none() {
            let effect = world.call();
            world.calls.remove(&effect);
            let output = json::Payload::parse("1").unwrap();
            let step = world.step(Trigger::TaskSucceeded { effect, output });
            if step.outcome.is_some() {
                break;
            }
            assert_eq!(step.changed.len(), if world.calls.len() == world_size(max_concurrency) { 4 } else { 3 });
            assert_eq!(step.removed.len(), 1, "the frame of the iteration");
            let bytes: usize = step.changed.iter().map(|id| world.stored[id].len()).sum();
            assert!(bytes < 2_000, "{bytes} bytes");
            step.changed.iter().for_each(|id| *written.entry(*id).or_default() += 1);
        }
        let often = written.values().filter(|times| **times > 1).count();
        assert_eq!(often, 2, "only the root and the progress are written again and again");
        assert_eq!(world.stored.len(), 1, "only the root remains");
        assert_eq!(world.output().len(), 20_001);
    }
}

fn world_size(max_concurrency: u64) -> usize {
    usize::try_from(max_concurrency).unwrap()
}

/// Iterations of a Map, each of which is a Map of as many: all of them can run at once.
const NESTED: usize = 40;

/// A Map of Maps, as if it were one step: all begin before the first state of an iteration is entered.
fn nested_events() -> Vec<EventType> {
    use EventType as Type;
    let begun =
        || [Type::MapStateEntered, Type::MapStateStarted].into_iter().chain([Type::MapIterationStarted; NESTED]);
    let ended = [Type::MapStateSucceeded, Type::MapStateExited];
    let passed = [Type::PassStateEntered, Type::PassStateExited, Type::MapIterationSucceeded].repeat(NESTED);
    let of_iteration: Vec<EventType> = passed.into_iter().chain(ended).chain([Type::MapIterationSucceeded]).collect();
    [Type::ExecutionStarted]
        .into_iter()
        .chain(begun())
        .chain((0..NESTED).flat_map(|_| begun()))
        .chain(of_iteration.repeat(NESTED))
        .chain(ended)
        .chain([Type::ExecutionSucceeded])
        .collect()
}

#[test]
fn a_step_is_bounded_in_events_where_each_state_begins_many_iterations() {
    /// No step has more before its last move.
    const EVENTS_MAX: usize = 2_000;
    /// What one move may add: a Pass state, the ends of both Maps and of their iterations, and of the execution.
    const OF_ONE_MOVE: usize = 9;
    let definition = r#"{"StartAt": "Outer", "States": {"Outer": {"Type": "Map", "End": true,
        "ItemProcessor": {"StartAt": "Inner", "States": {"Inner": {"Type": "Map", "End": true,
            "ItemProcessor": {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": true}}}}}}}}}"#;
    let input = format!("{:?}", [[7; NESTED]; NESTED]).replace(' ', "");
    for restarts in [false, true] {
        let mut world = World::standard(definition, &input);
        world.restarts = restarts;
        let mut lengths = vec![world.step(Trigger::Start).history.len()];
        while world.outcome.is_none() {
            lengths.push(world.step(Trigger::Continue).history.len());
        }
        assert!(lengths.iter().all(|length| *length < EVENTS_MAX + OF_ONE_MOVE), "{lengths:?}");
        assert!(lengths.iter().any(|length| *length >= EVENTS_MAX), "another bound came first: {lengths:?}");
        let types: Vec<EventType> = world.history.iter().map(|event| event.event_type).collect();
        assert_eq!(types, nested_events());
        assert_eq!(world.output(), input);
    }
}
