//! Memory for executions that are large: they wait until there is room for them.

use super::{Shard, live::InLine, message::Work};
use crate::{
    planted::{Fault, strikes},
    tables::ExecutionKey,
};
use std::borrow::Cow;

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

    /// Whether the execution goes on now, or stands in line.
    pub(super) fn goes_on_now(&mut self, key: ExecutionKey) -> bool {
        let limits = self.environment.limits_of_step(!self.live.is_express(key));
        if matches!(limits, Cow::Owned(_)) && self.live.is_too_heavy(key, &limits) {
            self.environment.tell_of_share(limits.execution_bytes_max);
        }
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
