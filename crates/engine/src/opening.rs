//! Opening an engine and ending it.

use crate::{
    Clock, Engine, Error, Inner, OpenStore, Options, Tasks,
    activities::ActivityQueues,
    changes::Begun,
    clock,
    definitions::Definitions,
    deletions::Deletions,
    environment::Environment,
    express::ExpressHistory,
    lane::Lane,
    map_run_places::MapRunPlaces,
    random::Random,
    reopen, retention,
    shard::{Message, Order, Shard, ShardSender},
    state_machines::Registry,
    tables::{Tables, Writes},
    tokens::Sealer,
};
use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc as channel, oneshot},
};

/// What a store gets to answer when the time to end in is over: far more than the sync of a disk that works takes.
const LAST_COMMIT: Duration = Duration::from_secs(1);

impl Engine {
    pub(crate) async fn begin(
        open_store: OpenStore,
        tasks: Arc<dyn Tasks>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Result<Engine, Error> {
        let tables = Tables::new(open_store()?);
        let random = Random::new(options.simulated, options.quick_budget);
        let stopwatch = if options.simulated.is_some() { clock::stopped_ns } else { clock::stopwatch_ns };
        let sealer = Sealer::new(token_key(&tables, &random).await?);
        let (failures, failed) = channel::unbounded_channel();
        let (deletions, closed) = Deletions::new();
        let environment = Arc::new(Environment {
            activities: ActivityQueues::new(options.limits.activity_pollers_max),
            definitions: Definitions::new(options.definitions_bytes_max),
            express_history: ExpressHistory::new(options.express_history_bytes_max),
            slow_lane: Arc::new(Lane::new(nanoseconds(options.slow_budget.time), stopwatch)),
            open_executions: Mutex::default(),
            map_run_places: MapRunPlaces::new(options.shard_count()),
            state_tests: Semaphore::new(options.limits.state_tests_at_once_max.min(Semaphore::MAX_PERMITS)),
            apart: Arc::new(Semaphore::new(options.apart_at_once_max.max(1))),
            express_room: Arc::default(),
            waiting_children_bytes: Arc::default(),
            stopping: AtomicBool::new(false),
            unfinished: AtomicUsize::new(0),
            deletions,
            shards: OnceLock::new(),
            current: RwLock::new(Some(tables.clone())),
            runtime: Handle::current(),
            random,
            stopwatch,
            options,
            clock,
            tasks,
            sealer,
            failures,
        });
        let registry = Arc::new(Registry::open(Arc::clone(&environment))?);
        let threads = start_shards(&environment, &tables)?;
        let mut keepers = vec![
            tokio::spawn(reopen::keep_open(Arc::clone(&environment), open_store, failed)).abort_handle(),
            tokio::spawn(Arc::clone(&registry).finish_deletions(closed)).abort_handle(),
        ];
        if environment.options.removes_by_itself {
            keepers.push(tokio::spawn(retention::run(Arc::clone(&environment))).abort_handle());
        }
        Ok(Engine {
            inner: Arc::new(Inner { environment, registry, keepers, begun: Begun::default(), threads: threads.into() }),
        })
    }

    pub(crate) async fn end(&self, drain: Duration) {
        let environment = &self.inner.environment;
        environment.stopping.store(true, Ordering::Release);
        environment.activities.dismiss();
        let deadline_ms =
            environment.clock.now_ms().saturating_add(i64::try_from(drain.as_millis()).unwrap_or(i64::MAX));
        tokio::select! {
            biased;
            () = environment.order_all(|done| Order::Drain { done }) => {}
            () = environment.clock.sleep_until(deadline_ms) => {}
        }
        let mut ended = std::pin::pin!(environment.order_all(|done| Order::End { done }));
        tokio::select! {
            biased;
            () = &mut ended => {}
            () = environment.clock.sleep_until(deadline_ms) => self.hurry(ended).await,
        }
        let tasks = environment.unfinished.load(Ordering::Relaxed);
        if tasks > 0 {
            tracing::warn!(tasks, "tasks still run; their outcome is unknown to the next start");
        }
        self.let_go().await;
    }

    /// The time is over. What is on its way to the disk gets a last moment; a disk that takes longer is not waited for.
    async fn hurry(&self, ended: impl Future<Output = ()>) {
        let environment = &self.inner.environment;
        self.order(|| Order::Hurry);
        // Who waits for a step that is not made now hears that the engine ends.
        environment.shards.get().into_iter().flatten().for_each(ShardSender::refuse_requests);
        environment.slow_lane.close();
        tokio::select! {
            biased;
            () = ended => {}
            () = environment.clock.pause(LAST_COMMIT) => {
                tracing::warn!("the store does not answer; what is not durable is lost as in a crash");
                self.order(|| Order::Abandon);
            }
        }
    }

    /// Lets go of threads and store. A thread that hangs in the store is left behind: it ends with the process.
    async fn let_go(&self) {
        let environment = Arc::clone(&self.inner.environment);
        self.inner.keepers.iter().for_each(tokio::task::AbortHandle::abort);
        environment.slow_lane.close();
        environment.apart.close();
        let threads = std::mem::take(&mut *self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let (done, is_done) = oneshot::channel();
        let mut pause = environment.clock.pause(LAST_COMMIT);
        let unchanging = tokio::select! {
            biased;
            unchanging = self.inner.registry.unchanging() => Some(unchanging),
            () = &mut pause => None,
        };
        Arc::clone(&environment).spawn_blocking(move || {
            for thread in threads {
                // The thread has said that it ends; a panic of it was logged.
                let _ = thread.join();
            }
            // The last one that has the store waits for its disk.
            environment.set_tables(None);
            drop(unchanging);
            // Who waits may have given up.
            let _ = done.send(());
        });
        tokio::select! {
            biased;
            _ = is_done => {}
            () = pause => tracing::warn!("the store is not let go of in time"),
        }
    }

    fn order(&self, order: impl Fn() -> Order) {
        self.inner.environment.shards.get().into_iter().flatten().for_each(|shard| shard.order(order()));
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn start_shards(environment: &Arc<Environment>, tables: &Tables) -> Result<Vec<JoinHandle<()>>, Error> {
    let waiting_max = environment.options.per_shard(environment.options.requests_waiting_max);
    let (senders, inbounds): (Vec<_>, Vec<_>) =
        (0..environment.options.shard_count()).map(|_| ShardSender::channel(waiting_max)).unzip();
    // They are set once, here.
    let _ = environment.shards.set(senders.clone());
    let mut threads = Vec::new();
    for (number, (sender, inbound)) in senders.into_iter().zip(inbounds).enumerate() {
        threads.extend(start_shard(number, environment, sender, inbound, tables)?);
    }
    Ok(threads)
}

/// Gives the thread that the shard has.
fn start_shard(
    number: usize,
    environment: &Arc<Environment>,
    sender: ShardSender,
    inbound: channel::UnboundedReceiver<Message>,
    tables: &Tables,
) -> Result<Option<JoinHandle<()>>, Error> {
    let seed = u64::from_be_bytes(environment.random.bytes()?);
    let shard = Shard::new(number, Arc::clone(environment), sender, inbound, tables.clone(), seed);
    if environment.options.simulated.is_some() {
        environment.runtime.spawn(shard.run_in_turns());
        return Ok(None);
    }
    let thread = std::thread::Builder::new()
        .name(format!("shard-{number}"))
        .spawn(move || shard.run())
        .map_err(|source| Error::System { action: "start a shard's thread", source })?;
    Ok(Some(thread))
}

/// The key that seals task tokens: drawn when the store is new.
async fn token_key(tables: &Tables, random: &Random) -> Result<[u8; 32], Error> {
    const NAME: &str = "token_key";
    if let Some(key) = tables.meta(NAME)? {
        return <[u8; 32]>::try_from(key)
            .map_err(|_| Error::Corrupt { keyspace: "meta", why: "the key of the task tokens is damaged".into() });
    }
    let key: [u8; 32] = random.bytes()?;
    let mut writes = Writes::default();
    writes.new_meta(NAME, &key);
    tables.store().commit(writes.into_batch()).await?;
    Ok(key)
}

impl Drop for Inner {
    /// An engine that is dropped ends as in a crash: nothing more is committed, and its calls are dropped.
    fn drop(&mut self) {
        self.keepers.iter().for_each(tokio::task::AbortHandle::abort);
        self.begun.abort();
        self.environment.slow_lane.close();
        for shard in self.environment.shards.get().into_iter().flatten() {
            shard.order(Order::Abandon);
        }
        // They end after the turn that they are in; then the store is nobody's.
        let threads = self.threads.get_mut().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // A panic of it was logged.
            let _ = thread.join();
        }
    }
}
