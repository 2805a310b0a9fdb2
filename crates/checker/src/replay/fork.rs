//! Children of Parallel and inline Map states: how they begin, end and join.

use super::Replay;
use super::compare::sampled;
use crate::data::{Way, exit};
use crate::event::HistoryEvent;
use crate::failure::{Failure, Fault};
use crate::frame::{Fork, Frame, FrameId, Iterations, Leaving, MapRunStage, Offer, Phase, To};
use crate::plan::{Forking, Plan, iteration_input, plan};
use crate::verdict::Rule;
use crate::world::World;
use asl::{Parallel, StateFields, StateKind};
use json::{Payload, Value};
use std::collections::{BTreeSet, VecDeque};

impl<'d> Replay<'d> {
    /// `…StateStarted`.
    pub(super) fn forked(&mut self, id: FrameId, forking: Forking, event: &HistoryEvent) {
        self.frames[id].position = event.id;
        match (forking, &self.frames[id].state.kind) {
            (Forking::Parallel { arguments }, StateKind::Parallel(parallel)) => self.branch(id, parallel, &arguments),
            (Forking::Map { items, concurrency }, StateKind::Map(map)) => {
                let processor = &map.item_processor;
                let known = items.as_ref().and_then(|items| items.value().as_array()).map(<[Value]>::len);
                if known.is_some() {
                    self.expect_number(event, "length", known.map(|length| length as u64));
                }
                let shown = event.number("length").and_then(|length| usize::try_from(length).ok());
                // A history cannot tell of more iterations than it may have events.
                let most = usize::try_from(self.checker.events_max()).unwrap_or(usize::MAX);
                let length = known.or(shown).unwrap_or(0).min(most);
                let (offers, fault) = (VecDeque::new(), None);
                let iterations = Iterations { processor, items, concurrency, begun: 0, offers, fault };
                self.open(id, length, Some(iterations));
                self.offer(id, event.id);
            }
            (Forking::MapRun { length }, _) => {
                if length.is_some() {
                    self.expect_number(event, "length", length);
                }
                self.map_run_planned(id, MapRunStage::Planned { length: length.or(event.number("length")) });
            }
            _ => {}
        }
    }

    fn branch(&mut self, id: FrameId, parallel: &'d Parallel, arguments: &Payload) {
        let position = self.now.event_id;
        self.open(id, parallel.branches.len(), None);
        for (branch, index) in parallel.branches.iter().zip(0..) {
            self.add_child(id, index, branch, Some(arguments.clone()), position);
        }
        self.look_for_end(id);
    }

    fn open(&mut self, id: FrameId, length: usize, iterations: Option<Iterations<'d>>) {
        let outputs = vec![None; length];
        self.frames[id].fork = Some(Fork { outputs, running: BTreeSet::new(), succeeded: 0, iterations });
    }

    fn add_child(&mut self, parent: FrameId, index: u64, flow: &'d asl::Flow, input: Option<Payload>, position: u64) {
        match Frame::begin(Some((parent, index)), flow, input, position) {
            Some(frame) => {
                let child = self.frames.add(frame);
                if let Some(fork) = &mut self.frames[parent].fork {
                    fork.running.insert(child);
                }
                self.wait_after(child, position);
            }
            None => self.no_such_state(&flow.start_at),
        }
    }

    /// The iterations that are to begin now, each after `previous`.
    pub(super) fn offer(&mut self, id: FrameId, previous: u64) {
        while let Some(index) = self.next_iteration(id) {
            let input = self.iteration_input(id, index);
            let Some(iterations) = self.frames[id].fork.as_mut().and_then(|fork| fork.iterations.as_mut()) else {
                return;
            };
            match input {
                Ok(input) => {
                    iterations.begun += 1;
                    iterations.offers.push_back(Offer { previous, index, input });
                }
                Err(fault) => iterations.fault = Some((fault, previous)),
            }
        }
        self.look_for_end(id);
    }

    /// The index of the iteration that may begin, if one may.
    fn next_iteration(&self, id: FrameId) -> Option<u64> {
        let fork = self.frames[id].fork.as_ref()?;
        let iterations = fork.iterations.as_ref()?;
        let running = iterations.begun.saturating_sub(fork.succeeded);
        let may = iterations.fault.is_none()
            && iterations.begun < fork.outputs.len() as u64
            && running < iterations.concurrency;
        may.then_some(iterations.begun)
    }

    /// `Ok(None)` where no history tells the items.
    fn iteration_input(&self, id: FrameId, index: u64) -> Result<Option<Payload>, Fault> {
        let frame = &self.frames[id];
        let Some(item) = frame.fork.as_ref().and_then(|fork| fork.item(index)) else { return Ok(None) };
        let StateKind::Map(map) = &frame.state.kind else { return Ok(None) };
        let mut visit = self.visit(id);
        visit.map_item = Some(item);
        iteration_input(&visit, World::GUESS, map).map(Some)
    }

    /// What the other worlds make of the input of a child.
    pub(super) fn input_samples(&self, id: FrameId) -> Vec<Value> {
        let Some((parent, index)) = self.frames[id].parent else { return Vec::new() };
        let mut visit = self.visit(parent);
        match &self.frames[parent].state.kind {
            StateKind::Parallel(_) => sampled(&visit, |visit, world| match plan(visit, world) {
                Ok(Plan::Fork(Forking::Parallel { arguments })) => Some(arguments.value().clone()),
                _ => None,
            }),
            StateKind::Map(map) => {
                visit.map_item = self.frames[parent].fork.as_ref().and_then(|fork| fork.item(index));
                sampled(&visit, |visit, world| Some(iteration_input(visit, world, map).ok()?.value().clone()))
            }
            _ => Vec::new(),
        }
    }

    /// All branches of a Parallel begin with the same, so what one of them shows holds for the others.
    pub(super) fn share_input(&mut self, id: FrameId, input: &Payload) {
        let Some((parent, _)) = self.frames[id].parent else { return };
        if !matches!(self.frames[parent].state.kind, StateKind::Parallel(_)) {
            return;
        }
        let siblings: Vec<FrameId> =
            self.frames[parent].fork.iter().flat_map(|fork| fork.running.iter().copied()).collect();
        for sibling in siblings {
            let frame = &mut self.frames[sibling];
            if matches!(frame.phase, Phase::Arriving(_)) && frame.flow.start_at == frame.state.name {
                frame.input = Some(input.clone());
            }
        }
    }

    /// `MapIterationStarted`.
    pub(super) fn iteration_started(&mut self, id: FrameId, event: &HistoryEvent) {
        let name = self.frames[id].state.name.clone();
        self.expect_text(event, "name", Some(&name));
        let fork = self.frames[id].fork.as_mut();
        let Some(iterations) = fork.and_then(|fork| fork.iterations.as_mut()) else { return };
        let Some(offer) = iterations.offers.pop_front() else { return };
        let processor = iterations.processor;
        self.expect_number(event, "index", Some(offer.index));
        self.add_child(id, offer.index, processor, offer.input, event.id);
        self.look_for_end(id);
    }

    /// A branch or iteration came to its end.
    pub(super) fn child_succeeded(&mut self, child: FrameId, parent: FrameId, index: u64, output: Payload) {
        if matches!(self.frames[parent].state.kind, StateKind::Map(_)) {
            return self.stay(child, Phase::IterationOver(output));
        }
        let position = self.frames[child].position;
        self.close_child(child, parent, index, output, position);
        self.look_for_end(parent);
    }

    /// `MapIterationSucceeded`.
    pub(super) fn iteration_over(&mut self, child: FrameId, output: Payload, event: &HistoryEvent) {
        let Some((parent, index)) = self.frames[child].parent else { return };
        let before = self.frames[child].position;
        self.expect_iteration(event, parent, index);
        self.close_child(child, parent, index, output, event.id);
        // AWS lets the next iteration follow what came before the end of this one.
        self.offer(parent, before);
    }

    pub(super) fn expect_iteration(&mut self, event: &HistoryEvent, map: FrameId, index: u64) {
        let name = self.frames[map].state.name.clone();
        self.expect_text(event, "name", Some(&name));
        self.expect_number(event, "index", Some(index));
    }

    fn close_child(&mut self, child: FrameId, parent: FrameId, index: u64, output: Payload, last: u64) {
        self.remove(child);
        let Some(fork) = &mut self.frames[parent].fork else { return };
        fork.running.remove(&child);
        fork.succeeded += 1;
        let place = usize::try_from(index).ok().and_then(|index| fork.outputs.get_mut(index));
        match place {
            Some(place) => *place = Some(output),
            None => self.report(Rule::Details, format!("there is no child {index}")),
        }
        let is_last = self.frames[parent].fork.as_ref().is_some_and(|fork| fork.succeeded == fork.outputs.len() as u64);
        if is_last {
            self.frames[parent].position = last;
        }
    }

    /// The join, when all children have succeeded; else children go on.
    fn look_for_end(&mut self, id: FrameId) {
        let Some(fork) = &self.frames[id].fork else { return };
        if fork.succeeded == fork.outputs.len() as u64 {
            return self.stay(id, Phase::Joining);
        }
        self.stay(id, Phase::Forked);
        self.fail_iterations(id);
    }

    /// The Map fails when an iteration that is to begin has no input.
    fn fail_iterations(&mut self, id: FrameId) {
        let fork = self.frames[id].fork.as_mut();
        let Some(iterations) = fork.and_then(|fork| fork.iterations.as_mut()) else { return };
        if !iterations.offers.is_empty() {
            return;
        }
        if let Some((fault, position)) = iterations.fault.take() {
            self.frames[id].position = position;
            self.fault(id, &fault, false, false);
        }
    }

    /// `…StateSucceeded`: the result is the array of the outputs.
    pub(super) fn joined(&mut self, id: FrameId) {
        let fork = self.frames[id].fork.take();
        let outputs: Vec<Payload> = fork.into_iter().flat_map(|fork| fork.outputs).flatten().collect();
        let fields = match &self.frames[id].state.kind {
            StateKind::Parallel(parallel) => &parallel.state,
            StateKind::Map(map) => &map.state,
            _ => return,
        };
        let bytes: u64 = outputs.iter().map(|output| output.byte_len() as u64).sum();
        let bytes_max = self.result_bytes_max(bytes);
        if fields.needs_result && bytes > bytes_max {
            let failure = Failure::result_limit(&self.frames[id].state.name, bytes_max);
            return self.fault(id, &Fault::As(failure), false, false);
        }
        let result: Vec<Value> = outputs.iter().map(|output| output.value().clone()).collect();
        self.finish(id, fields, Value::from(result).into());
    }

    /// The limit by which the join that is looked at was judged, whose results come to so many bytes.
    fn result_bytes_max(&self, bytes: u64) -> u64 {
        let own = self.checker.limits.result_bytes_max;
        let all = || self.checker.other_result_bytes_max.iter().copied().chain([own]);
        if self.failed_joins.contains(&self.now.event_id) {
            all().filter(|bytes_max| bytes > *bytes_max).max().unwrap_or(own)
        } else {
            all().max().unwrap_or(own)
        }
    }

    /// The state is left with a result.
    pub(super) fn finish(&mut self, id: FrameId, fields: &'d StateFields, result: Payload) {
        self.leave(id, Way::Result { fields, result }, To::of(&fields.transition));
    }

    pub(super) fn leave(&mut self, id: FrameId, way: Way<'d>, to: To<'d>) {
        let visit = self.visit(id);
        match exit(&visit, World::GUESS, &way) {
            Ok(exit) => self.stay(id, Phase::Leaving(vec![Leaving { way, exit, to }])),
            Err(fault) => {
                let again = |world| exit(&visit, world, &way).err();
                let is_volatile = super::begin::is_volatile(&fault, again);
                let in_catcher = matches!(way, Way::Caught { .. });
                self.fault(id, &fault, is_volatile, in_catcher);
            }
        }
    }
}

impl Frame<'_> {
    pub(crate) fn next_offer(&self) -> Option<&Offer> {
        self.fork.as_ref()?.iterations.as_ref()?.offers.front()
    }
}
