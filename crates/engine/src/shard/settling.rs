//! Who waits until all that the shard had taken up is durable.
//!
//! That is what is in a batch, and the executions that begin, or go on after a redrive, with a step that the slow lane
//! has: nothing of them is in a batch yet. What is taken up after the order is not waited for, or under load the order
//! would never be carried out.

use super::Shard;
use crate::tables::ExecutionKey;
use tokio::sync::oneshot;

/// An order to say when all that was taken up before it is durable.
pub(super) struct Settling {
    /// The last batch that has something of it, so far.
    batch: u64,
    /// Steps that the slow lane had, by their execution, and are in no batch yet.
    slow_steps: Vec<(ExecutionKey, u64)>,
    done: oneshot::Sender<()>,
}

impl Shard {
    pub(super) fn settle(&mut self, done: oneshot::Sender<()>) {
        let settling = Settling { batch: self.pipeline.last(), slow_steps: self.live.beginning(), done };
        self.settling.push(settling);
    }

    /// Answers the orders that are carried out.
    pub(super) fn finish_settling(&mut self) {
        let (last, durable) = (self.pipeline.last(), self.pipeline.durable());
        let live = &self.live;
        let is_settled = |settling: &mut Settling| {
            let before = settling.slow_steps.len();
            settling.slow_steps.retain(|(key, step)| live.get(*key).is_some_and(|live| live.slow_step == Some(*step)));
            if settling.slow_steps.len() < before {
                // What came of the step is in a batch by now, or it was lost.
                settling.batch = last;
            }
            settling.slow_steps.is_empty() && settling.batch <= durable
        };
        for Settling { done, .. } in self.settling.extract_if(.., is_settled) {
            // Who waits may have given up.
            let _ = done.send(());
        }
    }
}
