//! Reads of the store, as records.

use super::{
    ACTIVITIES, ASIDE, Aside, BY_STATUS, CALLS, DELETING, EXECUTIONS, EXPRESS_STARTS, ExecutionKey, HELD, META, OPEN,
    PARTS, REVISIONS, ReadError, RevisionKey, STATE_MACHINES, StoredExecution, TAGS, TIMERS,
    activities::KeptActivities, decode, held_key, join, newest_first, ordered, plain_length, status_prefix, successor,
};
use crate::{
    Origin,
    model::{ActivityRecord, ListedStateMachine, StateMachineRecord},
    scopes::PerScope,
};
use json::Text;
use machine::{EventId, Part, PartId, Status, TimerId};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use store::{Keyspace, Range, Record, Store, prefix_end};

/// One timer as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerRow {
    pub(crate) due_ms: i64,
    pub(crate) key: ExecutionKey,
    pub(crate) timer: TimerId,
}

/// Who set an execution aside.
pub(crate) enum SetAside {
    /// This build, for this reason.
    Here(String),
    /// Another build: this one may be able to go on with it.
    Elsewhere,
}

/// A store, read as tables.
#[derive(Clone)]
pub(crate) struct Tables {
    pub(super) store: Arc<dyn Store>,
    pub(super) activities: Arc<KeptActivities>,
}

/// How many records a scan of everything under a prefix takes at once.
pub(super) const PAGE: usize = 1_000;
/// The parts of an execution that are read before it is known how large they are. Most executions have no more.
const PARTS_FIRST: usize = 4;
/// The same of state machines: each record has a definition of up to 1 MiB, which a list reads over.
const STATE_MACHINES_AT_ONCE: usize = 8;

impl Tables {
    pub(crate) fn new(store: Arc<dyn Store>) -> Tables {
        Tables { store, activities: Arc::default() }
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    pub(crate) fn execution(&self, key: ExecutionKey) -> Result<Option<StoredExecution>, ReadError> {
        self.record(EXECUTIONS, &key.0)
    }

    /// Whether this build or another has set the execution aside, and why.
    pub(crate) fn aside(&self, key: ExecutionKey) -> Result<Option<SetAside>, ReadError> {
        let aside = self.store.get(ASIDE, &key.0)?.map(|value| Aside::read(&value)).transpose()?;
        Ok(aside.map(
            |Aside { why, build, .. }| if build == Aside::BUILD { SetAside::Here(why) } else { SetAside::Elsewhere },
        ))
    }

    /// The task that a call has answered or was handed.
    pub(crate) fn done_by(&self, origin: Origin) -> Result<Option<(ExecutionKey, EventId)>, ReadError> {
        self.record(CALLS, &held_key(origin.key, origin.id))
    }

    pub(crate) fn parts(&self, key: ExecutionKey) -> Result<Vec<(PartId, Part)>, ReadError> {
        let records = self.all(PARTS, &key.0)?;
        records.iter().map(part).collect()
    }

    /// The same, unless they come to more than so many bytes: then some are read, and nothing is given.
    pub(crate) fn parts_within(
        &self,
        key: ExecutionKey,
        bytes_max: usize,
    ) -> Result<Option<Vec<(PartId, Part)>>, ReadError> {
        let to = prefix_end(&key.0);
        let (mut from, mut parts, mut bytes) = (key.0.to_vec(), Vec::new(), 0);
        let mut at_once = PARTS_FIRST;
        loop {
            let page = self.store.scan(PARTS, Range::new(&from, to.as_deref()), at_once)?;
            bytes += page.iter().map(|(_, value)| plain_length(value)).sum::<usize>();
            if bytes > bytes_max {
                return Ok(None);
            }
            for record in &page {
                parts.push(part(record)?);
            }
            match page.last() {
                Some((at, _)) if page.len() == at_once => from = successor(at),
                _ => return Ok(Some(parts)),
            }
            // The large ones may come last.
            at_once = PAGE.min(2 * at_once);
        }
    }

    /// Executions that are open: up to `limit` of one partition, after `after`.
    pub(crate) fn open(
        &self,
        partition: u8,
        after: Option<ExecutionKey>,
        limit: usize,
    ) -> Result<Vec<ExecutionKey>, ReadError> {
        let from = after.map_or_else(|| vec![partition], |key| successor(&key.0));
        let to = prefix_end(&[partition]);
        self.readable(OPEN, from, to.as_deref(), limit, |(at, _)| key_at(OPEN, at, 0))
    }

    /// Express executions of a partition that had not ended.
    pub(crate) fn express_starts(&self, partition: u8) -> Result<Vec<ExecutionKey>, ReadError> {
        let to = prefix_end(&[partition]);
        let keys = self.store.keys(EXPRESS_STARTS, Range::new(&[partition], to.as_deref()), usize::MAX)?;
        keys.iter().map(|at| key_at(EXPRESS_STARTS, at, 0)).collect()
    }

    /// One of them.
    pub(crate) fn express_start(&self, key: ExecutionKey) -> Result<Option<StoredExecution>, ReadError> {
        self.record(EXPRESS_STARTS, &key.0)
    }

    /// Timers of a partition with `from_ms <= due < to_ms`, the earliest first.
    pub(crate) fn timers(
        &self,
        partition: u8,
        from_ms: i64,
        to_ms: i64,
        limit: usize,
    ) -> Result<Vec<TimerRow>, ReadError> {
        let (from, to) = (join([&[partition], &ordered(from_ms)]), join([&[partition], &ordered(to_ms)]));
        self.readable(TIMERS, from, Some(&to), limit, |(at, _)| {
            let due: [u8; 8] = bytes(TIMERS, at, 1)?;
            let due_ms = i64::try_from(u64::from_be_bytes(due)).unwrap_or(i64::MAX);
            Ok(TimerRow { due_ms, key: key_at(TIMERS, at, 9)?, timer: TimerId(number(TIMERS, at)?) })
        })
    }

    /// Tasks that the last clean shutdown did not begin.
    pub(crate) fn held(&self, partition: u8) -> Result<Vec<(ExecutionKey, EventId)>, ReadError> {
        let read = |(at, _): &Record| Ok((key_at(HELD, at, 0)?, number(HELD, at)?));
        self.readable(HELD, vec![partition], prefix_end(&[partition]).as_deref(), usize::MAX, read)
    }

    /// Executions of a state machine, a version or an alias, or children of a Map Run, with a status, newest first:
    /// `(time, key)` after the position `after`.
    pub(crate) fn by_status(
        &self,
        arn: &str,
        status: Status,
        after: Option<(i64, ExecutionKey)>,
        limit: usize,
    ) -> Result<Vec<(i64, ExecutionKey)>, ReadError> {
        let prefix = status_prefix(arn, status);
        let from = after
            .map_or_else(|| prefix.clone(), |(time, key)| successor(&join([&prefix, &newest_first(time), &key.0])));
        let to = prefix_end(&prefix);
        self.readable(BY_STATUS, from, to.as_deref(), limit, |(at, _)| listed(at))
    }

    pub(crate) fn revision(&self, key: RevisionKey) -> Result<Option<StateMachineRecord>, ReadError> {
        self.record(REVISIONS, &key.0)
    }

    pub(crate) fn state_machine(&self, arn: &str) -> Result<Option<StateMachineRecord>, ReadError> {
        self.record(STATE_MACHINES, arn.as_bytes())
    }

    /// Whether a state machine has an execution that runs. One that is set aside does not run, and keeps nobody waiting.
    pub(crate) fn is_running(&self, state_machine_arn: &str) -> Result<bool, ReadError> {
        let mut after = None;
        loop {
            let rows = self.by_status(state_machine_arn, Status::Running, after, 1)?;
            let Some((time, key)) = rows.into_iter().next() else { return Ok(false) };
            if !matches!(self.aside(key)?, Some(SetAside::Here(_))) {
                return Ok(true);
            }
            after = Some((time, key));
        }
    }

    /// The ARNs of the state machines whose deletion is under way.
    pub(crate) fn deleting(&self) -> Result<Vec<Text>, ReadError> {
        let read = |(at, _): &Record| {
            let arn = std::str::from_utf8(at).map_err(|error| corrupt(DELETING, error.to_string()))?;
            Ok(Text::from(arn))
        };
        self.readable(DELETING, Vec::new(), None, usize::MAX, read)
    }

    pub(crate) fn tags(&self, arn: &str) -> Result<Vec<(String, String)>, ReadError> {
        Ok(self.record(TAGS, arn.as_bytes())?.unwrap_or_default())
    }

    pub(crate) fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.record(META, name.as_bytes())
    }

    /// State machines whose ARN begins with `prefix`, after the ARN `after`.
    pub(crate) fn state_machines(
        &self,
        prefix: &str,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<ListedStateMachine>, ReadError> {
        self.named(STATE_MACHINES, STATE_MACHINES_AT_ONCE, prefix, after, limit)
    }

    pub(crate) fn activities(
        &self,
        prefix: &str,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<ActivityRecord>, ReadError> {
        self.named(ACTIVITIES, PAGE, prefix, after, limit)
    }

    /// How many state machines and activities there are in each account and Region.
    pub(crate) fn counts(&self) -> Result<(PerScope, PerScope), ReadError> {
        let count = |keyspace| {
            let keys = self.all_keys(keyspace, b"arn:")?;
            Ok::<_, ReadError>(keys.iter().filter_map(|key| std::str::from_utf8(key).ok()).collect())
        };
        Ok((count(STATE_MACHINES)?, count(ACTIVITIES)?))
    }

    fn all_keys(&self, keyspace: Keyspace, prefix: &[u8]) -> Result<Vec<Vec<u8>>, ReadError> {
        let to = prefix_end(prefix);
        Ok(self.store.keys(keyspace, Range::new(prefix, to.as_deref()), usize::MAX)?)
    }

    fn named<T: DeserializeOwned>(
        &self,
        keyspace: Keyspace,
        at_once: usize,
        prefix: &str,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<T>, ReadError> {
        let from = after.map_or_else(|| prefix.as_bytes().to_vec(), successor);
        let to = prefix_end(prefix.as_bytes());
        self.readable_by(keyspace, at_once, from, to.as_deref(), limit, |(_, value)| decode(keyspace, value))
    }

    /// Up to `limit` records of a range; less only if it has no more. One that cannot be read is reported and left
    /// out: it must not take the others with it.
    pub(super) fn readable<T>(
        &self,
        keyspace: Keyspace,
        from: Vec<u8>,
        to: Option<&[u8]>,
        limit: usize,
        read: impl Fn(&Record) -> Result<T, ReadError>,
    ) -> Result<Vec<T>, ReadError> {
        self.readable_by(keyspace, PAGE, from, to, limit, read)
    }

    /// The same, with no more than `at_once` records in memory as they are stored.
    fn readable_by<T>(
        &self,
        keyspace: Keyspace,
        at_once: usize,
        mut from: Vec<u8>,
        to: Option<&[u8]>,
        limit: usize,
        read: impl Fn(&Record) -> Result<T, ReadError>,
    ) -> Result<Vec<T>, ReadError> {
        let mut found = Vec::new();
        while found.len() < limit {
            let asked = (limit - found.len()).min(at_once);
            let records = self.store.scan(keyspace, Range::new(&from, to), asked)?;
            for record in &records {
                match read(record) {
                    Ok(row) => found.push(row),
                    Err(error) => tracing::error!(%error, key = ?record.0, "a record is left out"),
                }
            }
            match records.last() {
                Some((last, _)) if records.len() == asked => from = successor(last),
                _ => break,
            }
        }
        Ok(found)
    }

    pub(super) fn record<T: DeserializeOwned>(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<T>, ReadError> {
        self.store.get(keyspace, key)?.map(|value| decode(keyspace, &value)).transpose()
    }

    pub(super) fn all(&self, keyspace: Keyspace, prefix: &[u8]) -> Result<Vec<Record>, ReadError> {
        let to = prefix_end(prefix);
        let mut records: Vec<Record> = Vec::new();
        loop {
            let from = records.last().map_or_else(|| prefix.to_vec(), |(at, _)| successor(at));
            let page = self.store.scan(keyspace, Range::new(&from, to.as_deref()), PAGE)?;
            let full = page.len() == PAGE;
            records.extend(page);
            if !full {
                return Ok(records);
            }
        }
    }
}

fn part((at, value): &Record) -> Result<(PartId, Part), ReadError> {
    Ok((PartId(number(PARTS, at)?), decode(PARTS, value)?))
}

pub(super) fn listed(at: &[u8]) -> Result<(i64, ExecutionKey), ReadError> {
    let inverted: [u8; 8] = bytes(BY_STATUS, at, 17)?;
    let time = i64::try_from(u64::MAX - u64::from_be_bytes(inverted)).unwrap_or(i64::MAX);
    Ok((time, key_at(BY_STATUS, at, 25)?))
}

pub(super) fn corrupt(keyspace: Keyspace, why: String) -> ReadError {
    ReadError::Corrupt { keyspace: keyspace.0, why }
}

pub(super) fn key_at(keyspace: Keyspace, at: &[u8], offset: usize) -> Result<ExecutionKey, ReadError> {
    bytes(keyspace, at, offset).map(ExecutionKey)
}

/// The number at the end of a key.
fn number(keyspace: Keyspace, at: &[u8]) -> Result<u64, ReadError> {
    bytes(keyspace, at, at.len().saturating_sub(8)).map(u64::from_be_bytes)
}

pub(super) fn bytes<const N: usize>(keyspace: Keyspace, at: &[u8], offset: usize) -> Result<[u8; N], ReadError> {
    let short = || corrupt(keyspace, "its key is too short".into());
    at.get(offset..).and_then(|rest| rest.first_chunk::<N>()).copied().ok_or_else(short)
}
