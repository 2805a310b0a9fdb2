//! The slow lane's threads, and who is next on them.
//!
//! State machines share the lane fairly, each by the time that its steps took (start-time fair queueing): a step is
//! served in the order of its tag, which is where its state machine stands or where the lane stands, whichever is later;
//! what the step takes moves its state machine on. So a flood of hostile executions queues behind itself, and a
//! neighbour's step waits for those that are running, not for those that are waiting.

use crate::environment::Environment;
use json::Text;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Half of the cores, since the shards have the others; but one endless step never holds the lane alone.
fn threads_max() -> usize {
    const THREADS_MIN: usize = 2;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores / 2).max(THREADS_MIN)
}

type Work = Box<dyn FnOnce() + Send>;

/// The lane of one engine.
pub(crate) struct Lane {
    queue: Mutex<Queue<Work>>,
    /// Steps that wait, so that asking costs nothing while there are none.
    waiting: AtomicUsize,
    threads_max: usize,
    stopwatch: query::Stopwatch,
}

impl Lane {
    /// A step is thought to take `expected_ns` until it has shown what it takes.
    pub(crate) fn new(expected_ns: u64, stopwatch: query::Stopwatch) -> Lane {
        let (queue, waiting) = (Mutex::new(Queue::new(expected_ns)), AtomicUsize::new(0));
        Lane { queue, waiting, threads_max: threads_max(), stopwatch }
    }

    /// Does `work` when it is the turn of `state_machine`, unless the lane is closed. It must not panic.
    pub(crate) fn submit(self: &Arc<Lane>, environment: &Environment, state_machine: Text, work: Work) {
        let mut queue = self.queue();
        if queue.is_closed {
            return;
        }
        queue.push(state_machine, work);
        self.waiting.store(queue.len(), Ordering::Relaxed);
        if queue.running < self.threads_max {
            queue.running += 1;
            let lane = Arc::clone(self);
            environment.spawn_blocking(move || lane.run());
        }
    }

    /// Whether steps of the state machine wait here. Its next ones had better come here at once: they would only use up
    /// the time of the shard as well.
    pub(crate) fn is_behind(&self, state_machine: &str) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0 && self.queue().has_waiting(state_machine)
    }

    /// Whether a step would not wait. One that can be made on the shard had better not: it would only keep memory meanwhile.
    pub(crate) fn has_room(&self) -> bool {
        let queue = self.queue();
        !queue.is_closed && queue.running < self.threads_max
    }

    /// Forgets what waits, and takes nothing any more. A step that is being made comes to its end: its budget bounds it.
    pub(crate) fn close(&self) {
        let mut queue = self.queue();
        let forgotten = std::mem::take(&mut queue.by_tag);
        queue.is_closed = true;
        self.waiting.store(0, Ordering::Relaxed);
        drop(queue);
        // With the work go the answers that depend on it, and who waits for them looks at what it likes.
        drop(forgotten);
    }

    /// Works until nothing waits.
    fn run(&self) {
        loop {
            let mut queue = self.queue();
            let Some((state_machine, work)) = queue.pop() else {
                queue.running -= 1;
                return;
            };
            self.waiting.store(queue.len(), Ordering::Relaxed);
            drop(queue);
            let started_ns = (self.stopwatch)();
            work();
            self.queue().took(&state_machine, (self.stopwatch)().saturating_sub(started_ns));
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue<Work>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Work by tag, and among equals by arrival.
struct Queue<T> {
    by_tag: BTreeMap<(u64, u64), (Text, T)>,
    arrivals: u64,
    running: usize,
    /// Where the lane stands: the tag of the work that was begun last.
    now: u64,
    /// Where the state machines stand that are ahead of the lane, and how many of their steps wait.
    standings: HashMap<Text, Standing>,
    expected_ns: u64,
    is_closed: bool,
}

#[derive(Default)]
struct Standing {
    next_tag: u64,
    waiting: usize,
}

impl<T> Queue<T> {
    fn new(expected_ns: u64) -> Queue<T> {
        Queue {
            by_tag: BTreeMap::new(),
            arrivals: 0,
            running: 0,
            now: 0,
            standings: HashMap::new(),
            expected_ns,
            is_closed: false,
        }
    }

    fn len(&self) -> usize {
        self.by_tag.len()
    }

    fn push(&mut self, state_machine: Text, work: T) {
        let standing = self.standings.entry(state_machine.clone()).or_default();
        let tag = standing.next_tag.max(self.now);
        standing.next_tag = tag.saturating_add(self.expected_ns);
        standing.waiting += 1;
        self.arrivals += 1;
        self.by_tag.insert((tag, self.arrivals), (state_machine, work));
    }

    fn pop(&mut self) -> Option<(Text, T)> {
        let ((tag, _), (state_machine, work)) = self.by_tag.pop_first()?;
        self.now = self.now.max(tag);
        if let Some(standing) = self.standings.get_mut(&state_machine) {
            standing.waiting = standing.waiting.saturating_sub(1);
        }
        Some((state_machine, work))
    }

    /// What was expected of a piece of work is replaced by what it took.
    fn took(&mut self, state_machine: &str, nanoseconds: u64) {
        if let Some(standing) = self.standings.get_mut(state_machine) {
            standing.next_tag = standing.next_tag.saturating_sub(self.expected_ns).saturating_add(nanoseconds);
        }
        let now = self.now;
        self.standings.retain(|_, standing| standing.waiting > 0 || standing.next_tag > now);
    }

    fn has_waiting(&self, state_machine: &str) -> bool {
        self.standings.get(state_machine).is_some_and(|standing| standing.waiting > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED_NS: u64 = 100;

    /// Pops one piece of work that takes `nanoseconds`.
    fn serve(queue: &mut Queue<u32>, nanoseconds: u64) -> (String, u32) {
        let (state_machine, work) = queue.pop().unwrap();
        queue.took(&state_machine, nanoseconds);
        (state_machine.to_string(), work)
    }

    #[test]
    fn a_flood_queues_behind_itself() {
        let mut queue = Queue::new(EXPECTED_NS);
        (0..1_000).for_each(|number| queue.push("hostile".into(), number));
        (0..10).for_each(|number| assert_eq!(serve(&mut queue, EXPECTED_NS), ("hostile".into(), number)));
        queue.push("neighbour".into(), 1);
        queue.push("neighbour".into(), 2);
        let served: Vec<String> = (0..4).map(|_| serve(&mut queue, EXPECTED_NS).0).collect();
        assert_eq!(served, ["neighbour", "hostile", "neighbour", "hostile"]);
    }

    #[test]
    fn many_floods_do_not_hold_up_a_newcomer() {
        let mut queue = Queue::new(EXPECTED_NS);
        for flood in 0..10 {
            (0..100).for_each(|number| queue.push(format!("hostile {flood}").as_str().into(), number));
        }
        (0..500).for_each(|_| drop(serve(&mut queue, EXPECTED_NS)));
        queue.push("neighbour".into(), 1);
        let before = (0..500).take_while(|_| serve(&mut queue, EXPECTED_NS).0 != "neighbour").count();
        assert!(before <= 10, "one of each, not {before}");
    }

    #[test]
    fn who_used_much_goes_behind() {
        let mut queue = Queue::new(EXPECTED_NS);
        for name in ["long", "short"] {
            queue.push(name.into(), 0);
        }
        assert_eq!(serve(&mut queue, 900), ("long".into(), 0));
        assert_eq!(serve(&mut queue, 10), ("short".into(), 0));
        for number in 1..=5 {
            queue.push("long".into(), number);
            queue.push("short".into(), number);
        }
        let served: Vec<String> = (0..6).map(|_| serve(&mut queue, EXPECTED_NS).0).collect();
        assert_eq!(served, ["short", "short", "short", "short", "short", "long"]);
    }

    #[test]
    fn nothing_is_remembered_of_who_has_nothing_here() {
        let mut queue = Queue::new(EXPECTED_NS);
        for number in 0..100 {
            queue.push(format!("machine {number}").as_str().into(), number);
            assert!(queue.has_waiting(&format!("machine {number}")));
            serve(&mut queue, 0);
        }
        assert!(queue.standings.is_empty() && queue.len() == 0);
        assert!(!queue.has_waiting("machine 1"));
    }
}
