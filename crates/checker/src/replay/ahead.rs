//! What is looked for in the history before it is replayed: what events alone do not tell, those after them do.

use super::Replay;
use crate::{
    event::HistoryEvent,
    frame::{Frame, FrameId},
};
use asl::StateKind;
use json::Text;
use std::collections::HashMap;

/// The iteration of each Map, by the name of its state, in which an event happened.
type Iterations = HashMap<Text, u64>;

/// What tells apart the frames that a redrive lets go on: there are many, and all of their next events follow the same one.
#[derive(Default)]
pub(super) struct Redriven {
    /// The iterations in which these events happened, as far as what comes of them says.
    iterations: HashMap<u64, Iterations>,
    /// The events that end iterations: by Map and index, in order.
    ends: HashMap<Text, HashMap<u64, Vec<u64>>>,
}

impl Redriven {
    fn of(events: &[HistoryEvent]) -> Redriven {
        let mut next: HashMap<u64, Vec<&HistoryEvent>> = HashMap::new();
        // An event out of its place is reported later.
        let is_in_place = |(place, event): &(usize, &HistoryEvent)| {
            event.id == *place as u64 + 1 && event.previous_event_id < event.id
        };
        for (_, event) in events.iter().enumerate().filter(is_in_place) {
            next.entry(event.previous_event_id).or_default().push(event);
        }
        let redrives = events.iter().filter(|event| &*event.event_type == "ExecutionRedriven");
        let first = redrives.flat_map(|redrive| next.get(&redrive.id).into_iter().flatten());
        let iterations = first.map(|event| (event.id, iterations_of(event, &next))).collect();
        let mut ends: HashMap<Text, HashMap<u64, Vec<u64>>> = HashMap::new();
        for (event, (map, index)) in events.iter().filter_map(|event| Some((event, ended_iteration(event)?))) {
            ends.entry(map.clone()).or_default().entry(index).or_default().push(event.id);
        }
        Redriven { iterations, ends }
    }

    /// The event that ends the iteration after this one, if it ends.
    fn end_after(&self, event: &HistoryEvent, map: &str, index: u64) -> Option<u64> {
        let ends = self.ends.get(map)?.get(&index)?;
        ends.get(ends.partition_point(|end| *end <= event.id)).copied()
    }

    /// Whether the event may be one of a frame that is in these iterations: it is not that of another one.
    fn may_be_in<'m>(&self, event: &HistoryEvent, mut within: impl Iterator<Item = (&'m Text, u64)>) -> bool {
        let Some(iterations) = self.iterations.get(&event.id) else { return true };
        within.all(|(map, index)| iterations.get(map).is_none_or(|found| *found == index))
    }
}

/// What comes of an event ends the iterations that it happened in. The next iteration may follow from it as well.
fn iterations_of(event: &HistoryEvent, next: &HashMap<u64, Vec<&HistoryEvent>>) -> Iterations {
    let mut found = Iterations::new();
    let mut left = vec![event];
    while let Some(event) = left.pop() {
        if let Some((map, index)) = ended_iteration(event) {
            found.entry(map.clone()).or_insert(index);
        }
        let follow = next.get(&event.id).into_iter().flatten();
        left.extend(follow.filter(|event| !matches!(&*event.event_type, "MapIterationStarted" | "ExecutionRedriven")));
    }
    found
}

fn ended_iteration(event: &HistoryEvent) -> Option<(&Text, u64)> {
    let is_end = matches!(&*event.event_type, "MapIterationSucceeded" | "MapIterationFailed" | "MapIterationAborted");
    Some((event.text("name")?, event.number("index")?)).filter(|_| is_end)
}

impl Replay<'_> {
    /// Looks ahead, where that may be needed.
    pub(crate) fn with_history(mut self, events: &[HistoryEvent]) -> Self {
        self.find_failed_joins(events);
        if self.redrives_ahead > 0 {
            self.redriven = Redriven::of(events);
        }
        self
    }

    /// Whether what follows the event does not say that it is one of another frame.
    pub(super) fn is_of(&self, id: FrameId, event: &HistoryEvent) -> bool {
        self.redriven.may_be_in(event, self.iterations_around(id))
    }

    /// The frame whose iterations end first: the others have time for an event like this one.
    pub(super) fn soonest(&self, frames: impl Iterator<Item = FrameId>, event: &HistoryEvent) -> Option<FrameId> {
        let end = |(map, index): (&Text, u64)| self.redriven.end_after(event, map, index).unwrap_or(u64::MAX);
        frames.min_by_key(|id| self.iterations_around(*id).map(end).collect::<Vec<_>>())
    }

    /// The iterations that the frame is in, the innermost first: the name of the Map's state, and the index.
    fn iterations_around(&self, id: FrameId) -> impl Iterator<Item = (&Text, u64)> {
        let around = |frame: &Frame<'_>| frame.parent.map(|(parent, index)| (&self.frames[parent], index));
        let within = std::iter::successors(around(&self.frames[id]), move |(frame, _)| around(frame));
        let in_maps = within.filter(|(frame, _)| matches!(frame.state.kind, StateKind::Map(_)));
        in_maps.map(|(frame, index)| (&frame.state.name, index))
    }

    /// Looks for the joins whose states failed next: what follows a join follows what the join itself follows.
    pub(super) fn find_failed_joins(&mut self, events: &[HistoryEvent]) {
        if self.checker.other_result_bytes_max.is_empty() {
            return;
        }
        let mut is_failure_next = HashMap::new();
        for event in events.iter().rev() {
            let is_join = matches!(&*event.event_type, "MapStateSucceeded" | "ParallelStateSucceeded");
            let is_failure = matches!(&*event.event_type, "MapStateFailed" | "ParallelStateFailed");
            if is_failure_next.insert(event.previous_event_id, is_failure) == Some(true) && is_join {
                self.failed_joins.insert(event.id);
            }
        }
    }
}
