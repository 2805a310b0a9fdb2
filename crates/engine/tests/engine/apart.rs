//! Long reads: the runtime does not wait for them, and only so many are made at once.

use crate::support::*;
use engine::{Error, Page};
use futures_util::FutureExt;
use std::{pin::pin, sync::atomic::Ordering};
use store::Keyspace;

const PASSES: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#;

#[tokio::test]
async fn the_runtime_does_not_wait_for_long_reads_and_few_are_made_at_once() {
    let mut world = World::new();
    world.options.apart_at_once_max = 1;
    let (engine, begun, told) = world.open_held(|_, keyspace, _| keyspace == Keyspace("history")).await;
    let machine = create(&engine, "m", PASSES).await;
    let arn = start(&engine, &machine, "e").await;
    let page = || Page { size: 100, after: None };
    let mut first = pin!(engine.history(&arn, false, page()));
    let mut second = pin!(engine.history_without_data(&arn, false, page()));
    while begun.load(Ordering::SeqCst) == 0 {
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    // What is read at one point is there meanwhile.
    engine.execution(&arn).await.unwrap();
    assert!(second.as_mut().now_or_never().is_none());
    assert_eq!(begun.load(Ordering::SeqCst), 1);
    drop(told);
    let events = first.await.unwrap().items.len();
    assert_eq!(second.await.unwrap().items.len(), events);
}

#[tokio::test]
async fn a_panic_apart_is_told_and_gives_its_place_back() {
    let mut world = World::new();
    world.options.apart_at_once_max = 1;
    let engine = world.open().await;
    let lost = engine.apart(|| assert_eq!(1, 2, "a fault")).await;
    assert!(matches!(lost, Err(Error::AnswerLost)), "{lost:?}");
    assert_eq!(engine.apart(|| 3).await.unwrap(), 3);
}
