//! Map Runs, as far as the history of the execution tells of them.

use super::Replay;
use crate::data::Way;
use crate::event::HistoryEvent;
use crate::failure::{Cause, DATA_LIMIT_EXCEEDED, Failure, RUNTIME};
use crate::frame::{Failed, FrameId, MapRun, MapRunStage, Phase, To};
use crate::verdict::Rule;
use asl::{Map, StateKind};

/// The types of the events that may come next.
pub(super) fn next_types(stage: &MapRunStage) -> &'static [&'static str] {
    match stage {
        MapRunStage::Planned { .. } => &["MapRunStarted"],
        MapRunStage::Redriving { .. } => &["MapRunRedriven"],
        MapRunStage::Running { .. } => &["MapRunSucceeded", "MapRunFailed"],
        // Without `MapStateSucceeded` the results were larger than a state may pass on.
        MapRunStage::Succeeded { .. } => &["MapStateSucceeded", "MapStateFailed", "MapStateStarted"],
    }
}

impl Replay<'_> {
    /// The execution is redriven, and its Map Run goes on; it does so only so often.
    pub(super) fn redrive_map_run(&mut self, id: FrameId, run: &MapRun) {
        if run.redrives < u64::from(self.checker.limits.map_run_redrives_max) {
            return self.stay(id, Phase::MapRun(MapRunStage::Redriving { length: run.length }));
        }
        let failure =
            Failure { error: Some(RUNTIME.into()), cause: Cause::Begins("The Map Run has been redriven".into()) };
        self.fail(id, Failed { failure, is_heartbeat: false });
    }

    /// `MapStateStarted` of a distributed Map.
    pub(super) fn map_run_planned(&mut self, id: FrameId, stage: MapRunStage) {
        // What else the Map Run is made with is evaluated now, and may fail.
        let visit = self.visit(id);
        let StateKind::Map(map) = &visit.state.kind else { return };
        match crate::plan::map_run_settings(&visit, map) {
            Ok(()) => self.stay(id, Phase::MapRun(stage)),
            Err(fault) => self.fault(id, &fault, false, false),
        }
    }

    pub(super) fn map_run(&mut self, id: FrameId, stage: MapRunStage, event: &HistoryEvent) {
        match (&*event.event_type, stage) {
            ("MapRunStarted", MapRunStage::Planned { length }) => {
                let arn = event.text("mapRunArn").cloned().unwrap_or_default();
                if arn.is_empty() {
                    self.report(Rule::Details, "MapRunStarted has no `mapRunArn`".to_owned());
                }
                self.frames[id].map_run = Some(MapRun { arn, length, redrives: 0 });
                self.move_on(id, Phase::MapRun(MapRunStage::Running { length }));
            }
            ("MapRunRedriven", MapRunStage::Redriving { length }) => {
                if let Some(MapRun { arn, redrives, .. }) = self.frames[id].map_run.clone() {
                    self.expect_text(event, "mapRunArn", Some(&arn));
                    self.expect_number(event, "redriveCount", Some(redrives + 1));
                    self.frames[id].map_run = Some(MapRun { arn, length, redrives: redrives + 1 });
                }
                self.move_on(id, Phase::MapRun(MapRunStage::Running { length }));
            }
            ("MapRunSucceeded", MapRunStage::Running { length }) => {
                self.frames[id].map_run = None;
                self.stay(id, Phase::MapRun(MapRunStage::Succeeded { length, event: event.id }));
            }
            ("MapRunFailed", MapRunStage::Running { .. }) => {
                let failure = Failure::of(event.text("error").cloned(), event.text("cause").cloned());
                self.frames[id].position = event.id;
                // What would fail in the same way again is made anew by a redrive.
                if [RUNTIME, DATA_LIMIT_EXCEEDED].contains(&failure.name()) {
                    self.frames[id].map_run = None;
                }
                self.fail(id, Failed { failure, is_heartbeat: false });
            }
            ("MapStateSucceeded", MapRunStage::Succeeded { length, .. }) => {
                if let StateKind::Map(map) = &self.frames[id].state.kind {
                    let way = Way::MapRun { fields: &map.state, length: length.filter(|_| has_one_result_each(map)) };
                    self.leave(id, way, To::of(&map.state.transition));
                }
            }
            (_, MapRunStage::Succeeded { event: succeeded, .. }) => {
                self.frames[id].position = succeeded;
                let failure = Failure::data_limit(&self.frames[id].state.name);
                self.fail(id, Failed { failure, is_heartbeat: false });
                if !matches!(self.frames[id].phase, Phase::Gone) && self.fits(id, event) && self.follows(id, event) {
                    self.advance(id, event);
                }
            }
            (_, stage) => self.stay(id, Phase::MapRun(stage)),
        }
    }
}

/// Whether each item has one result, and the results are an array of them.
fn has_one_result_each(map: &Map) -> bool {
    let plain = |distributed: &asl::Distributed| {
        distributed.item_reader.is_none() && distributed.item_batcher.is_none() && distributed.result_writer.is_none()
    };
    map.tolerated_failure_count.is_none()
        && map.tolerated_failure_percentage.is_none()
        && map.distributed.as_ref().is_some_and(plain)
}
