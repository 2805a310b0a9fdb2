//! What the worlds came to, in figures.

use std::{collections::BTreeMap, fmt, time::Duration};

/// Sums over worlds.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub worlds: u64,
    /// States that were entered, as the histories of executions show them; states of Express executions are not counted.
    pub transitions: u64,
    pub events: u64,
    pub executions: u64,
    pub moves: u64,
    pub commits: u64,
    pub simulated_ms: i64,
    /// Faults that were injected, by kind, and moves that are worth a count.
    pub by_kind: BTreeMap<&'static str, u64>,
}

impl Figures {
    pub fn count(&mut self, kind: &'static str) {
        *self.by_kind.entry(kind).or_default() += 1;
    }

    pub fn add(&mut self, other: &Figures) {
        self.worlds += other.worlds;
        self.transitions += other.transitions;
        self.events += other.events;
        self.executions += other.executions;
        self.moves += other.moves;
        self.commits += other.commits;
        self.simulated_ms = self.simulated_ms.saturating_add(other.simulated_ms);
        for (kind, count) in &other.by_kind {
            *self.by_kind.entry(kind).or_default() += count;
        }
    }

    /// The table that is printed of worlds that took so much time, of all cores together.
    pub fn table(&self, time: Duration) -> impl fmt::Display {
        let seconds = time.as_secs_f64().max(1e-9);
        let rate = |count: u64| format!("{:.0} a second and core", to_f64(count) / seconds);
        let simulated_s = to_f64(u64::try_from(self.simulated_ms).unwrap_or(0)) / 1e3;
        let mut rows = vec![
            format!("{:>14}  worlds, {}", self.worlds, rate(self.worlds)),
            format!("{:>14}  transitions, {}", self.transitions, rate(self.transitions)),
            format!("{:>14}  history events, {}", self.events, rate(self.events)),
            format!("{:>14}  executions, {}", self.executions, rate(self.executions)),
            format!("{:>14}  moves of the worlds, {}", self.moves, rate(self.moves)),
        ];
        if self.commits > 0 {
            rows.push(format!("{:>14}  commits, {}", self.commits, rate(self.commits)));
        }
        let hours = simulated_s / 3_600.0;
        rows.push(format!("{hours:>14.0}  simulated hours, {:.0} times as fast as time", simulated_s / seconds));
        rows.extend(self.by_kind.iter().map(|(kind, count)| format!("{count:>14}  {kind}")));
        rows.join("\n")
    }
}

fn to_f64(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "shown, and rounded for that")]
    let number = count as f64;
    number
}
