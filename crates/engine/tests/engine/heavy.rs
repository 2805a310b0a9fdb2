//! Executions with very many parts. Express ones go on on the slow lane.

use crate::support::*;
use asl::StateMachineType;
use machine::{Outcome, Status};

/// Some megabytes when half of the iterations have ended.
const ITEMS: usize = 6_000;

/// After the Map it waits, so that a stop that comes late does not come too late.
fn heavy(seconds: u64) -> String {
    let text = "x".repeat(300);
    format!(
        r#"{{"StartAt":"M","States":{{"M":{{"Type":"Map","QueryLanguage":"JSONata","Items":"{{% [1..{ITEMS}] %}}","Output":{{}},
            "Next":"W","ItemProcessor":{{"StartAt":"P","States":{{"P":{{"Type":"Pass","QueryLanguage":"JSONPath",
            "Parameters":{{"item.$":"$","text":"{text}"}},"OutputPath":"$","End":true}}}}}}}},
            "W":{{"Type":"Wait","Seconds":{seconds},"End":true}}}}}}"#
    )
}

fn world() -> World {
    let mut world = World::new();
    world.options.limits.history_events_max = 100_000;
    world
}

#[tokio::test]
async fn they_end_as_others_do() {
    let world = world();
    let engine = world.open().await;
    let machine = create(&engine, "m", &heavy(0)).await;
    let arns = [start(&engine, &machine, "e1").await, start(&engine, &machine, "e2").await];
    for arn in &arns {
        let record = engine.wait_until_closed(arn).await.unwrap();
        assert_eq!(record.status, Status::Succeeded);
        check_history(&engine, &record).await;
    }
}

/// Heavy when they have ended, and two at once beside others.
#[tokio::test]
async fn express_ones_end_as_others_do() {
    let world = world();
    let engine = world.open().await;
    let machine = create_typed(&engine, "x", &heavy(0), StateMachineType::Express).await;
    let fails = heavy(0).replace(r#""OutputPath":"$""#, r#""OutputPath":"$.none""#);
    let failing = create_typed(&engine, "f", &fails, StateMachineType::Express).await;
    let (first, second, third) = tokio::join!(
        engine.start_sync_execution(start_of(&machine, "e1", "{}")),
        engine.start_sync_execution(start_of(&machine, "e2", "{}")),
        engine.start_sync_execution(start_of(&failing, "e3", "{}")),
    );
    for result in [first, second] {
        assert!(
            matches!(result.unwrap().record.outcome, Some(Outcome::Succeeded { output }) if **output.text() == *"{}")
        );
    }
    assert_eq!(third.unwrap().record.status, Status::Failed);
}

#[tokio::test]
async fn they_can_be_stopped_at_any_time() {
    let world = world();
    let engine = world.open().await;
    let machine = create(&engine, "m", &heavy(60)).await;
    for events in [2_000, 12_000, 20_000] {
        let arn = start(&engine, &machine, &format!("e{events}")).await;
        let mut observed = engine.subscribe(&arn).await.unwrap();
        while observed.next().await.unwrap().unwrap().id < events {}
        engine.stop_execution(&arn, None, None).await.unwrap();
        let record = engine.wait_until_closed(&arn).await.unwrap();
        assert_eq!(record.status, Status::Aborted);
        check_history(&engine, &record).await;
    }
}

#[tokio::test]
async fn they_go_on_after_a_restart() {
    let world = world();
    let mut engine = world.open().await;
    let machine = create(&engine, "m", &heavy(0)).await;
    let arn = start(&engine, &machine, "e").await;
    for events in [2_000, 12_000, 20_000] {
        let mut observed = engine.subscribe(&arn).await.unwrap();
        while observed.next().await.unwrap().unwrap().id < events {}
        drop((observed, engine));
        engine = world.open().await;
    }
    let record = engine.wait_until_closed(&arn).await.unwrap();
    assert_eq!(record.status, Status::Succeeded);
    check_history(&engine, &record).await;
}
