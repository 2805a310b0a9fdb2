//! Retry: whether a state that failed is tried again, and when.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html#error-handling-retrying-after-an-error>

use crate::failure::matches;
use crate::{Failure, Frame};
use asl::{JitterStrategy, Retrier};
use query::Ambient;

/// A retrier that still has attempts left.
pub(crate) struct Retry {
    /// Its place in `Retry`.
    pub(crate) retrier: usize,
    pub(crate) delay_ms: i64,
}

/// The first retrier whose `ErrorEquals` has the error decides, also when its attempts are used up.
pub(crate) fn next(
    retriers: &[Retrier],
    frame: &Frame,
    failure: &Failure,
    is_heartbeat: bool,
    ambient: &Ambient,
) -> Option<Retry> {
    let mut meant = retriers.iter().enumerate();
    let (place, retrier) = meant.find(|(_, retrier)| matches(&retrier.error_equals, failure, is_heartbeat))?;
    let made = frame.retries.get(place).copied().unwrap_or(0);
    (made < retrier.max_attempts).then(|| Retry { retrier: place, delay_ms: delay_ms(retrier, made, ambient) })
}

/// Counts the retry; each retrier counts alone.
pub(crate) fn count(frame: &mut Frame, retrier: usize) {
    if frame.retries.len() <= retrier {
        frame.retries.resize(retrier + 1, 0);
    }
    if let Some(made) = frame.retries.get_mut(retrier) {
        *made += 1;
    }
}

/// `IntervalSeconds * BackoffRate ^ made`, at most `MaxDelaySeconds`; with jitter anything from 0 up to that.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "delays are told in floats by the language; the cast back saturates, and no one waits that long"
)]
fn delay_ms(retrier: &Retrier, made: u64, ambient: &Ambient) -> i64 {
    let exponent = i32::try_from(made).unwrap_or(i32::MAX);
    let delay = retrier.interval_seconds as f64 * retrier.backoff_rate.powi(exponent);
    let delay = retrier.max_delay_seconds.map_or(delay, |most| delay.min(most as f64));
    let delay = match retrier.jitter_strategy {
        JitterStrategy::None => delay,
        JitterStrategy::Full => delay * ambient.next_f64(),
    };
    (delay * 1000.0).round() as i64
}
