//! `cargo xtask bench [WORKLOAD …] [--seconds N]`: measures the release server over HTTP, with durable defaults,
//! from this separate process.
//!
//! It prints figures and ratios and judges none of them: machines are noisy, so compare within one run. What it does judge
//! is a sample of the histories.

mod checked;
mod figures;
mod limits;
mod workloads;

use crate::{Result, process};
use figures::Figures;
use harness::Server;
use std::time::Duration;
use workloads::{WORKLOADS, Workload};

/// How long each workload runs when nothing else is said.
const SECONDS: u64 = 5;

/// What the fastest peers reached on a machine of two cores; the ratio is printed beside each figure.
const PEERS: &[(&str, f64, &str)] =
    &[("pass64", 639.0, "stepfunctions-local, in memory"), ("task64", 441.0, "Restate, with fsync and user code")];

/// Runs the workloads that are named, or all.
pub fn run(arguments: &[String]) -> Result {
    let (names, seconds) = parse(arguments)?;
    if cfg!(debug_assertions) {
        // A driver without optimization takes so much of the processor that it is what would be measured.
        let mut again = vec!["run", "--release", "--quiet", "--package", "xtask", "--", "bench"];
        again.extend(arguments.iter().map(String::as_str));
        return process::run("cargo", &again);
    }
    let binary = process::release_binary()?;
    process::block_on(async {
        limits::print()?;
        println!("{}", Figures::HEADER);
        for workload in WORKLOADS.iter().filter(|workload| names.is_empty() || names.contains(&workload.name)) {
            // A server of its own for each workload, so that none inherits the other's data.
            let server = Server::start(&binary, &[]).await?;
            let figures = workload.measure(&server, Duration::from_secs(seconds)).await?;
            println!("{figures}{}", beside_peer(workload, &figures));
            checked::check(&server, &binary).await?;
        }
        Ok(())
    })
}

fn beside_peer(workload: &Workload, figures: &Figures) -> String {
    let peer = PEERS.iter().find(|(name, ..)| *name == workload.name);
    peer.map_or_else(String::new, |(_, rate, who)| format!("   {:.1} × {who} ({rate}/s)", figures.per_second() / rate))
}

fn parse(arguments: &[String]) -> Result<(Vec<&str>, u64)> {
    let mut names = Vec::new();
    let mut seconds = SECONDS;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--seconds" {
            seconds = rest.next().ok_or("--seconds takes a number")?.parse()?;
        } else if WORKLOADS.iter().any(|workload| workload.name == argument) {
            names.push(argument.as_str());
        } else {
            let known: Vec<&str> = WORKLOADS.iter().map(|workload| workload.name).collect();
            return Err(format!("no workload `{argument}`; there are {}", known.join(", ")).into());
        }
    }
    Ok((names, seconds))
}
