//! `cargo xtask bombs`: definitions that want all the time or memory there is, one after the other, and then beside a normal
//! load.
//!
//! Each must end by itself, whatever its end is. Alone, it may cost the server so much processor time and memory; beside a
//! normal load, the neighbours may wait so much longer. Processor time and memory are those of the whole process, as the
//! operating system counts them. `--only TEXT` takes those that have the text in their names.

use crate::bomb_definitions::{Bomb, bombs};
use crate::{Result, Wanted, definitions::create, process};
use harness::{Client, Server, figures};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// What one bomb may cost.
const PROCESSOR_MAX: Duration = Duration::from_secs(1);
const MEMORY_MB_MAX: u64 = 64;
/// Something is wrong with one that has not ended in this time.
const END_WITHIN: Duration = Duration::from_secs(60);
const NEIGHBOURS: usize = 4;
/// Between two starts of a neighbour: a load that leaves room.
const PAUSE: Duration = Duration::from_millis(20);
/// Bombs that explode at once beside the neighbours.
const AT_ONCE: usize = 2;
/// How much longer the slowest hundredth of the neighbours may wait; and what does not count, as nobody would notice.
const SLOWER_MAX: f64 = 2.0;
const UNNOTICED: Duration = Duration::from_millis(20);
const PASSES: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","End":true}}}"#;

pub fn run(wanted: &Wanted) -> Result {
    let seconds = wanted.number("--seconds", 10)?;
    let only = wanted.text("--only")?.unwrap_or_default();
    let chosen: Vec<Bomb> = bombs().into_iter().filter(|bomb| bomb.name.contains(only)).collect();
    if chosen.is_empty() {
        return Err(format!("no bomb has `{only}` in its name").into());
    }
    process::block_on(async {
        let server = Server::start(&wanted.binary, &[]).await?;
        let id = server.process_id().ok_or("the server does not run")?;
        let bombs = deploy(&server.client(), chosen).await?;
        let mut faults = alone(&server.client(), id, &bombs).await?;
        faults.extend(beside_others(&server, &bombs, Duration::from_secs(seconds)).await?);
        if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
    })
}

/// A bomb, and the state machine that it is.
struct Deployed {
    bomb: Bomb,
    arn: String,
}

async fn deploy(client: &Client, bombs: Vec<Bomb>) -> Result<Vec<Deployed>> {
    let mut deployed = Vec::new();
    for (number, bomb) in bombs.into_iter().enumerate() {
        let of_type = if bomb.is_express { "EXPRESS" } else { "STANDARD" };
        let created = create(client, &format!("bomb-{number}"), &bomb.definition, of_type).await;
        let arn = created.map_err(|error| format!("{}: {error}", bomb.name))?;
        deployed.push(Deployed { bomb, arn });
    }
    Ok(deployed)
}

/// Starts the bomb and waits until it has ended: its status and its error.
async fn explode(client: &Client, bomb: &Deployed) -> Result<String> {
    let start = json!({ "stateMachineArn": bomb.arn, "input": bomb.bomb.input });
    if bomb.bomb.is_express {
        let ended = client.call("StartSyncExecution", start).await?;
        return Ok(told(&ended));
    }
    let started = client.call("StartExecution", start).await?;
    let execution = json!({ "executionArn": started["executionArn"], "includedData": "METADATA_ONLY" });
    loop {
        let described = client.call("DescribeExecution", execution.clone()).await?;
        if described["status"] != "RUNNING" {
            return Ok(told(&described));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn told(ended: &Value) -> String {
    let text = |member: &str| ended[member].as_str().unwrap_or_default().to_owned();
    format!("{} {}", text("status"), text("error")).trim().to_owned()
}

async fn ends(client: &Client, bomb: &Deployed) -> Result<String> {
    let ended = tokio::time::timeout(END_WITHIN, explode(client, bomb)).await;
    ended.map_err(|_| format!("{}: it has not ended after {} s", bomb.bomb.name, END_WITHIN.as_secs()))?
}

async fn alone(client: &Client, id: u32, bombs: &[Deployed]) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    println!("{:<34} {:>9} {:>8} {:>10}  end", "bomb", "CPU ms", "ms", "memory MB");
    for bomb in bombs {
        let before = Taken::by(id)?;
        let begun = Instant::now();
        let end = ends(client, bomb).await?;
        let took = begun.elapsed();
        let after = Taken::by(id)?;
        let processor = after.processor.saturating_sub(before.processor);
        let memory_mb = after.peak_mb.saturating_sub(before.now_mb);
        let name = bomb.bomb.name;
        println!("{name:<34} {:>9} {:>8} {memory_mb:>10}  {end}", processor.as_millis(), took.as_millis());
        if processor > PROCESSOR_MAX || memory_mb > MEMORY_MB_MAX {
            faults.push(format!("{name} took {} ms of CPU and {memory_mb} MB", processor.as_millis()));
        }
    }
    Ok(faults)
}

/// What the process has taken.
struct Taken {
    processor: Duration,
    now_mb: u64,
    /// The most since this was looked at before.
    peak_mb: u64,
}

impl Taken {
    fn by(id: u32) -> Result<Taken> {
        let megabytes = |bytes: u64| bytes >> 20;
        let taken = Taken {
            processor: figures::processor_time(id),
            now_mb: megabytes(figures::resident_bytes(id)),
            peak_mb: megabytes(figures::peak_bytes(id)),
        };
        // The peak begins anew.
        std::fs::write(format!("/proc/{id}/clear_refs"), "5")?;
        Ok(taken)
    }
}

/// The neighbours' latencies without bombs and with them.
async fn beside_others(server: &Server, bombs: &[Deployed], time: Duration) -> Result<Vec<String>> {
    let client = server.client();
    let neighbour = create(&client, "neighbour", PASSES, "STANDARD").await?;
    let quiet = neighbours(server, &neighbour, time, async { Ok(0) }).await?;
    let busy = neighbours(server, &neighbour, time, explode_all(&client, bombs, time)).await?;
    println!("neighbours, one start each {} ms: {}", PAUSE.as_millis(), quiet.0);
    println!("neighbours, beside {} bombs:     {}", busy.1, busy.0);
    let (alone, beside) = (quiet.0.p99.max(UNNOTICED), busy.0.p99);
    if beside.as_secs_f64() > alone.as_secs_f64() * SLOWER_MAX {
        return Ok(vec![format!("the neighbours' p99 went from {alone:.1?} to {beside:.1?}")]);
    }
    Ok(Vec::new())
}

/// Explodes one after the other as long as there is time, some at once; gives how many.
async fn explode_all(client: &Client, bombs: &[Deployed], time: Duration) -> Result<usize> {
    let begun = Instant::now();
    let line = |offset: usize| async move {
        let mut exploded = 0;
        for bomb in bombs.iter().cycle().skip(offset) {
            if begun.elapsed() > time {
                break;
            }
            ends(client, bomb).await?;
            exploded += 1;
        }
        Ok::<usize, Box<dyn std::error::Error>>(exploded)
    };
    let lines = (0..AT_ONCE).map(|number| line(number * bombs.len() / AT_ONCE));
    Ok(futures_util::future::try_join_all(lines).await?.into_iter().sum())
}

/// What starts took.
struct Latencies {
    starts: usize,
    p50: Duration,
    p99: Duration,
    most: Duration,
}

impl std::fmt::Display for Latencies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Latencies { starts, p50, p99, most } = self;
        write!(f, "{starts} starts, p50 {p50:.1?}, p99 {p99:.1?}, at most {most:.1?}")
    }
}

/// Clients that start executions while something else goes on, and at least for this time.
async fn neighbours<T>(
    server: &Server,
    state_machine: &str,
    time: Duration,
    meanwhile: impl Future<Output = Result<T>>,
) -> Result<(Latencies, T)> {
    let is_over = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for _ in 0..NEIGHBOURS {
        let (client, is_over) = (server.client(), Arc::clone(&is_over));
        let start = json!({ "stateMachineArn": state_machine });
        clients.spawn(async move {
            let mut took = Vec::new();
            while !is_over.load(Ordering::SeqCst) {
                let begun = Instant::now();
                client.call("StartExecution", start.clone()).await?;
                took.push(begun.elapsed());
                tokio::time::sleep(PAUSE).await;
            }
            Ok::<_, harness::Error>(took)
        });
    }
    let (other, ()) = tokio::join!(meanwhile, tokio::time::sleep(time));
    is_over.store(true, Ordering::SeqCst);
    let mut took = Vec::new();
    while let Some(client) = clients.join_next().await {
        took.extend(client??);
    }
    took.sort_unstable();
    let at = |per_mille: usize| figures::percentile(&took, per_mille).unwrap_or_default();
    Ok((Latencies { starts: took.len(), p50: at(500), p99: at(990), most: at(1_000) }, other?))
}
