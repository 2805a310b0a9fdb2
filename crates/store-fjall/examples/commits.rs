//! Measures commits: `cargo run --release -p store-fjall --example commits [FOLDER]`.
//!
//! Each commit is what a packed step of an execution costs: 1 KB of history, 300 B of state, an index entry, a timer
//! that moves. C of them are in flight, each begun when the one before it is acknowledged.

#![expect(clippy::unwrap_used, reason = "a measurement that fails has no result")]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use store::{Batch, Keyspace, Store};
use store_fjall::{FjallStore, Options};

const HISTORY: Keyspace = Keyspace("history");
const STATE: Keyspace = Keyspace("state");
const INDEX: Keyspace = Keyspace("index");
const TIMERS: Keyspace = Keyspace("timers");

const DURATION: Duration = Duration::from_secs(8);

fn main() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = std::env::args().nth(1).map_or(temporary.path().into(), std::path::PathBuf::from);
    println!("{:>6} {:>11} {:>9} {:>9} {:>9} {:>8}", "C", "commits/s", "p50 ms", "p99 ms", "max ms", "RSS MB");
    for in_flight in [1, 64, 1_024] {
        measure(&folder.join(in_flight.to_string()), in_flight);
    }
    let opening = Instant::now();
    drop(FjallStore::open(folder.join("1024"), &Options::default()).unwrap());
    println!("opened again in {:?}", opening.elapsed());
}

fn measure(folder: &Path, in_flight: u64) {
    let store = Arc::new(FjallStore::open(folder, &Options::default()).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let next = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let tasks: Vec<_> = (0..in_flight)
        .map(|_| {
            let (store, next) = (Arc::clone(&store), Arc::clone(&next));
            runtime.spawn(async move {
                let mut latencies = Vec::new();
                while start.elapsed() < DURATION {
                    let begun = Instant::now();
                    store.commit(step(next.fetch_add(1, Ordering::Relaxed), in_flight)).await.unwrap();
                    latencies.push(begun.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies: Vec<Duration> = tasks.into_iter().flat_map(|task| runtime.block_on(task).unwrap()).collect();
    let seconds = start.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let at = |per_mille: usize| latencies.get((latencies.len() - 1) * per_mille / 1_000).unwrap().as_secs_f64() * 1e3;
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let per_second = latencies.len() as f64 / seconds;
    println!(
        "{in_flight:>6} {per_second:>11.0} {:>9.2} {:>9.2} {:>9.2} {:>8}",
        at(500),
        at(990),
        at(1_000),
        resident_mb()
    );
}

/// Step n: executions of ten steps each, so many of them at once.
fn step(n: u64, in_flight: u64) -> Batch {
    let execution = ((n / (10 * in_flight)) * in_flight + n % in_flight).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let key = |last: u64| [execution.to_be_bytes(), last.to_be_bytes()].concat();
    let event = n / in_flight % 10;
    let mut batch = Batch::new();
    batch.put(HISTORY, key(event), text(n, 1_000)).put(STATE, key(0), text(n, 300));
    batch.put(TIMERS, key(n), "").delete(TIMERS, key(n.wrapping_sub(in_flight)));
    if event == 0 {
        batch.put(INDEX, key(n), "");
    }
    batch
}

/// About as compressible as JSON with identifiers in it.
fn text(seed: u64, bytes: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes + 64);
    let mut noise = seed;
    while text.len() < bytes {
        noise = noise.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        text.extend(format!("{{\"type\":\"PassStateEntered\",\"id\":\"{noise:016x}\"}},").into_bytes());
    }
    text.truncate(bytes);
    text
}

/// Resident memory of this process; 0 where `/proc` is not.
fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1_024
}
