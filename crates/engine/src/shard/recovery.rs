//! Taking up executions after a start, and going through a failed commit.
//!
//! What is open is read in the background, a few executions at a time, while the shard already serves. An execution
//! that something comes for before its turn is taken up then. "Taken up" means: its calls go on as their integrations
//! say, what no worker has taken is offered again, and a bounded step goes on. Its timers are read by [`crate::timers`].

use super::{Found, Shard, child_line::ChildLine, express_starts::ExpressStarts, live::Live, message::Work};
use crate::{
    Error,
    activities::Offer,
    outbox::Released,
    planted::{Fault, strikes},
    scopes::PerScope,
    tables::{ExecutionKey, ReadError, SetAside, StoredExecution, Tables},
};
use machine::{EventId, Execution, Request};
use std::{collections::HashSet, sync::Arc};

/// Executions that are taken up in one pass of the loop: few enough that callers need not wait for them.
const AT_ONCE: usize = 16;
/// The same while much else is waiting: those that wait longest must not wait for ever.
const AT_ONCE_BUSY: usize = 2;

/// How far the shard is with what was open when it started.
pub(super) struct Recovery {
    partitions: Arc<[u8]>,
    /// Partitions that are not finished; the last is in progress.
    left: Vec<u8>,
    /// The last execution whose turn it was in the partition in progress.
    after: Option<ExecutionKey>,
    /// How many were taken up, until that is told.
    taken_up: u64,
    /// Executions that were taken up, or begun, before their turn.
    met: HashSet<ExecutionKey>,
    /// Executions whose turn came, and that wait until what they need has been read.
    late: HashSet<ExecutionKey>,
    /// Calls that the last clean shutdown did not begin.
    held: HashSet<(ExecutionKey, EventId)>,
    /// Express executions of the process before; what was found of them once is in memory.
    pub(super) express: ExpressStarts,
}

impl Recovery {
    pub(super) fn new(partitions: Vec<u8>) -> Recovery {
        let (left, express) = (partitions.clone(), ExpressStarts::new(&partitions));
        Recovery {
            express,
            partitions: partitions.into(),
            left,
            after: None,
            taken_up: 0,
            met: HashSet::new(),
            late: HashSet::new(),
            held: HashSet::new(),
        }
    }

    /// Begins anew. What was held and has not been begun since is still known, whether or not the store has it.
    fn restart(&mut self) {
        (self.left, self.after, self.taken_up) = (self.partitions.to_vec(), None, 0);
        self.met.clear();
        self.late.clear();
    }

    /// The partitions of the shard.
    pub(super) fn partitions(&self) -> &[u8] {
        &self.partitions
    }

    pub(super) fn is_going_on(&self) -> bool {
        !self.left.is_empty()
    }

    /// An execution that needs not be taken up when its turn comes; false if its turn is over or it was met before.
    pub(super) fn met(&mut self, key: ExecutionKey) -> bool {
        self.late.remove(&key) || (self.is_ahead(key) && self.met.insert(key))
    }

    fn is_ahead(&self, key: ExecutionKey) -> bool {
        match self.left.split_last() {
            Some((current, _)) if *current == key.partition() => self.after.is_none_or(|after| after < key),
            Some((_, rest)) => rest.contains(&key.partition()),
            None => false,
        }
    }

    /// The next executions whose turn it is. It goes on behind those that came to their turn.
    fn next(&self, tables: &Tables, at_once: usize) -> Result<Vec<ExecutionKey>, ReadError> {
        let Some(partition) = self.left.last().copied() else { return Ok(Vec::new()) };
        tables.open(partition, self.after, at_once)
    }

    /// It is the turn of the execution; false if it was met before.
    fn comes_to(&mut self, key: ExecutionKey) -> bool {
        self.after = Some(key);
        !self.met.remove(&key)
    }

    /// How many were taken up, once, when all are.
    fn taken_up_in_all(&mut self) -> Option<u64> {
        let is_over = self.left.is_empty() && self.late.is_empty();
        if is_over { Some(std::mem::take(&mut self.taken_up)).filter(|taken_up| *taken_up > 0) } else { None }
    }

    /// The partition in progress has no more.
    fn finish_partition(&mut self) {
        self.left.pop();
        self.after = None;
    }
}

impl Shard {
    /// Takes up the next executions.
    pub(super) fn recover(&mut self) {
        if !self.is_recovering() {
            return;
        }
        let is_busy = self.work.len() > super::WORK_AT_ONCE_MAX;
        let Some(tables) = self.pipeline.tables().cloned() else { return };
        let at_once = if is_busy { AT_ONCE_BUSY } else { AT_ONCE };
        let slice = self.slice();
        let keys = match self.recovery.next(&tables, at_once) {
            Ok(keys) => keys,
            Err(error) => return self.cannot_read("the open executions", &error),
        };
        let is_last = keys.len() < at_once;
        for key in keys {
            if slice.is_over() {
                return;
            }
            if !self.recovery.comes_to(key) || strikes(Fault::ExecutionForgotten) {
                continue;
            }
            self.at = Some(key);
            self.recovery.late.insert(key);
            self.perform(Work::Recover(key));
            self.at = None;
            if self.pipeline.tables().is_none() {
                return;
            }
        }
        if is_last {
            self.recovery.finish_partition();
        }
        self.tell_taken_up();
    }

    /// Once, when the last has been: some wait after their turn until they have been read.
    fn tell_taken_up(&mut self) {
        if let Some(executions) = self.recovery.taken_up_in_all() {
            tracing::info!(shard = self.number, executions, "all open executions are taken up");
        }
    }

    /// Its turn has come, and what it needs has been read; unless something came for it since.
    pub(super) fn recover_one(&mut self, key: ExecutionKey) {
        if !self.recovery.late.remove(&key) {
            return self.tell_taken_up();
        }
        let Some(tables) = self.pipeline.tables().cloned() else { return };
        match self.load(key, &tables) {
            Ok(Found::Open) => self.take_up_all(key),
            Ok(_) => {}
            Err(Error::Store(error)) => return self.cannot_read("an open execution", &error),
            Err(error) => tracing::error!(%error, "an open execution cannot be taken up"),
        }
        self.tell_taken_up();
    }

    /// Reads what the last shutdown did not begin, before anything is taken up.
    pub(super) fn read_held(&mut self) {
        let Some(tables) = self.pipeline.tables().cloned() else { return };
        for partition in self.recovery.partitions().to_vec() {
            match tables.held(partition) {
                Ok(held) => {
                    // Before such a call is begun it is durable that it is not held any more.
                    held.iter().for_each(|(key, id)| self.pipeline.writes.unhold(*key, *id));
                    self.recovery.held.extend(held);
                }
                Err(error) => return self.cannot_read("the calls that were not begun", &error),
            }
        }
    }

    /// Brings an execution into memory, if it is open.
    pub(super) fn find(&mut self, key: ExecutionKey) -> Result<Found, Error> {
        if let Some(live) = self.live.get(key) {
            return Ok(if live.is_closed() { Found::Closed(Box::new(live.stored.clone())) } else { Found::Open });
        }
        let found = self.load_or_fail(key)?;
        if matches!(found, Found::Open) && self.recovery.met(key) {
            self.take_up_all(key);
            if self.live.get(key).is_none() {
                // It was set aside, or the store failed: it is there all the same, and is not found as open.
                return self.load_or_fail(key);
            }
        }
        Ok(found)
    }

    fn load_or_fail(&mut self, key: ExecutionKey) -> Result<Found, Error> {
        let tables = self.tables()?.clone();
        match self.load(key, &tables) {
            Err(Error::Store(error)) => {
                // Something came for the execution that must not be lost: after reopening it is taken up anew.
                self.fail(error);
                Err(Error::Store(store::Error::Poisoned))
            }
            found => found,
        }
    }

    fn load(&mut self, key: ExecutionKey, tables: &Tables) -> Result<Found, Error> {
        let stored = match self.readings.stored(key, tables) {
            Ok(Some(stored)) => stored,
            Ok(None) => return Ok(Found::Absent),
            Err(error) => return Err(self.unreadable(key, error, tables)),
        };
        if stored.record.stop_ms.is_some() {
            return Ok(Found::Closed(Box::new(stored)));
        }
        let arn = Arc::clone(&stored.record.arn);
        let was_aside = match self.is_aside(key, tables)? {
            Some(SetAside::Here(why)) => return Err(Error::SetAside { arn, why }),
            Some(SetAside::Elsewhere) => true,
            None => false,
        };
        match self.read_live(key, stored, tables) {
            Ok(live) => {
                self.bring_in(key, live);
                if was_aside {
                    tracing::info!(execution = %arn, "an execution that another build set aside goes on");
                    self.pipeline.writes.not_aside(key);
                }
            }
            Err(ReadError::Store(error)) => return Err(Error::Store(error)),
            Err(ReadError::Corrupt { keyspace, why }) => {
                return Err(self.set_aside(key, &arn, &format!("{keyspace}: {why}")));
            }
        }
        Ok(Found::Open)
    }

    /// An execution as it is stored, which may be at hand.
    pub(super) fn read_live(
        &mut self,
        key: ExecutionKey,
        stored: StoredExecution,
        tables: &Tables,
    ) -> Result<Live, ReadError> {
        if let Some(mut live) = self.readings.large.take(key) {
            live.stored = stored;
            return Ok(live);
        }
        let definition = match self.readings.at_hand(key) {
            Some(definition) => definition,
            None => self.environment.definitions.get(&stored.definition(), tables)?,
        };
        Live::read(stored, definition, self.readings.parts(key, tables)?)
    }

    /// Goes on with everything that an execution had asked for when the process ended. If its Map Runs cannot be read it
    /// is not in memory afterwards, and nothing of it goes on.
    fn take_up_all(&mut self, key: ExecutionKey) {
        let Some(live) = self.live.get(key) else { return };
        self.recovery.taken_up += 1;
        self.environment.one_open_more(&live.stored);
        for pending in live.execution.as_ref().map(Execution::pending_map_runs).unwrap_or_default() {
            self.look_after_map_run(key, pending);
        }
        let Some(execution) = self.live.get(key).and_then(|live| live.execution.as_ref()) else { return };
        let is_ready = execution.is_ready();
        let mut offers = Vec::new();
        for pending in execution.pending() {
            match pending.request {
                Request::Task(request) => {
                    let attempt = (key, request.id);
                    if self.recovery.held.remove(&attempt) {
                        self.pipeline.outbox.effect(Released::Begin(attempt));
                    } else {
                        let is_submitted = pending.submitted.is_some();
                        self.work.push_back(Work::TakeUp { attempt, is_submitted });
                    }
                }
                Request::Activity { id, activity_arn, .. } if !pending.started => {
                    offers.push(Offer { key, id, activity_arn });
                }
                // Its worker has it.
                Request::Activity { .. } => {}
            }
        }
        offers.into_iter().for_each(|offer| self.offer(offer));
        if let Some(live) = self.live.get_mut(key).filter(|_| is_ready) {
            live.goes_on = true;
            self.work.push_back(Work::go_on(key));
        }
    }

    /// A commit failed: what was kept of it is unknown. The shard forgets what is not durable and waits until the
    /// keeper has opened the store again.
    pub(super) fn fail(&mut self, error: store::Error) {
        let told = &error as &dyn std::error::Error;
        tracing::error!(shard = self.number, error = told, "the store failed, and is opened again");
        self.halt();
        // The keeper is gone only when the engine is.
        let _ = self.environment.failures.send(error);
    }

    /// Going on without what cannot be read now would leave executions that nobody moves.
    pub(super) fn cannot_read(&mut self, what: &str, error: &dyn std::fmt::Display) {
        self.at = None;
        tracing::error!(%error, "{what} cannot be read");
        self.fail(store::Error::Poisoned);
    }

    pub(super) fn halt(&mut self) {
        self.pipeline.lose();
        let parked = self.live.take_standard().into_iter().flat_map(|(_, live)| live.parked);
        self.work.extend(parked);
        self.work.extend(self.readings.take_waiting());
        let live = &self.live;
        self.timers.forget(|key| live.is_express(key));
        self.observers.retain(|key, _| live.is_express(*key));
        self.aside.clear();
        // They ask for their children again, and stop them again.
        self.map_runs.forget();
        self.children = ChildLine::default();
        self.stops.clear();
        self.environment.map_run_places.forget(self.environment.options.shard_count());
        *self.environment.open_executions() = PerScope::default();
        self.waiters.forget_calls();
    }

    /// The store was opened again: the shard starts as after a restart, but for the calls that run: they were durable
    /// before they began, and go on unless nobody waits for them any more. Who waits for the end of an execution still
    /// waits, and is answered if that end is durable after all.
    pub(super) fn resume(&mut self, tables: Tables) {
        self.recovery.restart();
        self.pipeline.reopened(tables);
        self.set_blamed_aside();
        self.read_held();
        self.read_express_starts();
        self.take_up_map_runs();
        self.work.append(&mut self.stalled);
        self.work.extend(self.dispatcher.running().into_iter().map(Work::EndUnwanted));
        for key in self.waiters.awaited() {
            if let Ok(Found::Closed(stored)) = self.find(key) {
                for caller in self.waiters.take_callers(key) {
                    self.pipeline.outbox.answer(caller, Ok(stored.record.clone()));
                }
            }
        }
    }

    /// A clean shutdown marks the calls that were not begun, so that the next start begins them as new ones.
    pub(super) fn hold_line(&mut self) {
        if self.pipeline.tables().is_none() {
            return;
        }
        for (key, id) in self.dispatcher.leave_line() {
            if !self.live.is_express(key) {
                self.pipeline.writes.hold(key, id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_once_how_many_were_taken_up_and_not_before_the_last_is() {
        let mut recovery = Recovery::new(vec![7]);
        let key = ExecutionKey([7; 16]);
        recovery.taken_up = 1;
        assert_eq!(recovery.taken_up_in_all(), None, "others may come");
        assert!(recovery.comes_to(key));
        recovery.late.insert(key);
        recovery.finish_partition();
        assert_eq!(recovery.taken_up_in_all(), None, "its definition is being read");
        assert!(recovery.late.remove(&key));
        recovery.taken_up += 1;
        assert_eq!(recovery.taken_up_in_all(), Some(2));
        assert_eq!(recovery.taken_up_in_all(), None);
    }
}
