//! Express executions: the same machine and the same shards, and next to nothing of it in the store.
//!
//! Their state, their timers and their history are in memory and end with the process. As in AWS, an asynchronous one whose
//! state was lost begins anew ("at least once", see `shard/express_starts.rs`), and a synchronous one is never run twice:
//! its caller sees the connection break.
//!
//! AWS keeps no history of them at all. Here the latest ones can be kept in memory, up to a number of bytes.

use crate::{
    Error, ExecutionRecord, Page, Paged, SyncResult, definitions::Definition, queries::event_id, tables::ExecutionKey,
};
use machine::{EventId, HistoryEvent};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// AWS bills in steps of this length, the last one begun counts.
const BILLED_STEP_MS: u64 = 100;
/// The least memory that AWS bills.
const BILLED_MEMORY_MB: u64 = 64;

/// The answer of StartSyncExecution.
pub(crate) fn sync_result(record: ExecutionRecord) -> SyncResult {
    let took_ms = record.stop_ms.unwrap_or(record.start_ms).saturating_sub(record.start_ms);
    let steps = u64::try_from(took_ms).unwrap_or(0).div_ceil(BILLED_STEP_MS).max(1);
    SyncResult { record, billed_duration_ms: steps * BILLED_STEP_MS, billed_memory_mb: BILLED_MEMORY_MB }
}

/// What an event, or a record, takes in memory besides its payloads: an estimate.
const OVERHEAD_BYTES: usize = 256;

/// The histories of the Express executions that were started last.
pub(crate) struct ExpressHistory {
    bytes_max: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    executions: HashMap<ExecutionKey, KeptExecution>,
    /// In the order of their starts.
    order: VecDeque<ExecutionKey>,
    bytes: usize,
}

struct KeptExecution {
    record: ExecutionRecord,
    definition: Arc<Definition>,
    events: Vec<HistoryEvent>,
    bytes: usize,
}

impl ExpressHistory {
    /// `None`: nothing is to be kept.
    pub(crate) fn new(bytes_max: usize) -> Option<ExpressHistory> {
        (bytes_max > 0).then(|| ExpressHistory { bytes_max, kept: Mutex::default() })
    }

    /// Adds the events of a step. What was forgotten to make room stays forgotten.
    pub(crate) fn step(
        &self,
        key: ExecutionKey,
        record: &ExecutionRecord,
        definition: &Arc<Definition>,
        events: &[HistoryEvent],
    ) {
        let mut kept = self.lock();
        let kept = &mut *kept;
        if events.first().is_some_and(|event| event.id == 1) {
            let bytes = OVERHEAD_BYTES + record.input_text.len();
            let (record, definition) = (record.clone(), Arc::clone(definition));
            let new = KeptExecution { record, definition, events: Vec::new(), bytes };
            // A child of a Map Run that is redriven begins anew under its old name.
            if let Some(earlier) = kept.executions.insert(key, new) {
                kept.bytes -= earlier.bytes;
                kept.order.retain(|other| *other != key);
            }
            kept.order.push_back(key);
            kept.bytes += bytes;
        }
        let Some(execution) = kept.executions.get_mut(&key) else { return };
        let bytes = events.iter().map(|event| OVERHEAD_BYTES + event.details.payload_bytes()).sum::<usize>();
        execution.record = record.clone();
        execution.events.extend_from_slice(events);
        execution.bytes += bytes;
        kept.bytes += bytes;
        while kept.bytes > self.bytes_max {
            let Some(oldest) = kept.order.pop_front() else { break };
            kept.bytes -= kept.executions.remove(&oldest).map_or(0, |execution| execution.bytes);
        }
    }

    pub(crate) fn record(&self, key: ExecutionKey) -> Option<ExecutionRecord> {
        self.lock().executions.get(&key).map(|execution| execution.record.clone())
    }

    pub(crate) fn definition(&self, key: ExecutionKey) -> Option<Arc<Definition>> {
        self.lock().executions.get(&key).map(|execution| Arc::clone(&execution.definition))
    }

    /// A page of the history, as that of a Standard execution.
    pub(crate) fn history(
        &self,
        key: ExecutionKey,
        reverse: bool,
        page: &Page,
    ) -> Result<Option<Paged<HistoryEvent>>, Error> {
        let position = page.after.as_deref().map(event_id).transpose()?;
        let kept = self.lock();
        let Some(execution) = kept.executions.get(&key) else { return Ok(None) };
        let limit = page.size.saturating_add(1);
        let events = execution.events.iter();
        let mut items: Vec<HistoryEvent> = if reverse {
            let before = position.unwrap_or(EventId::MAX);
            events.rev().filter(|event| event.id < before).take(limit).cloned().collect()
        } else {
            let after = position.unwrap_or(0);
            events.filter(|event| event.id > after).take(limit).cloned().collect()
        };
        let has_more = items.len() > page.size;
        items.truncate(page.size);
        let next = items.last().filter(|_| has_more).map(|last| last.id.to_be_bytes().to_vec());
        Ok(Some(Paged { items, next }))
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
