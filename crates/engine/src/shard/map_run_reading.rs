//! Map Runs read from the store: those that have not ended, after a start; those that are redriven; and what they came to.
//!
//! Their blocks have the outputs of their children, and may be many and large: they are read beside the loop, which serves
//! meanwhile. What comes for a Map Run that is read waits in its inbox.
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

/// Why a Map Run is read.
#[derive(Clone, Copy)]
enum Reading {
    /// The shard begins, or the store was opened again.
    TakenUp,
    Redriven,
}

/// A Map Run that is to be read beside the loop.
struct UnreadMapRun {
    key: MapRunKey,
    number: u64,
    record: MapRunRecord,
    /// The execution that made it.
    owner: StoredExecution,
}

/// A Map Run that was read beside the loop.
pub(crate) struct ReadMapRun {
    key: MapRunKey,
    number: u64,
    why: Reading,
    /// The execution that made it.
    owner: StoredExecution,
    tables: Tables,
    outcome: Result<MapRun, ReadError>,
}

impl Shard {
    /// Takes up the Map Runs that have not ended, before anything else: what children report finds them. They are read one
    /// after the other.
    pub(super) fn take_up_map_runs(&mut self) {
        let Some(tables) = self.pipeline.tables().cloned() else { return };
        let mut unread = Vec::new();
        for partition in self.recovery.partitions().to_vec() {
            let keys = match tables.open_map_runs(partition) {
                Ok(keys) => keys,
                Err(error) => return self.cannot_read("the open Map Runs", &error),
            };
            for key in keys {
                match self.take_up_map_run(key, &tables) {
                    Ok(map_run) => unread.extend(map_run),
                    Err(Error::Store(error)) => return self.cannot_read("an open Map Run", &error),
                    Err(error) => tracing::error!(%error, "a Map Run cannot be taken up"),
                }
            }
        }
        self.environment.map_runs_taken_up();
        if !unread.is_empty() {
            self.read_beside(unread, Reading::TakenUp, tables);
        }
    }

    /// `None`: there is nothing to read.
    fn take_up_map_run(&mut self, key: MapRunKey, tables: &Tables) -> Result<Option<UnreadMapRun>, Error> {
        let Some(record) = tables.map_run(key)? else { return Ok(None) };
        let Some(owner) = tables.execution(record.owner)? else { return Ok(None) };
        let definition = self.environment.definitions.get(&owner.revision.into(), tables)?;
        let has_begun = record.progress.children_started > 0;
        let number = self.keep_unread(LiveMapRun::new(record.clone(), definition), has_begun);
        Ok(Some(UnreadMapRun { key, number, record, owner }))
    }

    /// The Map Run is in memory, but for what is read of it; gives the number of the reading.
    pub(super) fn keep_unread(&mut self, live: LiveMapRun, has_begun: bool) -> u64 {
        let number = self.map_runs.next_errand();
        let has_place = self.environment.take_map_run_place(&live.record.arn, live.record.owner, has_begun);
        let key = MapRunKey::of(&live.record.arn);
        self.map_runs.live.insert(key, LiveMapRun { errand: Some(number), has_place, ..live });
        number
    }

    fn read_beside(&self, unread: Vec<UnreadMapRun>, why: Reading, tables: Tables) {
        let (own, environment) = (self.own.clone(), Arc::clone(&self.environment));
        self.environment.spawn_blocking(move || {
            for UnreadMapRun { key, number, record, owner } in unread {
                // The next start reads it.
                if environment.is_stopping() {
                    return;
                }
                let outcome = read_map_run(key, &record, &owner, &tables, &environment.options.limits);
                let tables = tables.clone();
                own.report(Report::MapRunRead(Box::new(ReadMapRun { key, number, why, owner, tables, outcome })));
            }
        });
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
            Ok(Some(_)) => return self.pipeline.outbox.effect(Released::MapRunEnded { map_run, owner }),
            Ok(None) => Err(map_run::missing().into()),
            Err(error) => Err(error.into()),
        };
        match redriven {
            Ok(()) => {}
            Err(Error::Store(error)) => self.fail(error),
            Err(error) => self.map_run_unreadable(owner, &error.to_string()),
        }
    }

    /// The execution would wait for its Map Run for ever: it is set aside.
    pub(super) fn map_run_unreadable(&mut self, owner: ExecutionKey, why: &str) {
        if !matches!(self.find(owner), Ok(Found::Open)) {
            return;
        }
        let Some(live) = self.live.get(owner) else { return };
        // While the Map Run was read its execution may have gone on without it.
        if live.execution.as_ref().is_some_and(|execution| execution.pending_map_runs().is_empty()) {
            return;
        }
        let arn = Arc::clone(&live.stored.record.arn);
        self.set_aside(owner, &arn, &format!("its Map Run cannot be read: {why}"));
    }

    /// Goes on with a Map Run that was unsuccessful; if it still stops its children, or its end is not durable, after that.
    pub(super) fn redrive_map_run(&mut self, owner: ExecutionKey, pending: PendingMapRun) -> Result<(), Error> {
        let key = MapRunKey::of(&pending.map_run_arn);
        if let Some(live) = self.map_runs.live.get_mut(&key) {
            live.redrive = Some(pending);
            return Ok(());
        }
        let record = self.tables()?.map_run(key)?.ok_or_else(map_run::missing)?;
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
        let number = self.keep_unread(LiveMapRun::new(record.clone(), definition), false);
        let unread = UnreadMapRun { key: MapRunKey::of(&record.arn), number, record, owner: stored };
        self.read_beside(vec![unread], Reading::Redriven, tables);
        Ok(())
    }

    /// A Map Run was read: it goes on, or stops if nobody waits for it.
    pub(super) fn map_run_read(&mut self, read: ReadMapRun) {
        let (key, number) = (read.key, read.number);
        // If the store has failed meanwhile, the Map Run was taken up from what is durable.
        let Some(live) = self.map_runs.live.get(&key).filter(|live| live.errand == Some(number)) else { return };
        let record = live.record.clone();
        match self.go_on_with(&record, read) {
            Ok(()) => {}
            Err(Error::Store(error)) => self.fail(error),
            // Its execution would wait for it for ever.
            Err(error) if self.pending_map_run(record.owner, &record.arn).is_some() => {
                self.give_up_map_run(key, &StepError::Corrupt(error.to_string()));
            }
            Err(error) => {
                tracing::error!(%error, "a Map Run cannot be taken up");
                self.forget_map_run(key);
            }
        }
    }

    /// Nobody waits for it, and it cannot go on.
    pub(super) fn forget_map_run(&mut self, key: MapRunKey) {
        if let Some(live) = self.map_runs.live.remove(&key) {
            self.environment.leave_map_run_place(&live.record.arn);
        }
    }

    fn go_on_with(&mut self, record: &MapRunRecord, read: ReadMapRun) -> Result<(), Error> {
        let pending = match self.find(record.owner)? {
            Found::Open => self.pending_map_run(record.owner, &record.arn),
            Found::Closed(_) | Found::Absent => None,
        };
        let run = read.outcome?;
        let trigger = match read.why {
            Reading::Redriven => first_trigger(&*self.environment.tasks, run.request()),
            Reading::TakenUp if pending.as_ref().is_some_and(|pending| pending.id == record.effect) => {
                first_trigger(&*self.environment.tasks, run.request())
            }
            Reading::TakenUp => MapRunTrigger::Stop,
        };
        if let (Reading::TakenUp, Some(live)) = (read.why, self.map_runs.live.get_mut(&read.key)) {
            live.redrive = pending.filter(|pending| is_owed(pending, record));
        }
        self.keep_map_run(read.key, run, read.owner, &read.tables)?;
        self.tell_map_run(read.key, trigger);
        Ok(())
    }

    /// The end of a Map Run is durable: it is redriven, if that is wanted by now, or what it came to is read for the
    /// execution that waits for it.
    pub(super) fn map_run_ended(&mut self, key: MapRunKey, owner: ExecutionKey) {
        match self.map_runs.live.get(&key) {
            Some(live) if !live.has_ended() => return,
            _ => {}
        }
        let ended = self.map_runs.live.remove(&key);
        if let Some(live) = &ended {
            self.environment.leave_map_run_place(&live.record.arn);
        }
        let Some(LiveMapRun { record, redrive: Some(pending), .. }) = ended else {
            return self.collect_results(key, owner);
        };
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
    fn collect_results(&self, map_run: MapRunKey, owner: ExecutionKey) {
        let Some(tables) = self.pipeline.tables().cloned() else { return };
        let (own, environment) = (self.own.clone(), Arc::clone(&self.environment));
        let result_bytes_max = self.environment.options.limits.map_run_result_bytes_max;
        self.environment.spawn_blocking(move || match map_run::outcome(&tables, map_run, result_bytes_max) {
            Ok(None) => {}
            Ok(Some((record, outcome))) => {
                own.report(Report::MapRunEnded { owner, effect: record.effect, outcome });
            }
            // After that the execution is taken up, and asks for them again.
            Err(Error::Store(error)) => environment.store_failed(&tables, error),
            Err(error) => own.report(Report::MapRunUnreadable { owner, why: error.to_string() }),
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
