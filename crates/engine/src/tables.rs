//! What is stored, and how: the only module that knows keyspaces, keys and encodings.
//!
//! `E` is an [`ExecutionKey`]: the first 16 bytes of the SHA-256 of the execution's ARN, so that an ARN leads to its
//! records without an index. `M` is the same of a state machine's ARN, `R` of a Map Run's, `Q` of that of a state machine,
//! of one of its versions, of one of its aliases or of a Map Run. Numbers are big-endian, so that keys sort as numbers do;
//! `MAX−t` is `u64::MAX` minus milliseconds, so that the newest comes first.
//!
//! | keyspace | key | value |
//! |---|---|---|
//! | `history` | E, id of the first event | all events of one step |
//! | `parts` | E, part id | one part of an execution that is open, or can be redriven |
//! | `executions` | E | the execution as it is described, and the revision of the state machine that it runs |
//! | `open` | E | nothing: what recovery reads |
//! | `by_status` | Q, status, MAX−t, E | the name of the revision that it runs: RUNNING by start, closed ones by stop; an execution is listed under its state machine, and under the version and the alias that it was started by |
//! | `timers` | first byte of E, due time, E, timer | nothing |
//! | `map_runs` | R | a Map Run as it is described |
//! | `map_run_requests` | R | what the Map Run was made with: its items … |
//! | `map_run_blocks` | R, number | what children of the Map Run came to, as one step of it heard of them |
//! | `map_runs_of` | E, MAX−t, R | nothing: the Map Runs of an execution |
//! | `open_map_runs` | first byte of E, R | nothing: what recovery reads; E is the execution that made the Map Run |
//! | `express_starts` | E | an asynchronous Express execution that has not ended: it is begun anew after a crash |
//! | `held` | E, event id | nothing: a task that a clean shutdown did not begin |
//! | `calls` | E and event id of a call of a task | the execution and the event of the task that it answered or was handed |
//! | `aside` | E | why the execution was set aside, when, and by which build; it is removed when that is as long ago as a closed one is kept |
//! | `names` | E | until when the name of an execution that was removed is not given again |
//! | `revisions` | the name in the record, once its hash | a state machine with its definition, as it was when executions started |
//! | `superseded` | M, the name | since when the revision is not the current one: it is removed when nothing uses it |
//! | `state_machines` | ARN | the state machine as it is now |
//! | `versions` | M | the number of the version that was published last; a number is never given again |
//! | `versions` | M, number | a version: the name of its revision |
//! | `aliases` | M, name | an alias: the numbers of its versions, and their weights |
//! | `deleting` | ARN | nothing: a state machine whose deletion is under way |
//! | `activities` | ARN | the activity |
//! | `tags` | ARN | the tags of the resource |
//! | `meta` | name | the format version, the key that seals task tokens |
//!
//! How a value is written, `encoding` tells.
//! What the `executions` of a step need beyond this is derived: a closed execution has no timers and is not `open`; activity tasks and pending calls are found in the parts; expiry is read off the tail of `by_status`.
//! An execution that succeeded has no parts; one that failed, timed out or was aborted keeps those that a redrive goes on
//! from. So an execution that ends in its first step costs three records: what is kept of one that fails there is, if it
//! is little, in its own.

mod activities;
mod encoding;
mod expiry;
mod fsck;
mod history;
mod map_runs;
mod names;
mod qualifiers;
mod reads;
mod revisions;
mod step_events;
mod writes;

use encoding::{decode, encode, plain_length};

pub(crate) use expiry::Expired;
pub(crate) use fsck::Walk;
pub(crate) use history::Wanted;
pub(crate) use map_runs::of_execution;
pub(crate) use reads::{SetAside, Tables, TimerRow};
pub(crate) use revisions::{Search, Unused};
pub(crate) use writes::Writes;

use crate::{definitions::DefinitionName, model::ExecutionRecord};
use json::{Payload, Text};
use machine::{EventId, Facts, Part, PartId, Status, TimerId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use store::Keyspace;

const HISTORY: Keyspace = Keyspace("history");
const PARTS: Keyspace = Keyspace("parts");
const EXECUTIONS: Keyspace = Keyspace("executions");
const OPEN: Keyspace = Keyspace("open");
const BY_STATUS: Keyspace = Keyspace("by_status");
const TIMERS: Keyspace = Keyspace("timers");
const MAP_RUNS: Keyspace = Keyspace("map_runs");
const MAP_RUN_REQUESTS: Keyspace = Keyspace("map_run_requests");
const MAP_RUN_BLOCKS: Keyspace = Keyspace("map_run_blocks");
const MAP_RUNS_OF: Keyspace = Keyspace("map_runs_of");
const OPEN_MAP_RUNS: Keyspace = Keyspace("open_map_runs");
const EXPRESS_STARTS: Keyspace = Keyspace("express_starts");
const HELD: Keyspace = Keyspace("held");
const CALLS: Keyspace = Keyspace("calls");
const ASIDE: Keyspace = Keyspace("aside");
const NAMES: Keyspace = Keyspace("names");
const REVISIONS: Keyspace = Keyspace("revisions");
const SUPERSEDED: Keyspace = Keyspace("superseded");
const STATE_MACHINES: Keyspace = Keyspace("state_machines");
const VERSIONS: Keyspace = Keyspace("versions");
const ALIASES: Keyspace = Keyspace("aliases");
const DELETING: Keyspace = Keyspace("deleting");
const ACTIVITIES: Keyspace = Keyspace("activities");
const TAGS: Keyspace = Keyspace("tags");
const META: Keyspace = Keyspace("meta");

/// A stored record that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Store(store::Error),
    #[error("a record of `{keyspace}` is corrupt: {why}")]
    Corrupt { keyspace: &'static str, why: String },
}

impl From<store::Error> for ReadError {
    /// What is damaged on the disk concerns who needs it, as a record does that cannot be decoded: the store goes on.
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Damaged { keyspace, source } => ReadError::Corrupt { keyspace, why: source.to_string() },
            error => ReadError::Store(error),
        }
    }
}

impl From<ReadError> for crate::Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => crate::Error::Store(error),
            ReadError::Corrupt { keyspace, why } => crate::Error::Corrupt { keyspace, why },
        }
    }
}

/// Names an execution in the store and decides which shard owns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ExecutionKey(pub(crate) [u8; 16]);

impl ExecutionKey {
    pub(crate) fn of(execution_arn: &str) -> ExecutionKey {
        ExecutionKey(digest(execution_arn.as_bytes()))
    }

    /// The first byte: the smallest unit that a shard can own.
    pub(crate) fn partition(self) -> u8 {
        let ExecutionKey([first, ..]) = self;
        first
    }
}

/// Names a Map Run in the store. The shard of the execution that made it owns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct MapRunKey(pub(crate) [u8; 16]);

impl MapRunKey {
    pub(crate) fn of(map_run_arn: &str) -> MapRunKey {
        MapRunKey(digest(map_run_arn.as_bytes()))
    }
}

/// Whose child an execution is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ChildOf {
    pub(crate) map_run: MapRunKey,
    /// The execution that made the Map Run; its shard wants to hear of the child's end.
    pub(crate) owner: ExecutionKey,
    pub(crate) number: u64,
    /// The Map state whose item processor the child executes.
    pub(crate) state: Text,
}

/// Names a state machine as it was at some time. It is drawn from what the state machine was, and stored in its record:
/// a later build, whose records may have more fields, finds the revision under the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct RevisionKey(pub(crate) [u8; 16]);

impl RevisionKey {
    /// The hash of what this build stores of the state machine.
    pub(crate) fn of(record: &crate::StateMachineRecord) -> RevisionKey {
        let unnamed = crate::StateMachineRecord { revision: None, deleting: false, ..record.clone() };
        RevisionKey(digest(&encode(&unnamed)))
    }
}

impl crate::StateMachineRecord {
    /// The name of the revision that this record describes.
    pub(crate) fn current_revision(&self) -> RevisionKey {
        self.revision.unwrap_or_else(|| RevisionKey::of(self))
    }
}

/// An execution as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredExecution {
    pub(crate) record: ExecutionRecord,
    pub(crate) revision: RevisionKey,
    /// The last redrives, the newest last: their client tokens and when they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) redrives: Vec<(Text, i64)>,
    /// The parts of an execution that failed in its first step, if there are few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) kept: Vec<(PartId, Part)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) child: Option<ChildOf>,
}

impl StoredExecution {
    pub(crate) fn new(record: ExecutionRecord, revision: RevisionKey) -> StoredExecution {
        StoredExecution { record, revision, redrives: Vec::new(), kept: Vec::new(), child: None }
    }

    /// Names what it executes.
    pub(crate) fn definition(&self) -> DefinitionName {
        DefinitionName { revision: self.revision, map_state: self.child.as_ref().map(|child| Arc::clone(&child.state)) }
    }

    /// What `machine` needs to know. The input is kept once, as its text.
    pub(crate) fn facts(&self) -> Result<Facts, String> {
        let record = &self.record;
        let arn = asl::Arn::parse(&record.arn).map_err(|error| error.message)?;
        let input = Payload::parse(&record.input_text).map_err(|error| error.message)?;
        Ok(facts_of(record, input, arn.region, arn.account))
    }
}

/// Why an execution was set aside, when, and by which build: another one tries again.
#[derive(Serialize, Deserialize)]
struct Aside {
    why: String,
    since_ms: i64,
    #[serde(default)]
    build: String,
}

impl Aside {
    /// This build.
    const BUILD: &'static str = env!("CARGO_PKG_VERSION");

    /// The first builds stored the reason alone.
    fn read(value: &[u8]) -> Result<Aside, ReadError> {
        let reason = |_| decode(ASIDE, value).map(|why| Aside { why, since_ms: i64::MAX, build: String::new() });
        decode(ASIDE, value).or_else(reason)
    }
}

/// A revision that is not the current one any more.
#[derive(Serialize, Deserialize)]
struct Superseded {
    /// Of the state machine.
    arn: Text,
    since_ms: i64,
}

/// What `machine` knows of an execution: what its record says, with the input parsed, for this Region and account.
pub(crate) fn facts_of(record: &ExecutionRecord, input: Payload, region: Text, account: Text) -> Facts {
    Facts {
        execution_arn: record.arn.clone(),
        name: record.name.clone(),
        state_machine_arn: record.state_machine_arn.clone(),
        state_machine_name: record.state_machine_name.clone(),
        state_machine_version_arn: record.state_machine_version_arn.clone(),
        state_machine_alias_arn: record.state_machine_alias_arn.clone(),
        role_arn: record.role_arn.clone(),
        state_machine_type: record.state_machine_type,
        is_synchronous: false,
        start_ms: record.start_ms,
        input,
        input_text: record.input_text.clone(),
        region,
        account,
        redrive_count: record.redrive_count,
        redrive_ms: record.redrive_ms,
    }
}

fn digest(bytes: &[u8]) -> [u8; 16] {
    let mut key = [0; 16];
    for (to, from) in key.iter_mut().zip(Sha256::digest(bytes)) {
        *to = from;
    }
    key
}

fn join<const N: usize>(pieces: [&[u8]; N]) -> Vec<u8> {
    pieces.concat()
}

fn history_key(key: ExecutionKey, first: EventId) -> Vec<u8> {
    join([&key.0, &first.to_be_bytes()])
}

fn part_key(key: ExecutionKey, part: PartId) -> Vec<u8> {
    join([&key.0, &part.0.to_be_bytes()])
}

fn timer_key(key: ExecutionKey, timer: TimerId, due_ms: i64) -> Vec<u8> {
    join([&[key.partition()], &ordered(due_ms), &key.0, &timer.0.to_be_bytes()])
}

fn held_key(key: ExecutionKey, id: EventId) -> Vec<u8> {
    join([&key.0, &id.to_be_bytes()])
}

fn superseded_key(state_machine_arn: &str, revision: RevisionKey) -> Vec<u8> {
    join([&digest(state_machine_arn.as_bytes()), &revision.0])
}

fn status_prefix(arn: &str, status: Status) -> Vec<u8> {
    join([&digest(arn.as_bytes()), &[status_byte(status)]])
}

/// Where the execution stands in `by_status`.
fn status_keys(record: &ExecutionRecord, key: ExecutionKey) -> impl Iterator<Item = Vec<u8>> {
    let time = record.stop_ms.unwrap_or(record.start_ms);
    let qualified = [&record.state_machine_version_arn, &record.state_machine_alias_arn];
    std::iter::once(record.listed_under())
        .chain(qualified.into_iter().flatten().map(|arn| &**arn))
        .map(move |arn| join([&status_prefix(arn, record.status), &newest_first(time), &key.0]))
}

fn status_byte(status: Status) -> u8 {
    match status {
        Status::Running => 0,
        Status::Succeeded => 1,
        Status::Failed => 2,
        Status::TimedOut => 3,
        Status::Aborted => 4,
    }
}

fn ordered(time_ms: i64) -> [u8; 8] {
    u64::try_from(time_ms).unwrap_or(0).to_be_bytes()
}

fn newest_first(time_ms: i64) -> [u8; 8] {
    (u64::MAX - u64::try_from(time_ms).unwrap_or(0)).to_be_bytes()
}

/// The first key after `key`.
fn successor(key: &[u8]) -> Vec<u8> {
    join([key, &[0]])
}

/// The ARN prefix of the resources of one kind in an account.
pub(crate) fn arn_prefix(scope: &crate::Account, kind: &str) -> Text {
    format!("arn:{}:states:{}:{}:{kind}:", scope.partition, scope.region, scope.account).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_sorts_before_older() {
        assert!(newest_first(2) < newest_first(1));
        assert!(ordered(1) < ordered(2));
    }
}
