//! The search for one flipped bit.

use std::{
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// A stretch that may well be torn is searched if it is no longer: the time grows with the square of the length, and is
/// half a second here.
pub(super) const TORN_BYTES_MAX: usize = 32 << 10;
/// What is certainly damaged is searched if it is no longer: that takes half a minute of all processors.
pub(super) const DAMAGED_BYTES_MAX: usize = 256 << 10;
/// More than this is shared among the processors.
const ALONE_BYTES_MAX: usize = 2 << 10;

/// A byte that is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flip {
    pub(super) at: usize,
    /// What it should be.
    pub(super) byte: u8,
}

/// The one bit in `range` that makes the bytes right when it is turned.
pub(super) fn search(bytes: &[u8], range: Range<usize>, is_right: impl Fn(&[u8]) -> bool + Sync) -> Option<Flip> {
    if range.len() > DAMAGED_BYTES_MAX {
        return None;
    }
    let is_found = AtomicBool::new(false);
    let search_part = |part: Range<usize>| {
        let mut bytes = bytes.to_vec();
        for at in part.take_while(|_| !is_found.load(Ordering::Relaxed)) {
            let before = *bytes.get(at)?;
            for byte in (0..8).map(|bit| before ^ (1 << bit)) {
                *bytes.get_mut(at)? = byte;
                if is_right(&bytes) {
                    is_found.store(true, Ordering::Relaxed);
                    return Some(Flip { at, byte });
                }
            }
            *bytes.get_mut(at)? = before;
        }
        None
    };
    let threads =
        if range.len() > ALONE_BYTES_MAX { thread::available_parallelism().map_or(1, usize::from) } else { 1 };
    let part_bytes = range.len().div_ceil(threads).max(1);
    if threads == 1 {
        return search_part(range);
    }
    let search_part = &search_part;
    thread::scope(|scope| {
        let parts = range.clone().step_by(part_bytes).map(|from| from..(from + part_bytes).min(range.end));
        let searches: Vec<_> = parts.map(|part| scope.spawn(move || search_part(part))).collect();
        searches.into_iter().find_map(|search| search.join().ok().flatten())
    })
}
