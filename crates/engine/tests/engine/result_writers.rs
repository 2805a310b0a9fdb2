//! Maps whose `ResultWriter` has a resource: a writer in memory, which writes when the test says so.

use crate::map_run_world::*;
use crate::support::*;
use engine::{Engine, ResultWriter, ResultWriting, Task, Tasks};
use json::{Payload, Text, Value};
use machine::{Failure, MapRunStatus, Outcome, TaskRequest};
use std::sync::{Arc, Mutex};
use store::BoxFuture;
use tokio::sync::Semaphore;

const PASS: &str = r#""StartAt":"P","States":{"P":{"Type":"Pass","End":true}}"#;
const WRITES: &str = r#","ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"b"}}"#;

/// Keeps the texts that it was handed.
struct Writer {
    /// Writings that may succeed.
    places: Arc<Semaphore>,
    handed: Mutex<Vec<Text>>,
    is_broken: bool,
}

impl ResultWriter for Writer {
    fn write(&self, writing: ResultWriting) -> BoxFuture<'static, Result<Payload, Failure>> {
        assert_eq!(&*writing.facts.role_arn, "arn:aws:iam::123456789012:role/r");
        let bucket = writing.destination.arguments.value().get("Bucket").cloned().unwrap();
        self.handed.lock().unwrap().push(Arc::clone(writing.results.text()));
        let (places, is_broken) = (Arc::clone(&self.places), self.is_broken);
        Box::pin(async move {
            places.acquire().await.unwrap().forget();
            if is_broken {
                let error = Some("States.ResultWriterFailed".into());
                return Err(Failure { error, cause: Some("told to fail".into()) });
            }
            Ok(Payload::from(Value::from(vec![bucket])))
        })
    }
}

/// Serves no task, and one resource of writers.
struct Writers(Arc<Writer>);

impl Tasks for Writers {
    fn find(&self, _request: &TaskRequest) -> Option<Arc<dyn Task>> {
        None
    }
    fn result_writer(&self, resource: &str) -> Option<Arc<dyn ResultWriter>> {
        (resource == "arn:aws:states:::s3:putObject").then(|| Arc::clone(&self.0) as _)
    }
}

fn writer(places: usize, is_broken: bool) -> Arc<Writer> {
    Arc::new(Writer { places: Arc::new(Semaphore::new(places)), handed: Mutex::default(), is_broken })
}

async fn open(world: &World, writer: &Arc<Writer>) -> Engine {
    world.open_tasks(Arc::new(Writers(Arc::clone(writer)))).await
}

async fn until_handed(writer: &Writer) {
    while writer.handed.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}

fn written() -> Outcome {
    Outcome::Succeeded { output: payload(r#"["b"]"#) }
}

#[tokio::test]
async fn a_map_run_goes_on_until_its_results_are_written() {
    for execution_type in ["STANDARD", "EXPRESS"] {
        for (input, results) in [("[1,2,3]", "[1,2,3]"), ("[]", "[]")] {
            let world = World::new();
            let writer = writer(0, false);
            let engine = open(&world, &writer).await;
            let execution = begin(&engine, &map(execution_type, PASS, WRITES), input).await;
            until_handed(&writer).await;
            assert_eq!(map_run(&engine, &execution).await.progress.status, MapRunStatus::Running);
            writer.places.add_permits(1);
            let record = engine.wait_until_closed(&execution).await.unwrap();
            assert_eq!(record.outcome, Some(written()));
            assert_eq!(*writer.handed.lock().unwrap(), [Text::from(results)]);
            check_history(&engine, &record).await;
        }
    }
}

#[tokio::test]
async fn a_restart_writes_them_again() {
    let world = World::new();
    let stuck = writer(0, false);
    let engine = open(&world, &stuck).await;
    let execution = begin(&engine, &map("EXPRESS", PASS, WRITES), "[1,2]").await;
    until_handed(&stuck).await;
    drop(engine);
    let writer = writer(1, false);
    let engine = open(&world, &writer).await;
    assert_eq!(engine.wait_until_closed(&execution).await.unwrap().outcome, Some(written()));
    assert_eq!(*writer.handed.lock().unwrap(), [Text::from("[1,2]")]);
}

#[tokio::test]
async fn what_cannot_be_written_fails_the_map_run_and_is_written_by_a_redrive() {
    let world = World::new();
    let broken = writer(1, true);
    let engine = open(&world, &broken).await;
    let execution = begin(&engine, &map("STANDARD", PASS, WRITES), "[1,2]").await;
    let record = engine.wait_until_closed(&execution).await.unwrap();
    let failure = Failure { error: Some("States.ResultWriterFailed".into()), cause: Some("told to fail".into()) };
    assert_eq!(record.outcome, Some(Outcome::Failed(failure)));
    assert_eq!(map_run(&engine, &execution).await.progress.status, MapRunStatus::Failed);
    drop(engine);
    let writer = writer(1, false);
    let engine = open(&world, &writer).await;
    redrive(&engine, &execution).await.unwrap();
    assert_eq!(engine.wait_until_closed(&execution).await.unwrap().outcome, Some(written()));
    let record = map_run(&engine, &execution).await;
    assert_eq!((record.progress.redrive_count, counts(&record).succeeded), (1, 2));
}

/// One that is stopped does not wait for the writer, whose call is dropped.
#[tokio::test]
async fn a_stop_ends_the_writing() {
    let world = World::new();
    let stuck = writer(0, false);
    let engine = open(&world, &stuck).await;
    let execution = begin(&engine, &map("STANDARD", PASS, WRITES), "[1]").await;
    until_handed(&stuck).await;
    engine.stop_execution(&execution, None, None).await.unwrap();
    let record = until(&engine, &execution, |record| record.stop_ms.is_some()).await;
    assert_eq!(record.progress.status, MapRunStatus::Aborted);
    while Arc::strong_count(&stuck.places) > 1 {
        tokio::task::yield_now().await;
    }
}
