//! The executions in memory. Those that have waited longest are put out of it when they are too many or take too much.

mod guest;
mod room_line;
mod set_timers;

pub(in crate::shard) use room_line::InLine;
pub(in crate::shard) use set_timers::{MovedTimers, SetTimers};

use crate::{
    Logging, SyncResult,
    definitions::Definition,
    express_room::ExpressRoom,
    shard::{Reply, message::Work},
    tables::{ExecutionKey, ReadError, StoredExecution},
};
use machine::{Execution, Part, PartId, Status, StepError};
use room_line::RoomLine;
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

/// An execution in memory.
pub(crate) struct Live {
    /// `None` while the slow lane has it.
    pub(crate) execution: Option<Execution>,
    /// Number of the step that the slow lane makes.
    pub(crate) slow_step: Option<u64>,
    pub(crate) definition: Arc<Definition>,
    /// What of its history is logged; `None`: nothing.
    pub(crate) logging: Option<Arc<Logging>>,
    pub(crate) stored: StoredExecution,
    /// Standard: its steps are stored, and it can be put out of memory. Express: it is only here.
    pub(crate) is_standard: bool,
    /// Whether the batches so far have a record of it.
    pub(crate) is_written: bool,
    /// Status and stop time of that record.
    pub(crate) listed: (Status, Option<i64>),
    pub(crate) parts: BTreeSet<PartId>,
    pub(crate) timers: SetTimers,
    /// What came while the slow lane had it.
    pub(crate) parked: VecDeque<Work>,
    /// Time of the last step: later events are not earlier, whatever the clock says.
    pub(crate) last_ms: i64,
    /// The last batch that writes something of it.
    pub(crate) batch: u64,
    /// It goes on with its next step soon: that is in line, or waits for the commit of the last.
    pub(crate) goes_on: bool,
    /// Who waits for the answer of StartSyncExecution.
    pub(crate) sync_reply: Option<Reply<SyncResult>>,
    /// Number of its last use.
    used: u64,
    /// What it counts for among the others, in bytes: its weight after its last step.
    weight: usize,
}

impl Live {
    pub(crate) fn new(
        execution: Execution,
        definition: Arc<Definition>,
        stored: StoredExecution,
        is_standard: bool,
    ) -> Live {
        let last_ms = stored.record.redrive_ms.unwrap_or(stored.record.start_ms).max(execution.last_ms());
        Live {
            execution: Some(execution),
            slow_step: None,
            logging: Logging::of(&definition.record),
            definition,
            stored,
            is_standard,
            is_written: false,
            listed: (Status::Running, None),
            parts: BTreeSet::new(),
            timers: SetTimers::default(),
            parked: VecDeque::new(),
            last_ms,
            batch: 0,
            goes_on: false,
            sync_reply: None,
            used: 0,
            weight: 0,
        }
    }

    /// An execution as it is stored, but for the parts that are kept in its record.
    pub(crate) fn read(
        stored: StoredExecution,
        definition: Arc<Definition>,
        mut parts: Vec<(PartId, Part)>,
    ) -> Result<Live, ReadError> {
        let corrupt = |why: String| ReadError::Corrupt { keyspace: "executions", why };
        let facts = stored.facts().map_err(corrupt)?;
        let ids = parts.iter().map(|(id, _)| *id).collect();
        parts.extend(stored.kept.iter().cloned());
        let execution = Execution::from_parts(facts, parts).map_err(|error| match error {
            StepError::Corrupt(why) => corrupt(why),
            StepError::OverBudget => corrupt("its parts do not fit together".into()),
        })?;
        let timers = SetTimers::of(execution.timers());
        let listed = (stored.record.status, stored.record.stop_ms);
        let mut live = Live::new(execution, definition, stored, true);
        live.listed = listed;
        (live.is_written, live.parts, live.timers) = (true, ids, timers);
        Ok(live)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.stored.record.stop_ms.is_some()
    }

    /// Whether the batches so far have its record with this status.
    pub(crate) fn is_listed(&self) -> bool {
        self.is_written && self.listed == self.status()
    }

    /// Status and stop time.
    pub(crate) fn status(&self) -> (Status, Option<i64>) {
        (self.stored.record.status, self.stored.record.stop_ms)
    }

    /// Whether it begins, or goes on after a redrive, with a step that the slow lane has: nothing of that is in a batch yet.
    pub(crate) fn is_beginning(&self) -> bool {
        self.is_standard && self.execution.is_none() && !self.is_listed()
    }

    fn kind(&self) -> Kind {
        if self.is_standard { Kind::Standard } else { Kind::Express { is_child: self.is_child() } }
    }

    /// Whether it is a child of a Map Run.
    pub(crate) fn is_child(&self) -> bool {
        self.stored.child.is_some()
    }

    /// Whether its next step is in line or made, or waits for the commit of the last.
    fn is_going_on(&self) -> bool {
        self.goes_on || self.execution.is_none()
    }

    /// The store has all of it, and nobody works on it.
    fn can_be_put_out(&self, durable: u64) -> bool {
        self.is_standard && self.is_written && self.execution.is_some() && self.batch <= durable
    }
}

/// What an execution is weighed with.
#[derive(Clone, Copy)]
enum Kind {
    Standard,
    Express { is_child: bool },
}

/// Executions that one turn of the loop looks at, to find some to put out.
const LOOKED_AT_MAX: usize = 512;

/// The executions in memory, by key.
pub(crate) struct LiveExecutions {
    by_key: HashMap<ExecutionKey, Live>,
    /// Uses, the oldest first; only the last use of an execution counts.
    uses: VecDeque<(ExecutionKey, u64)>,
    next_use: u64,
    count_max: usize,
    /// What the Standard ones among them weigh.
    bytes: usize,
    bytes_max: usize,
    standard_line: RoomLine,
    /// One that was read for what is to be done for it, and stays.
    guest: Option<ExecutionKey>,
    /// Counts what the Express executions of all shards weigh.
    express_room: Arc<ExpressRoom>,
    express_line: RoomLine,
}

impl LiveExecutions {
    /// Not many more than `count_max`, and Standard executions of not much more than `bytes_max`, as long as some of them
    /// wait.
    pub(crate) fn new(count_max: usize, bytes_max: usize, express_room: Arc<ExpressRoom>) -> LiveExecutions {
        LiveExecutions {
            by_key: HashMap::new(),
            uses: VecDeque::new(),
            next_use: 0,
            count_max,
            bytes: 0,
            bytes_max,
            standard_line: RoomLine::default(),
            guest: None,
            express_room,
            express_line: RoomLine::default(),
        }
    }

    pub(crate) fn get(&self, key: ExecutionKey) -> Option<&Live> {
        self.by_key.get(&key)
    }

    pub(crate) fn get_mut(&mut self, key: ExecutionKey) -> Option<&mut Live> {
        self.by_key.get_mut(&key)
    }

    pub(crate) fn insert(&mut self, key: ExecutionKey, live: Live) {
        self.remove(key);
        self.by_key.insert(key, live);
        self.weigh(key);
        self.touch(key);
    }

    /// Counts it for what it weighs now. While the slow lane has it, it counts for what it did before.
    pub(crate) fn weigh(&mut self, key: ExecutionKey) {
        let Some(live) = self.by_key.get_mut(&key) else { return };
        let Some(execution) = &live.execution else { return };
        let (before, kind) = (live.weight, live.kind());
        live.weight = execution.weight();
        let now = live.weight;
        self.count(kind, before, now);
    }

    fn count(&mut self, kind: Kind, before: usize, now: usize) {
        match kind {
            Kind::Standard => self.bytes = self.bytes.saturating_sub(before).saturating_add(now),
            Kind::Express { is_child } => self.express_room.weighs(is_child, before, now),
        }
    }

    /// The store answers for it from now on, unless it was redriven meanwhile.
    pub(crate) fn remove_closed(&mut self, key: ExecutionKey, durable: u64) {
        if self.get(key).is_some_and(|live| live.is_closed() && live.batch <= durable) {
            self.remove(key);
        }
    }

    pub(crate) fn remove(&mut self, key: ExecutionKey) -> Option<Live> {
        let mut live = self.by_key.remove(&key)?;
        let weight = std::mem::take(&mut live.weight);
        self.count(live.kind(), weight, 0);
        Some(live)
    }

    /// The same, if it lives only here.
    pub(crate) fn remove_express(&mut self, key: ExecutionKey) -> Option<Live> {
        if self.is_express(key) { self.remove(key) } else { None }
    }

    /// Whether it lives only here.
    pub(crate) fn is_express(&self, key: ExecutionKey) -> bool {
        self.get(key).is_some_and(|live| !live.is_standard)
    }

    /// Whether the slow lane has one of them.
    pub(crate) fn has_slow_step(&self) -> bool {
        self.by_key.values().any(|live| live.slow_step.is_some())
    }

    /// The steps of the slow lane of which nothing is in a batch yet, as their executions begin or go on with them.
    pub(crate) fn beginning(&self) -> Vec<(ExecutionKey, u64)> {
        let beginning = self.by_key.iter().filter(|(_, live)| live.is_beginning());
        beginning.filter_map(|(key, live)| Some((*key, live.slow_step?))).collect()
    }

    /// Forgets what the store has, and gives it back: its callers must be told.
    pub(crate) fn take_standard(&mut self) -> Vec<(ExecutionKey, Live)> {
        let mut taken: Vec<_> = self.by_key.extract_if(|_, live| live.is_standard).collect();
        taken.sort_unstable_by_key(|(key, _)| *key);
        taken.iter_mut().for_each(|(_, live)| live.weight = 0);
        self.bytes = 0;
        self.standard_line = RoomLine::default();
        self.guest = None;
        taken
    }

    /// It was used now.
    pub(crate) fn touch(&mut self, key: ExecutionKey) {
        self.next_use += 1;
        if let Some(live) = self.by_key.get_mut(&key) {
            live.used = self.next_use;
            self.uses.push_back((key, self.next_use));
        }
        if self.uses.len() > 2 * self.by_key.len() + 1_024 {
            let by_key = &self.by_key;
            self.uses.retain(|(key, used)| by_key.get(key).is_some_and(|live| live.used == *used));
        }
    }

    /// Puts executions out of memory until few enough are in it, and take little enough, the least recently used first.
    /// Those that are busy count as used last; no more than a few are looked at, as the next turn of the loop looks
    /// at the next. One that goes on soon would be read again for its next step: it stays, unless that takes twice the room;
    /// then only that one of the large ones that goes ahead ([`room_line`]).
    pub(crate) fn put_out(&mut self, durable: u64) {
        let mut bytes = self.bytes_of_others();
        // None is looked at twice, however few they are.
        for _ in 0..LOOKED_AT_MAX.min(self.uses.len()) {
            let are_too_many = self.by_key.len() > self.count_max;
            if !are_too_many && bytes <= self.bytes_max {
                return;
            }
            let Some((key, used)) = self.uses.pop_front() else { return };
            let Some(live) = self.by_key.get(&key).filter(|live| live.used == used) else { continue };
            // To read it again for each of its steps would not end if it alone is too large.
            let is_last = used == self.next_use && !are_too_many;
            let is_spared = !are_too_many && bytes / 2 <= self.bytes_max || self.standard_line.is_ahead(key);
            if !live.can_be_put_out(durable) || is_last || self.is_guest(key) || live.goes_on && is_spared {
                self.uses.push_back((key, used));
            } else {
                self.put_out_one(key);
                bytes = self.bytes_of_others();
            }
        }
    }

    /// A large one that goes on stands in line for that.
    fn put_out_one(&mut self, key: ExecutionKey) {
        let going_on = self.by_key.get(&key).filter(|live| live.goes_on).map(|live| live.weight);
        if let Some(weight) = going_on.filter(|weight| room_line::is_large(*weight, self.bytes_max)) {
            self.standard_line.push(key, weight);
        }
        self.remove(key);
    }
}
