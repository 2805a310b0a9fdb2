//! Who waits for the end of an execution: callers, and `.sync` calls of other executions.
//!
//! Of a call there is only the name here, no task and no input, so a million of them may wait. Nothing of this is
//! stored: after a start, and after the store was opened again, the executions that wait are taken up and ask anew.

use super::{Found, Reply, Report, Shard, message::Work};
use crate::{Error, ExecutionRecord, dispatch::Attempt, outbox::Outbox, tables::ExecutionKey};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

type Callers = Vec<Reply<ExecutionRecord>>;

#[derive(Default)]
pub(super) struct Waiters {
    callers: HashMap<ExecutionKey, Callers>,
    calls: HashMap<ExecutionKey, BTreeSet<Attempt>>,
}

impl Waiters {
    pub(super) fn add_caller(&mut self, key: ExecutionKey, caller: Reply<ExecutionRecord>) {
        // It may have gone away while the execution was read.
        if !caller.is_closed() {
            self.callers.entry(key).or_default().push(caller);
        }
    }

    fn add_call(&mut self, key: ExecutionKey, attempt: Attempt) {
        self.calls.entry(key).or_default().insert(attempt);
    }

    /// Forgets the callers of the execution that wait no more.
    pub(super) fn caller_gone(&mut self, key: ExecutionKey) {
        if let Some(callers) = self.callers.get_mut(&key) {
            callers.retain(|caller| !caller.is_closed());
            if callers.is_empty() {
                self.callers.remove(&key);
            }
        }
    }

    pub(super) fn take_callers(&mut self, key: ExecutionKey) -> Callers {
        self.callers.remove(&key).unwrap_or_default()
    }

    /// The executions that callers wait for.
    pub(super) fn awaited(&self) -> Vec<ExecutionKey> {
        let mut awaited: Vec<_> = self.callers.keys().copied().collect();
        awaited.sort_unstable();
        awaited
    }

    /// Their executions are taken up again, and ask anew.
    pub(super) fn forget_calls(&mut self) {
        self.calls.clear();
    }
}

impl Shard {
    /// A call waits for the end of an execution of this shard.
    pub(super) fn await_end(&mut self, execution: ExecutionKey, attempt: Attempt) {
        match self.find(execution) {
            Ok(Found::Open) => self.waiters.add_call(execution, attempt),
            Err(Error::Store(_)) => {
                self.stalled.push_back(Work::Report(Report::AwaitEnd { execution, attempt }));
            }
            // What has become of it, or that it is gone, says the call that describes it.
            Ok(Found::Closed(_) | Found::Absent) | Err(_) => {
                let mut outbox = Outbox::default();
                self.tell_owner(attempt, &mut outbox);
                self.pipeline.outbox.append(outbox);
            }
        }
    }

    /// The execution has ended, or will never: tells the calls that wait for it, when that is durable.
    pub(super) fn tell_calls(&mut self, execution: ExecutionKey, outbox: &mut Outbox) {
        for attempt in self.waiters.calls.remove(&execution).into_iter().flatten() {
            self.tell_owner(attempt, outbox);
        }
    }

    fn tell_owner(&self, attempt: Attempt, outbox: &mut Outbox) {
        let environment = Arc::clone(&self.environment);
        outbox.then(move || {
            if let Some(owner) = environment.shard(attempt.0) {
                owner.report(Report::AwaitedEnded(attempt));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[test]
    fn callers_that_went_away_leave_nothing_behind() {
        let (mut waiters, key) = (Waiters::default(), ExecutionKey([7; 16]));
        let (first, first_answer) = oneshot::channel();
        let (second, second_answer) = oneshot::channel();
        waiters.add_caller(key, first);
        waiters.add_caller(key, second);
        drop(first_answer);
        waiters.caller_gone(key);
        assert_eq!(waiters.callers.get(&key).map(Vec::len), Some(1));
        drop(second_answer);
        waiters.caller_gone(key);
        assert!(waiters.awaited().is_empty());
    }
}
