//! Executions with very many parts, or with large ones. Express ones go on on the slow lane.

use crate::support::*;
use asl::StateMachineType;
use engine::RedriveExecution;
use machine::{Outcome, Status};
use std::{sync::atomic::Ordering, time::Duration};

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
        ends(&engine, arn, Status::Succeeded).await;
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
        ends(&engine, &arn, Status::Aborted).await;
    }
}

/// Found by reading: the redrive came before the stop was durable, and nothing made the next step.
#[tokio::test]
async fn they_go_on_when_they_are_redriven_right_after_a_stop() {
    let mut world = world();
    (world.options.simulated, world.options.shards) = (Some(1), 1);
    let (engine, steps) = world.open_stepped(1_000).await;
    let machine = create(&engine, "m", &heavy(0)).await;
    let arn = execution_arn("m", "e");
    steps.forget_permits(1_000);
    // The stop comes before the second step.
    let ended = tokio::spawn({
        let (engine, start, arn) = (engine.clone(), start_of(&machine, "e", "{}"), arn.clone());
        async move { tokio::join!(engine.start_execution(start), engine.stop_execution(&arn, None, None)) }
    });
    come_to_rest().await;
    let redriven = tokio::spawn({
        let (engine, execution) = (engine.clone(), arn.clone());
        async move { engine.redrive_execution(RedriveExecution { execution, client_token: None }).await }
    });
    come_to_rest().await;
    steps.add_permits(100_000);
    let (started, stopped) = ended.await.unwrap();
    started.unwrap();
    stopped.unwrap();
    redriven.await.unwrap().unwrap();
    ends(&engine, &arn, Status::Succeeded).await;
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
    ends(&engine, &arn, Status::Succeeded).await;
}

/// A Map of 40 outputs of 200 KB: 16 MB with their values.
fn waits(seconds: u64) -> String {
    format!(
        r#"{{"StartAt":"M","QueryLanguage":"JSONata","States":{{"M":{{"Type":"Map","Items":"{{% [1..40] %}}","Output":"done",
            "End":true,"ItemProcessor":{{"StartAt":"P","States":{{
                "P":{{"Type":"Pass","Output":"{{% $pad($string($states.input), 200000) & $string($count($states)) %}}","Next":"W"}},
                "W":{{"Type":"Wait","Seconds":{seconds},"End":true}}}}}}}}}}}}"#
    )
}

/// Four that come to 16 MB each, where there are 20 MB: they go on one after the other, or some would fail at 40.
#[tokio::test]
async fn express_ones_for_which_there_is_no_room_wait_for_one_another() {
    let mut world = World::new();
    world.options.simulated = Some(1);
    world.options.shards = 1;
    world.options.limits.express_executions_bytes_max = 20 << 20;
    world.options.limits.execution_bytes_max = 20 << 20;
    let engine = world.open().await;
    let machine = create_typed(&engine, "m", &waits(0), StateMachineType::Express).await;
    let start = |name: &'static str| engine.start_sync_execution(start_of(&machine, name, "{}"));
    let (one, two, three, four) = tokio::join!(start("e1"), start("e2"), start("e3"), start("e4"));
    for result in [one, two, three, four] {
        let record = result.unwrap().record;
        assert_eq!(record.status, Status::Succeeded, "{:?}", record.outcome);
    }
}

/// Two come to 16 MB each and wait, so that a third takes what is left; then it fails, as there is nobody to wait for.
#[tokio::test]
async fn an_express_one_for_which_there_is_no_memory_fails_and_the_others_go_on() {
    let mut world = World::new();
    world.options.simulated = Some(1);
    world.options.shards = 1;
    world.options.limits.express_executions_bytes_max = 6 << 20;
    world.options.limits.execution_bytes_max = 30 << 20;
    let engine = world.open().await;
    let machine = create_typed(&engine, "waits", &waits(60), StateMachineType::Express).await;
    let quick = create_typed(&engine, "quick", &heavy(0).replace("6000", "6"), StateMachineType::Express).await;
    let (ended, mut results) = tokio::sync::mpsc::unbounded_channel();
    for name in ["e1", "e2", "e3"] {
        let (engine, start, ended) = (engine.clone(), start_of(&machine, name, "{}"), ended.clone());
        tokio::spawn(async move { ended.send(engine.start_sync_execution(start).await.unwrap().record).unwrap() });
    }
    let failed = results.recv().await.unwrap();
    let Some(Outcome::Failed(failure)) = failed.outcome else { panic!("{:?}", failed.outcome) };
    assert_eq!(failure.error.as_deref(), Some("States.Runtime"));
    let share = (36 << 20) / 3;
    let cause = failure.cause.unwrap_or_default();
    assert!(cause.starts_with(&format!("The execution takes more than {share} bytes of memory (")), "{cause}");
    come_to_rest().await;
    world.clock.advance(Duration::from_secs(61));
    for _ in 0..2 {
        assert_eq!(results.recv().await.unwrap().status, Status::Succeeded);
    }
    let after = engine.start_sync_execution(start_of(&quick, "after", "{}")).await.unwrap();
    assert_eq!(after.record.status, Status::Succeeded);
}

/// Four that come to 16 MB each, where there is 1 MB: one that is put out before it is through is not read again for each step.
#[tokio::test]
async fn large_ones_that_go_on_are_not_read_again_for_each_step() {
    let mut world = World::new();
    world.options.shards = 1;
    world.options.executions_in_memory_bytes_max = 1 << 20;
    let (engine, reads) = world.open_slow_apart().await;
    let machine = create(&engine, "m", &waits(0)).await;
    let mut started = Vec::new();
    for name in ["e1", "e2", "e3", "e4"] {
        started.push(start(&engine, &machine, name).await);
    }
    for arn in started {
        ends(&engine, &arn, Status::Succeeded).await;
    }
    let reads = reads.load(Ordering::SeqCst);
    assert!((3..=24).contains(&reads), "{reads} reads");
}

/// Four that come to 16 MB each, where there is 1 MB, and wait in each of their iterations; then `come` lets all that they wait
/// for come in turns. Gives how often they are read from then on.
async fn reads_of_what_waits(definition: &str, come: impl AsyncFnOnce(&World)) -> u64 {
    let mut world = World::new();
    world.options.shards = 1;
    world.options.executions_in_memory_bytes_max = 1 << 20;
    let (engine, reads) = world.open_slow_apart().await;
    let machine = create(&engine, "m", definition).await;
    let mut started = Vec::new();
    for name in ["e1", "e2", "e3", "e4"] {
        started.push(start(&engine, &machine, name).await);
    }
    for arn in &started {
        // The start, the Map's two events, and four of each iteration, at least.
        until_events(&engine, arn, 3 + 4 * 40).await;
    }
    let before = reads.load(Ordering::SeqCst);
    come(&world).await;
    for arn in started {
        ends(&engine, &arn, Status::Succeeded).await;
    }
    reads.load(Ordering::SeqCst) - before
}

#[tokio::test]
async fn large_ones_that_wait_are_not_read_again_for_each_timer() {
    let one_by_one = r#""Seconds":"{% 100 + $states.context.Map.Item.Index %}""#;
    let definition = waits(0).replace(r#""Seconds":0"#, one_by_one);
    let reads = reads_of_what_waits(&definition, async |world| world.clock.advance(Duration::from_secs(200))).await;
    assert!((3..=40).contains(&reads), "{reads} reads");
}

#[tokio::test]
async fn large_ones_that_wait_are_not_read_again_for_each_answer() {
    let task = r#""Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Arguments":{"FunctionName":"f"},
        "Output":"{% $states.input %}""#;
    let definition = waits(0).replace(r#""Type":"Wait","Seconds":0"#, task);
    let come = async |world: &World| {
        let mut made = Vec::new();
        while made.len() < 4 * 40 {
            made.push(world.calls.next().await);
        }
        // One of each execution after the other.
        made.sort_by_key(|made| made.call.request.id);
        made.into_iter().for_each(|made| made.succeed("1"));
    };
    let reads = reads_of_what_waits(&definition, come).await;
    assert!((3..=40).contains(&reads), "{reads} reads");
}
