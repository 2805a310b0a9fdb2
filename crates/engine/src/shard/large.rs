//! Large executions that are not in memory are read beside the loop: one of 100 MB takes a good part of a second.
//!
//! What comes for one waits until it has been read, and is done then, in its order. One is read at a time; where memory is
//! short, the next one when nothing is left to do for it, or it has stayed as long as it took to read it. So large
//! executions that wait are not read again for each piece of work, and those that are small go on meanwhile.

use super::{Report, Shard, live::Live, message::Work};
use crate::{
    definitions::Definition,
    planted::{Fault, strikes},
    tables::{ExecutionKey, StoredExecution},
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// One that was read stays no longer than this, however long the reading took, and no less than that, in nanoseconds.
const LONGEST_STAY: u64 = 1_000_000_000;
const SHORTEST_STAY: u64 = 5_000_000;

/// The executions that wait to be read, the one that is being read, and the one that was.
#[derive(Default)]
pub(super) struct LargeExecutions {
    waiting: BTreeMap<ExecutionKey, Waiting>,
    /// In this order they are read. Some may not wait any more.
    order: VecDeque<ExecutionKey>,
    being_read: Option<(ExecutionKey, u64)>,
    /// Until the first of what waited for it is done.
    read: Option<Read>,
    /// Number of the last reading.
    number: u64,
}

struct Waiting {
    stored: StoredExecution,
    definition: Arc<Definition>,
    work: Vec<Work>,
}

struct Read {
    key: ExecutionKey,
    /// `None` if it could not be read, or was taken: who loads it then reads it in the loop, and sees why.
    live: Option<Live>,
    nanoseconds: u64,
}

/// A large execution that was read.
pub(crate) struct ReadExecution {
    pub(super) key: ExecutionKey,
    /// Tells the reading from another one of the same execution.
    number: u64,
    live: Option<Live>,
    /// How long the reading took.
    nanoseconds: u64,
}

impl LargeExecutions {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether something waits for the execution, or it was read for that just now.
    pub(super) fn has(&self, key: ExecutionKey) -> bool {
        self.waiting.contains_key(&key) || self.is_read(key)
    }

    pub(super) fn is_read(&self, key: ExecutionKey) -> bool {
        self.read.as_ref().is_some_and(|read| read.key == key)
    }

    /// What waits for the execution, if it is to be read or is being read.
    pub(super) fn waiting_for(&mut self, key: ExecutionKey) -> Option<&mut Vec<Work>> {
        self.waiting.get_mut(&key).map(|waiting| &mut waiting.work)
    }

    /// The first piece of work that waits for the execution.
    pub(super) fn wait(&mut self, key: ExecutionKey, stored: StoredExecution, definition: Arc<Definition>, work: Work) {
        self.waiting.insert(key, Waiting { stored, definition, work: vec![work] });
        self.order.push_back(key);
    }

    /// Whose turn it is to be read, if nobody else is. At the end nothing is read for what the next start does.
    fn begin(&mut self, is_ending: bool) -> Option<(ExecutionKey, u64, StoredExecution, Arc<Definition>)> {
        if self.being_read.is_some() || self.read.is_some() {
            return None;
        }
        while let Some(key) = self.order.pop_front() {
            let Some(waiting) = self.waiting.get_mut(&key) else { continue };
            if is_ending {
                waiting.work.retain(|work| !work.is_left_to_next_start());
            }
            if waiting.work.is_empty() {
                self.waiting.remove(&key);
                continue;
            }
            self.number += 1;
            self.being_read = Some((key, self.number));
            return Some((key, self.number, waiting.stored.clone(), Arc::clone(&waiting.definition)));
        }
        None
    }

    /// An execution was read; gives what waited for it, if it still does.
    fn end(&mut self, ReadExecution { key, number, live, nanoseconds }: ReadExecution) -> Option<Vec<Work>> {
        self.being_read.take_if(|being_read| *being_read == (key, number))?;
        let waiting = self.waiting.remove(&key)?;
        self.read = Some(Read { key, live, nanoseconds });
        Some(waiting.work)
    }

    /// The execution, if it was read.
    pub(super) fn take(&mut self, key: ExecutionKey) -> Option<Live> {
        self.read.as_mut().filter(|read| read.key == key)?.live.take()
    }

    /// The first of what waited for the execution is done; gives how long the reading took.
    pub(super) fn put_down(&mut self, key: ExecutionKey) -> Option<u64> {
        self.read.take_if(|read| read.key == key).map(|read| read.nanoseconds)
    }

    /// The execution is in memory, wherever it came from: it need not be read, and what is read of it is not used.
    fn give_up(&mut self, key: ExecutionKey) -> Vec<Work> {
        self.being_read.take_if(|(other, _)| *other == key);
        self.waiting.remove(&key).map(|waiting| waiting.work).unwrap_or_default()
    }

    /// All that waits; nothing that was read is used.
    pub(super) fn take_waiting(&mut self) -> impl Iterator<Item = Work> + use<> {
        (self.being_read, self.read) = (None, None);
        self.order.clear();
        std::mem::take(&mut self.waiting).into_values().flat_map(|waiting| waiting.work)
    }
}

impl Shard {
    /// An execution comes into memory. What waited for it to be read need not any more.
    pub(super) fn bring_in(&mut self, key: ExecutionKey, live: Live) {
        let waited = self.readings.large.give_up(key);
        self.do_next(waited);
        self.live.insert(key, live);
    }

    /// It came before what stands in line for the same execution.
    fn do_next(&mut self, waited: Vec<Work>) {
        waited.into_iter().rev().for_each(|work| self.work.push_front(work));
    }

    /// Begins to read the next large execution, if it is its turn.
    pub(super) fn read_next(&mut self) {
        let Some(tables) = self.pipeline.tables().cloned().filter(|_| !self.live.has_guest()) else { return };
        let is_ending = self.is_ending();
        let Some((key, number, stored, definition)) = self.readings.large.begin(is_ending) else { return };
        let (environment, own, stopwatch) =
            (Arc::clone(&self.environment), self.own.clone(), self.environment.stopwatch);
        self.environment.runtime.spawn(async move {
            let read = environment.apart(move || {
                let begun_ns = stopwatch();
                let parts = tables.parts(key);
                let live = parts.and_then(|parts| Live::read(stored, definition, parts));
                (live.ok(), stopwatch().saturating_sub(begun_ns))
            });
            // What cannot be read is read once more by who loads the execution, and sets it aside.
            let (live, nanoseconds) = read.await.unwrap_or_default();
            own.report(Report::ExecutionRead(Box::new(ReadExecution { key, number, live, nanoseconds })));
        });
    }

    pub(super) fn execution_read(&mut self, read: ReadExecution) {
        let Some(mut waited) = self.readings.large.end(read) else { return };
        if strikes(Fault::ReadingForgotten) {
            waited.pop();
        }
        self.do_next(waited);
    }

    /// The first of what waited for a large execution is done: it stays, if it would be put out soon.
    pub(super) fn let_stay(&mut self, key: ExecutionKey) {
        if let Some(nanoseconds) = self.readings.large.put_down(key)
            && self.live.is_put_out_soon(key)
        {
            let now_ns = (self.environment.stopwatch)();
            self.live.let_stay(key, now_ns.saturating_add(nanoseconds.clamp(SHORTEST_STAY, LONGEST_STAY)));
        }
    }

    /// The large execution that stays may be put out when nothing is left to do for it, or its time is over.
    pub(super) fn end_stay(&mut self) {
        let Some(key) = self.live.guest((self.environment.stopwatch)()) else { return self.live.end_stay() };
        let now_ms = self.environment.clock.now_ms();
        let has_work = || self.work.iter().any(|work| work.key() == Some(key));
        if !self.live.is_going_on(key) && !self.timers.has_due(key, now_ms) && !has_work() {
            self.live.end_stay();
        }
    }
}
