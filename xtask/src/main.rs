//! Chores of the project: `cargo xtask TASK`.

#![expect(clippy::indexing_slicing, reason = "a member that `serde_json` does not find is `null`, no panic")]

mod bench;
mod compatibility;
mod conformance;
mod example;
mod fuzz;
mod model;
mod process;
mod proof;
mod release;
mod service_models;
mod sim;
mod test;
mod tidy;

use std::process::ExitCode;

/// A chore that went wrong is told in a sentence.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// One chore.
struct Task {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result,
}

const TASKS: &[Task] = &[
    Task { name: "example", about: "serve, deploy and run an example, and show its history", run: example::run },
    Task { name: "test", about: "run all tests", run: test::run },
    Task { name: "tidy", about: "check the house rules", run: tidy::run },
    Task { name: "conformance", about: "replay conversations recorded from AWS, strictly", run: conformance::run },
    Task { name: "compatibility", about: "write the tables of COMPATIBILITY.md", run: compatibility::run },
    Task { name: "model", about: "write the wire types from the service model", run: model::run },
    Task { name: "service-models", about: "take the models of AWS services over", run: service_models::run },
    Task { name: "sim", about: "run the engine in simulated worlds, and find what is wrong", run: sim::run },
    Task { name: "fuzz", about: "give mutated text to what reads text from outside", run: fuzz::run },
    Task { name: "crash", about: "kill the server under load, again and again", run: proof::crash },
    Task { name: "powerloss", about: "run the server over a disk that loses its power", run: proof::powerloss },
    Task { name: "disk-faults", about: "run the server over a disk that is full, or fails", run: proof::disk_faults },
    Task { name: "timers", about: "many timers, a restart, and a clock that jumps", run: proof::timers },
    Task { name: "bombs", about: "definitions that want all the time or memory there is", run: proof::bombs },
    Task { name: "soak", about: "a steady load for minutes: memory and latency must be as steady", run: proof::soak },
    Task { name: "golden", about: "keep a data folder of this version, for later ones to open", run: proof::golden },
    Task { name: "release", about: "build the fastest binary, from a profile of the benchmarks", run: release::run },
    Task { name: "bench", about: "measure the release server over HTTP", run: bench::run },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((task, rest)) =
        arguments.split_first().and_then(|(name, rest)| Some((TASKS.iter().find(|task| task.name == name)?, rest)))
    else {
        eprintln!("usage: cargo xtask TASK");
        TASKS.iter().for_each(|task| eprintln!("  {:14} {}", task.name, task.about));
        return ExitCode::from(2);
    };
    match (task.run)(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", task.name);
            ExitCode::FAILURE
        }
    }
}
