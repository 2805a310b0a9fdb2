//! What the engine tells those who watch from outside, and the Express executions that it keeps.

use crate::support::*;
use asl::{Arn, StateMachineType};
use engine::{Engine, Error, ExecutionRecord, LogLevel, Logged, Page, Receive, RedriveExecution};
use machine::Status;
use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

const FAILS: &str =
    r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"F"},"F":{"Type":"Fail","Error":"E","Cause":"c"}}}"#;
const PASSES: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#;
const WAITS: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"End":true}}}"#;

/// Keeps what it is told.
struct Told<T>(Mutex<Vec<T>>);

impl<T> Told<T> {
    fn new() -> Arc<Told<T>> {
        Arc::new(Told(Mutex::new(Vec::new())))
    }
}

impl<T> fmt::Debug for Told<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told")
    }
}

impl<T: Send> Receive<T> for Told<T> {
    fn receive(&self, happened: T) {
        self.0.lock().unwrap().push(happened);
    }
}

async fn create_logging(engine: &Engine, name: &str, level: &str, state_machine_type: StateMachineType) -> Arn {
    let logging = format!(
        r#"{{"level":"{level}","destinations":[{{"cloudWatchLogsLogGroup":{{"logGroupArn":"arn:aws:logs:us-east-1:123456789012:log-group:g:*"}}}}]}}"#
    );
    let new = engine::NewStateMachine {
        logging: Some(payload(&logging)),
        ..new_state_machine(name, FAILS, state_machine_type)
    };
    engine.create_state_machine(new).await.unwrap();
    arn("stateMachine", name)
}

async fn check_logged(level: &str, state_machine_type: StateMachineType, expected: &[&str]) {
    let mut world = World::new();
    let told = Told::<Logged>::new();
    world.options.log = Some(Arc::clone(&told) as _);
    let engine = world.open().await;
    let machine = create_logging(&engine, "m", level, state_machine_type).await;
    let execution = start(&engine, &machine, "e").await;
    engine.shutdown(Duration::ZERO).await;
    let told = told.0.lock().unwrap();
    assert!(told.iter().all(|logged| *logged.execution_arn == execution.to_string()), "{told:?}");
    assert!(told.iter().all(|logged| &*logged.logging.log_group == "g"), "{told:?}");
    assert!(told.iter().all(|logged| logged.logging.level > LogLevel::Off && !logged.events.is_empty()), "{told:?}");
    let types: Vec<_> = told.iter().flat_map(|logged| &logged.events).map(|event| event.event_type.as_str()).collect();
    assert_eq!(types, expected, "{level}");
}

#[tokio::test]
async fn each_level_logs_its_events() {
    let all = ["ExecutionStarted", "PassStateEntered", "PassStateExited", "FailStateEntered", "ExecutionFailed"];
    for state_machine_type in [StateMachineType::Standard, StateMachineType::Express] {
        check_logged("ALL", state_machine_type, &all).await;
        check_logged("ERROR", state_machine_type, &all[3..]).await;
        check_logged("FATAL", state_machine_type, &all[4..]).await;
        check_logged("OFF", state_machine_type, &[]).await;
    }
}

#[tokio::test]
async fn an_execution_that_a_restart_takes_up_is_logged_on() {
    let mut world = World::new();
    let told = Told::<Logged>::new();
    world.options.log = Some(Arc::clone(&told) as _);
    let engine = world.open().await;
    let machine = create_logging(&engine, "m", "ALL", StateMachineType::Standard).await;
    let change = asl::parse(WAITS, StateMachineType::Standard, &asl::Limits::default()).state_machine.unwrap();
    let change =
        engine::StateMachineChange { definition: Some((WAITS.into(), Arc::new(change))), ..Default::default() };
    engine.update_state_machine(&machine, change).await.unwrap();
    let execution = start(&engine, &machine, "e").await;
    drop(engine);
    told.0.lock().unwrap().clear();
    let engine = world.open().await;
    world.clock.advance(Duration::from_secs(61));
    engine.wait_until_closed(&execution).await.unwrap();
    let told = told.0.lock().unwrap();
    let types: Vec<_> = told.iter().flat_map(|logged| &logged.events).map(|event| event.event_type.as_str()).collect();
    assert_eq!(types, ["WaitStateExited", "ExecutionSucceeded"]);
}

async fn check_status_changes(state_machine_type: StateMachineType, definition: &str, expected: &[Status]) {
    let mut world = World::new();
    let told = Told::<ExecutionRecord>::new();
    world.options.status_changes = Some(Arc::clone(&told) as _);
    let engine = world.open().await;
    let machine = create_typed(&engine, "m", definition, state_machine_type).await;
    let execution = start(&engine, &machine, "e").await;
    if definition == WAITS {
        engine.stop_execution(&execution, None, None).await.unwrap();
    }
    engine.shutdown(Duration::ZERO).await;
    let told = told.0.lock().unwrap();
    assert_eq!(told.iter().map(|record| record.status).collect::<Vec<_>>(), expected);
    for record in told.iter() {
        let is_running = record.status == Status::Running;
        assert_eq!((record.stop_ms.is_none(), record.outcome.is_none()), (is_running, is_running), "{record:?}");
    }
}

#[tokio::test]
async fn each_change_of_status_is_told_once() {
    check_status_changes(StateMachineType::Standard, PASSES, &[Status::Running, Status::Succeeded]).await;
    check_status_changes(StateMachineType::Standard, FAILS, &[Status::Running, Status::Failed]).await;
    check_status_changes(StateMachineType::Standard, WAITS, &[Status::Running, Status::Aborted]).await;
    check_status_changes(StateMachineType::Express, PASSES, &[]).await;
}

#[tokio::test]
async fn a_redrive_is_a_change_of_status_too() {
    let mut world = World::new();
    let (changes, log) = (Told::<ExecutionRecord>::new(), Told::<Logged>::new());
    world.options.status_changes = Some(Arc::clone(&changes) as _);
    world.options.log = Some(Arc::clone(&log) as _);
    let engine = world.open().await;
    let machine = create_logging(&engine, "m", "FATAL", StateMachineType::Standard).await;
    let execution = start(&engine, &machine, "e").await;
    engine.redrive_execution(RedriveExecution { execution, client_token: None }).await.unwrap();
    engine.shutdown(Duration::ZERO).await;
    let changes = changes.0.lock().unwrap();
    let statuses: Vec<_> = changes.iter().map(|record| (record.status, record.redrive_count)).collect();
    let expected = [(Status::Running, 0), (Status::Failed, 0), (Status::Running, 1), (Status::Failed, 1)];
    assert_eq!(statuses, expected);
    let log = log.0.lock().unwrap();
    assert_eq!(log.iter().map(|logged| logged.redrive_count).collect::<Vec<_>>(), [0, 1]);
}

#[tokio::test]
async fn express_executions_are_kept_as_far_as_there_is_room() {
    let mut world = World::new();
    world.options.express_history_bytes_max = 3_000;
    let engine = world.open().await;
    assert!(engine.keeps_express_history());
    let machine = create_typed(&engine, "x", PASSES, StateMachineType::Express).await;
    let first = start(&engine, &machine, "first").await;
    assert_eq!(
        event_types(&engine, &first).await,
        ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
    );
    let record = engine.execution(&first).await.unwrap();
    assert_eq!((record.status, record.stop_ms), (Status::Succeeded, Some(START_MS)));
    assert_eq!(engine.state_machine_of_execution(&first).await.unwrap().definition.as_ref(), PASSES);
    let page = engine.history(&first, true, Page { size: 3, after: None }).await.unwrap();
    assert_eq!(page.items.iter().map(|event| event.id).collect::<Vec<_>>(), [4, 3, 2]);
    let page = engine.history(&first, true, Page { size: 3, after: page.next }).await.unwrap();
    assert_eq!((page.items.len(), page.next), (1, None));
    // The second fits beside it, the third does not.
    let second = start(&engine, &machine, "second").await;
    start(&engine, &machine, "third").await;
    assert!(matches!(engine.execution(&first).await, Err(Error::ExecutionDoesNotExist(_))));
    assert!(engine.execution(&second).await.is_ok());
}

#[tokio::test]
async fn express_executions_are_forgotten_unless_told_otherwise() {
    let engine = World::new().open().await;
    let machine = create_typed(&engine, "x", PASSES, StateMachineType::Express).await;
    let execution = start(&engine, &machine, "e").await;
    assert!(!engine.keeps_express_history());
    assert!(matches!(engine.execution(&execution).await, Err(Error::ExecutionDoesNotExist(_))));
}

/// Panics at what it is told.
#[derive(Debug)]
struct Panicking;

impl Receive<Logged> for Panicking {
    fn receive(&self, _happened: Logged) {
        panic!("told to panic");
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_is_no_shutdown() {
    let mut world = World::new();
    world.options.log = Some(Arc::new(Panicking));
    let engine = world.open().await;
    let machine = create_logging(&engine, "m", "ALL", StateMachineType::Express).await;
    let lost = engine.start_sync_execution(start_of(&machine, "e", "{}")).await;
    assert!(matches!(lost, Err(Error::AnswerLost)), "{lost:?}");
}
