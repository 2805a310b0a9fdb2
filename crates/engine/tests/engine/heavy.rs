//! Executions with very many parts. Express ones go on on the slow lane.

use crate::support::*;
use asl::StateMachineType;
use machine::{Outcome, Status};
use std::time::Duration;

/// Some megabytes when half of the iterations have ended.
const ITEMS: usize = 6_000;

/// After the Map it waits, so that a stop that comes late does not come too late.
fn heavy(seconds: u64) -> String {
    let text = "x".repeat(300);
    format!(
        r#"{{"StartAt":"M","States":{{"M":{{"Type":"Map","QueryLanguage":"JSONata","Items":"{{% [1..{ITEMS}] %}}","Output":{{"ended":"{{% $count($states.result) %}}"}},
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
        let outcome = result.unwrap().record.outcome;
        assert!(matches!(outcome, Some(Outcome::Succeeded { output }) if **output.text() == *r#"{"ended":6000}"#));
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

/// One comes to 32 MB and waits; another that would do the same beside it comes to more than both may take.
#[tokio::test]
async fn an_express_one_for_which_there_is_no_memory_fails_and_the_others_go_on() {
    let mut world = World::new();
    world.options.simulated = Some(1);
    world.options.limits.express_executions_bytes_max = 40 << 20;
    let engine = world.open().await;
    let waits = |seconds: u64| {
        format!(
            r#"{{"StartAt":"M","QueryLanguage":"JSONata","States":{{"M":{{"Type":"Map","Items":"{{% [1..40] %}}","Output":"done",
                "End":true,"ItemProcessor":{{"StartAt":"P","States":{{
                    "P":{{"Type":"Pass","Output":"{{% $pad($string($states.input), 200000) %}}","Next":"W"}},
                    "W":{{"Type":"Wait","Seconds":{seconds},"End":true}}}}}}}}}}}}"#
        )
    };
    let waiting = create_typed(&engine, "waits", &waits(60), StateMachineType::Express).await;
    let other = create_typed(&engine, "other", &waits(0), StateMachineType::Express).await;
    let quick = create_typed(&engine, "quick", &heavy(0).replace("6000", "6"), StateMachineType::Express).await;
    let first = {
        let (engine, waiting) = (engine.clone(), waiting.clone());
        tokio::spawn(async move { engine.start_sync_execution(start_of(&waiting, "first", "{}")).await })
    };
    // The world goes on in turns: by then it waits.
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
    }
    let second = engine.start_sync_execution(start_of(&other, "second", "{}")).await.unwrap();
    let Some(Outcome::Failed(failure)) = second.record.outcome else { panic!("{:?}", second.record.outcome) };
    assert_eq!(failure.error.as_deref(), Some("States.Runtime"));
    let share = (40 << 20) / 2;
    let cause = failure.cause.unwrap_or_default();
    assert!(cause.starts_with(&format!("The execution takes more than {share} bytes of memory (")), "{cause}");
    let third = engine.start_sync_execution(start_of(&quick, "third", "{}")).await.unwrap();
    assert_eq!(third.record.status, Status::Succeeded);
    world.clock.advance(Duration::from_secs(61));
    assert_eq!(first.await.unwrap().unwrap().record.status, Status::Succeeded);
}
