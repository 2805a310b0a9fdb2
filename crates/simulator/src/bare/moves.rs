//! What happens to an execution in a bare world: commits, answers, timers, a crash, a stop.

use super::{BareWorld, awaited::Asked, run::Run};
use crate::world::Violation;
use asl::IntegrationPattern;
use json::Payload;
use machine::{EventDetails, EventId, Failure, MapRunOutcome, Trigger};

/// Triggers that are kept to be given again, at most.
const LATE_MAX: usize = 16;

impl Run<'_> {
    /// One move.
    pub fn make_move(&mut self) -> Result<(), Violation> {
        self.world.figures.moves += 1;
        let is_calm = self.moves > self.world.plan.moves;
        if is_calm || self.uncommitted.len() >= self.world.plan.uncommitted_max {
            self.commit(usize::MAX)?;
        }
        if is_calm {
            return self.bring_on(true);
        }
        if self.world.strikes(self.world.plan.crashes) {
            let kept = self.world.random.below(self.uncommitted.len() + 1);
            return self.crash(kept);
        }
        if self.world.strikes(self.world.plan.stops) {
            return self.give(Trigger::Stop { error: Some("Stopped".into()), cause: Some("by the world".into()) });
        }
        match self.world.random.below(16) {
            0 | 1 => {
                let steps = self.world.random.below(self.uncommitted.len() + 1);
                self.commit(steps)
            }
            2 => self.come_late(),
            3 => {
                self.world.move_clock();
                Ok(())
            }
            4 => self.check_awaited(),
            kind => self.bring_on(kind < 12),
        }
    }

    /// Something that the execution waits for happens: an answer if there is one and it is wanted, else a timer is due.
    fn bring_on(&mut self, wants_answer: bool) -> Result<(), Violation> {
        let awaited = &self.stored.awaited;
        if awaited.goes_on {
            return self.give(Trigger::Continue);
        }
        let answers = awaited.calls.len() + awaited.map_runs.len();
        // Nobody waits for as long as an execution may be open.
        let latest_ms = self.world.now_ms.saturating_add(self.world.plan.seconds_max.saturating_mul(5_000));
        let has_timer = awaited.next_timer().is_some_and(|(_, due_ms)| due_ms < latest_ms);
        if answers > 0 && (wants_answer || !has_timer) {
            let number = self.world.random.below(answers);
            return self.answer(number);
        }
        let Some((timer, due_ms)) = self.stored.awaited.next_timer() else {
            // Nothing is asked for before it is durable.
            if self.uncommitted.is_empty() && self.stored.outcome.is_none() {
                return Err(format!("I2: it waits for nothing, and has not ended: {awaited:?}"));
            }
            return self.commit(usize::MAX);
        };
        self.world.set_clock(self.world.now_ms.max(due_ms));
        self.give_and_keep(Trigger::TimerFired { timer, due_ms })
    }

    /// The next thing that a call, or a Map Run, tells.
    fn answer(&mut self, number: usize) -> Result<(), Violation> {
        let awaited = &self.stored.awaited;
        let call = awaited.calls.iter().nth(number).map(|(effect, asked)| (*effect, *asked));
        let map_run = awaited.map_runs.keys().nth(number.saturating_sub(awaited.calls.len())).copied();
        let trigger = match (call, map_run) {
            (Some((effect, asked)), _) => self.world.told_by(effect, asked),
            (None, Some(effect)) => {
                let items = self.items_of(effect);
                self.world.ended_map_run(effect, items)
            }
            (None, None) => return Ok(()),
        };
        self.give_and_keep(trigger)
    }

    /// The items of the Map Run that an event began: the last one that says so before it.
    fn items_of(&self, event: EventId) -> usize {
        let before = usize::try_from(event).unwrap_or(0).min(self.history.len());
        let lengths = self.history.get(..before).into_iter().flatten().rev().filter_map(|event| match event.details {
            EventDetails::MapStateStarted { length } => usize::try_from(length).ok(),
            _ => None,
        });
        lengths.take(1).next().unwrap_or(0)
    }

    /// Gives a trigger, and keeps it to be given again.
    fn give_and_keep(&mut self, trigger: Trigger) -> Result<(), Violation> {
        if self.late.len() < LATE_MAX {
            self.late.push(trigger.clone());
        } else {
            let place = self.world.random.below(LATE_MAX);
            self.late.get_mut(place).into_iter().for_each(|late| *late = trigger.clone());
        }
        self.give(trigger)
    }

    /// An answer comes once more, or a timer goes off once more: be it that nobody waits for it any more, or that a crash has
    /// lost what it did.
    fn come_late(&mut self) -> Result<(), Violation> {
        let Some(trigger) = self.world.random.of(&self.late).cloned() else { return Ok(()) };
        self.world.figures.count("triggers that came late or twice");
        self.give(trigger)
    }

    /// I13: what it waits for is what was asked for.
    fn check_awaited(&mut self) -> Result<(), Violation> {
        self.awaited.agrees(&self.execution)
    }
}

impl BareWorld {
    pub(super) fn strikes(&mut self, per_mille: usize) -> bool {
        self.random.per_mille(per_mille)
    }

    /// Time passes, or the clock is set back.
    pub(super) fn move_clock(&mut self) {
        if self.strikes(self.plan.clock_jumps) {
            self.figures.count("jumps of the clock, back");
            let ms = self.random.magnitude(3 * 86_400_000);
            return self.set_clock(self.now_ms.saturating_sub(ms).max(0));
        }
        let ms = self.random.magnitude(self.plan.seconds_max.saturating_mul(1_000));
        self.set_clock(self.now_ms.saturating_add(ms));
    }

    pub(super) fn set_clock(&mut self, now_ms: i64) {
        self.passed_ms += now_ms.saturating_sub(self.now_ms).max(0);
        self.now_ms = now_ms;
        self.latest_ms = self.latest_ms.max(now_ms);
    }

    /// What is told of a call.
    fn told_by(&mut self, effect: EventId, asked: Asked) -> Trigger {
        if self.random.per_mille(30) {
            return Trigger::TaskHeartbeat { effect };
        }
        let is_failure = self.strikes(self.plan.failures);
        match asked.pattern {
            None if !asked.is_begun && is_failure => Trigger::ActivityNotScheduled { effect, failure: self.failure() },
            None if !asked.is_begun => Trigger::ActivityStarted { effect, worker_name: Some("worker".into()) },
            Some(IntegrationPattern::WaitForTaskToken) if !asked.is_begun && self.random.per_mille(800) => {
                if is_failure {
                    return Trigger::TaskNotSubmitted { effect, failure: self.failure() };
                }
                Trigger::TaskSubmitted { effect, output: self.output() }
            }
            Some(IntegrationPattern::Sync) if !asked.is_begun && !is_failure => {
                Trigger::TaskSubmitted { effect, output: self.output() }
            }
            _ if is_failure => Trigger::TaskFailed { effect, failure: self.failure() },
            _ => Trigger::TaskSucceeded { effect, output: self.output() },
        }
    }

    fn ended_map_run(&mut self, effect: EventId, items: usize) -> Trigger {
        let outcome = if self.strikes(self.plan.failures) {
            MapRunOutcome::Failed(self.failure())
        } else {
            let results: Vec<String> = (0..items).map(|item| item.to_string()).collect();
            MapRunOutcome::Succeeded { results: Some(Payload::trusted(format!("[{}]", results.join(",")).into())) }
        };
        Trigger::MapRunEnded { effect, outcome }
    }

    fn output(&mut self) -> Payload {
        Payload::trusted(format!(r#"{{"Payload":{}}}"#, self.random.below(100)).into())
    }

    fn failure(&mut self) -> Failure {
        let error =
            self.random.word(&["Boom", "States.TaskFailed", "States.Timeout", "Lambda.TooManyRequestsException"]);
        Failure { error: Some(error.into()), cause: Some("the world says so".into()) }
    }
}
