//! What holds for every step.

use crate::world::{World, ambient};
use machine::{EventType, StepError, Trigger};

const DEFINITION: &str = r#"{"StartAt": "A", "States": {
    "A": {"Type": "Pass", "Assign": {"v": 1}, "Next": "B"},
    "B": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"v.$": "$v"}, "Next": "C"},
    "C": {"Type": "Parallel", "Branches": [{"StartAt": "D", "States": {
              "D": {"Type": "Wait", "Seconds": 1, "End": true}}}],
          "End": true}}}"#;

#[test]
fn a_step_that_fails_leaves_the_execution_unchanged() {
    let mut world = World::started(DEFINITION, "{}");
    let other =
        asl::parse(&DEFINITION.replace("\"D\"", "\"E\""), asl::StateMachineType::Standard, &asl::Limits::default());
    let other = other.state_machine.unwrap_or_else(|| panic!("{:?}", other.diagnostics));
    world.succeed(world.call(), "2");
    let before = format!("{:?}", world.execution);
    let timers: Vec<_> = world.timers.iter().filter(|(_, due)| **due < world.now_ms + 10_000).collect();
    let (timer, due_ms) = (*timers[0].0, *timers[0].1);
    let (fired, now) = (Trigger::TimerFired { timer, due_ms }, ambient(due_ms, 0));
    let result = world.execution.step(&other, fired, &now, &world.limits, &|_| "".into());
    assert!(matches!(result, Err(StepError::Corrupt(_))), "{result:?}");
    assert_eq!(format!("{:?}", world.execution), before);
    world.fire_next_timer();
    assert_eq!(world.output(), "[2]");
}

#[test]
fn an_expression_over_its_budget_is_tried_again() {
    let definition = r#"{"QueryLanguage": "JSONata", "StartAt": "A", "States": {
        "A": {"Type": "Pass", "Next": "B"},
        "B": {"Type": "Pass", "Output": "{% $sum([1..100000]) %}", "End": true}}}"#;
    let mut world = World::standard(definition, "{}");
    let before = format!("{:?}", world.execution.part(machine::PartId(0)));
    let mut small = ambient(world.now_ms, 0);
    small.budget.memory_bytes = 1_000;
    small.budget.last = false;
    let result = world.execution.step(&world.machine, Trigger::Start, &small, &world.limits, &|_| "".into());
    assert_eq!(result.unwrap_err(), StepError::OverBudget);
    assert_eq!(format!("{:?}", world.execution.part(machine::PartId(0))), before);
    assert!(world.execution.part(machine::PartId(1)).is_none());
    world.trigger(Trigger::Start);
    assert_eq!(world.output(), "5000050000");
}

#[test]
fn parts_that_do_not_fit_are_corrupt() {
    let world = World::started(DEFINITION, "{}");
    let facts = machine::Facts::clone(world.execution.facts());
    let without_root = machine::Execution::from_parts(facts, []);
    assert!(matches!(without_root, Err(StepError::Corrupt(_))));
}

#[test]
fn the_same_trigger_and_ambient_give_the_same_step() {
    let definition = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {
        "id.$": "States.UUID()", "n.$": "States.MathRandom(1, 1000000)",
        "at.$": "$$.State.EnteredTime"}, "End": true}}}"#;
    let output = || World::started(definition, "{}").output();
    assert_eq!(output(), output());
}

#[test]
fn what_is_pending_is_asked_for_again_after_a_restart() {
    let mut world = World::standard(DEFINITION, "{}");
    world.restarts = true;
    world.trigger(Trigger::Start);
    let pending = world.execution.pending();
    assert_eq!(pending.len(), 1);
    let machine::Request::Task(request) = &pending[0].request else { panic!("{pending:?}") };
    assert_eq!((request.id, &**request.parameters.text()), (5, r#"{"v":1}"#));
    assert!(pending[0].started && pending[0].submitted.is_none());
}

#[test]
fn an_execution_of_a_deleted_state_machine_ends_where_it_would_enter_a_state() {
    let definition = r#"{"StartAt": "W", "States": {
        "W": {"Type": "Wait", "Seconds": 5, "Next": "P"}, "P": {"Type": "Pass", "End": true}}}"#;
    let mut world = World::started(definition, "{}");
    world.execution.end_at_next_transition();
    assert_eq!(world.outcome, None);
    world.fire_next_timer();
    assert_eq!(world.failure(), ("States.Runtime".into(), "State machine machine has been deleted.".into()));
    let (last, before) = (&world.history[3], &world.history[2]);
    assert_eq!((last.event_type, last.previous_event_id), (EventType::ExecutionFailed, before.id));
}
