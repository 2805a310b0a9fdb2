//! Children that end because a sibling failed: each says so once, in no certain order.

use super::Replay;
use crate::event::HistoryEvent;
use crate::frame::{FrameId, MapRunStage, Phase};
use asl::StateKind;
use std::collections::HashMap;

/// The events that are to come while children are aborted.
#[derive(Clone, Debug, Default)]
pub(super) struct Aborts(HashMap<Key, Vec<Abort>>);

/// An event by what it follows, its type, and the iteration that it tells of.
type Key = (u64, &'static str, Option<u64>);

#[derive(Clone, Debug)]
struct Abort {
    /// The frame whose children are aborted.
    owner: FrameId,
    /// The Map whose iteration ends.
    map: Option<FrameId>,
    /// What is to come after the event.
    then: Vec<(&'static str, Option<(FrameId, u64)>)>,
}

/// The types that the events have.
const TYPES: &[&str] = &[
    "TaskStateAborted",
    "WaitStateAborted",
    "ParallelStateAborted",
    "MapStateAborted",
    "MapIterationAborted",
    "MapIterationFailed",
    "MapRunAborted",
];

impl Aborts {
    pub(super) fn expected(&self) -> impl Iterator<Item = String> {
        self.0.keys().map(|(previous, event_type, _)| format!("{event_type} after event {previous}"))
    }

    /// After a redrive, many that are aborted follow the same event: `is_meant` says which of them an event names.
    fn take(&mut self, key: &Key, is_meant: impl Fn(&Abort) -> bool) -> Option<Abort> {
        let aborts = self.0.get_mut(key)?;
        let meant = aborts.iter().rposition(is_meant);
        let abort = match meant {
            Some(at) => Some(aborts.remove(at)),
            None => aborts.pop(),
        };
        if aborts.is_empty() {
            self.0.remove(key);
        }
        abort
    }
}

impl Replay<'_> {
    /// Whether the event is one of those that end children.
    pub(super) fn take_abort(&mut self, event: &HistoryEvent) -> Result<bool, super::Lost> {
        let Some(event_type) = TYPES.iter().find(|known| **known == &*event.event_type) else { return Ok(false) };
        let is_iteration = event_type.starts_with("MapIteration");
        let index = if is_iteration { event.number("index") } else { None };
        let name = event.text("name");
        let is_named = |abort: &Abort| abort.map.map(|map| &self.frames[map].state.name) == name;
        let Some(abort) = self.aborts.take(&(event.previous_event_id, event_type, index), is_named) else {
            return Err(self.unexplained(event));
        };
        if let Some(map) = abort.map {
            let name = self.frames[map].state.name.clone();
            self.expect_text(event, "name", Some(&name));
        }
        self.check_not_before(abort.owner, event);
        for (event_type, iteration) in &abort.then {
            self.expect_abort(abort.owner, event.id, event_type, *iteration);
        }
        let Phase::Aborting { left, failed } = &mut self.frames[abort.owner].phase else { return Ok(true) };
        *left = (*left + abort.then.len()).saturating_sub(1);
        if *left == 0 {
            let failed = failed.clone();
            self.retry_or_catch(abort.owner, failed);
        }
        Ok(true)
    }

    /// Ends whatever runs below the frame; gives the number of events that must tell of it.
    pub(super) fn abort_children(&mut self, id: FrameId) -> usize {
        self.abort_below(id, id)
    }

    fn abort_below(&mut self, id: FrameId, owner: FrameId) -> usize {
        let Some(fork) = &mut self.frames[id].fork else { return 0 };
        let running = std::mem::take(&mut fork.running);
        running.into_iter().map(|child| self.abort(child, owner)).sum()
    }

    fn abort(&mut self, child: FrameId, owner: FrameId) -> usize {
        let below = self.abort_below(child, owner);
        let frame = &self.frames[child];
        let (position, iteration) = (frame.position, self.iteration(child));
        let own = frame.entered.and_then(|_| aborted_type(&frame.state.kind));
        let in_map_run = matches!(frame.phase, Phase::MapRun(MapRunStage::Running { .. }));
        self.remove(child);
        let events =
            own.map(|own| (own, None)).into_iter().chain(iteration.map(|at| ("MapIterationAborted", Some(at))));
        let events: Vec<(&'static str, Option<(FrameId, u64)>)> = events.collect();
        if in_map_run {
            // The events of the state follow the one that ends its Map Run.
            let key = (position, "MapRunAborted", None);
            self.aborts.0.entry(key).or_default().push(Abort { owner, map: None, then: events });
            return below + 1;
        }
        for (event_type, iteration) in &events {
            self.expect_abort(owner, position, event_type, *iteration);
        }
        below + events.len()
    }

    /// The events of a child that failed itself; gives their number.
    pub(super) fn expect_child_failed(&mut self, child: FrameId, parent: FrameId, index: u64) -> usize {
        let position = self.frames[child].position;
        let mut count = 0;
        // The Task was never left. Parallel and Map have said already that they failed.
        if matches!(self.frames[child].state.kind, StateKind::Task(_)) {
            self.expect_abort(parent, position, "TaskStateAborted", None);
            count += 1;
        }
        if self.iteration(child).is_some() {
            self.expect_abort(parent, position, "MapIterationFailed", Some((parent, index)));
            count += 1;
        }
        count
    }

    /// The Map and the index, if the frame is an iteration.
    fn iteration(&self, child: FrameId) -> Option<(FrameId, u64)> {
        let (parent, index) = self.frames[child].parent?;
        matches!(self.frames[parent].state.kind, StateKind::Map(_)).then_some((parent, index))
    }

    fn expect_abort(
        &mut self,
        owner: FrameId,
        previous: u64,
        event_type: &'static str,
        iteration: Option<(FrameId, u64)>,
    ) {
        let key = (previous, event_type, iteration.map(|(_, index)| index));
        let abort = Abort { owner, map: iteration.map(|(map, _)| map), then: Vec::new() };
        self.aborts.0.entry(key).or_default().push(abort);
    }
}

fn aborted_type(kind: &StateKind) -> Option<&'static str> {
    match kind {
        StateKind::Task(_) => Some("TaskStateAborted"),
        StateKind::Wait(_) => Some("WaitStateAborted"),
        StateKind::Parallel(_) => Some("ParallelStateAborted"),
        StateKind::Map(_) => Some("MapStateAborted"),
        StateKind::Pass(_) | StateKind::Choice(_) | StateKind::Succeed(_) | StateKind::Fail(_) => None,
    }
}
