//! Checks a store that no engine has open: whether each record can be read, and whether the records agree.
//!
//! History, parts, record, listings, timers and Map Runs of an execution are written in one batch each time, so they
//! agree at every moment. What does not is damage: of the disk, of the backend, or by a fault of this engine. What must
//! agree with what is said beside the keys, in `tables/fsck`.

use crate::tables::{Tables, Walk};
use std::sync::Arc;
use store::Store;

/// How much a finding means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// A record cannot be read, or contradicts another.
    Damage,
    /// Known to the engine, which goes on beside it: an execution that is set aside.
    Notice,
}

/// One thing that was found.
#[derive(Clone, Debug)]
pub struct Finding {
    pub severity: Severity,
    pub keyspace: &'static str,
    /// The key of the record, in hexadecimal digits, or the ARN that it is.
    pub key: String,
    /// The execution or the resource that it belongs to, where that is known.
    pub arn: Option<String>,
    pub what: String,
}

/// How much was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Of all keyspaces.
    pub records: u64,
    /// Of their keys and values.
    pub bytes: u64,
    pub executions: u64,
    /// Of these, those that have not ended …
    pub open: u64,
    /// … and those that are set aside.
    pub set_aside: u64,
    pub events: u64,
    pub timers: u64,
    pub map_runs: u64,
    pub state_machines: u64,
    /// Findings that are damage.
    pub damaged: u64,
}

/// Checks everything in the store. `expired_before_ms` (milliseconds since the Unix epoch) is the time before which an
/// execution must have closed to be removed: one that old may be there in part. Each finding is told as it is found.
pub fn fsck(store: Arc<dyn Store>, expired_before_ms: i64, tell: &mut dyn FnMut(Finding)) -> Checked {
    Walk::new(Tables::new(store), expired_before_ms, tell).all()
}
