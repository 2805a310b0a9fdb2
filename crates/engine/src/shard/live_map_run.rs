//! A Map Run in memory: what has happened to it since its last step, and who waits for what comes of that.

use super::message::Reply;
use crate::{MapRunRecord, definitions::Definition, map_run::Children, outbox::Outbox};
use machine::{MapRun, MapRunTrigger, PendingMapRun};
use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};
use tokio::task::{AbortHandle, JoinHandle};

/// Triggers that one step takes: with the next limit it bounds the block that it writes.
const TRIGGERS_AT_ONCE: usize = 1_024;
/// Bytes of inputs and outcomes that one step takes, not counting the last ones: a block is read and written as a whole.
const TRIGGER_BYTES_AT_ONCE: usize = 1 << 20;
/// Bytes of inputs and outcomes in an inbox, beyond which no further children are asked for. Those that run then come on
/// top of it, no more than `MaxConcurrency`.
const INBOX_BYTES_MAX: usize = 16 << 20;

/// A Map Run in memory, until its end is durable.
pub(super) struct LiveMapRun {
    /// `None` while it is read, and while the slow lane has it.
    pub(super) run: Option<MapRun>,
    /// Number of what is done beside the loop.
    pub(super) errand: Option<u64>,
    pub(super) record: MapRunRecord,
    /// Of the execution that made it.
    pub(super) definition: Arc<Definition>,
    /// `None` while it is read.
    pub(super) children: Option<Arc<Children>>,
    pub(super) inbox: Inbox,
    /// Who waits until what was in the inbox when they asked is durable: how much of that is left.
    pub(super) updates: Vec<(usize, Reply<()>)>,
    /// Who asks how it stands then.
    pub(super) readers: Vec<(usize, Reply<Option<OpenMapRun>>)>,
    pub(super) is_due: bool,
    /// Whether its children may begin: not as long as too many Map Runs are open.
    pub(super) has_place: bool,
    /// Its items are read, or were.
    pub(super) reading: Option<Beside>,
    /// Its results are written, or were.
    pub(super) writing: Option<Beside>,
    /// It is redriven once it has ended, and that is durable.
    pub(super) redrive: Option<PendingMapRun>,
}

/// Something that is done for a Map Run beside the loop, as long as this is not dropped.
pub(super) struct Beside {
    /// Tells it from an earlier one, whose report may still be on its way.
    pub(super) number: u64,
    task: AbortHandle,
}

impl Beside {
    pub(super) fn new(number: u64, task: &JoinHandle<()>) -> Beside {
        Beside { number, task: task.abort_handle() }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl LiveMapRun {
    pub(super) fn new(record: MapRunRecord, definition: Arc<Definition>) -> LiveMapRun {
        LiveMapRun {
            run: None,
            errand: None,
            record,
            definition,
            children: None,
            inbox: Inbox::default(),
            updates: Vec::new(),
            readers: Vec::new(),
            is_due: false,
            has_place: false,
            reading: None,
            writing: None,
            redrive: None,
        }
    }

    /// Whether nothing happens to it any more.
    pub(super) fn has_ended(&self) -> bool {
        self.record.stop_ms.is_some()
    }

    /// Takes from the inbox what one step takes.
    pub(super) fn take_triggers(&mut self) -> Vec<MapRunTrigger> {
        let triggers = self.inbox.take_at_once();
        let all = self.updates.iter_mut().map(|(left, _)| left).chain(self.readers.iter_mut().map(|(left, _)| left));
        all.for_each(|left| *left = left.saturating_sub(triggers.len()));
        triggers
    }

    /// Answers those who have waited for what is in a batch now.
    pub(super) fn answer(&mut self, outbox: &mut Outbox) {
        let (Some(run), Some(children)) = (&self.run, &self.children) else { return };
        for (_, reply) in self.updates.extract_if(.., |(left, _)| *left == 0) {
            outbox.answer(reply, Ok(()));
        }
        for (_, reply) in self.readers.extract_if(.., |(left, _)| *left == 0) {
            let progress = run.progress_as_told(children.waiting.numbers());
            let record = MapRunRecord { progress, ..self.record.clone() };
            let open = OpenMapRun { record, running: run.running().collect() };
            outbox.answer(reply, Ok(Some(open)));
        }
    }
}

/// How a Map Run stands: its blocks have the ends of all children that are not among those that run.
pub(crate) struct OpenMapRun {
    /// It counts children as running that have begun.
    pub(crate) record: MapRunRecord,
    /// Numbers of the children that it has asked for and knows no end of. Some may not have begun.
    pub(crate) running: BTreeSet<u64>,
}

/// What has happened to a Map Run since its last step.
#[derive(Default)]
pub(super) struct Inbox {
    triggers: VecDeque<MapRunTrigger>,
    bytes: usize,
}

impl Inbox {
    pub(super) fn push(&mut self, trigger: MapRunTrigger) {
        self.bytes += trigger.payload_bytes();
        self.triggers.push_back(trigger);
    }

    pub(super) fn len(&self) -> usize {
        self.triggers.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.triggers.is_empty()
    }

    /// Whether the Map Run should take what is here before it asks for more.
    pub(super) fn is_full(&self) -> bool {
        self.bytes > INBOX_BYTES_MAX
    }

    pub(super) fn clear(&mut self) {
        *self = Inbox::default();
    }

    /// Takes what one step takes.
    fn take_at_once(&mut self) -> Vec<MapRunTrigger> {
        let mut triggers = Vec::new();
        let mut bytes = 0;
        while triggers.len() < TRIGGERS_AT_ONCE && bytes < TRIGGER_BYTES_AT_ONCE {
            let Some(trigger) = self.triggers.pop_front() else { break };
            bytes += trigger.payload_bytes();
            triggers.push(trigger);
        }
        self.bytes -= bytes;
        triggers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use json::Text;

    fn inbox(count: usize, input_bytes: usize) -> Inbox {
        let input: Text = "x".repeat(input_bytes).into();
        let outcome = machine::Outcome::Succeeded { output: json::Payload::default() };
        let ended = MapRunTrigger::ChildEnded {
            child: 0,
            redrive_count: 0,
            start_ms: 0,
            stop_ms: 0,
            outcome,
            input,
            is_redrivable: false,
        };
        let mut inbox = Inbox::default();
        (0..count).for_each(|_| inbox.push(ended.clone()));
        inbox
    }

    fn check(count: usize, input_bytes: usize, expected: usize) {
        let mut inbox = inbox(count, input_bytes);
        assert_eq!((inbox.take_at_once().len(), inbox.len()), (expected, count - expected));
    }

    #[test]
    fn a_block_is_bounded_in_number_and_in_bytes() {
        check(0, 0, 0);
        check(3, 10, 3);
        check(2_000, 10, TRIGGERS_AT_ONCE);
        check(20, TRIGGER_BYTES_AT_ONCE / 4, 4);
        // One is taken, however large it is.
        check(2, TRIGGER_BYTES_AT_ONCE * 2, 1);
    }

    #[test]
    fn an_inbox_is_full_until_enough_of_it_is_taken() {
        let mut inbox = inbox(80, TRIGGER_BYTES_AT_ONCE / 4);
        let mut steps = 0;
        while inbox.is_full() {
            assert_eq!(inbox.take_at_once().len(), 4);
            steps += 1;
        }
        assert_eq!((steps, inbox.len()), (5, 60));
        while !inbox.is_empty() {
            inbox.take_at_once();
        }
        assert_eq!(inbox.bytes, 0);
    }
}
