//! Room for Express executions. They live in memory only: how many run and what they weigh is bounded.
//!
//! Those that callers begin are refused when there is no room. The children of Map Runs are not counted among them, as
//! `MaxConcurrency` bounds their number; they wait for room in memory, of which they take no more than half: whatever they
//! weigh, callers find the other half. One of them begins in any case, however much the others weigh. When there is no room,
//! large ones go on one after the other on each shard ([`crate::shard`]); small ones, answers of tasks and the one that goes
//! ahead may still come to more, and if that is much more, those end that take more than their share.

use crate::shard::{Report, ShardSender};
use asl::Limits;
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};

/// The log tells the same again after so many milliseconds.
const TOLD_EVERY_MS: u64 = 10_000;

/// Why an execution that a caller begins finds no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// As many run as may.
    Executions,
    /// They take as much memory as they may.
    Bytes,
}

/// What the Express executions of all shards take.
#[derive(Default)]
pub(crate) struct ExpressRoom {
    /// Those that callers began.
    executions: AtomicU64,
    /// What all weigh, in bytes.
    bytes: AtomicU64,
    children: AtomicU64,
    /// What the children weigh: a part of `bytes`.
    children_bytes: AtomicU64,
    /// Shards whose children wait for room, by number.
    waiting: Mutex<BTreeMap<usize, ShardSender>>,
    /// Whether there are any.
    is_awaited: AtomicBool,
    /// That executions were refused.
    pub(crate) told_refusal: Told,
    /// That executions take more than their share.
    pub(crate) told_share: Told,
}

/// When the log told something last, so that it is not filled: milliseconds since the Unix epoch.
#[derive(Default)]
pub(crate) struct Told(AtomicI64);

impl Told {
    /// Takes the turn to tell it again, if the last was long enough ago.
    pub(crate) fn takes_turn(&self, now_ms: i64) -> bool {
        let told_ms = self.0.load(Ordering::Relaxed);
        now_ms.abs_diff(told_ms) >= TOLD_EVERY_MS
            && self.0.compare_exchange(told_ms, now_ms, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl ExpressRoom {
    /// Counts an execution that begins, if it has room.
    pub(crate) fn begin(&self, limits: &Limits) -> Result<(), Full> {
        if !self.has_bytes(limits) {
            return Err(Full::Bytes);
        }
        let more = |running: u64| (running < limits.express_executions_max).then_some(running + 1);
        let begun = self.executions.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        begun.map(drop).map_err(|_| Full::Executions)
    }

    /// Whether those that run take less than they may.
    pub(crate) fn has_bytes(&self, limits: &Limits) -> bool {
        self.bytes.load(Ordering::SeqCst) < limits.express_executions_bytes_max
    }

    /// What each of them may take when all have come to more than there is room for, and one that takes as much as an execution
    /// may: as much as any other, so that those end that take the most. `None`: there is room.
    pub(crate) fn share(&self, limits: &Limits) -> Option<u64> {
        let bytes_max = limits.express_executions_bytes_max.saturating_add(limits.execution_bytes_max);
        if self.bytes.load(Ordering::SeqCst) <= bytes_max {
            return None;
        }
        let running = self.executions.load(Ordering::SeqCst) + self.children.load(Ordering::SeqCst);
        Some(bytes_max / running.max(1))
    }

    /// Whether none runs.
    pub(crate) fn is_empty(&self) -> bool {
        self.executions.load(Ordering::Relaxed) == 0 && self.children.load(Ordering::Relaxed) == 0
    }

    /// Counts executions that an earlier process had begun: they are begun anew whatever runs.
    pub(crate) fn begin_anew(&self, count: usize) {
        self.executions.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Counts a child of a Map Run that begins.
    pub(crate) fn begin_child(&self) {
        self.children.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether one more child may begin.
    pub(crate) fn has_room_for_child(&self, limits: &Limits) -> bool {
        let bytes_max = limits.express_executions_bytes_max;
        let has_room = self.has_bytes(limits) && self.children_bytes.load(Ordering::SeqCst) < bytes_max.div_ceil(2);
        has_room || self.children.load(Ordering::SeqCst) == 0
    }

    /// The same; if not, the shard hears when it is worth to ask again ([`Report::ExpressHasRoom`]).
    pub(crate) fn has_room_or_tells(&self, shard: usize, sender: &ShardSender, limits: &Limits) -> bool {
        if self.has_room_for_child(limits) {
            return true;
        }
        self.waiting().entry(shard).or_insert_with(|| sender.clone());
        self.is_awaited.store(true, Ordering::SeqCst);
        // What ended before was not told.
        self.has_room_for_child(limits)
    }

    /// An execution weighs something else than before.
    pub(crate) fn weighs(&self, is_child: bool, before: usize, now: usize) {
        let counts = if is_child { [Some(&self.bytes), Some(&self.children_bytes)] } else { [Some(&self.bytes), None] };
        for count in counts.into_iter().flatten() {
            count.fetch_add(now as u64, Ordering::SeqCst);
            count.fetch_sub(before as u64, Ordering::SeqCst);
        }
    }

    /// An execution has ended, and weighs nothing any more.
    pub(crate) fn ended(&self, is_child: bool) {
        let count = if is_child { &self.children } else { &self.executions };
        count.fetch_sub(1, Ordering::SeqCst);
        if self.is_awaited.load(Ordering::SeqCst) && self.is_awaited.swap(false, Ordering::SeqCst) {
            for shard in std::mem::take(&mut *self.waiting()).into_values() {
                shard.report(Report::ExpressHasRoom);
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<usize, ShardSender>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { express_executions_max: 2, express_executions_bytes_max: 1_000, ..Limits::default() }
    }

    #[test]
    fn children_take_half_of_the_room_and_none_of_the_places() {
        let (room, limits) = (ExpressRoom::default(), limits());
        for bytes in [200, 200, 200] {
            assert!(room.has_room_for_child(&limits));
            room.begin_child();
            room.weighs(true, 0, bytes);
        }
        assert!(!room.has_room_for_child(&limits));
        assert_eq!([(); 3].map(|()| room.begin(&limits)), [Ok(()), Ok(()), Err(Full::Executions)]);
        room.weighs(true, 200, 0);
        room.ended(true);
        assert!(room.has_room_for_child(&limits));
    }

    #[test]
    fn one_child_goes_on_whatever_others_weigh() {
        let (room, limits) = (ExpressRoom::default(), limits());
        room.begin(&limits).unwrap();
        room.weighs(false, 0, 2_000);
        assert_eq!(room.begin(&limits), Err(Full::Bytes));
        assert!(room.has_room_for_child(&limits));
        room.begin_child();
        assert!(!room.has_room_for_child(&limits));
    }

    #[test]
    fn who_takes_more_than_a_share_is_found_when_one_more_would_not_have_room() {
        let (room, limits) = (ExpressRoom::default(), Limits { execution_bytes_max: 500, ..limits() });
        room.begin(&limits).unwrap();
        room.begin_child();
        room.weighs(false, 0, 1_000);
        room.weighs(true, 0, 500);
        assert_eq!(room.share(&limits), None);
        room.weighs(true, 500, 501);
        assert_eq!(room.share(&limits), Some(750));
    }

    #[test]
    fn who_waits_is_told_once_and_only_when_something_has_ended() {
        let (room, limits) = (ExpressRoom::default(), limits());
        let (sender, mut inbound) = ShardSender::channel(1);
        room.begin_child();
        room.weighs(true, 0, 2_000);
        assert!(!room.has_room_or_tells(0, &sender, &limits) && !room.has_room_or_tells(0, &sender, &limits));
        assert!(inbound.try_recv().is_err());
        room.weighs(true, 2_000, 0);
        room.ended(true);
        assert!(inbound.try_recv().is_ok() && inbound.try_recv().is_err());
        assert!(room.has_room_or_tells(0, &sender, &limits));
    }

    #[test]
    fn the_log_is_not_filled() {
        let told = Told::default();
        let seconds = |range: std::ops::Range<i64>| range.step_by(1_000);
        let turns: Vec<i64> = seconds(1_000_000..1_030_000).filter(|now_ms| told.takes_turn(*now_ms)).collect();
        assert_eq!(turns, [1_000_000, 1_010_000, 1_020_000]);
        // The clock was put back.
        assert!(told.takes_turn(500_000) && !told.takes_turn(500_001));
    }
}
