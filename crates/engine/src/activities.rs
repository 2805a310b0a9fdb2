//! Tasks that wait for a worker, and workers that wait for a task: two lines per activity, of which one is empty.
//!
//! The lines are in memory only. What is in them follows from the executions: recovery offers again what no worker has
//! taken, in no particular order. A line holds names, not inputs; the input is taken from the execution when it is
//! handed out. All shards meet here, so a lock is held, for the time it takes to move one entry.

use crate::{ActivityTask, Origin, shard::Reply, tables::ExecutionKey};
use json::Text;
use machine::EventId;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A task that waits for a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) key: ExecutionKey,
    pub(crate) id: EventId,
    pub(crate) activity_arn: Text,
}

/// A worker that waits for a task.
pub(crate) struct Poller {
    /// Names it, for [`ActivityQueues::withdraw`].
    pub(crate) number: u64,
    pub(crate) worker_name: Option<Text>,
    pub(crate) deadline_ms: i64,
    /// The call that asks, if it is one of a task.
    pub(crate) origin: Option<Origin>,
    pub(crate) reply: Reply<Option<ActivityTask>>,
}

#[derive(Default)]
struct Lines {
    offers: VecDeque<Offer>,
    pollers: VecDeque<Poller>,
}

/// The lines of all activities.
pub(crate) struct ActivityQueues {
    lines: Mutex<HashMap<Text, Lines>>,
    pollers_max: usize,
}

/// What became of a poll.
pub(crate) enum Polled {
    Matched(Offer, Poller),
    Waiting,
    /// The activity has as many pollers as it may have.
    Refused(Poller),
}

impl ActivityQueues {
    pub(crate) fn new(pollers_max: usize) -> ActivityQueues {
        ActivityQueues { lines: Mutex::default(), pollers_max }
    }

    /// Gives the task to the first worker that still waits, or puts it in line.
    pub(crate) fn offer(&self, offer: Offer) -> Option<(Offer, Poller)> {
        let mut all = self.lock();
        let lines = all.entry(offer.activity_arn.clone()).or_default();
        while let Some(poller) = lines.pollers.pop_front() {
            if !poller.reply.is_closed() {
                return Some((offer, poller));
            }
        }
        lines.offers.push_back(offer);
        None
    }

    /// Takes a task out of the line; false if a worker was given it.
    pub(crate) fn retract(&self, offer: &Offer) -> bool {
        let mut all = self.lock();
        let Some(lines) = all.get_mut(&offer.activity_arn) else { return false };
        let place = lines.offers.iter().rposition(|other| other == offer);
        let retracted = place.and_then(|place| lines.offers.remove(place)).is_some();
        if lines.offers.is_empty() && lines.pollers.is_empty() {
            all.remove(&offer.activity_arn);
        }
        retracted
    }

    /// The activity was deleted: its workers are sent away, and what nobody has taken is given back.
    pub(crate) fn remove(&self, activity_arn: &str) -> VecDeque<Offer> {
        let Some(Lines { offers, pollers }) = self.lock().remove(activity_arn) else { return VecDeque::new() };
        for poller in pollers {
            // A worker that went away needs no answer.
            let _ = poller.reply.send(Ok(None));
        }
        offers
    }

    /// Gives the worker the first task in line, or puts it in line itself.
    pub(crate) fn poll(&self, activity_arn: &Text, poller: Poller) -> Polled {
        let mut all = self.lock();
        let lines = all.entry(activity_arn.clone()).or_default();
        if let Some(offer) = lines.offers.pop_front() {
            return Polled::Matched(offer, poller);
        }
        if lines.pollers.len() >= self.pollers_max {
            lines.pollers.retain(|poller| !poller.reply.is_closed());
        }
        if lines.pollers.len() >= self.pollers_max {
            return Polled::Refused(poller);
        }
        lines.pollers.push_back(poller);
        Polled::Waiting
    }

    /// Takes a worker out of the line; false if it has been given a task.
    pub(crate) fn withdraw(&self, activity_arn: &Text, number: u64) -> bool {
        let mut all = self.lock();
        let Some(lines) = all.get_mut(activity_arn) else { return false };
        let before = lines.pollers.len();
        lines.pollers.retain(|poller| poller.number != number);
        let withdrawn = lines.pollers.len() < before;
        if lines.offers.is_empty() && lines.pollers.is_empty() {
            all.remove(activity_arn);
        }
        withdrawn
    }

    /// Sends all workers away, without a task.
    pub(crate) fn dismiss(&self) {
        for poller in self.lock().values_mut().flat_map(|lines| lines.pollers.drain(..)) {
            // A worker that went away needs no answer.
            let _ = poller.reply.send(Ok(None));
        }
    }

    /// Forgets all tasks in line: the shards offer them again after the store was opened again.
    pub(crate) fn forget_offers(&self) {
        self.lock().values_mut().for_each(|lines| lines.offers.clear());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Text, Lines>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use tokio::sync::oneshot;

    fn offer(id: EventId) -> Offer {
        Offer { key: ExecutionKey([0; 16]), id, activity_arn: "a".into() }
    }

    fn poller(number: u64) -> (Poller, oneshot::Receiver<Result<Option<ActivityTask>, Error>>) {
        let (reply, answer) = oneshot::channel();
        (Poller { number, worker_name: None, deadline_ms: 0, origin: None, reply }, answer)
    }

    #[test]
    fn tasks_are_handed_out_in_the_order_in_which_they_came() {
        let queues = ActivityQueues::new(10);
        assert!(queues.offer(offer(1)).is_none());
        assert!(queues.offer(offer(2)).is_none());
        for expected in [1, 2] {
            let (poller, _answer) = poller(0);
            let Polled::Matched(offer, _) = queues.poll(&"a".into(), poller) else { panic!("no task") };
            assert_eq!(offer.id, expected);
        }
    }

    #[test]
    fn a_worker_that_went_away_gets_no_task() {
        let queues = ActivityQueues::new(10);
        let (gone, answer) = poller(1);
        drop(answer);
        let (here, _answer) = poller(2);
        assert!(matches!(queues.poll(&"a".into(), gone), Polled::Waiting));
        assert!(matches!(queues.poll(&"a".into(), here), Polled::Waiting));
        assert_eq!(queues.offer(offer(1)).unwrap().1.number, 2);
    }

    #[test]
    fn only_so_many_workers_wait() {
        let queues = ActivityQueues::new(1);
        let (first, _first) = poller(1);
        let (second, _second) = poller(2);
        assert!(matches!(queues.poll(&"a".into(), first), Polled::Waiting));
        assert!(matches!(queues.poll(&"a".into(), second), Polled::Refused(_)));
        assert!(queues.withdraw(&"a".into(), 1));
        assert!(!queues.withdraw(&"a".into(), 1));
    }

    #[test]
    fn what_nobody_took_of_a_deleted_activity_is_given_back() {
        let queues = ActivityQueues::new(10);
        for id in [1, 2, 3] {
            assert!(queues.offer(offer(id)).is_none());
        }
        assert!(queues.retract(&offer(2)));
        assert!(!queues.retract(&offer(2)));
        assert_eq!(queues.remove("a"), [offer(1), offer(3)]);
        assert!(queues.remove("a").is_empty());
    }
}
