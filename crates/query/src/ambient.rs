//! What an evaluation may know of the world: it comes in with the trigger.

use std::cell::Cell;
use std::time::Duration;

/// Time, randomness and the evaluation budget of one step.
///
/// Two evaluations with the same ambient give the same result.
#[derive(Clone, Debug)]
pub struct Ambient {
    /// Milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// Budget for all evaluation in this step.
    pub budget: Budget,
    /// State of the generator that `States.UUID`, `States.MathRandom`, `$random`, `$uuid` and retry jitter draw from.
    random: Cell<u64>,
}

/// How much one evaluation may use before it ends with `Reason::OverBudget`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// CPU time of one expression.
    pub time: Duration,
    /// Bytes that a value under construction may grow to.
    pub memory_bytes: usize,
    /// Depth of calls.
    pub depth: usize,
}

impl Ambient {
    pub fn new(now_ms: i64, seed: u64, budget: Budget) -> Ambient { Ambient { now_ms, budget, random: Cell::new(seed) } }
    /// The next 64 random bits (SplitMix64).
    pub fn next_u64(&self) -> u64 {
        let state = self.random.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
    /// Uniform in `[0, 1)`.
    pub fn next_f64(&self) -> f64 { todo!() }
    /// A version 4 UUID in lower case.
    pub fn next_uuid(&self) -> String { todo!() }
}
