//! Reads. They go to the store and never meet a shard.
//!
//! They are consistent all the same: the store shows what is durable and everything that was acknowledged, and nobody
//! is told of anything else.
//!
//! What reads more than a few records does so apart, on a thread that nobody else waits for ([`Environment::apart`]).

use crate::{
    Engine, Error, ExecutionFilter, ExecutionRecord, MapRunRecord, Page, Paged, StateMachineRecord,
    environment::Environment,
    express::ExpressHistory,
    redrive,
    tables::{ExecutionKey, MapRunKey, ReadError, StoredExecution, Tables, Wanted},
};
use asl::{Arn, Resource};
use json::Text;
use machine::{EventId, HistoryEvent, Status};
use std::{collections::HashSet, sync::Arc};

const ALL: [Status; 5] = [Status::Running, Status::Succeeded, Status::Failed, Status::TimedOut, Status::Aborted];

impl Engine {
    /// A read that may take long.
    pub(crate) async fn read_apart<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Environment) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let environment = Arc::clone(&self.inner.environment);
        self.inner.environment.apart(move || read(&environment)).await?
    }
}

pub(crate) fn execution(environment: &Environment, arn: &Arn) -> Result<ExecutionRecord, Error> {
    let mut record = match express_history(environment, arn).and_then(|kept| kept.record(key_of(arn))) {
        Some(record) => record,
        None => stored(environment, &environment.tables()?, arn)?.1.record,
    };
    if let Some(map_run) = &record.map_run_arn {
        let map_run = environment.tables()?.map_run(MapRunKey::of(map_run))?;
        record.is_pending_redrive = is_pending_redrive(environment, &record, map_run.as_ref());
    }
    Ok(record)
}

/// Whether it is a child that waits for its Map Run to redrive it.
pub(crate) fn is_pending_redrive(
    environment: &Environment,
    record: &ExecutionRecord,
    map_run: Option<&MapRunRecord>,
) -> bool {
    let (now_ms, limits) = (environment.clock.now_ms(), &environment.options.limits);
    map_run.is_some_and(|map_run| redrive::is_pending(record, map_run, now_ms, limits))
}

/// Where an Express execution may be kept.
fn express_history<'e>(environment: &'e Environment, arn: &Arn) -> Option<&'e ExpressHistory> {
    environment.express_history.as_ref().filter(|_| matches!(arn.resource, Resource::ExpressExecution { .. }))
}

fn key_of(arn: &Arn) -> ExecutionKey {
    ExecutionKey::of(&arn.to_string())
}

/// The execution, unless it has expired.
pub(crate) fn stored(
    environment: &Environment,
    tables: &Tables,
    arn: &Arn,
) -> Result<(ExecutionKey, StoredExecution), Error> {
    let text: Text = arn.to_string().into();
    let key = ExecutionKey::of(&text);
    let found = tables.execution(key)?.filter(|stored| !environment.has_expired(&stored.record));
    Ok((key, found.ok_or(Error::ExecutionDoesNotExist(text))?))
}

pub(crate) fn state_machine_of_execution(
    environment: &Environment,
    arn: &Arn,
) -> Result<Arc<StateMachineRecord>, Error> {
    if let Some(definition) = express_history(environment, arn).and_then(|kept| kept.definition(key_of(arn))) {
        return Ok(Arc::clone(&definition.record));
    }
    let tables = environment.tables()?;
    let (_, stored) = stored(environment, &tables, arn)?;
    Ok(environment.definitions.record(stored.revision, &tables)?)
}

/// The position is the id of the last event of the page ([`Page::after_event`]).
pub(crate) fn history(
    environment: &Environment,
    arn: &Arn,
    reverse: bool,
    with_data: bool,
    page: &Page,
) -> Result<Paged<HistoryEvent>, Error> {
    if let Some(kept) = express_history(environment, arn)
        && let Some(events) = kept.history(key_of(arn), reverse, page)?
    {
        return Ok(events);
    }
    let tables = environment.tables()?;
    let (key, _) = stored(environment, &tables, arn)?;
    let after = page.after.as_deref().map(event_id).transpose()?;
    let bytes_max = environment.options.limits.history_page_bytes_max;
    let found = tables.history(key, &Wanted { reverse, with_data, after, events_max: page.size, bytes_max })?;
    let next = found.events.last().filter(|_| found.has_more).map(|last| last.id.to_be_bytes().to_vec());
    Ok(Paged { items: found.events, next })
}

pub(crate) fn event_id(position: &[u8]) -> Result<EventId, Error> {
    position.try_into().map(EventId::from_be_bytes).map_err(|_| Error::InvalidPageToken)
}

/// Executions that are looked at for one page, if only some of them are asked for.
const LOOKED_AT_MAX: usize = 10_000;
/// How many of them are read at once.
const ROWS_AT_ONCE: usize = 256;

/// Newest first: running ones by their start, closed ones by their end. The position is time and key of the last that
/// was looked at. A page may have less than its size although there is a next one.
pub(crate) fn list_executions(
    environment: &Environment,
    filter: &ExecutionFilter,
    page: &Page,
) -> Result<Paged<ExecutionRecord>, Error> {
    let tables = environment.tables()?;
    let map_run = match filter.state_machine.resource {
        Resource::MapRun { .. } => tables.map_run(MapRunKey::of(&filter.state_machine.to_string()))?,
        _ => None,
    };
    let told = |mut record: ExecutionRecord| {
        record.is_pending_redrive = is_pending_redrive(environment, &record, map_run.as_ref());
        record
    };
    let is_wanted = |record: &ExecutionRecord| {
        stands_as_asked(filter, record)
            && filter.is_redriven.is_none_or(|is_redriven| is_redriven == (record.redrive_count > 0))
    };
    let is_sifted = filter.is_redriven.is_some() || filter.is_pending_redrive;
    let rows_max = if is_sifted { page.size.max(ROWS_AT_ONCE) } else { page.size };
    let mut after = page.after.as_deref().map(listed_position).transpose()?;
    let (mut items, mut looked_at) = (Vec::new(), 0);
    loop {
        let (rows, has_more) = rows(environment, &tables, filter, after, rows_max)?;
        let last = rows.last().copied();
        for row in rows {
            items.extend(listed(&tables, row.1)?.map(told).filter(is_wanted));
            looked_at += 1;
            if items.len() >= page.size || looked_at >= LOOKED_AT_MAX {
                let next = (has_more || last != Some(row)).then(|| position_of(row));
                return Ok(Paged { items, next });
            }
        }
        if !has_more {
            return Ok(Paged { items, next: None });
        }
        after = last;
    }
}

/// Who waits to be redriven has that status, and not the one that it ended with.
fn stands_as_asked(filter: &ExecutionFilter, record: &ExecutionRecord) -> bool {
    (!filter.is_pending_redrive && filter.status.is_none()) || record.is_pending_redrive == filter.is_pending_redrive
}

/// Whether the execution has the status that is asked for.
pub(crate) fn has_status(filter: &ExecutionFilter, record: &ExecutionRecord) -> bool {
    stands_as_asked(filter, record) && filter.status.is_none_or(|status| status == record.status)
}

/// Where executions stand in the list: up to `limit` after a position, and whether there are more.
fn rows(
    environment: &Environment,
    tables: &Tables,
    filter: &ExecutionFilter,
    after: Option<(i64, ExecutionKey)>,
    limit: usize,
) -> Result<(Vec<(i64, ExecutionKey)>, bool), Error> {
    let arn = filter.state_machine.to_string();
    let before_ms = environment.expired_before_ms();
    let mut rows = Vec::new();
    for status in ALL.into_iter().filter(|status| filter.status.is_none_or(|wanted| wanted == *status)) {
        let found = tables.by_status(&arn, status, after, limit.saturating_add(1))?;
        // What has expired is removed a little later.
        rows.extend(found.into_iter().filter(|(time, _)| status == Status::Running || *time >= before_ms));
    }
    rows.sort_unstable_by_key(|(time, key)| (std::cmp::Reverse(*time), *key));
    // An execution that closes between two scans is found under both statuses; the later one counts.
    let mut seen = HashSet::new();
    rows.retain(|(_, key)| seen.insert(*key));
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    Ok((rows, has_more))
}

/// An execution as it is listed. One that cannot be read is reported and left out.
fn listed(tables: &Tables, key: ExecutionKey) -> Result<Option<ExecutionRecord>, Error> {
    match tables.execution(key) {
        Ok(stored) => Ok(stored.map(|stored| without_data(stored.record))),
        Err(error @ ReadError::Corrupt { .. }) => {
            tracing::error!(%error, ?key, "an execution is not listed");
            Ok(None)
        }
        Err(ReadError::Store(error)) => Err(Error::Store(error)),
    }
}

/// A list shows neither inputs nor outputs, and a page of them may be large.
pub(crate) fn without_data(record: ExecutionRecord) -> ExecutionRecord {
    ExecutionRecord { input_text: Text::default(), outcome: None, ..record }
}

fn position_of((time, key): (i64, ExecutionKey)) -> Vec<u8> {
    [time.to_be_bytes().as_slice(), &key.0].concat()
}

fn listed_position(position: &[u8]) -> Result<(i64, ExecutionKey), Error> {
    let read = || {
        let (time, key) = position.split_first_chunk::<8>()?;
        Some((i64::from_be_bytes(*time), ExecutionKey(key.try_into().ok()?)))
    };
    read().ok_or(Error::InvalidPageToken)
}
