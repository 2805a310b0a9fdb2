//! Clients that work at once: each does one unit after the other, over a connection of its own.

use super::caller::Caller;
use super::subject::Subject;
use crate::Result;
use futures_util::future::try_join_all;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// Runs `unit` again and again on so many clients, for `time`; gives the latency of each. `unit` is told the number of its
/// client.
pub async fn run_for(
    subject: &Subject,
    clients: usize,
    time: Duration,
    unit: impl AsyncFn(usize, &mut Caller) -> Result,
) -> Result<Vec<Duration>> {
    let until = Instant::now() + time;
    run(subject, clients, |client| (Instant::now() < until).then_some(client), unit).await
}

/// Runs `unit` so many times in all; gives the latency of each. `unit` is told its own number.
pub async fn run_count(
    subject: &Subject,
    clients: usize,
    count: usize,
    unit: impl AsyncFn(usize, &mut Caller) -> Result,
) -> Result<Vec<Duration>> {
    let next = Cell::new(0..count);
    let take = |_| {
        let mut left = next.take();
        let number = left.next();
        next.set(left);
        number
    };
    run(subject, clients, take, unit).await
}

/// Each client runs `unit` with what `next` gives for its number, until that is nothing.
async fn run(
    subject: &Subject,
    clients: usize,
    next: impl Fn(usize) -> Option<usize>,
    unit: impl AsyncFn(usize, &mut Caller) -> Result,
) -> Result<Vec<Duration>> {
    let client = async |client| {
        let mut caller = subject.caller();
        let mut latencies = Vec::new();
        while let Some(number) = next(client) {
            let start = Instant::now();
            unit(number, &mut caller).await?;
            latencies.push(start.elapsed());
        }
        Result::Ok(latencies)
    };
    Ok(try_join_all((0..clients).map(client)).await?.concat())
}
