//! What goes wrong with one execution disturbs no other.

use crate::support::*;
use engine::Error;
use machine::Status;
use store::{Batch, Keyspace, Range, Store};

const WAITS: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"End":true}}}"#;

#[tokio::test]
async fn a_corrupt_record_sets_one_execution_aside() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", WAITS).await;
    let names = ["a", "b", "c"];
    let mut arns = Vec::new();
    for name in names {
        arns.push(start(&engine, &machine, name).await);
    }
    drop(engine);
    let parts = Keyspace("parts");
    let (first, _) = world.store.scan(parts, Range::ALL, 1).unwrap().remove(0);
    let corrupt = first[..16].to_vec();
    let mut batch = Batch::new();
    for (key, _) in world.store.scan(parts, Range::ALL, 100).unwrap() {
        if key.starts_with(&corrupt) {
            batch.put(parts, key, [1, 0xc1]);
        }
    }
    world.store.commit(batch).await.unwrap();
    for _restart in 0..2 {
        let engine = world.open().await;
        let mut aside = 0;
        for arn in &arns {
            match engine.stop_execution(arn, None, None).await {
                Ok(_) => assert_eq!(engine.execution(arn).await.unwrap().status, Status::Aborted),
                Err(Error::SetAside { .. }) => aside += 1,
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(aside, 1);
    }
}
