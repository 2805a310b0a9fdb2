//! The commands, one file each.

mod check_history;
mod env;
mod found;
mod fsck;
mod hint;
mod run;
mod serve;
mod state_machine_type;
mod validate;

use clap::{Subcommand, ValueEnum};
use std::io::Write;
use std::process::ExitCode;

/// The command with which a server starts the keeper of its functions.
pub const KEEP_FUNCTIONS: &str = "keep-functions";

/// What the command line asks for. What is said of a command stands at its arguments: clap would show a comment here
/// instead of that.
#[derive(Subcommand)]
pub enum Command {
    Serve(serve::Serve),
    Run(run::Run),
    Validate(validate::Validate),
    CheckHistory(check_history::CheckHistory),
    Fsck(fsck::Fsck),
    /// End the functions of a server when it ends; a server starts this itself
    #[command(name = KEEP_FUNCTIONS, hide = true)]
    KeepFunctions,
    Env(env::Env),
}

/// Carries a command out. An error is printed with its chain of causes.
pub fn run(command: Command) -> ExitCode {
    let result = match command {
        Command::Serve(serve) => serve.run(),
        Command::Run(run) => run.run(),
        Command::Validate(validate) => validate.run(),
        Command::CheckHistory(check) => check.run(),
        Command::Fsck(fsck) => fsck.run(),
        Command::KeepFunctions => {
            integrations::function::keep_functions(std::io::stdin().lock());
            Ok(ExitCode::SUCCESS)
        }
        Command::Env(env) => env.run(),
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

/// Prints an error with what led to it, and what to do next where that is known.
fn eprint_chain(error: &(dyn std::error::Error + 'static)) {
    tell(&format!("error: {}", chain(error)));
    if let Some(hint) = hint::hint(error) {
        tell(&format!("hint: {hint}"));
    }
}

/// How a command prints what it found.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    Text,
    Json,
}

/// Standard output cannot take what was asked for.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
struct NotPrinted(#[source] std::io::Error);

/// Writes lines to standard output. Whoever reads them may stop before their end (`| head -1`): that is no error.
fn print(lines: &str) -> Result<(), NotPrinted> {
    let mut output = std::io::stdout().lock();
    match writeln!(output, "{lines}").and_then(|()| output.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(NotPrinted(error)),
        _ => Ok(()),
    }
}

/// Writes lines to standard error. When that fails there is nobody left to tell it to.
fn tell(lines: &str) {
    let _ = writeln!(std::io::stderr(), "{lines}");
}

/// An error with what led to it.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let errors = std::iter::successors(Some(error), |error| (*error).source());
    errors.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
