//! Large executions that are not in memory are read beside the loop: one of 100 MB takes a good part of a second.
//!
//! What comes for one waits until it has been read. Then it is done in its order, and in a slice of each pass of its own, so that
//! small executions do not wait for it. One is read, and then the next. Where memory is short it stays as long as there is
//! something to do for it, and no longer than it took to read it if others wait: so large executions that wait for much are
//! not read again for each piece of work. Then the next one is read, and takes its place.

use super::{Report, Shard, WORK_AT_ONCE_MAX, live::Live, message::Work};
use crate::{
    planted::{Fault, strikes},
    tables::{ExecutionKey, ReadError, SetAside, StoredExecution, Tables},
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// One that was read stays no longer than this while others wait, however long the reading took, in nanoseconds.
const LONGEST_STAY: u64 = 1_000_000_000;

/// The executions that something waits for, the one that is being read, and the one that was.
#[derive(Default)]
pub(super) struct LargeExecutions {
    waiting: BTreeMap<ExecutionKey, VecDeque<Work>>,
    /// In this order they are read: those for which something came, and those that are to be taken up after a start. For some of
    /// them nothing may wait any more.
    order: VecDeque<ExecutionKey>,
    later: VecDeque<ExecutionKey>,
    is_turn_of_later: bool,
    being_read: Option<(ExecutionKey, u64)>,
    at_hand: Option<AtHand>,
    /// Number of the last reading.
    number: u64,
}

/// The execution whose work is done. What comes for it meanwhile queues behind that.
struct AtHand {
    key: ExecutionKey,
    /// As it was read. `None` if it is in memory, or could not be read: who loads it then reads it in the loop, and sees why.
    live: Option<Live>,
    /// How long the reading took.
    nanoseconds: u64,
    /// Until when it may stay though others wait, by the stopwatch; `None` before it has come into memory.
    until_ns: Option<u64>,
    /// Whether something was done for it.
    is_tried: bool,
    /// Whether what waits needs it in memory. If not, it has ended, or is set aside, or was never there.
    is_needed: bool,
    /// Whether a redrive was among that when it was taken to hand.
    is_for_redrive: bool,
}

impl AtHand {
    fn new(key: ExecutionKey, live: Option<Live>, nanoseconds: u64) -> AtHand {
        AtHand { key, live, nanoseconds, until_ns: None, is_tried: false, is_needed: true, is_for_redrive: false }
    }

    fn is_over(&self, now_ns: u64) -> bool {
        self.until_ns.is_some_and(|until_ns| until_ns <= now_ns)
    }
}

/// A large execution that was read.
pub(crate) struct ReadExecution {
    key: ExecutionKey,
    /// Tells the reading from another one of the same execution.
    number: u64,
    live: Option<Live>,
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

    /// Whether an execution is at hand for which something waits.
    pub(super) fn has_work_at_hand(&self) -> bool {
        self.at_hand.as_ref().is_some_and(|at_hand| self.has(at_hand.key))
    }

    /// Whether the execution is the one whose work is done.
    pub(super) fn is_at_hand(&self, key: ExecutionKey) -> bool {
        self.at_hand.as_ref().is_some_and(|at_hand| at_hand.key == key)
    }

    /// Lets the work wait for the execution.
    pub(super) fn wait(&mut self, key: ExecutionKey, mut work: Work) {
        // Its caller is heard: further callers, of others, need not wait for that.
        if let Work::Request(_, permit) = &mut work {
            *permit = None;
        }
        let is_taken_up = |work: &Work| matches!(work, Work::Recover(_));
        let (is_at_hand, is_later) = (self.is_at_hand(key), is_taken_up(&work));
        let waiting = self.waiting.entry(key).or_default();
        let is_first = waiting.iter().all(is_taken_up) && (waiting.is_empty() || !is_later);
        if is_first && !is_at_hand {
            if is_later { self.later.push_back(key) } else { self.order.push_back(key) }
        }
        waiting.push_back(work);
    }

    /// Whose turn it is, if nobody is read, and the time of the one at hand is over. At the end nothing is read for what the
    /// next start does.
    fn next(&mut self, is_ending: bool, now_ns: u64) -> Option<ExecutionKey> {
        if self.being_read.is_some() || self.at_hand.as_ref().is_some_and(|at_hand| !at_hand.is_over(now_ns)) {
            return None;
        }
        while let Some(key) = self.pop_order() {
            let Some(waiting) = self.waiting.get_mut(&key) else { continue };
            if is_ending {
                waiting.retain(|work| !work.is_left_to_next_start());
            }
            if !waiting.is_empty() {
                return Some(key);
            }
            self.waiting.remove(&key);
        }
        None
    }

    /// One of those that are only to be taken up follows each of the others, so that they have their turn, too.
    fn pop_order(&mut self) -> Option<ExecutionKey> {
        self.is_turn_of_later = !self.is_turn_of_later;
        let (first, second) =
            if self.is_turn_of_later { (&mut self.later, &mut self.order) } else { (&mut self.order, &mut self.later) };
        first.pop_front().or_else(|| second.pop_front())
    }

    /// An execution was read; gives it if it is still waited for.
    fn read(&mut self, ReadExecution { key, number, live, nanoseconds }: ReadExecution) -> Option<AtHand> {
        self.being_read.take_if(|being_read| *being_read == (key, number))?;
        Some(AtHand::new(key, live, nanoseconds))
    }

    /// The execution, if it was read.
    pub(super) fn take(&mut self, key: ExecutionKey) -> Option<Live> {
        self.at_hand.as_mut().filter(|at_hand| at_hand.key == key)?.live.take()
    }

    /// The next piece of work for the execution at hand.
    fn pop(&mut self, key: ExecutionKey) -> Option<Work> {
        let waiting = self.waiting.get_mut(&key)?;
        let work = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(&key);
        }
        work
    }

    /// Whether a redrive waits, which needs an execution that has closed.
    fn is_redriven(&self, key: ExecutionKey) -> bool {
        self.waiting.get(&key).is_some_and(|waiting| waiting.iter().any(Work::loads_closed))
    }

    /// Whether the next piece of work is one.
    fn is_redriven_next(&self, key: ExecutionKey) -> bool {
        self.waiting.get(&key).and_then(VecDeque::front).is_some_and(Work::loads_closed)
    }

    /// The work comes before all that waits for the execution; given back if nothing does.
    pub(super) fn wait_first(&mut self, key: ExecutionKey, work: VecDeque<Work>) -> VecDeque<Work> {
        if work.is_empty() || !self.has(key) && !self.is_at_hand(key) {
            return work;
        }
        let waiting = self.waiting.entry(key).or_default();
        work.into_iter().rev().for_each(|work| waiting.push_front(work));
        VecDeque::new()
    }

    /// The execution is not at hand any more. What still waits for it is done when it is its turn again.
    fn put_away(&mut self) {
        if let Some(at_hand) = self.at_hand.take()
            && self.has(at_hand.key)
        {
            self.order.push_back(at_hand.key);
        }
    }

    /// The execution is in memory, wherever it was read: gives what waited for that.
    fn is_in_memory(&mut self, key: ExecutionKey) -> VecDeque<Work> {
        self.being_read.take_if(|(other, _)| *other == key);
        match self.at_hand.as_mut().filter(|at_hand| at_hand.key == key) {
            Some(at_hand) => {
                at_hand.live = None;
                VecDeque::new()
            }
            None => self.waiting.remove(&key).unwrap_or_default(),
        }
    }

    /// All that waits; nothing that was read is used.
    pub(super) fn take_waiting(&mut self) -> impl Iterator<Item = Work> + use<> {
        // What is being read has a number that no other reading is given.
        let number = self.number;
        std::mem::replace(self, LargeExecutions { number, ..LargeExecutions::default() })
            .waiting
            .into_values()
            .flatten()
    }
}

impl Shard {
    /// An execution comes into memory.
    pub(super) fn bring_in(&mut self, key: ExecutionKey, live: Live) {
        // It came before what stands in line for the same execution.
        for work in self.readings.large.is_in_memory(key).into_iter().rev() {
            self.work.push_front(work);
        }
        self.live.insert(key, live);
    }

    /// Lets the work wait until the execution has been read. A call whose place others can use gives it to them.
    pub(super) fn wait_for_large(&mut self, key: ExecutionKey, work: Work) {
        if let Work::Report(Report::TaskEnded { attempt, number, .. }) = work {
            self.dispatcher.returned(attempt, number);
        }
        let has_place = matches!(work, Work::Begin(_) | Work::Report(Report::TaskEnded { .. }));
        self.readings.large.wait(key, work);
        if has_place {
            self.begin_next();
        }
    }

    /// Takes the next large execution to hand, if it is its turn. If it is not in memory, it is read first.
    pub(super) fn read_next(&mut self) {
        let now_ns = (self.environment.stopwatch)();
        let is_ending = self.is_ending();
        let Some(tables) = self.pipeline.tables().cloned() else { return };
        let Some(key) = self.readings.large.next(is_ending, now_ns) else { return };
        let is_for_redrive = self.readings.large.is_redriven(key);
        let is_needed = self.live.get(key).is_some();
        // Who loads what cannot be read sees why.
        if !is_needed && let Ok(Some(stored)) = self.to_be_read(key, is_for_redrive, &tables) {
            return self.read_apart(key, stored, tables);
        }
        self.take_to_hand(AtHand { is_needed, is_for_redrive, ..AtHand::new(key, None, 0) });
    }

    /// The record of the execution, if what waits for it needs more than that.
    fn to_be_read(
        &self,
        key: ExecutionKey,
        is_for_redrive: bool,
        tables: &Tables,
    ) -> Result<Option<StoredExecution>, ReadError> {
        let is_aside = matches!(self.is_aside(key, tables)?, Some(SetAside::Here(_)));
        let stored = tables.execution(key)?.filter(|_| !is_aside);
        Ok(stored.filter(|stored| stored.record.stop_ms.is_none() || is_for_redrive))
    }

    fn read_apart(&mut self, key: ExecutionKey, stored: StoredExecution, tables: Tables) {
        let large = &mut self.readings.large;
        large.number += 1;
        large.being_read = Some((key, large.number));
        let (number, own) = (large.number, self.own.clone());
        let environment = Arc::clone(&self.environment);
        self.environment.runtime.spawn(async move {
            let (reader, stopwatch) = (Arc::clone(&environment), environment.stopwatch);
            let read = environment.apart(move || {
                let begun_ns = stopwatch();
                let definition = reader.definitions.get(&stored.definition(), &tables);
                let live = definition.and_then(|definition| Live::read(stored, definition, tables.parts(key)?));
                (live.ok(), stopwatch().saturating_sub(begun_ns))
            });
            // What cannot be read is read once more by who loads the execution, and sets it aside.
            let (live, nanoseconds) = read.await.unwrap_or_default();
            own.report(Report::ExecutionRead(Box::new(ReadExecution { key, number, live, nanoseconds })));
        });
    }

    pub(super) fn execution_read(&mut self, read: ReadExecution) {
        if let Some(at_hand) = self.readings.large.read(read) {
            self.take_to_hand(at_hand);
        }
    }

    fn take_to_hand(&mut self, at_hand: AtHand) {
        self.put_away();
        self.readings.large.at_hand = Some(at_hand);
    }

    fn put_away(&mut self) {
        self.readings.large.put_away();
        self.live.end_stay();
    }

    /// Does what waits for the execution at hand.
    pub(super) fn work_at_hand(&mut self) {
        let slice = self.slice();
        for _ in 0..WORK_AT_ONCE_MAX {
            if slice.is_over() || !self.pipeline.has_room(self.environment.options.batch_bytes_max) {
                return;
            }
            let Some(at_hand) = self.readings.large.at_hand.as_ref() else { return };
            let key = at_hand.key;
            let is_lacking = at_hand.live.is_none() && self.live.get(key).is_none();
            let is_to_be_read_again = if at_hand.is_needed {
                at_hand.is_tried
            } else {
                !at_hand.is_for_redrive && self.readings.large.is_redriven_next(key)
            };
            if is_lacking && is_to_be_read_again {
                return self.put_away();
            }
            let Some(work) = self.readings.large.pop(key) else { return };
            if strikes(Fault::ReadingForgotten) {
                continue;
            }
            self.at = Some(key);
            self.perform_now(work);
            self.at = None;
            self.let_stay(key);
        }
    }

    /// Something was done for the execution at hand. If it has come into memory with that, its time begins.
    fn let_stay(&mut self, key: ExecutionKey) {
        let Some(at_hand) = self.readings.large.at_hand.as_mut().filter(|at_hand| at_hand.key == key) else { return };
        at_hand.is_tried = true;
        if at_hand.until_ns.is_some() || at_hand.live.is_some() {
            return;
        }
        let now_ns = (self.environment.stopwatch)();
        at_hand.until_ns = Some(now_ns.saturating_add(at_hand.nanoseconds.min(LONGEST_STAY)));
        if self.live.is_put_out_soon(key) {
            self.live.let_stay(key);
        }
    }

    /// The execution at hand need not stay in memory when others wait and its time is over. When nothing is left to do for it,
    /// it is put away.
    pub(super) fn end_stay(&mut self) {
        let large = &self.readings.large;
        let Some(at_hand) = &large.at_hand else { return };
        let (key, has_work) = (at_hand.key, large.has(at_hand.key));
        let others_wait = large.waiting.len() > usize::from(has_work);
        if others_wait && at_hand.is_over((self.environment.stopwatch)()) {
            self.live.end_stay();
        }
        let goes_on = || self.live.get(key).is_some_and(|live| live.goes_on);
        let has_due = || self.timers.has_due(key, self.environment.clock.now_ms());
        let has_more = || !self.is_ending() && self.live.is_guest(key) && (goes_on() || has_due());
        if !has_work && !has_more() {
            self.put_away();
        }
    }
}
