//! Executions with so many parts that they go on on the slow lane.

use crate::support::*;
use machine::Status;

/// Some megabytes when half of the iterations have ended.
const ITEMS: usize = 6_000;

/// After the Map it waits, so that a stop that comes late does not come too late.
fn heavy(seconds: u64) -> String {
    let text = "x".repeat(300);
    format!(
        r#"{{"StartAt":"M","States":{{"M":{{"Type":"Map","QueryLanguage":"JSONata","Items":"{{% [1..{ITEMS}] %}}","Output":{{}},
            "Next":"W","ItemProcessor":{{"StartAt":"P","States":{{"P":{{"Type":"Pass","QueryLanguage":"JSONPath",
            "Parameters":{{"item.$":"$","text":"{text}"}},"End":true}}}}}}}},
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
