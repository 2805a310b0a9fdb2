//! The Map Runs of the executions that the shard owns: begun, stepped once a turn of the loop, and written.
//!
//! What happens to a Map Run is collected, and one step takes it all: however quickly children end, there is one small
//! record and one block of outcomes for each commit. A step that needs a larger budget is made on the slow lane; what
//! comes for the Map Run meanwhile is collected as ever.

use super::{
    Report, Shard,
    live_map_run::{LiveMapRun, OpenMapRun},
    message::Reply,
};
use crate::{
    Error, MapRunRecord, Tasks,
    definitions::DefinitionName,
    dispatch::failure,
    map_run::{Children, NewChild, RunningChild},
    outbox::{Outbox, Released},
    tables::{ExecutionKey, MapRunKey, ReadError, StoredExecution, Tables},
    waiting_children::WaitingChildren,
};
use json::Text;
use machine::{Effect, Failure, MapRun, MapRunRequest, MapRunStep, MapRunTrigger, MapRunUpdate, Room, StepError};
use std::{
    collections::{HashMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Map Runs that are stepped between two turns of the loop.
const STEPPED_AT_ONCE: usize = 16;

/// The Map Runs of a shard.
#[derive(Default)]
pub(super) struct MapRuns {
    pub(super) live: HashMap<MapRunKey, LiveMapRun>,
    /// Those that are to be stepped, each once.
    due: VecDeque<MapRunKey>,
    /// How often something of a Map Run was done beside the loop.
    errands: u64,
}

/// A step that was made on the slow lane.
pub(crate) struct SlowMapRunStep {
    key: MapRunKey,
    number: u64,
    run: MapRun,
    outcome: Result<MapRunStep, StepError>,
}

/// What one step takes from the world.
struct MapRunTurn {
    triggers: Vec<MapRunTrigger>,
    room: Room,
    now_ms: i64,
    seed: u64,
    stopwatch: query::Stopwatch,
}

impl MapRunTurn {
    /// Steps the Map Run; a panic is told like a corrupt part.
    fn step(
        self,
        run: &mut MapRun,
        definition: &asl::StateMachine,
        budget: query::Budget,
        limits: &asl::Limits,
    ) -> Result<MapRunStep, StepError> {
        let ambient = query::Ambient::new(self.now_ms, self.seed, budget).timed(self.stopwatch);
        let step = || run.step(definition, self.triggers, self.room, &ambient, limits);
        catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|panic| {
            Err(StepError::Corrupt(super::stepping::panic_text("the step of its Map Run panicked", &*panic)))
        })
    }
}

impl Shard {
    /// Whether there is something to do for Map Runs.
    pub(super) fn has_map_work(&self) -> bool {
        let has_children = || self.can_begin_children() && self.children.has_next(|| self.has_express_room_or_hears());
        !self.map_runs.due.is_empty() || !self.stops.is_empty() || has_children()
    }

    /// Carries out what a step of an execution asks of a Map Run, in the batch of that step.
    pub(super) fn ask_map_run(&mut self, owner: ExecutionKey, effect: Effect) -> Result<(), Error> {
        match effect {
            Effect::StartMapRun(request) => self.start_map_run(owner, &request),
            Effect::RedriveMapRun(pending) => {
                let tables = self.tables()?.clone();
                match self.redrive_map_run(owner, pending) {
                    // The store is opened again, and the redrive is owed then if the step of the execution is durable.
                    Err(Error::Store(error)) => self.environment.store_failed(&tables, error),
                    redriven => redriven?,
                }
                Ok(())
            }
            Effect::StopMapRun { map_run_arn } => {
                let key = MapRunKey::of(&map_run_arn);
                if let Some(live) = self.map_runs.live.get_mut(&key) {
                    live.redrive = None;
                }
                self.tell_map_run(key, MapRunTrigger::Stop);
                Ok(())
            }
            // They are none of a Map Run's.
            Effect::RunTask(_)
            | Effect::OfferActivity { .. }
            | Effect::CancelTask { .. }
            | Effect::StopTask { .. }
            | Effect::SetTimer { .. }
            | Effect::CancelTimer { .. }
            | Effect::Continue => Ok(()),
        }
    }

    fn start_map_run(&mut self, owner: ExecutionKey, request: &Arc<MapRunRequest>) -> Result<(), Error> {
        let tables = self.tables()?.clone();
        let Some(live) = self.live.get(owner) else { return Ok(()) };
        let Some(execution) = &live.execution else { return Ok(()) };
        let run = MapRun::new(execution.facts(), Arc::clone(request), &self.environment.options.limits);
        let record = MapRunRecord {
            arn: request.map_run_arn.clone(),
            execution_arn: live.stored.record.arn.clone(),
            state_machine_arn: request.child(0).state_machine_arn,
            execution_type: request.execution_type,
            start_ms: live.last_ms,
            stop_ms: None,
            progress: run.progress().clone(),
            redrive_ms: None,
            owner,
            effect: request.id,
            blocks: 0,
        };
        self.pipeline.writes.new_map_run(&record, request)?;
        let (stored, definition) = (live.stored.clone(), Arc::clone(&live.definition));
        let key = MapRunKey::of(&record.arn);
        self.keep_unread(LiveMapRun::new(record, definition), false);
        if let Err(error) = self.keep_map_run(key, run, stored, &tables) {
            self.forget_map_run(key);
            return Err(error.into());
        }
        let trigger = first_trigger(&*self.environment.tasks, request);
        self.tell_map_run(key, trigger);
        Ok(())
    }

    /// A Map Run is whole in memory; `owner` is the execution that made it.
    pub(super) fn keep_map_run(
        &mut self,
        map_run: MapRunKey,
        run: MapRun,
        owner: StoredExecution,
        tables: &Tables,
    ) -> Result<(), ReadError> {
        let Some(live) = self.map_runs.live.get_mut(&map_run) else { return Ok(()) };
        let request = Arc::clone(run.request());
        let name = DefinitionName { revision: owner.revision, map_state: Some(Arc::clone(&request.state)) };
        let definition = self.environment.definitions.get(&name, tables)?;
        let arn = asl::Arn::parse(&owner.record.arn)
            .map_err(|error| ReadError::Corrupt { keyspace: "executions", why: error.message })?;
        let children = Children {
            map_run,
            request,
            owner,
            owner_key: live.record.owner,
            definition,
            region: arn.region,
            account: arn.account,
            redrive_count: live.record.progress.redrive_count,
            is_stopping: AtomicBool::new(false),
            waiting: WaitingChildren::new(
                map_run,
                Arc::clone(&self.environment.waiting_children_bytes),
                self.own.clone(),
            ),
        };
        (live.run, live.errand, live.children) = (Some(run), None, Some(Arc::new(children)));
        Ok(())
    }

    /// Something happened to a Map Run. What comes for one that has ended is late.
    pub(super) fn tell_map_run(&mut self, key: MapRunKey, trigger: MapRunTrigger) {
        if let Some(live) = self.map_runs.live.get_mut(&key).filter(|live| !live.has_ended()) {
            live.inbox.push(trigger);
            self.map_runs.is_due(key);
        }
    }

    pub(super) fn update_map_run(&mut self, arn: Text, update: MapRunUpdate, reply: Reply<()>) {
        let key = MapRunKey::of(&arn);
        let Some(live) = self.map_runs.live.get_mut(&key).filter(|live| !live.has_ended()) else {
            return self.pipeline.outbox.answer(reply, Err(Error::MapRunCompleted(arn)));
        };
        live.updates.push((live.inbox.len() + 1, reply));
        self.tell_map_run(key, MapRunTrigger::Update(update));
    }

    /// So few Map Runs are open by now that this one goes on.
    pub(super) fn map_run_has_place(&mut self, key: MapRunKey) {
        if let Some(live) = self.map_runs.live.get_mut(&key) {
            live.has_place = true;
            self.map_runs.is_due(key);
        }
    }

    /// Children that it had asked for have begun: it may ask for the next ones.
    pub(super) fn map_run_has_room(&mut self, key: MapRunKey) {
        self.map_runs.is_due(key);
    }

    /// Tells how a Map Run stands, when what it was told before is durable; `None` if it has ended.
    pub(super) fn open_map_run(&mut self, map_run: MapRunKey, reply: Reply<Option<OpenMapRun>>) {
        match self.map_runs.live.get_mut(&map_run).filter(|live| !live.has_ended()) {
            Some(live) => {
                live.readers.push((live.inbox.len(), reply));
                self.map_runs.is_due(map_run);
            }
            None => self.pipeline.outbox.answer(reply, Ok(None)),
        }
    }

    /// Steps the Map Runs to which something happened.
    pub(super) fn step_map_runs(&mut self) {
        let slice = self.slice();
        for _ in 0..STEPPED_AT_ONCE {
            let has_room = self.pipeline.has_room(self.environment.options.batch_bytes_max);
            if slice.is_over() || !has_room || self.pipeline.tables().is_none() {
                return;
            }
            let Some(key) = self.map_runs.due.pop_front() else { return };
            self.step_map_run(key);
        }
    }

    fn step_map_run(&mut self, key: MapRunKey) {
        let turn = MapRunTurn {
            triggers: Vec::new(),
            room: Room::NONE,
            now_ms: self.environment.clock.now_ms(),
            seed: self.seeds.next_u64(),
            stopwatch: self.environment.stopwatch,
        };
        let may_begin = self.can_begin_children();
        let Some(live) = self.map_runs.live.get_mut(&key) else { return };
        live.is_due = false;
        if live.run.is_none() {
            return;
        }
        let triggers = live.take_triggers();
        let Some(run) = &mut live.run else { return };
        let options = &self.environment.options;
        let waiting = live.children.as_ref().map(|children| &children.waiting);
        let waiting = waiting.filter(|_| may_begin && live.has_place && !live.inbox.is_full());
        let room = waiting.map_or(Room::NONE, |waiting| waiting.room());
        let turn = MapRunTurn { triggers, room, ..turn };
        match turn.step(run, &live.definition.parsed, options.quick_budget, &options.limits) {
            Ok(step) => self.map_run_stepped(key, step),
            Err(error) => self.give_up_map_run(key, &error),
        }
    }

    /// Takes a step into the batch.
    fn map_run_stepped(&mut self, key: MapRunKey, step: MapRunStep) {
        let now_ms = self.environment.clock.now_ms();
        let may_go_on = self.can_begin_children();
        let Some(live) = self.map_runs.live.get_mut(&key) else { return };
        let (Some(run), Some(children)) = (&live.run, &live.children) else { return };
        let mut outbox = Outbox::default();
        if let Some(request) = &step.request {
            self.pipeline.writes.map_run_request(key, request);
        }
        if step.is_changed {
            live.record.progress.clone_from(run.progress());
            live.record.stop_ms = step.ended.map(|_| now_ms.max(live.record.start_ms));
            if !step.block.is_empty() {
                self.pipeline.writes.map_run_block(key, live.record.blocks, &step.block);
                live.record.blocks += 1;
            }
            self.pipeline.writes.map_run(&live.record);
        }
        children.is_stopping.store(live.record.progress.is_ending(), Ordering::Relaxed);
        children_of(children, step.starts, step.stops, &mut outbox);
        if run.awaits_writer() && live.writing.is_none() {
            outbox.effect(Released::WriteResults { map_run: key });
        }
        let goes_on = step.goes_on && may_go_on && live.has_place && children.waiting.has_room_or_tells();
        live.answer(&mut outbox);
        let has_more = !live.inbox.is_empty() || goes_on;
        if step.ended.is_some() {
            // What is left came too late.
            let late = || Error::MapRunCompleted(live.record.arn.clone());
            live.updates.drain(..).for_each(|(_, reply)| outbox.answer(reply, Err(late())));
            live.readers.drain(..).for_each(|(_, reply)| outbox.answer(reply, Ok(None)));
            live.inbox.clear();
            outbox.effect(Released::MapRunEnded { map_run: key, owner: live.record.owner });
        } else if step.is_over_budget {
            self.move_map_run_to_slow_lane(key);
        } else if has_more {
            self.map_runs.is_due(key);
        }
        self.pipeline.outbox.append(outbox);
        self.read_items_of(key);
    }

    /// The execution that made it is set aside with it; its children come to their end.
    pub(super) fn give_up_map_run(&mut self, key: MapRunKey, error: &StepError) {
        let Some(live) = self.map_runs.live.remove(&key) else { return };
        self.environment.leave_map_run_place(&live.record.arn);
        let why = match error {
            StepError::OverBudget => "its Map Run cannot be stepped within the budget of the slow lane",
            StepError::Corrupt(why) => why,
        };
        let refused = self.set_aside(live.record.owner, &live.record.execution_arn, why);
        let lost = || Error::Store(store::Error::Poisoned);
        live.updates.into_iter().for_each(|(_, reply)| self.pipeline.outbox.answer(reply, Err(lost())));
        live.readers.into_iter().for_each(|(_, reply)| self.pipeline.outbox.answer(reply, Err(lost())));
        tracing::error!(map_run = %live.record.arn, error = %refused, "a Map Run cannot go on");
    }

    fn move_map_run_to_slow_lane(&mut self, key: MapRunKey) {
        let turn = MapRunTurn {
            triggers: vec![MapRunTrigger::Continue],
            room: Room { children: 1, ..Room::NONE },
            now_ms: self.environment.clock.now_ms(),
            seed: self.seeds.next_u64(),
            stopwatch: self.environment.stopwatch,
        };
        let Some(live) = self.map_runs.live.get_mut(&key) else { return };
        let Some(mut run) = live.run.take() else { return };
        self.map_runs.errands += 1;
        let number = self.map_runs.errands;
        live.errand = Some(number);
        let definition = Arc::clone(&live.definition);
        let environment = Arc::clone(&self.environment);
        let own = self.own.clone();
        let state_machine = definition.record.arn.clone();
        // Panics of the step are caught in it.
        let step = move || {
            let options = &environment.options;
            let outcome = turn.step(&mut run, &definition.parsed, options.slow_budget, &options.limits);
            own.report(Report::SlowMapRunStep(Box::new(SlowMapRunStep { key, number, run, outcome })));
        };
        self.environment.slow_lane.submit(&self.environment, state_machine, Box::new(step));
    }

    /// The slow lane gives a Map Run back.
    pub(super) fn slow_map_run_step_ended(&mut self, slow: SlowMapRunStep) {
        let SlowMapRunStep { key, number, run, outcome } = slow;
        // If the store has failed meanwhile, the Map Run was taken up from what is durable.
        let Some(live) = self.map_runs.live.get_mut(&key).filter(|live| live.errand == Some(number)) else { return };
        (live.run, live.errand) = (Some(run), None);
        match outcome {
            Ok(step) => {
                self.map_run_stepped(key, step);
                self.tell_map_run(key, MapRunTrigger::Continue);
            }
            Err(error) => self.give_up_map_run(key, &error),
        }
    }
}

impl MapRuns {
    /// The store is opened again: what is in memory is not what is stored. What is done beside the loop comes late.
    pub(super) fn forget(&mut self) {
        self.live.clear();
        self.due.clear();
    }

    /// A number for something that is done beside the loop.
    pub(super) fn next_errand(&mut self) -> u64 {
        self.errands += 1;
        self.errands
    }

    /// The Map Run is to be stepped.
    fn is_due(&mut self, key: MapRunKey) {
        if let Some(live) = self.live.get_mut(&key)
            && live.run.is_some()
            && !std::mem::replace(&mut live.is_due, true)
        {
            self.due.push_back(key);
        }
    }
}

/// What a step says of children, to be carried out once it is durable.
fn children_of(children: &Arc<Children>, starts: Vec<machine::ChildStart>, stops: Vec<u64>, outbox: &mut Outbox) {
    for start in starts {
        let (key, names) = children.child(start.child);
        let (number, items, input, of) = (start.child, start.range.items, start.input, Arc::clone(children));
        let (is_redriven, waits) = (start.is_redriven, Arc::new(children.waiting.add(number, input.byte_len())));
        let child = NewChild { key, names, number, items, input, is_redriven, of, waits };
        outbox.effect(Released::StartChild(Box::new(child)));
    }
    for number in stops {
        let (key, _) = children.child(number);
        outbox.effect(Released::StopChild(Box::new(RunningChild { key, number, of: Arc::clone(children) })));
    }
}

/// What a Map Run takes that begins, or goes on.
pub(super) fn first_trigger(tasks: &dyn Tasks, request: &MapRunRequest) -> MapRunTrigger {
    refusal(tasks, request).map_or(MapRunTrigger::Continue, MapRunTrigger::Fail)
}

/// Why a Map Run cannot be made: nothing of this server reads its items or writes its results.
fn refusal(tasks: &dyn Tasks, request: &MapRunRequest) -> Option<Failure> {
    if let Some(source) = request.source.as_ref().filter(|source| tasks.item_reader(&source.resource).is_none()) {
        let cause = format!("no reader of this server serves the resource `{}`", source.resource);
        return Some(failure("States.ItemReaderFailed", &cause));
    }
    let resource = request.destination.as_ref()?.resource.as_ref()?;
    if tasks.result_writer(resource).is_some() {
        return None;
    }
    let cause = format!("no writer of this server serves the resource `{resource}`");
    Some(failure("States.ResultWriterFailed", &cause))
}
