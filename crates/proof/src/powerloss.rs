//! `cargo xtask powerloss [--points N] [--seconds N] [--seed S]`: the server runs over a disk that forgets what was not
//! synced when the power goes.
//!
//! A point is one power loss: the server is killed, and of what it had written without a sync nothing is left, or a
//! random part with torn writes. Then it must start, and have everything that it had acknowledged. At the end a control
//! shows that the disk can tell: with syncs that do nothing, acknowledged executions are gone.

use crate::load::{Load, World};
use crate::random::Random;
use crate::{Result, Wanted, definitions, judge, process};
use faulty_disk::{Disk, Fault, Loss};
use harness::{Launch, Server};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const POINTS_PER_FOLDER: u64 = 25;
const CLIENTS: usize = 16;
const LIVES_MS: u64 = 600;
/// One in so many lives is long enough for tables to be written.
const LONG_IN: u64 = 8;
const LONG_LIVES_MS: u64 = 5_000;
const LARGE_BYTES: u64 = 150_000;
const LARGE_PAUSE: Duration = Duration::from_millis(20);
/// One in so many losses takes everything that was not synced; the others take a part.
const ALL_IN: u64 = 3;
/// One in so many hits the server while it starts.
const STARTING_IN: u64 = 5;

pub fn run(wanted: &Wanted) -> Result {
    let points = wanted.number("--points", 100)?;
    let seconds = wanted.number("--seconds", u64::MAX)?;
    let seed = wanted.number("--seed", u64::from(std::process::id()))?;
    println!("powerloss: {points} points, seed {seed}");
    process::block_on(async {
        let (random, begun) = (Random::new(seed), Instant::now());
        let (mut left, mut tally) = (points, Tally::default());
        let is_over = || begun.elapsed().as_secs() >= seconds;
        while left > 0 && !is_over() {
            let here = left.min(POINTS_PER_FOLDER);
            one_folder(&wanted.binary, here, &is_over, &random, &mut tally).await?;
            left -= here;
            println!("  {tally}");
        }
        let control = control(&wanted.binary).await?;
        println!(
            "powerloss, in {} s: {tally}; no fault. Control, with syncs that do nothing: {control}",
            begun.elapsed().as_secs()
        );
        Ok(())
    })
}

/// What the points came to.
#[derive(Default)]
struct Tally {
    points: u64,
    unsynced: usize,
    histories: usize,
    tables: usize,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Tally { points, unsynced, histories, tables } = self;
        write!(
            f,
            "{points} points, {unsynced} unsynced changes lost, {tables} tables in the end, {histories} histories judged"
        )
    }
}

/// A server over a disk of its own.
struct Powered {
    /// Before the folder that it is mounted in is removed, it is gone.
    disk: Disk,
    folder: tempfile::TempDir,
}

impl Powered {
    fn new() -> Result<Powered> {
        let folder = tempfile::tempdir()?;
        let disk = Disk::mount(folder.path()).map_err(|error| format!("no disk can be mounted here: {error}"))?;
        Ok(Powered { disk, folder })
    }

    fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn server(&self, binary: &Path) -> Result<Server> {
        Ok(Server::stopped(binary, Launch { data_dir: Some(self.data_dir()), ..Launch::default() })?)
    }
}

async fn one_folder(
    binary: &Path,
    points: u64,
    is_over: &impl Fn() -> bool,
    random: &Random,
    tally: &mut Tally,
) -> Result {
    let powered = Powered::new()?;
    let mut server = powered.server(binary)?;
    server.restart().await?;
    let deployed = definitions::deploy(&server.client()).await?;
    let world = Arc::new(World::new(server.client(), deployed, random.next()));
    let mut load = Load::begin(&world, CLIENTS);
    for point in (0..points).take_while(|_| !is_over()) {
        if random.one_in(STARTING_IN) {
            server.spawn()?;
        }
        let lives = Duration::from_millis(random.below(if random.one_in(LONG_IN) { LONG_LIVES_MS } else { LIVES_MS }));
        let _killed = tokio::time::timeout(lives, start_large(&world, point)).await;
        server.kill();
        let loss = if random.one_in(ALL_IN) { Loss::Everything } else { Loss::Some(random.next()) };
        tally.points += 1;
        tally.unsynced += powered.disk.lose_power(loss);
        server.restart().await.map_err(|error| format!("after a power loss ({loss:?}): {error}"))?;
        world.faults.verdict()?;
    }
    load.finish().await;
    tally.histories += judge::judge(&world).await?;
    server.kill();
    tally.unsynced += powered.disk.lose_power(Loss::Everything);
    world.faults.fsck(binary, &powered.data_dir())?;
    // Of fjall in folders of their own, of RocksDB by their extension.
    let tables = |file: &PathBuf| {
        file.parent().is_some_and(|folder| folder.ends_with("tables"))
            || file.extension().is_some_and(|name| name == "sst")
    };
    tally.tables += process::files(&powered.data_dir())?.iter().filter(|file| tables(file)).count();
    world.faults.verdict()
}

/// Starts executions that are so large that the store writes tables and begins journals, until the server is killed.
async fn start_large(world: &World, point: u64) {
    for number in 0.. {
        let input = json!({ "number": number, "large": world.noise(LARGE_BYTES) });
        // One that was not acknowledged may be there, or not.
        let _heard = world.start_once(&format!("large-{point}-{number}"), &input).await;
        tokio::time::sleep(LARGE_PAUSE).await;
    }
}

/// With syncs that do nothing, what was acknowledged is lost, or the server says that it is.
async fn control(binary: &Path) -> Result<String> {
    let powered = Powered::new()?;
    let mut server = powered.server(binary)?;
    server.restart().await?;
    let deployed = definitions::deploy(&server.client()).await?;
    powered.disk.set_fault(Some(Fault::IgnoresSync));
    let world = World::new(server.client(), deployed, 0);
    let (state_machine, _) = world.deployed.state_machines.get(1).ok_or("nothing is deployed")?;
    let mut started = Vec::new();
    for number in 0..20 {
        let start = json!({ "stateMachineArn": state_machine, "name": format!("control-{number}"), "input": "{\"number\": 1}" });
        let answer = world.client.call("StartExecution", start).await?;
        started.push(answer["executionArn"].as_str().unwrap_or_default().to_owned());
    }
    server.kill();
    powered.disk.lose_power(Loss::Everything);
    if let Err(error) = server.restart().await {
        let last = error.to_string().lines().last().unwrap_or_default().to_owned();
        return Ok(format!("the server says `{last}`"));
    }
    let mut gone = 0;
    for execution in &started {
        let described = world.client.call("DescribeExecution", json!({ "executionArn": execution })).await;
        gone += usize::from(described.is_err());
    }
    if gone == 0 {
        return Err("the control lost nothing: this disk proves nothing".into());
    }
    Ok(format!("{gone} of {} acknowledged executions gone", started.len()))
}
