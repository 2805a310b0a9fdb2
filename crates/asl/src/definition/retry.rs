//! Retry.

use crate::kind;
use crate::reader::Reader;
use crate::shape::{Shape, both};
use json::Text;

/// When and how often a state that failed is tried again.
///
/// <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html>
#[derive(Clone, Debug, PartialEq)]
pub struct Retrier {
    pub error_equals: Vec<Text>,
    /// Seconds before the first retry; 1 by default.
    pub interval_seconds: u64,
    /// Retries, the first attempt not counted; 3 by default.
    pub max_attempts: u64,
    /// By what the interval is multiplied after each retry; 2 by default.
    pub backoff_rate: f64,
    /// What the interval does not grow beyond.
    pub max_delay_seconds: Option<u64>,
    pub jitter_strategy: JitterStrategy,
}

/// Whether the delay is drawn between zero and the interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum JitterStrategy {
    Full,
    #[default]
    None,
}

const SHAPE: Shape = Shape {
    fields: &[&[
        both("ErrorEquals"),
        both("IntervalSeconds"),
        both("MaxAttempts"),
        both("BackoffRate"),
        both("MaxDelaySeconds"),
        both("JitterStrategy"),
        both("Comment"),
    ]],
    required: &["ErrorEquals"],
    groups: &[],
};

// Bounds of the language, which AWS's diagnostics name: no quotas, so no limits of a server.
const INTERVAL_SECONDS_MAX: u64 = 99_999_999;
const MAX_ATTEMPTS_MAX: u64 = 99_999_999;
const MAX_DELAY_SECONDS_MAX: u64 = 31_622_400;

impl Retrier {
    /// The retriers of a state; an empty `Retry` is one without retriers.
    pub(crate) fn read_all(reader: &Reader<'_>) -> Vec<Retrier> {
        reader.children("Retry").iter().filter_map(Retrier::read).collect()
    }

    fn read(reader: &Reader<'_>) -> Option<Retrier> {
        reader.check(&SHAPE);
        let error_equals = reader.texts("ErrorEquals");
        let interval_seconds = reader.read("IntervalSeconds", kind::integer(1..=INTERVAL_SECONDS_MAX)).unwrap_or(1);
        let max_attempts = reader.read("MaxAttempts", kind::integer(0..=MAX_ATTEMPTS_MAX)).unwrap_or(3);
        let backoff_rate = reader.read("BackoffRate", kind::decimal(1.0..=f64::MAX)).unwrap_or(2.0);
        let max_delay_seconds = reader.read("MaxDelaySeconds", kind::integer(1..=MAX_DELAY_SECONDS_MAX));
        let jitter_strategy = match reader.read_word("JitterStrategy", &["FULL", "NONE"]) {
            Some("FULL") => JitterStrategy::Full,
            _ => JitterStrategy::None,
        };
        Some(Retrier {
            error_equals: error_equals?,
            interval_seconds,
            max_attempts,
            backoff_rate,
            max_delay_seconds,
            jitter_strategy,
        })
    }
}
