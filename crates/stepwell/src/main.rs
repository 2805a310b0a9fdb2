//! The `stepwell` binary: configuration, wiring, listener and command line.
//!
//! Only this crate knows configuration files and environment variables.

mod command;
mod config;
mod definition_file;
mod delivery;
mod embedded;
mod health;
mod listener;
mod open_files;
mod step_functions;
mod telemetry;
mod variables;
mod wiring;

use clap::{
    CommandFactory, FromArgMatches, Parser,
    error::{ContextKind, ContextValue},
};
use std::{env, ffi::OsString, process::ExitCode};

/// Each step makes and drops many small pieces, on one thread and the next: `cargo xtask bench W1t` takes a fifth less processor
/// time than with glibc's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// AWS Step Functions on your own machine.
///
/// Runs state machines in the Amazon States Language behind the AWS API: the AWS CLI and the SDKs work as they are,
/// only the endpoint changes. Executions are kept on disk and survive `kill -9`.
#[derive(Parser)]
#[command(name = "stepwell", version, long_version = LONG_VERSION, after_help = FIRST_STEPS, max_term_width = 110)]
struct CommandLine {
    #[command(subcommand)]
    command: command::Command,
}

/// The version of the program, and that of the service's model that it speaks.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nAPI of AWS Step Functions: 2016-11-23, AWS JSON 1.0",
    "\nAmazon States Language: 1.0, with JSONPath and JSONata",
);

const FIRST_STEPS: &str = "\
First steps:
  stepwell run hello.asl.json          run a definition once and print its output
  stepwell validate *.asl.json         say what is wrong with definitions, and where
  stepwell serve                       serve the API on http://127.0.0.1:8083
  eval \"$(stepwell env)\"              point the AWS CLI and SDKs there, in another terminal
  aws stepfunctions list-state-machines

`stepwell help COMMAND` tells more of a command.";

fn main() -> ExitCode {
    let matches = variables::without_foreign(CommandLine::command()).try_get_matches();
    let line = matches.and_then(|matches| CommandLine::from_arg_matches(&matches));
    command::run(line.unwrap_or_else(|error| with_variable(error).exit()).command)
}

/// The error blames the option also if its value is that of an environment variable: then it says so.
fn with_variable(mut error: clap::Error) -> clap::Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let Some((option, value)) = text(ContextKind::InvalidArg).zip(text(ContextKind::InvalidValue)) else {
        return error;
    };
    let option = option.split(' ').next().unwrap_or(option);
    let variable = format!("STEPWELL_{}", option.trim_start_matches('-').replace('-', "_").to_uppercase());
    let is_given = |argument: OsString| argument.to_string_lossy().split('=').next() == Some(option);
    if env::args_os().any(is_given) || env::var(&variable).as_deref() != Ok(value) {
        return error;
    }
    let tip = format!("the value is that of the environment variable {variable}");
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    error
}
