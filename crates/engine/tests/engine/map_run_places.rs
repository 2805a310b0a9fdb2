//! Map Runs that are too many wait at their `MapRunStarted` event, as in AWS.

use crate::map_run_world::*;
use crate::support::*;
use asl::Arn;
use engine::MapRunRecord;
use machine::{MapRunStatus, MapRunUpdate, Outcome, Status};
use std::time::Duration;

fn running(record: &MapRunRecord) -> u64 {
    record.progress.executions.running
}

/// The items of the calls that are made next.
async fn items(world: &World) -> (Vec<String>, [Made; 2]) {
    let made = [world.calls.next().await, world.calls.next().await];
    let item = |made: &Made| made.call.request.parameters.value().get("Payload").unwrap().to_string();
    let mut items: Vec<String> = made.iter().map(item).collect();
    items.sort_unstable();
    (items, made)
}

#[tokio::test]
async fn the_first_to_come_is_the_first_to_go_on() {
    let mut world = World::new();
    world.options.limits.open_map_runs_max = 1;
    let engine = world.open().await;
    let machine = create(&engine, "m", &map("STANDARD", CALL, "")).await;
    let mut executions = Vec::new();
    for (name, input) in [("first", "[10,11]"), ("second", "[20,21]"), ("third", "[30,31]"), ("last", "[40,41]")] {
        let started = engine.start_execution(start_of(&machine, name, input)).await.unwrap();
        let arn = Arn::parse(&started.arn).unwrap();
        until_made(&engine, &arn).await;
        executions.push(arn);
    }
    let [first, second, third, last] = &executions[..] else { unreachable!() };
    let (called, calls) = items(&world).await;
    assert_eq!(called, ["10", "11"]);
    for waits in [second, third, last] {
        assert_eq!(event_types(&engine, waits).await.last(), Some(&"MapRunStarted"));
        // An update counts, and does not bring it forward.
        let update = MapRunUpdate { max_concurrency: Some(9), ..MapRunUpdate::default() };
        let arn = Arn::parse(&map_run(&engine, waits).await.arn).unwrap();
        engine.update_map_run(&arn, update).await.unwrap();
        assert_eq!(running(&map_run(&engine, waits).await), 0);
    }
    // One that is stopped ends without its turn.
    engine.stop_execution(second, None, None).await.unwrap();
    let stopped = until(&engine, second, |record| record.stop_ms.is_some()).await;
    assert_eq!((stopped.progress.status, stopped.progress.children_started), (MapRunStatus::Aborted, 0));

    for (call, item) in calls.into_iter().zip(["1", "2"]) {
        call.succeed(item);
    }
    assert_eq!(engine.wait_until_closed(first).await.unwrap().status, Status::Succeeded);
    let (called, calls) = items(&world).await;
    assert_eq!((called, running(&map_run(&engine, last).await)), (vec!["30".into(), "31".into()], 0));

    engine.shutdown(Duration::ZERO).await;
    drop(calls);
    let engine = world.open().await;
    let script = Script::default();
    for (execution, expected) in [(third, "[30,31]"), (last, "[40,41]")] {
        let record = script.during(&world, engine.wait_until_closed(execution)).await.unwrap();
        assert_eq!(record.outcome, Some(Outcome::Succeeded { output: payload(expected) }));
        check_history(&engine, &record).await;
    }
}

/// Waits until the execution has a Map Run.
async fn until_made(engine: &engine::Engine, execution: &Arn) {
    while engine.list_map_runs(execution, engine::Page { size: 1, after: None }).await.unwrap().items.is_empty() {
        tokio::task::yield_now().await;
    }
}
