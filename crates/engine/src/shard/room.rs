//! Executions that wait until there is room for them in memory go on when it is their turn.

use super::{Shard, live::InLine, message::Work};
use crate::{
    planted::{Fault, strikes},
    tables::ExecutionKey,
};
use std::collections::VecDeque;

impl Shard {
    /// Those that have room go on.
    pub(super) fn go_on_in_line(&mut self) {
        let slice = self.slice();
        while let Some(next) = self.next_in_line() {
            if slice.is_over() {
                return;
            }
            self.live.leave_line(&next);
            if strikes(Fault::TurnForgotten) {
                continue;
            }
            self.at = Some(next.key);
            self.perform(Work::go_on(next.key));
            self.at = None;
        }
    }

    /// If a large execution was read just now, what is there for it is done now: it would be put out again before its next
    /// turn, and read again for each piece of work. That may take as long as it took to read it.
    pub(super) fn go_through_what_was_read(&mut self) {
        let Some((key, reading_ns)) = self.live.take_large_read() else { return };
        let (its, others) = std::mem::take(&mut self.work).into_iter().partition(|work| work.key() == Some(key));
        self.work = its;
        self.work.extend::<VecDeque<Work>>(others);
        let (now_ms, slice) = (self.environment.clock.now_ms(), self.slice_of(reading_ns));
        while !slice.is_over() && self.pipeline.has_room(self.environment.options.batch_bytes_max) {
            let next = self.work.pop_front_if(|work| work.key() == Some(key));
            let Some(work) = next.or_else(|| self.timers.take_due_of(key, now_ms).map(Work::Timer)) else { return };
            self.at = Some(key);
            self.perform_when_read(work);
            self.at = None;
        }
    }

    /// Whether the execution goes on now, or stands in line.
    pub(super) fn goes_on_now(&mut self, key: ExecutionKey) -> bool {
        let limits = self.environment.limits_of_step(!self.live.is_express(key));
        self.live.goes_on_now(key, &limits)
    }

    /// Whose turn it is. The next start goes on with them if this is the end.
    pub(super) fn next_in_line(&self) -> Option<InLine> {
        if self.is_ending() || !self.pipeline.has_room(self.environment.options.batch_bytes_max) {
            return None;
        }
        self.live.next_in_line(&self.environment.options.limits, |key| self.readings.has(key))
    }
}
