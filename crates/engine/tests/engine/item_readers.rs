//! Maps with an `ItemReader`: a reader in memory, whose pages the test sees.

use crate::map_run_world::*;
use crate::support::*;
use asl::Arn;
use engine::{Engine, ItemPage, ItemReader, ItemReading, Task, Tasks};
use json::{Payload, Text, Value};
use machine::{Failure, MapRunStatus, MapRunUpdate, Outcome, Status, TaskRequest};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use store::BoxFuture;
use tokio::sync::Semaphore;

const PASS: &str = r#""StartAt":"P","States":{"P":{"Type":"Pass","End":true}}"#;

/// Reads the numbers that the arguments name, `page` at a time.
struct Numbers {
    /// Pages that may be read.
    pages: Arc<Semaphore>,
    /// Where the pages began that were asked for.
    asked: Mutex<Vec<u64>>,
}

impl ItemReader for Numbers {
    fn source(&self, reading: &ItemReading) -> Text {
        let of = |name: &str| reading.source.arguments.value().get(name).and_then(Value::as_str).unwrap().to_owned();
        format!("S3://{}/{}", of("Bucket"), of("Key")).into()
    }

    fn read(&self, reading: ItemReading, after: Option<Payload>) -> BoxFuture<'static, Result<ItemPage, Failure>> {
        assert_eq!(&*reading.facts.role_arn, "arn:aws:iam::123456789012:role/r");
        assert!(reading.map_run_arn.contains(":mapRun:m/L:"), "{}", reading.map_run_arn);
        let number = |value: &Value| value.as_i64().and_then(|number| u64::try_from(number).ok());
        let first = after.as_ref().map_or(Some(0), |after| number(after.value())).unwrap();
        let argument = |name: &str| reading.source.arguments.value().get(name).and_then(number).unwrap();
        let (count, page, broken) = (argument("count"), argument("page"), argument("broken"));
        self.asked.lock().unwrap().push(first);
        let pages = Arc::clone(&self.pages);
        Box::pin(async move {
            pages.acquire().await.unwrap().forget();
            if first == broken {
                let error = Some("States.ItemReaderFailed".into());
                return Err(Failure { error, cause: Some("told to fail".into()) });
            }
            assert_ne!(first + 1, broken, "told to panic");
            let last = (first + page).min(count);
            let items = (first..last).map(|number| Value::from(i64::try_from(number).unwrap())).collect();
            let next = (last < count).then(|| Value::from(i64::try_from(last).unwrap()).into());
            Ok(ItemPage { items, next })
        })
    }
}

/// Serves no task, and one resource of readers.
struct Readers(Arc<Numbers>);

impl Tasks for Readers {
    fn find(&self, _request: &TaskRequest) -> Option<Arc<dyn Task>> {
        None
    }
    fn item_reader(&self, resource: &str) -> Option<Arc<dyn ItemReader>> {
        (resource == "arn:aws:states:::s3:getObject").then(|| Arc::clone(&self.0) as _)
    }
}

fn numbers(pages: usize) -> Arc<Numbers> {
    Arc::new(Numbers { pages: Arc::new(Semaphore::new(pages)), asked: Mutex::default() })
}

async fn open(world: &World, numbers: &Arc<Numbers>) -> Engine {
    world.open_tasks(Arc::new(Readers(Arc::clone(numbers)))).await
}

/// A Map whose items are read; `broken` is the page that cannot be.
fn reads(count: u64, page: u64, broken: u64, fields: &str) -> String {
    let parameters = format!(r#"{{"Bucket":"b","Key":"k","count":{count},"page":{page},"broken":{broken}}}"#);
    let reader =
        format!(r#","ItemReader":{{"Resource":"arn:aws:states:::s3:getObject","Parameters":{parameters}{fields}}}"#);
    map("STANDARD", PASS, &reader)
}

async fn check(definition: &str, items_bytes_max: usize, expected: Result<&str, &str>, asked: &[u64]) {
    let mut world = World::new();
    world.options.limits.map_run_items_bytes_max = items_bytes_max;
    let numbers = numbers(100);
    let engine = open(&world, &numbers).await;
    let execution = begin(&engine, definition, "{}").await;
    let record = engine.wait_until_closed(&execution).await.unwrap();
    match (&record.outcome, expected) {
        (Some(Outcome::Succeeded { output }), Ok(expected)) => assert_eq!(&**output.text(), expected),
        (Some(Outcome::Failed(failure)), Err(expected)) => {
            assert_eq!(failure.error.as_deref(), Some("States.ItemReaderFailed"));
            assert_eq!(failure.cause.as_deref(), Some(expected));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(*numbers.asked.lock().unwrap(), asked);
    check_history(&engine, &record).await;
}

#[tokio::test]
async fn items_are_read_page_by_page() {
    const NONE_BROKEN: u64 = 1_000;
    check(&reads(5, 2, NONE_BROKEN, ""), 100, Ok("[0,1,2,3,4]"), &[0, 2, 4]).await;
    check(&reads(0, 2, NONE_BROKEN, ""), 100, Ok("[]"), &[0]).await;
    let selects = r#","ItemSelector":{"from.$":"$$.Map.Item.Source"},"ItemReader""#;
    let told = reads(1, 2, NONE_BROKEN, "").replace(r#","ItemReader""#, selects);
    check(&told, 100, Ok(r#"[{"from":"S3://b/k"}]"#), &[0]).await;
    check(&reads(5, 2, NONE_BROKEN, r#","ReaderConfig":{"MaxItems":3}"#), 100, Ok("[0,1,2]"), &[0, 2]).await;
    check(&reads(5, 2, 2, ""), 100, Err("told to fail"), &[0, 2]).await;
    let panicked = Err("the integration failed unexpectedly, see the log of the server");
    check(&reads(5, 2, 3, ""), 100, panicked, &[0, 2]).await;
    check(&reads(5, 2, NONE_BROKEN, ""), 10, Ok("[0,1,2,3,4]"), &[0, 2, 4]).await;
    check(&reads(5, 2, NONE_BROKEN, ""), 9, Err("The items have more than 9 bytes."), &[0, 2, 4]).await;
}

#[tokio::test]
async fn no_child_begins_before_all_items_are_read_and_stored() {
    let world = World::new();
    let first = numbers(1);
    let engine = open(&world, &first).await;
    let execution = begin(&engine, &reads(6, 3, 100, ""), "{}").await;
    while first.asked.lock().unwrap().len() < 2 {
        tokio::task::yield_now().await;
    }
    let record = map_run(&engine, &execution).await;
    assert_eq!((record.progress.items_total, record.progress.children_started), (0, 0));
    let arn = Arn::parse(&record.arn).unwrap();
    // An update counts, and survives the restart as the Map Run does. The items are read again.
    let update = MapRunUpdate { max_concurrency: Some(2), ..MapRunUpdate::default() };
    engine.update_map_run(&arn, update).await.unwrap();
    drop(engine);
    let second = numbers(2);
    let engine = open(&world, &second).await;
    let record = engine.wait_until_closed(&execution).await.unwrap();
    assert_eq!(record.outcome, Some(Outcome::Succeeded { output: payload("[0,1,2,3,4,5]") }));
    assert_eq!(*second.asked.lock().unwrap(), [0, 3]);
    let record = map_run(&engine, &execution).await;
    assert_eq!((record.progress.settings.max_concurrency, record.progress.items_total), (2, 6));
}

#[tokio::test]
async fn items_that_were_read_are_not_read_again() {
    let world = World::new();
    let wait = r#""StartAt":"C","States":{"C":{"Type":"Wait","Seconds":200,"End":true}}"#;
    let first = numbers(2);
    let engine = open(&world, &first).await;
    let execution = begin(&engine, &reads(4, 2, 100, "").replace(PASS, wait), "{}").await;
    until(&engine, &execution, |record| record.progress.executions.running == 4).await;
    drop(engine);
    let second = numbers(0);
    let engine = open(&world, &second).await;
    while engine.execution(&execution).await.unwrap().status == Status::Running {
        world.clock.advance(Duration::from_secs(20));
        tokio::task::yield_now().await;
    }
    let record = engine.execution(&execution).await.unwrap();
    assert_eq!(record.outcome, Some(Outcome::Succeeded { output: payload("[0,1,2,3]") }));
    assert!(second.asked.lock().unwrap().is_empty());
}

/// One that is stopped does not wait for its items; one that failed reads them when it is redriven.
#[tokio::test]
async fn a_reading_ends_with_its_map_run_and_begins_with_a_redrive() {
    let world = World::new();
    let stuck = numbers(0);
    let engine = open(&world, &stuck).await;
    let execution = begin(&engine, &reads(2, 2, 100, ""), "{}").await;
    while stuck.asked.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    engine.stop_execution(&execution, None, None).await.unwrap();
    let record = until(&engine, &execution, |record| record.stop_ms.is_some()).await;
    assert_eq!(record.progress.status, MapRunStatus::Aborted);
    // The call was dropped: nobody waits for a page.
    while Arc::strong_count(&stuck.pages) > 1 {
        tokio::task::yield_now().await;
    }
    stuck.pages.add_permits(1);
    redrive(&engine, &execution).await.unwrap();
    let record = engine.wait_until_closed(&execution).await.unwrap();
    assert_eq!(record.outcome, Some(Outcome::Succeeded { output: payload("[0,1]") }));
}
