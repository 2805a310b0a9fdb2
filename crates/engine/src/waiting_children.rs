//! Children of Map Runs that were asked for and have not begun: which they are, and what their inputs take.
//!
//! A Map Run makes the input of a child when it asks for it, and the child then waits on its shard, behind everything else.
//! So that these inputs take only so much memory, a Map Run asks for no more of them than fit, and for the next ones when
//! some have begun. One of its children may wait at any rate: no Map Run waits for another one.

use crate::{
    shard::{Report, ShardSender},
    tables::MapRunKey,
};
use machine::Room;
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// What the children of one Map Run that wait take, about.
const OF_MAP_RUN_BYTES_MAX: usize = 4 << 20;
/// What those of all Map Runs take, about.
const OF_ALL_BYTES_MAX: usize = 64 << 20;
/// What one takes besides its input: an estimate.
const OF_CHILD_BYTES: usize = 1_024;
/// A byte of the text of an input stands for its own and for the value that it is the text of.
const OF_TEXT_BYTE: usize = 2;

/// What the waiting children of all Map Runs take.
pub(crate) type WaitingBytes = Arc<AtomicUsize>;

/// The waiting children of one Map Run.
pub(crate) struct WaitingChildren {
    map_run: MapRunKey,
    of_all: WaitingBytes,
    /// Hears when there is room again ([`Report::MapRunHasRoom`]).
    shard: ShardSender,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    numbers: BTreeSet<u64>,
    bytes: usize,
    /// The Map Run would ask for more.
    is_short_of_room: bool,
}

/// A child that waits; it does so no more when this is dropped.
pub(crate) struct WaitingChild {
    of: Arc<WaitingChildren>,
    number: u64,
    bytes: usize,
}

impl WaitingChildren {
    pub(crate) fn new(map_run: MapRunKey, of_all: WaitingBytes, shard: ShardSender) -> Arc<WaitingChildren> {
        Arc::new(WaitingChildren { map_run, of_all, shard, waiting: Mutex::default() })
    }

    /// Counts a child that is asked for.
    pub(crate) fn add(self: &Arc<WaitingChildren>, number: u64, input_bytes: usize) -> WaitingChild {
        let bytes = input_bytes.saturating_mul(OF_TEXT_BYTE).saturating_add(OF_CHILD_BYTES);
        let mut waiting = self.lock();
        waiting.numbers.insert(number);
        waiting.bytes += bytes;
        self.of_all.fetch_add(bytes, Ordering::Relaxed);
        WaitingChild { of: Arc::clone(self), number, bytes }
    }

    /// Room for further ones.
    pub(crate) fn room(&self) -> Room {
        self.room_beside(&self.lock())
    }

    fn room_beside(&self, waiting: &Waiting) -> Room {
        let of_map_run = OF_MAP_RUN_BYTES_MAX.saturating_sub(waiting.bytes);
        let bytes = OF_ALL_BYTES_MAX.saturating_sub(self.of_all.load(Ordering::Relaxed)).min(of_map_run);
        let least = usize::from(waiting.numbers.is_empty());
        Room { children: (bytes / OF_CHILD_BYTES).max(least), input_bytes: bytes / OF_TEXT_BYTE }
    }

    /// Whether there is room; if not, the shard of the Map Run hears when some of its children have begun.
    pub(crate) fn has_room_or_tells(&self) -> bool {
        let mut waiting = self.lock();
        let has_room = self.room_beside(&waiting).children > 0;
        waiting.is_short_of_room = !has_room;
        has_room
    }

    /// The numbers of those that wait.
    pub(crate) fn numbers(&self) -> BTreeSet<u64> {
        self.lock().numbers.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WaitingChild {
    fn drop(&mut self) {
        let of = &self.of;
        of.of_all.fetch_sub(self.bytes, Ordering::Relaxed);
        let mut waiting = of.lock();
        waiting.numbers.remove(&self.number);
        waiting.bytes -= self.bytes;
        // A Map Run is not told of each single one: its steps take several.
        if waiting.is_short_of_room && waiting.bytes <= OF_MAP_RUN_BYTES_MAX / 2 {
            waiting.is_short_of_room = false;
            of.shard.report(Report::MapRunHasRoom(of.map_run));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: usize = OF_MAP_RUN_BYTES_MAX / OF_TEXT_BYTE;

    fn children(of_all: &WaitingBytes, shard: &ShardSender) -> Arc<WaitingChildren> {
        WaitingChildren::new(MapRunKey::of("m"), Arc::clone(of_all), shard.clone())
    }

    #[test]
    fn a_map_run_asks_for_more_when_half_of_what_waited_has_begun() {
        let (shard, mut inbound) = ShardSender::channel(1);
        let children = children(&WaitingBytes::default(), &shard);
        let waiting: Vec<WaitingChild> = (0..4).map(|number| children.add(number, LARGE / 4)).collect();
        assert!(!children.has_room_or_tells());
        assert_eq!(children.numbers(), BTreeSet::from([0, 1, 2, 3]));
        let told: Vec<bool> = waiting
            .into_iter()
            .map(|child| {
                drop(child);
                inbound.try_recv().is_ok()
            })
            .collect();
        assert_eq!(told, [false, false, true, false]);
        assert!(children.has_room_or_tells() && children.numbers().is_empty());
    }

    #[test]
    fn one_child_of_each_map_run_waits_at_any_rate() {
        let (shard, _inbound) = ShardSender::channel(1);
        let of_all = WaitingBytes::default();
        let (first, second) = (children(&of_all, &shard), children(&of_all, &shard));
        let all = first.add(0, OF_ALL_BYTES_MAX);
        assert_eq!((first.room().children, second.room().children), (0, 1));
        let one = second.add(0, 1);
        assert_eq!(second.room().children, 0);
        drop(all);
        assert!(second.room().children > 1_000 && first.room().input_bytes == LARGE);
        drop(one);
        assert_eq!(of_all.load(Ordering::Relaxed), 0);
    }
}
