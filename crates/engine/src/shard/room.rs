//! Memory for executions that are large: they wait until there is room for them, and what is read again is used well.

use super::{
    Shard,
    live::{InLine, Live},
    message::Work,
    readings::LargeReading,
    slice::Slice,
};
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

    /// A large execution was read just now, and would be put out again before its next turn, and read again for each piece of
    /// work: what is there for it is done at once, for as long as it took to read it.
    pub(super) fn go_through(&mut self, LargeReading { key, nanoseconds }: LargeReading) {
        if self.is_ending() {
            return;
        }
        let slice = self.slice_of(nanoseconds);
        let mut from = 0;
        while self.can_go_through(key, &slice)
            && let Some(at) = self.work.iter().skip(from).position(|work| work.key() == Some(key))
            && let Some(work) = self.work.remove(from + at)
        {
            from += at;
            self.do_for(key, work);
        }
        for row in self.timers.due_of(key, self.environment.clock.now_ms()) {
            if !self.can_go_through(key, &slice) {
                return;
            }
            if self.timers.take(&row) {
                self.do_for(key, Work::Timer(row));
            }
        }
    }

    /// Whether there is time for more of it, and it is still at hand.
    fn can_go_through(&self, key: ExecutionKey, slice: &Slice) -> bool {
        let is_at_hand = |live: &Live| live.execution.is_some() && !live.is_closed();
        !slice.is_over()
            && self.pipeline.has_room(self.environment.options.batch_bytes_max)
            && self.live.get(key).is_some_and(is_at_hand)
    }

    fn do_for(&mut self, key: ExecutionKey, work: Work) {
        self.at = Some(key);
        self.perform_when_read(work);
        self.at = None;
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
