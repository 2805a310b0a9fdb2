//! The commands, one file each.

mod env;
mod run;
mod serve;
mod validate;

use clap::Subcommand;
use std::process::ExitCode;

/// What the command line asks for.
#[derive(Subcommand)]
pub enum Command {
    /// Serve the AWS Step Functions API
    Serve(serve::Serve),
    /// Run a definition once, in memory, and print its output
    Run(run::Run),
    /// Check definitions and print what is wrong, with line and column
    Validate(validate::Validate),
    /// Print the settings that make the AWS CLI and SDKs talk to a local server
    Env(env::Env),
}

/// Carries a command out. An error is printed with its chain of causes.
pub fn run(command: Command) -> ExitCode {
    let result = match command {
        Command::Serve(serve) => serve.run(),
        Command::Run(run) => run.run(),
        Command::Validate(validate) => validate.run(),
        Command::Env(env) => Ok(env.run()),
    };
    result.unwrap_or_else(|error| {
        eprint_chain(error.as_ref());
        ExitCode::from(EXIT_UNUSABLE)
    })
}

/// What each command gives: its exit code, or an operator's error.
pub type CommandResult = Result<ExitCode, Box<dyn std::error::Error>>;

/// The state machine failed, or a definition has errors.
pub const EXIT_FAILED: u8 = 1;
/// The command could not be carried out: a file is missing, a port is taken, an argument is wrong.
pub const EXIT_UNUSABLE: u8 = 2;

fn eprint_chain(error: &dyn std::error::Error) {
    eprint!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprint!(": {cause}");
        source = cause.source();
    }
    eprintln!();
}
