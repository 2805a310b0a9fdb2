//! The timers of one execution that are set, and which of them a step has moved.

use machine::TimerId;
use std::collections::BTreeMap;

/// Timers that a step moves: from when to when. What it leaves as it was is not among them.
pub(in crate::shard) type MovedTimers = BTreeMap<TimerId, (Option<i64>, Option<i64>)>;

#[derive(Default)]
pub(crate) struct SetTimers {
    due_ms: BTreeMap<TimerId, i64>,
    moved: MovedTimers,
}

impl SetTimers {
    /// Those of an execution that is taken up: they are where they were.
    pub(in crate::shard) fn of(timers: impl IntoIterator<Item = (TimerId, i64)>) -> SetTimers {
        SetTimers { due_ms: timers.into_iter().collect(), moved: MovedTimers::new() }
    }

    /// Whether it is set, and for then.
    pub(in crate::shard) fn is_due_at(&self, timer: TimerId, due_ms: i64) -> bool {
        self.due_ms.get(&timer) == Some(&due_ms)
    }

    pub(in crate::shard) fn set(&mut self, timer: TimerId, due_ms: i64) {
        let before = self.due_ms.insert(timer, due_ms);
        self.move_to(timer, before, Some(due_ms));
    }

    pub(in crate::shard) fn cancel(&mut self, timer: TimerId) {
        let before = self.due_ms.remove(&timer);
        self.move_to(timer, before, None);
    }

    pub(in crate::shard) fn cancel_all(&mut self) {
        for (timer, due_ms) in std::mem::take(&mut self.due_ms) {
            self.move_to(timer, Some(due_ms), None);
        }
    }

    fn move_to(&mut self, timer: TimerId, before: Option<i64>, now: Option<i64>) {
        self.moved.entry(timer).or_insert((before, None)).1 = now;
    }

    /// What was moved since this was asked last.
    pub(in crate::shard) fn take_moved(&mut self) -> MovedTimers {
        let mut moved = std::mem::take(&mut self.moved);
        moved.retain(|_, (from, to)| from != to);
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_elsewhere_in_the_end_was_moved() {
        let [stays, goes, shifts, comes] = [1, 2, 3, 4].map(TimerId);
        let mut timers = SetTimers::of([(stays, 10), (goes, 20), (shifts, 30)]);
        timers.cancel(stays);
        timers.set(stays, 10);
        timers.set(shifts, 31);
        timers.set(shifts, 32);
        timers.set(comes, 40);
        timers.set(TimerId(5), 50);
        timers.cancel(TimerId(5));
        timers.cancel(goes);
        let moved = [(goes, (Some(20), None)), (shifts, (Some(30), Some(32))), (comes, (None, Some(40)))];
        assert_eq!(timers.take_moved(), moved.into());
        assert!(timers.take_moved().is_empty());
        assert!(timers.is_due_at(shifts, 32) && !timers.is_due_at(shifts, 30) && !timers.is_due_at(goes, 20));
        timers.cancel_all();
        let moved = [(stays, (Some(10), None)), (shifts, (Some(32), None)), (comes, (Some(40), None))];
        assert_eq!(timers.take_moved(), moved.into());
    }
}
