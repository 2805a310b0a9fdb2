//! What Task states call in a simulated world: services that remember every call, and answer when the world says so.
//!
//! A function is called by its name, and that says what a restart may do with a call whose outcome is unknown: `again`
//! may be called again, `once` may not.

use crate::disk::Disk;
use engine::{Call, Restart, Task, Tasks};
use json::{Payload, Text};
use machine::{EventId, Failure, TaskRequest};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use store::BoxFuture;
use tokio::sync::oneshot;

/// The function that a restart does not call again.
pub const ONCE: &str = "once";

/// An attempt: the execution, when it started, and the event that scheduled the task.
pub type Attempt = (Text, i64, EventId);

/// A call that has come in.
pub struct Made {
    pub number: u64,
    pub attempt: Attempt,
    pub request: Arc<TaskRequest>,
    pub facts: Arc<machine::Facts>,
    /// What was submitted, if it is the wait for its end.
    pub submitted: Option<Payload>,
    /// The last batch that was durable with something of the execution when the call was made.
    pub touched: Option<u64>,
    answer: oneshot::Sender<Result<Payload, Failure>>,
}

impl Made {
    pub fn is_waited_for(&self) -> bool {
        !self.answer.is_closed()
    }

    pub fn answer(self, outcome: Result<Payload, Failure>) {
        // Nobody may wait any more.
        drop(self.answer.send(outcome));
    }

    /// Whether its outcome stays unknown after a restart.
    pub fn is_made_once(&self) -> bool {
        is_made_once(&self.request)
    }
}

/// The services; clones are the same ones. They outlive the process.
#[derive(Clone)]
pub struct Services {
    counter: Arc<Mutex<Counter>>,
    disk: Disk,
}

#[derive(Default)]
struct Counter {
    calls: u64,
    /// Calls that the world has not heard of yet.
    new: Vec<Made>,
    /// Calls whose future is held by the process, and whose they are.
    held: BTreeMap<u64, Attempt>,
    /// Those of them that wait for the end of what was submitted.
    waits: BTreeSet<u64>,
    calls_again: bool,
}

impl Services {
    /// Services of a world with this disk.
    pub fn new(disk: Disk) -> Services {
        Services { counter: Arc::default(), disk }
    }

    pub fn take_new(&self) -> Vec<Made> {
        std::mem::take(&mut self.lock().new)
    }

    /// Calls of these executions that the process has not let go of.
    pub fn held_by(&self, execution_arn: &str) -> usize {
        self.lock().held.values().filter(|(arn, ..)| &**arn == execution_arn).count()
    }

    /// Calls that run, without those that wait for the end of what was submitted.
    pub fn running(&self) -> usize {
        let counter = self.lock();
        counter.held.len() - counter.waits.len()
    }

    #[cfg(feature = "planted-faults")]
    /// What must not be called again is called again after a restart.
    pub fn call_again(&self) {
        self.lock().calls_again = true;
    }

    fn lock(&self) -> MutexGuard<'_, Counter> {
        self.counter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn made(&self, call: Call, submitted: Option<Payload>) -> BoxFuture<'static, Result<Payload, Failure>> {
        let (answer, answered) = oneshot::channel();
        let touched = self.disk.touched(&call.facts.execution_arn);
        let mut counter = self.lock();
        counter.calls += 1;
        let number = counter.calls;
        let attempt = (call.facts.execution_arn.clone(), call.facts.start_ms, call.request.id);
        counter.held.insert(number, attempt.clone());
        if submitted.is_some() {
            counter.waits.insert(number);
        }
        let (request, facts) = (call.request, call.facts);
        counter.new.push(Made { number, attempt, request, facts, submitted, touched, answer });
        let held = Held { services: self.clone(), number };
        Box::pin(async move {
            let outcome = answered.await;
            drop(held);
            match outcome {
                Ok(outcome) => outcome,
                // The answer is lost.
                Err(_) => std::future::pending().await,
            }
        })
    }
}

fn is_made_once(request: &TaskRequest) -> bool {
    request.parameters.value().get("FunctionName").and_then(json::Value::as_str) == Some(ONCE)
}

/// A call is held until its answer is taken, or until it is given up.
struct Held {
    services: Services,
    number: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut counter = self.services.lock();
        counter.held.remove(&self.number);
        counter.waits.remove(&self.number);
    }
}

impl Tasks for Services {
    fn find(&self, _request: &TaskRequest) -> Option<Arc<dyn Task>> {
        Some(Arc::new(self.clone()))
    }
}

impl Task for Services {
    fn run(&self, call: Call) -> BoxFuture<'static, Result<Payload, Failure>> {
        self.made(call, None)
    }

    fn resume(&self, call: Call, submitted: Payload) -> BoxFuture<'static, Result<Payload, Failure>> {
        self.made(call, Some(submitted))
    }

    fn cancel(&self, _call: Call, _submitted: Payload) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn restart(&self, request: &TaskRequest) -> Restart {
        if is_made_once(request) && !self.lock().calls_again {
            let cause = Text::from("its outcome is unknown");
            return Restart::Fail(Failure { error: Some("Lambda.Unknown".into()), cause: Some(cause) });
        }
        Restart::Redispatch
    }
}
