//! `cargo xtask powerloss [--points N] [--seed S]`: the server runs over a disk that forgets what was not synced when
//! the power goes.
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
/// One in so many losses takes everything that was not synced; the others take a part.
const ALL_IN: u64 = 3;
/// One in so many hits the server while it starts.
const STARTING_IN: u64 = 5;

pub fn run(wanted: &Wanted) -> Result {
    let points = wanted.number("--points", 100)?;
    let seed = wanted.number("--seed", u64::from(std::process::id()))?;
    println!("powerloss: {points} points, seed {seed}");
    process::block_on(async {
        let (random, begun) = (Random::new(seed), Instant::now());
        let (mut left, mut lost, mut histories) = (points, 0, 0);
        while left > 0 {
            let here = left.min(POINTS_PER_FOLDER);
            let (changes, judged) = one_folder(&wanted.binary, here, &random).await?;
            (left, lost, histories) = (left - here, lost + changes, histories + judged);
            println!(
                "  {} of {points} points, {lost} unsynced changes lost, {histories} histories judged",
                points - left
            );
        }
        let control = control(&wanted.binary).await?;
        println!(
            "powerloss: {points} times in {} s, {lost} unsynced changes lost, {histories} histories; no fault. Control, with \
             syncs that do nothing: {control}",
            begun.elapsed().as_secs()
        );
        Ok(())
    })
}

/// A server over a disk of its own.
struct Powered {
    folder: tempfile::TempDir,
    disk: Disk,
}

impl Powered {
    fn new() -> Result<Powered> {
        let folder = tempfile::tempdir()?;
        let disk = Disk::mount(folder.path()).map_err(|error| format!("no disk can be mounted here: {error}"))?;
        Ok(Powered { folder, disk })
    }

    fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn server(&self, binary: &Path) -> Result<Server> {
        Ok(Server::stopped(binary, Launch { data_dir: Some(self.data_dir()), ..Launch::default() })?)
    }
}

async fn one_folder(binary: &Path, points: u64, random: &Random) -> Result<(usize, usize)> {
    let powered = Powered::new()?;
    let mut server = powered.server(binary)?;
    server.restart().await?;
    let deployed = definitions::deploy(&server.client()).await?;
    let world = Arc::new(World::new(server.client(), deployed, random.next()));
    let mut load = Load::begin(&world, CLIENTS);
    let mut unsynced = 0;
    for _ in 0..points {
        if random.one_in(STARTING_IN) {
            server.spawn()?;
        }
        tokio::time::sleep(Duration::from_millis(random.below(LIVES_MS))).await;
        server.kill();
        let loss = if random.one_in(ALL_IN) { Loss::Everything } else { Loss::Some(random.next()) };
        unsynced += powered.disk.lose_power(loss);
        server.restart().await.map_err(|error| format!("after a power loss ({loss:?}): {error}"))?;
        world.faults.verdict()?;
    }
    load.finish().await;
    let histories = judge::judge(&world).await?;
    server.kill();
    unsynced += powered.disk.lose_power(Loss::Everything);
    world.faults.fsck(binary, &powered.data_dir())?;
    world.faults.verdict()?;
    Ok((unsynced, histories))
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
