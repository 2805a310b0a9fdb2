//! What a world is like: drawn from its seed, so that worlds differ in which faults they have and how large they are.

use crate::random::Random;
use engine::Options;
use std::time::Duration;

/// What a world is like. Chances are in thousandths of a move.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Moves before the world calms down and everything ends.
    pub moves: usize,
    pub executions: usize,
    /// Executions that are started at once, at most.
    pub starts_at_once: usize,
    pub machines: usize,
    pub shards: usize,
    /// Items of a Map, at most.
    pub items_max: i64,
    /// Seconds of a wait, at most.
    pub seconds_max: i64,
    /// In how many of a hundred state machines expressions are JSONata.
    pub jsonata: usize,
    pub crashes: usize,
    pub failing_commits: usize,
    pub failing_reads: usize,
    pub shutdowns: usize,
    pub clock_jumps: usize,
    pub stops: usize,
    pub redrives: usize,
    /// Whether the loop of a shard has so small a budget that steps go to the slow lane.
    pub is_slow: bool,
    /// Executions in memory, tasks at once, commits in flight, bytes of a batch.
    pub memory: (usize, usize, usize, usize),
    /// What Express executions take before others are refused, and large ones wait for one another.
    pub express_bytes_max: u64,
}

impl Plan {
    pub fn draw(random: &mut Random) -> Plan {
        // Half of the worlds have no faults of a kind, and the other half have them more often.
        let mut chance =
            |max: i64| if random.per_mille(500) { usize::try_from(random.magnitude(max)).unwrap_or(0) } else { 0 };
        let (crashes, failing_commits, failing_reads) = (chance(32), chance(32), chance(16));
        let (shutdowns, clock_jumps, stops, redrives) = (chance(8), chance(64), chance(64), chance(64));
        let is_wide = random.per_mille(150);
        let is_tight = random.per_mille(300);
        Plan {
            moves: 200 + random.below(800),
            executions: 5 + random.below(if is_wide { 20 } else { 200 }),
            starts_at_once: if random.per_mille(500) { 1 } else { 1 + random.below(12) },
            machines: 1 + random.below(4),
            shards: 1 + random.below(3),
            items_max: if is_wide { 500 } else { 8 },
            seconds_max: random.magnitude(1_000_000).max(10),
            jsonata: random.below(4) * 20,
            crashes,
            failing_commits,
            failing_reads,
            shutdowns,
            clock_jumps,
            stops,
            redrives,
            is_slow: random.per_mille(150),
            memory: if is_tight {
                (1 + random.below(8), 1 + random.below(8), 1 + random.below(3), 256 + random.below(4_096))
            } else {
                (8_192, 1_024, 3, 1 << 20)
            },
            express_bytes_max: if is_tight { 4_096 << random.below(6) } else { 1 << 30 },
        }
    }

    /// Quotas: whatever is stuck stays so, and is seen. Results of states with children become too large now and then.
    pub fn limits() -> asl::Limits {
        asl::Limits {
            result_bytes_max: 3_000,
            standard_seconds_max: 100_000_000_000,
            retention_days: 10_000_000,
            name_reuse_days: 0,
            ..asl::Limits::default()
        }
    }

    /// How the engine runs in this world. Each process has a seed of its own.
    pub fn options(&self, seed: u64) -> Options {
        let defaults = Options::default();
        let (executions_in_memory_max, tasks_at_once_max, commits_in_flight_max, batch_bytes_max) = self.memory;
        // Time is counted as fuel. Only JSONata looks at a watch, and has more than it ever takes.
        let quick = if self.is_slow { Duration::from_micros(2) } else { Duration::from_secs(1_000) };
        Options {
            limits: asl::Limits { express_executions_bytes_max: self.express_bytes_max, ..Plan::limits() },
            shards: self.shards,
            tasks_at_once_max,
            executions_in_memory_max,
            executions_in_memory_bytes_max: executions_in_memory_max * 2_048,
            read_in_loop_bytes_max: executions_in_memory_max * 256,
            commits_in_flight_max,
            batch_bytes_max,
            quick_budget: query::Budget { time: quick, ..defaults.quick_budget },
            slow_budget: query::Budget { time: Duration::from_secs(1_000), ..defaults.slow_budget },
            simulated: Some(seed),
            ..defaults
        }
    }

    /// Whether a state machine may have JSONata: what it takes is measured, so not where the budget is small.
    pub fn is_jsonata(&self, random: &mut Random) -> bool {
        !self.is_slow && random.below(100) < self.jsonata
    }
}
