//! `cargo xtask crash [--points N] [--seed S]`: kills the server under load, at random system calls where `strace` is
//! there, else at random times, and starts it again over the same folder.
//!
//! A crash point is one kill. Some hit the server while it starts. After so many the load ends, the server is asked for
//! all that it has, and a new folder is begun.

use crate::load::{Load, World};
use crate::random::Random;
use crate::{Result, Wanted, definitions, judge, process};
use harness::{Launch, Server};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Crash points of one folder.
const POINTS_PER_FOLDER: u64 = 50;
const CLIENTS: usize = 24;
/// When no system call has killed it until then, a signal does.
const LIVES_AT_MOST: Duration = Duration::from_millis(1_000);
const FIRST_SIGNAL: Duration = Duration::from_millis(40);
/// One in so many crashes is followed by `stepwell fsck` before the next start.
const FSCK_ONE_IN: u64 = 10;
const SIGKILL: i32 = 9;

/// Where it is killed: before the N-th call of one of these by one of its threads; up to how many there are in the time
/// that it lives. Those that write come first, and most often. Stores differ in how they sync and rename.
const CALLS: &[(&str, u64)] = &[
    ("fsync,fdatasync", 48),
    ("fsync,fdatasync", 12),
    ("write", 128),
    ("write", 32),
    ("writev", 256),
    ("recvfrom", 256),
    ("futex", 128),
    ("epoll_wait", 256),
    ("openat", 300),
    ("close", 300),
    ("renameat,rename", 15),
    ("unlink", 15),
    ("lseek", 900),
    ("read", 400),
];

/// What the points came to.
#[derive(Default)]
struct Tally {
    at_calls: u64,
    at_times: u64,
    while_starting: u64,
    histories: usize,
}

pub fn run(wanted: &Wanted) -> Result {
    let points = wanted.number("--points", 200)?;
    let seed = wanted.number("--seed", u64::from(std::process::id()))?;
    let traced = process::exists("strace");
    println!(
        "crash: {points} points, seed {seed}, {}",
        if traced { "at system calls (strace)" } else { "at random times" }
    );
    process::block_on(async {
        let (random, begun) = (Random::new(seed), Instant::now());
        let mut tally = Tally::default();
        let mut left = points;
        while left > 0 {
            let here = left.min(POINTS_PER_FOLDER);
            one_folder(&wanted.binary, here, traced, &random, &mut tally).await?;
            left -= here;
            println!("  {} of {points} points, {} histories judged", points - left, tally.histories);
        }
        let minutes = begun.elapsed().as_secs_f64() / 60.0;
        println!(
            "crash: {} killed at a system call, {} at a time, {} of them while starting; {} histories; {:.0} points a minute; no fault",
            tally.at_calls,
            tally.at_times,
            tally.while_starting,
            tally.histories,
            points_per(points, minutes)
        );
        Ok(())
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn points_per(points: u64, minutes: f64) -> f64 {
    points as f64 / minutes
}

async fn one_folder(binary: &Path, points: u64, traced: bool, random: &Random, tally: &mut Tally) -> Result {
    let mut server = Server::stopped(binary, Launch::default())?;
    server.restart().await?;
    let deployed = definitions::deploy(&server.client()).await?;
    let world = Arc::new(World::new(server.client(), deployed, random.next()));
    let mut load = Load::begin(&world, CLIENTS);
    for _ in 0..points {
        server.set_launch(Launch { under: if traced { trace(random) } else { Vec::new() }, ..Launch::default() });
        crash(&mut server, random, tally).await?;
        if random.one_in(FSCK_ONE_IN) {
            world.faults.fsck(binary, &server.data_dir())?;
        }
    }
    server.set_launch(Launch::default());
    server.restart().await?;
    load.finish().await;
    tally.histories += judge::judge(&world).await?;
    drop(load);
    server.kill();
    world.faults.fsck(binary, &server.data_dir())?;
    world.faults.verdict().inspect_err(|_| keep(&server))
}

/// The tracer runs beside the server, not as its parent, so that the process that is killed is the server. It stops at
/// every call: with `--seccomp-bpf` it would be faster and inject nothing.
fn trace(random: &Random) -> Vec<String> {
    let (call, most) = random.choose(CALLS).copied().unwrap_or(("write", 400));
    let when = random.of_any_size(most);
    let inject = format!("inject={call}:signal=KILL:when={when}");
    let words = ["strace", "-D", "-f", "-qqq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject];
    words.map(String::from).to_vec()
}

/// Starts the server and sees to it that it is killed.
async fn crash(server: &mut Server, random: &Random, tally: &mut Tally) -> Result {
    let lives = FIRST_SIGNAL + LIVES_AT_MOST.mul_f64(fraction(random));
    let begun = Instant::now();
    server.spawn()?;
    let mut is_up = false;
    while begun.elapsed() < lives {
        if let Some(status) = server.ended() {
            if status.signal() != Some(SIGKILL) {
                return Err(format!("the server ended by itself ({status}); its log:\n{}", server.log()).into());
            }
            tally.at_calls += 1;
            tally.while_starting += u64::from(!is_up);
            return Ok(());
        }
        is_up = is_up || server.client().call("ListActivities", serde_json::json!({})).await.is_ok();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tally.at_times += 1;
    tally.while_starting += u64::from(!is_up);
    server.kill();
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a thousand is far below 2^52")]
fn fraction(random: &Random) -> f64 {
    random.below(1_000) as f64 / 1_000.0
}

/// Says where the data of a failed run is.
fn keep(server: &Server) {
    let to = std::env::temp_dir().join(format!("stepwell-crash-{}", std::process::id()));
    match process::copy_folder(&server.data_dir(), &to) {
        Ok(()) => eprintln!("its data: {}", to.display()),
        Err(error) => eprintln!("its data could not be kept: {error}"),
    }
}
