//! `cargo xtask timers [--timers N]`: many timers, a restart in the middle, and a clock that jumps.
//!
//! First all timers fall due over some time, in which the server is killed and started again. None is early, none is
//! lost; those that fell due while nobody ran fire within seconds of the start. Then others wait for an hour, and the
//! server is started with a clock that is three days behind, and with one that is 400 days ahead (`libfaketime`).

use crate::{Result, Wanted, definitions, process};
use harness::{Client, Launch, Server, figures::percentile};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::task::JoinSet;

const STARTERS: usize = 32;
/// The first timers fall due in this time; all in that time after it. Starting them takes long on a small machine.
const FALL_DUE_OVER_MS: u64 = 40_000;
/// Starts that a second takes at least.
const STARTS_PER_SECOND: u64 = 1_000;
/// What fell due while nobody ran fires in this time.
const FIRED_WITHIN: Duration = Duration::from_secs(5);
const LATE_MS_MAX: i64 = 50;
const FAKETIME: &[&str] =
    &["/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"];
const DAY_SECONDS: i64 = 86_400;

pub fn run(wanted: &Wanted) -> Result {
    let timers = wanted.number("--timers", 100_000)?;
    process::block_on(async {
        fall_due(&wanted.binary, timers).await?;
        match FAKETIME.iter().find(|library| Path::new(library).exists()) {
            Some(library) => clock_jumps(&wanted.binary, timers, library).await,
            None => Err("libfaketime is not installed: the clock could not be moved".into()),
        }
    })
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// `SecondsPath` is whole seconds; the time of day in a Timestamp has milliseconds.
async fn deploy(client: &Client) -> Result<String> {
    let definition = json!({ "StartAt": "Wait", "QueryLanguage": "JSONata", "States": {
        "Wait": { "Type": "Wait", "Timestamp": "{% $states.input.due %}", "End": true } } });
    definitions::create(client, "timers", &definition.to_string(), "STANDARD").await
}

/// Starts the timers, each with the time that `due_ms` gives for its number; the name has it, too.
async fn start(
    client: &Client,
    state_machine: &str,
    timers: u64,
    due_ms: impl Fn(u64) -> u64 + Send + Sync + Clone + 'static,
) -> Result {
    let next = Arc::new(AtomicU64::new(0));
    let mut starters = JoinSet::new();
    for _ in 0..STARTERS {
        let (client, state_machine, next, due_ms) =
            (client.clone(), state_machine.to_owned(), next.clone(), due_ms.clone());
        starters.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                if number >= timers {
                    return Ok::<_, harness::Error>(());
                }
                let due = due_ms(number);
                let input = json!({ "due": timestamp(due) }).to_string();
                let start =
                    json!({ "stateMachineArn": state_machine, "name": format!("{due}-{number}"), "input": input });
                client.call("StartExecution", start).await?;
            }
        });
    }
    while let Some(ended) = starters.join_next().await {
        ended??;
    }
    Ok(())
}

/// RFC 3339, in UTC, with milliseconds.
fn timestamp(ms: u64) -> String {
    let timestamp = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    format!("{:.3}", timestamp.unwrap_or(Timestamp::MAX))
}

/// Every execution that has a status: when its timer was due, by its name, and when it ended, in milliseconds.
async fn ended(client: &Client, state_machine: &str, status: &str) -> Result<Vec<(i64, i64)>> {
    let input = json!({ "stateMachineArn": state_machine, "statusFilter": status, "maxResults": 1000 });
    let executions = client.all("ListExecutions", input, "executions").await?;
    let due = |name: &Value| name.as_str().and_then(|name| name.split('-').next()?.parse().ok()).unwrap_or(0);
    let times = |execution: &Value| (due(&execution["name"]), milliseconds(&execution["stopDate"]));
    Ok(executions.iter().map(times).collect())
}

#[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 are far below 2^53")]
fn milliseconds(date: &Value) -> i64 {
    (date.as_f64().unwrap_or(0.0) * 1_000.0).round() as i64
}

/// All timers fall due while the server runs, is killed and runs again.
async fn fall_due(binary: &Path, timers: u64) -> Result {
    let mut server = Server::start(binary, &[]).await?;
    let client = server.client();
    let state_machine = deploy(&client).await?;
    let begun = Instant::now();
    let first_ms = now_ms() + timers * 1_000 / STARTS_PER_SECOND;
    start(&client, &state_machine, timers, move |number| first_ms + number * FALL_DUE_OVER_MS / timers).await?;
    println!("timers: {timers} set in {:.1} s", begun.elapsed().as_secs_f64());
    if now_ms() > first_ms {
        return Err("they could not be set before the first fell due".into());
    }
    sleep_until(first_ms + FALL_DUE_OVER_MS / 2).await;
    let killed_ms = now_ms();
    server.kill();
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.restart().await?;
    let up_ms = now_ms();
    sleep_until(first_ms + FALL_DUE_OVER_MS + 5_000).await;
    let fired = ended(&client, &state_machine, "SUCCEEDED").await?;
    if fired.len() as u64 != timers {
        return Err(format!("{} of {timers} timers have fired", fired.len()).into());
    }
    if let Some((due, stop)) = fired.iter().find(|(due, stop)| stop < due) {
        return Err(format!("a timer was early: due {due}, fired {stop}").into());
    }
    let (killed_ms, up_ms) = (i64::try_from(killed_ms)?, i64::try_from(up_ms)?);
    let settled_ms = up_ms + 1_000;
    let is_running = |(due, _): &&(i64, i64)| *due < killed_ms - 500 || *due > settled_ms;
    let mut late: Vec<i64> = fired.iter().filter(is_running).map(|(due, stop)| stop - due).collect();
    late.sort_unstable();
    let at = |per_mille: usize| percentile(&late, per_mille).unwrap_or(0);
    let overdue = fired
        .iter()
        .filter(|(due, _)| (killed_ms..up_ms).contains(due))
        .map(|(_, stop)| stop - up_ms)
        .max()
        .unwrap_or(0);
    println!(
        "timers: 0 early, 0 lost; late by {} ms (median), {} ms (p99), {} ms (at most) while the server ran; those that fell \
         due while it was down had fired {overdue} ms after it was up",
        at(500),
        at(990),
        at(1_000)
    );
    if at(990) > LATE_MS_MAX || overdue > i64::try_from(FIRED_WITHIN.as_millis())? {
        return Err(format!("they may be {LATE_MS_MAX} ms late, and {} s after a start", FIRED_WITHIN.as_secs()).into());
    }
    Ok(())
}

async fn sleep_until(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms.saturating_sub(now_ms()))).await;
}

/// The server starts with its clock set back, and set forward.
async fn clock_jumps(binary: &Path, timers: u64, library: &str) -> Result {
    let mut server = Server::start(binary, &[]).await?;
    let client = server.client();
    let state_machine = deploy(&client).await?;
    let due_ms = now_ms() + 3_600_000;
    start(&client, &state_machine, timers, move |number| due_ms + number % 1_000).await?;
    let clock = |seconds: i64| Launch {
        environment: [
            ("LD_PRELOAD", library),
            ("FAKETIME", &format!("{seconds:+}")),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        ..Launch::default()
    };
    server.set_launch(clock(-3 * DAY_SECONDS));
    server.restart().await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let early = ended(&client, &state_machine, "SUCCEEDED").await?.len();
    if early > 0 {
        return Err(format!("{early} timers fired with the clock three days behind").into());
    }
    server.set_launch(clock(400 * DAY_SECONDS));
    server.spawn()?;
    let begun = Instant::now();
    server.until_up().await?;
    let up = begun.elapsed();
    loop {
        let left = client
            .call(
                "ListExecutions",
                json!({ "stateMachineArn": state_machine, "statusFilter": "RUNNING", "maxResults": 1 }),
            )
            .await?;
        if left["executions"].as_array().is_none_or(Vec::is_empty) {
            break;
        }
        if begun.elapsed() > FIRED_WITHIN * 12 {
            return Err(format!("not all timers have fired {} s after the start", begun.elapsed().as_secs()).into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let all = begun.elapsed();
    let fired = ended(&client, &state_machine, "SUCCEEDED").await?.len();
    println!(
        "timers: with the clock 3 days behind 0 of {timers} fired; 400 days ahead the server was up after {} ms, and all \
         {fired} had fired after {} ms",
        up.as_millis(),
        all.as_millis()
    );
    if fired as u64 != timers {
        return Err(format!("{} timers are lost", timers - fired as u64).into());
    }
    if all > FIRED_WITHIN {
        return Err(format!("they may take {} s", FIRED_WITHIN.as_secs()).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn a_timestamp_is_that_of_the_calendar() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(timestamp(951_782_399_999), "2000-02-28T23:59:59.999Z");
        assert_eq!(timestamp(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(timestamp(1_796_083_200_123), "2026-12-01T00:00:00.123Z");
    }
}
