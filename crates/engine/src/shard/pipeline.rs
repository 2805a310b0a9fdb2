//! Batches and their commits: one batch is collected while a few are on their way to the disk.

use super::{Report, ShardSender, commit::Commit};
use crate::{
    outbox::Outbox,
    planted::{Fault, strikes},
    tables::{ExecutionKey, Tables, Writes},
};
use futures_util::FutureExt;
use std::{collections::VecDeque, panic::AssertUnwindSafe};
use tokio::runtime::Handle;

/// The commits of a shard, in order.
pub(crate) struct Pipeline {
    /// `None` between a failed commit and the reopening of the store.
    tables: Option<Tables>,
    /// Writes of the batch that is being collected, and what waits for it.
    pub(crate) writes: Writes,
    pub(crate) outbox: Outbox,
    closed: Vec<ExecutionKey>,
    in_flight: VecDeque<InFlight>,
    in_flight_max: usize,
    /// Number of the batch that is being collected.
    number: u64,
    shard: ShardSender,
    runtime: Handle,
}

struct InFlight {
    number: u64,
    settled: Settled,
    is_ready: bool,
}

/// A batch that is durable.
pub(crate) struct Settled {
    pub(crate) outbox: Outbox,
    /// Executions that it closed: from now on the store answers for them.
    pub(crate) closed: Vec<ExecutionKey>,
}

impl Pipeline {
    pub(crate) fn new(tables: Tables, in_flight_max: usize, shard: ShardSender, runtime: Handle) -> Pipeline {
        Pipeline {
            tables: Some(tables),
            writes: Writes::default(),
            outbox: Outbox::default(),
            closed: Vec::new(),
            in_flight: VecDeque::new(),
            in_flight_max: in_flight_max.max(1),
            number: 1,
            shard,
            runtime,
        }
    }

    pub(crate) fn tables(&self) -> Option<&Tables> {
        self.tables.as_ref()
    }

    /// Number of the batch that is being collected.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Number of the last batch that has writes.
    pub(crate) fn last(&self) -> u64 {
        self.number - u64::from(self.writes.is_empty())
    }

    /// The last batch that is durable together with all before it.
    pub(crate) fn durable(&self) -> u64 {
        self.in_flight.front().map_or(self.number, |first| first.number) - 1
    }

    /// Whether the batch that is being collected may grow.
    pub(crate) fn has_room(&self, bytes_max: usize) -> bool {
        self.writes.bytes() < bytes_max
    }

    /// Whether nothing waits for a commit.
    pub(crate) fn is_settled(&self) -> bool {
        self.in_flight.is_empty() && self.writes.is_empty() && self.outbox.is_empty()
    }

    /// The execution closes with the batch that is being collected.
    pub(crate) fn closes(&mut self, key: ExecutionKey) {
        self.closed.push(key);
    }

    /// Sends the batch on its way. A batch without writes waits for the commit before it; if there is none in flight,
    /// what it gives back can be released. A shard that `has_time` has nothing else to do until the batch is durable.
    #[must_use]
    pub(crate) fn submit(&mut self, has_time: bool) -> Option<Outbox> {
        if self.writes.is_empty() {
            let outbox = std::mem::take(&mut self.outbox);
            match self.in_flight.back_mut() {
                None => return (!outbox.is_empty()).then_some(outbox),
                Some(last) => last.settled.outbox.append(outbox),
            }
            return None;
        }
        let tables = self.tables.as_ref().filter(|_| self.in_flight.len() < self.in_flight_max)?;
        let number = self.number;
        self.number += 1;
        let settled = Settled { outbox: std::mem::take(&mut self.outbox), closed: std::mem::take(&mut self.closed) };
        let (store, batch) = (tables.store(), std::mem::take(&mut self.writes).into_batch());
        let is_alone = has_time && self.in_flight.is_empty();
        self.in_flight.push_back(InFlight { number, settled, is_ready: false });
        let commit = if is_alone { store.commit_here(batch) } else { store.commit(batch) };
        let shard = self.shard.clone();
        let report = async move {
            // A store that panics has failed: without its answer the shard would wait for ever. If it panicked in the call
            // itself, the shard did, and is supervised.
            let result = AssertUnwindSafe(commit).catch_unwind().await.unwrap_or(Err(store::Error::Poisoned));
            shard.report(Report::Committed { number, result });
        };
        Commit::drive(report, self.runtime.clone());
        None
    }

    /// A commit is ready: gives the batches that are durable now, in order. The store commits in the order of the
    /// calls, but the reports may overtake one another.
    pub(crate) fn committed(
        &mut self,
        number: u64,
        result: Result<(), store::Error>,
    ) -> Result<Vec<Settled>, store::Error> {
        // Of a commit from before the store was opened again nothing waits any more.
        let Some(commit) = self.in_flight.iter_mut().find(|commit| commit.number == number) else {
            return Ok(Vec::new());
        };
        if !strikes(Fault::FailedCommitIgnored) {
            result?;
        }
        commit.is_ready = true;
        let ready = self.in_flight.iter().take_while(|commit| commit.is_ready).count();
        Ok(self.in_flight.drain(..ready).map(|commit| commit.settled).collect())
    }

    /// The store failed: everybody who waits is told so.
    pub(crate) fn lose(&mut self) {
        self.tables = None;
        self.writes = Writes::default();
        self.closed.clear();
        for commit in self.in_flight.drain(..) {
            commit.settled.outbox.lose();
        }
        std::mem::take(&mut self.outbox).lose();
    }

    pub(crate) fn reopened(&mut self, tables: Tables) {
        self.number += 1;
        self.tables = Some(tables);
    }
}
