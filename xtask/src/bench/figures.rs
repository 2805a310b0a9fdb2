//! What a workload gave: how many, how fast, how late, how large.

use std::fmt;
use std::time::Duration;

/// The figures of one workload.
pub struct Figures {
    pub name: &'static str,
    /// Latency of each finished unit.
    pub latencies: Vec<Duration>,
    pub elapsed: Duration,
    /// Resident memory of the server at the end.
    pub resident_bytes: u64,
}

impl Figures {
    pub const HEADER: &'static str = "workload         per s   p50 ms   p99 ms   max ms      done  resident MB";

    /// Finished units per second.
    pub fn per_second(&self) -> f64 {
        as_f64(self.latencies.len()) / self.elapsed.as_secs_f64()
    }

    /// The latency that `per_mille` of a thousand units did not exceed, in milliseconds.
    fn percentile_ms(&self, per_mille: usize) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let index = (sorted.len().saturating_sub(1)) * per_mille / 1_000;
        sorted.get(index).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1_000.0)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:12} {:>9.0} {:>8.2} {:>8.2} {:>8.2} {:>9} {:>12}",
            self.name,
            self.per_second(),
            self.percentile_ms(500),
            self.percentile_ms(990),
            self.percentile_ms(1_000),
            self.latencies.len(),
            self.resident_bytes / 1_000_000,
        )
    }
}

/// Counts are far below 2^52, where `f64` is exact.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn as_f64(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_latencies() {
        let figures = Figures {
            name: "x",
            latencies: (1..=100).rev().map(Duration::from_millis).collect(),
            elapsed: Duration::from_secs(2),
            resident_bytes: 0,
        };
        assert!((figures.percentile_ms(500) - 50.0).abs() < 1e-9);
        assert!((figures.percentile_ms(1_000) - 100.0).abs() < 1e-9);
        assert!((figures.per_second() - 50.0).abs() < 1e-9);
    }
}
