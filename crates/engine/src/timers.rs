//! Timers of one shard. All of them are in the store; those that are due soon are in memory as well.
//!
//! Everything due before the horizon is in memory or has fired. Before the clock reaches the horizon it is moved on and
//! the timers up to the new one are read. A window that holds very many timers moves the horizon by less.

use crate::{
    planted::{Fault, strikes},
    tables::{ExecutionKey, ReadError, Tables, TimerRow},
};
use machine::TimerId;
use std::collections::BTreeSet;

/// How far ahead timers are taken into memory.
const AHEAD_MS: i64 = 60_000;
/// The horizon is moved on when it is nearer than this.
const NEAR_MS: i64 = AHEAD_MS / 2;
/// Timers of one partition that are read at once.
pub(crate) const AT_ONCE: usize = 4_096;
/// More than the executions that may be open.
const ALL: usize = 1 << 30;

/// The near timers of a shard.
pub(crate) struct Timers {
    near: BTreeSet<TimerRow>,
    /// Everything stored with an earlier due time is in `near`.
    horizon_ms: i64,
    /// Timers of one partition that are read at once.
    page: usize,
}

impl Timers {
    /// Nothing is in memory: the horizon is at the beginning of time, so that what fell due while nobody ran is found.
    pub(crate) fn new(page: usize) -> Timers {
        Timers { near: BTreeSet::new(), horizon_ms: 0, page }
    }

    /// A timer that is stored: it is kept in memory if it is due soon.
    pub(crate) fn set(&mut self, key: ExecutionKey, timer: TimerId, due_ms: i64) {
        if due_ms < self.horizon_ms {
            self.near.insert(TimerRow { due_ms, key, timer });
        }
    }

    /// A timer of an execution that is only in memory.
    pub(crate) fn set_in_memory(&mut self, key: ExecutionKey, timer: TimerId, due_ms: i64) {
        self.near.insert(TimerRow { due_ms, key, timer });
    }

    pub(crate) fn cancel(&mut self, key: ExecutionKey, timer: TimerId, due_ms: i64) {
        self.near.remove(&TimerRow { due_ms, key, timer });
    }

    /// The next timer that is due, never early.
    pub(crate) fn take_due(&mut self, now_ms: i64) -> Option<TimerRow> {
        if self.near.first()?.due_ms > now_ms && !strikes(Fault::TimerEarly) {
            return None;
        }
        self.near.pop_first()
    }

    /// Whether a timer of this execution is due.
    pub(crate) fn has_due(&self, key: ExecutionKey, now_ms: i64) -> bool {
        self.near.iter().take_while(|row| row.due_ms <= now_ms).any(|row| row.key == key)
    }

    /// When the shard must look again.
    pub(crate) fn wake_ms(&self) -> i64 {
        let refill = self.horizon_ms.saturating_sub(NEAR_MS);
        self.near.first().map_or(refill, |first| first.due_ms.min(refill))
    }

    /// The same for the timers in memory alone.
    pub(crate) fn wake_in_memory_ms(&self) -> i64 {
        self.near.first().map_or(i64::MAX, |first| first.due_ms)
    }

    /// Moves the horizon on when the clock comes near it, and reads the timers up to the new one.
    pub(crate) fn refill(&mut self, now_ms: i64, partitions: &[u8], tables: &Tables) -> Result<(), ReadError> {
        if self.horizon_ms.saturating_sub(now_ms) > NEAR_MS {
            return Ok(());
        }
        let from_ms = self.horizon_ms;
        let mut until_ms = now_ms.saturating_add(AHEAD_MS);
        let mut rows = Vec::new();
        for partition in partitions {
            let page = tables.timers(*partition, from_ms, until_ms, self.page)?;
            if let (Some(last), true) = (page.last(), page.len() == self.page) {
                until_ms = until_ms.min(last.due_ms.max(from_ms.saturating_add(1)));
            }
            rows.extend(page);
        }
        rows.retain(|row| row.due_ms < until_ms);
        if until_ms == from_ms.saturating_add(1) {
            rows = all_due_at(from_ms, partitions, tables)?;
        }
        self.near.extend(rows);
        self.horizon_ms = until_ms;
        Ok(())
    }

    /// Forgets the stored timers, not those that are only in memory.
    pub(crate) fn forget(&mut self, in_memory: impl Fn(ExecutionKey) -> bool) {
        self.near.retain(|row| in_memory(row.key));
        if strikes(Fault::TimersNotReadAgain) {
            return;
        }
        self.horizon_ms = 0;
    }
}

/// More timers than a page are due in the same millisecond: they are taken together, or the horizon would stand still.
fn all_due_at(due_ms: i64, partitions: &[u8], tables: &Tables) -> Result<Vec<TimerRow>, ReadError> {
    let mut rows = Vec::new();
    for partition in partitions {
        rows.extend(tables.timers(*partition, due_ms, due_ms.saturating_add(1), ALL)?);
    }
    Ok(rows)
}
