//! When a shard is woken though nothing comes in: for the next timer.

use super::{Report, Shard, ShardSender};
use crate::environment::Environment;
use std::sync::Arc;
use tokio::sync::watch;

impl Shard {
    pub(super) fn set_alarm(&mut self) {
        let wake_ms = self.wake_ms();
        if self.armed_ms.replace(wake_ms) != Some(wake_ms) {
            self.alarm.send_replace(wake_ms);
        }
    }

    /// When a timer must be looked at. Without a store there are only those in memory.
    pub(super) fn wake_ms(&self) -> i64 {
        if self.is_ending() {
            return i64::MAX;
        }
        if self.pipeline.tables().is_some() { self.timers.wake_ms() } else { self.timers.wake_in_memory_ms() }
    }
}

/// Wakes the shard at the time that it asks for.
pub(super) async fn wake(environment: Arc<Environment>, mut due: watch::Receiver<i64>, shard: ShardSender) {
    loop {
        let due_ms = *due.borrow_and_update();
        tokio::select! {
            biased;
            changed = due.changed() => if changed.is_err() { return },
            () = environment.clock.sleep_until(due_ms) => {
                shard.report(Report::Alarm);
                // The shard answers with the next time; until then the same one would only be reported again.
                if due.changed().await.is_err() {
                    return;
                }
            }
        }
    }
}
