//! States are entered, and begin what they do.

use super::Replay;
use super::compare::sampled;
use crate::event::HistoryEvent;
use crate::failure::Fault;
use crate::frame::{Call, Entered, Failed, FrameId, Phase, Stage};
use crate::plan::{Plan, plan};
use crate::verdict::Rule;
use crate::world::World;
use asl::StateKind;
use json::Payload;

impl Replay<'_> {
    /// `…StateEntered`.
    pub(super) fn entered(&mut self, id: FrameId, event: &HistoryEvent) {
        let frame = &self.frames[id];
        let Some(state) = event.text("name").and_then(|name| frame.flow.states.get(name)) else { return };
        // The first state of an execution shows its input as the caller wrote it.
        let is_first = frame.parent.is_none() && frame.position == 0;
        let input = match &frame.input {
            Some(input) if is_first => {
                let input = input.clone();
                let text = self.input.clone();
                if event.text("input").is_some_and(|found| !self.comparing.are_alike(&text, found)) {
                    self.agree(event, "input", &input, Vec::new);
                }
                input
            }
            Some(input) => {
                let input = input.clone();
                self.agree_on_input(id, &input, event)
            }
            None => {
                self.verdict.trusted += 1;
                self.shown(event, "input")
            }
        };
        let entered = Entered { event: event.id, previous: event.previous_event_id, at_ms: self.now.last_ms };
        let frame = &mut self.frames[id];
        frame.state = state;
        frame.input = Some(input);
        frame.entered = Some(entered);
        frame.position = event.id;
        frame.retries.clear();
        self.begin(id);
    }

    /// Only what a child begins with may hold what no history tells: everything else was shown before.
    fn agree_on_input(&mut self, id: FrameId, input: &Payload, event: &HistoryEvent) -> Payload {
        let is_shown = event.text("input").is_some_and(|found| **found == **input.text());
        let samples = if is_shown { Vec::new() } else { self.input_samples(id) };
        let agreed = self.agree(event, "input", input, || samples);
        if !agreed.same(input) {
            self.share_input(id, &agreed);
        }
        agreed
    }

    /// What the state does, when it was entered and at each retry.
    pub(super) fn begin(&mut self, id: FrameId) {
        self.frames[id].map_run = None;
        let visit = self.visit(id);
        match plan(&visit, World::GUESS) {
            Ok(Plan::Leave { ways, not_before_ms }) => {
                if let Some(not_before_ms) = not_before_ms {
                    self.not_before(id, not_before_ms, "the wait");
                }
                self.stay(id, Phase::Leaving(ways));
            }
            Ok(Plan::Call(request)) => {
                let since_ms = self.now.last_ms;
                self.stay(id, Phase::Calling(Box::new(Call { request, stage: Stage::Planned, since_ms })));
            }
            Ok(Plan::Fork(forking)) => self.stay(id, Phase::Forking(Box::new(forking))),
            Ok(Plan::Fail(failure)) => self.fail_state(id, failure),
            Err(fault) => {
                let again = |world| plan(&visit, world).err();
                let is_volatile = is_volatile(&fault, again);
                self.fault(id, &fault, is_volatile, false);
            }
        }
    }

    /// A Fail state: its error and cause may hold what no history tells.
    fn fail_state(&mut self, id: FrameId, failure: crate::failure::Failure) {
        let visit = self.visit(id);
        let made = sampled(&visit, |visit, world| match plan(visit, world) {
            Ok(Plan::Fail(failure)) => Some(failure.error_output("")),
            _ => None,
        });
        let known = failure.error_output("");
        let is_known = made.iter().all(|other| *other == known);
        let failure = if is_known || !matches!(visit.state.kind, StateKind::Fail(_)) {
            failure
        } else {
            crate::failure::Failure { cause: crate::failure::Cause::Begins("".into()), ..failure }
        };
        self.fail(id, Failed { failure, is_heartbeat: false });
    }

    /// The next event of the frame does not come before this time.
    pub(super) fn not_before(&mut self, id: FrameId, not_before_ms: i64, why: &'static str) {
        let frame = &mut self.frames[id];
        if frame.not_before.is_none_or(|(known_ms, _)| known_ms < not_before_ms) {
            frame.not_before = Some((not_before_ms, why));
        }
    }

    /// An event of a state that a redrive begins again, or a state machine that has none of this name.
    pub(super) fn no_such_state(&mut self, name: &str) {
        self.report(Rule::Path, format!("the definition has no state `{name}` there"));
    }
}

/// Whether the other worlds fail with other words, or do not fail.
pub(super) fn is_volatile(fault: &Fault, again: impl Fn(World) -> Option<Fault>) -> bool {
    let Fault::Evaluating(found) = fault else { return false };
    if found.sentence.as_deref().is_some_and(super::budget::is_given_up) {
        return true;
    }
    let other = World::others().next().and_then(again);
    !matches!(other, Some(Fault::Evaluating(other)) if other.sentence == found.sentence)
}
