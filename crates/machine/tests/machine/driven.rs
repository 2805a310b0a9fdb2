//! A Map Run in a small world, driven step by step.

use crate::world::{START_MS, World, ambient};
use asl::Limits;
use json::Payload;
use machine::{
    ChildStart, Failure, MapRun, MapRunBlock, MapRunProgress, MapRunRequest, MapRunStatus, MapRunStep, MapRunTrigger,
    Outcome, Results, Room,
};
use std::sync::Arc;

/// A state machine of one Map, with `fields` in it.
pub fn definition(fields: &str) -> String {
    let processor = r#"{"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}"#;
    format!(
        r#"{{"StartAt": "M", "States": {{"M": {{"Type": "Map", "End": true, "ItemProcessor": {processor}{fields}}}}}}}"#
    )
}

/// A Map Run in a small world: what its steps came to, and the children that run.
pub struct Driven {
    pub world: World,
    pub run: MapRun,
    pub blocks: Vec<MapRunBlock>,
    pub running: Vec<ChildStart>,
    pub stopped: Vec<u64>,
    pub ended: Option<MapRunStatus>,
    pub limits: Limits,
    /// Of each step.
    pub room: Room,
}

impl Driven {
    pub fn of(fields: &str, input: &str) -> Driven {
        Driven::within(Limits::default(), fields, input)
    }

    pub fn within(limits: Limits, fields: &str, input: &str) -> Driven {
        let world = World::started(&definition(fields), input);
        let request = Arc::clone(world.map_runs.values().next().expect("a Map Run was asked for"));
        let run = MapRun::new(world.execution.facts(), request, &limits);
        let (blocks, running, stopped) = (Vec::new(), Vec::new(), Vec::new());
        let mut run = Driven { world, run, blocks, running, stopped, ended: None, limits, room: Room::ALL };
        run.step(MapRunTrigger::Continue);
        run
    }

    pub fn step(&mut self, trigger: MapRunTrigger) {
        let mut step = self.step_once(trigger);
        while step.goes_on {
            step = self.step_once(MapRunTrigger::Continue);
        }
    }

    pub fn step_once(&mut self, trigger: MapRunTrigger) -> MapRunStep {
        let ambient = ambient(START_MS, 1);
        let mut step = self.run.step(&self.world.machine, [trigger], self.room, &ambient, &self.limits).unwrap();
        assert!(!step.is_over_budget);
        self.blocks.push(std::mem::take(&mut step.block));
        self.running.append(&mut step.starts);
        self.stopped.append(&mut step.stops);
        self.ended = self.ended.or(step.ended);
        step
    }

    pub fn end(&mut self, child: u64, outcome: Outcome) {
        self.end_as(child, outcome, true);
    }

    pub fn end_as(&mut self, child: u64, outcome: Outcome, is_redrivable: bool) {
        self.running.retain(|start| start.child != child);
        let (redrive_count, input) = (self.run.progress().redrive_count, "0".into());
        let (start_ms, stop_ms) = (START_MS, START_MS);
        let ended =
            MapRunTrigger::ChildEnded { child, redrive_count, start_ms, stop_ms, outcome, input, is_redrivable };
        self.step(ended);
    }

    /// A child that was asked for does not run.
    pub fn not_run(&mut self, child: u64, is_final: bool) {
        self.running.retain(|start| start.child != child);
        let redrive_count = self.run.progress().redrive_count;
        self.step(MapRunTrigger::ChildNotRun { child, redrive_count, is_final });
    }

    pub fn succeed(&mut self, child: u64, output: &str) {
        self.end(child, Outcome::Succeeded { output: Payload::parse(output).unwrap() });
    }

    pub fn fail(&mut self, child: u64) {
        self.end(child, broken());
    }

    /// `child:input` of the children that run.
    pub fn inputs(&self) -> String {
        let inputs = self.running.iter().map(|start| format!("{}:{}", start.child, start.input.text()));
        inputs.collect::<Vec<_>>().join(" ")
    }

    pub fn results(&self) -> String {
        let mut results = Results::new(self.run.request());
        self.blocks.iter().cloned().for_each(|block| results.add(block));
        results.finish().text().to_string()
    }

    /// The Map Run, which has ended, is redriven; gives the children that run then.
    pub fn redrive(&mut self) -> Vec<u64> {
        assert!(self.ended.take().is_some() && self.running.is_empty());
        let mut progress = self.run.progress().clone();
        progress.redrive(progress.redrive_count + 1);
        self.resume(&progress);
        self.step(MapRunTrigger::Continue);
        self.children()
    }

    /// The children that run.
    pub fn children(&self) -> Vec<u64> {
        self.running.iter().map(|start| start.child).collect()
    }

    /// The Map Run as a restart finds it: what was stored, written and read.
    pub fn restart(&mut self) {
        self.resume(&self.run.progress().clone());
    }

    fn resume(&mut self, progress: &MapRunProgress) {
        let stored = |value: &MapRunRequest| rmp_serde::to_vec_named(value).unwrap();
        let request = rmp_serde::from_slice(&stored(self.run.request())).unwrap();
        let progress = rmp_serde::from_slice(&rmp_serde::to_vec_named(progress).unwrap()).unwrap();
        let blocks = rmp_serde::to_vec_named(&self.blocks).unwrap();
        let blocks: Vec<MapRunBlock> = rmp_serde::from_slice(&blocks).unwrap();
        let facts = self.world.execution.facts();
        self.run = MapRun::resume(facts, Arc::new(request), progress, blocks, &self.limits);
        self.running.clear();
    }
}

pub fn broken() -> Outcome {
    Outcome::Failed(Failure { error: Some("E".into()), cause: None })
}
