//! Tells who watches from outside: events for logs, and changes of status.

use super::{Shard, live::Live};
use crate::{ExecutionRecord, Logged, Receive, outbox::Outbox, tables::ExecutionKey};
use machine::{EventType, HistoryEvent, Status};
use std::sync::Arc;

impl Shard {
    /// What a step tells, once it is durable. Express executions have no status changes: AWS tells of none, either.
    /// They are kept here instead, if that is wanted.
    pub(super) fn tell(&self, key: ExecutionKey, history: &[HistoryEvent], outbox: &mut Outbox) {
        let options = &self.environment.options;
        let express_history = self.environment.express_history.as_ref();
        let is_watched = options.log.is_some() || options.status_changes.is_some() || express_history.is_some();
        if history.is_empty() || !is_watched {
            return;
        }
        let Some(live) = self.live.get(key) else { return };
        if let Some(log) = &options.log {
            tell_log(log, live, history, outbox);
        }
        if live.is_standard {
            if let Some(receiver) = &options.status_changes {
                tell_status_changes(receiver, live, history, outbox);
            }
        } else if let Some(kept) = express_history {
            kept.step(key, &live.stored.record, &live.definition, history);
        }
    }
}

fn tell_log(log: &Arc<dyn Receive<Logged>>, live: &Live, history: &[HistoryEvent], outbox: &mut Outbox) {
    let Some(logging) = &live.logging else { return };
    let is_logged = |event: &&HistoryEvent| logging.level.logs(event.event_type);
    let events: Vec<_> = history.iter().filter(is_logged).cloned().collect();
    if events.is_empty() {
        return;
    }
    let record = &live.stored.record;
    let logged = Logged {
        logging: Arc::clone(logging),
        execution_arn: Arc::clone(&record.arn),
        redrive_count: record.redrive_count,
        events,
    };
    let log = Arc::clone(log);
    outbox.then(move || log.receive(logged));
}

fn tell_status_changes(
    receiver: &Arc<dyn Receive<ExecutionRecord>>,
    live: &Live,
    history: &[HistoryEvent],
    outbox: &mut Outbox,
) {
    let record = &live.stored.record;
    let begins =
        |event: &HistoryEvent| matches!(event.event_type, EventType::ExecutionStarted | EventType::ExecutionRedriven);
    let mut changes = Vec::new();
    if history.iter().any(begins) {
        changes.push(ExecutionRecord { status: Status::Running, stop_ms: None, outcome: None, ..record.clone() });
    }
    if live.is_closed() {
        changes.push(record.clone());
    }
    for change in changes {
        let receiver = Arc::clone(receiver);
        outbox.then(move || receiver.receive(change));
    }
}
