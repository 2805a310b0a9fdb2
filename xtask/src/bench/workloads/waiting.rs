//! W5: executions that wait for a time.

use super::Run;
use super::passes::CLIENTS;
use crate::Result;
use crate::bench::caller::start_body;
use crate::bench::clients::run_count;
use crate::bench::figures::{Figures, Measuring, as_f64};
use crate::bench::subject::{Ours, Subject};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::cell::RefCell;
use std::time::Duration;

/// Timers that fall due per second, of those whose lateness is measured.
const DUE_PER_SECOND: usize = 2_000;
const DUE_MAX: usize = 20_000;
/// Of those that go on waiting, how many are looked at.
const LOOKED_AT: usize = 1_000;

pub async fn wait(run: &Run) -> Result<Vec<Figures>> {
    let ours = Ours::start(&run.binary, &[]).await?;
    let subject = &ours.subject;
    let state_machine = create(subject).await?;
    let resident_before = subject.resident_bytes();
    let due = (run.scale.waiting / 2).min(DUE_MAX);
    let tomorrow = Timestamp::now() + SignedDuration::from_hours(24);
    let measuring = Measuring::begin(subject);
    let waiting = run.scale.waiting - due;
    let (latencies, far) = start_all(subject, &state_machine, waiting, |_| tomorrow).await?;
    let started = measuring.end("W5, starts", latencies);
    let bytes_each = subject.resident_bytes().saturating_sub(resident_before) / u64::try_from(waiting)?;
    let started = started.noted(format!("{bytes_each} B for each that waits"));
    Ok(vec![started, lateness(subject, &state_machine, due, &far).await?])
}

/// A state machine whose executions wait until the time that their input says.
pub async fn create(subject: &Subject) -> Result<String> {
    let wait = json!({ "Type": "Wait", "TimestampPath": "$.until", "End": true });
    let definition = json!({ "StartAt": "W", "States": { "W": wait } });
    subject.caller().create("waiting", &definition, "STANDARD").await
}

/// Starts executions that wait; gives the latencies of the starts, and the executions with the times.
pub async fn start_all(
    subject: &Subject,
    state_machine: &str,
    count: usize,
    until: impl Fn(usize) -> Timestamp,
) -> Result<(Vec<Duration>, Vec<(String, Timestamp)>)> {
    let started = RefCell::new(Vec::with_capacity(count));
    let latencies = run_count(subject, CLIENTS, count, async |number, caller| {
        let until = until(number);
        let execution = caller.start(&start_body(state_machine, &format!(r#"{{"until":"{until:.3}"}}"#))).await?;
        started.borrow_mut().push((execution, until));
        Ok(())
    });
    Ok((latencies.await?, started.into_inner()))
}

/// Starts executions that fall due one after the other, and looks when each has ended. Those that are `far` from due are
/// looked at, too.
async fn lateness(subject: &Subject, state_machine: &str, due: usize, far: &[(String, Timestamp)]) -> Result<Figures> {
    // They are all started before the first one is due.
    let first = Timestamp::now() + SignedDuration::from_millis(2_000 + i64::try_from(due / 2)?);
    let step_us = 1_000_000 / i64::try_from(DUE_PER_SECOND)?;
    let until = |number| first + SignedDuration::from_micros(i64::try_from(number).unwrap_or(0) * step_us);
    let (_, executions) = start_all(subject, state_machine, due, until).await?;
    let measuring = Measuring::begin(subject);
    let left = (until(due) + SignedDuration::from_secs(2)).duration_since(Timestamp::now());
    tokio::time::sleep(left.try_into().unwrap_or_default()).await;
    let figures = measuring.end_of("W5, lateness", due);
    let (late, stuck) = (RefCell::new(Vec::new()), RefCell::new(0));
    run_count(subject, CLIENTS, executions.len(), async |number, caller| {
        let (execution, until) = executions.get(number).ok_or("there is no such execution")?;
        match caller.describe(execution).await?.stop_date {
            Some(stop) => late.borrow_mut().push(stop * 1e3 - as_f64(usize::try_from(until.as_millisecond())?)),
            None => *stuck.borrow_mut() += 1,
        }
        Ok(())
    })
    .await?;
    let early_far = RefCell::new(0);
    run_count(subject, CLIENTS, far.len().min(LOOKED_AT), async |number, caller| {
        let (execution, _) =
            far.get(number * far.len() / LOOKED_AT.min(far.len())).ok_or("there is no such execution")?;
        *early_far.borrow_mut() += usize::from(caller.describe(execution).await?.status != "RUNNING");
        Ok(())
    })
    .await?;
    let mut late = late.into_inner();
    late.sort_unstable_by(f64::total_cmp);
    // Times are told in milliseconds, as floating point numbers.
    let early = late.iter().filter(|late| **late < -0.5).count() + early_far.into_inner();
    let at = |per_mille| harness::figures::percentile(&late, per_mille).unwrap_or(f64::NAN);
    Ok(figures.noted(format!(
        "late by {:.0} ms p50, {:.0} ms p99, {:.0} ms at most; {early} early, {} stuck",
        at(500),
        at(990),
        at(1_000),
        stuck.into_inner()
    )))
}
