//! W6: a server that is killed with open executions, and started again.

use super::{Run, waiting};
use crate::Result;
use crate::bench::figures::{Figures, Measuring};
use crate::bench::subject::Ours;
use jiff::{SignedDuration, Timestamp};
use std::time::{Duration, Instant};

/// Starts per second that even a busy machine reaches.
const STARTS_PER_SECOND: usize = 4_000;

/// All executions wait for the same time, at which the server is down: so each of them must be loaded, stepped and
/// committed at once when it is up again.
pub async fn killed(run: &Run) -> Result<Vec<Figures>> {
    let mut ours = Ours::start(&run.binary, &[]).await?;
    let open = run.scale.open;
    let state_machine = waiting::create(&ours.subject).await?;
    let until = Timestamp::now() + SignedDuration::from_secs(i64::try_from(open / STARTS_PER_SECOND)? + 3);
    let measuring = Measuring::begin(&ours.subject);
    let (latencies, executions) = waiting::start_all(&ours.subject, &state_machine, open, |_| until).await?;
    let started = measuring.end("W6, starts", latencies);
    if Timestamp::now() > until {
        return Err("the machine is too slow for W6: executions were due before all of them had started".into());
    }
    ours.server.kill();
    tokio::time::sleep(until.duration_since(Timestamp::now()).try_into().unwrap_or_default()).await;
    let start = Instant::now();
    let up = ours.restart().await?;
    let measuring = Measuring::begin(&ours.subject);
    let mut caller = ours.subject.caller();
    while caller.has_open(&state_machine).await? {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (up, ended) = (up.as_secs_f64(), start.elapsed().as_secs_f64());
    let figures = measuring.end_of("W6, after kill -9", executions.len());
    Ok(vec![started, figures.noted(format!("answers after {up:.2} s, all have ended after {ended:.2} s"))])
}
