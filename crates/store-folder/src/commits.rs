//! The commit thread: takes the batches that wait, writes them as one group, syncs once, answers them all.
//!
//! While a sync is in flight the next group gathers in the channel, so the group grows with the load by itself. Nobody
//! is answered before the sync, not even with a conflict: it may rest on a batch of the same group.

use crate::{Mark, Slot};
use std::{
    io,
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread::JoinHandle,
};
use store::{Batch, BoxFuture, Error, Group, GroupWrites, Keyspace};
use tokio::sync::oneshot;

/// What a store keeps its records in, as the commit thread uses it.
pub trait Records: Send + Sync + 'static {
    type Error: std::error::Error + Send + Sync + 'static;
    /// The store is closed. Only the commit thread closes it, so this does not happen to it.
    fn closed() -> Self::Error;
    /// The value of a key.
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, Self::Error>;
    /// Whether [`Records::create_keyspaces_of`] must come before these writes.
    fn lacks_keyspace_of(&self, writes: &GroupWrites) -> bool;
    /// Creates the keyspaces that the writes need and that are not there yet.
    fn create_keyspaces_of(&mut self, writes: &GroupWrites) -> Result<(), Self::Error>;
    /// Writes and syncs one group. After an error nothing is known about it.
    fn write(&self, writes: GroupWrites, group: u64) -> Result<(), Self::Error>;
}

type Answer = oneshot::Sender<Result<(), Error>>;

/// One batch, and where its outcome goes.
struct Request {
    batch: Batch,
    answer: Answer,
}

/// The way to the commit thread. Dropping it commits what is in flight.
pub struct Commits {
    requests: Option<Sender<Request>>,
    committer: Option<JoinHandle<()>>,
}

impl Commits {
    /// Starts the thread. `group` is the number of the last group in the records; a group of `group_bytes_max` bytes takes no
    /// further batch. `on_failure` sees why a group failed, when the store is closed and all who waited were told.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn start<R: Records>(
        records: Arc<Slot<R>>,
        (group, mark): (u64, Mark),
        group_bytes_max: usize,
        on_failure: impl FnOnce(&R::Error) + Send + 'static,
    ) -> io::Result<Commits> {
        let (requests, waiting) = mpsc::channel();
        let committer = Committer { records, waiting, group, mark, group_bytes_max };
        let thread = std::thread::Builder::new().name("commit".into());
        let committer = thread.spawn(move || committer.run(on_failure))?;
        Ok(Commits { requests: Some(requests), committer: Some(committer) })
    }

    /// As [`store::Store::commit`].
    pub fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), Error>> {
        if let Err(error) = batch.check_limits() {
            return Box::pin(std::future::ready(Err(error)));
        }
        let (answer, outcome) = oneshot::channel();
        // If the thread is gone, which takes a panic, so is the answer.
        let _unheard = self.requests.as_ref().map(|requests| requests.send(Request { batch, answer }));
        let no_answer = |gone| Err(Error::Backend { action: "commit", source: Box::new(gone) });
        Box::pin(async move { outcome.await.unwrap_or_else(no_answer) })
    }
}

impl Drop for Commits {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(committer) = self.committer.take()
            // A future that is woken by the commit thread may own the last handle; a thread cannot wait for itself.
            && committer.thread().id() != std::thread::current().id()
            && committer.join().is_err()
        {
            tracing::error!("the commit thread of the store panicked");
        }
    }
}

/// What the commit thread owns.
struct Committer<R> {
    records: Arc<Slot<R>>,
    waiting: Receiver<Request>,
    group: u64,
    mark: Mark,
    group_bytes_max: usize,
}

impl<R: Records> Committer<R> {
    /// Commits until every sender is gone. After a failed group the store is closed, and the rest refused.
    fn run(mut self, on_failure: impl FnOnce(&R::Error)) {
        // Also when this thread panics: what it wrote last is unknown then.
        let _closed_at_end = CloseAtEnd(Arc::clone(&self.records));
        while let Ok(first) = self.waiting.recv() {
            let (batches, answers) = self.gather(first);
            match self.write(batches) {
                Ok(outcomes) => answer(answers, outcomes),
                Err(error) => {
                    tracing::error!(%error, "a commit failed; the store is closed until it is opened again");
                    // Before the answers, so that whoever gets one can open the store again.
                    self.records.close();
                    let error = Arc::new(error);
                    let failed = || Error::Backend { action: "commit", source: Box::new(Arc::clone(&error)) };
                    answer(answers, std::iter::repeat_with(|| Err(failed())));
                    on_failure(&error);
                    break;
                }
            }
        }
        for late in &self.waiting {
            answer([late.answer], [Err(Error::Poisoned)]);
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
    fn write(&mut self, batches: Vec<Batch>) -> Result<Vec<Result<(), Error>>, R::Error> {
        let read = |records: &R| Group::of(batches, |keyspace, key| records.get(keyspace, key));
        let Group { writes, outcomes } = self.records.read(read).ok_or_else(R::closed)??;
        if writes.is_empty() {
            return Ok(outcomes);
        }
        if self.records.read(|records| records.lacks_keyspace_of(&writes)).ok_or_else(R::closed)? {
            self.records.change(|records| records.create_keyspaces_of(&writes)).ok_or_else(R::closed)??;
        }
        self.records.read(|records| records.write(writes, self.group + 1)).ok_or_else(R::closed)??;
        self.group += 1;
        if let Err(error) = self.mark.set(self.group) {
            tracing::warn!(%error, "cannot note what was acknowledged; a loss of data may go unnoticed");
        }
        Ok(outcomes)
    }
}

/// Closes the store when the thread ends, in whatever way.
struct CloseAtEnd<R>(Arc<Slot<R>>);

impl<R> Drop for CloseAtEnd<R> {
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
