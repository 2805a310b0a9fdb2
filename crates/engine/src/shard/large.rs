//! Large executions that are not in memory are read beside the loop: one of 100 MB takes a good part of a second.
//!
//! What comes for one waits until it has been read. Then it is done in its order, and in a slice of each pass of its own, so that
//! small executions do not wait for it. One is read at a time; where memory is short, the next one when nothing is left to
//! do for it, or it has stayed as long as it took to read it. So large executions that wait for much are not read again for
//! each piece of work.

use super::{Report, Shard, WORK_AT_ONCE_MAX, live::Live, message::Work};
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

/// The executions that something waits for, the one that is being read, and the one that was.
#[derive(Default)]
pub(super) struct LargeExecutions {
    waiting: BTreeMap<ExecutionKey, Waiting>,
    /// In this order they are read. For some of them nothing may wait any more.
    order: VecDeque<ExecutionKey>,
    being_read: Option<(ExecutionKey, u64)>,
    /// Until what waits for it is done.
    at_hand: Option<AtHand>,
    /// Number of the last reading.
    number: u64,
}

struct Waiting {
    stored: StoredExecution,
    definition: Arc<Definition>,
    work: VecDeque<Work>,
}

struct AtHand {
    key: ExecutionKey,
    /// `None` if it was taken, or could not be read: who loads it then reads it in the loop, and sees why.
    live: Option<Live>,
    nanoseconds: u64,
    /// Whether something that waited for it was done.
    is_begun: bool,
}

/// A large execution that was read.
pub(crate) struct ReadExecution {
    key: ExecutionKey,
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

    /// Whether something waits for the execution.
    pub(super) fn has(&self, key: ExecutionKey) -> bool {
        self.waiting.contains_key(&key)
    }

    /// Whether there is something to do for an execution that was read.
    pub(super) fn has_at_hand(&self) -> bool {
        self.at_hand.is_some()
    }

    fn is_at_hand(&self, key: ExecutionKey) -> bool {
        self.at_hand.as_ref().is_some_and(|at_hand| at_hand.key == key)
    }

    /// What waits for the execution, if something does.
    pub(super) fn waiting_for(&mut self, key: ExecutionKey) -> Option<&mut VecDeque<Work>> {
        self.waiting.get_mut(&key).map(|waiting| &mut waiting.work)
    }

    /// The first piece of work that waits for the execution.
    pub(super) fn wait(&mut self, key: ExecutionKey, stored: StoredExecution, definition: Arc<Definition>, work: Work) {
        self.waiting.insert(key, Waiting { stored, definition, work: [work].into() });
        self.order.push_back(key);
    }

    /// Whose turn it is to be read, if nobody else is. At the end nothing is read for what the next start does.
    fn begin(&mut self, is_ending: bool) -> Option<(ExecutionKey, u64, StoredExecution, Arc<Definition>)> {
        if self.being_read.is_some() || self.at_hand.is_some() {
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

    /// An execution was read, if it is still waited for.
    fn end(&mut self, ReadExecution { key, number, live, nanoseconds }: ReadExecution) {
        if self.being_read.take_if(|being_read| *being_read == (key, number)).is_some() {
            self.at_hand = Some(AtHand { key, live, nanoseconds, is_begun: false });
        }
    }

    /// The execution, if it was read.
    pub(super) fn take(&mut self, key: ExecutionKey) -> Option<Live> {
        self.at_hand.as_mut().filter(|at_hand| at_hand.key == key)?.live.take()
    }

    /// The next piece of work for the execution that was read. If nothing is left, it is not at hand any more.
    fn next(&mut self) -> Option<Work> {
        let key = self.at_hand.as_ref()?.key;
        let next = self.waiting.get_mut(&key).and_then(|waiting| waiting.work.pop_front());
        if next.is_none() {
            self.leave(key);
        }
        next
    }

    /// The execution is in memory, or is not any more: what waits for it goes back in line.
    fn leave(&mut self, key: ExecutionKey) -> VecDeque<Work> {
        self.being_read.take_if(|(other, _)| *other == key);
        self.at_hand.take_if(|at_hand| at_hand.key == key);
        self.waiting.remove(&key).map(|waiting| waiting.work).unwrap_or_default()
    }

    /// All that waits; nothing that was read is used.
    pub(super) fn take_waiting(&mut self) -> impl Iterator<Item = Work> + use<> {
        (self.being_read, self.at_hand) = (None, None);
        self.order.clear();
        std::mem::take(&mut self.waiting).into_values().flat_map(|waiting| waiting.work)
    }
}

impl Shard {
    /// An execution comes into memory, wherever it was read: if something waits for it, that need not any more.
    pub(super) fn bring_in(&mut self, key: ExecutionKey, live: Live) {
        if !self.readings.large.is_at_hand(key) {
            self.work.append(&mut self.readings.large.leave(key));
        }
        self.live.insert(key, live);
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
        self.readings.large.end(read);
    }

    /// Does what waits for the execution that was read.
    pub(super) fn work_at_hand(&mut self) {
        let slice = self.slice();
        for _ in 0..WORK_AT_ONCE_MAX {
            if slice.is_over() || !self.pipeline.has_room(self.environment.options.batch_bytes_max) {
                return;
            }
            let Some(&mut AtHand { key, ref mut is_begun, nanoseconds, .. }) = self.readings.large.at_hand.as_mut()
            else {
                return;
            };
            let is_first = !std::mem::replace(is_begun, true);
            if !is_first && self.live.get(key).is_none() {
                // It has ended, or its time was over and it was put out.
                return self.work.append(&mut self.readings.large.leave(key));
            }
            let Some(work) = self.readings.large.next() else { return };
            if strikes(Fault::ReadingForgotten) {
                continue;
            }
            self.at = Some(key);
            self.perform_now(work);
            self.at = None;
            if is_first && self.live.is_put_out_soon(key) {
                let stay = nanoseconds.clamp(SHORTEST_STAY, LONGEST_STAY);
                self.live.let_stay(key, (self.environment.stopwatch)().saturating_add(stay));
            }
        }
    }

    /// The large execution that stays may be put out when nothing is left to do for it, or its time is over.
    pub(super) fn end_stay(&mut self) {
        let Some(key) = self.live.guest((self.environment.stopwatch)()) else { return self.live.end_stay() };
        let is_in_line = || self.work.iter().any(|work| work.key() == Some(key));
        if !self.readings.large.is_at_hand(key)
            && !self.live.is_going_on(key)
            && !self.timers.has_due(key, self.environment.clock.now_ms())
            && !is_in_line()
        {
            self.live.end_stay();
        }
    }
}
