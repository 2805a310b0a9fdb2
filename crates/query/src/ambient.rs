//! What an evaluation may know of the world: it comes in with the trigger.

use crate::{Failure, Reason};
use std::cell::Cell;
use std::time::Duration;

/// Time, randomness and the evaluation budget of one step.
///
/// Two evaluations with the same ambient give the same result; only what a [`Stopwatch`] ends may end elsewhere.
#[derive(Clone, Debug)]
pub struct Ambient {
    /// Milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// Budget of the evaluations in this step.
    pub budget: Budget,
    /// State of the generator that `States.UUID`, `States.MathRandom`, `$random`, `$uuid` and retry jitter draw from.
    random: Cell<u64>,
    /// What is left of `budget.time`, for all evaluations of the step together. One unit is about a nanosecond.
    fuel: Cell<u64>,
    stopwatch: Option<Stopwatch>,
}

/// Nanoseconds since any fixed moment, as the one who drives the machine measures them.
///
/// Nothing here reads a clock, so work that does not count itself (JSONata) is charged to the step only when the driver
/// gives a stopwatch. It never changes a value, only where an evaluation is given up.
pub type Stopwatch = fn() -> u64;

/// The fuel of the step is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

/// How much the evaluations of one step may use before one ends with `Reason::OverBudget`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// CPU time of all evaluations of one step together. Work that can be counted is counted instead of timed.
    pub time: Duration,
    /// Bytes that a value under construction may grow to.
    pub memory_bytes: usize,
    /// Depth of calls.
    pub depth: usize,
    /// No larger budget will be tried: what goes over this one fails its state, as `States.QueryEvaluationError` in
    /// JSONata, which Retry and Catch see, and as `States.Runtime` in JSONPath, which they do not.
    pub last: bool,
}

impl Budget {
    /// What AWS lets one JSONata expression hold, as measured: `[1..873782]` is accepted, one number more is not.
    pub const MEMORY_BYTES: usize = 6_990_256;
}

impl Ambient {
    pub fn new(now_ms: i64, seed: u64, budget: Budget) -> Ambient {
        let fuel = u64::try_from(budget.time.as_nanos()).unwrap_or(u64::MAX);
        Ambient { now_ms, budget, random: Cell::new(seed), fuel: Cell::new(fuel), stopwatch: None }
    }

    /// The same, with JSONata charged by the time that it takes.
    #[must_use]
    pub fn timed(self, stopwatch: Stopwatch) -> Ambient {
        Ambient { stopwatch: Some(stopwatch), ..self }
    }

    /// Counts work of about so many nanoseconds. When the step has not enough fuel left, it has none afterwards.
    pub fn spend(&self, nanoseconds: u64) -> Result<(), Exhausted> {
        let left = self.fuel.get().checked_sub(nanoseconds);
        self.fuel.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(Exhausted)
    }

    /// The fuel that is left.
    pub fn fuel(&self) -> u64 {
        self.fuel.get()
    }

    /// Whether the step has used a quarter of its budget: it does well to end before it takes up another state, which
    /// may need the rest.
    pub fn is_running_low(&self) -> bool {
        let all = u64::try_from(self.budget.time.as_nanos()).unwrap_or(u64::MAX);
        self.fuel.get() < all - all / 4
    }

    /// The stopwatch now, if there is one.
    pub(crate) fn stopwatch_ns(&self) -> Option<u64> {
        self.stopwatch.map(|now_ns| now_ns())
    }

    /// The failure of an evaluation that used up the fuel: `Reason::OverBudget`, or `States.Runtime` when no larger
    /// budget will be tried.
    pub(crate) fn exhausted(&self, message: impl Into<String>) -> Failure {
        Failure::new(if self.budget.last { Reason::Path } else { Reason::OverBudget }, message)
    }

    /// The next 64 random bits (SplitMix64).
    pub fn next_u64(&self) -> u64 {
        let state = self.random.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
    /// Uniform in `[0, 1)`.
    pub fn next_f64(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a double holds 53 bits exactly")]
        let fraction = (self.next_u64() >> 11) as f64;
        // Half of the distance from 1 to the next double is 2⁻⁵³.
        fraction * (f64::EPSILON / 2.0)
    }
    /// A version 4 UUID in lower case.
    pub fn next_uuid(&self) -> String {
        let (high, low) = (self.next_u64(), self.next_u64());
        let (first, second) = (high >> 32, (high >> 16) & 0xffff);
        let version = 0x4000 | (high & 0x0fff);
        let variant = 0x8000 | ((low >> 48) & 0x3fff);
        format!("{first:08x}-{second:04x}-{version:04x}-{variant:04x}-{:012x}", low & 0xffff_ffff_ffff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget { time: Duration::from_secs(1), memory_bytes: 1 << 20, depth: 100, last: true };

    #[test]
    fn fuel_is_spent_once() {
        let ambient = Ambient::new(0, 1, Budget { time: Duration::from_nanos(100), ..BUDGET });
        assert_eq!((ambient.spend(25), ambient.is_running_low()), (Ok(()), false));
        assert_eq!((ambient.spend(1), ambient.is_running_low()), (Ok(()), true));
        assert_eq!((ambient.spend(75), ambient.fuel()), (Err(Exhausted), 0), "what was asked for was not there");
    }

    #[test]
    fn the_same_seed_gives_the_same_values() {
        let draw = |seed| {
            let ambient = Ambient::new(0, seed, BUDGET);
            (ambient.next_u64(), ambient.next_f64().to_bits(), ambient.next_uuid())
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn values_have_their_form() {
        let ambient = Ambient::new(0, 1, BUDGET);
        for _ in 0..1000 {
            assert!((0.0..1.0).contains(&ambient.next_f64()));
            let uuid = ambient.next_uuid();
            let parts: Vec<&str> = uuid.split('-').collect();
            assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
            assert!(parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']), "{uuid}");
        }
    }
}
