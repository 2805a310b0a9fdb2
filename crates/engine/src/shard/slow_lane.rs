//! Steps that the loop cannot wait for. Those whose expressions need more than it can give are made again elsewhere, with a larger
//! budget; those with which a heavy execution goes on are made there at once.
//!
//! The execution moves out of the shard's memory and back, so nothing is shared; what comes for it meanwhile is parked.
//! Which step is made when is up to [`crate::lane`].

use super::{Report, Shard, message::Then, stepping::Occurrence};
use crate::tables::ExecutionKey;
use machine::{Execution, Step, StepError, TimerId};
use std::sync::Arc;

/// A step that was made on the slow lane.
pub(crate) struct SlowStep {
    pub(super) key: ExecutionKey,
    /// Tells it from a step of the same execution before the store was opened again.
    pub(super) number: u64,
    pub(super) execution: Execution,
    pub(super) outcome: Result<Step, StepError>,
    /// The timer that led to it, and when it was due.
    pub(super) fired: Option<(TimerId, i64)>,
    pub(super) then: Then,
}

impl Shard {
    /// Has the step made elsewhere. If it was tried here before, it has the same time and seed.
    pub(super) fn move_to_slow_lane(&mut self, key: ExecutionKey, occurrence: Occurrence, then: Then) {
        let Some(live) = self.live.get_mut(key) else { return };
        let Some(mut execution) = live.execution.take() else { return };
        self.slow_steps += 1;
        let number = self.slow_steps;
        live.slow_step = Some(number);
        let definition = Arc::clone(&live.definition);
        let is_standard = live.is_standard;
        let state_machine = live.stored.record.state_machine_arn.clone();
        let environment = Arc::clone(&self.environment);
        let own = self.own.clone();
        // Panics of the step are caught in it.
        let step = move || {
            let (budget, sealer) = (environment.options.slow_budget, &environment.sealer);
            let limits = environment.limits_of_step(is_standard);
            let outcome = occurrence.step(&mut execution, &definition.parsed, budget, &limits, sealer);
            let fired = occurrence.fired();
            own.report(Report::SlowStep(Box::new(SlowStep { key, number, execution, outcome, fired, then })));
        };
        self.environment.slow_lane.submit(&self.environment, state_machine, Box::new(step));
    }
}
