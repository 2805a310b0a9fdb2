//! The `stepwell` binary: configuration, wiring, listener and command line.
//!
//! Only this crate knows configuration files and environment variables.

mod command;
mod config;
mod definition_file;
mod delivery;
mod listener;
mod step_functions;
mod telemetry;
mod wiring;

use clap::Parser;
use std::process::ExitCode;

/// AWS Step Functions on your own machine: run Amazon States Language state machines behind the AWS API.
#[derive(Parser)]
#[command(name = "stepwell", version, about, max_term_width = 110)]
struct CommandLine {
    #[command(subcommand)]
    command: command::Command,
}

fn main() -> ExitCode {
    command::run(CommandLine::parse().command)
}
