//! State machines that are being deleted.
//!
//! A state machine in deletion takes no new executions, each of its executions fails at its next transition, and it is
//! gone when the last one has closed. [`crate::state_machines`] makes the changes; this is what the shards must know of
//! them. Most of the time nothing is being deleted, and a shard sees that by one look at a number.
//!
//! No execution can begin under a state machine that is removed, although nothing is locked: a start says how many
//! deletions had begun when its definition was read. A shard that finds that more have begun since reads the state
//! machine again. And who removes one first waits until all that the shards had taken up is durable.

use json::Text;
use std::{
    collections::HashSet,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};
use tokio::sync::mpsc;

/// The deletions that are under way.
pub(crate) struct Deletions {
    /// How many have begun since the process has.
    begun: AtomicU64,
    /// How many `arns` has.
    count: AtomicUsize,
    arns: RwLock<HashSet<Text>>,
    closed: mpsc::UnboundedSender<Text>,
}

impl Deletions {
    /// The receiver is told of state machines in deletion of which an execution has closed.
    pub(crate) fn new() -> (Deletions, mpsc::UnboundedReceiver<Text>) {
        let (closed, told) = mpsc::unbounded_channel();
        let none = (AtomicU64::new(0), AtomicUsize::new(0), RwLock::default());
        (Deletions { begun: none.0, count: none.1, arns: none.2, closed }, told)
    }

    /// How many have begun.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }

    /// One more begins; said before it is written.
    pub(crate) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
    }

    /// It is durable that the state machine is being deleted.
    pub(crate) fn mark(&self, arn: &Text) {
        self.change(|arns| arns.insert(arn.clone()));
    }

    /// The state machine is gone.
    pub(crate) fn end(&self, arn: &Text) {
        self.change(|arns| arns.remove(arn));
    }

    /// Whether the state machine is being deleted, or that to whose Map Run the execution belongs as a child: there the ARN
    /// ends with a label, `NAME/LABEL`.
    pub(crate) fn has(&self, arn: &str) -> bool {
        let own = || arn.split_once('/').map_or(arn, |(own, _label)| own);
        self.count.load(Ordering::SeqCst) > 0
            && self.arns.read().unwrap_or_else(PoisonError::into_inner).contains(own())
    }

    /// An execution is open no more, and that is durable. Nobody waits for children of a Map Run: they end before the
    /// execution that they belong to.
    pub(crate) fn execution_closed(&self, state_machine_arn: &Text) {
        if self.has(state_machine_arn) && !state_machine_arn.contains('/') {
            // The registry is gone only when the engine is.
            let _ = self.closed.send(state_machine_arn.clone());
        }
    }

    /// The store was opened again, and these deletions are under way in it. What was durable and not told is found now:
    /// that one was begun, or that its last execution has closed.
    pub(crate) fn take_up(&self, under_way: Vec<Text>) {
        for arn in under_way {
            self.begin();
            self.mark(&arn);
            // The registry is gone only when the engine is.
            let _ = self.closed.send(arn);
        }
    }

    fn change(&self, change: impl FnOnce(&mut HashSet<Text>) -> bool) {
        let mut arns = self.arns.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut arns);
        self.count.store(arns.len(), Ordering::SeqCst);
    }
}
