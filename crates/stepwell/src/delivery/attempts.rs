//! Tries again where that helps: who takes nothing now is waited for, who refuses is asked a few times.

use super::{Error, queue::TOLD_EVERY};
use std::{
    io::{self, ErrorKind},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How often something is tried that is refused at the moment.
const REFUSALS_MAX: u32 = 3;
/// How long to wait before the next attempt; longer each time.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What an attempt that failed says of the next one.
enum Next {
    /// Nobody takes anything now, whatever it is: the queue keeps what comes.
    Waits,
    /// It may be taken next time.
    Tries,
    /// It would fail again.
    Fails,
}

fn after(error: &Error) -> Next {
    match error {
        Error::NoAnswer { .. } => Next::Waits,
        Error::Write { source, .. } if is_full(source) => Next::Waits,
        // One of many files must not hold up the others for what will not change.
        Error::Write { source, .. } if is_lasting(source.kind()) => Next::Fails,
        Error::Write { .. } => Next::Tries,
        Error::Refused { status, .. } if *status >= 500 || matches!(status, 408 | 429) => Next::Tries,
        _ => Next::Fails,
    }
}

/// Whether somebody must make room first.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Whether somebody must change names or permissions first.
fn is_lasting(kind: ErrorKind) -> bool {
    use ErrorKind::{
        AlreadyExists, InvalidFilename, IsADirectory, NotADirectory, PermissionDenied, ReadOnlyFilesystem,
    };
    matches!(
        kind,
        AlreadyExists | InvalidFilename | IsADirectory | NotADirectory | PermissionDenied | ReadOnlyFilesystem
    )
}

/// The attempts to deliver one thing.
pub(super) struct Attempts {
    pause: Duration,
    refusals: u32,
}

impl Attempts {
    pub(super) fn new() -> Attempts {
        Attempts { pause: FIRST_PAUSE, refusals: 0 }
    }

    /// Whether another attempt is to be made, after it was waited until that is worth while; or why none is.
    pub(super) async fn go_on(&mut self, made: Result<(), Error>, outage: &Outage) -> Result<bool, Error> {
        match made {
            Ok(()) => {
                outage.is_over();
                Ok(false)
            }
            Err(error) => self.pause_after(error, outage).await.map(|()| true),
        }
    }

    async fn pause_after(&mut self, error: Error, outage: &Outage) -> Result<(), Error> {
        match after(&error) {
            Next::Waits if outage.is_news() => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a delivery waits");
            }
            Next::Waits => {}
            Next::Tries => {
                self.refusals += 1;
                if self.refusals == REFUSALS_MAX {
                    return Err(error);
                }
            }
            Next::Fails => return Err(error),
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

/// Whether it was told that nothing is taken. Requests that are under way at once share it: some may come through while
/// others do not.
#[derive(Default)]
pub(super) struct Outage(Mutex<Told>);

#[derive(Default)]
struct Told {
    /// It was told, and nothing has been taken since.
    is_told: bool,
    last: Option<Instant>,
}

impl Outage {
    /// Nothing is taken: whether that is to be told now. Once in each outage, and every [`TOLD_EVERY`] at most.
    fn is_news(&self) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = !told.is_told && told.last.is_none_or(|last| last.elapsed() >= TOLD_EVERY);
        if is_news {
            *told = Told { is_told: true, last: Some(Instant::now()) };
        }
        is_news
    }

    /// Something was taken.
    fn is_over(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_told = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_told_once_and_seldom() {
        let outage = Outage::default();
        assert!(outage.is_news() && !outage.is_news());
        // Some requests come through and others do not.
        outage.is_over();
        assert!(!outage.is_news());
        tokio::time::advance(TOLD_EVERY).await;
        assert!(outage.is_news());
        tokio::time::advance(TOLD_EVERY).await;
        assert!(!outage.is_news(), "it is the same outage");
        outage.is_over();
        assert!(outage.is_news());
    }

    /// How often something is tried for which the same error comes again and again; up to 20 times.
    async fn attempts(error: impl Fn() -> Error) -> u32 {
        let (outage, mut attempts) = (Outage::default(), Attempts::new());
        for made in 1..20 {
            if attempts.pause_after(error(), &outage).await.is_err() {
                return made;
            }
        }
        20
    }

    #[tokio::test(start_paused = true)]
    async fn what_helps_next_time_is_tried_again() {
        let refused = |status| move || Error::Refused { url: String::new(), status };
        let write = |kind: ErrorKind| move || Error::Write { path: PathBuf::new(), source: io::Error::from(kind) };
        assert_eq!(attempts(refused(400)).await, 1);
        assert_eq!(attempts(refused(429)).await, 3);
        assert_eq!(attempts(refused(503)).await, 3);
        assert_eq!(attempts(write(ErrorKind::PermissionDenied)).await, 1);
        assert_eq!(attempts(write(ErrorKind::Other)).await, 3);
        assert_eq!(attempts(write(ErrorKind::StorageFull)).await, 20);
        assert_eq!(attempts(|| Error::NoAnswer { url: String::new(), source: "gone".into() }).await, 20);
    }
}
