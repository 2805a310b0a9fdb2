//! The random numbers of a simulated world: each seed gives one sequence, the same everywhere.

/// SplitMix64.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        // Neighbouring seeds are made strangers.
        let mut random = Random(seed.wrapping_mul(0xD129_0FE8_4C15_C3A3) ^ 0x5DEE_CE66);
        random.next();
        random
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `end`, without it; 0 if `end` is.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        usize::try_from(self.next().checked_rem(end).unwrap_or(0)).unwrap_or(0)
    }

    /// From `first` to `last`, both included.
    pub fn between(&mut self, first: i64, last: i64) -> i64 {
        let count = usize::try_from(last.saturating_sub(first).saturating_add(1)).unwrap_or(1);
        first.saturating_add(i64::try_from(self.below(count)).unwrap_or(0))
    }

    /// True in so many of a thousand cases.
    pub fn per_mille(&mut self, cases: usize) -> bool {
        self.below(1_000) < cases
    }

    /// One of them; `None` of none.
    pub fn of<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        choices.get(self.below(choices.len()))
    }

    /// One of a few words.
    pub fn word(&mut self, words: &[&'static str]) -> &'static str {
        self.of(words).copied().unwrap_or_default()
    }

    /// Any order of magnitude up to `end` is as likely as any other.
    pub fn magnitude(&mut self, end: i64) -> i64 {
        let bits = u64::BITS.saturating_sub(end.max(1).unsigned_abs().leading_zeros());
        let drawn = self.below(usize::try_from(bits).unwrap_or(0) + 1);
        let limit = 1_i64.checked_shl(u32::try_from(drawn).unwrap_or(0)).unwrap_or(end).min(end);
        self.between(0, limit)
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn a_seed_gives_one_sequence() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            (0..9).map(|_| random.next()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn what_is_drawn_is_within_its_bounds() {
        let mut random = Random::new(7);
        for _ in 0..1_000 {
            assert!((-3..=3).contains(&random.between(-3, 3)));
            assert!((0..=1_000_000).contains(&random.magnitude(1_000_000)));
            assert!(random.below(5) < 5);
        }
        assert_eq!(random.below(0), 0);
    }
}
