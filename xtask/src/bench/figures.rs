//! What a workload gave: how many, how fast, how late, for how much processor time and memory.

use super::subject::Subject;
use std::fmt;
use std::time::{Duration, Instant};

/// The figures of one workload.
pub struct Figures {
    /// `W1`, and what it was measured on where it is more than one thing.
    pub name: String,
    /// Latency of each finished unit; empty where single units are not seen.
    latencies: Vec<Duration>,
    done: usize,
    has_rate: bool,
    elapsed: Duration,
    /// Processor time of the server.
    processor_time: Duration,
    /// Resident memory of the server at the end.
    resident_bytes: u64,
    /// What the columns do not say.
    pub note: String,
}

/// A measurement that goes on.
pub struct Measuring<'a> {
    subject: &'a Subject,
    begun: Instant,
    processor_time: Duration,
}

impl<'a> Measuring<'a> {
    pub fn begin(subject: &'a Subject) -> Measuring<'a> {
        Measuring { subject, begun: Instant::now(), processor_time: subject.processor_time() }
    }

    /// The end, with the latency of each unit.
    pub fn end(self, name: impl Into<String>, mut latencies: Vec<Duration>) -> Figures {
        latencies.sort_unstable();
        let done = latencies.len();
        Figures { latencies, ..self.end_of(name, done) }
    }

    /// The end, where only the number of units is known.
    pub fn end_of(self, name: impl Into<String>, done: usize) -> Figures {
        Figures {
            name: name.into(),
            latencies: Vec::new(),
            done,
            has_rate: true,
            elapsed: self.begun.elapsed(),
            processor_time: self.subject.processor_time().saturating_sub(self.processor_time),
            resident_bytes: self.subject.resident_bytes(),
            note: String::new(),
        }
    }
}

impl Figures {
    pub const COLUMNS: [&'static str; 9] =
        ["workload", "per s", "p50 ms", "p99 ms", "max ms", "done", "CPU µs each", "memory MB", ""];

    #[must_use]
    pub fn noted(self, note: impl Into<String>) -> Figures {
        Figures { note: note.into(), ..self }
    }

    pub fn done(&self) -> usize {
        self.done
    }

    /// Without a rate, where units did not follow one another.
    #[must_use]
    pub fn without_rate(self) -> Figures {
        Figures { has_rate: false, ..self }
    }

    /// Finished units per second.
    pub fn per_second(&self) -> f64 {
        as_f64(self.done) / self.elapsed.as_secs_f64()
    }

    /// Processor time of the server for each unit, in microseconds.
    pub fn processor_microseconds(&self) -> f64 {
        self.processor_time.as_secs_f64() * 1e6 / as_f64(self.done.max(1))
    }

    /// The latency that `per_mille` of a thousand units did not exceed, in milliseconds.
    pub fn percentile_ms(&self, per_mille: usize) -> Option<f64> {
        harness::figures::percentile(&self.latencies, per_mille).map(|latency| latency.as_secs_f64() * 1_000.0)
    }

    /// As the columns have it.
    pub fn cells(&self) -> [String; 9] {
        let milliseconds = |per_mille| self.percentile_ms(per_mille).map_or_else(String::new, |ms| format!("{ms:.2}"));
        [
            self.name.clone(),
            if self.has_rate { grouped(self.per_second()) } else { String::new() },
            milliseconds(500),
            milliseconds(990),
            milliseconds(1_000),
            grouped(as_f64(self.done)),
            if self.has_rate { format!("{:.0}", self.processor_microseconds()) } else { String::new() },
            (self.resident_bytes / 1_000_000).to_string(),
            self.note.clone(),
        ]
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&line(&self.cells()))
    }
}

/// A line of the printed table, its heading or a workload's.
pub fn line<T: fmt::Display>([name, rate, p50, p99, max, done, processor, memory, note]: &[T; 9]) -> String {
    format!("{name:24} {rate:>9} {p50:>9} {p99:>9} {max:>9} {done:>10} {processor:>11} {memory:>9}  {note}")
}

/// A whole number with commas, or two digits of one that is small.
pub fn grouped(number: f64) -> String {
    if number < 10.0 && number.fract() != 0.0 {
        return format!("{number:.2}");
    }
    let digits = format!("{number:.0}");
    let (head, tail) = digits.split_at(digits.len() % 3);
    let groups = tail.as_bytes().chunks(3).map(String::from_utf8_lossy);
    let head = Some(head).filter(|head| !head.is_empty());
    let parts: Vec<_> = head.map(Into::into).into_iter().chain(groups).collect();
    parts.join(",")
}

/// Counts are far below 2^52, where `f64` is exact.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn as_f64(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_latencies() {
        let subject = Subject { address: String::new(), process_id: 0 };
        let latencies = (1..=100).rev().map(Duration::from_millis).collect();
        let figures = Measuring::begin(&subject).end("x", latencies);
        let figures = Figures { elapsed: Duration::from_secs(2), ..figures };
        assert!((figures.percentile_ms(500).unwrap() - 50.0).abs() < 1e-9);
        assert!((figures.percentile_ms(1_000).unwrap() - 100.0).abs() < 1e-9);
        assert!((figures.per_second() - 50.0).abs() < 1e-9);
        assert_eq!(harness::figures::percentile::<u8>(&[], 500), None);
    }

    #[test]
    fn large_numbers_have_commas() {
        let written = [0.0, 1.5, 12.0, 999.6, 12_345.0, 123_456.0, 1_234_567.0].map(grouped);
        assert_eq!(written, ["0", "1.50", "12", "1,000", "12,345", "123,456", "1,234,567"]);
    }
}
