//! `cargo xtask disk-faults [--times N] [--flips N] [--seed S]`: a disk that is full, that fails to write, to sync or to
//! read, and one that has flipped a bit.
//!
//! Under each of the first the server must answer within a second, if only with an error, acknowledge nothing that it
//! does not keep, and serve again when the fault is over, by itself. With a flipped bit it must start, or say which file
//! is bad, and everything else must be as it was.

use crate::load::{Load, World};
use crate::random::Random;
use crate::{Result, Wanted, definitions, flips, judge, process};
use faulty_disk::{Disk, Fault, Loss};
use harness::{Launch, Server};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const CLIENTS: usize = 8;
/// The fault comes at any time after so long, so that it meets another write each time.
const HEALTHY_MS: u64 = 1_000;
const FAULT_LASTS: Duration = Duration::from_millis(2_500);
/// A caller has its answer in this time, whatever the disk does.
const TOLD_WITHIN: Duration = Duration::from_secs(1);
const RESUMES_WITHIN: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// One fault.
struct Case {
    name: &'static str,
    fault: Fault,
    /// What the server's log says of it; nothing where it may not be noticed, as what is in memory is not read.
    says: &'static str,
}

const CASES: &[Case] = &[
    Case { name: "a full disk", fault: Fault::Full, says: "free some space" },
    Case { name: "failing writes", fault: Fault::CannotWrite, says: "look at its disk" },
    Case { name: "a failed sync", fault: Fault::NextSyncFails, says: "look at its disk" },
    Case { name: "failing reads", fault: Fault::CannotRead, says: "" },
];

pub fn run(wanted: &Wanted) -> Result {
    let flips = wanted.number("--flips", 100)?;
    let times = wanted.number("--times", 3)?;
    let seed = wanted.number("--seed", u64::from(std::process::id()))?;
    println!("disk-faults: seed {seed}");
    process::block_on(async {
        let random = Random::new(seed);
        for case in CASES {
            for _ in 0..times {
                case.run(&wanted.binary, &random).await.map_err(|error| format!("{}: {error}", case.name))?;
            }
        }
        flips::run(&wanted.binary, flips, &random).await
    })
}

impl Case {
    async fn run(&self, binary: &Path, random: &Random) -> Result {
        let folder = tempfile::tempdir()?;
        let disk = Disk::mount(folder.path()).map_err(|error| format!("no disk can be mounted here: {error}"))?;
        let data_dir = folder.path().join("data");
        let mut server = Server::stopped(binary, Launch { data_dir: Some(data_dir.clone()), ..Launch::default() })?;
        server.restart().await?;
        let deployed = definitions::deploy(&server.client()).await?;
        let world = Arc::new(World::new(server.client(), deployed, random.next()));
        let mut load = Load::begin(&world, CLIENTS);
        tokio::time::sleep(Duration::from_millis(HEALTHY_MS + random.below(HEALTHY_MS))).await;
        disk.set_fault(Some(self.fault));
        let (longest, refused) = self.told(&world).await;
        disk.set_fault(None);
        if self.fault == Fault::CannotRead {
            cannot_start(&mut server, &disk).await?;
        }
        let resumed = resumed(&world).await.map_err(|error| format!("{error}; its log:\n{}", server.log()))?;
        if !server.log().contains(self.says) {
            world.faults.add(format!("{}: the log does not say `{}`", self.name, self.says));
        }
        // The page cache may show what the disk does not have: only now it is seen whether that was acknowledged.
        server.kill();
        disk.lose_power(Loss::Everything);
        server.restart().await?;
        load.finish().await;
        let histories = judge::judge(&world).await?;
        server.kill();
        world.faults.fsck(binary, &data_dir)?;
        world.faults.verdict()?;
        println!(
            "  {}: {refused} starts refused, each within {} ms; serves again {} ms after its end, without a restart; {histories} \
             histories; no fault",
            self.name,
            longest.as_millis(),
            resumed.as_millis()
        );
        Ok(())
    }

    /// While the fault lasts each caller has an answer in time, if only that it failed. Gives the longest time, and how
    /// many were refused.
    async fn told(&self, world: &World) -> (Duration, u64) {
        let begun = Instant::now();
        let (mut longest, mut refused, mut number) = (Duration::ZERO, 0, 0);
        while begun.elapsed() < FAULT_LASTS {
            number += 1;
            let asked = Instant::now();
            refused += u64::from(world.start_once(&format!("told-{number}"), &json!({ "number": 1 })).await.is_err());
            longest = longest.max(asked.elapsed());
            tokio::time::sleep(PAUSE).await;
        }
        if longest > TOLD_WITHIN {
            world.faults.add(format!("{}: a caller waited {} ms", self.name, longest.as_millis()));
        }
        (longest, refused)
    }
}

/// A server that cannot read its folder says so, and ends. When it can it starts.
async fn cannot_start(server: &mut Server, disk: &Disk) -> Result {
    disk.set_fault(Some(Fault::CannotRead));
    server.spawn()?;
    let begun = Instant::now();
    while server.ended().is_none() {
        if begun.elapsed() > RESUMES_WITHIN {
            return Err(format!("it neither starts nor ends; its log:\n{}", server.log()).into());
        }
        tokio::time::sleep(PAUSE).await;
    }
    disk.set_fault(None);
    if !server.log().contains("error: cannot start over the data in") {
        return Err(format!("it does not say why it does not start; its log:\n{}", server.log()).into());
    }
    Ok(server.restart().await?)
}

/// How long it takes until the server serves again.
async fn resumed(world: &World) -> Result<Duration> {
    let begun = Instant::now();
    let mut number = 0;
    while begun.elapsed() < RESUMES_WITHIN {
        number += 1;
        if world.start_once(&format!("resumed-{number}"), &json!({ "number": 1 })).await.is_ok() {
            return Ok(begun.elapsed());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(format!("it does not serve {} s after the end of the fault", RESUMES_WITHIN.as_secs()).into())
}
