//! The Map Runs of the executions that the shard owns: taken up, stepped once a turn of the loop, and written.
//!
//! What happens to a Map Run is collected, and one step takes it all: however quickly children end, there is one small
//! record and one block of outcomes for each commit. A step that needs a larger budget is made on the slow lane; what
//! comes for the Map Run meanwhile is collected as ever.

use super::{Found, Report, Shard, message::Reply};
use crate::{
    Error, MapRunRecord,
    clock::stopwatch_ns,
    definitions::Definition,
    map_run::{self, Children, NewChild, RunningChild},
    outbox::{Outbox, Released},
    tables::{ExecutionKey, MapRunKey, ReadError, StoredExecution, Tables},
};
use json::Text;
use machine::{Effect, EventId, Failure, MapRun, MapRunRequest, MapRunStep, MapRunTrigger, MapRunUpdate, StepError};
use std::{
    collections::{HashMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Triggers that one step takes: bounds the block that it writes.
const TRIGGERS_AT_ONCE: usize = 1_024;
/// Map Runs that are stepped between two turns of the loop.
const STEPPED_AT_ONCE: usize = 16;

/// The Map Runs of a shard.
#[derive(Default)]
pub(super) struct MapRuns {
    live: HashMap<MapRunKey, LiveMapRun>,
    /// Those that are to be stepped, each once.
    due: VecDeque<MapRunKey>,
    slow_steps: u64,
}

struct LiveMapRun {
    /// `None` while the slow lane has it.
    run: Option<MapRun>,
    /// Number of the step that the slow lane makes.
    slow_step: Option<u64>,
    record: MapRunRecord,
    /// Of the execution that made it.
    definition: Arc<Definition>,
    children: Arc<Children>,
    inbox: VecDeque<MapRunTrigger>,
    /// Who waits until what is in the inbox is durable.
    replies: Vec<Reply<()>>,
    is_due: bool,
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
    room: usize,
    now_ms: i64,
    seed: u64,
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
        let ambient = query::Ambient::new(self.now_ms, self.seed, budget).timed(stopwatch_ns);
        let step = || run.step(definition, self.triggers, self.room, &ambient, limits);
        catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|panic| {
            Err(StepError::Corrupt(super::stepping::panic_text("the step of its Map Run panicked", &*panic)))
        })
    }
}

impl Shard {
    /// Whether there is something to do for Map Runs.
    pub(super) fn has_map_work(&self) -> bool {
        !self.map_runs.due.is_empty() || (!self.children.is_empty() && self.can_begin_children())
    }

    /// Carries out what a step of an execution asks of a Map Run, in the batch of that step.
    pub(super) fn ask_map_run(&mut self, owner: ExecutionKey, effect: Effect) -> Result<(), Error> {
        match effect {
            Effect::StartMapRun(request) => self.start_map_run(owner, &request),
            Effect::StopMapRun { map_run_arn } => {
                self.tell_map_run(MapRunKey::of(&map_run_arn), MapRunTrigger::Stop);
                Ok(())
            }
            _ => Ok(()),
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
            start_ms: live.last_ms,
            stop_ms: None,
            progress: run.progress().clone(),
            redrive_count: 0,
            redrive_ms: None,
            owner,
            effect: request.id,
            blocks: 0,
        };
        self.pipeline.writes.new_map_run(&record, request)?;
        let refused = refusal(request);
        self.keep_map_run(&tables, run, record)?;
        let trigger = refused.map_or(MapRunTrigger::Continue, MapRunTrigger::Fail);
        self.tell_map_run(MapRunKey::of(&request.map_run_arn), trigger);
        Ok(())
    }

    /// Keeps a Map Run whose execution is in memory.
    fn keep_map_run(&mut self, tables: &Tables, run: MapRun, record: MapRunRecord) -> Result<(), Error> {
        let Some(owner) = self.live.get(record.owner) else { return Ok(()) };
        let Some(execution) = &owner.execution else { return Ok(()) };
        let request = Arc::clone(run.request());
        let processor = self.environment.definitions.item_processor(owner.stored.revision, &request.state, tables)?;
        let map_run = MapRunKey::of(&record.arn);
        let children = Children {
            map_run,
            request,
            owner: owner.stored.clone(),
            owner_key: record.owner,
            definition: processor,
            region: execution.facts().region.clone(),
            account: execution.facts().account.clone(),
            is_stopping: AtomicBool::new(false),
        };
        let live = LiveMapRun {
            run: Some(run),
            slow_step: None,
            record,
            definition: Arc::clone(&owner.definition),
            children: Arc::new(children),
            inbox: VecDeque::new(),
            replies: Vec::new(),
            is_due: false,
        };
        self.map_runs.live.insert(map_run, live);
        Ok(())
    }

    /// Something happened to a Map Run. What comes for one that has ended is late.
    pub(super) fn tell_map_run(&mut self, key: MapRunKey, trigger: MapRunTrigger) {
        if let Some(live) = self.map_runs.live.get_mut(&key) {
            live.inbox.push_back(trigger);
            self.map_runs.is_due(key);
        }
    }

    pub(super) fn update_map_run(&mut self, arn: Text, update: MapRunUpdate, reply: Reply<()>) {
        let key = MapRunKey::of(&arn);
        let Some(live) = self.map_runs.live.get_mut(&key) else {
            return self.pipeline.outbox.answer(reply, Err(Error::MapRunCompleted(arn)));
        };
        live.replies.push(reply);
        self.tell_map_run(key, MapRunTrigger::Update(update));
    }

    /// Steps the Map Runs to which something happened.
    pub(super) fn step_map_runs(&mut self) {
        for _ in 0..STEPPED_AT_ONCE {
            if !self.pipeline.has_room(self.environment.options.batch_bytes_max) || self.pipeline.tables().is_none() {
                return;
            }
            let Some(key) = self.map_runs.due.pop_front() else { return };
            self.step_map_run(key);
        }
    }

    fn step_map_run(&mut self, key: MapRunKey) {
        let turn = MapRunTurn {
            triggers: Vec::new(),
            room: if self.can_begin_children() { usize::MAX } else { 0 },
            now_ms: self.environment.clock.now_ms(),
            seed: self.seeds.next_u64(),
        };
        let Some(live) = self.map_runs.live.get_mut(&key) else { return };
        live.is_due = false;
        let Some(run) = &mut live.run else { return };
        let triggers = live.inbox.drain(..live.inbox.len().min(TRIGGERS_AT_ONCE)).collect();
        let options = &self.environment.options;
        let turn = MapRunTurn { triggers, ..turn };
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
        let Some(run) = &live.run else { return };
        let mut outbox = Outbox::default();
        if step.is_changed {
            live.record.progress.clone_from(run.progress());
            live.record.stop_ms = step.ended.map(|_| now_ms.max(live.record.start_ms));
            if !step.block.is_empty() {
                self.pipeline.writes.map_run_block(key, live.record.blocks, &step.block);
                live.record.blocks += 1;
            }
            self.pipeline.writes.map_run(&live.record);
        }
        if live.inbox.is_empty() {
            live.replies.drain(..).for_each(|reply| outbox.answer(reply, Ok(())));
        }
        live.children.is_stopping.store(live.record.progress.is_ending(), Ordering::Relaxed);
        children_of(&live.children, step.starts, step.stops, &mut outbox);
        let has_more = !live.inbox.is_empty() || (step.goes_on && may_go_on);
        if step.ended.is_some() {
            outbox.effect(Released::MapRunEnded { map_run: key });
            self.map_runs.live.remove(&key);
        } else if step.is_over_budget {
            self.move_map_run_to_slow_lane(key);
        } else if has_more {
            self.map_runs.is_due(key);
        }
        self.pipeline.outbox.append(outbox);
    }

    /// The execution that made it is set aside with it; its children come to their end.
    fn give_up_map_run(&mut self, key: MapRunKey, error: &StepError) {
        let Some(live) = self.map_runs.live.remove(&key) else { return };
        let why = match error {
            StepError::OverBudget => "its Map Run cannot be stepped within the budget of the slow lane",
            StepError::Corrupt(why) => why,
        };
        let refused = self.set_aside(live.record.owner, &live.record.execution_arn, why);
        for reply in live.replies {
            self.pipeline.outbox.answer(reply, Err(Error::Store(store::Error::Poisoned)));
        }
        tracing::error!(map_run = %live.record.arn, error = %refused, "a Map Run cannot go on");
    }

    fn move_map_run_to_slow_lane(&mut self, key: MapRunKey) {
        let turn = MapRunTurn {
            triggers: vec![MapRunTrigger::Continue],
            room: 1,
            now_ms: self.environment.clock.now_ms(),
            seed: self.seeds.next_u64(),
        };
        let Some(live) = self.map_runs.live.get_mut(&key) else { return };
        let Some(mut run) = live.run.take() else { return };
        self.map_runs.slow_steps += 1;
        let number = self.map_runs.slow_steps;
        live.slow_step = Some(number);
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
        self.environment.slow_lane.submit(&self.environment.runtime, state_machine, Box::new(step));
    }

    /// The slow lane gives a Map Run back.
    pub(super) fn slow_map_run_step_ended(&mut self, slow: SlowMapRunStep) {
        let SlowMapRunStep { key, number, run, outcome } = slow;
        // If the store has failed meanwhile, the Map Run was taken up from what is durable.
        let Some(live) = self.map_runs.live.get_mut(&key).filter(|live| live.slow_step == Some(number)) else { return };
        (live.run, live.slow_step) = (Some(run), None);
        match outcome {
            Ok(step) => {
                self.map_run_stepped(key, step);
                self.tell_map_run(key, MapRunTrigger::Continue);
            }
            Err(error) => self.give_up_map_run(key, &error),
        }
    }

    /// Takes up the Map Runs that have not ended, before anything else: what children report meanwhile waits in line.
    pub(super) fn take_up_map_runs(&mut self) {
        let Some(tables) = self.pipeline.tables().cloned() else { return };
        for partition in self.recovery.partitions().to_vec() {
            let keys = match tables.open_map_runs(partition) {
                Ok(keys) => keys,
                Err(error) => return self.cannot_read("the open Map Runs", &error),
            };
            for key in keys {
                match self.take_up_map_run(key, &tables) {
                    Ok(()) => {}
                    Err(Error::Store(error)) => return self.cannot_read("an open Map Run", &error),
                    Err(error) => tracing::error!(%error, "a Map Run cannot be taken up"),
                }
            }
        }
    }

    fn take_up_map_run(&mut self, key: MapRunKey, tables: &Tables) -> Result<(), Error> {
        let Some(record) = tables.map_run(key)? else { return Ok(()) };
        let owner = record.owner;
        let is_wanted = match self.find(owner)? {
            Found::Open => self.waits_for(owner, record.effect),
            Found::Closed(_) | Found::Absent => false,
        };
        let Some(stored) = tables.execution(owner)? else { return Ok(()) };
        let run = match read_map_run(key, &record, &stored, tables, &self.environment.options.limits) {
            // Its execution would wait for it for ever.
            Err(error @ ReadError::Corrupt { .. }) if is_wanted => {
                return Err(self.set_aside(owner, &record.execution_arn, &error.to_string()));
            }
            run => run?,
        };
        self.keep_map_run(tables, run, record)?;
        self.tell_map_run(key, if is_wanted { MapRunTrigger::Continue } else { MapRunTrigger::Stop });
        Ok(())
    }

    fn waits_for(&self, owner: ExecutionKey, effect: EventId) -> bool {
        let execution = self.live.get(owner).and_then(|live| live.execution.as_ref());
        execution.is_some_and(|execution| execution.pending_map_runs().iter().any(|pending| pending.id == effect))
    }

    /// An execution that was taken up waits for a Map Run: if that has ended, the execution has not heard of it.
    pub(super) fn tell_if_ended(&mut self, map_run_arn: &Text) {
        let map_run = MapRunKey::of(map_run_arn);
        let Some(tables) = self.pipeline.tables() else { return };
        match tables.map_run(map_run) {
            Ok(Some(record)) if record.stop_ms.is_none() => {}
            Ok(_) => self.pipeline.outbox.effect(Released::MapRunEnded { map_run }),
            Err(error) => tracing::error!(%error, map_run = %map_run_arn, "a Map Run cannot be read"),
        }
    }

    /// Reads what the children came to, beside the loop, for the execution that waits for it.
    pub(super) fn collect_results(&self, map_run: MapRunKey) {
        let Some(tables) = self.pipeline.tables().cloned() else { return };
        let (own, environment) = (self.own.clone(), Arc::clone(&self.environment));
        let result_bytes_max = self.environment.options.limits.map_run_result_bytes_max;
        self.environment.runtime.spawn_blocking(move || match map_run::outcome(&tables, map_run, result_bytes_max) {
            Ok(None) => {}
            Ok(Some((record, outcome))) => {
                let (owner, effect) = (record.owner, record.effect);
                own.report(Report::MapRunEnded { owner, effect, outcome });
            }
            // After that the execution is taken up, and asks for them again.
            Err(Error::Store(error)) => environment.store_failed(&tables, error),
            Err(error) => tracing::error!(%error, "the results of a Map Run cannot be read"),
        });
    }
}

impl MapRuns {
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

/// Reads a Map Run that has not ended. Its blocks, which have the outputs of its children, are read one after the other.
fn read_map_run(
    key: MapRunKey,
    record: &MapRunRecord,
    owner: &StoredExecution,
    tables: &Tables,
    limits: &asl::Limits,
) -> Result<MapRun, ReadError> {
    let facts = owner.facts().map_err(|why| ReadError::Corrupt { keyspace: "executions", why })?;
    let request = Arc::new(tables.map_run_request(key)?);
    let mut unreadable = None;
    let blocks = tables.map_run_blocks(key, record.blocks).map_while(|block| match block {
        Ok(block) => Some(block),
        Err(error) => {
            unreadable = Some(error);
            None
        }
    });
    let run = MapRun::resume(&facts, request, record.progress.clone(), blocks, limits);
    unreadable.map_or(Ok(run), Err)
}

/// What a step says of children, to be carried out once it is durable.
fn children_of(children: &Arc<Children>, starts: Vec<machine::ChildStart>, stops: Vec<u64>, outbox: &mut Outbox) {
    for start in starts {
        let (key, names) = children.child(start.child);
        let (number, items, input, of) = (start.child, start.range.items, start.input, Arc::clone(children));
        outbox.effect(Released::StartChild(Box::new(NewChild { key, names, number, items, input, of })));
    }
    for number in stops {
        let (key, _) = children.child(number);
        outbox.effect(Released::StopChild(Box::new(RunningChild { key, number, of: Arc::clone(children) })));
    }
}

/// Why a Map Run cannot be made: nothing of this server reads its items or writes its results.
fn refusal(request: &MapRunRequest) -> Option<Failure> {
    let failure = |error: &str, cause: String| Failure { error: Some(error.into()), cause: Some(cause.into()) };
    if let Some(source) = &request.source {
        let cause = format!("no reader of this server serves the resource `{}`", source.resource);
        return Some(failure("States.ItemReaderFailed", cause));
    }
    let resource = request.destination.as_ref()?.resource.as_ref()?;
    let cause = format!("no writer of this server serves the resource `{resource}`");
    Some(failure("States.ResultWriterFailed", cause))
}
