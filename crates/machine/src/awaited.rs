//! What frames wait for: where a timer or an answer leads, without a look at each of them.
//!
//! It follows from the parts, so it is not stored. It is kept from step to step: what a step finds here is what the last
//! one left.

use crate::{EventId, Part, PartId, TimerId};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub(crate) struct Awaited {
    timers: BTreeMap<TimerId, PartId>,
    /// By the number of the `…Scheduled` event.
    calls: BTreeMap<EventId, PartId>,
    /// By the number of the event that told of their start, or of their last redrive.
    map_runs: BTreeMap<EventId, PartId>,
}

impl Awaited {
    /// The frame that waits for a timer.
    pub(crate) fn timer(&self, id: TimerId) -> Option<PartId> {
        self.timers.get(&id).copied()
    }

    /// The frame that waits for the answer to a call.
    pub(crate) fn call(&self, id: EventId) -> Option<PartId> {
        self.calls.get(&id).copied()
    }

    /// The frame that waits for the end of a Map Run.
    pub(crate) fn map_run(&self, id: EventId) -> Option<PartId> {
        self.map_runs.get(&id).copied()
    }

    pub(crate) fn add(&mut self, id: PartId, part: &Part) {
        let Part::Frame(frame) = part else { return };
        self.timers.extend(frame.timers().map(|timer| (timer.id, id)));
        self.calls.extend(frame.call().map(|call| (call.request.id(), id)));
        self.map_runs.extend(frame.map_run().map(|pending| (pending.id, id)));
    }

    pub(crate) fn remove(&mut self, part: &Part) {
        let Part::Frame(frame) = part else { return };
        for timer in frame.timers() {
            self.timers.remove(&timer.id);
        }
        if let Some(call) = frame.call() {
            self.calls.remove(&call.request.id());
        }
        if let Some(pending) = frame.map_run() {
            self.map_runs.remove(&pending.id);
        }
    }
}
