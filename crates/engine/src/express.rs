//! Express executions: the same machine and the same shards, and nothing of it in the store.
//!
//! Their state, their timers and their history are in memory and end with the process. AWS starts an asynchronous
//! Express execution again when its state was lost ("at least once"); here it is lost with the process. A synchronous
//! one is never run twice, as in AWS: its caller sees the connection break.

use crate::{ExecutionRecord, SyncResult};

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
