//! What happens when a commit has failed: nobody knows what was kept, so everything starts again from the store.
//!
//! All shards stop, and lose what they were told is durable by nobody. Then the store is opened again, as often as it
//! takes, and the shards go on as after a restart. Callers that waited were told of the failure; nothing that was
//! acknowledged is lost, and what was not acknowledged may be found done.

use crate::{OpenStore, environment::Environment, shard::Order, tables::Tables};
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, oneshot};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Opens the store again whenever it has failed, until the engine is gone.
pub(crate) async fn keep_open(
    environment: Arc<Environment>,
    open_store: OpenStore,
    mut failures: mpsc::UnboundedReceiver<store::Error>,
) {
    while let Some(error) = failures.recv().await {
        tracing::error!(error = &error as &dyn std::error::Error, "the store failed");
        environment.set_tables(None);
        halt_all(&environment).await;
        environment.activities.forget_offers();
        let tables = open(&open_store).await;
        // Every shard may have told of the same failure.
        while failures.try_recv().is_ok() {}
        environment.set_tables(Some(tables.clone()));
        for shard in environment.shards.get().into_iter().flatten() {
            shard.order(Order::Resume { tables: tables.clone() });
        }
        tracing::info!("the store is open again");
    }
}

async fn halt_all(environment: &Environment) {
    for shard in environment.shards.get().into_iter().flatten() {
        let (done, halted) = oneshot::channel();
        shard.order(Order::Halt { done });
        // A shard that has ended is halted.
        let _ = halted.await;
    }
}

async fn open(open_store: &OpenStore) -> Tables {
    let mut pause = FIRST_PAUSE;
    loop {
        match open_store() {
            Ok(store) => return Tables::new(store),
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "the store cannot be opened"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
