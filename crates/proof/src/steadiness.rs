//! Whether a series of measurements stays where it is: how a latency drifts, and how steeply memory grows.

use harness::figures::percentile;
use std::time::Duration;

/// Blocks of time that a slope is drawn through. Neighbouring samples are alike, as a process takes memory and gives it
/// back over seconds; the means of blocks are nearly independent, so their scatter says how sure the slope is.
const BLOCKS: usize = 12;
/// Student's t for 95 % and `BLOCKS - 2` degrees of freedom.
const STUDENT: f64 = 2.228;

/// How much more there is each hour, in per cent of the mean, and how sure that is.
#[derive(Clone, Copy, Debug)]
pub struct Slope {
    pub per_cent_per_hour: f64,
    /// Half of the 95 % interval.
    pub uncertainty: f64,
}

impl Slope {
    /// A line through samples that were taken at equal times over `time`; `None` if there are too few.
    pub fn through(samples: &[f64], time: Duration) -> Option<Slope> {
        let size = samples.len() / BLOCKS;
        let blocks: Vec<f64> = samples.chunks_exact(size.max(1)).take(BLOCKS).map(mean).collect();
        if blocks.len() < BLOCKS {
            return None;
        }
        let hours_of = |block: usize| time.as_secs_f64() / 3_600.0 * (as_f64(block) + 0.5) / as_f64(BLOCKS);
        let points: Vec<(f64, f64)> = blocks.iter().enumerate().map(|(at, block)| (hours_of(at), *block)).collect();
        let (hours_mean, mean) = (mean(&points.iter().map(|(hours, _)| *hours).collect::<Vec<_>>()), mean(&blocks));
        let spread: f64 = points.iter().map(|(hours, _)| (hours - hours_mean).powi(2)).sum();
        let slope = points.iter().map(|(hours, value)| (hours - hours_mean) * (value - mean)).sum::<f64>() / spread;
        let off = |(hours, value): &(f64, f64)| (value - mean - slope * (hours - hours_mean)).powi(2);
        let variance = points.iter().map(off).sum::<f64>() / as_f64(BLOCKS - 2);
        let per_cent = 100.0 / mean;
        Some(Slope {
            per_cent_per_hour: slope * per_cent,
            uncertainty: STUDENT * (variance / spread).sqrt() * per_cent,
        })
    }
}

/// A latency in the first third of the time and in the last.
#[derive(Clone, Copy, Debug)]
pub struct Drift {
    pub first: Duration,
    pub last: Duration,
}

impl Drift {
    /// Of latencies that were measured at some time after the begin. Each third is its median slice of time, by the
    /// 99th percentile in that slice, so that one slice in which others used the machine does not count.
    pub fn of(latencies: &[(Duration, Duration)], time: Duration, slices_per_third: u32) -> Option<Drift> {
        let slice = time / (3 * slices_per_third);
        let p99 = |number: u32| {
            let times = slice * number..slice * (number + 1);
            let mut those: Vec<Duration> =
                latencies.iter().filter(|(at, _)| times.contains(at)).map(|(_, took)| *took).collect();
            those.sort_unstable();
            percentile(&those, 990)
        };
        let third = |number: u32| {
            let slices = number * slices_per_third..(number + 1) * slices_per_third;
            let mut found: Vec<Duration> = slices.filter_map(p99).collect();
            found.sort_unstable();
            percentile(&found, 500)
        };
        Some(Drift { first: third(0)?, last: third(2)? })
    }

    /// How much longer it takes at the end, in per cent.
    pub fn per_cent(&self) -> f64 {
        (self.last.as_secs_f64() / self.first.as_secs_f64() - 1.0) * 100.0
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / as_f64(values.len().max(1))
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn as_f64(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::{Drift, Slope, as_f64};
    use std::time::Duration;

    const HOUR: Duration = Duration::from_hours(1);

    fn check_slope(value: impl Fn(usize) -> f64, slope: f64, uncertainty_max: f64) {
        let samples: Vec<f64> = (0..600).map(value).collect();
        let found = Slope::through(&samples, HOUR).unwrap();
        assert!((found.per_cent_per_hour - slope).abs() <= uncertainty_max + 1e-9, "{found:?}");
        assert!(found.uncertainty <= uncertainty_max + 1e-9, "{found:?}");
    }

    #[test]
    fn a_slope_is_found_through_what_goes_up_and_down() {
        check_slope(|_| 100.0, 0.0, 0.0);
        // From 95 to 105 within the hour.
        check_slope(|at| 95.0 + as_f64(at) / 59.9, 10.0, 0.1);
        // A sawtooth that gives back all that it takes.
        check_slope(|at| 100.0 + as_f64(at % 50), 0.0, 0.1);
        check_slope(|at| 100.0 + as_f64(at * 7_919 % 13), 0.0, 3.0);
        assert!(Slope::through(&[1.0; 11], HOUR).is_none());
    }

    #[test]
    fn a_drift_is_that_of_the_usual_slice() {
        let latencies: Vec<(Duration, Duration)> = (0..9_000)
            .map(|at| {
                let is_disturbed = (100..400).contains(&at);
                let took = if is_disturbed { 50_000 } else { 1_000 + at / 90 };
                (HOUR * u32::try_from(at).unwrap() / 9_000, Duration::from_micros(took))
            })
            .collect();
        let drift = Drift::of(&latencies, HOUR, 9).unwrap();
        assert!((5.0..8.0).contains(&drift.per_cent()), "{drift:?}");
        assert!(Drift::of(&latencies[..10], HOUR, 9).is_none());
    }
}
