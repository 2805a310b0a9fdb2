//! What must not leave before a commit: answers to callers, events for observers, effects. Only an activity task is offered
//! before: that stays within the process, and what a worker is handed is an answer.
//!
//! An [`Outbox`] can only be released with a [`Durable`], and only the shard makes one, where it knows: a commit is ready
//! and so are those before it, nothing was written since the last one, or the step is of an Express execution, which
//! stores nothing. So no answer and no effect can overtake its commit.

use crate::{
    Error,
    dispatch::Attempt,
    map_run::{NewChild, RunningChild},
    planted::{Fault, strikes},
    shard::Reply,
    tables::{ExecutionKey, MapRunKey},
};
use json::Payload;
use machine::{EventId, Facts, TaskRequest, TimerId};
use std::sync::Arc;

/// Proof that nothing is left to wait for.
pub(crate) struct Durable(());

impl Durable {
    /// The commit is ready, and so are those before it.
    pub(crate) fn committed() -> Durable {
        Durable(())
    }

    /// Express: the execution is not stored.
    pub(crate) fn nothing_stored() -> Durable {
        Durable(())
    }
}

/// An effect that may be carried out now.
pub(crate) enum Released {
    Run {
        key: ExecutionKey,
        request: Arc<TaskRequest>,
        facts: Arc<Facts>,
    },
    /// Begin a call that the last shutdown did not, if it is still wanted: what is due since may have ended it in the same batch.
    Begin(Attempt),
    Cancel {
        key: ExecutionKey,
        id: EventId,
    },
    /// Stop what a `.sync` call has submitted.
    Stop {
        request: Arc<TaskRequest>,
        facts: Arc<Facts>,
        submitted: Payload,
    },
    /// Wait for the end of what a `.sync` call has submitted.
    TakeUp(Attempt),
    SetTimer {
        key: ExecutionKey,
        timer: TimerId,
        due_ms: i64,
        is_stored: bool,
    },
    CancelTimer {
        key: ExecutionKey,
        timer: TimerId,
        due_ms: i64,
    },
    /// The execution goes on after a step that wrote much.
    GoOn(ExecutionKey),
    StartChild(Box<NewChild>),
    StopChild(Box<RunningChild>),
    /// All children of the Map Run have ended.
    WriteResults {
        map_run: MapRunKey,
    },
    /// Tell the execution that made the Map Run.
    MapRunEnded {
        map_run: MapRunKey,
        owner: ExecutionKey,
    },
}

type Waiting = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// Waits for a commit.
#[derive(Default)]
pub(crate) struct Outbox {
    waiting: Vec<Waiting>,
    effects: Vec<Released>,
}

impl Outbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.effects.is_empty()
    }

    /// An answer. If the commit fails the caller is told of that instead.
    pub(crate) fn answer<T: Send + 'static>(&mut self, reply: Reply<T>, answer: Result<T, Error>) {
        if strikes(Fault::AnswerBeforeCommit) {
            return drop(reply.send(answer));
        }
        self.waiting.push(Box::new(move |outcome| {
            // A caller that went away needs no answer.
            let _ = reply.send(outcome.and(answer));
        }));
    }

    /// Something to do after the commit, and not at all if it fails.
    pub(crate) fn then(&mut self, act: impl FnOnce() + Send + 'static) {
        self.waiting.push(Box::new(move |outcome| {
            if outcome.is_ok() {
                act();
            }
        }));
    }

    pub(crate) fn effect(&mut self, effect: Released) {
        self.effects.push(effect);
    }

    /// Takes in what waits for the same commit.
    pub(crate) fn append(&mut self, mut other: Outbox) {
        self.waiting.append(&mut other.waiting);
        self.effects.append(&mut other.effects);
    }

    /// Answers everybody, and gives the effects to carry out, in the order of the steps.
    #[must_use]
    pub(crate) fn release(self, _proof: &Durable) -> Vec<Released> {
        for waiting in self.waiting {
            waiting(Ok(()));
        }
        self.effects
    }

    /// The commit failed: nobody knows what was kept, and the effects are not carried out.
    pub(crate) fn lose(self) {
        for waiting in self.waiting {
            waiting(Err(Error::Store(store::Error::Poisoned)));
        }
    }
}
