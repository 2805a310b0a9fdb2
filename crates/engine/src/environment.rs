//! What the shards, the queries and the façade share.

use crate::{
    Clock, Error, ExecutionRecord, Options, Tasks,
    activities::ActivityQueues,
    definitions::Definitions,
    deletions::Deletions,
    express::ExpressHistory,
    express_room::{ExpressRoom, Full},
    lane::Lane,
    map_run_places::MapRunPlaces,
    random::Random,
    scopes::PerScope,
    shard::{Order, ShardSender},
    tables::{ExecutionKey, StoredExecution, Tables, Writes},
    tokens::Sealer,
    waiting_children::WaitingBytes,
};
use asl::Limits;
use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc, oneshot},
};

/// What is shared. Nothing here is locked for longer than it takes to copy a pointer.
pub(crate) struct Environment {
    pub(crate) options: Options,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tasks: Arc<dyn Tasks>,
    pub(crate) runtime: Handle,
    pub(crate) random: Random,
    pub(crate) stopwatch: query::Stopwatch,
    pub(crate) sealer: Sealer,
    pub(crate) definitions: Definitions,
    pub(crate) activities: ActivityQueues,
    /// `None`: Express executions are forgotten when they end.
    pub(crate) express_history: Option<ExpressHistory>,
    pub(crate) slow_lane: Arc<Lane>,
    /// Standard executions that are open and no children of Map Runs.
    pub(crate) open_executions: Mutex<PerScope>,
    /// Map Runs that are open, and those that wait to go on.
    pub(crate) map_run_places: MapRunPlaces,
    /// Room for Express executions, and for Express children of Map Runs.
    pub(crate) express_room: Arc<ExpressRoom>,
    /// What children of Map Runs take that wait to begin.
    pub(crate) waiting_children_bytes: WaitingBytes,
    /// Room for the tests of states that run at once.
    pub(crate) state_tests: Semaphore,
    /// Room for what is done apart at once.
    pub(crate) apart: Arc<Semaphore>,
    /// Set when the engine shuts down: nothing new is begun.
    pub(crate) stopping: AtomicBool,
    /// Tasks that ran when the time was over in which they might end.
    pub(crate) unfinished: AtomicUsize,
    pub(crate) shards: OnceLock<Vec<ShardSender>>,
    /// `None` while the store is opened again after a failed commit.
    pub(crate) current: RwLock<Option<Tables>>,
    /// Tells the keeper that a commit failed.
    pub(crate) failures: mpsc::UnboundedSender<store::Error>,
    pub(crate) deletions: Deletions,
}

impl Environment {
    /// The shard that owns the execution; `None` before they are started.
    pub(crate) fn shard(&self, key: ExecutionKey) -> Option<&ShardSender> {
        let shards = self.shards.get()?;
        shards.get(usize::from(key.partition()) % shards.len().max(1))
    }

    /// The executions of each shard among these; none before the shards are started.
    pub(crate) fn by_shard(&self, keys: &[ExecutionKey]) -> Vec<(&ShardSender, Vec<ExecutionKey>)> {
        let shards = self.shards.get().map(Vec::as_slice).unwrap_or_default();
        let mut keys_of = vec![Vec::new(); shards.len()];
        for key in keys {
            let shard = usize::from(key.partition()) % shards.len().max(1);
            keys_of.get_mut(shard).into_iter().for_each(|keys| keys.push(*key));
        }
        shards.iter().zip(keys_of).filter(|(_, keys)| !keys.is_empty()).collect()
    }

    /// The partitions that a shard owns.
    pub(crate) fn partitions(&self, shard: usize) -> Vec<u8> {
        let count = self.options.shard_count();
        (0..=u8::MAX).filter(|partition| usize::from(*partition) % count == shard).collect()
    }

    pub(crate) fn tables(&self) -> Result<Tables, Error> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clone().ok_or(Error::Store(store::Error::Poisoned))
    }

    pub(crate) fn set_tables(&self, tables: Option<Tables>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = tables;
    }

    /// The open executions; held for no longer than it takes to count.
    pub(crate) fn open_executions(&self) -> MutexGuard<'_, PerScope> {
        self.open_executions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an execution that is open now. A child of a Map Run is not counted: `MaxConcurrency` bounds them, and many of
    /// them do not keep others from being started.
    pub(crate) fn one_open_more(&self, stored: &StoredExecution) {
        if stored.child.is_none() {
            self.open_executions().add(&stored.record.arn);
        }
    }

    pub(crate) fn one_open_less(&self, stored: &StoredExecution) {
        if stored.child.is_none() {
            self.open_executions().remove(&stored.record.arn);
        }
    }

    /// Counts an Express execution that a caller begins. False if there is no room for it, as the log tells now and then.
    pub(crate) fn begin_express(&self) -> bool {
        let limits = &self.options.limits;
        let Err(full) = self.express_room.begin(limits) else { return true };
        if self.express_room.told_refusal.takes_turn(self.clock.now_ms()) {
            match full {
                Full::Executions => tracing::warn!(
                    limits.express_executions_max,
                    "as many Express executions run as may: further ones are refused"
                ),
                Full::Bytes => tracing::warn!(
                    limits.express_executions_bytes_max,
                    "Express executions take as much memory as they may: further ones are refused"
                ),
            }
        }
        false
    }

    /// The limits of a step: while the Express executions together take more memory than they may, each may take its share.
    pub(crate) fn limits_of_step(&self, is_standard: bool) -> Cow<'_, Limits> {
        let limits = &self.options.limits;
        let share = if is_standard { None } else { self.express_room.share(limits) };
        let Some(share) = share else { return Cow::Borrowed(limits) };
        Cow::Owned(Limits { execution_bytes_max: limits.execution_bytes_max.min(share), ..limits.clone() })
    }

    /// An Express execution fails as it takes more than its share, which the log tells now and then.
    pub(crate) fn tell_of_share(&self, share: u64) {
        let limits = &self.options.limits;
        if self.express_room.told_share.takes_turn(self.clock.now_ms()) {
            tracing::warn!(
                limits.express_executions_bytes_max,
                limits.execution_bytes_max,
                share,
                "Express executions take more memory than both together: those that take more than their share fail"
            );
        }
    }

    /// Executions that closed before this time exist no more for who asks, whether or not they are removed already.
    pub(crate) fn expired_before_ms(&self) -> i64 {
        expired_before_ms(&*self.clock, &self.options.limits)
    }

    /// How long after its end the name of an execution that is removed is not given again; 0 if its execution is kept
    /// for as long.
    pub(crate) fn keep_name_ms(&self) -> i64 {
        let limits = &self.options.limits;
        let reuse_ms = days_ms(limits.name_reuse_days);
        if reuse_ms > retention_ms(limits) { reuse_ms } else { 0 }
    }

    /// Whether the execution exists no more for who asks.
    pub(crate) fn has_expired(&self, record: &ExecutionRecord) -> bool {
        record.stop_ms.is_some_and(|stop_ms| stop_ms < self.expired_before_ms())
    }

    /// Commits writes that belong to no shard.
    pub(crate) async fn commit(&self, writes: Writes) -> Result<(), Error> {
        if writes.is_empty() {
            return Ok(());
        }
        let tables = self.tables()?;
        let result = tables.store().commit(writes.into_batch()).await;
        if let Err(error @ (store::Error::Poisoned | store::Error::Backend { .. })) = result {
            self.store_failed(&tables, error);
            return Err(Error::Store(store::Error::Poisoned));
        }
        Ok(result?)
    }

    /// The store is opened again, unless it was since.
    pub(crate) fn store_failed(&self, tables: &Tables, error: store::Error) {
        if self.tables().is_ok_and(|current| Arc::ptr_eq(current.store(), tables.store())) {
            // The keeper is gone only when the engine is.
            let _ = self.failures.send(error);
        }
    }

    /// Does what waits or takes long where no shard waits for it: on another thread, or in its turn in a simulation.
    pub(crate) fn spawn_blocking(&self, work: impl FnOnce() + Send + 'static) {
        if self.options.simulated.is_some() {
            self.runtime.spawn(async { work() });
        } else {
            self.runtime.spawn_blocking(work);
        }
    }

    /// Does what may take long where no shard and no connection waits for it, and gives what came of it. No more than so
    /// many do so at once; further ones wait in line. What was begun holds its place until it is over, also when its caller
    /// went away.
    pub(crate) async fn apart<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let place = Arc::clone(&self.apart).acquire_owned().await.map_err(|_| Error::ShuttingDown)?;
        let (reply, answer) = oneshot::channel();
        self.spawn_blocking(move || {
            let _place = place;
            // Nobody waits any more when the caller went away.
            let _ = reply.send(work());
        });
        answer.await.map_err(|_| self.no_answer())
    }

    /// Gives all shards an order and waits until all have carried it out.
    pub(crate) async fn order_all(&self, order: impl Fn(oneshot::Sender<()>) -> Order) {
        let ordered = |shard: &ShardSender| {
            let (done, answer) = oneshot::channel();
            shard.order(order(done));
            answer
        };
        let answers: Vec<_> = self.shards.get().into_iter().flatten().map(ordered).collect();
        for answer in answers {
            // A shard that has ended has nothing left to do.
            let _ = answer.await;
        }
    }

    /// Why an answer does not come.
    pub(crate) fn no_answer(&self) -> Error {
        if self.is_stopping() { Error::ShuttingDown } else { Error::AnswerLost }
    }

    /// The time is over in which these tasks might end.
    pub(crate) fn leave_unfinished(&self, tasks: usize) {
        self.unfinished.fetch_add(tasks, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

/// The time before which executions must have closed to have expired now, in milliseconds since the Unix epoch.
pub fn expired_before_ms(clock: &dyn Clock, limits: &Limits) -> i64 {
    clock.now_ms().saturating_sub(retention_ms(limits))
}

/// How long a closed execution is kept.
pub(crate) fn retention_ms(limits: &Limits) -> i64 {
    days_ms(limits.retention_days).saturating_add(minutes_ms(limits.retention_minutes))
}

pub(crate) fn days_ms(days: u64) -> i64 {
    minutes_ms(days.saturating_mul(24 * 60))
}

pub(crate) fn minutes_ms(minutes: u64) -> i64 {
    i64::try_from(minutes).unwrap_or(i64::MAX).saturating_mul(60_000)
}
