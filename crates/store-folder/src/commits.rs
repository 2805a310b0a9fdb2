//! The commits: batches become groups, each is written and synced once, and all who wait for it are answered.
//!
//! A thread takes the batches that wait. While a sync is in flight the next group gathers in the channel, so the group grows
//! with the load by itself. Who has nothing else to do and finds no other batch on its way writes its own on the spot, a group
//! of one: that saves the way to the thread and back, a twentieth of what a lone client waits for, and a tenth if one worker
//! answers it (`cargo xtask bench W2t`). Nobody is answered before the sync, not even with a conflict: it may rest on a batch
//! of the same group.

use crate::{Mark, Slot};
use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread::JoinHandle,
};
use store::{Batch, BoxFuture, Error, Group, GroupWrites, Keyspace};
use tokio::sync::oneshot;

/// What a store keeps its records in, as its commits use it.
pub trait Records: Send + Sync + 'static {
    type Error: std::error::Error + Send + Sync + 'static;
    /// The store is closed.
    fn closed() -> Self::Error;
    /// The value of a key.
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, Self::Error>;
    /// Whether [`Records::create_keyspaces_of`] must come before these writes.
    fn lacks_keyspace_of(&self, writes: &GroupWrites) -> bool;
    /// Whether [`Records::write`] would wait until the store has caught up.
    fn would_wait(&self) -> bool;
    /// Creates the keyspaces that the writes need and that are not there yet.
    fn create_keyspaces_of(&mut self, writes: &GroupWrites) -> Result<(), Self::Error>;
    /// Writes and syncs one group. After an error nothing is known about it.
    fn write(&self, writes: GroupWrites, group: u64) -> Result<(), Self::Error>;
}

type Outcome = Result<(), Error>;
type Answer = oneshot::Sender<Outcome>;

/// What the thread is told.
enum Request {
    /// One batch, and where its outcome goes.
    Commit(Batch, Answer),
    /// A group has failed that was not written by the thread.
    LookAtFailure,
}

/// The way to what is durable. Dropping it commits what is in flight.
pub struct Commits<R: Records> {
    line: Arc<Line<R>>,
    requests: Option<Sender<Request>>,
    committer: Option<JoinHandle<()>>,
}

impl<R: Records> Commits<R> {
    /// Starts the thread. `group` is the number of the last group in the records; a group of `group_bytes_max` bytes takes no
    /// further batch. `on_failure` sees why a group failed, when the store is closed and all who waited were told.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn start(
        records: Arc<Slot<R>>,
        (group, mark): (u64, Mark),
        group_bytes_max: usize,
        on_failure: impl Fn(&R::Error) + Send + 'static,
    ) -> io::Result<Commits<R>> {
        let (requests, waiting) = mpsc::channel();
        let closed_at_end = CloseAtEnd(Some(Arc::clone(&records)));
        let writer = Mutex::new(Writer { records, group, mark, failure: None });
        let line = Arc::new(Line { writer, length: AtomicUsize::new(0) });
        let committer = Committer { line: Arc::clone(&line), waiting, group_bytes_max };
        let thread = std::thread::Builder::new().name("commit".into());
        let committer = thread.spawn(move || {
            let _closed_at_end = closed_at_end;
            committer.run(on_failure);
        })?;
        Ok(Commits { line, requests: Some(requests), committer: Some(committer) })
    }

    /// As [`store::Store::commit`].
    pub fn commit(&self, batch: Batch) -> BoxFuture<'static, Outcome> {
        if let Err(error) = batch.check_limits() {
            return Box::pin(std::future::ready(Err(error)));
        }
        let (answer, outcome) = oneshot::channel();
        self.line.length.fetch_add(1, Ordering::AcqRel);
        self.send(Request::Commit(batch, answer));
        // No answer comes if the thread has panicked.
        let no_answer = |gone| Err(Error::Backend { action: "commit", source: Box::new(gone) });
        Box::pin(async move { outcome.await.unwrap_or_else(no_answer) })
    }

    /// As [`store::Store::commit_here`].
    pub fn commit_here(&self, batch: Batch) -> BoxFuture<'static, Outcome> {
        if batch.check_limits().is_ok()
            && let Some(mut writer) = self.line.writer_if_free()
        {
            let outcome = writer.write(vec![batch]).pop().unwrap_or(Err(Error::Poisoned));
            drop(writer);
            if matches!(outcome, Err(Error::Backend { .. })) {
                self.send(Request::LookAtFailure);
            }
            return Box::pin(std::future::ready(outcome));
        }
        self.commit(batch)
    }

    fn send(&self, request: Request) {
        // If the thread is gone, which takes a panic, so is the answer.
        let _unheard = self.requests.as_ref().map(|requests| requests.send(request));
    }
}

impl<R: Records> Drop for Commits<R> {
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

/// Where batches wait for the one who writes.
struct Line<R: Records> {
    writer: Mutex<Writer<R>>,
    /// Batches that were given to the thread, and are not written.
    length: AtomicUsize,
}

impl<R: Records> Line<R> {
    /// Whoever panicked with it has closed the store, so that nothing is written any more.
    fn writer(&self) -> MutexGuard<'_, Writer<R>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// If nobody writes, and nobody waits for it: batches are committed in the order in which they come. And if nothing else
    /// is to be waited for than the sync.
    fn writer_if_free(&self) -> Option<MutexGuard<'_, Writer<R>>> {
        if self.length.load(Ordering::Acquire) > 0 {
            return None;
        }
        self.writer.try_lock().ok().filter(|writer| !writer.would_wait())
    }
}

/// The thread.
struct Committer<R: Records> {
    line: Arc<Line<R>>,
    waiting: Receiver<Request>,
    group_bytes_max: usize,
}

impl<R: Records> Committer<R> {
    /// Commits until every sender is gone.
    fn run(self, on_failure: impl Fn(&R::Error)) {
        while let Ok(request) = self.waiting.recv() {
            let failure = match request {
                Request::Commit(batch, answer) => self.commit(batch, answer),
                Request::LookAtFailure => self.line.writer().failure.take(),
            };
            if let Some(failure) = failure {
                on_failure(&failure);
            }
        }
    }

    /// Commits a group that begins with this batch, and tells the outcomes. Gives why a group failed, this one or one that was
    /// written elsewhere, if that was not given before.
    fn commit(&self, first: Batch, answer: Answer) -> Option<Arc<R::Error>> {
        let mut answers = vec![answer];
        let (outcomes, failure) = self.write(first, &mut answers);
        self.line.length.fetch_sub(answers.len(), Ordering::AcqRel);
        tell(answers, outcomes);
        failure
    }

    /// Writes the group. It may have to wait for another that is written elsewhere, and takes what has come meanwhile. Who
    /// waits for an answer hears of nothing while the writer is locked, not even of a panic.
    fn write(&self, first: Batch, answers: &mut Vec<Answer>) -> (Vec<Outcome>, Option<Arc<R::Error>>) {
        let mut writer = self.line.writer();
        let batches = self.gather(first, answers);
        (writer.write(batches), writer.failure.take())
    }

    /// Takes what waits, up to the limits.
    fn gather(&self, first: Batch, answers: &mut Vec<Answer>) -> Vec<Batch> {
        let mut bytes = first.bytes();
        let mut batches = vec![first];
        while bytes < self.group_bytes_max
            && let Ok(next) = self.waiting.try_recv()
        {
            if let Request::Commit(batch, answer) = next {
                bytes += batch.bytes();
                batches.push(batch);
                answers.push(answer);
            }
        }
        batches
    }
}

/// Writes groups, one after the other, until one fails.
struct Writer<R: Records> {
    records: Arc<Slot<R>>,
    group: u64,
    mark: Mark,
    /// Why the last group failed, until that is told.
    failure: Option<Arc<R::Error>>,
}

impl<R: Records> Writer<R> {
    /// Whether more than the sync is to be waited for, or for nothing any more.
    fn would_wait(&self) -> bool {
        self.records.read(R::would_wait).unwrap_or(true)
    }

    /// Makes a group durable, and gives the outcome of each of its batches. If that fails the store is closed, before anybody
    /// hears of it, so that whoever does can open it again; and whatever comes later is refused.
    fn write(&mut self, batches: Vec<Batch>) -> Vec<Outcome> {
        let count = batches.len();
        if self.records.read(|_| ()).is_none() {
            return std::iter::repeat_with(|| Err(Error::Poisoned)).take(count).collect();
        }
        let unless_written = CloseAtEnd(Some(Arc::clone(&self.records)));
        let error = match self.write_group(batches) {
            Ok(outcomes) => {
                unless_written.disarm();
                return outcomes;
            }
            Err(error) => Arc::new(error),
        };
        drop(unless_written);
        tracing::error!(%error, "a commit failed; the store is closed until it is opened again");
        let failed = || Err(Error::Backend { action: "commit", source: Box::new(Arc::clone(&error)) });
        let outcomes = std::iter::repeat_with(failed).take(count).collect();
        self.failure = Some(error);
        outcomes
    }

    /// Its batches succeed or conflict one by one; an error concerns all of them.
    fn write_group(&mut self, batches: Vec<Batch>) -> Result<Vec<Outcome>, R::Error> {
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

/// Closes the store when a group was not written, or nobody is there to write one: also after a panic, which leaves unknown
/// what is there.
struct CloseAtEnd<R>(Option<Arc<Slot<R>>>);

impl<R> CloseAtEnd<R> {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl<R> Drop for CloseAtEnd<R> {
    fn drop(&mut self) {
        if let Some(records) = &self.0 {
            records.close();
        }
    }
}

/// Whoever does not wait for the outcome has dropped the other end.
fn tell(answers: Vec<Answer>, outcomes: Vec<Outcome>) {
    for (answer, outcome) in answers.into_iter().zip(outcomes) {
        let _unheard = answer.send(outcome);
    }
}
