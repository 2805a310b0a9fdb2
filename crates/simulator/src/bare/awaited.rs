//! What an execution waits for: kept by what its steps asked for and took back, and by what was answered. It knows nothing of
//! the inside of an execution, so that the two can be compared.

use asl::IntegrationPattern;
use json::Text;
use machine::{Effect, EventId, Execution, Pending, Request, TimerId, Trigger};
use std::collections::BTreeMap;

/// Calls that are looked up one by one: each is looked for in the whole execution.
const LOOKED_AT: usize = 8;

/// Calls, timers and Map Runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Awaited {
    pub calls: BTreeMap<EventId, Asked>,
    pub timers: BTreeMap<TimerId, i64>,
    pub map_runs: BTreeMap<EventId, Text>,
    /// The last step was bounded.
    pub goes_on: bool,
}

/// A call, and how far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// `None`: the task of an activity.
    pub pattern: Option<IntegrationPattern>,
    /// Whether a worker took it, or the call has returned with what was submitted.
    pub is_begun: bool,
    /// Whether a worker answered before the call that hands out its token returned.
    pub is_answered: bool,
}

impl Asked {
    fn new(pattern: Option<IntegrationPattern>) -> Asked {
        Asked { pattern, is_begun: false, is_answered: false }
    }

    /// Whether the call that hands out the task token has not returned.
    fn hands_out(self) -> bool {
        self.pattern == Some(IntegrationPattern::WaitForTaskToken) && !self.is_begun
    }
}

impl Awaited {
    /// Whether something waits for the trigger.
    pub fn awaits(&self, trigger: &Trigger) -> bool {
        match trigger {
            Trigger::TimerFired { timer, due_ms } => self.timers.get(timer) == Some(due_ms),
            Trigger::MapRunEnded { effect, .. } => self.map_runs.contains_key(effect),
            Trigger::ActivityStarted { effect, .. }
            | Trigger::ActivityNotScheduled { effect, .. }
            | Trigger::TaskSubmitted { effect, .. }
            | Trigger::TaskNotSubmitted { effect, .. }
            | Trigger::TaskHeartbeat { effect }
            | Trigger::TaskSucceeded { effect, .. }
            | Trigger::TaskFailed { effect, .. } => self.calls.contains_key(effect),
            Trigger::Start | Trigger::Continue | Trigger::Redrive | Trigger::Stop { .. } => true,
        }
    }

    /// The timer that is due first.
    pub fn next_timer(&self) -> Option<(TimerId, i64)> {
        self.timers.iter().map(|(timer, due_ms)| (*timer, *due_ms)).min_by_key(|(_, due_ms)| *due_ms)
    }

    /// A trigger was taken, and the step that came of it asks for this.
    pub fn take(&mut self, trigger: &Trigger, effects: &[Effect]) -> Result<(), String> {
        self.answered(trigger);
        self.goes_on = effects.iter().any(|effect| matches!(effect, Effect::Continue));
        effects.iter().try_for_each(|effect| self.asked(effect))
    }

    fn answered(&mut self, trigger: &Trigger) {
        match trigger {
            Trigger::TimerFired { .. } if !self.awaits(trigger) => {}
            Trigger::TimerFired { timer, .. } => drop(self.timers.remove(timer)),
            Trigger::MapRunEnded { effect, .. } => drop(self.map_runs.remove(effect)),
            Trigger::ActivityStarted { effect, .. } => self.begin(*effect),
            Trigger::TaskSubmitted { effect, .. } => {
                let waits =
                    |asked: &Asked| asked.pattern.is_some_and(|pattern| pattern != IntegrationPattern::RequestResponse);
                match self.calls.get(effect) {
                    // The answer came first, and counts now.
                    Some(asked) if asked.is_answered => drop(self.calls.remove(effect)),
                    Some(asked) if waits(asked) => self.begin(*effect),
                    _ => {}
                }
            }
            Trigger::ActivityNotScheduled { effect, .. } => {
                if self.calls.get(effect).is_some_and(|asked| !asked.is_begun) {
                    self.calls.remove(effect);
                }
            }
            Trigger::TaskNotSubmitted { effect, .. } => drop(self.calls.remove(effect)),
            Trigger::TaskSucceeded { effect, .. } | Trigger::TaskFailed { effect, .. } => {
                match self.calls.get_mut(effect) {
                    Some(asked) if asked.hands_out() => asked.is_answered = true,
                    _ => drop(self.calls.remove(effect)),
                }
            }
            Trigger::Start
            | Trigger::Continue
            | Trigger::TaskHeartbeat { .. }
            | Trigger::Redrive
            | Trigger::Stop { .. } => {}
        }
    }

    fn begin(&mut self, id: EventId) {
        self.calls.get_mut(&id).into_iter().for_each(|asked| asked.is_begun = true);
    }

    fn asked(&mut self, effect: &Effect) -> Result<(), String> {
        let is_known = match effect {
            Effect::RunTask(request) => self.calls.insert(request.id, Asked::new(Some(request.pattern))).is_none(),
            Effect::OfferActivity { id, .. } => self.calls.insert(*id, Asked::new(None)).is_none(),
            Effect::CancelTask { id } => self.calls.remove(id).is_some(),
            // What was submitted belongs to a call that was cancelled.
            Effect::StopTask { request, .. } => !self.calls.contains_key(&request.id),
            Effect::SetTimer { timer, due_ms } => {
                self.timers.insert(*timer, *due_ms);
                true
            }
            Effect::CancelTimer { timer } => self.timers.remove(timer).is_some(),
            Effect::StartMapRun(request) => self.map_runs.insert(request.id, request.map_run_arn.clone()).is_none(),
            Effect::RedriveMapRun(pending) => self.map_runs.insert(pending.id, pending.map_run_arn.clone()).is_none(),
            Effect::StopMapRun { map_run_arn } => {
                let before = self.map_runs.len();
                self.map_runs.retain(|_, arn| arn != map_run_arn);
                self.map_runs.len() + 1 == before
            }
            Effect::Continue => true,
        };
        if is_known { Ok(()) } else { Err(format!("what is asked for does not fit what is awaited: {effect:?}")) }
    }

    /// Whether nothing is awaited.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.timers.is_empty() && self.map_runs.is_empty() && !self.goes_on
    }

    /// I13: the execution waits for this and for nothing else.
    pub fn agrees(&self, execution: &Execution) -> Result<(), String> {
        let timers: BTreeMap<TimerId, i64> = execution.timers().into_iter().collect();
        if timers != self.timers {
            return Err(format!("I13: its timers are {timers:?}, and set were {:?}", self.timers));
        }
        let begun = |pending: &Pending| match pending.request {
            Request::Activity { .. } => pending.started,
            Request::Task(_) => pending.submitted.is_some(),
        };
        let mut calls: Vec<_> =
            execution.pending().iter().map(|pending| (pending.request.id(), begun(pending))).collect();
        calls.sort_unstable();
        if !calls.iter().copied().eq(self.calls.iter().map(|(id, asked)| (*id, asked.is_begun))) {
            return Err(format!("I13: it waits for {calls:?}, and asked for were {:?}", self.calls));
        }
        let mut looked_at = self.calls.iter().take(LOOKED_AT);
        if let Some((id, asked)) = looked_at.find(|(id, asked)| execution.awaits(**id) == asked.is_answered) {
            return Err(format!("I6: the token of {id} is accepted, or is not, and it is {asked:?}"));
        }
        let map_runs: BTreeMap<EventId, Text> =
            execution.pending_map_runs().into_iter().map(|pending| (pending.id, pending.map_run_arn)).collect();
        if map_runs != self.map_runs {
            return Err(format!("I13: its Map Runs are {map_runs:?}, and asked for were {:?}", self.map_runs));
        }
        if execution.is_ready() != self.goes_on {
            return Err(format!("I13: whether it goes on is {}, and said was {}", execution.is_ready(), self.goes_on));
        }
        Ok(())
    }
}
