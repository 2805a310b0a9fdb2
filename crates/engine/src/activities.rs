//! Tasks that wait for a worker, and workers that wait for a task: two lines per activity, of which one is empty.
//!
//! The lines are in memory only. What is in them follows from the executions: recovery offers again what no worker has
//! taken, in no particular order. A line holds names, not inputs; the input is taken from the execution when it is
//! handed out. All shards meet here, so a lock is held, for the time it takes to move one entry.

use crate::{ActivityTask, Origin, dispatch::Attempt, shard::Reply, tables::ExecutionKey};
use json::Text;
use machine::EventId;
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
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
    /// By their arrival.
    offers: BTreeMap<u64, Offer>,
    pollers: VecDeque<Poller>,
}

impl Lines {
    fn are_empty(&self) -> bool {
        self.offers.is_empty() && self.pollers.is_empty()
    }
}

/// The lines of all activities.
pub(crate) struct ActivityQueues {
    all: Mutex<AllLines>,
    pollers_max: usize,
}

#[derive(Default)]
struct AllLines {
    by_activity: HashMap<Text, Lines>,
    /// In whose line a task waits, and at which place: one that is wanted no more leaves it at once.
    places: HashMap<Attempt, (Text, u64)>,
    arrivals: u64,
}

impl AllLines {
    fn forget_if_empty(&mut self, activity_arn: &str) {
        if self.by_activity.get(activity_arn).is_some_and(Lines::are_empty) {
            self.by_activity.remove(activity_arn);
        }
    }
}

impl Offer {
    pub(crate) fn attempt(&self) -> Attempt {
        (self.key, self.id)
    }
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
        ActivityQueues { all: Mutex::default(), pollers_max }
    }

    /// Gives the task to the first worker that still waits, or puts it in line.
    pub(crate) fn offer(&self, offer: Offer) -> Option<(Offer, Poller)> {
        let mut all = self.lock();
        let AllLines { by_activity, places, arrivals } = &mut *all;
        let lines = by_activity.entry(offer.activity_arn.clone()).or_default();
        while let Some(poller) = lines.pollers.pop_front() {
            if !poller.reply.is_closed() {
                return Some((offer, poller));
            }
        }
        *arrivals += 1;
        places.insert(offer.attempt(), (offer.activity_arn.clone(), *arrivals));
        lines.offers.insert(*arrivals, offer);
        None
    }

    /// Takes a task out of the line; false if it waits in none, as a worker was given it.
    pub(crate) fn retract(&self, attempt: Attempt) -> bool {
        let mut all = self.lock();
        let Some((activity_arn, place)) = all.places.remove(&attempt) else { return false };
        if let Some(lines) = all.by_activity.get_mut(&activity_arn) {
            lines.offers.remove(&place);
        }
        all.forget_if_empty(&activity_arn);
        true
    }

    /// The activity was deleted: its workers are sent away, and what nobody has taken is given back.
    pub(crate) fn remove(&self, activity_arn: &str) -> Vec<Offer> {
        let mut all = self.lock();
        let Some(Lines { offers, pollers }) = all.by_activity.remove(activity_arn) else { return Vec::new() };
        for poller in pollers {
            // A worker that went away needs no answer.
            let _ = poller.reply.send(Ok(None));
        }
        let offers: Vec<Offer> = offers.into_values().collect();
        offers.iter().for_each(|offer| drop(all.places.remove(&offer.attempt())));
        offers
    }

    /// Gives the worker the first task in line, or puts it in line itself.
    pub(crate) fn poll(&self, activity_arn: &Text, poller: Poller) -> Polled {
        let mut all = self.lock();
        let AllLines { by_activity, places, .. } = &mut *all;
        let lines = by_activity.entry(activity_arn.clone()).or_default();
        if let Some((_, offer)) = lines.offers.pop_first() {
            places.remove(&offer.attempt());
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
        let Some(lines) = all.by_activity.get_mut(activity_arn) else { return false };
        let before = lines.pollers.len();
        lines.pollers.retain(|poller| poller.number != number);
        let withdrawn = lines.pollers.len() < before;
        all.forget_if_empty(activity_arn);
        withdrawn
    }

    /// Sends all workers away, without a task.
    pub(crate) fn dismiss(&self) {
        for poller in self.lock().by_activity.values_mut().flat_map(|lines| lines.pollers.drain(..)) {
            // A worker that went away needs no answer.
            let _ = poller.reply.send(Ok(None));
        }
    }

    /// Forgets all tasks in line: the shards offer them again after the store was opened again.
    pub(crate) fn forget_offers(&self) {
        let mut all = self.lock();
        all.places.clear();
        all.by_activity.values_mut().for_each(|lines| lines.offers.clear());
    }

    fn lock(&self) -> MutexGuard<'_, AllLines> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert!(queues.retract(offer(2).attempt()));
        assert!(!queues.retract(offer(2).attempt()));
        assert_eq!(queues.remove("a"), [offer(1), offer(3)]);
        assert!(queues.remove("a").is_empty());
        assert!(!queues.retract(offer(1).attempt()));
    }

    #[test]
    fn nothing_is_kept_of_a_task_that_is_wanted_no_more() {
        let queues = ActivityQueues::new(10);
        for id in 0..100 {
            assert!(queues.offer(offer(id)).is_none());
            assert!(queues.retract(offer(id).attempt()));
        }
        let all = queues.lock();
        assert!(all.by_activity.is_empty() && all.places.is_empty());
    }
}
