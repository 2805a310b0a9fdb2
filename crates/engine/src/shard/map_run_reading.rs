//! Map Runs read from the store: those that have not ended, after a start; those that are redriven; and what they came to.
//!
//! A redrive of an execution goes on with its Map Run. That the Map Run is open again is in the batch of the execution's
//! step; which children are to run again is read beside the loop, as there may be many. A Map Run that still stops its
//! children ends first. So an execution may wait for a redrive that its Map Run does not know of yet: the two are compared
//! when the execution is taken up, and what is owed is done then.

use super::{Found, Report, Shard, live_map_run::LiveMapRun, map_runs::first_trigger};
use crate::{
    Error, MapRunRecord, map_run,
    outbox::Released,
    tables::{ExecutionKey, MapRunKey, ReadError, StoredExecution, Tables},
};
use json::Text;
use machine::{MapRun, MapRunTrigger, PendingMapRun, StepError};
use std::sync::Arc;

/// A Map Run that was read beside the loop.
pub(crate) struct ReadMapRun {
    key: MapRunKey,
    number: u64,
    /// The execution that made it.
    owner: StoredExecution,
    tables: Tables,
    outcome: Result<MapRun, ReadError>,
}

impl Shard {
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
        let pending = match self.find(owner)? {
            Found::Open => self.pending_map_run(owner, &record.arn),
            Found::Closed(_) | Found::Absent => None,
        };
        let Some(stored) = tables.execution(owner)? else { return Ok(()) };
        let run = match read_map_run(key, &record, &stored, tables, &self.environment.options.limits) {
            // Its execution would wait for it for ever.
            Err(error @ ReadError::Corrupt { .. }) if pending.is_some() => {
                return Err(self.set_aside(owner, &record.execution_arn, &error.to_string()));
            }
            run => run?,
        };
        let is_wanted = pending.as_ref().is_some_and(|pending| pending.id == record.effect);
        let trigger = if is_wanted { first_trigger(run.request()) } else { MapRunTrigger::Stop };
        let definition = self.environment.definitions.get(&stored.revision.into(), tables)?;
        let redrive = pending.filter(|pending| is_owed(pending, &record));
        let live = LiveMapRun { redrive, ..LiveMapRun::new(record, definition) };
        let has_begun = run.progress().children_started > 0;
        self.keep_map_run(run, live, stored, has_begun, tables)?;
        self.tell_map_run(key, trigger);
        Ok(())
    }

    /// What an execution waits for of a Map Run.
    fn pending_map_run(&self, owner: ExecutionKey, map_run_arn: &Text) -> Option<PendingMapRun> {
        let execution = self.live.get(owner).and_then(|live| live.execution.as_ref())?;
        execution.pending_map_runs().into_iter().find(|pending| pending.map_run_arn == *map_run_arn)
    }

    /// An execution that was taken up waits for a Map Run. If that has ended, the execution has not heard of it, or the
    /// Map Run not of its redrive.
    pub(super) fn look_after_map_run(&mut self, owner: ExecutionKey, pending: PendingMapRun) {
        let map_run = MapRunKey::of(&pending.map_run_arn);
        let Some(tables) = self.pipeline.tables() else { return };
        let redriven = match tables.map_run(map_run) {
            Ok(Some(record)) if record.stop_ms.is_none() => return,
            Ok(Some(record)) if is_owed(&pending, &record) => self.redrive_map_run(owner, pending),
            Ok(_) => return self.pipeline.outbox.effect(Released::MapRunEnded { map_run }),
            Err(error) => Err(error.into()),
        };
        match redriven {
            Ok(()) => {}
            Err(Error::Store(error)) => self.fail(error),
            Err(error) => tracing::error!(%error, "a Map Run cannot be taken up"),
        }
    }

    /// Goes on with a Map Run that was unsuccessful; if it still stops its children, or its end is not durable, after that.
    pub(super) fn redrive_map_run(&mut self, owner: ExecutionKey, pending: PendingMapRun) -> Result<(), Error> {
        let key = MapRunKey::of(&pending.map_run_arn);
        if let Some(live) = self.map_runs.live.get_mut(&key) {
            live.redrive = Some(pending);
            return Ok(());
        }
        let missing = || ReadError::Corrupt { keyspace: "map_runs", why: "it is missing".into() };
        let record = self.tables()?.map_run(key)?.ok_or_else(missing)?;
        self.open_map_run_again(owner, record, &pending)
    }

    /// The Map Run is open again. Its execution is in memory.
    fn open_map_run_again(
        &mut self,
        owner: ExecutionKey,
        mut record: MapRunRecord,
        pending: &PendingMapRun,
    ) -> Result<(), Error> {
        let tables = self.tables()?.clone();
        let Some(execution) = self.live.get(owner) else { return Ok(()) };
        let (stored, definition) = (execution.stored.clone(), Arc::clone(&execution.definition));
        record.redrive(pending, self.environment.clock.now_ms());
        self.pipeline.writes.redriven_map_run(&record);
        let (key, number) = (MapRunKey::of(&record.arn), self.map_runs.next_errand());
        let live = LiveMapRun { errand: Some(number), ..LiveMapRun::new(record.clone(), definition) };
        self.map_runs.live.insert(key, live);
        let (own, environment) = (self.own.clone(), Arc::clone(&self.environment));
        self.environment.spawn_blocking(move || {
            let outcome = read_map_run(key, &record, &stored, &tables, &environment.options.limits);
            own.report(Report::MapRunRead(Box::new(ReadMapRun { key, number, owner: stored, tables, outcome })));
        });
        Ok(())
    }

    /// A Map Run that is redriven was read: it goes on.
    pub(super) fn map_run_read(&mut self, read: ReadMapRun) {
        let ReadMapRun { key, number, owner, tables, outcome } = read;
        let is_meant = |live: &LiveMapRun| live.errand == Some(number);
        // If the store has failed meanwhile, the Map Run was taken up from what is durable.
        if !self.map_runs.live.get(&key).is_some_and(is_meant) {
            return;
        }
        let kept = outcome.and_then(|run| {
            let trigger = first_trigger(run.request());
            match self.map_runs.live.remove(&key) {
                Some(live) => self.keep_map_run(run, live, owner, false, &tables).map(|()| trigger),
                None => Ok(trigger),
            }
        });
        match kept {
            Ok(trigger) => self.tell_map_run(key, trigger),
            Err(ReadError::Store(error)) => self.fail(error),
            Err(error) => self.give_up_map_run(key, &StepError::Corrupt(error.to_string())),
        }
    }

    /// The end of a Map Run is durable: it is redriven, if that is wanted by now, or what it came to is read for the
    /// execution that waits for it.
    pub(super) fn map_run_ended(&mut self, key: MapRunKey) {
        match self.map_runs.live.get(&key) {
            Some(live) if !live.has_ended() => return,
            _ => {}
        }
        let ended = self.map_runs.live.remove(&key);
        if let Some(live) = &ended {
            self.environment.leave_map_run_place(&live.record.arn);
        }
        let Some(LiveMapRun { record, redrive: Some(pending), .. }) = ended else {
            return self.collect_results(key);
        };
        let owner = record.owner;
        let opened = match self.find(owner) {
            Ok(Found::Open) => self.open_map_run_again(owner, record, &pending),
            // Nobody waits for it, or the store is opened again.
            Ok(Found::Closed(_) | Found::Absent) | Err(_) => Ok(()),
        };
        if let Err(error) = opened {
            tracing::error!(%error, map_run = %pending.map_run_arn, "a Map Run cannot be redriven");
        }
    }

    /// Reads what the children came to, beside the loop, for the execution that waits for it.
    fn collect_results(&self, map_run: MapRunKey) {
        let Some(tables) = self.pipeline.tables().cloned() else { return };
        let (own, environment) = (self.own.clone(), Arc::clone(&self.environment));
        let result_bytes_max = self.environment.options.limits.map_run_result_bytes_max;
        self.environment.spawn_blocking(move || match map_run::outcome(&tables, map_run, result_bytes_max) {
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

/// Whether the execution waits for a redrive that the Map Run does not know of.
fn is_owed(pending: &PendingMapRun, record: &MapRunRecord) -> bool {
    record.progress.redrive_count < pending.redrive_count
}

/// Reads a Map Run that goes on. Its blocks, which have the outputs of its children, are read one after the other.
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
