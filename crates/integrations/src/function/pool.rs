//! The processes of one function: how many run, which one takes an invocation, when an idle one stops.

use super::keeper::Keeper;
use super::log::shown;
use super::process::{Outcome, Process};
use super::{Answer, FunctionConfig, Invocation, Refused, Surroundings, failure};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// What is logged of a document that tells why a function did not start.
const TOLD_BYTES_MAX: usize = 4_096;

/// A function with its processes.
pub(super) struct Function {
    config: FunctionConfig,
    surroundings: Arc<Surroundings>,
    keeper: Arc<Keeper>,
    /// One for each invocation that runs.
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// One for each event that is not over yet.
    events: Arc<Semaphore>,
    /// Processes without work; the one used last is at the back and is used next.
    idle: Mutex<VecDeque<Idle>>,
    idled: Arc<Notify>,
    reaper: Mutex<Option<AbortHandle>>,
}

struct Idle {
    process: Process,
    since: Instant,
}

impl Function {
    pub(super) fn new(config: FunctionConfig, surroundings: Arc<Surroundings>, keeper: Arc<Keeper>) -> Arc<Function> {
        Arc::new(Function {
            permits: Arc::new(Semaphore::new(config.concurrency)),
            waiting: AtomicUsize::new(0),
            events: Arc::new(Semaphore::new(config.waiting_max.saturating_add(config.concurrency))),
            idle: Mutex::default(),
            idled: Arc::default(),
            reaper: Mutex::default(),
            config,
            surroundings,
            keeper,
        })
    }

    /// Runs an invocation to its end, when its turn comes. Dropping the future while it waits takes it out of the
    /// line; dropping it later leaves the function running, as Lambda does.
    pub(super) async fn invoke(self: &Arc<Self>, invocation: Invocation) -> Result<Answer, Refused> {
        let permit = self.turn().await?;
        let function = Arc::clone(self);
        let request_id = invocation.request_id.clone();
        let running = tokio::spawn(async move {
            let answer = function.run(Arc::new(invocation)).await;
            drop(permit);
            answer
        });
        Ok(running.await.unwrap_or_else(|_| Answer::without_log(Err(failure::interrupted(&request_id)))))
    }

    /// A place for an event, held until the event is over.
    pub(super) fn place_for_event(&self) -> Result<OwnedSemaphorePermit, Refused> {
        Arc::clone(&self.events).try_acquire_owned().map_err(|_| Refused::TooManyRequests)
    }

    /// Whether it takes no more invocations.
    pub(super) fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }

    /// Stops all processes without work, and takes no more invocations.
    pub(super) fn close(&self) {
        self.permits.close();
        self.idle().clear();
    }

    /// Waits for a turn; refuses when too many wait already.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, Refused> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let _waiting = Waiting::enter(&self.waiting, self.config.waiting_max).ok_or(Refused::TooManyRequests)?;
        Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Refused::TooManyRequests)
    }

    /// Runs an invocation in an idle process, or in a new one if none is left.
    async fn run(self: &Arc<Self>, invocation: Arc<Invocation>) -> Answer {
        let timeout = Duration::from_secs(self.config.timeout_seconds);
        loop {
            let warm = self.take_idle();
            let is_warm = warm.is_some();
            let mut process = match warm {
                Some(process) => process,
                None => match self.start(&invocation.request_id).await {
                    Ok(process) => process,
                    Err(document) => {
                        self.tell_not_started(&invocation, &document);
                        return Answer::without_log(Err(document));
                    }
                },
            };
            let result = match process.invoke(&invocation, timeout).await {
                Outcome::Answered(result) => {
                    let answer = Answer { result, log_tail: process.log_tail() };
                    self.put_idle(process);
                    return answer;
                }
                Outcome::NotTaken if is_warm => continue,
                Outcome::NotTaken => {
                    let document = process.exited(&invocation.request_id);
                    self.tell_not_started(&invocation, &document);
                    Err(document)
                }
                Outcome::Ended(document) => Err(document),
            };
            return Answer { result, log_tail: process.log_tail() };
        }
    }

    async fn start(&self, request_id: &str) -> Result<Process, Bytes> {
        Process::start(&self.config, &self.surroundings, &self.keeper, request_id).await
    }

    /// The function may have written the document: whatever it is, it is one line.
    fn tell_not_started(&self, invocation: &Invocation, document: &[u8]) {
        let (function, request_id) = (&self.config.name, &invocation.request_id);
        let document = String::from_utf8_lossy(document.get(..TOLD_BYTES_MAX).unwrap_or(document));
        tracing::warn!(target: "function", function, request_id, "it did not start: {}", shown(&document));
    }

    fn take_idle(&self) -> Option<Process> {
        let mut idle = self.idle();
        while let Some(Idle { process, .. }) = idle.pop_back() {
            if process.is_alive() {
                return Some(process);
            }
        }
        None
    }

    /// Keeps a process for the next invocation. Invariant: idle and busy processes together are at most as many as
    /// there are permits, because a new one starts only with a permit and without an idle one.
    fn put_idle(self: &Arc<Self>, process: Process) {
        if self.permits.is_closed() {
            return;
        }
        self.idle().push_back(Idle { process, since: Instant::now() });
        self.idled.notify_one();
        let mut reaper = self.reaper.lock().unwrap_or_else(PoisonError::into_inner);
        if reaper.is_none() {
            let reap = reap(Arc::downgrade(self), Arc::clone(&self.idled));
            *reaper = Some(tokio::spawn(reap).abort_handle());
        }
    }

    /// Stops the processes that were idle for too long; says when the next one will have been.
    fn stop_idle(&self) -> Option<Instant> {
        let kept = Duration::from_secs(self.config.idle_seconds);
        let now = Instant::now();
        let mut idle = self.idle();
        while idle.front().is_some_and(|oldest| oldest.since + kept <= now) {
            idle.pop_front();
        }
        idle.front().map(|oldest| oldest.since + kept)
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let reaper = self.reaper.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(reaper) = reaper {
            reaper.abort();
        }
    }
}

/// Stops processes that have been idle for too long, until the function is gone.
async fn reap(function: Weak<Function>, idled: Arc<Notify>) {
    while let Some(next) = function.upgrade().map(|function| function.stop_idle()) {
        match next {
            Some(next) => tokio::time::sleep_until(next).await,
            None => idled.notified().await,
        }
    }
}

/// A place in the line.
struct Waiting<'a>(&'a AtomicUsize);

impl Waiting<'_> {
    /// `None` when the line is full.
    fn enter(waiting: &AtomicUsize, max: usize) -> Option<Waiting<'_>> {
        let enter = |waiting: usize| (waiting < max).then_some(waiting + 1);
        waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter).ok().map(|_| Waiting(waiting))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
