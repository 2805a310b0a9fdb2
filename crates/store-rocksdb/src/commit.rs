//! The commit thread: takes the batches that wait, writes them as one group, syncs once, answers them all.
//!
//! While a sync is in flight the next group gathers in the channel, so the group grows with the load by itself. Nobody
//! is answered before the sync, not even with a conflict: it may rest on a batch of the same group.

use crate::{
    Shared,
    error::{Failed, failed_commit, is_damage},
    folder::Mark,
    records::Records,
};
use std::sync::{Arc, PoisonError, mpsc::Receiver};
use store::{Batch, Error, Group};
use tokio::sync::oneshot;

type Answer = oneshot::Sender<Result<(), Error>>;

/// One batch, and where its outcome goes.
pub(crate) struct Request {
    pub(crate) batch: Batch,
    pub(crate) answer: Answer,
}

/// What the commit thread owns.
pub(crate) struct Committer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) waiting: Receiver<Request>,
    /// The number of the last group in the records.
    pub(crate) group: u64,
    pub(crate) mark: Mark,
    /// A group of so many bytes takes no further batch.
    pub(crate) group_bytes_max: usize,
}

impl Committer {
    /// Commits until every sender is gone. After a failed group the store is closed, and the rest refused.
    pub(crate) fn run(mut self) {
        // Also when this thread panics: what it wrote last is unknown then.
        let _closed_at_end = CloseAtEnd(Arc::clone(&self.shared));
        while let Ok(first) = self.waiting.recv() {
            let (batches, answers) = self.gather(first);
            match self.write(batches) {
                Ok(outcomes) => answer(answers, outcomes),
                Err(error) => {
                    tracing::error!(%error, "a commit failed; the store is closed until it is opened again");
                    // Before the answers, so that whoever gets one can open the store again.
                    self.shared.close();
                    let error = Arc::new(error);
                    answer(answers, std::iter::repeat_with(|| Err(failed_commit(&error))));
                    self.look_for_damage(&error);
                    break;
                }
            }
        }
        for late in &self.waiting {
            answer([late.answer], [Err(Error::Poisoned)]);
        }
    }

    /// RocksDB stops when its own threads have met a damaged table.
    fn look_for_damage(&self, error: &Failed) {
        if let Failed::Rocks(told) = error
            && is_damage(&told.rocks)
            && !self.shared.mend(&told.rocks)
        {
            tracing::error!(error = %told, "the store is damaged");
        }
    }

    /// Takes what waits, up to the limits.
    fn gather(&self, first: Request) -> (Vec<Batch>, Vec<Answer>) {
        let mut bytes = first.batch.bytes();
        let (mut batches, mut answers) = (vec![first.batch], vec![first.answer]);
        while bytes < self.group_bytes_max
            && let Ok(next) = self.waiting.try_recv()
        {
            bytes += next.batch.bytes();
            batches.push(next.batch);
            answers.push(next.answer);
        }
        (batches, answers)
    }

    /// Makes a group durable. Its batches succeed or conflict one by one; an error concerns all of them.
    fn write(&mut self, batches: Vec<Batch>) -> Result<Vec<Result<(), Error>>, Failed> {
        let Group { writes, outcomes } =
            self.read(|records| Ok(Group::of(batches, |keyspace, key| records.get(keyspace, key))?))?;
        if writes.is_empty() {
            return Ok(outcomes);
        }
        if self.read(|records| Ok(records.lacks_keyspace_of(&writes)))? {
            let mut records = self.shared.records.write().unwrap_or_else(PoisonError::into_inner);
            records.as_mut().ok_or(Failed::Closed)?.create_keyspaces_of(&writes)?;
        }
        self.read(|records| records.write(&writes, self.group + 1))?;
        self.group += 1;
        if let Err(error) = self.mark.set(self.group) {
            tracing::warn!(%error, "cannot note what was acknowledged; a loss of data may go unnoticed");
        }
        Ok(outcomes)
    }

    fn read<T>(&self, read: impl FnOnce(&Records) -> Result<T, Failed>) -> Result<T, Failed> {
        let records = self.shared.records.read().unwrap_or_else(PoisonError::into_inner);
        read(records.as_ref().ok_or(Failed::Closed)?)
    }
}

/// Closes the store when the thread ends, in whatever way.
struct CloseAtEnd(Arc<Shared>);

impl Drop for CloseAtEnd {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Whoever does not wait for the outcome has dropped the other end.
fn answer(answers: impl IntoIterator<Item = Answer>, outcomes: impl IntoIterator<Item = Result<(), Error>>) {
    for (answer, outcome) in answers.into_iter().zip(outcomes) {
        let _unheard = answer.send(outcome);
    }
}
