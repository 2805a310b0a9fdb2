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

/// The iterations in which the events happened that follow a redrive: many frames go on from there, and all of their events
/// follow the same one.
#[derive(Default)]
pub(super) struct Redriven(HashMap<u64, Iterations>);

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
        Redriven(first.map(|event| (event.id, iterations_of(event, &next))).collect())
    }

    /// Whether the event may be one of this frame, which is in these iterations: it is not that of another one.
    fn may_be_in<'m>(&self, event: &HistoryEvent, mut within: impl Iterator<Item = (&'m Text, u64)>) -> bool {
        let Some(iterations) = self.0.get(&event.id) else { return true };
        within.all(|(map, index)| iterations.get(map).is_none_or(|found| *found == index))
    }
}

/// What comes of an event ends the iterations that it happened in. The next iteration may follow from it as well.
fn iterations_of(event: &HistoryEvent, next: &HashMap<u64, Vec<&HistoryEvent>>) -> Iterations {
    let mut found = Iterations::new();
    let mut left = vec![event];
    while let Some(event) = left.pop() {
        if is_end_of_iteration(event)
            && let (Some(map), Some(index)) = (event.text("name"), event.number("index"))
        {
            found.entry(map.clone()).or_insert(index);
        }
        let follow = next.get(&event.id).into_iter().flatten();
        left.extend(follow.filter(|event| !matches!(&*event.event_type, "MapIterationStarted" | "ExecutionRedriven")));
    }
    found
}

fn is_end_of_iteration(event: &HistoryEvent) -> bool {
    matches!(&*event.event_type, "MapIterationSucceeded" | "MapIterationFailed" | "MapIterationAborted")
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
        let around = |frame: &Frame<'_>| frame.parent.map(|(parent, index)| (&self.frames[parent], index));
        let within = std::iter::successors(around(&self.frames[id]), |(frame, _)| around(frame));
        let in_maps = within.filter(|(frame, _)| matches!(frame.state.kind, StateKind::Map(_)));
        self.redriven.may_be_in(event, in_maps.map(|(frame, index)| (&frame.state.name, index)))
    }

    /// Looks for the joins whose states failed next: what follows a join follows what the join itself follows.
    fn find_failed_joins(&mut self, events: &[HistoryEvent]) {
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
