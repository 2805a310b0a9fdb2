//! Commits over records that fail when they are told to: whoever writes, nothing follows a group that was not written.
#![expect(clippy::unwrap_used, reason = "an error that a test does not expect is a failed test")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, ThreadId},
};
use store::{Batch, Error, GroupWrites, Keyspace};
use store_folder::{Acknowledged, Commits, Mark, Records, Slot};

const KEYSPACE: Keyspace = Keyspace("records");
const GROUP_BYTES_MAX: usize = 1 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Error,
    Panic,
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(&'static str);

/// Records in memory. Every group that is written is noted, with the thread that wrote it.
struct Noted {
    fault: Fault,
    is_behind: bool,
    groups: Groups,
    records: Mutex<BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
    gate: Arc<Gate>,
}

type Groups = Arc<Mutex<Vec<(u64, ThreadId)>>>;

/// Holds up who writes, as a slow disk does.
#[derive(Default)]
struct Gate {
    is_shut: Mutex<bool>,
    opened: Condvar,
    /// Those that have come to it.
    reached: AtomicUsize,
}

impl Gate {
    fn shut(&self, is_shut: bool) {
        *self.is_shut.lock().unwrap() = is_shut;
        self.opened.notify_all();
    }

    fn pass(&self) {
        self.reached.fetch_add(1, Ordering::SeqCst);
        drop(self.opened.wait_while(self.is_shut.lock().unwrap(), |is_shut| *is_shut).unwrap());
    }
}

impl Records for Noted {
    type Error = Failed;

    fn closed() -> Failed {
        Failed("closed")
    }

    fn get(&self, _: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, Failed> {
        Ok(self.records.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned().flatten())
    }

    fn lacks_keyspace_of(&self, _: &GroupWrites) -> bool {
        false
    }

    fn would_wait(&self) -> bool {
        self.is_behind
    }

    fn create_keyspaces_of(&mut self, _: &GroupWrites) -> Result<(), Failed> {
        Ok(())
    }

    fn write(&self, writes: GroupWrites, group: u64) -> Result<(), Failed> {
        self.gate.pass();
        assert!(self.fault != Fault::Panic, "the records panic");
        if self.fault == Fault::Error {
            return Err(Failed("the disk is full"));
        }
        self.groups.lock().unwrap().push((group, thread::current().id()));
        self.records.lock().unwrap().extend(writes.into_values().flatten());
        Ok(())
    }
}

/// A store, and what is noted of it.
struct World {
    commits: Commits<Noted>,
    slot: Arc<Slot<Noted>>,
    groups: Groups,
    gate: Arc<Gate>,
    failures: Arc<AtomicUsize>,
    folder: tempfile::TempDir,
}

fn world(fault: Fault) -> World {
    world_of(fault, false)
}

fn world_of(fault: Fault, is_behind: bool) -> World {
    let folder = tempfile::tempdir().unwrap();
    let (groups, gate, failures) = (Groups::default(), Arc::<Gate>::default(), Arc::<AtomicUsize>::default());
    let records =
        Noted { fault, is_behind, groups: Arc::clone(&groups), records: Mutex::default(), gate: Arc::clone(&gate) };
    let slot = Arc::new(Slot::new(records));
    let told = Arc::clone(&failures);
    let on_failure = move |_: &Failed| {
        told.fetch_add(1, Ordering::SeqCst);
    };
    let mark = Mark::open(folder.path()).unwrap();
    let commits = Commits::start(Arc::clone(&slot), (0, mark), GROUP_BYTES_MAX, on_failure).unwrap();
    World { commits, slot, groups, gate, failures, folder }
}

fn put(key: &str) -> Batch {
    let mut batch = Batch::new();
    batch.put(KEYSPACE, key, "value");
    batch
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn who_has_nothing_else_to_do_writes() {
    let world = world(Fault::None);
    wait(world.commits.commit_here(put("here"))).unwrap();
    wait(world.commits.commit(put("there"))).unwrap();
    let groups = world.groups.lock().unwrap().clone();
    assert_eq!(groups.iter().map(|(group, _)| *group).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(groups.first().unwrap().1, thread::current().id());
    assert_ne!(groups.last().unwrap().1, thread::current().id());
    assert_eq!(Acknowledged::read(world.folder.path()), Acknowledged { group: 2, is_twice: true });
}

#[test]
fn nobody_overtakes_what_is_on_its_way() {
    let world = world(Fault::None);
    world.gate.shut(true);
    let first = world.commits.commit(put("first"));
    // Would wait at the gate for ever if it wrote here.
    let second = world.commits.commit_here(put("second"));
    world.gate.shut(false);
    wait(second).unwrap();
    wait(first).unwrap();
    assert!(world.groups.lock().unwrap().iter().all(|(_, thread)| *thread != thread::current().id()));
}

#[test]
fn who_has_something_else_to_wait_for_than_the_sync_does_not_write() {
    let world = world_of(Fault::None, true);
    wait(world.commits.commit_here(put("a"))).unwrap();
    assert!(world.groups.lock().unwrap().iter().all(|(_, thread)| *thread != thread::current().id()));
}

/// Commits one batch on a thread of its own, and three others when that one has come to the gate.
fn commit_beside(fault: Fault) -> (World, Vec<Result<(), Error>>) {
    let world = world(fault);
    world.gate.shut(true);
    let outcomes = thread::scope(|scope| {
        let here = scope.spawn(|| wait(world.commits.commit_here(put("here"))));
        while world.gate.reached.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        let beside: Vec<_> = ["b", "c", "d"].map(|key| world.commits.commit(put(key))).into();
        world.gate.shut(false);
        [here.join().unwrap()].into_iter().chain(beside.into_iter().map(wait)).collect()
    });
    (world, outcomes)
}

#[test]
fn what_comes_while_another_writes_is_one_group() {
    let (world, outcomes) = commit_beside(Fault::None);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let groups = world.groups.lock().unwrap().iter().map(|(group, _)| *group).collect::<Vec<_>>();
    assert_eq!(groups, [1, 2]);

    let (_, outcomes) = commit_beside(Fault::Error);
    assert!(matches!(outcomes.first(), Some(Err(Error::Backend { .. }))), "{outcomes:?}");
    assert!(outcomes.iter().skip(1).all(|outcome| matches!(outcome, Err(Error::Poisoned))), "{outcomes:?}");
}

#[test]
fn nothing_follows_a_group_that_failed() {
    for is_here in [true, false] {
        let World { commits, slot, failures, groups, .. } = world(Fault::Error);
        let outcome = wait(if is_here { commits.commit_here(put("a")) } else { commits.commit(put("a")) });
        assert!(matches!(outcome, Err(Error::Backend { action: "commit", .. })), "{outcome:?}");
        assert!(slot.read(|_| ()).is_none(), "it is closed when the outcome is told");
        assert!(matches!(wait(commits.commit_here(put("b"))), Err(Error::Poisoned)));
        assert!(matches!(wait(commits.commit(put("c"))), Err(Error::Poisoned)));
        // While handles to it remain.
        while failures.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        drop(commits);
        assert_eq!(failures.load(Ordering::SeqCst), 1, "it is told once");
        assert!(groups.lock().unwrap().is_empty());
    }
}

#[test]
fn nothing_follows_a_panic() {
    let World { commits, slot, .. } = world(Fault::Panic);
    let here = || drop(commits.commit_here(put("a")));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(here)).is_err());
    assert!(slot.read(|_| ()).is_none());
    assert!(wait(commits.commit_here(put("b"))).is_err());
    assert!(matches!(wait(commits.commit(put("c"))), Err(Error::Poisoned)));

    let World { commits, slot, .. } = world(Fault::Panic);
    assert!(matches!(wait(commits.commit(put("a"))), Err(Error::Backend { action: "commit", .. })));
    assert!(wait(commits.commit_here(put("b"))).is_err());
    assert!(slot.read(|_| ()).is_none());
}
