//! Invocations that nobody waits for (`InvocationType` `Event`), tried again as Lambda does.
//!
//! A function that fails is run twice more, after one minute and after two. One that has no room is tried again until the
//! event is six hours old, after a second at first and five minutes in the end. Events are in memory: what has not run
//! when the server ends is lost, where Lambda keeps a queue.
//! See <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>.

use super::{Answer, Refused};
use bytes::Bytes;
use std::time::Duration;
use tokio::time::Instant;

/// Pauses after attempts in which the function failed.
const AFTER_FAILURE: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(120)];
/// Pauses while the function has no room: twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// An older event is given up.
const AGE_MAX: Duration = Duration::from_secs(6 * 3600);

/// Why an event was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GivenUp {
    /// The function failed in each attempt, in the last one with this document.
    Failed(Bytes),
    TooOld,
    /// The server ends, or has no such function any more.
    Closed,
}

/// Makes attempts until one succeeds or there are to be no more. An attempt gives `None` when the function is closed.
pub(super) async fn carry_out<A: Future<Output = Option<Result<Answer, Refused>>>>(
    mut attempt: impl FnMut() -> A,
) -> Result<(), GivenUp> {
    let begun = Instant::now();
    let mut after_failure = AFTER_FAILURE.into_iter();
    let mut throttled = FIRST_PAUSE;
    loop {
        let pause = match attempt().await.ok_or(GivenUp::Closed)? {
            Ok(Answer { result: Ok(_), .. }) => return Ok(()),
            Ok(Answer { result: Err(document), .. }) => after_failure.next().ok_or(GivenUp::Failed(document))?,
            Err(Refused::NotFound) => return Err(GivenUp::Closed),
            Err(Refused::TooManyRequests) => {
                let pause = throttled;
                throttled = (throttled * 2).min(LONGEST_PAUSE);
                pause
            }
        };
        if begun.elapsed() + pause > AGE_MAX {
            return Err(GivenUp::TooOld);
        }
        tokio::time::sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Attempt = Result<Answer, Refused>;

    fn answered(result: Result<&'static str, &'static str>) -> Answer {
        Answer::without_log(result.map(Bytes::from).map_err(Bytes::from))
    }

    /// `outcomes` come one after the other, the last one again and again; the attempts are made at `expected` seconds.
    #[track_caller]
    fn check(outcomes: &[Option<Attempt>], expected: &[u64], end: &Result<(), GivenUp>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let mut made = Vec::new();
        let found = runtime.block_on(async {
            let begun = Instant::now();
            carry_out(|| {
                made.push(begun.elapsed().as_secs());
                std::future::ready(outcomes.get(made.len() - 1).or(outcomes.last()).cloned().unwrap())
            })
            .await
        });
        assert_eq!(&found, end);
        assert_eq!(&made[..expected.len()], expected);
        if *end != Err(GivenUp::TooOld) {
            assert_eq!(made.len(), expected.len());
        }
    }

    #[test]
    fn an_event_is_tried_as_often_as_lambda_tries() {
        let (done, failed) = (|| Some(Ok(answered(Ok("1")))), || Some(Ok(answered(Err("no")))));
        let throttled = || Some(Err(Refused::TooManyRequests));
        check(&[done()], &[0], &Ok(()));
        check(&[failed(), done()], &[0, 60], &Ok(()));
        check(&[failed()], &[0, 60, 180], &Err(GivenUp::Failed("no".into())));
        check(&[throttled(), throttled(), failed(), done()], &[0, 1, 3, 63], &Ok(()));
        check(&[failed(), None], &[0, 60], &Err(GivenUp::Closed));
        // Then every five minutes, for six hours.
        check(&[throttled()], &[0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 811, 1111], &Err(GivenUp::TooOld));
    }
}
