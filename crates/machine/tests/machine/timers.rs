//! Time: waits, timeouts, heartbeats, and the end of an execution that takes too long.

use crate::world::{START_MS, World};
use asl::StateMachineType;
use machine::{Effect, EventType, Outcome, TimerId, Trigger};

const WAIT: &str = r#"{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": true}}}"#;
const TASK: &str = r#"{"StartAt": "T", "States": {"T": {"Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
    "Parameters": {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}},
    "TimeoutSeconds": 100, "HeartbeatSeconds": 10, "End": true}}}"#;
const ACTIVITY: &str = r#"{"StartAt": "T", "States": {"T": {"Type": "Task",
    "Resource": "arn:aws:states:us-east-1:111111111111:activity:a",
    "TimeoutSeconds": 100, "HeartbeatSeconds": 10, "End": true}}}"#;

#[test]
fn a_wait_sets_a_timer_and_ends_with_it() {
    let mut world = World::started(WAIT, r#"{"a":1}"#);
    assert_eq!(world.next_timer_ms(), 60_000);
    world.fire_next_timer();
    assert_eq!(world.output(), r#"{"a":1}"#);
    assert!(world.timers.is_empty());
}

#[test]
fn an_execution_times_out() {
    let definition = r#"{"TimeoutSeconds": 5, "StartAt": "W",
        "States": {"W": {"Type": "Wait", "Seconds": 60, "End": true}}}"#;
    let mut world = World::started(definition, "{}");
    world.fire_next_timer();
    assert_eq!(world.now_ms, START_MS + 5_000);
    assert_eq!(world.outline(), "1<0:ExecutionStarted 2<0:WaitStateEntered 3<0:ExecutionTimedOut");
    assert_eq!(world.outcome, Some(Outcome::TimedOut(machine::Failure::default())));
    let details = machine::EventDetails::Failed { error: Some("States.Timeout".into()), cause: None };
    assert_eq!(world.history[2].details, details);
}

#[test]
fn each_type_has_its_longest_duration() {
    for (state_machine_type, seconds) in [(StateMachineType::Standard, 31_536_000), (StateMachineType::Express, 300)] {
        let definition = r#"{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 99999999, "End": true}}}"#;
        let mut world = World::new(definition, state_machine_type, "{}");
        world.trigger(Trigger::Start);
        assert_eq!(world.next_timer_ms(), seconds * 1_000);
        world.fire_next_timer();
        assert!(matches!(world.outcome, Some(Outcome::TimedOut(_))));
    }
}

#[test]
fn an_execution_that_ends_in_its_first_step_sets_no_timer() {
    let definition = r#"{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}"#;
    let step = World::standard(definition, "{}").step(Trigger::Start);
    assert!(step.effects.is_empty(), "{:?}", step.effects);
    assert_eq!(step.changed, [machine::PartId(0)]);
}

#[test]
fn a_task_times_out() {
    let mut world = World::started(TASK, "{}");
    let call = world.call();
    for _ in 0..9 {
        world.now_ms += 9_000;
        world.trigger(Trigger::TaskHeartbeat { effect: call });
    }
    // 81 seconds have passed: the next heartbeat would be due at 91, the answer at 100.
    assert_eq!(world.next_timer_ms(), 10_000);
    world.now_ms += 9_500;
    world.trigger(Trigger::TaskHeartbeat { effect: call });
    world.fire_next_timer();
    assert_eq!(world.now_ms, START_MS + 100_000);
    assert_eq!(world.count(EventType::TaskTimedOut), 1);
    assert_eq!(world.failure(), ("States.Timeout".to_owned(), String::new()));
    assert!(!world.execution.awaits(call));
}

#[test]
fn a_missed_heartbeat_is_a_timeout() {
    let mut world = World::started(TASK, "{}");
    world.fire_next_timer();
    assert_eq!(world.now_ms, START_MS + 10_000);
    assert_eq!(world.failure(), ("States.Timeout".to_owned(), String::new()));
}

#[test]
fn a_missed_heartbeat_is_caught_by_either_name() {
    for name in ["States.HeartbeatTimeout", "States.Timeout", "States.ALL"] {
        let catch = format!(
            r#""Catch": [{{"ErrorEquals": ["{name}"], "Next": "Caught"}}], "End": true}},
               "Caught": {{"Type": "Pass", "End": true}}"#
        );
        let mut world = World::started(&TASK.replace(r#""End": true}"#, &catch), "{}");
        world.fire_next_timer();
        assert_eq!(world.output(), r#"{"Error":"States.Timeout","Cause":""}"#, "{name}");
    }
}

#[test]
fn the_clock_of_an_activity_starts_with_its_worker() {
    let mut world = World::started(ACTIVITY, "{}");
    let call = world.call();
    assert_eq!(world.timers.len(), 1, "only the deadline of the execution");
    world.now_ms += 3_600_000;
    world.trigger(Trigger::ActivityStarted { effect: call, worker_name: None });
    assert_eq!(world.next_timer_ms(), 10_000);
    world.trigger(Trigger::ActivityStarted { effect: call, worker_name: None });
    assert_eq!(world.count(EventType::ActivityStarted), 1, "a task is taken once");
    world.succeed(call, "1");
    assert_eq!(world.output(), "1");
    assert!(world.timers.is_empty());
}

#[test]
fn a_task_token_is_that_of_its_scheduled_event() {
    let world = World::started(TASK, "{}");
    let Effect::RunTask(request) = &world.calls[&3] else { panic!("{:?}", world.calls) };
    assert_eq!(&**request.parameters.text(), r#"{"FunctionName":"f","Payload":{"token":"token of 3"}}"#);
    assert_eq!(request.task_token.as_deref(), Some("token of 3"));
}

#[test]
fn what_answers_nothing_gives_an_empty_step() {
    let mut world = World::started(TASK, "{}");
    let output = json::Payload::default();
    for trigger in [
        Trigger::Start,
        Trigger::Continue,
        Trigger::TimerFired { timer: TimerId(99), due_ms: 0 },
        Trigger::ActivityStarted { effect: 3, worker_name: None },
        Trigger::ActivityStarted { effect: 99, worker_name: None },
        Trigger::TaskSubmitted { effect: 99, output: output.clone() },
        Trigger::TaskHeartbeat { effect: 99 },
        Trigger::TaskSucceeded { effect: 99, output: output.clone() },
        Trigger::TaskFailed { effect: 99, failure: machine::Failure::default() },
    ] {
        let step = world.step(trigger.clone());
        assert!(step.history.is_empty() && step.changed.is_empty() && step.effects.is_empty(), "{trigger:?}");
    }
    world.trigger(Trigger::TaskSubmitted { effect: 3, output: output.clone() });
    world.succeed(3, "1");
    let step = world.step(Trigger::TaskSucceeded { effect: 3, output });
    assert!(step.history.is_empty() && step.changed.is_empty(), "the execution has ended");
}

#[test]
fn an_answer_may_be_quicker_than_the_call_that_hands_out_its_token() {
    let output = |text: &str| json::Payload::parse(text).unwrap();
    let failure = || machine::Failure { error: Some("Late".into()), cause: None };
    let returns = Trigger::TaskSubmitted { effect: 3, output: output("0") };
    let fails = Trigger::TaskNotSubmitted { effect: 3, failure: failure() };
    for (call, submitted) in [(returns, 1), (fails, 0)] {
        let mut world = World::started(TASK, "{}");
        let _kept = world.step(Trigger::TaskSucceeded { effect: 3, output: output("1") });
        assert!(!world.execution.awaits(3), "a token is accepted once");
        let _ignored = world.step(Trigger::TaskFailed { effect: 3, failure: failure() });
        world.calls.remove(&3);
        let step = world.step(call);
        assert_eq!(step.outcome, Some(machine::Outcome::Succeeded { output: output("1") }));
        assert_eq!(world.count(EventType::TaskSubmitted), submitted);
    }
}

#[test]
fn a_call_is_submitted_once() {
    let mut world = World::started(TASK, "{}");
    for _ in 0..2 {
        world.trigger(Trigger::TaskSubmitted { effect: 3, output: json::Payload::parse("[1]").unwrap() });
    }
    assert_eq!(world.count(EventType::TaskSubmitted), 1);
    let pending = world.execution.pending();
    assert_eq!(pending[0].submitted.as_ref().unwrap().text().to_string(), "[1]");
}

#[test]
fn a_timer_that_fired_is_not_cancelled_when_an_early_answer_counts() {
    let mut world = World::started(TASK, "{}");
    let effect = world.call();
    // The call that hands out the token has not returned, so the answer is kept.
    world.trigger(Trigger::TaskSucceeded { effect, output: json::Payload::parse("7").unwrap() });
    assert_eq!(world.outcome, None);
    // The world sees to it that only timers that are set are cancelled.
    world.fire_next_timer();
    assert_eq!(world.output(), "7");
    assert!(world.timers.is_empty());
}

#[test]
fn a_timer_that_was_moved_does_not_go_off_early() {
    let mut world = World::started(TASK, "{}");
    world.trigger(Trigger::TaskSubmitted { effect: 3, output: json::Payload::default() });
    let heartbeat = |world: &World| world.timers.iter().min_by_key(|(_, due_ms)| **due_ms).map(|(t, d)| (*t, *d));
    let (timer, due_ms) = heartbeat(&world).unwrap();
    world.now_ms = due_ms - 1;
    world.trigger(Trigger::TaskHeartbeat { effect: 3 });
    assert_ne!(world.timers[&timer], due_ms, "the heartbeat moves the timer");
    // Also when the execution hears of the old time so late that the new one has come.
    world.now_ms = world.timers[&timer] + 1;
    let step = world.step(Trigger::TimerFired { timer, due_ms });
    assert!(step.history.is_empty() && step.changed.is_empty() && step.effects.is_empty());
}

const SYNC: &str = r#"{"TimeoutSeconds": 20, "StartAt": "T", "States": {"T": {"Type": "Task",
    "Resource": "arn:aws:states:::states:startExecution.sync:2",
    "Parameters": {"StateMachineArn": "arn:aws:states:us-east-1:111111111111:stateMachine:x"},
    "TimeoutSeconds": 10, "End": true}}}"#;

#[test]
fn what_a_call_has_submitted_is_stopped_with_it() {
    for is_submitted in [false, true] {
        let longer = SYNC.replace(r#""TimeoutSeconds": 10"#, r#""TimeoutSeconds": 30"#);
        for definition in [SYNC, &*longer] {
            let mut world = World::started(definition, "{}");
            let effect = world.call();
            if is_submitted {
                world.trigger(Trigger::TaskSubmitted { effect, output: json::Payload::parse("{}").unwrap() });
            }
            world.fire_next_timer();
            assert_eq!(world.stopped, if is_submitted { vec![effect] } else { Vec::new() });
        }
    }
}

#[test]
fn a_task_of_an_activity_that_does_not_exist_fails() {
    let mut world = World::started(ACTIVITY, "{}");
    let effect = world.call();
    world.calls.remove(&effect);
    let failure = || machine::Failure { error: Some("States.Runtime".into()), cause: None };
    world.trigger(Trigger::ActivityNotScheduled { effect, failure: failure() });
    assert_eq!(world.count(EventType::ActivityScheduleFailed), 1);
    assert_eq!(world.outcome, Some(Outcome::Failed(failure())));
    // A worker that has the task keeps it.
    let mut world = World::started(ACTIVITY, "{}");
    let effect = world.call();
    world.trigger(Trigger::ActivityStarted { effect, worker_name: None });
    world.trigger(Trigger::ActivityNotScheduled { effect, failure: failure() });
    assert_eq!((world.call(), world.outcome.clone()), (effect, None));
}
