//! Calls of one shard: carries out `RunTask`, and brings the outcome back as a report.
//!
//! So many calls run at once; the others wait in line by name only, and their request is taken from the execution when
//! their turn comes. A call that only waits for something else in this engine takes no place, and a `.sync` call has one
//! only while it is submitted: an execution that waits for another one must not keep that one from being carried out.

use crate::{
    Call, Task, Tasks,
    environment::Environment,
    line::Line,
    planted::{Fault, strikes},
    shard::{Report, ShardSender},
    tables::ExecutionKey,
};
use asl::IntegrationPattern;
use futures_util::FutureExt;
use json::{Payload, Text};
use machine::{EventId, Facts, Failure, TaskRequest};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, fmt::Write, future::Future, panic::AssertUnwindSafe, sync::Arc};
use tokio::{sync::Semaphore, task::AbortHandle};

type Outcome = Result<Payload, Failure>;

/// Names an attempt: an execution and the event that scheduled it.
pub(crate) type Attempt = (ExecutionKey, EventId);

struct Running {
    /// Tells this run from an earlier one of the same attempt, whose report may still be on its way.
    number: u64,
    abort: AbortHandle,
    load: Load,
}

/// What a call takes up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Load {
    /// A place among the calls that run at once.
    Place,
    /// No place: it waits for something in this engine. A shutdown waits for its answer all the same.
    Answer,
    /// Nothing: it waits for the end of what a `.sync` call submitted, and can do so again at any time.
    Nothing,
}

/// What the return of a call means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Returned {
    /// The task has its answer.
    Answer,
    /// The token is out; the answer comes with it.
    TokenSent,
    /// `.sync`: what was submitted is waited for.
    Submitted,
}

impl Returned {
    fn of(pattern: IntegrationPattern) -> Returned {
        match pattern {
            IntegrationPattern::RequestResponse => Returned::Answer,
            IntegrationPattern::WaitForTaskToken => Returned::TokenSent,
            IntegrationPattern::Sync => Returned::Submitted,
        }
    }
}

/// The calls of a shard.
pub(crate) struct Dispatcher {
    environment: Arc<Environment>,
    shard: ShardSender,
    running: HashMap<Attempt, Running>,
    /// Calls that have a place.
    placed: usize,
    placed_max: usize,
    /// Calls whose answer a shutdown waits for: those with a place and those that wait.
    calling: usize,
    line: Line,
    stops: Arc<Semaphore>,
    runs: u64,
    /// Set when the engine shuts down: what is not begun stays in line.
    is_draining: bool,
}

impl Dispatcher {
    pub(crate) fn new(environment: Arc<Environment>, shard: ShardSender) -> Dispatcher {
        let placed_max = environment.options.per_shard(environment.options.tasks_at_once_max);
        Dispatcher {
            environment,
            shard,
            running: HashMap::new(),
            placed: 0,
            placed_max,
            calling: 0,
            line: Line::default(),
            stops: Arc::new(Semaphore::new(placed_max)),
            runs: 0,
            is_draining: false,
        }
    }

    /// Begins a call, or puts it in line.
    pub(crate) fn run(&mut self, key: ExecutionKey, request: Arc<TaskRequest>, facts: Arc<Facts>) {
        let task = self.environment.tasks.find(&request);
        let load = if task.as_ref().is_some_and(|task| task.is_waiting(&request)) { Load::Answer } else { Load::Place };
        if self.is_draining || (load == Load::Place && self.placed >= self.placed_max && !strikes(Fault::TooManyCalls))
        {
            self.line.push((key, request.id));
            return;
        }
        let returned = Returned::of(request.pattern);
        let begin = |task: Arc<dyn Task>, call: Call| task.run(call);
        self.spawn((key, request.id), call(request, facts), task, begin, (load, returned));
    }

    /// Waits for the end of what a `.sync` call has submitted.
    pub(crate) fn resume(
        &mut self,
        key: ExecutionKey,
        request: Arc<TaskRequest>,
        facts: Arc<Facts>,
        submitted: Payload,
    ) {
        let wait = move |task: Arc<dyn Task>, call: Call| task.resume(call, submitted);
        let task = self.environment.tasks.find(&request);
        self.spawn((key, request.id), call(request, facts), task, wait, (Load::Nothing, Returned::Answer));
    }

    /// Stops what a `.sync` call has submitted. Nobody waits for that; a wide fork that is aborted stops very many, and no
    /// more are stopped at once than are called.
    pub(crate) fn stop(&self, request: Arc<TaskRequest>, facts: Arc<Facts>, submitted: Payload) {
        let Some(task) = self.environment.tasks.find(&request) else { return };
        let call = call(request, facts);
        let stops = Arc::clone(&self.stops);
        self.environment.runtime.spawn(async move {
            // The semaphore is never closed.
            let _place = stops.acquire().await;
            if AssertUnwindSafe(async move { task.cancel(call, submitted).await }).catch_unwind().await.is_err() {
                tracing::error!("an integration panicked");
            }
        });
    }

    fn spawn<F>(
        &mut self,
        attempt: Attempt,
        call: Call,
        task: Option<Arc<dyn Task>>,
        begin: impl FnOnce(Arc<dyn Task>, Call) -> F + Send + 'static,
        (load, returned): (Load, Returned),
    ) where
        F: Future<Output = Outcome> + Send + 'static,
    {
        self.runs += 1;
        let number = self.runs;
        let shard = self.shard.clone();
        let run = self.environment.runtime.spawn(async move {
            let outcome = match task {
                Some(task) => guarded(async move { begin(task, call).await }).await,
                None => Err(no_integration(&call.request.resource)),
            };
            shard.report(Report::TaskEnded { attempt, number, returned, outcome });
        });
        self.take(load);
        let running = Running { number, abort: run.abort_handle(), load };
        if let Some(earlier) = self.running.insert(attempt, running) {
            self.stopped(&earlier);
        }
    }

    /// The run has ended; false if it is no longer wanted.
    pub(crate) fn ended(&mut self, attempt: Attempt, number: u64) -> bool {
        if self.running.get(&attempt).is_none_or(|running| running.number != number) {
            return false;
        }
        if let Some(running) = self.running.remove(&attempt) {
            self.give_back(running.load);
        }
        true
    }

    /// A call has returned, and its answer waits until its execution has been read: its place is free.
    pub(crate) fn returned(&mut self, attempt: Attempt, number: u64) {
        if let Some(running) = self.running.get_mut(&attempt).filter(|running| running.number == number)
            && running.load == Load::Place
        {
            running.load = Load::Answer;
            self.placed -= 1;
        }
    }

    /// Whether the call was made and not answered.
    pub(crate) fn is_running(&self, attempt: Attempt) -> bool {
        self.running.contains_key(&attempt)
    }

    /// Whether the call is running or in line.
    pub(crate) fn has(&self, attempt: Attempt) -> bool {
        self.is_running(attempt) || self.line.has(attempt)
    }

    /// The calls that were made and not answered.
    pub(crate) fn running(&self) -> Vec<Attempt> {
        let mut running: Vec<_> = self.running.keys().copied().collect();
        running.sort_unstable();
        running
    }

    pub(crate) fn cancel(&mut self, attempt: Attempt) {
        if let Some(running) = self.running.remove(&attempt) {
            self.stopped(&running);
        }
    }

    /// Cancels every call that `which` names and takes it out of the line; gives how many of them ran.
    pub(crate) fn cancel_all(&mut self, which: impl Fn(ExecutionKey) -> bool) -> usize {
        let attempts: Vec<Attempt> = self.running().into_iter().filter(|(key, _)| which(*key)).collect();
        for attempt in &attempts {
            self.cancel(*attempt);
        }
        self.line.retain(|(key, _)| !which(key));
        attempts.len()
    }

    /// The next call in line, if one more may run.
    pub(crate) fn next(&mut self) -> Option<Attempt> {
        if self.is_draining || self.placed >= self.placed_max {
            return None;
        }
        self.line.pop()
    }

    /// Begins nothing any more.
    pub(crate) fn drain(&mut self) {
        self.is_draining = true;
    }

    /// Calls that were made and whose answer must not be lost.
    pub(crate) fn calling(&self) -> usize {
        self.calling
    }

    /// Calls that were not begun; they are in line no more.
    pub(crate) fn leave_line(&mut self) -> Line {
        std::mem::take(&mut self.line)
    }

    fn stopped(&mut self, running: &Running) {
        running.abort.abort();
        self.give_back(running.load);
    }

    fn take(&mut self, load: Load) {
        self.placed += usize::from(load == Load::Place);
        self.calling += usize::from(load != Load::Nothing);
    }

    fn give_back(&mut self, load: Load) {
        self.placed -= usize::from(load == Load::Place);
        self.calling -= usize::from(load != Load::Nothing);
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.cancel_all(|_| true);
    }
}

fn call(request: Arc<TaskRequest>, facts: Arc<Facts>) -> Call {
    let idempotency_key = idempotency_key(&facts, request.id);
    Call::new(request, facts, idempotency_key)
}

/// Makes a call for which no shard waits: that of a state under test.
pub(crate) async fn call_once(tasks: &dyn Tasks, request: Arc<TaskRequest>, facts: Arc<Facts>) -> Outcome {
    let Some(task) = tasks.find(&request) else { return Err(no_integration(&request.resource)) };
    let call = call(request, facts);
    guarded(async move { task.run(call).await }).await
}

/// A panic in an integration fails the attempt, and nothing else.
async fn guarded(run: impl Future<Output = Outcome>) -> Outcome {
    guarded_as("States.TaskFailed", run).await
}

/// The same, with the error that a panic becomes.
pub(crate) async fn guarded_as<T>(error: &str, run: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    AssertUnwindSafe(run).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("an integration panicked");
        Err(failure(error, "the integration failed unexpectedly, see the log of the server"))
    })
}

fn no_integration(resource: &str) -> Failure {
    failure("States.TaskFailed", &format!("no integration of this server serves the resource `{resource}`"))
}

pub(crate) fn failure(error: &str, cause: &str) -> Failure {
    Failure { error: Some(error.into()), cause: Some(Text::from(cause)) }
}

/// The same for the same attempt, also after a restart; short enough for AWS's client tokens.
fn idempotency_key(facts: &Facts, id: EventId) -> String {
    let hash = Sha256::new()
        .chain_update(facts.execution_arn.as_bytes())
        .chain_update(facts.start_ms.to_be_bytes())
        .chain_update(id.to_be_bytes())
        .finalize();
    hash.iter().take(16).fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
