//! The queue between the engine and a sink: bounded in bytes, never waited for.

use super::{Error, Lost, Sink};
use engine::{ExecutionRecord, Logged, Receive};
use machine::Outcome;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::Instant,
};

/// What a sink is given at once, at most.
const BATCH_MAX: usize = 512;
/// How often losses are told, at most, and that an endpoint does not answer.
pub(super) const TOLD_EVERY: Duration = Duration::from_secs(10);
/// What a thing takes in memory besides its payloads: an estimate.
const OVERHEAD_BYTES: usize = 256;

/// What takes room in a queue.
pub(super) trait Weigh: Send + Sync + 'static {
    fn bytes(&self) -> usize;
    /// What comes of it: lines, or requests.
    fn records(&self) -> usize;
}

/// What comes of all of them.
pub(super) fn records(batch: &[impl Weigh]) -> usize {
    batch.iter().map(Weigh::records).sum()
}

impl Weigh for Logged {
    fn bytes(&self) -> usize {
        self.events.iter().map(|event| OVERHEAD_BYTES + event.details.payload_bytes()).sum()
    }

    fn records(&self) -> usize {
        self.events.len()
    }
}

impl Weigh for ExecutionRecord {
    fn bytes(&self) -> usize {
        let output = match &self.outcome {
            Some(Outcome::Succeeded { output }) => output.byte_len(),
            _ => 0,
        };
        OVERHEAD_BYTES + self.input_text.len() + output
    }

    fn records(&self) -> usize {
        1
    }
}

/// The end that the engine holds.
struct Queue<T> {
    sender: mpsc::UnboundedSender<T>,
    counts: Arc<Counts>,
    bytes_max: usize,
}

#[derive(Default)]
pub(super) struct Counts {
    waiting_bytes: AtomicUsize,
    waiting: AtomicUsize,
    dropped: AtomicU64,
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("bytes_max", &self.bytes_max).finish_non_exhaustive()
    }
}

impl<T: Weigh> Receive<T> for Queue<T> {
    fn receive(&self, happened: T) {
        let (bytes, records) = (happened.bytes(), happened.records());
        let before = self.counts.waits(records, bytes);
        if before + bytes > self.bytes_max || self.sender.send(happened).is_err() {
            self.counts.took(records, bytes);
            self.counts.lost(records);
        }
    }
}

impl Counts {
    /// One more thing waits; gives the bytes of what waited before.
    pub(super) fn waits(&self, records: usize, bytes: usize) -> usize {
        self.waiting.fetch_add(records, Ordering::Relaxed);
        self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed)
    }

    /// How many records wait, or are under way.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// So much waits no more.
    fn took(&self, count: usize, bytes: usize) {
        self.waiting.fetch_sub(count, Ordering::Relaxed);
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn lost(&self, count: usize) {
        self.dropped.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// How much of a batch waits no more before the whole batch does: it is delivered, or lost for good.
pub(super) struct Taken<'a> {
    counts: &'a Counts,
    count: AtomicUsize,
    bytes: AtomicUsize,
}

impl Taken<'_> {
    pub(super) fn nothing(counts: &Counts) -> Taken<'_> {
        Taken { counts, count: AtomicUsize::new(0), bytes: AtomicUsize::new(0) }
    }

    /// One thing of the batch waits no more.
    pub(super) fn one(&self, thing: &impl Weigh) {
        let (bytes, records) = (thing.bytes(), thing.records());
        self.count.fetch_add(records, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.counts.took(records, bytes);
    }

    /// Neither does the rest.
    fn all(self, batch: &[impl Weigh]) {
        let bytes: usize = batch.iter().map(Weigh::bytes).sum();
        self.counts.took(records(batch) - self.count.into_inner(), bytes - self.bytes.into_inner());
    }
}

/// A sink at work.
pub(super) struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    counts: Arc<Counts>,
    what: &'static str,
}

impl Running {
    /// Lets the sink take what is left, and end.
    pub(super) fn stop(self) -> Ending {
        // A task that has ended hears nothing, and needs to hear nothing.
        let _ = self.stop.send(());
        Ending { task: self.task, counts: self.counts, what: self.what }
    }
}

/// A sink that takes what is left.
pub(super) struct Ending {
    task: JoinHandle<()>,
    counts: Arc<Counts>,
    what: &'static str,
}

impl Ending {
    /// Waits until it has taken everything, or the time is over; gives how much is lost then. Of what is under way at that
    /// moment nobody knows whether it arrives.
    pub(super) async fn wait(self, deadline: Instant) -> usize {
        if tokio::time::timeout_at(deadline, self.task).await.is_ok() {
            return 0;
        }
        let lost = self.counts.waiting();
        tracing::warn!(lost, "the last {} could not be delivered in time", self.what);
        lost
    }
}

/// Starts a sink and gives the queue before it.
pub(super) fn start<T: Weigh, S: Sink<T>>(
    sink: S,
    what: &'static str,
    bytes_max: usize,
) -> (Arc<dyn Receive<T>>, Running) {
    let (sender, inbound) = mpsc::unbounded_channel();
    let (stop, stopped) = oneshot::channel();
    let counts = Arc::<Counts>::default();
    let task = tokio::spawn(carry(inbound, stopped, Arc::clone(&counts), sink, what));
    let running = Running { stop, task, counts: Arc::clone(&counts), what };
    (Arc::new(Queue { sender, counts, bytes_max }), running)
}

async fn carry<T: Weigh, S: Sink<T>>(
    mut inbound: mpsc::UnboundedReceiver<T>,
    mut stopped: oneshot::Receiver<()>,
    counts: Arc<Counts>,
    mut sink: S,
    what: &'static str,
) {
    let mut losses = Losses { what, last_told: None, untold: 0, error: None };
    let mut batch = Vec::new();
    let mut is_stopped = false;
    loop {
        tokio::select! {
            biased;
            count = inbound.recv_many(&mut batch, BATCH_MAX) => if count == 0 { break },
            _ = &mut stopped, if !is_stopped => {
                is_stopped = true;
                inbound.close();
                continue;
            }
        }
        let taken = Taken::nothing(&counts);
        let outcome = losses.telling(&counts, sink.deliver(&batch, &taken)).await;
        taken.all(&batch);
        batch.clear();
        let error = outcome.err().map(|lost| {
            counts.lost(lost.count);
            lost.error
        });
        losses.tell(&counts, error);
    }
    losses.tell_now();
}

/// Tells of losses, but not of each.
struct Losses {
    what: &'static str,
    last_told: Option<Instant>,
    untold: u64,
    /// Why some of them could not be delivered, if that is the reason.
    error: Option<Error>,
}

impl Losses {
    /// Waits for a delivery, and tells meanwhile of what is dropped.
    async fn telling(&mut self, counts: &Counts, delivery: impl Future<Output = Result<(), Lost>>) -> Result<(), Lost> {
        let mut delivery = std::pin::pin!(delivery);
        loop {
            match tokio::time::timeout(TOLD_EVERY, &mut delivery).await {
                Ok(outcome) => return outcome,
                Err(_) => self.tell(counts, None),
            }
        }
    }

    fn tell(&mut self, counts: &Counts, error: Option<Error>) {
        self.untold += counts.dropped.swap(0, Ordering::Relaxed);
        self.error = error.or(self.error.take());
        if self.last_told.is_none_or(|last| last.elapsed() >= TOLD_EVERY) {
            self.tell_now();
        }
    }

    fn tell_now(&mut self) {
        if self.untold == 0 {
            return;
        }
        let (what, dropped) = (self.what, self.untold);
        if let Some(error) = self.error.take() {
            tracing::warn!(dropped, error = &error as &dyn std::error::Error, "{what} could not be delivered");
        } else {
            tracing::warn!(dropped, "{what} were dropped: they came faster than they were taken");
        }
        self.untold = 0;
        self.last_told = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use tokio::sync::Semaphore;

    impl Weigh for usize {
        fn bytes(&self) -> usize {
            *self
        }

        fn records(&self) -> usize {
            1
        }
    }

    /// Takes a batch for each permit.
    struct Slow {
        permits: Arc<Semaphore>,
        taken: Arc<Mutex<Vec<usize>>>,
    }

    impl Sink<usize> for Slow {
        async fn deliver(&mut self, batch: &[usize], _: &Taken<'_>) -> Result<(), Lost> {
            self.permits.acquire().await.unwrap().forget();
            self.taken.lock().unwrap().extend(batch);
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_finds_no_room_is_dropped_and_the_rest_is_delivered_in_order() {
        let (permits, taken) = (Arc::new(Semaphore::new(0)), Arc::<Mutex<Vec<usize>>>::default());
        let slow = Slow { permits: Arc::clone(&permits), taken: Arc::clone(&taken) };
        let (queue, running) = start(slow, "numbers", 10);
        for number in [4, 5, 2, 1, 1] {
            queue.receive(number);
        }
        permits.add_permits(1);
        assert_eq!(running.stop().wait(Instant::now() + Duration::from_secs(60)).await, 0);
        assert_eq!(*taken.lock().unwrap(), [4, 5, 1]);
        // Nobody takes it any more, and nobody waits.
        queue.receive(1);
    }

    /// Delivers the first two of a batch, and never ends.
    struct Stuck(Option<oneshot::Sender<()>>);

    impl Sink<usize> for Stuck {
        async fn deliver(&mut self, batch: &[usize], taken: &Taken<'_>) -> Result<(), Lost> {
            batch.iter().take(2).for_each(|number| taken.one(number));
            self.0.take().unwrap().send(()).unwrap();
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn what_was_delivered_of_a_batch_is_not_lost_and_takes_no_room() {
        let (sender, stuck) = oneshot::channel();
        let (queue, running) = start(Stuck(Some(sender)), "numbers", 10);
        for number in [4, 5, 1] {
            queue.receive(number);
        }
        stuck.await.unwrap();
        for number in [8, 1, 1] {
            queue.receive(number);
        }
        assert_eq!(running.stop().wait(Instant::now()).await, 3, "one of the batch, and two for which there was room");
    }
}
