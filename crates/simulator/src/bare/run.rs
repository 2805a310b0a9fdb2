//! An execution in a bare world: what it is now, what of that is stored, and what lies between.

use super::{BareWorld, awaited::Awaited};
use crate::world::Violation;
use json::Text;
use machine::{
    Effect, EventId, Execution, Facts, HistoryEvent, Outcome, Part, PartId, Status, Step, StepError, Trigger,
};
use query::Ambient;
use std::collections::{BTreeMap, VecDeque};

/// Moves in which nothing ends, before the world is stuck.
const MOVES_MAX: usize = 1_000_000;
/// How often an execution is redriven, at most.
const REDRIVES_MAX: u32 = 3;

/// An execution.
pub(super) struct Run<'w> {
    pub world: &'w mut BareWorld,
    pub execution: Execution,
    pub awaited: Awaited,
    /// All events, also those that are not committed.
    pub history: Vec<HistoryEvent>,
    pub stored: Stored,
    /// Steps that are not committed.
    pub uncommitted: VecDeque<Uncommitted>,
    /// Answers and timers that were given, some of which are given again. After a crash that lost what one did it is wanted
    /// once more; else nobody waits for it.
    pub late: Vec<Trigger>,
    pub moves: usize,
}

/// What a crash leaves of it.
pub(super) struct Stored {
    facts: Facts,
    parts: BTreeMap<PartId, Part>,
    pub awaited: Awaited,
    events: usize,
    pub outcome: Option<Outcome>,
}

/// A step on its way to the disk.
pub(super) struct Uncommitted {
    trigger: Trigger,
    effects: Vec<Effect>,
    /// Parts that it writes, and those that it removes.
    writes: Vec<(PartId, Option<Part>)>,
    events: usize,
    outcome: Option<Outcome>,
    /// Of a redrive.
    facts: Option<Facts>,
}

impl<'w> Run<'w> {
    /// From its start to its last end.
    pub fn live(world: &'w mut BareWorld, facts: Facts) -> Result<(), Violation> {
        let mut run = Run {
            execution: Execution::new(facts.clone()),
            awaited: Awaited::default(),
            history: Vec::new(),
            stored: Stored { facts, parts: BTreeMap::new(), awaited: Awaited::default(), events: 0, outcome: None },
            uncommitted: VecDeque::new(),
            late: Vec::new(),
            moves: 0,
            world,
        };
        // Before its start is committed nobody knows of it.
        run.give(Trigger::Start)?;
        run.commit(usize::MAX)?;
        let mut counted = 0;
        loop {
            run.go_on()?;
            run.check_end()?;
            run.world.count(run.history.get(counted..).unwrap_or_default());
            counted = run.history.len();
            if !run.is_redriven()? {
                return Ok(());
            }
        }
    }

    /// Until it has ended, durably.
    fn go_on(&mut self) -> Result<(), Violation> {
        self.moves = 0;
        while self.stored.outcome.is_none() || !self.uncommitted.is_empty() {
            self.moves += 1;
            if self.moves > MOVES_MAX {
                return Err(format!("I2: it does not end, and waits for {:?}", self.awaited));
            }
            self.make_move()?;
        }
        Ok(())
    }

    fn check_end(&mut self) -> Result<(), Violation> {
        let Some(outcome) = self.stored.outcome.clone() else { return Ok(()) };
        if !self.awaited.is_empty() {
            return Err(format!("I10: it has ended, and waits for {:?}", self.awaited));
        }
        self.world.check(&self.stored.facts, &outcome, &self.history)
    }

    fn is_redriven(&mut self) -> Result<bool, Violation> {
        let is_over = self.stored.facts.redrive_count >= REDRIVES_MAX || !self.execution.is_redrivable();
        if is_over || !self.world.random.per_mille(self.world.plan.redrives) {
            return Ok(false);
        }
        self.world.figures.count("redrives");
        self.world.move_clock();
        // The store may have been opened again since the end.
        if self.world.random.per_mille(500) {
            self.crash(0)?;
        }
        let redrive_ms = self.world.now_ms.max(self.execution.last_ms().saturating_add(1));
        self.world.set_clock(redrive_ms);
        let redrive_count = self.stored.facts.redrive_count + 1;
        let facts = Facts { redrive_count, redrive_ms: Some(redrive_ms), ..self.stored.facts.clone() };
        self.execution = self.execution.clone().redriven(facts.clone());
        self.stored.outcome = None;
        self.give(Trigger::Redrive)?;
        if let Some(last) = self.uncommitted.back_mut() {
            last.facts = Some(facts);
        }
        self.commit(usize::MAX)?;
        Ok(true)
    }

    /// Gives a trigger. What nobody waits for changes nothing; if the last step was bounded, the execution goes on with
    /// whatever comes, and what nobody waits for does what `Continue` does.
    pub fn give(&mut self, trigger: Trigger) -> Result<(), Violation> {
        let is_awaited = self.awaited.awaits(&trigger) || self.awaited.goes_on;
        let (now_ms, seed) = (self.time_of(&trigger), self.world.random.next());
        let continued = if self.awaited.goes_on && !self.awaited.awaits(&trigger) {
            let mut twin = self.execution.clone();
            Some(self.world.step(&mut twin, &Trigger::Continue, now_ms, seed)?)
        } else {
            None
        };
        let step = self.world.step(&mut self.execution, &trigger, now_ms, seed)?;
        if continued.is_some_and(|continued| format!("{continued:?}") != format!("{step:?}")) {
            return Err(format!("I5: nobody waits for {trigger:?}, and it does not only go on: {step:?}"));
        }
        // What is planted is to be found by the checks that it is planted for, and not because its twin is not spoiled.
        #[cfg(feature = "planted-faults")]
        let step = self.world.spoil(step);
        let Step { history, changed, removed, effects, outcome } = step;
        let is_empty = history.is_empty() && effects.is_empty() && changed.is_empty() && removed.is_empty();
        if !is_awaited && !is_empty {
            return Err(format!("I5: nobody waits for {trigger:?}, and it changes something: {history:?} {effects:?}"));
        }
        self.world.tell(format_args!("{trigger:?}: {effects:?}, {} events", history.len()));
        self.awaited.take(&trigger, &effects)?;
        if outcome.is_some() == (self.execution.status() == Status::Running) && !history.is_empty() {
            return Err(format!("I2: it is {:?} after {trigger:?}, and came to {outcome:?}", self.execution.status()));
        }
        if is_empty {
            return Ok(());
        }
        let written = changed.into_iter().map(|id| (id, self.execution.part(id).cloned()));
        let writes = written.chain(removed.into_iter().map(|id| (id, None))).collect();
        self.history.extend(history);
        let events = self.history.len();
        self.uncommitted.push_back(Uncommitted { trigger, effects, writes, events, outcome, facts: None });
        Ok(())
    }

    /// When the step is made. As the engine does it: it is no earlier than the one before, nor than the timer was due that
    /// led to it.
    fn time_of(&self, trigger: &Trigger) -> i64 {
        let due_ms = if let Trigger::TimerFired { due_ms, .. } = trigger { *due_ms } else { 0 };
        self.world.now_ms.max(self.execution.last_ms()).max(due_ms)
    }

    /// So many of the first steps are durable now.
    pub fn commit(&mut self, steps: usize) -> Result<(), Violation> {
        for _ in 0..steps {
            let Some(step) = self.uncommitted.pop_front() else { break };
            for (id, part) in step.writes {
                match part {
                    Some(part) => drop(self.stored.parts.insert(id, part)),
                    None => drop(self.stored.parts.remove(&id)),
                }
            }
            self.stored.awaited.take(&step.trigger, &step.effects)?;
            self.stored.events = step.events;
            self.stored.outcome = step.outcome.or(self.stored.outcome.take());
            self.stored.facts = step.facts.unwrap_or_else(|| self.stored.facts.clone());
        }
        Ok(())
    }

    /// It is lost, but for what is stored: the first of its steps that are on their way are.
    pub fn crash(&mut self, kept: usize) -> Result<(), Violation> {
        self.world.figures.count("crashes");
        self.commit(kept)?;
        self.world.tell(format_args!("crash, {} steps are lost", self.uncommitted.len()));
        let whole = self.uncommitted.is_empty().then(|| self.execution.weight());
        self.uncommitted.clear();
        self.history.truncate(self.stored.events);
        self.awaited.clone_from(&self.stored.awaited);
        self.execution = self.stored.read()?;
        if let Some(misplaced) = self.execution.misplaced_parts().first() {
            return Err(format!("I13: its parts do not fit together: {misplaced:?}"));
        }
        if whole.is_some_and(|weight| weight != self.execution.weight()) {
            return Err(format!("it weighed {whole:?}, and read again it weighs {}", self.execution.weight()));
        }
        if self.execution.last_event() != u64::try_from(self.history.len()).unwrap_or(0) {
            return Err(format!("I3: it has {} events, and says {}", self.history.len(), self.execution.last_event()));
        }
        self.awaited.agrees(&self.execution)
    }
}

impl BareWorld {
    /// Steps an execution, with a small budget first where the world is slow.
    fn step(
        &mut self,
        execution: &mut Execution,
        trigger: &Trigger,
        now_ms: i64,
        seed: u64,
    ) -> Result<Step, Violation> {
        let token_of = |id: EventId| -> Text { format!("token of {id}").into() };
        let mut result = Err(StepError::OverBudget);
        for budget in self.budgets {
            let ambient = Ambient::new(now_ms, seed, budget);
            result = execution.step(&self.definition, trigger.clone(), &ambient, &self.limits, &token_of);
            if result.is_ok() {
                break;
            }
            self.figures.count("steps that were over budget");
        }
        result.map_err(|error| format!("it cannot take {trigger:?}: {error:?}"))
    }
}

impl Stored {
    /// Reads the execution out of its parts, as they are written.
    fn read(&self) -> Result<Execution, Violation> {
        let read = |(id, part): (&PartId, &Part)| -> Result<(PartId, Part), String> {
            let written = rmp_serde::to_vec_named(part).map_err(|error| error.to_string())?;
            let part = rmp_serde::from_slice(&written).map_err(|error| error.to_string())?;
            Ok((*id, part))
        };
        let parts = self.parts.iter().map(read).collect::<Result<Vec<_>, String>>()?;
        Execution::from_parts(self.facts.clone(), parts).map_err(|error| format!("{error:?}"))
    }
}
