//! Time is a parameter.
/// Gives the time of day.
pub trait Clock: Send + Sync { /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> i64; }
/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;
impl Clock for SystemClock { fn now_ms(&self) -> i64 { std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)) } }
