//! A Map Run: the children of a Map in DISTRIBUTED mode. Like an execution, a value that a pure function steps.
//!
//! A Map Run knows its items, written once, and how far it is. It computes the input of a child when the child starts,
//! so that what it holds does not grow with the number of items; which children run is at most `MaxConcurrency`
//! numbers. What the children came to is given out as it comes in, to be stored in blocks, and read back at the end.
//!
//! One that has ended without success can be redriven ([`MapRunProgress::redrive`]): it is taken up as after a restart,
//! and its blocks say which children are to run again. What a child then comes to supersedes what it had come to.
//!
//! Whoever drives it gives [`MapRunTrigger`]s and carries out what a [`MapRunStep`] says, once that is durable.
//!
//! | file | |
//! |---|---|
//! | `step` | what happens to a Map Run, and what comes of it |
//! | `request` | what is fixed when a Map Run starts; names and ARNs |
//! | `progress` | counts, settings and tolerated failures |
//! | `children` | which children run, and which wait to be redriven |
//! | `items` | the inputs of the children |
//! | `results` | what the Map state gets at the end |
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-examine-map-run.html>

mod children;
mod items;
mod progress;
mod request;
mod results;
mod step;

pub use progress::{Counts, MapRunProgress, MapRunSettings, MapRunStatus, MapRunUpdate, Unsuccessful};
pub use request::{Batches, Child, ItemSource, MapRunRequest, ResultDestination, map_run_of_child};
pub(crate) use request::{label_of, map_run_arn};
pub use results::{MapRunBlock, Results};
pub use step::{ChildStart, MapRunOutcome, MapRunStep, MapRunTrigger, Room};

use crate::execution::execution_context;
use crate::{Facts, Failure, Outcome, Status, StepError};
use asl::{Limits, Map, StateKind, StateMachine, StateMachineType};
use children::{Children, OpenChild};
use items::NoInput;
use json::{Payload, Text};
use progress::Ending;
use query::{Ambient, ExecutionContext};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

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
    /// The text of its input: of an Express child, and where the results show it.
    pub input: Option<Text>,
    #[serde(default, skip_serializing_if = "ChildRemains::is_execution")]
    pub remains: ChildRemains,
}

impl ChildEnd {
    /// Bytes of the input and the outcome that are kept of it.
    pub fn payload_bytes(&self) -> usize {
        self.input.as_ref().map_or(0, |input| input.len()) + self.outcome.byte_len()
    }

    /// Whether no redrive runs it again.
    fn is_final(&self) -> bool {
        self.outcome.status() == Status::Succeeded || self.remains == ChildRemains::Final
    }
}

/// What is left of a child that ended unsuccessfully.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChildRemains {
    /// An execution that can be redriven, or, of type Express, begins anew.
    #[default]
    Execution,
    /// Nothing: it was not begun.
    NotBegun,
    /// An execution that cannot be redriven: its end stays.
    Final,
}

impl ChildRemains {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    fn is_execution(&self) -> bool {
        *self == ChildRemains::Execution
    }
}

/// A Map Run that has not ended.
#[derive(Clone, Debug)]
pub struct MapRun {
    request: Arc<MapRunRequest>,
    execution: Arc<ExecutionContext>,
    progress: MapRunProgress,
    children: Children,
    concurrency_max: u64,
    result_bytes_max: u64,
}

impl MapRun {
    /// A new Map Run of the execution with these facts; its first step takes `Continue`.
    pub fn new(facts: &Facts, request: Arc<MapRunRequest>, limits: &Limits) -> MapRun {
        let progress = MapRunProgress::new(&request);
        MapRun::at(facts, request, progress, Children::default(), limits)
    }

    /// Takes up a Map Run after a restart, or one that is redriven. Its next step asks again for the children that have
    /// not ended.
    pub fn resume(
        facts: &Facts,
        request: Arc<MapRunRequest>,
        progress: MapRunProgress,
        blocks: impl IntoIterator<Item = MapRunBlock>,
        limits: &Limits,
    ) -> MapRun {
        let children = Children::from_blocks(&progress, &request, blocks);
        MapRun::at(facts, request, progress, children, limits)
    }

    fn at(
        facts: &Facts,
        request: Arc<MapRunRequest>,
        mut progress: MapRunProgress,
        children: Children,
        limits: &Limits,
    ) -> MapRun {
        let has_no_items = request.source.as_ref().is_some_and(|source| source.max_items == Some(0));
        if has_no_items && progress.ending.is_none() {
            progress.ending = Some(Ending::Failed(Failure::new(ITEM_READER_FAILED, "field MaxItems must be positive")));
        }
        let execution = Arc::new(execution_context(facts));
        let (concurrency_max, result_bytes_max) =
            (limits.distributed_map_concurrency_max, limits.map_run_result_bytes_max);
        MapRun { request, execution, progress, children, concurrency_max, result_bytes_max }
    }

    pub fn request(&self) -> &Arc<MapRunRequest> {
        &self.request
    }

    pub fn progress(&self) -> &MapRunProgress {
        &self.progress
    }

    /// The numbers of the children that it has asked for and does not know the end of, the first one first.
    pub fn running(&self) -> impl Iterator<Item = u64> {
        self.children.running.keys().copied()
    }

    /// Whether its items are to be read: no child starts before it was told them with [`MapRunTrigger::ItemsRead`].
    pub fn awaits_items(&self) -> bool {
        self.request.awaits_items() && self.progress.ending.is_none()
    }

    /// Whether its children have ended and its results are to be written: it goes on until it was told of that with
    /// [`MapRunTrigger::ResultsWritten`].
    pub fn awaits_writer(&self) -> bool {
        let has_writer = self.request.destination.as_ref().is_some_and(|destination| destination.resource.is_some());
        let MapRunProgress { status, ending, written, .. } = &self.progress;
        let goes_on = *status == MapRunStatus::Running && ending.is_none() && written.is_none();
        has_writer && goes_on && self.has_asked_for_all() && self.children.running.is_empty()
    }

    fn has_asked_for_all(&self) -> bool {
        let progress = &self.progress;
        !self.awaits_items() && progress.next_item >= progress.items_total && self.children.waiting.is_empty()
    }

    /// Its progress as it is told while children that it has asked for wait to begin: these are pending, and do not run.
    /// Express children that it asks for again after a restart do not run either.
    pub fn progress_as_told(&self, mut not_begun: BTreeSet<u64>) -> MapRunProgress {
        if self.request.execution_type == StateMachineType::Express {
            not_begun.extend(&self.children.uncertain);
        }
        let mut progress = self.progress.clone();
        for child in not_begun.iter().filter_map(|number| self.children.running.get(number)) {
            progress.not_begun(child.range, child.earlier.map(|earlier| earlier.status));
        }
        progress
    }

    /// Steps the Map Run; it starts as many children as there is room for. On `Err` it cannot go on.
    pub fn step(
        &mut self,
        definition: &StateMachine,
        triggers: impl IntoIterator<Item = MapRunTrigger>,
        room: Room,
        ambient: &Ambient,
        limits: &Limits,
    ) -> Result<MapRunStep, StepError> {
        let mut step = MapRunStep::default();
        step.block.redrive_count = self.progress.redrive_count;
        if self.progress.status != MapRunStatus::Running {
            return Ok(step);
        }
        let map = self.map(definition)?;
        for trigger in triggers {
            self.take(trigger, ambient.now_ms, &mut step);
        }
        // Children that cannot be redriven may be too many by themselves.
        self.judge(&mut step);
        if self.progress.ending.is_none() {
            self.start_children(map, room, ambient, limits, &mut step)?;
        } else {
            step.stops.extend(std::mem::take(&mut self.children.uncertain));
        }
        self.end(&mut step);
        Ok(step)
    }

    fn map<'d>(&self, definition: &'d StateMachine) -> Result<&'d Map, StepError> {
        match definition.find(&self.request.state).map(|(_, state)| &state.kind) {
            Some(StateKind::Map(map)) => Ok(&**map),
            _ => Err(StepError::Corrupt(format!("the definition has no Map state `{}`", self.request.state))),
        }
    }

    fn take(&mut self, trigger: MapRunTrigger, now_ms: i64, step: &mut MapRunStep) {
        match trigger {
            MapRunTrigger::Continue => {}
            MapRunTrigger::ChildEnded { redrive_count, .. } | MapRunTrigger::ChildNotRun { redrive_count, .. }
                if redrive_count != self.progress.redrive_count =>
            {
                return;
            }
            MapRunTrigger::ChildEnded { child, start_ms, stop_ms, outcome, input, is_redrivable, .. } => {
                let Some(OpenChild { range, .. }) = self.children.remove(child) else { return };
                let remains = if is_redrivable { ChildRemains::Execution } else { ChildRemains::Final };
                let end = ChildEnd { child, range, start_ms, stop_ms, outcome, input: Some(input), remains };
                self.child_ended(end, step);
            }
            MapRunTrigger::ChildNotRun { child, is_final, .. } => {
                let Some(known) = self.children.remove(child) else { return };
                self.child_not_run(child, known, is_final, now_ms, step);
            }
            MapRunTrigger::ItemsRead { items, read_from } => self.items_read(items, read_from, step),
            MapRunTrigger::ResultsWritten(written) => {
                if self.awaits_writer() {
                    self.progress.written = Some(written);
                }
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

    /// Items that come twice, or to a Map Run that ends, are of no use.
    fn items_read(&mut self, items: Payload, read_from: Text, step: &mut MapRunStep) {
        if self.awaits_items() {
            let request = MapRunRequest { items, read_from: Some(read_from), ..MapRunRequest::clone(&self.request) };
            self.progress.has_items(&request);
            self.request = Arc::new(request);
            step.request = Some(Arc::clone(&self.request));
        }
    }

    fn child_ended(&mut self, end: ChildEnd, step: &mut MapRunStep) {
        let status = end.outcome.status();
        let is_final = status != Status::Succeeded && end.remains == ChildRemains::Final;
        self.progress.ended(end.range, status, is_final);
        step.block.ended.push(self.trimmed(end));
        self.judge(step);
    }

    /// A child that had ended before a redrive is what it was; any other is aborted before it began.
    fn child_not_run(&mut self, child: u64, known: OpenChild, is_final: bool, now_ms: i64, step: &mut MapRunStep) {
        let range = known.range;
        if let Some(earlier) = known.earlier {
            self.progress.ended(range, earlier.status, is_final);
            let bytes = if is_final { &mut self.progress.result_bytes } else { &mut self.progress.failure_bytes };
            *bytes = bytes.saturating_add(earlier.bytes);
            step.block.stayed.push((child, is_final));
            return self.judge(step);
        }
        let (outcome, input) = (Outcome::Aborted(Failure::default()), Some("{}".into()));
        let remains = ChildRemains::NotBegun;
        self.child_ended(ChildEnd { child, range, start_ms: now_ms, stop_ms: now_ms, outcome, input, remains }, step);
    }

    /// What is kept of the end of a child. Of a Standard one, which is kept itself, only what the results show, and nothing
    /// once they are too many; of an Express one everything: nothing else tells of it. Ends that a redrive supersedes do
    /// not count against those that stay.
    fn trimmed(&mut self, mut end: ChildEnd) -> ChildEnd {
        let form = self.request.form();
        let bytes = if end.is_final() { &mut self.progress.result_bytes } else { &mut self.progress.failure_bytes };
        *bytes = bytes.saturating_add(results::bytes_of(&end, &self.request));
        if self.request.execution_type == StateMachineType::Express {
            return end;
        }
        if !form.is_described(&end.outcome) {
            end.input = None;
        }
        if *bytes > self.result_bytes_max {
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
            self.progress.withdraw_redrives();
            self.children.waiting.clear();
            self.children.uncertain.clear();
            step.stops.extend(self.children.running.keys());
            step.is_changed = true;
        }
    }

    fn start_children(
        &mut self,
        map: &Map,
        room: Room,
        ambient: &Ambient,
        limits: &Limits,
        step: &mut MapRunStep,
    ) -> Result<(), StepError> {
        let mut input_bytes = 0;
        while let Some((child, range)) = self.next_child() {
            if room.is_used_up(&step.starts, input_bytes) || (!step.starts.is_empty() && ambient.is_running_low()) {
                step.goes_on = true;
                return Ok(());
            }
            match items::input(self, map, child, range, ambient, limits) {
                Ok(start) => {
                    input_bytes += start.input.byte_len();
                    self.started(start, step);
                }
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
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The child whose turn it is, and its items if they are known already.
    fn next_child(&self) -> Option<(u64, Option<ItemRange>)> {
        let children = &self.children;
        if let Some(child) = children.uncertain.first() {
            return Some((*child, children.running.get(child).map(|child| child.range)));
        }
        let progress = &self.progress;
        let places = match progress.settings.max_concurrency {
            0 => self.concurrency_max,
            wanted => wanted.min(self.concurrency_max),
        };
        let has_place = (children.running.len() as u64) < places;
        if let Some((number, child)) = children.waiting.first_key_value().filter(|_| has_place) {
            return Some((*number, Some(child.range)));
        }
        (has_place && progress.next_item < progress.items_total).then_some((progress.children_started, None))
    }

    fn started(&mut self, mut start: ChildStart, step: &mut MapRunStep) {
        let ChildStart { child: number, range, .. } = start;
        if !self.children.uncertain.remove(&number) {
            let child = self.children.waiting.remove(&number).unwrap_or(OpenChild { range, earlier: None });
            self.children.running.insert(number, child);
            match child.earlier {
                Some(earlier) => self.progress.redriven(number, range, earlier.status),
                None => self.progress.started(range),
            }
            if child.earlier.is_none() && self.request.batches.is_some() {
                step.block.batches.push((number, range));
            }
            step.is_changed = true;
        }
        let earlier = self.children.running.get(&number).and_then(|child| child.earlier);
        start.is_redriven = earlier.is_some_and(|earlier| earlier.is_begun);
        step.starts.push(start);
    }

    fn end(&mut self, step: &mut MapRunStep) {
        let begins_no_more = self.progress.ending.is_some() || self.has_asked_for_all();
        if !self.children.running.is_empty() || !begins_no_more || self.awaits_writer() {
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
