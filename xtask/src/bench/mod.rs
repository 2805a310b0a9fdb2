//! `cargo xtask bench [WORKLOAD …]`: measures the release server over HTTP, with durable defaults, from this separate
//! process.
//!
//! | argument | |
//! |---|---|
//! | `WORKLOAD …` | only these (`W1`, `stored` …); all of them unless some are named |
//! | `--smoke` | everything once, small, in tens of seconds: shows that it runs |
//! | `--full` | a million executions where the goals say so |
//! | `--seconds N` | how long a workload with a rate runs |
//! | `--waiting N` | executions that wait in W5 |
//! | `--released` | measures the binary that `cargo xtask release` has made, instead of building one |
//! | `--binary PATH` | measures this binary, an earlier one for example |
//! | `--write` | writes `BENCHMARKS.md` |
//! | `--peer NAME [--peer-folder FOLDER]` | measures another system beside ours, in pairs; it must be installed |
//!
//! It prints figures and ratios and judges none of them: machines are noisy, so compare within one run. What it does judge
//! is a sample of the histories. The processor time of the server for each unit (`CPU µs each`) is the steadiest of the
//! figures: who else uses the machine hardly changes it.

mod caller;
mod checked;
mod clients;
mod connection;
mod figures;
mod limits;
mod options;
mod peers;
mod report;
mod scale;
mod subject;
mod workloads;

use crate::{Result, process, release};
use figures::Figures;
use limits::Machine;
use options::{Binary, Options};
use scale::SMOKE;
use std::path::PathBuf;
use std::time::Duration;
use workloads::Run;

/// Runs the workloads that are named, or all.
pub fn run(arguments: &[String]) -> Result {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if arguments == ["--function"] {
        return runtime.block_on(workloads::serve_function());
    }
    let options = Options::parse(arguments)?;
    if cfg!(debug_assertions) {
        // A driver without optimization takes so much of the processor that it is what would be measured.
        let mut again = vec!["run", "--release", "--quiet", "--package", "xtask", "--", "bench"];
        again.extend(arguments.iter().map(String::as_str));
        return process::run("cargo", &again);
    }
    let binary = match &options.subject {
        Binary::Built => process::release_binary()?,
        Binary::Released => Some(release::binary())
            .filter(|binary| binary.exists())
            .ok_or("there is none yet: `cargo xtask release` makes it")?,
        Binary::Given(path) => path.clone(),
    };
    let run = Run { binary, scale: options.scale };
    // One thread: what the driver takes is missing in the server, and threads that hand work to each other take more.
    runtime.block_on(measure(&options, &run))
}

/// Runs some workloads once, small, with this binary, and fails if one does: for what it counts, not for figures.
pub fn exercise(binary: PathBuf, names: &[&str]) -> Result {
    let run = Run { binary, scale: SMOKE };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for name in names {
        let workload = options::workload(name)?;
        println!("{name}: {}", workload.about);
        runtime.block_on((workload.run)(&run))?;
    }
    Ok(())
}

async fn measure(options: &Options, run: &Run) -> Result {
    let machine = Machine::measure(run.scale.time.min(Duration::from_secs(1))).await?;
    println!("{machine}\n");
    println!("{}", figures::line(&Figures::COLUMNS));
    if let Some(peer) = options.peer {
        return peers::compare(peer, &options.peer_folder, run).await;
    }
    let (mut measured, mut failed) = (Vec::new(), Vec::new());
    for workload in &options.workloads {
        // One that fails, for a machine that is too slow for it for example, takes no figures of others with it.
        let figures = (workload.run)(run).await.unwrap_or_else(|error| {
            failed.push(format!("{}: {error}", workload.name));
            Vec::new()
        });
        figures.iter().for_each(|figures| println!("{figures}"));
        measured.push((*workload, figures));
    }
    if options.write {
        report::write(&machine, &options.subject, &measured, &failed)?;
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n").into()) }
}
