//! A trigger to a step, and a step to writes, answers and effects.

use super::{
    Shard,
    live::{Live, MovedTimers},
    message::{Then, Work},
    slow_lane::SlowStep,
};
use crate::{
    Error, ExecutionRecord, Remains, Started,
    activities::Offer,
    outbox::{Durable, Outbox, Released},
    planted::{Fault, strikes},
    tables::{ExecutionKey, Writes},
    tokens::{Sealer, TaskToken},
};
use json::Text;
use machine::{Effect, EventId, Execution, Outcome, Status, Step, StepError, TimerId, Trigger};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// An execution that fails in its first step keeps up to so many parts in its record: the root and the one frame of an
/// execution that had no variables and no children.
const KEPT_IN_RECORD_MAX: usize = 2;

/// A step that wrote more is durable before its execution goes on. One of many small events writes less: an inline Map of
/// 1,000 items would take twice as long if it waited (`xtask bench W4`).
const UNPACED_BYTES_MAX: usize = 768 << 10;

/// An Express execution that weighs more, in bytes, goes on on the slow lane while there is room: what a step of it touches and
/// frees takes many milliseconds (`xtask bombs`: the end of 100,000 iterations took 140), and others would wait for them. A
/// Standard one has too few events for that, and would take a third longer (`xtask bench W4`, 10,000 items).
const HEAVY_BYTES: usize = 4 << 20;

/// What a step takes from the world, so that it can be made again.
pub(super) struct Occurrence {
    pub(super) trigger: Trigger,
    pub(super) now_ms: i64,
    pub(super) seed: u64,
    pub(super) stopwatch: query::Stopwatch,
}

impl Occurrence {
    /// The timer that led to the step, and when it was due.
    pub(super) fn fired(&self) -> Option<(TimerId, i64)> {
        if let Trigger::TimerFired { timer, due_ms } = self.trigger { Some((timer, due_ms)) } else { None }
    }

    /// Steps the execution. A panic is told like a corrupt part: both concern this execution only.
    pub(super) fn step(
        &self,
        execution: &mut Execution,
        definition: &asl::StateMachine,
        budget: query::Budget,
        limits: &asl::Limits,
        sealer: &Sealer,
    ) -> Result<Step, StepError> {
        let key = ExecutionKey::of(&execution.facts().execution_arn);
        let start_ms = execution.facts().start_ms;
        let token_of = |id: EventId| -> Text { sealer.seal(TaskToken { key, start_ms, id }) };
        let ambient = query::Ambient::new(self.now_ms, self.seed, budget).timed(self.stopwatch);
        let step = || execution.step(definition, self.trigger.clone(), &ambient, limits, &token_of);
        catch_unwind(AssertUnwindSafe(step))
            .unwrap_or_else(|panic| Err(StepError::Corrupt(panic_text("its step panicked", &*panic))))
    }
}

pub(super) fn panic_text(what: &str, panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("{what}: {}", text.unwrap_or("no message"))
}

impl Shard {
    /// Steps an execution that is in memory or can be loaded. What comes for one that is closed or gone is late, and
    /// nothing happens.
    pub(super) fn turn(&mut self, key: ExecutionKey, trigger: Trigger, then: Then) {
        if matches!(trigger, Trigger::Continue) && !self.goes_on_now(key) {
            return;
        }
        match self.find(key) {
            Ok(super::Found::Open) => {}
            Ok(super::Found::Closed(stored)) => return then.come_late(self, stored.record.stop_ms),
            Ok(super::Found::Absent) => return then.refuse(self, Error::TaskDoesNotExist),
            Err(error) => return then.refuse(self, error),
        }
        let seed = self.seeds.next_u64();
        let clock_ms = self.environment.clock.now_ms();
        self.live.touch(key);
        let Some(live) = self.live.get_mut(key) else { return };
        let Some(execution) = &mut live.execution else {
            return self.park(key, Work::Trigger { key, trigger, then });
        };
        if matches!(trigger, Trigger::Continue) {
            live.goes_on = false;
        }
        if self.environment.deletions.has(&live.stored.record.state_machine_arn) {
            execution.end_at_next_transition();
        }
        // The first event carries the start time, that of a redrive its time.
        let is_dated = matches!(trigger, Trigger::Start | Trigger::Redrive);
        let now_ms = if is_dated { live.last_ms } else { clock_ms.max(live.last_ms) };
        let mut occurrence = Occurrence { trigger, now_ms, seed, stopwatch: self.environment.stopwatch };
        // The clock may have been set back since the timer went off: what it leads to is no earlier than it was due.
        occurrence.now_ms = occurrence.fired().map_or(now_ms, |(_, due_ms)| now_ms.max(due_ms));
        let is_heavy = matches!(occurrence.trigger, Trigger::Continue)
            && !live.is_standard
            && execution.weight() > HEAVY_BYTES
            && self.environment.slow_lane.has_room();
        // StopExecution and heartbeats do not wait for slow steps of other executions.
        let is_slow = occurrence.trigger.may_evaluate()
            && self.environment.slow_lane.is_behind(&live.stored.record.state_machine_arn);
        if is_heavy || is_slow {
            return self.move_to_slow_lane(key, occurrence, then);
        }
        let (budget, sealer) = (self.environment.options.quick_budget, &self.environment.sealer);
        let limits = self.environment.limits_of_step(live.is_standard);
        match occurrence.step(execution, &live.definition.parsed, budget, &limits, sealer) {
            Ok(step) => self.apply(key, step, occurrence.fired(), then),
            Err(StepError::OverBudget) => self.move_to_slow_lane(key, occurrence, then),
            Err(StepError::Corrupt(why)) => self.refuse_step(key, then, &why),
        }
    }

    /// The slow lane gives an execution back.
    pub(super) fn slow_step_ended(&mut self, slow: SlowStep) {
        let SlowStep { key, number, execution, outcome, fired, then } = slow;
        let Some(live) = self.live.get_mut(key).filter(|live| live.slow_step == Some(number)) else {
            // The store has failed meanwhile: the execution was taken up from what is durable.
            return then.refuse(self, Error::Store(store::Error::Poisoned));
        };
        (live.execution, live.slow_step) = (Some(execution), None);
        let parked = std::mem::take(&mut live.parked);
        match outcome {
            Ok(step) => self.apply(key, step, fired, then),
            Err(error) => {
                let why = match error {
                    StepError::OverBudget => "it cannot be stepped within the budget of the slow lane".into(),
                    StepError::Corrupt(why) => why,
                };
                self.refuse_step(key, then, &why);
            }
        }
        // It came before what stands in line, or waits, for the same execution.
        let parked = self.readings.large.wait_first(key, parked);
        parked.into_iter().rev().for_each(|work| self.work.push_front(work));
    }

    /// Takes a step into the batch; that of an Express execution, which stores nothing, takes effect at once.
    fn apply(&mut self, key: ExecutionKey, mut step: Step, fired: Option<(TimerId, i64)>, then: Then) {
        self.live.weigh(key);
        let Some(live) = self.live.get_mut(key) else { return };
        let mut outbox = Outbox::default();
        if let Some(last) = step.history.last() {
            live.last_ms = live.last_ms.max(last.timestamp_ms);
        }
        let effects = std::mem::take(&mut step.effects);
        // A timer that has fired is set no more, and its row goes with the step that it led to. One that was moved while the
        // trigger was on its way stays: it is due at another time.
        if let Some((timer, _)) = fired.filter(|(timer, due_ms)| live.timers.is_due_at(*timer, *due_ms)) {
            live.timers.cancel(timer);
        }
        let rest = effects_of(key, live, effects, &mut outbox);
        let timers = live.timers.take_moved();
        if let Some(outcome) = step.outcome.take() {
            close(live, outcome);
        }
        let bytes_before = self.pipeline.writes.bytes();
        if live.is_standard
            && let Err(error) = self.write(key, &step, &timers)
        {
            return self.refuse_step(key, then, &error.to_string());
        }
        if rest.goes_on {
            self.go_on(key, self.pipeline.writes.bytes() - bytes_before, &mut outbox);
        }
        for effect in rest.map_runs {
            if let Err(error) = self.ask_map_run(key, effect) {
                return self.refuse_step(key, then, &error.to_string());
            }
        }
        self.move_timers(key, timers, &mut outbox);
        self.show(key, &mut step, &mut outbox);
        self.tell(key, &step.history, &mut outbox);
        let Some(live) = self.live.get(key) else { return };
        let (is_closed, is_standard) = (live.is_closed(), live.is_standard);
        if !is_standard && !is_closed && matches!(then, Then::Started(..)) {
            if let Err(error) = self.keep_express_start(key) {
                return self.refuse_step(key, then, &error.to_string());
            }
            let mut answer = Outbox::default();
            then.fulfil(self, key, true, &mut answer);
            self.pipeline.outbox.append(answer);
        } else {
            then.fulfil(self, key, !step.history.is_empty(), &mut outbox);
        }
        if is_closed {
            self.closed(key, &mut outbox);
        }
        if is_standard && !strikes(Fault::EffectBeforeCommit) {
            self.pipeline.outbox.append(outbox);
        } else {
            self.release(outbox, &Durable::nothing_stored());
        }
        // A worker takes a task in a step after this one, and has it when that one is durable: the offer itself need not wait.
        rest.offers.into_iter().for_each(|offer| self.offer(offer));
    }

    /// The step was long enough: the execution goes on when it is its turn again. If it wrote much, that is not before it is
    /// durable. So its steps do not fill the way to the disk, and a neighbour's commit waits for one of them.
    fn go_on(&mut self, key: ExecutionKey, written: usize, outbox: &mut Outbox) {
        // A step that an answer led to goes on as the one before does.
        let Some(live) = self.live.get_mut(key).filter(|live| !live.goes_on) else { return };
        live.goes_on = true;
        if written > UNPACED_BYTES_MAX {
            return outbox.effect(Released::GoOn(key));
        }
        self.work.push_back(Work::go_on(key));
    }

    /// The execution cannot go on: it is set aside, and who waits for the step is told so.
    fn refuse_step(&mut self, key: ExecutionKey, then: Then, why: &str) {
        let Some(live) = self.live.get(key) else { return };
        let arn = Arc::clone(&live.stored.record.arn);
        let error = self.set_aside(key, &arn, why);
        then.refuse(self, error);
    }

    /// What the step changed in the store. Nothing of it enters the batch if the store would refuse one of its records:
    /// that concerns this execution only, and must not fail the commit of others.
    fn write(&mut self, key: ExecutionKey, step: &Step, timers: &MovedTimers) -> Result<(), store::Error> {
        let Some(live) = self.live.get_mut(key) else { return Ok(()) };
        let Some(execution) = &live.execution else { return Ok(()) };
        if step.history.is_empty()
            && step.changed.is_empty()
            && step.removed.is_empty()
            && timers.is_empty()
            && live.is_written
        {
            return Ok(());
        }
        let number = self.pipeline.number();
        let writes = &mut self.pipeline.writes;
        let is_closed = live.is_closed();
        let has_parts = !is_closed || execution.is_redrivable();
        let changed = step.changed.iter().filter(|_| has_parts);
        let mut changed: Vec<_> = changed.filter_map(|id| Some((*id, execution.part(*id)?))).collect();
        if is_closed && !live.is_written && changed.len() <= KEPT_IN_RECORD_MAX {
            live.stored.kept = changed.drain(..).map(|(id, part)| (id, part.clone())).collect();
        }
        let is_listed = live.is_listed();
        writes.step(key, &step.history, &changed, (!is_listed).then_some(&live.stored))?;
        live.batch = number;
        live.parts.extend(changed.iter().map(|(id, _)| *id));
        for (timer, (from, to)) in timers {
            from.filter(|_| !strikes(Fault::TimerRowKept)).inspect(|due_ms| writes.remove_timer(key, *timer, *due_ms));
            to.inspect(|due_ms| writes.timer(key, *timer, *due_ms));
        }
        if has_parts {
            for id in step.removed.iter().filter(|id| execution.part(**id).is_none()) {
                if live.parts.remove(id) {
                    writes.remove_part(key, *id);
                }
            }
        } else {
            std::mem::take(&mut live.parts).into_iter().for_each(|id| writes.remove_part(key, id));
        }
        if !is_listed {
            list(key, live, writes);
        }
        if is_closed {
            self.pipeline.closes(key);
        }
        Ok(())
    }

    fn move_timers(&mut self, key: ExecutionKey, timers: MovedTimers, outbox: &mut Outbox) {
        let is_stored = !self.live.is_express(key);
        for (timer, (from, to)) in timers {
            if let Some(due_ms) = from {
                outbox.effect(Released::CancelTimer { key, timer, due_ms });
            }
            if let Some(due_ms) = to {
                outbox.effect(Released::SetTimer { key, timer, due_ms, is_stored });
            }
        }
    }

    /// Shows the events to who observes the execution.
    fn show(&mut self, key: ExecutionKey, step: &mut Step, outbox: &mut Outbox) {
        let Some(observers) = self.observers.get_mut(&key) else { return };
        observers.retain(|observer| !observer.is_closed());
        for observer in observers.iter() {
            let observer = observer.clone();
            let events = step.history.clone();
            outbox.then(move || {
                for event in events {
                    // An observer that went away sees nothing.
                    let _ = observer.send(event);
                }
            });
        }
    }

    /// What follows from the end of an execution.
    fn closed(&mut self, key: ExecutionKey, outbox: &mut Outbox) {
        self.observers.remove(&key);
        let callers = self.waiters.take_callers(key);
        self.tell_calls(key, outbox);
        let Some(live) = self.live.get_mut(key) else { return };
        let record = live.stored.record.clone();
        for caller in callers {
            outbox.answer(caller, Ok(record.clone()));
        }
        if let Some(child) = live.stored.child.clone() {
            let environment = Arc::clone(&self.environment);
            let record = record.clone();
            outbox.then(move || environment.child_ended(&child, record));
        }
        if let Some(reply) = live.sync_reply.take() {
            outbox.answer(reply, Ok(crate::express::sync_result(record.clone())));
        }
        if live.is_standard {
            self.environment.one_open_less(&live.stored);
            let environment = Arc::clone(&self.environment);
            outbox.then(move || environment.deletions.execution_closed(&record.state_machine_arn));
        } else {
            let is_child = live.is_child();
            if let Some(live) = self.live.remove(key) {
                self.forget_express_start(key, &live);
            }
            self.environment.express_room.ended(is_child);
        }
    }
}

/// The record has another status, or is a new one: the indexes follow.
fn list(key: ExecutionKey, live: &mut Live, writes: &mut Writes) {
    let record = &live.stored.record;
    if live.is_written {
        let (status, stop_ms) = live.listed;
        writes.unlist(key, &ExecutionRecord { status, stop_ms, ..record.clone() });
    }
    writes.list(key, &live.stored);
    if !live.is_closed() {
        writes.open(key);
    } else if live.is_written {
        writes.close(key);
    }
    (live.is_written, live.listed) = (true, live.status());
}

/// What the shard sees to itself, of what a step asks for.
#[derive(Default)]
struct Rest {
    /// The effects on Map Runs.
    map_runs: Vec<Effect>,
    offers: Vec<Offer>,
    /// Whether the execution is to go on.
    goes_on: bool,
}

/// Sorts the effects: tasks wait for the commit, timers are set. Gives the rest.
fn effects_of(key: ExecutionKey, live: &mut Live, effects: Vec<Effect>, outbox: &mut Outbox) -> Rest {
    let mut rest = Rest::default();
    for effect in effects {
        match effect {
            Effect::RunTask(request) => {
                if let Some(facts) = live.execution.as_ref().map(|execution| Arc::clone(execution.facts())) {
                    outbox.effect(Released::Run { key, request, facts });
                }
            }
            Effect::OfferActivity { id, activity_arn, .. } => rest.offers.push(Offer { key, id, activity_arn }),
            Effect::CancelTask { id } => outbox.effect(Released::Cancel { key, id }),
            Effect::StopTask { request, submitted } => {
                if let Some(facts) = live.execution.as_ref().map(|execution| Arc::clone(execution.facts())) {
                    outbox.effect(Released::Stop { request, facts, submitted });
                }
            }
            Effect::SetTimer { timer, due_ms } => live.timers.set(timer, due_ms),
            Effect::CancelTimer { timer } => live.timers.cancel(timer),
            Effect::StartMapRun(_) | Effect::RedriveMapRun(_) | Effect::StopMapRun { .. } => rest.map_runs.push(effect),
            Effect::Continue => rest.goes_on = true,
        }
    }
    if live.execution.as_ref().is_some_and(|execution| execution.status() != Status::Running) {
        live.timers.cancel_all();
    }
    rest
}

/// The execution has ended: its record says how.
fn close(live: &mut Live, outcome: Outcome) {
    let record = &mut live.stored.record;
    record.status = outcome.status();
    record.stop_ms = Some(live.last_ms);
    if let Some(execution) = live.execution.as_ref().filter(|_| record.status != Status::Succeeded) {
        record.remains = Some(Remains { events: execution.last_event(), is_redrivable: execution.is_redrivable() });
    }
    record.outcome = Some(outcome);
}

impl Then {
    /// The step was made; `happened` says whether anything came of it.
    fn fulfil(self, shard: &mut Shard, key: ExecutionKey, happened: bool, outbox: &mut Outbox) {
        match self {
            Then::Started(reply, arn) => {
                let start_ms = shard.live.get(key).map_or(0, |live| live.stored.record.start_ms);
                outbox.answer(reply, Ok(Started { arn, start_ms }));
            }
            Then::Answered(reply, origin, token) => {
                shard.remember(origin, token.key, token.id);
                outbox.answer(reply, Ok(()));
            }
            Then::Submitted(attempt) if happened => outbox.effect(Released::TakeUp(attempt)),
            Then::Nothing | Then::Submitted(_) => {}
            Then::Stopped(reply) => {
                let stop_ms = shard.live.get(key).and_then(|live| live.stored.record.stop_ms);
                outbox.answer(reply, Ok(stop_ms.unwrap_or_else(|| shard.environment.clock.now_ms())));
            }
            Then::Redriven(reply, redrive_ms) => outbox.answer(reply, Ok(redrive_ms)),
            Then::Taken(poller, offer, task) if happened => {
                shard.remember(poller.origin, offer.key, offer.id);
                outbox.answer(poller.reply, Ok(Some(task)));
            }
            Then::Taken(poller, offer, _) => shard.poll_again(&offer.activity_arn, poller),
        }
    }

    /// The execution had closed before.
    fn come_late(self, shard: &mut Shard, stop_ms: Option<i64>) {
        match (self, stop_ms) {
            (Then::Stopped(reply), Some(stop_ms)) => shard.pipeline.outbox.answer(reply, Ok(stop_ms)),
            (then, _) => then.refuse(shard, Error::TaskTimedOut),
        }
    }

    /// The step was not made.
    fn refuse(self, shard: &mut Shard, error: Error) {
        let outbox = &mut shard.pipeline.outbox;
        match self {
            Then::Nothing | Then::Submitted(_) => {}
            Then::Started(reply, _) => outbox.answer(reply, Err(error)),
            Then::Answered(reply, ..) => outbox.answer(reply, Err(error)),
            Then::Stopped(reply) | Then::Redriven(reply, _) => outbox.answer(reply, Err(error)),
            Then::Taken(poller, offer, _) => shard.poll_again(&offer.activity_arn, poller),
        }
    }
}
