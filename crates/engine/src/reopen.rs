//! What happens when a commit has failed: nobody knows what was kept, so everything starts again from the store.
//!
//! All shards stop, and lose what they were told is durable by nobody. Then the store is opened again, as often as it
//! takes, and the shards go on as after a restart. Callers that waited were told of the failure; nothing that was
//! acknowledged is lost, and what was not acknowledged may be found done.

use crate::{OpenStore, environment::Environment, shard::Order, tables::Tables};
use std::{
    error::Error,
    io::{self, ErrorKind},
    sync::Arc,
    time::Duration,
};
use store::Store;
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
        tracing::error!(error = &error as &dyn Error, "the store failed; {}", advice(&error));
        environment.set_tables(None);
        halt_all(&environment).await;
        environment.activities.forget_offers();
        let tables = open(&environment, &open_store).await;
        // Every shard may have told of the same failure.
        while failures.try_recv().is_ok() {}
        environment.set_tables(Some(tables.clone()));
        match tables.deleting() {
            Ok(under_way) => environment.deletions.take_up(under_way),
            Err(error) => tracing::error!(%error, "the deletions that are under way cannot be read"),
        }
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

async fn open(environment: &Environment, open_store: &OpenStore) -> Tables {
    let mut pause = FIRST_PAUSE;
    loop {
        match open_apart(environment, open_store).await {
            Ok(store) => return Tables::new(store),
            Err(error) => {
                tracing::error!(error = &error as &dyn Error, "the store cannot be opened; {}", advice(&error));
            }
        }
        environment.clock.pause(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A large store, or one on a slow disk, takes long to open: no connection waits for that.
async fn open_apart(environment: &Environment, open_store: &OpenStore) -> Result<Arc<dyn Store>, store::Error> {
    let (reply, opened) = oneshot::channel();
    let open_store = Arc::clone(open_store);
    environment.spawn_blocking(move || {
        // The keeper waits, or is gone with the engine.
        let _ = reply.send(open_store());
    });
    // Who panicked has no answer.
    opened.await.unwrap_or(Err(store::Error::Poisoned))
}

/// What the operator can do. The server goes on by itself as soon as it can.
fn advice(error: &(dyn Error + 'static)) -> &'static str {
    let mut chain = std::iter::successors(Some(error), |error| (*error).source());
    match chain.find_map(|error| error.downcast_ref::<io::Error>()).map(io::Error::kind) {
        Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            "free some space on its disk; it is opened again by itself, and nothing that was acknowledged is lost"
        }
        Some(ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
            "make its folder writable; it is opened again by itself, and nothing that was acknowledged is lost"
        }
        _ => {
            "it is opened again by itself, and nothing that was acknowledged is lost; if this stays so, look at its disk"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_to_do() {
        let check = |kind: ErrorKind, expected: &str| {
            let error = store::Error::Backend { action: "commit", source: Box::new(io::Error::from(kind)) };
            assert!(advice(&error).starts_with(expected), "{kind}: {}", advice(&error));
        };
        check(ErrorKind::StorageFull, "free some space");
        check(ErrorKind::ReadOnlyFilesystem, "make its folder writable");
        check(ErrorKind::Other, "it is opened again by itself");
        assert!(advice(&store::Error::Poisoned).ends_with("look at its disk"));
    }
}
