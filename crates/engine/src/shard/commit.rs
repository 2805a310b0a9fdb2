//! A commit that is on its way: it is polled on whichever thread wakes it.
//!
//! So the thread of the store that ends a commit reports that itself. A task of the runtime would have to be woken for it, only
//! to wake the shard: one more change of threads between the disk and all who wait for it. One thread polls at a time; news
//! that comes meanwhile makes it poll again.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Wake, Waker},
};
use tokio::runtime::Handle;

/// A future that reports the outcome, and must not wait for its turn to do so.
pub(super) struct Commit {
    /// `None` after it was ready.
    report: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    /// News that were not looked at yet.
    news: AtomicUsize,
    /// What the store is written for: it may use its timers and sockets.
    runtime: Handle,
}

impl Commit {
    /// Polls it now, and whenever there is news.
    pub(super) fn drive(report: impl Future<Output = ()> + Send + 'static, runtime: Handle) {
        let report = Mutex::new(Some(Box::pin(report) as Pin<Box<_>>));
        Arc::new(Commit { report, news: AtomicUsize::new(0), runtime }).wake();
    }

    fn poll(&self, waker: &Waker) {
        let _entered = self.runtime.enter();
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        if report.as_mut().is_some_and(|report| report.as_mut().poll(&mut Context::from_waker(waker)).is_ready()) {
            *report = None;
        }
    }
}

impl Wake for Commit {
    fn wake(self: Arc<Self>) {
        // Whoever polls already, and be it this thread, polls once more.
        if self.news.fetch_add(1, Ordering::AcqRel) > 0 {
            return;
        }
        let waker = Waker::from(Arc::clone(&self));
        let mut seen = 1;
        while seen > 0 {
            self.poll(&waker);
            seen = self.news.fetch_sub(seen, Ordering::AcqRel) - seen;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::mpsc, thread};
    use tokio::sync::oneshot;

    /// Drives a future that tells its outcome and the thread that it was ready on.
    fn drive(outcome: impl Future<Output = u8> + Send + 'static) -> mpsc::Receiver<(u8, thread::ThreadId)> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (told, ready) = mpsc::channel();
        let report = async move {
            let outcome = outcome.await;
            told.send((outcome, thread::current().id())).unwrap();
        };
        Commit::drive(report, runtime.handle().clone());
        ready
    }

    #[test]
    fn it_is_reported_on_the_thread_that_ends_it() {
        let (end, outcome) = oneshot::channel();
        let ready = drive(async { outcome.await.unwrap() });
        assert!(ready.try_recv().is_err());
        let store = thread::spawn(move || {
            end.send(7).unwrap();
            thread::current().id()
        });
        assert_eq!(store.join().unwrap(), ready.recv().unwrap().1);
    }

    #[test]
    fn what_is_ready_at_once_is_reported_at_once() {
        let ready = drive(std::future::ready(7));
        assert_eq!(ready.try_recv().unwrap(), (7, thread::current().id()));
    }

    #[test]
    fn a_future_that_wakes_itself_is_polled_again() {
        let mut left = 3;
        let ready = drive(std::future::poll_fn(move |context| {
            left -= 1;
            context.waker().wake_by_ref();
            if left == 0 { std::task::Poll::Ready(7) } else { std::task::Poll::Pending }
        }));
        assert_eq!(ready.try_recv().unwrap().0, 7);
    }
}
