//! Stores that do what disks and processes do: they crash, take their time, panic, or cannot be read.

use engine::ManualClock;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
    mpsc,
};
use store::{Batch, BoxFuture, Error, Keyspace, MemoryStore, Range, Record, Store};
use tokio::{
    runtime::Handle,
    sync::{
        Notify, Semaphore,
        mpsc::{UnboundedSender, unbounded_channel},
        oneshot,
    },
};

/// Stops answering at a commit, as a process does that is killed: the commit is lost, or done and not told.
pub struct CrashStore {
    inner: MemoryStore,
    left: Mutex<u64>,
    is_applied: bool,
    crashed: Arc<Notify>,
}

impl CrashStore {
    pub fn new(inner: MemoryStore, commits: u64, is_applied: bool, crashed: Arc<Notify>) -> CrashStore {
        CrashStore { inner, left: Mutex::new(commits), is_applied, crashed }
    }
}

impl Store for CrashStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.inner.get(keyspace, key)
    }
    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, Error> {
        self.inner.scan(keyspace, range, limit)
    }
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), Error>> {
        let mut left = self.left.lock().unwrap();
        if *left > 0 {
            *left -= 1;
            if *left > 0 {
                return self.inner.commit(batch);
            }
            let commit = self.is_applied.then(|| self.inner.commit(batch));
            let crashed = Arc::clone(&self.crashed);
            return Box::pin(async move {
                if let Some(commit) = commit {
                    commit.await?;
                }
                crashed.notify_one();
                std::future::pending().await
            });
        }
        Box::pin(std::future::pending())
    }
}

/// Lets others go on for some turns before each commit. The commits are made in the order of the calls.
pub struct PatientStore {
    inner: MemoryStore,
    turns: usize,
    /// How many commits were asked for, and how many were made.
    asked: AtomicU64,
    made: Arc<AtomicU64>,
    /// Where they take their turns, whoever waits for them.
    runtime: tokio::runtime::Handle,
}

impl PatientStore {
    pub fn new(inner: MemoryStore, turns: usize) -> PatientStore {
        let runtime = tokio::runtime::Handle::current();
        PatientStore { inner, turns, asked: AtomicU64::new(0), made: Arc::default(), runtime }
    }

    /// How many commits were made.
    pub fn made(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.made)
    }
}

impl Store for PatientStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.inner.get(keyspace, key)
    }
    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, Error> {
        self.inner.scan(keyspace, range, limit)
    }
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), Error>> {
        let (inner, turns, made) = (self.inner.clone(), self.turns, Arc::clone(&self.made));
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        let commit = self.runtime.spawn(async move {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            while made.load(Ordering::SeqCst) < number {
                tokio::task::yield_now().await;
            }
            let committed = inner.commit(batch).await;
            made.fetch_add(1, Ordering::SeqCst);
            committed
        });
        Box::pin(async move { commit.await.unwrap() })
    }
}

/// A disk that takes 25 ms for some reads, and counts them.
pub struct SlowStore {
    pub inner: MemoryStore,
    pub reads: Arc<AtomicU64>,
    /// Those that begin with this key, by a thread of the engine of this name.
    pub is_slow: fn(thread: &str, Keyspace, key: &[u8]) -> bool,
}

impl SlowStore {
    fn read(&self, keyspace: Keyspace, key: &[u8]) {
        if (self.is_slow)(std::thread::current().name().unwrap_or_default(), keyspace, key) {
            std::thread::sleep(std::time::Duration::from_millis(25));
            self.reads.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Store for SlowStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.read(keyspace, key);
        self.inner.get(keyspace, key)
    }
    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, Error> {
        self.read(keyspace, range.from);
        self.inner.scan(keyspace, range, limit)
    }
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), Error>> {
        self.inner.commit(batch)
    }
}

/// A disk on which some scans wait until the test drops the sender.
pub struct HeldStore {
    pub inner: MemoryStore,
    /// Those that begin with this key, by a thread of the engine of this name.
    pub is_held: fn(thread: &str, Keyspace, key: &[u8]) -> bool,
    /// How many have begun.
    pub begun: Arc<AtomicU64>,
    pub go: Arc<Mutex<mpsc::Receiver<()>>>,
}

impl Store for HeldStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.inner.get(keyspace, key)
    }
    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, Error> {
        if (self.is_held)(std::thread::current().name().unwrap_or_default(), keyspace, range.from) {
            self.begun.fetch_add(1, Ordering::SeqCst);
            let told = self.go.lock().unwrap().recv_timeout(std::time::Duration::from_secs(10));
            assert_eq!(told, Err(mpsc::RecvTimeoutError::Disconnected), "the engine waits for the disk");
        }
        self.inner.scan(keyspace, range, limit)
    }
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), Error>> {
        self.inner.commit(batch)
    }
}

/// Panics at one read of a shard's thread, when it is told to.
pub struct PanickingStore {
    pub inner: MemoryStore,
    pub is_armed: Arc<AtomicBool>,
}

impl Store for PanickingStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let is_shard = std::thread::current().name().is_some_and(|name| name.starts_with("shard-"));
        assert!(!is_shard || !self.is_armed.swap(false, Ordering::SeqCst), "told to panic");
        self.inner.get(keyspace, key)
    }
    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, Error> {
        self.inner.scan(keyspace, range, limit)
    }
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), Error>> {
        self.inner.commit(batch)
    }
}

/// Fails at the next read of a keyspace, when it is told to.
pub struct UnreadableStore {
    pub inner: MemoryStore,
    pub keyspace: Keyspace,
    pub is_armed: Arc<AtomicBool>,
}

impl UnreadableStore {
    fn check(&self, keyspace: Keyspace) -> Result<(), Error> {
        let is_unreadable = keyspace == self.keyspace && self.is_armed.swap(false, Ordering::SeqCst);
        if is_unreadable { Err(Error::Poisoned) } else { Ok(()) }
    }
}

impl Store for UnreadableStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.check(keyspace)?;
        self.inner.get(keyspace, key)
    }
    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, Error> {
        self.check(keyspace)?;
        self.inner.scan(keyspace, range, limit)
    }
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), Error>> {
        self.inner.commit(batch)
    }
}

/// Takes a while for each commit, on the clock of the test.
pub struct TickingStore {
    pub inner: MemoryStore,
    pub clock: Arc<ManualClock>,
    pub commit_takes: std::time::Duration,
}

impl Store for TickingStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.inner.get(keyspace, key)
    }
    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, Error> {
        self.inner.scan(keyspace, range, limit)
    }
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), Error>> {
        let (commit, clock, takes) = (self.inner.commit(batch), Arc::clone(&self.clock), self.commit_takes);
        Box::pin(async move {
            clock.advance(takes);
            commit.await
        })
    }
}

/// The records of `keyspace` whose keys begin like this are damaged on the disk.
pub struct DamagedStore {
    pub inner: MemoryStore,
    pub keyspace: Keyspace,
    pub prefix: Vec<u8>,
}

impl DamagedStore {
    fn check(&self, keyspace: Keyspace, from: &[u8]) -> Result<(), Error> {
        let is_damaged = keyspace == self.keyspace && from.starts_with(&self.prefix);
        let damage = || Error::Damaged { keyspace: keyspace.0, source: "`7` is damaged at byte 3".into() };
        if is_damaged { Err(damage()) } else { Ok(()) }
    }
}

impl Store for DamagedStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.check(keyspace, key)?;
        self.inner.get(keyspace, key)
    }
    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, Error> {
        self.check(keyspace, range.from)?;
        self.inner.scan(keyspace, range, limit)
    }
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), Error>> {
        self.inner.commit(batch)
    }
}

/// Makes commits one by one, when the test lets them through. As in a real store, who waits for one may go away: it is made.
pub struct SteppedStore {
    inner: MemoryStore,
    line: UnboundedSender<(Batch, oneshot::Sender<Result<(), Error>>)>,
}

impl SteppedStore {
    /// Each permit is one commit.
    pub fn new(inner: MemoryStore, steps: Arc<Semaphore>, runtime: &Handle) -> SteppedStore {
        let (line, mut waiting) = unbounded_channel::<(Batch, oneshot::Sender<_>)>();
        let store = inner.clone();
        runtime.spawn(async move {
            while let Some((batch, done)) = waiting.recv().await {
                steps.acquire().await.unwrap().forget();
                // Whoever waited may have gone away.
                let _ = done.send(store.commit(batch).await);
            }
        });
        SteppedStore { inner, line }
    }
}

impl Store for SteppedStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.inner.get(keyspace, key)
    }
    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, Error> {
        self.inner.scan(keyspace, range, limit)
    }
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), Error>> {
        let (done, told) = oneshot::channel();
        self.line.send((batch, done)).unwrap();
        Box::pin(async move { told.await.unwrap_or(Err(Error::Poisoned)) })
    }
}
