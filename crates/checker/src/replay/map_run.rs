//! Map Runs, as far as the history of the execution tells of them.

use super::Replay;
use crate::data::Way;
use crate::event::HistoryEvent;
use crate::failure::Failure;
use crate::frame::{Failed, FrameId, MapRunStage, Phase, To};
use crate::verdict::Rule;
use asl::{Map, StateKind};

/// The types of the events that may come next.
pub(super) fn next_types(stage: &MapRunStage) -> &'static [&'static str] {
    match stage {
        MapRunStage::Planned { .. } => &["MapRunStarted"],
        MapRunStage::Running { is_redriven: true, .. } => &["MapRunRedriven", "MapRunSucceeded", "MapRunFailed"],
        MapRunStage::Running { .. } => &["MapRunSucceeded", "MapRunFailed"],
        // Without `MapStateSucceeded` the results were larger than a state may pass on.
        MapRunStage::Succeeded { .. } => &["MapStateSucceeded", "MapStateFailed", "MapStateStarted"],
    }
}

impl Replay<'_> {
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
                if event.text("mapRunArn").is_none_or(|arn| arn.is_empty()) {
                    self.report(Rule::Details, "MapRunStarted has no `mapRunArn`".to_owned());
                }
                self.move_on(id, Phase::MapRun(MapRunStage::Running { length, is_redriven: false }));
            }
            ("MapRunRedriven", MapRunStage::Running { length, .. }) => {
                self.move_on(id, Phase::MapRun(MapRunStage::Running { length, is_redriven: false }));
            }
            ("MapRunSucceeded", MapRunStage::Running { length, .. }) => {
                self.stay(id, Phase::MapRun(MapRunStage::Succeeded { length, event: event.id }));
            }
            ("MapRunFailed", MapRunStage::Running { .. }) => {
                let failure = Failure::of(event.text("error").cloned(), event.text("cause").cloned());
                self.frames[id].position = event.id;
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
