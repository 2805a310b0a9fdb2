//! Large executions that go on one after the other while together they take too much memory.
//!
//! A Standard one that goes on could be put out of memory, but would be read again for its next step, and a large one takes a
//! second to read: three of them would do nothing else. An Express one cannot be put out at all, only kept from growing. So
//! on each shard one of either type goes ahead, however much it takes, until it ends or waits, and the others stand in line:
//! Standard ones in the store, Express ones where they are. Only their going on waits: they hear of answers, timers and
//! their stop. One that takes more than an execution may goes on to its end at once.

use super::{Live, LiveExecutions};
use crate::tables::ExecutionKey;
use asl::Limits;
use std::collections::{HashMap, VecDeque};

/// One that weighs no more, in bytes, is read again within milliseconds, so it is not large …
const LARGE_BYTES: usize = 4 << 20;
/// … unless that is more than such a part of the room: then a few would take all of it.
const LARGE_PART: usize = 4;

pub(super) fn is_large(weight: usize, bytes_max: usize) -> bool {
    weight > LARGE_BYTES.min(bytes_max / LARGE_PART)
}

/// Who goes ahead, and who waits. Who waits has [`Live::goes_on`] unset, if it is in memory.
#[derive(Default)]
pub(super) struct RoomLine {
    ahead: Option<ExecutionKey>,
    order: VecDeque<ExecutionKey>,
    /// What those in line weigh.
    weights: HashMap<ExecutionKey, usize>,
}

impl RoomLine {
    /// Puts an execution at the end, unless it stands in line already.
    pub(super) fn push(&mut self, key: ExecutionKey, weight: usize) {
        if self.weights.insert(key, weight).is_none() {
            self.order.push_back(key);
        }
    }

    pub(super) fn is_ahead(&self, key: ExecutionKey) -> bool {
        self.ahead == Some(key)
    }

    fn has(&self, key: ExecutionKey) -> bool {
        self.weights.contains_key(&key)
    }

    fn remove(&mut self, key: ExecutionKey) {
        if self.weights.remove(&key).is_some() {
            self.order.retain(|other| *other != key);
        }
    }

    /// The first in line, and what it weighs.
    fn first(&self) -> Option<(ExecutionKey, usize)> {
        let key = *self.order.front()?;
        Some((key, self.weights.get(&key).copied().unwrap_or_default()))
    }
}

/// The execution whose turn it is.
pub(crate) struct InLine {
    pub(crate) key: ExecutionKey,
    is_standard: bool,
    /// Whether another goes ahead.
    is_led: bool,
}

impl LiveExecutions {
    /// Whether the execution goes on now. If not, it stands in line, and goes on when it is its turn. `limits` are those of its
    /// next step.
    pub(crate) fn goes_on_now(&mut self, key: ExecutionKey, limits: &Limits) -> bool {
        let Some((is_standard, weight)) = self.by_key.get(&key).map(|live| (live.is_standard, live.weight)) else {
            return !self.standard_line.has(key);
        };
        let ends = self.is_too_heavy(key, limits);
        let (has_room, is_led) = (self.has_room(is_standard, limits), self.is_led(is_standard));
        let bytes_max = if is_standard { self.bytes_max } else { as_usize(limits.express_executions_bytes_max) };
        let line = self.line_mut(is_standard);
        let goes_ahead = line.is_ahead(key) || !is_led && line.first().is_none_or(|(first, _)| first == key);
        let waits = is_large(weight, bytes_max) && !has_room && !goes_ahead && !ends;
        if waits {
            line.push(key, weight);
        } else {
            line.remove(key);
            if goes_ahead && !has_room {
                line.ahead = Some(key);
            }
        }
        if let Some(live) = self.by_key.get_mut(&key).filter(|_| waits) {
            live.goes_on = false;
        }
        !waits
    }

    /// Whether it stands in line, and is not in memory.
    pub(crate) fn is_in_line(&self, key: ExecutionKey) -> bool {
        self.standard_line.has(key)
    }

    /// Whether it takes more memory than it may: then its next step ends it.
    pub(crate) fn is_too_heavy(&self, key: ExecutionKey, limits: &Limits) -> bool {
        self.by_key.get(&key).is_some_and(|live| live.weight > as_usize(limits.execution_bytes_max))
    }

    /// Whether it would be put out of memory soon, and read again for what comes next, which takes long.
    pub(crate) fn is_put_out_soon(&self, key: ExecutionKey) -> bool {
        let is_large = |live: &Live| live.is_standard && is_large(live.weight, self.bytes_max);
        self.by_key.get(&key).is_some_and(is_large) && self.bytes_of_others() > self.bytes_max
    }

    /// Whether large ones may go on beside each other. Standard ones that go on are not put out as long as they take no more than
    /// twice what they may.
    fn has_room(&self, is_standard: bool, limits: &Limits) -> bool {
        if is_standard { self.has_room_twice(0) } else { self.express_room.has_bytes(limits) }
    }

    /// Whose turn it is of those in line, if there is room for it or nobody goes ahead. `is_coming` tells whether an execution
    /// is on its way into memory.
    pub(crate) fn next_in_line(&self, limits: &Limits, is_coming: impl Fn(ExecutionKey) -> bool) -> Option<InLine> {
        let standard = || {
            let (key, weight) = self.standard_line.first()?;
            let is_led = self.is_led(true) || self.standard_line.ahead.is_some_and(&is_coming);
            let counted = self.by_key.get(&key).map_or(0, |live| live.weight);
            let has_room = self.has_room_twice(weight.saturating_sub(counted));
            (!is_led || has_room).then_some(InLine { key, is_standard: true, is_led })
        };
        let express = || {
            let (key, _) = self.express_line.first()?;
            let is_led = self.is_led(false);
            (!is_led || self.express_room.has_bytes(limits)).then_some(InLine { key, is_standard: false, is_led })
        };
        standard().or_else(express)
    }

    /// It is the turn of the one that [`LiveExecutions::next_in_line`] gave.
    pub(crate) fn leave_line(&mut self, next: &InLine) {
        let line = self.line_mut(next.is_standard);
        line.remove(next.key);
        if !next.is_led {
            line.ahead = Some(next.key);
        }
    }

    fn line(&self, is_standard: bool) -> &RoomLine {
        if is_standard { &self.standard_line } else { &self.express_line }
    }

    fn line_mut(&mut self, is_standard: bool) -> &mut RoomLine {
        if is_standard { &mut self.standard_line } else { &mut self.express_line }
    }

    /// Whether one goes ahead: it is in memory, and goes on.
    fn is_led(&self, is_standard: bool) -> bool {
        self.line(is_standard).ahead.and_then(|key| self.by_key.get(&key)).is_some_and(Live::is_going_on)
    }

    /// Whether the Standard executions would take no more than twice what they may with so much more.
    pub(super) fn has_room_twice(&self, more: usize) -> bool {
        self.bytes_of_others().saturating_add(more) / 2 <= self.bytes_max
    }

    /// What the Standard executions weigh, but for the one that goes ahead, and the one that stays.
    pub(super) fn bytes_of_others(&self) -> usize {
        let ahead = self.standard_line.ahead.filter(|_| self.is_led(true));
        let guest = self.guest.filter(|guest| Some(*guest) != ahead);
        let weight = |key| self.by_key.get(&key).map_or(0, |live| live.weight);
        self.bytes.saturating_sub(ahead.map_or(0, weight)).saturating_sub(guest.map_or(0, weight))
    }
}

fn as_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
