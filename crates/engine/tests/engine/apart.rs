//! Long reads: the runtime does not wait for them, and only so many are made at once.

use crate::support::*;
use engine::{Error, OpenStore, Page};
use futures_util::FutureExt;
use std::{
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};
use store::{Batch, BoxFuture, Keyspace, MemoryStore, Range, Record, Store};

const PASSES: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#;

/// A disk on which scans of histories wait until the test lets them go on.
struct HeldStore {
    inner: MemoryStore,
    begun: Arc<AtomicUsize>,
    go: Arc<Mutex<mpsc::Receiver<()>>>,
}

impl Store for HeldStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, store::Error> {
        self.inner.get(keyspace, key)
    }
    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, store::Error> {
        if keyspace == Keyspace("history") {
            self.begun.fetch_add(1, Ordering::SeqCst);
            // It goes on when the test lets go of the sender.
            let told = self.go.lock().unwrap().recv_timeout(Duration::from_secs(10));
            assert_eq!(told, Err(mpsc::RecvTimeoutError::Disconnected), "the runtime waits for the disk");
        }
        self.inner.scan(keyspace, range, limit)
    }
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), store::Error>> {
        self.inner.commit(batch)
    }
}

#[tokio::test]
async fn the_runtime_does_not_wait_for_long_reads_and_few_are_made_at_once() {
    let mut world = World::new();
    world.options.apart_at_once_max = 1;
    let (begun, (told, go)) = (Arc::new(AtomicUsize::new(0)), mpsc::channel::<()>());
    let (store, counted, go) = (world.store.clone(), Arc::clone(&begun), Arc::new(Mutex::new(go)));
    let open: OpenStore = Arc::new(move || {
        Ok(Arc::new(HeldStore { inner: store.clone(), begun: Arc::clone(&counted), go: Arc::clone(&go) }) as _)
    });
    let engine = world.open_with(open).await;
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
