//! An execution with its history, its parts, its timers and its listings.

use super::Walk;
use crate::{
    ExecutionRecord,
    fsck::Severity,
    tables::{
        ASIDE, Aside, BY_STATUS, CALLS, EXECUTIONS, EXPRESS_STARTS, ExecutionKey, HELD, HISTORY, MAP_RUNS, MAP_RUNS_OF,
        MapRunKey, OPEN, PARTS, StoredExecution, TIMERS, decode,
        reads::{bytes, key_at},
        status_keys,
        step_events::StepEvents,
        timer_key,
    },
};
use machine::{EventId, EventType, Execution, HistoryEvent, Part, PartId, Status, TimerId};
use std::collections::{HashMap, HashSet};

/// What a partition has beside its executions; what is left when they were checked belongs to none.
struct Beside {
    timers: HashMap<ExecutionKey, HashSet<Vec<u8>>>,
    open: HashSet<ExecutionKey>,
    met: HashSet<ExecutionKey>,
}

/// A history as far as others must agree with it.
#[derive(Default)]
struct Told {
    first: Option<EventId>,
    last: EventId,
    last_ms: i64,
    last_type: Option<EventType>,
}

impl Walk<'_> {
    /// Everything whose key begins with the key of an execution of the partition.
    pub(super) fn partition(&mut self, partition: u8) {
        let mut beside = Beside { timers: HashMap::new(), open: HashSet::new(), met: HashSet::new() };
        self.each(TIMERS, &[partition], |walk, at, _| match key_at(TIMERS, at, 9) {
            Ok(key) if at.len() == 33 => {
                walk.checked.timers += 1;
                beside.timers.entry(key).or_default().insert(at.to_vec());
            }
            _ => walk.damage(TIMERS, at, None, "this is no key of a timer"),
        });
        self.each(OPEN, &[partition], |walk, at, _| match key_at(OPEN, at, 0) {
            Ok(key) if at.len() == 16 => drop(beside.open.insert(key)),
            _ => walk.damage(OPEN, at, None, "this is no key of an execution"),
        });
        self.each(EXPRESS_STARTS, &[partition], |walk, at, value| {
            let Some(stored) = walk.read::<StoredExecution>(EXPRESS_STARTS, at, value) else { return };
            let arn = &stored.record.arn;
            if at != ExecutionKey::of(arn).0 {
                walk.damage(EXPRESS_STARTS, at, Some(arn), "this is not the key of the execution");
            }
            if walk.definition(stored.revision).is_none() {
                walk.damage(EXPRESS_STARTS, at, Some(arn), "its definition is missing");
            }
        });
        self.each(EXECUTIONS, &[partition], |walk, at, value| {
            walk.checked.executions += 1;
            let Ok(key) = key_at(EXECUTIONS, at, 0) else {
                return walk.damage(EXECUTIONS, at, None, "this is no key of an execution");
            };
            beside.met.insert(key);
            if let Some(stored) = walk.read::<StoredExecution>(EXECUTIONS, at, value) {
                walk.execution(key, &stored, &mut beside);
            } else {
                beside.open.remove(&key);
                beside.timers.remove(&key);
            }
        });
        for key in beside.open {
            self.damage(OPEN, &key.0, None, "it is open and has no record, or has ended");
        }
        for at in beside.timers.into_values().flatten() {
            self.damage(TIMERS, &at, None, "no execution has this timer");
        }
        for keyspace in [HISTORY, PARTS, HELD, MAP_RUNS_OF, ASIDE] {
            self.each(keyspace, &[partition], |walk, at, _| {
                if !key_at(keyspace, at, 0).is_ok_and(|key| beside.met.contains(&key)) {
                    walk.damage(keyspace, at, None, "it belongs to no execution");
                }
            });
        }
        // What a call of an Express execution has done is kept, and the execution is not.
        self.each(CALLS, &[partition], |walk, at, value| {
            walk.decodes::<(ExecutionKey, EventId)>(CALLS, at, value);
        });
    }

    fn execution(&mut self, key: ExecutionKey, stored: &StoredExecution, beside: &mut Beside) {
        let record = &stored.record;
        let arn = Some(&*record.arn);
        if ExecutionKey::of(&record.arn) != key {
            self.damage(EXECUTIONS, &key.0, arn, "it is stored under the key of another ARN");
        }
        let is_open = record.stop_ms.is_none();
        let outcome = record.outcome.as_ref().map(machine::Outcome::status);
        if is_open != (record.status == Status::Running) || outcome.unwrap_or(Status::Running) != record.status {
            self.damage(EXECUTIONS, &key.0, arn, format!("its status {:?} contradicts its end", record.status));
        }
        if self.definition(stored.revision).is_none() {
            self.damage(EXECUTIONS, &key.0, arn, "the revision of its state machine is missing or cannot be used");
        }
        for row in status_keys(record, key) {
            if self.get(BY_STATUS, &row).is_none() {
                self.damage(BY_STATUS, &row, arn, "the execution is not listed");
            }
        }
        let timers = beside.timers.remove(&key).unwrap_or_default();
        let is_in_open = beside.open.remove(&key);
        if is_in_open != is_open {
            let what = if is_open { "it is open, and recovery would not read it" } else { "it has ended and is open" };
            self.damage(OPEN, &key.0, arn, what);
        }
        self.checked.open += u64::from(is_open);
        let told = self.history(key, record);
        if is_open && self.is_aside(key, record) {
            return;
        }
        self.parts(key, stored, &told, timers);
        if is_open
            && let Some(child) = &stored.child
            && !self.has(MAP_RUNS, &child.map_run.0)
        {
            self.damage(MAP_RUNS, &child.map_run.0, arn, "the execution is a child of a Map Run that is missing");
        }
    }

    /// What is set aside is as the engine found it: it says why, and is not looked into.
    fn is_aside(&mut self, key: ExecutionKey, record: &ExecutionRecord) -> bool {
        let Some(value) = self.get(ASIDE, &key.0) else { return false };
        self.checked.set_aside += 1;
        // One that cannot be read is told of among the resources.
        if let Ok(Aside { why, .. }) = Aside::read(&value) {
            self.found(Severity::Notice, ASIDE, &key.0, Some(&record.arn), format!("it is set aside: {why}"));
        }
        true
    }

    /// The history from its first event to its last.
    fn history(&mut self, key: ExecutionKey, record: &ExecutionRecord) -> Told {
        let mut told = Told::default();
        let arn = Some(&*record.arn);
        let may_be_cut = record.stop_ms.is_some_and(|stop_ms| stop_ms < self.expired_before_ms);
        self.each(HISTORY, &key.0, |walk, at, value| {
            let read = walk.read::<StepEvents<Vec<HistoryEvent>>>(HISTORY, at, value);
            let Some(StepEvents(events)) = read else { return };
            let named = bytes(HISTORY, at, 16).map(u64::from_be_bytes).ok();
            if events.first().map(|first| first.id) != named {
                walk.damage(HISTORY, at, arn, "its key names another first event");
            }
            for event in &events {
                walk.checked.events += 1;
                if told.first.is_none() && may_be_cut {
                    told.last = event.id.saturating_sub(1);
                }
                if event.id != told.last + 1 || event.previous_event_id >= event.id {
                    walk.damage(HISTORY, at, arn, format!("event {} follows event {}", event.id, told.last));
                }
                if event.timestamp_ms < told.last_ms {
                    walk.damage(HISTORY, at, arn, format!("event {} is earlier than the one before", event.id));
                }
                told.first.get_or_insert(event.id);
                (told.last, told.last_ms, told.last_type) =
                    (event.id, event.timestamp_ms.max(told.last_ms), Some(event.event_type));
            }
        });
        let ended = told.last_type.and_then(status_of);
        let expected = (record.status != Status::Running).then_some(record.status);
        if ended != expected && !(may_be_cut && told.first.is_none()) {
            let last = told.last_type.map_or("nothing", EventType::as_str);
            self.damage(
                HISTORY,
                &key.0,
                arn,
                format!("its status is {:?}, and its history ends with {last}", record.status),
            );
        }
        told
    }

    /// The parts of an execution that is open, or can be redriven, and its timers.
    fn parts(&mut self, key: ExecutionKey, stored: &StoredExecution, told: &Told, mut timers: HashSet<Vec<u8>>) {
        let arn = Some(&*stored.record.arn);
        let mut parts: Vec<(PartId, Part)> = Vec::new();
        self.each(PARTS, &key.0, |walk, at, value| {
            let id = bytes(PARTS, at, 16).map(|id| PartId(u64::from_be_bytes(id)));
            if let (Ok(id), Some(part)) = (id, walk.read::<Part>(PARTS, at, value)) {
                parts.push((id, part));
            }
        });
        let is_open = stored.record.stop_ms.is_none();
        let remains = stored.record.remains.is_some_and(|remains| remains.is_redrivable);
        if !is_open && !remains {
            for (id, _) in &parts {
                self.damage(PARTS, &key.0, arn, format!("it has ended for good, and has part {}", id.0));
            }
        } else {
            parts.extend(stored.kept.iter().cloned());
            if let Some(execution) = self.loaded(key, stored, parts) {
                self.agree(key, stored, &execution, told, &mut timers);
            }
        }
        for at in timers {
            self.damage(TIMERS, &at, arn, "the execution does not have this timer");
        }
    }

    fn loaded(&mut self, key: ExecutionKey, stored: &StoredExecution, parts: Vec<(PartId, Part)>) -> Option<Execution> {
        let arn = Some(&*stored.record.arn);
        let facts = match stored.facts() {
            Ok(facts) => facts,
            Err(why) => {
                self.damage(EXECUTIONS, &key.0, arn, why);
                return None;
            }
        };
        let execution = Execution::from_parts(facts, parts);
        let misplaced = match &execution {
            Ok(execution) => execution.misplaced_parts(),
            Err(error) => vec![error.clone()],
        };
        for error in misplaced {
            self.damage(PARTS, &key.0, arn, format!("its parts do not fit together: {error:?}"));
        }
        execution.ok()
    }

    fn agree(
        &mut self,
        key: ExecutionKey,
        stored: &StoredExecution,
        execution: &Execution,
        told: &Told,
        timers: &mut HashSet<Vec<u8>>,
    ) {
        let arn = Some(&*stored.record.arn);
        if execution.last_event() != told.last {
            let what = format!("its parts know {} events, its history has {}", execution.last_event(), told.last);
            self.damage(PARTS, &key.0, arn, what);
        }
        if execution.status() != stored.record.status {
            self.damage(PARTS, &key.0, arn, format!("its parts say that it is {:?}", execution.status()));
        }
        if stored.record.stop_ms.is_some() {
            return;
        }
        let set: Vec<(TimerId, i64)> = execution.timers();
        for (timer, due_ms) in set {
            if !timers.remove(&timer_key(key, timer, due_ms)) {
                self.damage(TIMERS, &timer_key(key, timer, due_ms), arn, "the timer of an execution is missing");
            }
        }
        for pending in execution.pending_map_runs() {
            let map_run = MapRunKey::of(&pending.map_run_arn);
            if !self.has(MAP_RUNS, &map_run.0) {
                self.damage(MAP_RUNS, &map_run.0, arn, "the execution waits for a Map Run that is missing");
            }
        }
    }

    /// Each listing leads to an execution that is listed there.
    pub(super) fn listings(&mut self) {
        self.each(BY_STATUS, &[], |walk, at, revision| {
            let Ok(key) = key_at(BY_STATUS, at, 25) else {
                return walk.damage(BY_STATUS, at, None, "this is no key of a listing");
            };
            let Some(value) = walk.get(EXECUTIONS, &key.0) else {
                return walk.damage(BY_STATUS, at, None, "an execution is listed that is not there");
            };
            // One that cannot be read has been told of.
            let Ok(stored) = decode::<StoredExecution>(EXECUTIONS, &value) else { return };
            let arn = Some(&*stored.record.arn);
            if !status_keys(&stored.record, key).any(|row| row == at) {
                walk.damage(BY_STATUS, at, arn, "the execution is listed where it does not stand");
            }
            if !revision.is_empty() && revision != stored.revision.0 {
                walk.damage(BY_STATUS, at, arn, "the listing names another revision than the execution");
            }
        });
    }
}

fn status_of(event_type: EventType) -> Option<Status> {
    match event_type {
        EventType::ExecutionSucceeded => Some(Status::Succeeded),
        EventType::ExecutionFailed => Some(Status::Failed),
        EventType::ExecutionTimedOut => Some(Status::TimedOut),
        EventType::ExecutionAborted => Some(Status::Aborted),
        _ => None,
    }
}
