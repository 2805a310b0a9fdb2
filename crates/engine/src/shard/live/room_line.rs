//! Large executions that go on one after the other while together they take too much memory.
//!
//! A Standard one that goes on could be put out of memory, but would be read again for its next step, and a large one takes a
//! second to read: three of them would do nothing else. An Express one cannot be put out at all, only kept from growing. So
//! one goes ahead, however much it takes, until it ends or waits, and the others stand in line: Standard ones in the store,
//! Express ones where they are. What a large one does not do itself is not held up: it hears of answers, timers and its stop.

use super::{Live, LiveExecutions};
use crate::tables::ExecutionKey;
use asl::Limits;
use std::collections::{HashMap, VecDeque};

/// One that weighs no more, in bytes, is read again within milliseconds.
const LARGE_BYTES: usize = 4 << 20;
/// Nor is one large that takes less than such a part of the room.
const LARGE_PART: usize = 16;

/// Who goes ahead, and who waits.
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

    pub(super) fn has(&self, key: ExecutionKey) -> bool {
        self.weights.contains_key(&key)
    }

    pub(super) fn is_ahead(&self, key: ExecutionKey) -> bool {
        self.ahead == Some(key)
    }

    /// The first in line, if it may go on: nobody goes ahead, or it has room beside that one.
    fn next(&self, is_led: bool, has_room: impl Fn(usize) -> bool) -> Option<ExecutionKey> {
        let key = *self.order.front()?;
        let weight = self.weights.get(&key).copied().unwrap_or_default();
        (!is_led || has_room(weight)).then_some(key)
    }

    /// The first in line leaves it. It goes ahead if nobody does.
    fn leave(&mut self, is_led: bool) {
        let Some(key) = self.order.pop_front() else { return };
        self.weights.remove(&key);
        if !is_led {
            self.ahead = Some(key);
        }
    }
}

/// The execution whose turn it is.
pub(crate) struct InLine {
    pub(crate) key: ExecutionKey,
    is_standard: bool,
    /// Whether another goes ahead.
    is_led: bool,
}

pub(super) fn is_large(weight: usize, bytes_max: usize) -> bool {
    weight > LARGE_BYTES.min(bytes_max / LARGE_PART)
}

impl LiveExecutions {
    /// Whether the execution goes on now. If not, it stands in line, and goes on when it is its turn.
    pub(crate) fn goes_on_now(&mut self, key: ExecutionKey, limits: &Limits) -> bool {
        let Some(live) = self.by_key.get(&key) else { return !self.standard_line.has(key) };
        let (is_standard, weight) = (live.is_standard, live.weight);
        let express_bytes_max = usize::try_from(limits.express_executions_bytes_max).unwrap_or(usize::MAX);
        let bytes_max = if is_standard { self.bytes_max } else { express_bytes_max };
        let has_room = if is_standard { self.has_room_twice() } else { self.express_room.has_bytes(limits) };
        if has_room || !is_large(weight, bytes_max) || self.goes_ahead(key, is_standard) {
            return true;
        }
        self.line(is_standard).push(key, weight);
        false
    }

    /// Whether it is this one that goes ahead, now if nobody does.
    pub(super) fn goes_ahead(&mut self, key: ExecutionKey, is_standard: bool) -> bool {
        let is_led = self.is_led(if is_standard { &self.standard_line } else { &self.express_line });
        let line = self.line(is_standard);
        if !is_led {
            line.ahead = Some(key);
        }
        line.is_ahead(key)
    }

    fn line(&mut self, is_standard: bool) -> &mut RoomLine {
        if is_standard { &mut self.standard_line } else { &mut self.express_line }
    }

    /// Whether the Standard executions take no more than twice what they may: those that go on are not put out.
    pub(super) fn has_room_twice(&self) -> bool {
        self.bytes_beside_ahead() / 2 <= self.bytes_max
    }

    /// Whose turn it is of those in line, if there is room for it or nobody goes ahead. `is_coming` tells whether an execution
    /// is on its way into memory.
    pub(crate) fn next_in_line(&self, limits: &Limits, is_coming: impl Fn(ExecutionKey) -> bool) -> Option<InLine> {
        let standard = || {
            let room = self.bytes_max.saturating_sub(self.bytes_beside_ahead());
            let is_led = self.is_led(&self.standard_line) || self.standard_line.ahead.is_some_and(&is_coming);
            let key = self.standard_line.next(is_led, |weight| weight <= room)?;
            Some(InLine { key, is_standard: true, is_led })
        };
        let express = || {
            let is_led = self.is_led(&self.express_line);
            let key = self.express_line.next(is_led, |_| self.express_room.has_bytes(limits))?;
            Some(InLine { key, is_standard: false, is_led })
        };
        standard().or_else(express)
    }

    /// It is the turn of the one that [`LiveExecutions::next_in_line`] gave.
    pub(crate) fn leave_line(&mut self, next: &InLine) {
        self.line(next.is_standard).leave(next.is_led);
    }

    /// Whether one goes ahead: it is in memory, and goes on.
    fn is_led(&self, line: &RoomLine) -> bool {
        line.ahead.and_then(|key| self.by_key.get(&key)).is_some_and(Live::is_going_on)
    }

    /// What the Standard executions weigh, but for the one that goes ahead.
    pub(super) fn bytes_beside_ahead(&self) -> usize {
        let ahead = self.standard_line.ahead.and_then(|key| self.by_key.get(&key));
        self.bytes.saturating_sub(ahead.filter(|live| live.is_going_on()).map_or(0, |live| live.weight))
    }
}
