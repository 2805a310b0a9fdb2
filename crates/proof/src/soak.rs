//! `cargo xtask soak [--minutes N] [--seed S]`: a steady load for minutes, after which the server must be as it was at first.
//!
//! The load is that of the other proofs (activity tasks, waits, callbacks, Maps, Map Runs, stops, redrives) and, beside it,
//! clients that start small executions at an even pace: Standard ones, and Express ones whose end they wait for. Closed
//! executions are kept for two minutes, so that as much is removed as comes. Memory and latency are measured when that has
//! become steady. A sample of the executions is held against the history checker when they end; in the end the
//! data folder is.

use crate::judge;
use crate::load::{Load, World, run_once};
use crate::steadiness::{Drift, Slope};
use crate::{Result, Wanted, definitions, process};
use checker::Checker;
use harness::{Launch, Server, figures};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// What is removed after minutes can be given again after minutes, so that names do not pile up either.
const CONFIG: &str = "[limits]\nretention_days = 0\nretention_minutes = 2\nname_reuse_days = 0\n";
const PASSES: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"C"},
    "C":{"Type":"Pass","End":true}}}"#;
/// Clients of the mixed load, each of which has one execution open.
const CLIENTS: usize = 16;
/// Clients with an even pace, of each kind, and the time from one request to the next.
const PACERS: u32 = 4;
const PACE: Duration = Duration::from_millis(20);
/// One of so many executions of the mixed load is judged.
const JUDGED_ONE_IN: u64 = 4;
const SAMPLED_EVERY: Duration = Duration::from_millis(250);
/// The part of the time after which everything is steady: what is kept for two minutes has begun to be removed.
const WARM_UP: f64 = 0.4;
const SLICES_PER_THIRD: u32 = 12;
/// What is promised: growth of memory in per cent an hour, and of the 99th percentile in per cent.
const SLOPE_MAX: f64 = 1.0;
const DRIFT_MAX: f64 = 10.0;

/// Latencies, with the time since the begin at which they were measured.
type Latencies = Vec<(Duration, Duration)>;

pub fn run(wanted: &Wanted) -> Result {
    let time = Duration::from_mins(wanted.number("--minutes", 10)?);
    let seed = wanted.number("--seed", 1)?;
    println!("soak: {} minutes, of which {:.1} to warm up", time.as_secs() / 60, time.as_secs_f64() * WARM_UP / 60.0);
    process::block_on(async {
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("config.toml");
        std::fs::write(&config, CONFIG)?;
        let config = config.to_str().ok_or("the path of the configuration is no text")?;
        let arguments = vec!["--config".to_owned(), config.to_owned()];
        let mut server = Server::stopped(&wanted.binary, Launch { arguments, ..Launch::default() })?;
        server.restart().await?;
        let deployed = definitions::deploy(&server.client()).await?;
        let world = World::new(server.client(), deployed, seed);
        let soaked = soak(&server, Arc::new(world), time).await?;
        let stopped = server.terminate().await.ok_or("the server does not run")?;
        if !stopped.success() {
            soaked.world.faults.add(format!("the server ended with {stopped}; its log:\n{}", server.log()));
        }
        soaked.world.faults.fsck_with(&wanted.binary, &server.data_dir(), &["--config", config])?;
        soaked.verdict()
    })
}

/// What came of it.
struct Soaked {
    world: Arc<World>,
    /// After the warm-up.
    measured: Duration,
    starts: Latencies,
    expresses: Latencies,
    memory: Vec<f64>,
    folder: Vec<f64>,
    ran: usize,
    judged: usize,
}

async fn soak(server: &Server, world: Arc<World>, time: Duration) -> Result<Soaked> {
    let id = server.process_id().ok_or("the server does not run")?;
    let client = server.client();
    let standard = definitions::create(&client, "pace", PASSES, "STANDARD").await?;
    let express = definitions::create(&client, "pace-express", PASSES, "EXPRESS").await?;
    let (begun, over) = (Instant::now(), Arc::new(AtomicBool::new(false)));
    // Somebody must do the tasks; the clients of the mixed load are below.
    let workers = Load::begin(&world, 0);
    let starts = pace(&world, "StartExecution", &standard, begun, &over);
    let expresses = pace(&world, "StartSyncExecution", &express, begun, &over);
    let mixed = mix(&world, &over);
    let data_dir = server.data_dir();
    let (samples, mixed) = tokio::join!(sample(id, &data_dir, begun, time, &over), mixed);
    let (ran, judged) = mixed?;
    judge::judge_tasks(&world);
    drop(workers);
    let warm = time.mul_f64(WARM_UP);
    let after_warm_up = |all: Latencies| all.into_iter().filter_map(|(at, took)| Some((at.checked_sub(warm)?, took)));
    let (memory, folder) = samples.into_iter().filter(|(at, ..)| *at >= warm).map(|(_, rss, disk)| (rss, disk)).unzip();
    Ok(Soaked {
        world,
        measured: time.saturating_sub(warm),
        starts: after_warm_up(join(starts).await?).collect(),
        expresses: after_warm_up(join(expresses).await?).collect(),
        memory,
        folder,
        ran,
        judged,
    })
}

/// Clients that call an operation at an even pace, whatever else goes on.
fn pace(
    world: &Arc<World>,
    operation: &'static str,
    state_machine: &str,
    begun: Instant,
    over: &Arc<AtomicBool>,
) -> JoinSet<Latencies> {
    let mut pacers = JoinSet::new();
    for pacer in 0..PACERS {
        let (world, over, input) =
            (Arc::clone(world), Arc::clone(over), json!({ "stateMachineArn": state_machine, "input": "{\"n\":1}" }));
        pacers.spawn(async move {
            let mut ticks = tokio::time::interval(PACE);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            tokio::time::sleep(PACE * pacer / PACERS).await;
            let mut latencies = Vec::new();
            while !over.load(Ordering::SeqCst) {
                ticks.tick().await;
                let asked = Instant::now();
                match world.client.call(operation, input.clone()).await {
                    Ok(answer) if operation == "StartSyncExecution" && answer["status"] != "SUCCEEDED" => {
                        world.faults.add(format!("{operation}: {answer}"));
                    }
                    Ok(_) => latencies.push((begun.elapsed(), asked.elapsed())),
                    Err(error) => world.faults.add(error.to_string()),
                }
            }
            latencies
        });
    }
    pacers
}

async fn join(mut pacers: JoinSet<Latencies>) -> Result<Latencies> {
    let mut all = Vec::new();
    while let Some(latencies) = pacers.join_next().await {
        all.extend(latencies?);
    }
    Ok(all)
}

/// The mixed load: how many executions ran, and how many histories were judged.
async fn mix(world: &World, over: &AtomicBool) -> Result<(usize, usize)> {
    let checkers = judge::checkers(world)?;
    let (next, judged) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let clients = (0..CLIENTS).map(|_| async {
        while !over.load(Ordering::SeqCst) {
            let number = next.fetch_add(1, Ordering::SeqCst);
            let histories = run_and_judge(world, &checkers, number).await?;
            judged.fetch_add(histories, Ordering::SeqCst);
        }
        Result::Ok(())
    });
    futures_util::future::try_join_all(clients).await?;
    Ok((next.into_inner(), judged.into_inner()))
}

async fn run_and_judge(world: &World, checkers: &[Checker], number: usize) -> Result<usize> {
    let name = format!("soak-{number}");
    let ended = run_once(world, &name, number).await;
    let start = world.ledger.forget(&name);
    match (ended, start) {
        (Err(fault), _) => world.faults.add(fault),
        (Ok(Some(execution)), Some(start)) if world.random.one_in(JUDGED_ONE_IN) => {
            return judge::judge_ended(world, &execution, &start, checkers).await;
        }
        _ => {}
    }
    Ok(0)
}

/// Memory of the process and bytes of its folder, both in megabytes, until the time is over.
async fn sample(
    id: u32,
    data_dir: &Path,
    begun: Instant,
    time: Duration,
    over: &AtomicBool,
) -> Vec<(Duration, f64, f64)> {
    let mut samples = Vec::new();
    while begun.elapsed() < time {
        let memory = megabytes(figures::resident_bytes(id));
        samples.push((begun.elapsed(), memory, megabytes(bytes_of(data_dir))));
        tokio::time::sleep(SAMPLED_EVERY).await;
    }
    over.store(true, Ordering::SeqCst);
    samples
}

/// What the files of a folder have. A file that goes away meanwhile has nothing.
fn bytes_of(folder: &Path) -> u64 {
    let files = process::files(folder).unwrap_or_default();
    files.iter().filter_map(|file| std::fs::metadata(file).ok()).map(|file| file.len()).sum()
}

#[expect(clippy::cast_precision_loss, reason = "bytes of memory are far below 2^52")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

impl Soaked {
    /// Prints what came of it; an error if anything is not as it must be.
    fn verdict(&self) -> Result {
        println!("{:<28} {:>11} {:>11} {:>20}  bound", "", "first third", "last third", "");
        let mut exceeded = Vec::new();
        for (name, latencies) in [("StartExecution", &self.starts), ("StartSyncExecution", &self.expresses)] {
            let drift = Drift::of(latencies, self.measured, SLICES_PER_THIRD).ok_or("nothing was measured")?;
            let (first, last) = (milliseconds(drift.first), milliseconds(drift.last));
            let is_steady = drift.per_cent() < DRIFT_MAX;
            let label = format!("{name}, p99 ms");
            let drifted = format!("{:+.1} %", drift.per_cent());
            println!("{label:<28} {first:>11.2} {last:>11.2} {drifted:>20}  < {DRIFT_MAX} %{}", told(is_steady));
            if !is_steady {
                exceeded.push(format!("{name} takes {drifted} longer at the end"));
            }
        }
        let memory = slope(&self.memory, self.measured)?;
        let is_steady = memory.per_cent_per_hour - memory.uncertainty < SLOPE_MAX;
        let (first, last) = thirds(&self.memory);
        let grown = format!("{:+.1} ± {:.1} %/h", memory.per_cent_per_hour, memory.uncertainty);
        println!("{:<28} {first:>11.1} {last:>11.1} {grown:>20}  < {SLOPE_MAX} %/h{}", "memory MB", told(is_steady));
        if !is_steady {
            exceeded.push(format!("memory grows by {grown}"));
        }
        let (first, last) = thirds(&self.folder);
        println!("{:<28} {first:>11.1} {last:>11.1}", "data folder MB");
        println!(
            "soak: {} executions of the mixed load, {} histories judged; {} executions at an even pace, {} Express; {} faults",
            self.ran,
            self.judged,
            self.starts.len(),
            self.expresses.len(),
            self.world.faults.count()
        );
        self.world.faults.verdict()?;
        if exceeded.is_empty() { Ok(()) } else { Err(exceeded.join("; ").into()) }
    }
}

fn told(is_steady: bool) -> &'static str {
    if is_steady { "" } else { ": EXCEEDED" }
}

fn slope(samples: &[f64], time: Duration) -> Result<Slope> {
    Slope::through(samples, time).ok_or_else(|| "there are too few samples".into())
}

/// The means of the first third and of the last.
fn thirds(samples: &[f64]) -> (f64, f64) {
    let mean = |samples: &[f64]| samples.iter().sum::<f64>() / f64::from(u32::try_from(samples.len()).unwrap_or(1));
    let third = samples.len() / 3;
    let (first, rest) = samples.split_at(third);
    (mean(first), mean(rest.split_at(rest.len() - third).1))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
