//! What the engine takes and gives: records of state machines, executions and activities.
use crate::{
    Origin,
    tables::{ExecutionKey, RevisionKey},
};
use asl::{Arn, StateMachineType};
use json::{Payload, Text};
use machine::{EventId, Failure, MapRunProgress, Outcome, PendingMapRun, Status};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// An account in a Region.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    pub partition: Text,
    pub region: Text,
    pub account: Text,
}

/// Up to `size` results after `after`, an opaque position that a previous page gave in `next`.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub size: usize,
    pub after: Option<Vec<u8>>,
}

impl Page {
    /// Up to `size` events of a history after this one, whatever was read before.
    pub fn after_event(event: machine::EventId, size: usize) -> Page {
        Page { size, after: Some(event.to_be_bytes().to_vec()) }
    }
}

/// One page of results. The positions are sealed into page tokens by `api`.
#[derive(Clone, Debug)]
pub struct Paged<T> {
    pub items: Vec<T>,
    pub next: Option<Vec<u8>>,
}

impl<T> Paged<T> {
    /// The same page of something else.
    pub fn map<U>(self, to: impl FnMut(T) -> U) -> Paged<U> {
        Paged { items: self.items.into_iter().map(to).collect(), next: self.next }
    }
}

/// A state machine as it is stored. Configurations are kept as the JSON that the caller sent (already validated by `api`).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StateMachineRecord {
    pub arn: Text,
    pub name: Text,
    /// Byte for byte as it was given.
    pub definition: Text,
    pub role_arn: Text,
    pub state_machine_type: StateMachineType,
    pub created_ms: i64,
    pub updated_ms: i64,
    /// A UUID of the last update; `None` until the first: AWS then describes the state machine without it.
    pub revision_id: Option<Text>,
    pub deleting: bool,
    pub logging: Option<Payload>,
    pub tracing: Option<Payload>,
    pub encryption: Option<Payload>,
    /// Names this revision; the record that executions run is stored under it. `None` in records of builds that named
    /// a revision by the hash of its record alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) revision: Option<RevisionKey>,
}
/// What a list tells of a state machine. It is read without its definition.
#[derive(Clone, Debug, Deserialize)]
pub struct ListedStateMachine {
    pub arn: Text,
    pub name: Text,
    pub state_machine_type: StateMachineType,
    pub created_ms: i64,
}
#[derive(Clone, Debug)]
pub struct NewStateMachine {
    pub arn: Arn,
    pub definition: Text,
    /// Parsed by `api`, which refuses definitions with errors.
    pub parsed: Arc<asl::StateMachine>,
    pub role_arn: Text,
    pub state_machine_type: StateMachineType,
    pub logging: Option<Payload>,
    pub tracing: Option<Payload>,
    pub encryption: Option<Payload>,
    pub tags: Vec<(String, String)>,
    /// Publishes version 1 with the creation.
    pub publish: Option<Publish>,
}
#[derive(Clone, Debug, Default)]
pub struct StateMachineChange {
    pub definition: Option<(Text, Arc<asl::StateMachine>)>,
    pub role_arn: Option<Text>,
    pub logging: Setting,
    pub tracing: Setting,
    pub encryption: Setting,
    /// Publishes a version of the state machine as the change leaves it, even if it changes nothing.
    pub publish: Option<Publish>,
}

/// What a change does to one configuration of a state machine.
#[derive(Clone, Debug, Default)]
pub enum Setting {
    /// It stays what it is.
    #[default]
    Kept,
    /// It is AWS's default again, which is not stored: who creates the same state machine again finds it the same.
    Default,
    To(Payload),
}

impl Setting {
    pub(crate) fn apply(self, current: Option<Payload>) -> Option<Payload> {
        match self {
            Setting::Kept => current,
            Setting::Default => None,
            Setting::To(configuration) => Some(configuration),
        }
    }
}

/// That a version is to be published.
#[derive(Clone, Debug, Default)]
pub struct Publish {
    pub description: Option<Text>,
}
/// A state machine that was created or changed, and its version, if one was asked for.
#[derive(Clone, Debug)]
pub struct Changed {
    pub state_machine: Arc<StateMachineRecord>,
    pub version_arn: Option<Text>,
}

/// A published version as it is stored: it names a revision of its state machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VersionRecord {
    /// From 1 on; never given twice, also not after a deletion.
    pub number: u64,
    pub description: Option<Text>,
    pub created_ms: i64,
    pub(crate) revision: RevisionKey,
    /// Published by CreateStateMachine, which is idempotent in this, too.
    pub(crate) with_creation: bool,
}
/// A version with the state machine as it was when it was published.
#[derive(Clone, Debug)]
pub struct Version {
    pub arn: Text,
    pub description: Option<Text>,
    pub created_ms: i64,
    pub state_machine: Arc<StateMachineRecord>,
}

/// Where an alias sends executions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The number of the version.
    pub version: u64,
    /// Of 100 executions, so many.
    pub weight: u8,
}
/// An alias as it is stored: one route or two, whose weights sum to 100.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AliasRecord {
    pub name: Text,
    pub description: Option<Text>,
    pub routes: Vec<Route>,
    pub created_ms: i64,
    pub updated_ms: i64,
}
#[derive(Clone, Debug)]
pub struct NewAlias {
    /// The ARN that the alias is to have.
    pub arn: Arn,
    pub description: Option<Text>,
    pub routes: Vec<Route>,
}
/// What is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct AliasChange {
    pub description: Option<Text>,
    pub routes: Option<Vec<Route>>,
}

#[derive(Clone, Debug)]
pub struct StartExecution {
    /// A state machine, or one of its versions or aliases.
    pub state_machine: Arn,
    /// `None`: a new UUID.
    pub name: Option<Text>,
    pub input: Payload,
    pub input_text: Text,
    pub trace_header: Option<Text>,
    /// The call of a task that asks for it: the same call again is the same start, also after its end.
    pub origin: Option<Origin>,
}
/// A state to test.
#[derive(Clone, Debug)]
pub struct TestState {
    pub scope: Account,
    /// A state machine that has only this state.
    pub definition: asl::StateMachine,
    /// Empty: there is none.
    pub role_arn: Text,
    pub input: Payload,
    pub input_text: Text,
    pub setup: machine::TestSetup,
}
#[derive(Clone, Debug)]
pub struct Started {
    pub arn: Text,
    pub start_ms: i64,
}
/// What StartSyncExecution gives.
#[derive(Clone, Debug)]
pub struct SyncResult {
    pub record: ExecutionRecord,
    pub billed_duration_ms: u64,
    pub billed_memory_mb: u64,
}

/// An execution as DescribeExecution tells it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExecutionRecord {
    pub arn: Text,
    pub name: Text,
    pub state_machine_arn: Text,
    pub state_machine_name: Text,
    pub role_arn: Text,
    pub state_machine_version_arn: Option<Text>,
    pub state_machine_alias_arn: Option<Text>,
    pub state_machine_type: StateMachineType,
    pub status: Status,
    pub start_ms: i64,
    pub stop_ms: Option<i64>,
    pub input_text: Text,
    pub outcome: Option<Outcome>,
    pub trace_header: Option<Text>,
    pub redrive_count: u32,
    pub redrive_ms: Option<i64>,
    /// The call that started it, if a task of another execution did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// `None` while it runs, if it succeeded, and in records of builds that kept nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remains: Option<Remains>,
    /// Of a child of a Map Run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_run_arn: Option<Text>,
    /// How many items a child of a Map Run was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_count: Option<u64>,
    /// How often its Map Run had been redriven when the child began, or went on the last time.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub map_run_redrives: u32,
    /// A child that ended unsuccessfully waits for its Map Run to redrive it. This is not stored: the Map Run knows it.
    #[serde(skip)]
    pub is_pending_redrive: bool,
}
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// What an execution that ended unsuccessfully has left for a redrive.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Remains {
    /// How many events it has.
    pub events: EventId,
    /// Whether it is known where it stood. It is not if its history was full.
    pub is_redrivable: bool,
}
/// What RedriveExecution takes.
#[derive(Clone, Debug)]
pub struct RedriveExecution {
    pub execution: Arn,
    /// The same one again, within 15 minutes, is the same call.
    pub client_token: Option<Text>,
}

impl ExecutionRecord {
    /// The ARN whose executions a list shows: the children of a Map Run are listed with it only.
    pub(crate) fn listed_under(&self) -> &str {
        self.map_run_arn.as_deref().unwrap_or(&self.state_machine_arn)
    }
}

#[derive(Clone, Debug)]
pub struct ExecutionFilter {
    /// A state machine, or one of its versions or aliases, by which they were started; or a Map Run, whose children are
    /// meant.
    pub state_machine: Arn,
    /// Those that wait to be redriven have none of these.
    pub status: Option<Status>,
    /// Only those children of the Map Run that wait to be redriven, whatever they came to before.
    pub is_pending_redrive: bool,
    /// Only those that were redriven, or only those that were not.
    pub is_redriven: Option<bool>,
}

/// A Map Run as DescribeMapRun tells it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MapRunRecord {
    pub arn: Text,
    /// Of the execution whose Map state made it.
    pub execution_arn: Text,
    /// Of the children: `stateMachine:NAME/LABEL`.
    pub state_machine_arn: Text,
    /// Of the children. Records of earlier builds do not tell it, and their blocks tell too little of Express children.
    #[serde(default)]
    pub(crate) execution_type: StateMachineType,
    pub start_ms: i64,
    pub stop_ms: Option<i64>,
    /// Tells how often it was redriven, too.
    pub progress: MapRunProgress,
    /// When it was redriven the last time.
    pub redrive_ms: Option<i64>,
    /// The execution, and the number of its `MapRunStarted` event, or of its last `MapRunRedriven` event.
    pub(crate) owner: ExecutionKey,
    pub(crate) effect: EventId,
    /// Blocks that were written.
    pub(crate) blocks: u64,
}

impl MapRunRecord {
    /// The Map Run, which has ended, goes on.
    pub(crate) fn redrive(&mut self, pending: &PendingMapRun, now_ms: i64) {
        self.progress.redrive(pending.redrive_count);
        (self.effect, self.redrive_ms, self.stop_ms) = (pending.id, Some(now_ms), None);
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ActivityRecord {
    pub arn: Text,
    pub name: Text,
    pub created_ms: i64,
    pub encryption: Option<Payload>,
}
#[derive(Clone, Debug)]
pub struct NewActivity {
    pub arn: Arn,
    pub encryption: Option<Payload>,
    pub tags: Vec<(String, String)>,
}
#[derive(Clone, Debug)]
pub struct ActivityTask {
    pub token: Text,
    pub input: Text,
}
/// What a worker says of its task.
#[derive(Clone, Debug)]
pub enum TaskAnswer {
    Succeeded(Payload),
    Failed(Failure),
    /// It works on it still.
    Heartbeat,
}
