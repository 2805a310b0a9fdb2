//! The writes of one commit. A record that several steps of the batch change is written once, as the last step left it.

use super::{
    ACTIVITIES, ASIDE, Aside, BY_STATUS, CALLS, DELETING, EXECUTIONS, EXPRESS_STARTS, ExecutionKey, HELD, HISTORY,
    META, OPEN, PARTS, REVISIONS, RevisionKey, STATE_MACHINES, SUPERSEDED, StoredExecution, Superseded, TAGS, TIMERS,
    encode, held_key, history_key, part_key, status_keys, step_events::StepEvents, superseded_key, timer_key,
};
use crate::Origin;
use crate::model::{ActivityRecord, ExecutionRecord, StateMachineRecord};
use machine::{EventId, HistoryEvent, Part, PartId, TimerId};
use std::collections::HashMap;
use store::{Batch, Keyspace, Record, Write};

/// Collects what a commit writes.
#[derive(Default)]
pub(crate) struct Writes {
    batch: Batch,
    /// Where a key stands in the batch: a later write replaces the earlier one.
    places: HashMap<(Keyspace, Vec<u8>), usize>,
    bytes: usize,
}

impl Writes {
    pub(crate) fn is_empty(&self) -> bool {
        self.batch.writes.is_empty()
    }

    /// Bytes of all keys and values so far, replaced ones included.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn into_batch(self) -> Batch {
        self.batch
    }

    /// The records of a step whose size its data decides: its events, the parts that it changed, and the execution if
    /// it begins or ends. Nothing is taken in if a store would refuse one of them.
    ///
    /// # Errors
    ///
    /// [`store::Error::Limit`] if a record is too large.
    pub(crate) fn step(
        &mut self,
        key: ExecutionKey,
        events: &[HistoryEvent],
        parts: &[(PartId, &Part)],
        execution: Option<&StoredExecution>,
    ) -> Result<(), store::Error> {
        let put = |keyspace, key, value| Write::Put { keyspace, key, value };
        let history = events.first().map(|first| put(HISTORY, history_key(key, first.id), encode(&StepEvents(events))));
        let execution = execution.map(|stored| put(EXECUTIONS, key.0.to_vec(), encode(stored)));
        let parts = parts.iter().map(|(id, part)| put(PARTS, part_key(key, *id), encode(part)));
        let records = Batch { writes: history.into_iter().chain(execution).chain(parts).collect(), expect: Vec::new() };
        records.check_limits()?;
        for record in records.writes {
            match record {
                Write::Put { keyspace: HISTORY, .. } => self.push(record),
                Write::Put { keyspace, ref key, .. } | Write::Delete { keyspace, ref key } => {
                    self.write(keyspace, key.clone(), record);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn remove_part(&mut self, key: ExecutionKey, id: PartId) {
        self.delete(PARTS, part_key(key, id));
    }

    pub(crate) fn open(&mut self, key: ExecutionKey) {
        self.put(OPEN, key.0.to_vec(), Vec::new());
    }

    pub(crate) fn close(&mut self, key: ExecutionKey) {
        self.delete(OPEN, key.0.to_vec());
    }

    pub(crate) fn list(&mut self, key: ExecutionKey, stored: &StoredExecution) {
        for row in status_keys(&stored.record, key) {
            self.put(BY_STATUS, row, stored.revision.0.to_vec());
        }
    }

    pub(crate) fn unlist(&mut self, key: ExecutionKey, record: &ExecutionRecord) {
        for row in status_keys(record, key) {
            self.delete(BY_STATUS, row);
        }
    }

    pub(crate) fn timer(&mut self, key: ExecutionKey, timer: TimerId, due_ms: i64) {
        self.put(TIMERS, timer_key(key, timer, due_ms), Vec::new());
    }

    pub(crate) fn remove_timer(&mut self, key: ExecutionKey, timer: TimerId, due_ms: i64) {
        self.delete(TIMERS, timer_key(key, timer, due_ms));
    }

    /// An Express execution that is to be begun anew after a crash.
    ///
    /// # Errors
    ///
    /// [`store::Error::Limit`] if its record is too large.
    pub(crate) fn express_start(&mut self, key: ExecutionKey, stored: &StoredExecution) -> Result<(), store::Error> {
        let record = Write::Put { keyspace: EXPRESS_STARTS, key: key.0.to_vec(), value: encode(stored) };
        let records = Batch { writes: vec![record], expect: Vec::new() };
        records.check_limits()?;
        records.writes.into_iter().for_each(|record| self.write(EXPRESS_STARTS, key.0.to_vec(), record));
        Ok(())
    }

    pub(crate) fn remove_express_start(&mut self, key: ExecutionKey) {
        self.delete(EXPRESS_STARTS, key.0.to_vec());
    }

    pub(crate) fn hold(&mut self, key: ExecutionKey, id: EventId) {
        self.put(HELD, held_key(key, id), Vec::new());
    }

    pub(crate) fn unhold(&mut self, key: ExecutionKey, id: EventId) {
        self.delete(HELD, held_key(key, id));
    }

    /// What a call of a task did to the task `id` of another execution, for as long as the calling execution is kept.
    pub(crate) fn done_by(&mut self, origin: Origin, key: ExecutionKey, id: EventId) {
        self.put(CALLS, held_key(origin.key, origin.id), encode(&(key, id)));
    }

    pub(crate) fn aside(&mut self, key: ExecutionKey, why: &str, since_ms: i64) {
        let aside = Aside { why: why.into(), since_ms, build: Aside::BUILD.into() };
        self.put(ASIDE, key.0.to_vec(), encode(&aside));
    }

    pub(crate) fn not_aside(&mut self, key: ExecutionKey) {
        self.delete(ASIDE, key.0.to_vec());
    }

    pub(crate) fn revision(&mut self, key: RevisionKey, record: &StateMachineRecord) {
        self.put(REVISIONS, key.0.to_vec(), encode(record));
    }

    /// A state machine has a newer revision, or is gone: this one is removed when nothing uses it any more.
    pub(crate) fn superseded(&mut self, revision: RevisionKey, arn: &str, since_ms: i64) {
        self.put(SUPERSEDED, superseded_key(arn, revision), encode(&Superseded { arn: arn.into(), since_ms }));
    }

    pub(crate) fn state_machine(&mut self, record: &StateMachineRecord) {
        self.put(STATE_MACHINES, record.arn.as_bytes().to_vec(), encode(record));
    }

    /// Its deletion is under way.
    pub(crate) fn deleting(&mut self, arn: &str) {
        self.put(DELETING, arn.as_bytes().to_vec(), Vec::new());
    }

    pub(crate) fn remove_state_machine(&mut self, arn: &str) {
        self.delete(STATE_MACHINES, arn.as_bytes().to_vec());
        self.delete(DELETING, arn.as_bytes().to_vec());
    }

    pub(crate) fn activity(&mut self, record: &ActivityRecord) {
        self.put(ACTIVITIES, record.arn.as_bytes().to_vec(), encode(record));
    }

    pub(crate) fn remove_activity(&mut self, arn: &str) {
        self.delete(ACTIVITIES, arn.as_bytes().to_vec());
    }

    pub(crate) fn tags(&mut self, arn: &str, tags: &[(String, String)]) {
        if tags.is_empty() {
            self.delete(TAGS, arn.as_bytes().to_vec());
        } else {
            self.put(TAGS, arn.as_bytes().to_vec(), encode(&tags));
        }
    }

    /// Only where it is absent: two processes that open a new store at once must not both win.
    pub(crate) fn new_meta(&mut self, name: &str, value: &[u8]) {
        self.batch.expect.push((META, name.as_bytes().to_vec(), None));
        self.put(META, name.as_bytes().to_vec(), encode(&value.to_vec()));
    }

    /// Nothing of the batch is written unless this record is what it was when it was read.
    pub(super) fn expect(&mut self, keyspace: Keyspace, (key, value): Record) {
        self.batch.expect.push((keyspace, key, Some(value)));
    }

    /// Removes a record whose key was read from the store.
    pub(super) fn delete(&mut self, keyspace: Keyspace, key: Vec<u8>) {
        self.write(keyspace, key.clone(), Write::Delete { keyspace, key });
    }

    pub(super) fn put(&mut self, keyspace: Keyspace, key: Vec<u8>, value: Vec<u8>) {
        self.write(keyspace, key.clone(), Write::Put { keyspace, key, value });
    }

    fn write(&mut self, keyspace: Keyspace, key: Vec<u8>, write: Write) {
        let next = self.batch.writes.len();
        let place = *self.places.entry((keyspace, key)).or_insert(next);
        match self.batch.writes.get_mut(place) {
            Some(earlier) => {
                self.bytes += size(&write);
                *earlier = write;
            }
            None => self.push(write),
        }
    }

    /// Takes in a write whose key is new to the batch, so that nothing is looked up.
    pub(super) fn push(&mut self, write: Write) {
        self.bytes += size(&write);
        self.batch.writes.push(write);
    }
}

fn size(write: &Write) -> usize {
    match write {
        Write::Put { key, value, .. } => key.len() + value.len(),
        Write::Delete { key, .. } => key.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_write_of_a_key_replaces_the_earlier() {
        let mut writes = Writes::default();
        let key = ExecutionKey([7; 16]);
        writes.open(key);
        writes.timer(key, TimerId(1), 5);
        writes.close(key);
        let batch = writes.into_batch();
        assert_eq!(batch.writes.len(), 2);
        assert!(matches!(batch.writes.first(), Some(Write::Delete { .. })));
    }
}
