//! Retry: whether a state that failed is tried again, and when.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html#error-handling-retrying-after-an-error>

use crate::failure::matches;
use crate::{Failure, Frame};
use asl::{JitterStrategy, Retrier};
use query::Ambient;

/// The retrier that decides, and its place in `Retry`: the first whose `ErrorEquals` has the error, also when its
/// attempts are used up.
pub(crate) fn find<'d>(retriers: &'d [Retrier], failure: &Failure, is_heartbeat: bool) -> Option<(usize, &'d Retrier)> {
    let mut meant = retriers.iter().enumerate();
    meant.find(|(_, retrier)| matches(&retrier.error_equals, failure, is_heartbeat))
}

/// Milliseconds until the next attempt after so many retries; `None` when they are used up.
pub(crate) fn next(retrier: &Retrier, made: u64, ambient: &Ambient) -> Option<i64> {
    (made < retrier.max_attempts).then(|| delay_ms(retrier, made, ambient))
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
