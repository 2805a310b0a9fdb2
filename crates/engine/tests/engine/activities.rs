//! Activities and their workers.

use crate::support::*;
use engine::{Error, Page};
use machine::Status;
use std::sync::{Arc, atomic::Ordering};
use std::time::Duration;
use store::Fault;

const ACTIVITY: &str = r#"{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a","End":true}}}"#;
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_worker_gets_the_task_and_answers() {
    let world = World::new();
    let engine = world.open().await;
    let activity = create_activity(&engine, "a").await;
    let machine = create(&engine, "m", ACTIVITY).await;
    for is_worker_first in [true, false] {
        let name = format!("e{is_worker_first}");
        let poll = engine.activity_task(&activity, Some("w".into()), MINUTE);
        let (task, arn) = if is_worker_first {
            let (task, arn) = tokio::join!(biased_first(poll), start(&engine, &machine, &name));
            (task.unwrap().unwrap(), arn)
        } else {
            let arn = start(&engine, &machine, &name).await;
            (poll.await.unwrap().unwrap(), arn)
        };
        assert_eq!(&*task.input, "{}");
        assert_eq!(event_types(&engine, &arn).await.last(), Some(&"ActivityStarted"));
        engine.task_succeeded(&task.token, payload("1")).await.unwrap();
        assert_eq!(engine.wait_until_closed(&arn).await.unwrap().status, Status::Succeeded);
    }
}

/// `join!` polls in the order that it is given; the name says that the order counts.
async fn biased_first<T>(future: impl Future<Output = T>) -> T {
    future.await
}

#[tokio::test]
async fn a_worker_that_waits_takes_a_task_with_the_commit_that_schedules_it() {
    let world = World::new();
    let store = Arc::new(PatientStore::new(world.store.clone(), 1));
    let made = store.made();
    let engine = world.open_with(Arc::new(move || Ok(Arc::clone(&store) as _))).await;
    let activity = create_activity(&engine, "a").await;
    let machine = create(&engine, "m", ACTIVITY).await;
    let before = made.load(Ordering::SeqCst);
    let poll = engine.activity_task(&activity, None, MINUTE);
    let (task, arn) = tokio::join!(biased_first(poll), start(&engine, &machine, "e"));
    assert!(task.unwrap().is_some());
    assert_eq!(made.load(Ordering::SeqCst) - before, 1);
    assert_eq!(event_types(&engine, &arn).await.last(), Some(&"ActivityStarted"));
}

#[tokio::test]
async fn a_poll_without_a_task_ends_in_time() {
    let world = World::new();
    let engine = world.open().await;
    let activity = create_activity(&engine, "a").await;
    let poll = engine.activity_task(&activity, None, MINUTE);
    let later = async { world.clock.advance(MINUTE) };
    let (task, ()) = tokio::join!(poll, later);
    assert!(task.unwrap().is_none());
    let unknown = engine.activity_task(&arn("activity", "unknown"), None, MINUTE).await;
    assert!(matches!(unknown, Err(Error::ActivityDoesNotExist(_))));
}

#[tokio::test]
async fn a_worker_that_goes_away_takes_no_task_with_it() {
    let world = World::new();
    let engine = world.open().await;
    let activity = create_activity(&engine, "a").await;
    let machine = create(&engine, "m", ACTIVITY).await;
    {
        let gone = engine.activity_task(&activity, None, MINUTE);
        let started = async { tokio::task::yield_now().await };
        tokio::select! { biased; _ = gone => unreachable!(), () = started => {} }
    }
    start(&engine, &machine, "e").await;
    assert!(engine.activity_task(&activity, None, MINUTE).await.unwrap().is_some());
}

#[tokio::test]
async fn tasks_are_offered_again_after_a_restart_unless_they_were_taken() {
    let world = World::new();
    let engine = world.open().await;
    let activity = create_activity(&engine, "a").await;
    let machine = create(&engine, "m", ACTIVITY).await;
    let taken = start(&engine, &machine, "taken").await;
    let task = engine.activity_task(&activity, None, MINUTE).await.unwrap().unwrap();
    let offered = start(&engine, &machine, "offered").await;
    drop(engine);
    let engine = world.open().await;
    let again = engine.activity_task(&activity, None, MINUTE).await.unwrap().unwrap();
    assert_ne!(task.token, again.token);
    engine.task_succeeded(&task.token, payload("1")).await.unwrap();
    engine.task_succeeded(&again.token, payload("2")).await.unwrap();
    for arn in [taken, offered] {
        ends(&engine, &arn, Status::Succeeded).await;
    }
}

#[tokio::test]
async fn a_task_whose_execution_was_stopped_is_not_handed_out() {
    let world = World::new();
    let engine = world.open().await;
    let activity = create_activity(&engine, "a").await;
    let machine = create(&engine, "m", ACTIVITY).await;
    let stopped = start(&engine, &machine, "stopped").await;
    engine.stop_execution(&stopped, None, None).await.unwrap();
    let arn = start(&engine, &machine, "e").await;
    let task = engine.activity_task(&activity, None, MINUTE).await.unwrap().unwrap();
    engine.task_succeeded(&task.token, payload("1")).await.unwrap();
    assert_eq!(engine.wait_until_closed(&arn).await.unwrap().status, Status::Succeeded);
}

#[tokio::test]
async fn a_task_that_no_worker_can_ever_take_fails() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", ACTIVITY).await;
    let never_was = start(&engine, &machine, "never was").await;
    // It is offered after the start is answered, and then fails.
    engine.wait_until_closed(&never_was).await.unwrap();
    let activity = create_activity(&engine, "a").await;
    let taken = start(&engine, &machine, "taken").await;
    let task = engine.activity_task(&activity, None, MINUTE).await.unwrap().unwrap();
    let offered = start(&engine, &machine, "offered").await;
    engine.delete_activity(&activity).await.unwrap();
    for arn in [never_was, offered] {
        let record = engine.wait_until_closed(&arn).await.unwrap();
        let Some(machine::Outcome::Failed(failure)) = &record.outcome else { panic!("{record:?}") };
        assert_eq!(failure.error.as_deref(), Some("States.Runtime"));
        assert_eq!(failure.cause.as_deref(), Some(&*format!("Activity Does Not Exist: '{activity}'")));
        check_history(&engine, &record).await;
        let types = event_types(&engine, &arn).await;
        assert_eq!(types[types.len() - 3..], ["ActivityScheduled", "ActivityScheduleFailed", "ExecutionFailed"]);
    }
    engine.task_succeeded(&task.token, payload("1")).await.unwrap();
    assert_eq!(engine.wait_until_closed(&taken).await.unwrap().status, Status::Succeeded);
}

#[tokio::test]
async fn a_worker_of_a_deleted_activity_is_sent_away() {
    let world = World::new();
    let engine = world.open().await;
    let activity = create_activity(&engine, "a").await;
    let poll = biased_first(engine.activity_task(&activity, None, MINUTE));
    let (task, deleted) = tokio::join!(poll, engine.delete_activity(&activity));
    deleted.unwrap();
    assert!(task.unwrap().is_none());
}

#[tokio::test]
async fn activities_are_created_once_and_listed_by_name() {
    let world = World::new();
    let engine = world.open().await;
    for name in ["b", "a", "c", "a"] {
        create_activity(&engine, name).await;
    }
    let scope = engine::Account { partition: "aws".into(), region: "us-east-1".into(), account: "123456789012".into() };
    let first = engine.list_activities(&scope, Page { size: 2, after: None }).await.unwrap();
    let second = engine.list_activities(&scope, Page { size: 2, after: first.next }).await.unwrap();
    let names: Vec<_> = first.items.iter().chain(&second.items).map(|activity| &*activity.name).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert!(second.next.is_none());
    engine.delete_activity(&arn("activity", "a")).await.unwrap();
    engine.delete_activity(&arn("activity", "a")).await.unwrap();
    assert!(matches!(engine.activity(&arn("activity", "a")).await, Err(Error::ActivityDoesNotExist(_))));
}

#[tokio::test]
async fn a_deletion_is_made_to_its_end_when_its_caller_goes_away() {
    let world = World::simulated();
    let (engine, steps) = world.open_stepped(1_000).await;
    let activity = create_activity(&engine, "a").await;
    let poll = tokio::spawn({
        let (engine, activity) = (engine.clone(), activity.clone());
        async move { engine.activity_task(&activity, None, MINUTE).await }
    });
    come_to_rest().await;
    leave(&steps, engine.delete_activity(&activity)).await;
    steps.add_permits(1_000);
    assert!(poll.await.unwrap().unwrap().is_none());
    assert!(matches!(engine.activity(&activity).await, Err(Error::ActivityDoesNotExist(_))));
}

/// The caller is told of a failure, and the activity is gone; nothing that is remembered says otherwise.
#[tokio::test]
async fn a_deletion_that_failed_and_is_durable_is_known_when_the_store_is_open_again() {
    let mut world = World::new();
    world.options.limits.activities_max = 1;
    let activity = create_activity(&world.open().await, "a").await;
    let engine = world.open_failing(0, Fault::AppliedButReported).await;
    engine.activity(&activity).await.unwrap();
    assert!(matches!(engine.delete_activity(&activity).await, Err(Error::Store(_))));
    let gone = loop {
        match engine.activity(&activity).await {
            Err(Error::Store(_)) => tokio::task::yield_now().await,
            known => break known,
        }
    };
    assert!(matches!(gone, Err(Error::ActivityDoesNotExist(_))), "{gone:?}");
    create_activity(&engine, "b").await;
}
