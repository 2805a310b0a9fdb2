//! Map Runs: what their children are made of, what is told of them, and what callers ask of them.
//!
//! A Map Run is stepped by the shard of the execution that made it (`shard/map_runs.rs`), in the same batches: the two
//! cannot disagree. Its children are executions of their own on the shards that their keys fall to
//! (`shard/children.rs`), and report their end. A Map Run that is taken up after a restart asks for the children again
//! that it does not know the end of: one that exists goes on, one that has ended says so, and one that is gone (Express,
//! or not begun yet) is begun. So a Standard child is run once, and an Express child at least once.
//!
//! A Map Run that is redriven asks in the same way for the children that were unsuccessful: a Standard one is redriven, and
//! an Express one begun anew under its old ARN. Each child knows how often its Map Run had been redriven when it ran last:
//! so it runs once for each redrive, and what is told late, of an earlier attempt, does not count.

use crate::{
    Engine, Error, ExecutionRecord, MapRunRecord, Page, Paged,
    definitions::Definition,
    environment::Environment,
    queries, redrive,
    shard::{NewExecution, Report, Request},
    tables::{ChildOf, ExecutionKey, MapRunKey, ReadError, StoredExecution, Tables, facts_of, of_execution},
    waiting_children::{WaitingChild, WaitingChildren},
};
use asl::{Arn, StateMachineType};
use json::{Payload, Text};
use machine::{
    Child, Failure, MapRunOutcome, MapRunRequest, MapRunStatus, MapRunTrigger, MapRunUpdate, Outcome, Results, Status,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// What all children of a Map Run have in common.
pub(crate) struct Children {
    pub(crate) map_run: MapRunKey,
    pub(crate) request: Arc<MapRunRequest>,
    /// Of the execution that made the Map Run, as it is stored.
    pub(crate) owner: StoredExecution,
    pub(crate) owner_key: ExecutionKey,
    /// The item processor.
    pub(crate) definition: Arc<Definition>,
    pub(crate) region: Text,
    pub(crate) account: Text,
    /// How often the Map Run was redriven.
    pub(crate) redrive_count: u32,
    /// Set when no child may begin any more.
    pub(crate) is_stopping: AtomicBool,
    /// Those that were asked for and have not begun.
    pub(crate) waiting: Arc<WaitingChildren>,
}

/// A child that is to be begun.
pub(crate) struct NewChild {
    pub(crate) key: ExecutionKey,
    pub(crate) names: Child,
    pub(crate) number: u64,
    pub(crate) items: u64,
    pub(crate) input: Payload,
    /// It was begun before the Map Run was redriven.
    pub(crate) is_redriven: bool,
    pub(crate) of: Arc<Children>,
    /// That it waits.
    pub(crate) waits: Arc<WaitingChild>,
}

/// A child that is to be stopped.
pub(crate) struct RunningChild {
    pub(crate) key: ExecutionKey,
    pub(crate) number: u64,
    pub(crate) of: Arc<Children>,
}

impl Children {
    /// Names and key of a child.
    pub(crate) fn child(&self, number: u64) -> (ExecutionKey, Child) {
        let names = self.request.child(number);
        (ExecutionKey::of(&names.execution_arn), names)
    }

    pub(crate) fn child_of(&self, number: u64) -> ChildOf {
        let state = Arc::clone(&self.request.state);
        ChildOf { map_run: self.map_run, owner: self.owner_key, number, state }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }
}

impl NewChild {
    pub(crate) fn is_express(&self) -> bool {
        self.of.request.execution_type == StateMachineType::Express
    }

    /// The execution that the child is.
    pub(crate) fn execution(self) -> NewExecution {
        let NewChild { key, names, number, items, input, of, .. } = self;
        let record = ExecutionRecord {
            input_text: Arc::clone(input.text()),
            map_run_redrives: of.redrive_count,
            ..child_record(names, &of.owner.record, &of.request.map_run_arn, of.request.execution_type, items)
        };
        let facts = facts_of(&record, input, Arc::clone(&of.region), Arc::clone(&of.account));
        let child = of.child_of(number);
        let stored = StoredExecution { child: Some(child), ..StoredExecution::new(record, of.owner.revision) };
        // Whether it may begin is not asked: its Map Run is wanted, and keeps the state machine from being removed.
        NewExecution { key, stored, facts, definition: Arc::clone(&of.definition), deletions_begun: 0 }
    }
}

/// A child that begins, without its input.
pub(crate) fn child_record(
    names: Child,
    owner: &ExecutionRecord,
    map_run_arn: &Text,
    execution_type: StateMachineType,
    items: u64,
) -> ExecutionRecord {
    ExecutionRecord {
        arn: names.execution_arn,
        name: names.name,
        state_machine_arn: names.state_machine_arn,
        state_machine_name: names.state_machine_name,
        role_arn: Arc::clone(&owner.role_arn),
        state_machine_version_arn: None,
        state_machine_alias_arn: None,
        state_machine_type: execution_type,
        status: Status::Running,
        start_ms: 0,
        stop_ms: None,
        input_text: Text::default(),
        outcome: None,
        trace_header: owner.trace_header.clone(),
        redrive_count: 0,
        redrive_ms: None,
        map_run_arn: Some(Arc::clone(map_run_arn)),
        item_count: Some(items),
        map_run_redrives: 0,
        is_pending_redrive: false,
        origin: None,
        remains: None,
    }
}

impl Environment {
    /// Tells the shard of its Map Run that a child has ended.
    pub(crate) fn child_ended(&self, child: &ChildOf, record: ExecutionRecord) {
        let now_ms = self.clock.now_ms();
        let is_redrivable = redrive::refusal_of_child(&record, now_ms, &self.options.limits).is_none();
        let (Some(stop_ms), Some(outcome)) = (record.stop_ms, record.outcome) else { return };
        let trigger = MapRunTrigger::ChildEnded {
            child: child.number,
            redrive_count: record.map_run_redrives,
            start_ms: record.start_ms,
            stop_ms,
            outcome,
            input: record.input_text,
            is_redrivable,
        };
        self.tell_map_run(child.owner, child.map_run, trigger);
    }

    /// Tells it of a child that cannot go on, and never will.
    pub(crate) fn child_lost(&self, child: &ChildOf, redrive_count: u32, failure: Failure) {
        let now_ms = self.clock.now_ms();
        let trigger = MapRunTrigger::ChildEnded {
            child: child.number,
            redrive_count,
            start_ms: now_ms,
            stop_ms: now_ms,
            outcome: Outcome::Failed(failure),
            input: Text::from("{}"),
            is_redrivable: false,
        };
        self.tell_map_run(child.owner, child.map_run, trigger);
    }

    /// Tells it of a child that did not run; `is_final`: because it cannot be redriven.
    pub(crate) fn child_not_run(&self, of: &Children, child: u64, is_final: bool) {
        let trigger = MapRunTrigger::ChildNotRun { child, redrive_count: of.redrive_count, is_final };
        self.tell_map_run(of.owner_key, of.map_run, trigger);
    }

    fn tell_map_run(&self, owner: ExecutionKey, map_run: MapRunKey, trigger: MapRunTrigger) {
        if let Some(shard) = self.shard(owner) {
            shard.report(Report::ChildEnded { map_run, trigger: Box::new(trigger) });
        }
    }
}

/// An execution waits for a Map Run that has no record.
pub(crate) fn missing() -> ReadError {
    ReadError::Corrupt { keyspace: "map_runs", why: "it is missing".into() }
}

/// What the execution that made a Map Run is told of its end; `None` if nobody waits for that.
pub(crate) fn outcome(
    tables: &Tables,
    map_run: MapRunKey,
    result_bytes_max: u64,
) -> Result<Option<(MapRunRecord, MapRunOutcome)>, Error> {
    let record = tables.map_run(map_run)?.ok_or_else(missing)?;
    let outcome = match record.progress.status {
        MapRunStatus::Running | MapRunStatus::Aborted => return Ok(None),
        MapRunStatus::Failed => MapRunOutcome::Failed(record.progress.failure().cloned().unwrap_or_default()),
        MapRunStatus::Succeeded => MapRunOutcome::Succeeded {
            results: match &record.progress.written {
                Some(written) => Some(written.clone()),
                None => results(tables, map_run, &record, result_bytes_max)?,
            },
        },
    };
    Ok(Some((record, outcome)))
}

/// What the children of a Map Run came to; `None` if there is more of it than may be.
pub(crate) fn results(
    tables: &Tables,
    map_run: MapRunKey,
    record: &MapRunRecord,
    result_bytes_max: u64,
) -> Result<Option<Payload>, Error> {
    if record.progress.results_bytes() > result_bytes_max {
        return Ok(None);
    }
    let request = tables.map_run_request(map_run)?;
    let mut results = Results::new(&request);
    for block in tables.map_run_blocks(map_run, record.blocks) {
        results.add(block?);
    }
    Ok(Some(results.finish()))
}

impl Engine {
    pub(crate) fn read_map_run(&self, arn: &Arn) -> Result<MapRunRecord, Error> {
        let (environment, text) = (&self.inner.environment, Text::from(arn.to_string()));
        let tables = environment.tables()?;
        let absent = || Error::ResourceNotFound(Arc::clone(&text));
        let found = tables.map_run(MapRunKey::of(&text))?.ok_or_else(absent)?;
        // It is kept as long as its execution, and exists no longer.
        if found.stop_ms.is_some() {
            let owner = tables.execution(found.owner)?.filter(|owner| !environment.has_expired(&owner.record));
            owner.ok_or_else(absent)?;
        }
        Ok(found)
    }

    /// A Map Run as it stands now. How many of its children have begun is known where they begin, and not stored.
    pub(crate) async fn describe_map_run(&self, arn: &Arn) -> Result<MapRunRecord, Error> {
        let record = self.read_map_run(arn)?;
        if record.stop_ms.is_some() {
            return Ok(record);
        }
        let shard = self.inner.environment.shard(record.owner).ok_or(Error::ShuttingDown)?;
        let (owner, map_run) = (record.owner, MapRunKey::of(&record.arn));
        match shard.ask(|reply| Request::OpenMapRun { owner, map_run, reply }).await? {
            Some(open) => Ok(open.record),
            None => self.read_map_run(arn),
        }
    }

    pub(crate) async fn update(&self, arn: &Arn, update: MapRunUpdate) -> Result<(), Error> {
        let record = self.read_map_run(arn)?;
        if record.stop_ms.is_some() {
            return Err(Error::MapRunCompleted(record.arn));
        }
        let shard = self.inner.environment.shard(record.owner).ok_or(Error::ShuttingDown)?;
        let (owner, arn) = (record.owner, record.arn);
        shard.ask(|reply| Request::UpdateMapRun { owner, arn, update, reply }).await
    }
}

/// The Map Runs of an execution, the newest first.
pub(crate) fn list(environment: &Environment, execution: &Arn, page: &Page) -> Result<Paged<MapRunRecord>, Error> {
    let tables = environment.tables()?;
    let (key, _) = queries::stored(environment, &tables, execution)?;
    let mut items = tables.map_runs_of(key, page.after.as_deref(), page.size.saturating_add(1))?;
    let has_more = items.len() > page.size;
    items.truncate(page.size);
    let next = items.last().filter(|_| has_more).map(of_execution);
    Ok(Paged { items, next })
}
