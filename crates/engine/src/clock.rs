//! Time is a parameter.

use std::{
    collections::BTreeMap,
    sync::{LazyLock, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use store::BoxFuture;
use tokio::sync::oneshot;

/// Gives the time of day, and wakes at a time of day.
pub trait Clock: Send + Sync {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> i64;
    /// Ready when [`Clock::now_ms`] is at least `due_ms`.
    fn sleep_until(&self, due_ms: i64) -> BoxFuture<'static, ()>;
    /// Ready after so long, wherever the time of day is set to meanwhile.
    fn pause(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// A sleep is cut into pieces of this length, so that a clock that was set forward is noticed.
const PIECE: Duration = Duration::from_secs(1);

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep_until(&self, due_ms: i64) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            while let Ok(left @ 1..) = u64::try_from(due_ms.saturating_sub(SystemClock.now_ms())) {
                tokio::time::sleep(PIECE.min(Duration::from_millis(left))).await;
            }
        })
    }
}

/// Nanoseconds that have passed since this was first asked: what a step's expressions take.
pub(crate) fn stopwatch_ns() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// The stopwatch of a simulation: nothing takes any time there, so that a slow machine does the same as a fast one.
pub(crate) fn stopped_ns() -> u64 {
    0
}

/// A clock that moves only when it is told to: for tests and for simulation.
#[derive(Debug, Default)]
pub struct ManualClock {
    hands: Mutex<Hands>,
}

#[derive(Debug, Default)]
struct Hands {
    now_ms: i64,
    /// Sleepers by the time that they wait for.
    sleepers: BTreeMap<i64, Vec<oneshot::Sender<()>>>,
}

impl ManualClock {
    pub fn at(now_ms: i64) -> ManualClock {
        ManualClock { hands: Mutex::new(Hands { now_ms, sleepers: BTreeMap::new() }) }
    }

    /// Moves the clock forward and wakes whom the new time wakes.
    pub fn advance(&self, by: Duration) {
        let mut hands = self.hands.lock().unwrap_or_else(PoisonError::into_inner);
        hands.now_ms = hands.now_ms.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
        let after_now = hands.now_ms.saturating_add(1);
        let later = hands.sleepers.split_off(&after_now);
        for sleeper in std::mem::replace(&mut hands.sleepers, later).into_values().flatten() {
            // A sleeper that went away needs no waking.
            let _ = sleeper.send(());
        }
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner).now_ms
    }

    fn sleep_until(&self, due_ms: i64) -> BoxFuture<'static, ()> {
        let mut hands = self.hands.lock().unwrap_or_else(PoisonError::into_inner);
        if due_ms <= hands.now_ms {
            return Box::pin(std::future::ready(()));
        }
        let (sleeper, woken) = oneshot::channel();
        hands.sleepers.entry(due_ms).or_default().push(sleeper);
        Box::pin(async move {
            // The clock went away: nobody waits for this time any more.
            if woken.await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}
