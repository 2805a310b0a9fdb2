//! `stepwell run`: one execution of one definition, in memory, shown while it goes on.

mod once;
mod places;
mod progress;

use super::found::{Checked, Found, check};
use super::state_machine_type::TypeArgument;
use super::{CommandResult, EXIT_FAILED};
use crate::config::Config;
use crate::definition_file::{DefinitionFile, substitutions};
use crate::telemetry;
use asl::StateMachine;
use clap::Args;
use json::{Payload, Text};
use machine::Outcome;
use once::Once;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Run a definition once, in memory, and print its output.
///
/// The exit code is 0 when the execution succeeds, 1 when it fails, 2 when it cannot be started. STEPWELL_LOG=info shows
/// what functions write, too.
#[derive(Args)]
pub struct Run {
    /// The definition, in JSON or YAML
    file: PathBuf,
    /// The input, as JSON or as @FILE; @- is standard input
    #[arg(long, default_value = "{}")]
    input: String,
    /// Configuration file whose functions the tasks can invoke
    #[arg(long, value_name = "CONFIG")]
    functions: Option<PathBuf>,
    #[command(flatten)]
    state_machine_type: TypeArgument,
    /// A value for a `${NAME}` placeholder
    #[arg(long, value_name = "NAME=VALUE")]
    substitute: Vec<String>,
    /// Stop the execution when it has not ended after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: Option<u64>,
    /// Print the output only
    #[arg(long, short)]
    quiet: bool,
}

/// Why nothing was run.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the definition has errors:\n{0}")]
    Definition(String),
    #[error("no value for the placeholders {0}; give them with --substitute NAME=VALUE")]
    Unresolved(String),
    #[error("cannot read the input file `{path}`")]
    InputFile { path: PathBuf, source: std::io::Error },
    #[error("the input is not JSON: {0}")]
    Input(String),
}

impl Run {
    pub fn run(&self) -> CommandResult {
        telemetry::start_if_asked();
        let config = self.functions.as_deref().map(Config::read).transpose()?.unwrap_or_default().check()?;
        let (definition, parsed) = self.definition(&config)?;
        let (input_text, input) = self.input()?;
        let once = Once {
            name: once::name_of(&self.file),
            definition,
            parsed,
            state_machine_type: self.state_machine_type.state_machine_type(),
            input_text,
            input,
            timeout: self.timeout.map(Duration::from_secs),
            is_quiet: self.quiet,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        print(&runtime.block_on(once.run(&config))?)
    }

    /// The text and what it says, if nothing is wrong with it. Warnings are told.
    fn definition(&self, config: &Config) -> Result<(Text, StateMachine), Box<dyn std::error::Error>> {
        let file = DefinitionFile::read(&self.file, &substitutions(&self.substitute)?)?;
        if !file.unresolved.is_empty() {
            return Err(Error::Unresolved(file.unresolved.join(", ")).into());
        }
        let state_machine_type = self.state_machine_type.state_machine_type();
        let Checked { found, state_machine } = check(&self.file, &file, state_machine_type, config);
        let (errors, warnings): (Vec<Found>, Vec<Found>) = found.into_iter().partition(Found::is_error);
        let Some(state_machine) = state_machine else {
            let errors: Vec<String> = errors.iter().map(Found::to_text).collect();
            return Err(Error::Definition(errors.join("\n")).into());
        };
        if !self.quiet {
            warnings.iter().for_each(|warning| super::tell(&warning.to_text()));
        }
        Ok((file.definition.into(), state_machine))
    }

    fn input(&self) -> Result<(String, Payload), Error> {
        let text = match self.input.strip_prefix('@') {
            Some("-") => std::io::read_to_string(std::io::stdin())
                .map_err(|source| Error::InputFile { path: PathBuf::from("-"), source })?,
            Some(path) => std::fs::read_to_string(path)
                .map_err(|source| Error::InputFile { path: PathBuf::from(path), source })?,
            None => self.input.clone(),
        };
        let payload = Payload::parse(&text).map_err(|error| Error::Input(error.message))?;
        Ok((text, payload))
    }
}

/// The output on standard output, a failure on standard error.
fn print(outcome: &Outcome) -> CommandResult {
    let (what, failure) = match outcome {
        Outcome::Succeeded { output } => {
            super::print(output.text())?;
            return Ok(ExitCode::SUCCESS);
        }
        Outcome::Failed(failure) => ("failed", failure),
        Outcome::TimedOut(failure) => ("timed out", failure),
        Outcome::Aborted(failure) => ("was stopped", failure),
    };
    super::tell(&format!("the execution {what}: {}", failure.error.as_deref().unwrap_or("no error name")));
    if let Some(cause) = &failure.cause {
        super::tell(cause);
    }
    Ok(ExitCode::from(EXIT_FAILED))
}
