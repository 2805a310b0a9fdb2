//! What happens when the loop of a shard panics outside of a step.
//!
//! A panic in a step concerns one execution, and is caught there. A panic elsewhere may have left anything half done, so
//! the shard does what it does after a failed commit: it forgets what is not durable, the store is opened again, and the
//! executions are taken up anew. The one that it worked for is set aside, or the same would happen again and again.

use super::{Shard, stepping::panic_text};
use crate::tables::ExecutionKey;
use std::panic::{AssertUnwindSafe, catch_unwind};

impl Shard {
    /// Does one thing of the loop, and goes on after a panic in it. What the panic left in memory is not used any more:
    /// it is lost with what is not durable, and an Express execution that was at work ends.
    pub(super) fn supervised(&mut self, act: impl FnOnce(&mut Shard)) {
        let Err(panic) = catch_unwind(AssertUnwindSafe(|| act(self))) else { return };
        let why = panic_text("the shard panicked at it", &*panic);
        if let Some(key) = self.at.take() {
            self.drop_express(key);
            self.blamed.push((key, why.clone()));
        }
        tracing::error!(shard = self.number, why, "a shard panicked; please report this");
        self.fail(store::Error::Poisoned);
    }

    /// Its callers hear that it is gone.
    fn drop_express(&mut self, key: ExecutionKey) {
        if self.recovery.express.gives_up(key) {
            self.environment.express_room.ended(false);
        }
        if let Some(live) = self.live.remove_express(key) {
            self.environment.express_room.ended(live.is_child());
            self.work.extend(live.parked);
            for _ in 0..self.dispatcher.cancel_all(|other| other == key) {
                self.begin_next();
            }
        }
    }

    /// Sets aside the executions at which the shard panicked, those that are open.
    pub(super) fn set_blamed_aside(&mut self) {
        let Some(tables) = self.pipeline.tables().cloned() else { return };
        for (key, why) in std::mem::take(&mut self.blamed) {
            match tables.execution(key) {
                Ok(Some(stored)) if stored.record.stop_ms.is_none() => {
                    tracing::error!(execution = %stored.record.arn, why, "an execution is set aside");
                    self.keep_aside(key, &why);
                }
                // An Express execution is not begun anew, or the same would happen again.
                Ok(_) => self.pipeline.writes.remove_express_start(key),
                Err(error) => tracing::error!(%error, ?key, "an execution cannot be set aside"),
            }
        }
    }
}
