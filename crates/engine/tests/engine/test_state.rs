//! One state on its own: its task is really called, its time really passes, and nothing of it is kept.

use crate::support::*;
use engine::{Account, Engine, TestState};
use machine::{TestSetup, TestStatus, Tested};
use std::time::Duration;
use tokio::task::JoinHandle;

const LAMBDA: &str = r#""Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"}"#;

fn state(definition: &str) -> TestState {
    TestState {
        scope: Account { partition: "aws".into(), region: "us-east-1".into(), account: "123456789012".into() },
        definition: asl::parse_state(definition, "S", &asl::Limits::default()).state_machine.unwrap(),
        role_arn: "".into(),
        input: payload("{}"),
        input_text: "{}".into(),
        setup: TestSetup::default(),
    }
}

fn begin(engine: &Engine, definition: &str) -> JoinHandle<Tested> {
    let (engine, test) = (engine.clone(), state(definition));
    tokio::spawn(async move { engine.test_state(test).await.unwrap() })
}

fn error(tested: &Tested) -> Option<&str> {
    tested.failure.as_ref()?.error.as_deref()
}

#[tokio::test]
async fn the_task_is_called() {
    let world = World::new();
    let engine = world.open().await;
    let before = format!("{:?}", world.store);
    let test = begin(&engine, &format!(r#"{{{LAMBDA},"Next":"N"}}"#));
    let made = world.calls.next().await;
    assert!(made.call.facts.execution_arn.starts_with("arn:aws:states:us-east-1:123456789012:express:"));
    made.succeed(r#"{"r":1}"#);
    let tested = test.await.unwrap();
    assert_eq!((tested.status, tested.output), (TestStatus::Succeeded, Some(payload(r#"{"r":1}"#))));
    assert_eq!(tested.next_state.as_deref(), Some("N"));
    assert_eq!(tested.inspection.result, Some(payload(r#"{"r":1}"#)));
    assert_eq!(format!("{:?}", world.store), before, "nothing is stored");
}

#[tokio::test]
async fn a_task_that_fails_is_not_tried_again() {
    let world = World::new();
    let engine = world.open().await;
    let test = begin(&engine, &format!(r#"{{{LAMBDA},"Retry":[{{"ErrorEquals":["E"]}}],"End":true}}"#));
    world.calls.next().await.fail("E");
    let tested = test.await.unwrap();
    assert_eq!((tested.status, error(&tested)), (TestStatus::Retriable, Some("E")));
    assert!(world.calls.is_empty().await);
    let test = begin(&engine, r#"{"Type":"Task","Resource":"arn:aws:states:::sns:publish","End":true}"#);
    assert_eq!(error(&test.await.unwrap()), Some("States.TaskFailed"));
}

#[tokio::test]
async fn a_task_that_does_not_answer_times_out() {
    for (more, test_state_seconds_max, seconds) in
        [(r#","TimeoutSeconds":5"#, None, 5), ("", None, 300), ("", Some(20), 20), ("", Some(400), 400)]
    {
        let mut world = World::new();
        let limits = &mut world.options.limits;
        limits.test_state_seconds_max = test_state_seconds_max.unwrap_or(limits.test_state_seconds_max);
        let engine = world.open().await;
        let test = begin(&engine, &format!(r#"{{{LAMBDA}{more},"End":true}}"#));
        let made = world.calls.next().await;
        world.clock.advance(Duration::from_millis(seconds * 1_000 - 1));
        assert!(!made.answer.is_closed(), "{seconds}");
        world.clock.advance(Duration::from_millis(1));
        let tested = test.await.unwrap();
        assert_eq!((tested.status, error(&tested)), (TestStatus::Failed, Some("States.Timeout")));
        assert!(made.answer.is_closed(), "nobody waits for the call any more");
    }
}

#[tokio::test]
async fn a_wait_takes_its_time() {
    let world = World::new();
    let engine = world.open().await;
    // A minute after the clock of the test begins.
    let test = begin(&engine, r#"{"Type":"Wait","Timestamp":"2023-11-14T22:14:20Z","Next":"N"}"#);
    let mut seconds = 0;
    while !test.is_finished() {
        if seconds < 60 {
            world.clock.advance(Duration::from_secs(1));
            seconds += 1;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(test.await.unwrap().status, TestStatus::Succeeded);
    assert_eq!(seconds, 60);
}

#[tokio::test]
async fn a_caller_that_goes_away_ends_the_test() {
    let world = World::new();
    let engine = world.open().await;
    let test = begin(&engine, &format!(r#"{{{LAMBDA},"End":true}}"#));
    let mut made = world.calls.next().await;
    test.abort();
    made.answer.closed().await;
}

#[tokio::test]
async fn so_many_tests_run_at_once() {
    let mut world = World::new();
    world.options.limits.state_tests_at_once_max = 1;
    let engine = world.open().await;
    let first = begin(&engine, &format!(r#"{{{LAMBDA},"End":true}}"#));
    let made = world.calls.next().await;
    let second = begin(&engine, &format!(r#"{{{LAMBDA},"End":true}}"#));
    tokio::task::yield_now().await;
    assert!(world.calls.is_empty().await);
    made.succeed("1");
    first.await.unwrap();
    world.calls.next().await.succeed("2");
    assert_eq!(second.await.unwrap().output, Some(payload("2")));
}
