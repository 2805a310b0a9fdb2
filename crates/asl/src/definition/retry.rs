//! Retry.
use json::Text;
/// One retrier; `MaxDelaySeconds` and jitter included.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrier {
    pub error_equals: Vec<Text>,
    pub interval_seconds: u64,
    pub max_attempts: u64,
    pub backoff_rate: f64,
    pub max_delay_seconds: Option<u64>,
    pub jitter_strategy: JitterStrategy,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum JitterStrategy { Full, #[default] None }
