//! The clock of a simulated world: it stands still between two moves, and can be set to any time.

use engine::Clock;
use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};
use store::BoxFuture;

/// Where every world begins.
pub const START_MS: i64 = 1_700_000_000_000;

/// A clock that only the world moves.
#[derive(Clone, Debug)]
pub struct SimulatedClock(Arc<Mutex<Hands>>);

#[derive(Debug)]
struct Hands {
    /// The time of day.
    now_ms: i64,
    /// The latest that it ever was.
    latest_ms: i64,
    /// What has passed, wherever the time of day was set to.
    passed_ms: i64,
    sleepers: BTreeMap<Alarm, Waker>,
    sleeps: u64,
}

/// When a sleeper is woken: sorted by time, and the first to come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Alarm {
    /// Whether `due_ms` is of what has passed, and not a time of day.
    is_pause: bool,
    due_ms: i64,
    number: u64,
}

impl SimulatedClock {
    pub fn new() -> SimulatedClock {
        let hands = Hands { now_ms: START_MS, latest_ms: START_MS, passed_ms: 0, sleepers: BTreeMap::new(), sleeps: 0 };
        SimulatedClock(Arc::new(Mutex::new(hands)))
    }

    /// Lets time pass.
    pub fn pass(&self, ms: i64) {
        let mut hands = self.hands();
        hands.passed_ms = hands.passed_ms.saturating_add(ms);
        hands.now_ms = hands.now_ms.saturating_add(ms);
        hands.wake();
    }

    /// Sets the time of day forward or back, without any time passing.
    pub fn jump(&self, ms: i64) {
        let mut hands = self.hands();
        hands.now_ms = hands.now_ms.saturating_add(ms).max(0);
        hands.wake();
    }

    /// How long it is until the next sleeper is woken.
    pub fn until_next_ms(&self) -> Option<i64> {
        let hands = self.hands();
        hands.sleepers.keys().map(|alarm| alarm.due_ms.saturating_sub(hands.time_of(*alarm)).max(0)).min()
    }

    /// The latest time of day that it has ever shown.
    pub fn latest_ms(&self) -> i64 {
        self.hands().latest_ms
    }

    pub fn passed_ms(&self) -> i64 {
        self.hands().passed_ms
    }

    /// The process has died, and with it all who slept.
    pub fn forget_sleepers(&self) {
        // A waker may belong to a task that is dropped here, and wants the clock when it is.
        let sleepers = std::mem::take(&mut self.hands().sleepers);
        drop(sleepers);
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep(&self, is_pause: bool, due_ms: i64) -> BoxFuture<'static, ()> {
        let mut hands = self.hands();
        hands.sleeps += 1;
        Box::pin(Sleep { clock: self.clone(), alarm: Alarm { is_pause, due_ms, number: hands.sleeps } })
    }
}

impl Hands {
    fn time_of(&self, alarm: Alarm) -> i64 {
        if alarm.is_pause { self.passed_ms } else { self.now_ms }
    }

    fn wake(&mut self) {
        let (now_ms, passed_ms) = (self.now_ms, self.passed_ms);
        self.latest_ms = self.latest_ms.max(now_ms);
        let is_due = |alarm: &Alarm| alarm.due_ms <= if alarm.is_pause { passed_ms } else { now_ms };
        self.sleepers.extract_if(.., |alarm, _| is_due(alarm)).for_each(|(_, sleeper)| sleeper.wake());
    }
}

impl Clock for SimulatedClock {
    fn now_ms(&self) -> i64 {
        self.hands().now_ms
    }

    fn sleep_until(&self, due_ms: i64) -> BoxFuture<'static, ()> {
        self.sleep(false, due_ms)
    }

    fn pause(&self, time: Duration) -> BoxFuture<'static, ()> {
        let due_ms = self.passed_ms().saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
        self.sleep(true, due_ms)
    }
}

struct Sleep {
    clock: SimulatedClock,
    alarm: Alarm,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut hands = self.clock.hands();
        if hands.time_of(self.alarm) >= self.alarm.due_ms {
            return Poll::Ready(());
        }
        hands.sleepers.insert(self.alarm, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let sleeper = self.clock.hands().sleepers.remove(&self.alarm);
        drop(sleeper);
    }
}
