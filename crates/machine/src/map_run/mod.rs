//! A Map Run: the children of a Map in DISTRIBUTED mode. Like an execution, a value that a pure function steps.
//!
//! A Map Run knows its items, written once, and how far it is. It computes the input of a child when the child starts,
//! so that what it holds does not grow with the number of items; which children run is at most `MaxConcurrency`
//! numbers. What the children came to is given out as it comes in, to be stored in blocks, and read back at the end.
//!
//! Whoever drives it gives [`MapRunTrigger`]s and carries out what a [`MapRunStep`] says, once that is durable.
//!
//! | file | |
//! |---|---|
//! | `request` | what is fixed when a Map Run starts; names and ARNs |
//! | `progress` | counts, settings and tolerated failures |
//! | `items` | the inputs of the children |
//! | `results` | what the Map state gets at the end |
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-examine-map-run.html>

mod items;
mod progress;
mod request;
mod results;

pub use progress::{Counts, MapRunProgress, MapRunSettings, MapRunStatus, MapRunUpdate};
pub use request::{Batches, Child, ItemSource, MapRunRequest, ResultDestination};
pub(crate) use request::{label_of, map_run_arn};
pub use results::{MapRunBlock, Results};

use crate::execution::execution_context;
use crate::{Facts, Failure, Outcome, StepError};
use asl::{Limits, Map, StateKind, StateMachine};
use items::NoInput;
use json::{Payload, Text};
use progress::Ending;
use query::{Ambient, ExecutionContext};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Children that one step starts at most.
const STARTS_MAX: usize = 256;

/// Fails a Map Run whose items cannot be read.
const ITEM_READER_FAILED: &str = "States.ItemReaderFailed";

/// The items of one child: one, or those of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemRange {
    pub first: u64,
    pub items: u64,
}

/// What a child came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChildEnd {
    pub child: u64,
    pub range: ItemRange,
    pub start_ms: i64,
    pub stop_ms: i64,
    pub outcome: Outcome,
    /// The text of its input, where the results show it.
    pub input: Option<Text>,
}

/// What happens to a Map Run.
#[derive(Clone, Debug)]
pub enum MapRunTrigger {
    /// Go on: it was made, or loaded, or its last step was bounded.
    Continue,
    ChildEnded {
        child: u64,
        start_ms: i64,
        stop_ms: i64,
        outcome: Outcome,
        input: Text,
    },
    /// UpdateMapRun.
    Update(MapRunUpdate),
    /// The Map state is no longer interested.
    Stop,
    /// It cannot be made: its items cannot be read, its results not written.
    Fail(Failure),
}

/// A child to start. Starting it again is harmless: its names are the same.
#[derive(Clone, Debug)]
pub struct ChildStart {
    pub child: u64,
    pub range: ItemRange,
    pub input: Payload,
}

/// How a Map Run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MapRunOutcome {
    /// `results` is `None` when there is more of them than a state may hold.
    Succeeded {
        results: Option<Payload>,
    },
    Failed(Failure),
}

/// What came of a step.
#[derive(Debug, Default)]
#[must_use]
pub struct MapRunStep {
    /// To append to what is stored, before any child is started.
    pub block: MapRunBlock,
    pub starts: Vec<ChildStart>,
    /// Children to stop.
    pub stops: Vec<u64>,
    /// The step was bounded: trigger `Continue`.
    pub goes_on: bool,
    /// The input of the next child needs a larger budget: step again elsewhere with `Continue`.
    pub is_over_budget: bool,
    /// Whether anything happened at all.
    pub is_changed: bool,
    /// Set in the step that ends it.
    pub ended: Option<MapRunStatus>,
}

/// A Map Run that has not ended.
#[derive(Clone, Debug)]
pub struct MapRun {
    request: Arc<MapRunRequest>,
    execution: Arc<ExecutionContext>,
    progress: MapRunProgress,
    /// Children that were started and have not ended.
    running: BTreeMap<u64, ItemRange>,
    /// Those of them that nobody may know of: they were started before the last restart.
    uncertain: BTreeSet<u64>,
    concurrency_max: u64,
    result_bytes_max: u64,
}

impl MapRun {
    /// A new Map Run of the execution with these facts; its first step takes `Continue`.
    pub fn new(facts: &Facts, request: Arc<MapRunRequest>, limits: &Limits) -> MapRun {
        let mut progress = MapRunProgress::new(&request);
        if request.source.as_ref().is_some_and(|source| source.max_items == Some(0)) {
            progress.ending = Some(Ending::Failed(Failure::new(ITEM_READER_FAILED, "field MaxItems must be positive")));
        }
        MapRun::at(facts, request, progress, BTreeMap::new(), limits)
    }

    /// Takes up a Map Run after a restart. Its next step asks again for the children that have not ended.
    pub fn resume(
        facts: &Facts,
        request: Arc<MapRunRequest>,
        progress: MapRunProgress,
        blocks: impl IntoIterator<Item = MapRunBlock>,
        limits: &Limits,
    ) -> MapRun {
        let is_batched = request.batches.is_some();
        let single = |child| (!is_batched).then_some((child, ItemRange { first: child, items: 1 }));
        let mut running: BTreeMap<u64, ItemRange> = (0..progress.children_started).map_while(single).collect();
        for block in blocks {
            running.extend(block.batches);
            for end in block.ended {
                running.remove(&end.child);
            }
        }
        MapRun::at(facts, request, progress, running, limits)
    }

    fn at(
        facts: &Facts,
        request: Arc<MapRunRequest>,
        progress: MapRunProgress,
        running: BTreeMap<u64, ItemRange>,
        limits: &Limits,
    ) -> MapRun {
        let uncertain = running.keys().copied().collect();
        let execution = Arc::new(execution_context(facts));
        let (concurrency_max, result_bytes_max) =
            (limits.distributed_map_concurrency_max, limits.map_run_result_bytes_max);
        MapRun { request, execution, progress, running, uncertain, concurrency_max, result_bytes_max }
    }

    pub fn request(&self) -> &Arc<MapRunRequest> {
        &self.request
    }

    pub fn progress(&self) -> &MapRunProgress {
        &self.progress
    }

    /// Steps the Map Run; at most `room` children are started. On `Err` it cannot go on.
    pub fn step(
        &mut self,
        definition: &StateMachine,
        triggers: impl IntoIterator<Item = MapRunTrigger>,
        room: usize,
        ambient: &Ambient,
        limits: &Limits,
    ) -> Result<MapRunStep, StepError> {
        let mut step = MapRunStep::default();
        if self.progress.status != MapRunStatus::Running {
            return Ok(step);
        }
        let map = self.map(definition)?;
        for trigger in triggers {
            self.take(trigger, &mut step);
        }
        if self.progress.ending.is_none() {
            self.start_children(map, room.min(STARTS_MAX), ambient, limits, &mut step)?;
        } else {
            step.stops.extend(std::mem::take(&mut self.uncertain));
        }
        self.end(&mut step);
        Ok(step)
    }

    fn map<'d>(&self, definition: &'d StateMachine) -> Result<&'d Map, StepError> {
        match definition.find(&self.request.state).map(|(_, state)| &state.kind) {
            Some(StateKind::Map(map)) => Ok(map),
            _ => Err(StepError::Corrupt(format!("the definition has no Map state `{}`", self.request.state))),
        }
    }

    fn take(&mut self, trigger: MapRunTrigger, step: &mut MapRunStep) {
        match trigger {
            MapRunTrigger::Continue => {}
            MapRunTrigger::ChildEnded { child, start_ms, stop_ms, outcome, input } => {
                let Some(range) = self.running.remove(&child) else { return };
                self.uncertain.remove(&child);
                self.progress.ended(range, outcome.status());
                let end = ChildEnd { child, range, start_ms, stop_ms, outcome, input: Some(input) };
                step.block.ended.push(self.trimmed(end));
                self.judge(step);
            }
            MapRunTrigger::Update(update) => {
                self.progress.settings.update(&update);
                self.judge(step);
            }
            MapRunTrigger::Stop => self.end_as(Ending::Aborted, step),
            MapRunTrigger::Fail(failure) => self.end_as(Ending::Failed(failure), step),
        }
        step.is_changed = true;
    }

    /// What is kept of the end of a child: only what the results show, and nothing once they are too many.
    fn trimmed(&mut self, mut end: ChildEnd) -> ChildEnd {
        let form = self.request.form();
        if !form.shows_input(&end.outcome) {
            end.input = None;
        }
        self.progress.result_bytes += results::bytes_of(&end);
        if self.progress.result_bytes > self.result_bytes_max {
            end.input = None;
            if let Outcome::Succeeded { output } = &mut end.outcome {
                *output = Payload::default();
            }
        }
        end
    }

    /// Fails when more items have failed than are tolerated.
    fn judge(&mut self, step: &mut MapRunStep) {
        if self.progress.is_intolerable() {
            let cause = "The specified tolerated failure threshold was exceeded";
            self.end_as(Ending::Failed(Failure::new("States.ExceedToleratedFailureThreshold", cause)), step);
        }
    }

    /// No child is started any more, and those that run are stopped. The first reason counts.
    fn end_as(&mut self, ending: Ending, step: &mut MapRunStep) {
        if self.progress.ending.is_none() {
            self.progress.ending = Some(ending);
            self.uncertain.clear();
            step.stops.extend(self.running.keys());
        }
    }

    fn start_children(
        &mut self,
        map: &Map,
        room: usize,
        ambient: &Ambient,
        limits: &Limits,
        step: &mut MapRunStep,
    ) -> Result<(), StepError> {
        while let Some((child, range)) = self.next_child() {
            if step.starts.len() >= room || (!step.starts.is_empty() && ambient.is_running_low()) {
                step.goes_on = true;
                return Ok(());
            }
            match items::input(self, map, child, range, ambient, limits) {
                Ok(start) => self.started(start, step),
                Err(NoInput::OverBudget) if step.starts.is_empty() => {
                    step.is_over_budget = true;
                    return Ok(());
                }
                Err(NoInput::OverBudget) => {
                    step.goes_on = true;
                    return Ok(());
                }
                Err(NoInput::Corrupt(error)) => return Err(error),
                Err(NoInput::Failed(failure)) => {
                    self.end_as(Ending::Failed(failure), step);
                    step.is_changed = true;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The child whose turn it is, and its items if they are known already.
    fn next_child(&self) -> Option<(u64, Option<ItemRange>)> {
        if let Some(child) = self.uncertain.first() {
            return Some((*child, self.running.get(child).copied()));
        }
        let progress = &self.progress;
        let places = match progress.settings.max_concurrency {
            0 => self.concurrency_max,
            wanted => wanted.min(self.concurrency_max),
        };
        let has_place = (self.running.len() as u64) < places;
        (has_place && progress.next_item < progress.items_total).then_some((progress.children_started, None))
    }

    fn started(&mut self, start: ChildStart, step: &mut MapRunStep) {
        if !self.uncertain.remove(&start.child) {
            self.running.insert(start.child, start.range);
            self.progress.started(start.range);
            if self.request.batches.is_some() {
                step.block.batches.push((start.child, start.range));
            }
            step.is_changed = true;
        }
        step.starts.push(start);
    }

    fn end(&mut self, step: &mut MapRunStep) {
        let all_started = self.progress.next_item >= self.progress.items_total;
        if !self.running.is_empty() || !(all_started || self.progress.ending.is_some()) {
            return;
        }
        self.progress.status = match &self.progress.ending {
            None => MapRunStatus::Succeeded,
            Some(Ending::Failed(_)) => MapRunStatus::Failed,
            Some(Ending::Aborted) => MapRunStatus::Aborted,
        };
        (step.ended, step.is_changed) = (Some(self.progress.status), true);
    }
}
