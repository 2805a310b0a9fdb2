//! Numbers that look random and are the same for the same seed.

use std::sync::atomic::{AtomicU64, Ordering};

/// SplitMix64: one addition and a few shifts, shared by all tasks of a run.
pub struct Random(AtomicU64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(AtomicU64::new(seed))
    }

    pub fn next(&self) -> u64 {
        let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// Whether a chance of one in `of` came true.
    pub fn one_in(&self, of: u64) -> bool {
        self.below(of) == 0
    }

    /// A number up to `most`, small ones as likely as large ones: each size has the same chance.
    pub fn of_any_size(&self, most: u64) -> u64 {
        let bits = u64::from(u64::BITS - most.leading_zeros());
        let size = self.below(bits + 1);
        (1 + self.below(1 << size)).min(most)
    }

    pub fn choose<'a, T>(&self, among: &'a [T]) -> Option<&'a T> {
        among.get(usize::try_from(self.below(among.len() as u64)).ok()?)
    }
}
