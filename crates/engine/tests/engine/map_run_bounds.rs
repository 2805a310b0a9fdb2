//! Map Runs and their neighbours: many and large children take neither the time nor the room of others.

use crate::map_run_world::*;
use crate::support::*;
use engine::Options;
use std::time::Duration;

/// A world whose shards take turns, so that how far each is does not depend on the machine.
fn in_turns(shards: usize) -> World {
    let mut world = World::new();
    world.options = Options { shards, simulated: Some(7), ..world.options.clone() };
    world
}

const WAIT: &str = r#""StartAt":"C","States":{"C":{"Type":"Wait","Seconds":200,"End":true}}"#;
const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;

fn numbers(count: u64) -> String {
    let numbers: Vec<String> = (0..count).map(|number| number.to_string()).collect();
    format!("[{}]", numbers.join(","))
}

#[tokio::test]
async fn who_starts_an_execution_does_not_wait_until_all_children_are_stopped() {
    let world = in_turns(1);
    let engine = world.open().await;
    let neighbour = create(&engine, "neighbour", PASS).await;
    let execution = begin(&engine, &map("STANDARD", WAIT, ""), &numbers(2_000)).await;
    let state = until(&engine, &execution, |record| record.progress.executions.running == 2_000).await;
    let running = Listed { status: Some(machine::Status::Running), ..Listed::default() };
    while page_of_children(&engine, &state, running, 2_000).await.len() < 2_000 {
        tokio::task::yield_now().await;
    }
    engine.stop_execution(&execution, None, None).await.unwrap();
    until(&engine, &execution, |record| record.progress.executions.aborted > 0).await;
    engine.start_execution(start_of(&neighbour, "n", "{}")).await.unwrap();
    let aborted = map_run(&engine, &execution).await.progress.executions.aborted;
    assert!(aborted < 1_000, "{aborted} were stopped before");
    until(&engine, &execution, |record| record.stop_ms.is_some()).await;
    engine.shutdown(Duration::ZERO).await;
}
