//! The replay: walks the definition with a tree of frames, and has each event explained by one of them.
//!
//! A frame says what may happen next at its place (`Phase`); an event names the one that it follows in `previousEventId`,
//! and so the frame that it belongs to. What nothing explains is a violation and ends the path; a value that is not
//! what the definition makes of the data is a violation too, and the path goes on with what the history shows.

mod abort;
mod ahead;
mod begin;
pub(crate) mod budget;
mod call;
mod compare;
mod ending;
mod fail;
mod fork;
mod leave;
mod map_run;

use crate::event::{HistoryEvent, details_name, is_details_name};
use crate::frame::{Frame, FrameId, Frames, MapRunStage, Phase, Stage};
use crate::plan::Forking;
use crate::verdict::{Rule, Verdict, Violation};
use crate::visit::{Facts, Visit};
use crate::{Checker, Texts};
use asl::{StateKind, TaskResource};
use compare::Comparing;
use ending::Status;
use json::Text;
use query::Budget;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The check of one history.
pub(crate) struct Replay<'d> {
    checker: &'d Checker,
    budget: Budget,
    comparing: Comparing<'d>,
    facts: Arc<Facts>,
    /// The input of the execution, as the caller wrote it.
    input: Text,
    frames: Frames<'d>,
    /// The frames that may go on after an event. One that has gone on meanwhile is still named here.
    waiting: HashMap<u64, Vec<FrameId>>,
    aborts: abort::Aborts,
    /// What all variables come to, as JSON texts.
    variables_bytes: usize,
    status: Status,
    /// Where a redrive goes on; kept only if one follows.
    failed_at: Option<Frames<'d>>,
    redrives_ahead: usize,
    /// The events after which a join failed; looked at only where more than one limit of results may have been in force.
    failed_joins: HashSet<u64>,
    redriven: ahead::Redriven,
    /// The event that is looked at.
    now: Now,
    pub(crate) verdict: Verdict,
}

/// The event that is looked at.
#[derive(Clone, Copy, Default)]
struct Now {
    event_id: u64,
    /// `None` where the history does not say.
    at_ms: Option<i64>,
    /// The last time that was told.
    last_ms: i64,
}

/// The path cannot be followed any further.
pub(crate) struct Lost;

type Followed = Result<(), Lost>;

impl<'d> Replay<'d> {
    pub(crate) fn new(
        checker: &'d Checker,
        texts: Texts<'d>,
        facts: Facts,
        input: Text,
        redrives_ahead: usize,
    ) -> Replay<'d> {
        Replay {
            checker,
            budget: checker.budget,
            comparing: Comparing::new(texts),
            facts: Arc::new(facts),
            input,
            frames: Frames::default(),
            waiting: HashMap::new(),
            aborts: abort::Aborts::default(),
            variables_bytes: 0,
            status: Status::NotStarted,
            failed_at: None,
            redrives_ahead,
            failed_joins: HashSet::new(),
            redriven: ahead::Redriven::default(),
            now: Now::default(),
            verdict: Verdict::default(),
        }
    }

    /// With another budget for evaluations.
    pub(crate) fn within(self, budget: Budget) -> Replay<'d> {
        Replay { budget, ..self }
    }

    /// The next event of the history.
    pub(crate) fn take(&mut self, event: &HistoryEvent) -> Followed {
        self.now.event_id = event.id;
        self.now.at_ms = event.timestamp_ms;
        self.now.last_ms = event.timestamp_ms.unwrap_or(self.now.last_ms).max(self.now.last_ms);
        self.check_details_name(event);
        match &*event.event_type {
            "ExecutionStarted" => return self.started(event),
            "ExecutionSucceeded" => return self.succeeded(event),
            "ExecutionFailed" => return self.failed(event),
            "ExecutionAborted" => return self.aborted(event),
            "ExecutionTimedOut" => return self.timed_out(event),
            "ExecutionRedriven" => return self.redriven(event),
            _ => {}
        }
        self.is_open(event)?;
        if self.take_abort(event)? {
            return Ok(());
        }
        self.give_up_evaluating(event);
        let id = self.frame_of(event)?;
        self.check_not_before(id, event);
        self.advance(id, event);
        Ok(())
    }

    /// The frame that explains the event.
    fn frame_of(&mut self, event: &HistoryEvent) -> Result<FrameId, Lost> {
        let candidates = self.waiting.get(&event.previous_event_id).map_or(&[][..], Vec::as_slice);
        let fitting = candidates.iter().copied().filter(|id| self.fits(*id, event) && self.follows(*id, event));
        let fitting: Vec<FrameId> = fitting.collect();
        let found = match fitting.as_slice() {
            [] => None,
            [id] => Some(*id),
            // After a redrive many frames follow one event: what comes of it tells them apart, their data, and whose time
            // has come.
            [first, ..] => {
                let is_meant = |id: &FrameId| self.is_of(*id, event) && self.fits_data(*id, event);
                let meant: Vec<FrameId> = fitting.iter().copied().filter(is_meant).collect();
                let due = meant.iter().find(|id| self.is_due(**id, event));
                let of = || fitting.iter().find(|id| self.is_of(**id, event));
                due.or(meant.first()).or_else(of).or(Some(first)).copied()
            }
        };
        found.ok_or_else(|| self.unexplained(event))
    }

    /// Whether the event is one of those that may come next at this frame.
    fn fits(&self, id: FrameId, event: &HistoryEvent) -> bool {
        let frame = &self.frames[id];
        let event_type = &*event.event_type;
        match &frame.phase {
            Phase::Arriving(next) => {
                let name = event.text("name").map_or("", |name| &**name);
                let state = next.iter().any(|next| &***next == name).then(|| frame.flow.states.get(name)).flatten();
                state.is_some_and(|state| is_of_state(event_type, &state.kind, "StateEntered"))
            }
            // What a Map Run came to may be more than a state may pass on.
            Phase::Leaving(_) if event_type == "MapStateFailed" => budget::leaves_map_run(frame),
            Phase::Leaving(_) => is_of_state(event_type, &frame.state.kind, "StateExited"),
            Phase::Forking(_) => is_of_state(event_type, &frame.state.kind, "StateStarted"),
            Phase::Joining => is_of_state(event_type, &frame.state.kind, "StateSucceeded"),
            Phase::Failing(_) => is_of_state(event_type, &frame.state.kind, "StateFailed"),
            Phase::Calling(call) => call::next_types(call).contains(&event_type),
            Phase::Forked => event_type == "MapIterationStarted",
            Phase::IterationOver(_) => event_type == "MapIterationSucceeded",
            Phase::MapRun(stage) => map_run::next_types(stage).contains(&event_type),
            Phase::Evaluation(_) => event_type == "EvaluationFailed",
            Phase::Aborting { .. } | Phase::Busy | Phase::Gone => false,
        }
    }

    /// Whether the event shows the data that this frame would show.
    fn fits_data(&self, id: FrameId, event: &HistoryEvent) -> bool {
        let frame = &self.frames[id];
        let shows = |member: &str, expected: &json::Payload| {
            event.text(member).is_some_and(|found| self.comparing.are_alike(expected.text(), found))
        };
        match &frame.phase {
            Phase::Arriving(_) => frame.input.as_ref().is_none_or(|input| shows("input", input)),
            Phase::Leaving(ways) => {
                event.text("name") == Some(&frame.state.name)
                    && ways.iter().any(|leaving| self.shows(event, &leaving.exit))
            }
            Phase::Calling(call) if call.stage == Stage::Planned => {
                shows("parameters", &call.request.parameters) || shows("input", &call.request.parameters)
            }
            Phase::Forked => frame.next_offer().is_some_and(|offer| event.number("index") == Some(offer.index)),
            Phase::Evaluation(evaluation) => match &evaluation.failure.cause {
                crate::failure::Cause::Known(cause) => event.text("cause") == cause.as_ref(),
                crate::failure::Cause::Begins(_) => true,
            },
            _ => true,
        }
    }

    /// Whether nothing that this frame waits for is still to come.
    fn is_due(&self, id: FrameId, event: &HistoryEvent) -> bool {
        let Some((not_before_ms, _)) = self.frames[id].not_before else { return true };
        event.timestamp_ms.is_none_or(|at_ms| at_ms >= not_before_ms)
    }

    /// Whether the event follows what it should at this frame.
    fn follows(&self, id: FrameId, event: &HistoryEvent) -> bool {
        self.expected_previous(id).contains(&event.previous_event_id)
    }

    fn expected_previous(&self, id: FrameId) -> Vec<u64> {
        let frame = &self.frames[id];
        match &frame.phase {
            Phase::Evaluation(evaluation) => evaluation.previous.clone(),
            Phase::Forked => frame.next_offer().map(|offer| offer.previous).into_iter().collect(),
            Phase::MapRun(MapRunStage::Succeeded { event, .. }) => vec![*event],
            Phase::Gone | Phase::Busy | Phase::Aborting { .. } => Vec::new(),
            _ => vec![frame.position],
        }
    }

    /// The frame goes on by the event.
    fn advance(&mut self, id: FrameId, event: &HistoryEvent) {
        let phase = std::mem::replace(&mut self.frames[id].phase, Phase::Busy);
        match phase {
            Phase::Arriving(_) => self.entered(id, event),
            Phase::Leaving(ways) => self.left(id, ways, event),
            Phase::Calling(call) => self.called(id, *call, event),
            Phase::Forking(forking) => self.forked(id, *forking, event),
            Phase::Forked => self.iteration_started(id, event),
            Phase::Joining => self.joined(id),
            Phase::IterationOver(output) => self.iteration_over(id, output, event),
            Phase::MapRun(stage) => self.map_run(id, stage, event),
            Phase::Evaluation(evaluation) => self.evaluation_failed(id, &evaluation, event),
            Phase::Failing(failed) => self.state_failed(id, failed),
            phase @ (Phase::Aborting { .. } | Phase::Busy | Phase::Gone) => self.frames[id].phase = phase,
        }
    }

    /// The frame may go on after this event only.
    fn wait_after(&mut self, id: FrameId, previous: u64) {
        self.waiting.entry(previous).or_default().push(id);
    }

    /// The frame has come to the event that is looked at, and is in this phase now.
    fn move_on(&mut self, id: FrameId, phase: Phase<'d>) {
        self.frames[id].position = self.now.event_id;
        self.stay(id, phase);
    }

    /// The frame is in this phase now, and has not moved.
    fn stay(&mut self, id: FrameId, phase: Phase<'d>) {
        self.frames[id].phase = phase;
        for previous in self.expected_previous(id) {
            self.wait_after(id, previous);
        }
    }

    /// The frame has ended, and its variables with it.
    fn remove(&mut self, id: FrameId) {
        let frame = &mut self.frames[id];
        frame.phase = Phase::Gone;
        self.variables_bytes = self.variables_bytes.saturating_sub(std::mem::take(&mut frame.variables_bytes));
    }

    fn visit(&self, id: FrameId) -> Visit<'d> {
        let frame = &self.frames[id];
        let can_retry = matches!(frame.state.kind, StateKind::Task(_) | StateKind::Parallel(_) | StateKind::Map(_));
        Visit {
            state: frame.state,
            input: frame.input.clone().unwrap_or_default(),
            entered_ms: frame.entered.map_or(self.now.last_ms, |entered| entered.at_ms),
            retry_count: can_retry.then(|| u32::try_from(frame.retry_count()).unwrap_or(u32::MAX)),
            has_token: has_token(frame),
            scopes: self.scopes(id),
            map_item: self.map_item(id),
            facts: Arc::clone(&self.facts),
            variables_bytes: self.variables_bytes,
            limits: &self.checker.limits,
            budget: self.budget,
            now_ms: self.now.last_ms,
        }
    }

    fn scopes(&self, id: FrameId) -> Vec<json::Object> {
        let outer = |id: &FrameId| self.frames[*id].parent.map(|(parent, _)| parent);
        let scopes = std::iter::successors(Some(id), outer).map(|id| self.frames[id].variables.clone());
        scopes.filter(|variables| !variables.is_empty()).collect()
    }

    /// Of the innermost Map around the frame.
    fn map_item(&self, id: FrameId) -> Option<query::MapItem> {
        let mut parent = self.frames[id].parent;
        while let Some((outer, index)) = parent {
            let frame = &self.frames[outer];
            if let Some(fork) = frame.fork.as_ref().filter(|fork| fork.iterations.is_some()) {
                return fork.item(index);
            }
            parent = frame.parent;
        }
        None
    }

    fn report(&mut self, rule: Rule, message: String) {
        self.verdict.violations.push(Violation { event_id: self.now.event_id, rule, message });
    }

    fn check_details_name(&mut self, event: &HistoryEvent) {
        if !event.details_name.is_empty() && !is_details_name(&event.details_name, &event.event_type) {
            let wanted = details_name(&event.event_type).unwrap_or_else(|| "no details".to_owned());
            let message = format!("a {} has `{wanted}`, not `{}`", event.event_type, event.details_name);
            self.report(Rule::Details, message);
        }
    }

    /// Nothing that waits for a time happens before it.
    fn check_not_before(&mut self, id: FrameId, event: &HistoryEvent) {
        let Some((not_before_ms, why)) = self.frames[id].not_before.take() else { return };
        self.check_time(not_before_ms, why, &event.event_type);
    }

    fn check_time(&mut self, not_before_ms: i64, why: &str, event_type: &str) {
        if let Some(at_ms) = self.now.at_ms.filter(|at_ms| *at_ms < not_before_ms) {
            let early = not_before_ms - at_ms;
            self.report(Rule::Timers, format!("{event_type} is {early} ms early: {why} ends at {not_before_ms}"));
        }
    }

    /// Says what is wrong with an event that no frame explains.
    fn unexplained(&mut self, event: &HistoryEvent) -> Lost {
        let misplaced = self.frames.alive().find(|(id, _)| self.fits(*id, event)).map(|(id, _)| id);
        let Some(id) = misplaced else {
            let expected = self.expected_types().join(", ");
            self.report(Rule::Path, format!("nothing explains {}; expected: {expected}", describe(event)));
            return Lost;
        };
        let wanted: Vec<String> = self.expected_previous(id).iter().map(ToString::to_string).collect();
        let (event_type, state) = (&event.event_type, &self.frames[id].state.name);
        if wanted.is_empty() {
            let expected = self.expected_types().join(", ");
            let message = format!("{event_type} of state `{state}` cannot come here; expected: {expected}");
            self.report(Rule::Path, message);
            return Lost;
        }
        let (wanted, found) = (wanted.join(" or "), event.previous_event_id);
        let message = format!("{event_type} of state `{state}` follows event {wanted}, not {found}");
        self.report(Rule::Previous, message);
        Lost
    }

    /// What may come next, in words, each once. Only the first few are told.
    fn expected_types(&self) -> Vec<String> {
        const TOLD_MAX: usize = 5;
        let of = |(id, frame): (FrameId, &Frame<'d>)| -> Option<String> {
            let previous = self.expected_previous(id).first().copied()?;
            Some(format!("{} after event {previous}", expected(frame)))
        };
        let aborts = self.aborts.expected();
        let mut told = Vec::new();
        for one in self.frames.alive().filter_map(of).chain(aborts) {
            if !told.contains(&one) {
                told.push(one);
            }
            if told.len() == TOLD_MAX {
                break;
            }
        }
        told
    }
}

/// Whether the event type is `Pass` and `StateEntered` for a Pass state, and so on.
fn is_of_state(event_type: &str, kind: &StateKind, suffix: &str) -> bool {
    event_type.strip_prefix(type_name(kind)) == Some(suffix)
}

/// As events name the type of a state.
fn type_name(kind: &StateKind) -> &'static str {
    match kind {
        StateKind::Pass(_) => "Pass",
        StateKind::Task(_) => "Task",
        StateKind::Choice(_) => "Choice",
        StateKind::Wait(_) => "Wait",
        StateKind::Succeed(_) => "Succeed",
        StateKind::Fail(_) => "Fail",
        StateKind::Parallel(_) => "Parallel",
        StateKind::Map(_) => "Map",
    }
}

/// Whether the fields of the state see a task token.
fn has_token(frame: &Frame<'_>) -> bool {
    let StateKind::Task(task) = &frame.state.kind else { return false };
    let pattern = match &task.resource {
        TaskResource::Service { pattern, .. } => *pattern,
        TaskResource::Activity { .. } | TaskResource::LambdaFunction { .. } => return false,
    };
    pattern == asl::IntegrationPattern::WaitForTaskToken
}

/// An event in words.
fn describe(event: &HistoryEvent) -> String {
    let name = event.text("name").map_or_else(String::new, |name| format!(" of `{name}`"));
    format!("{}{name} after event {}", event.event_type, event.previous_event_id)
}

fn expected(frame: &Frame<'_>) -> String {
    let kind = type_name(&frame.state.kind);
    let name = &frame.state.name;
    match &frame.phase {
        Phase::Arriving(next) => {
            let names: Vec<String> = next.iter().map(|next| format!("`{next}`")).collect();
            format!("{kind}StateEntered of {}", names.join(" or "))
        }
        Phase::Leaving(_) => format!("{kind}StateExited of `{name}`"),
        Phase::Forking(forking) => match **forking {
            Forking::Parallel { .. } => format!("ParallelStateStarted of `{name}`"),
            Forking::Map { .. } | Forking::MapRun { .. } => format!("MapStateStarted of `{name}`"),
        },
        Phase::Joining => format!("{kind}StateSucceeded of `{name}`"),
        Phase::Failing(_) => format!("{kind}StateFailed of `{name}`"),
        Phase::Calling(call) if call.stage == Stage::Planned => format!("the call of `{name}`"),
        Phase::Calling(_) => format!("an answer for `{name}`"),
        Phase::Forked => format!("MapIterationStarted of `{name}`"),
        Phase::IterationOver(_) => "MapIterationSucceeded".to_owned(),
        Phase::MapRun(_) => format!("the Map Run of `{name}`"),
        Phase::Evaluation(_) => format!("EvaluationFailed of `{name}`"),
        Phase::Aborting { .. } | Phase::Busy | Phase::Gone => String::new(),
    }
}
