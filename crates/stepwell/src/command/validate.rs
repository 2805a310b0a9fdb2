//! `stepwell validate`: what is wrong with definitions, with line and column.

use super::found::{Found, check};
use super::state_machine_type::TypeArgument;
use super::{CommandResult, EXIT_FAILED, EXIT_UNUSABLE, OutputFormat};
use crate::config::{Config, UnknownServiceFields};
use crate::definition_file::{self, DefinitionFile, substitutions};
use clap::Args;
use json::{Object, Value};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Check definitions and print what is wrong, with line and column.
///
/// What is found is what `ValidateStateMachineDefinition` finds.
/// A warning with the code NOT_SUPPORTED_YET is none of AWS's: it says what fails here and works there.
///
/// The exit code is 0 when there are no errors (warnings are fine), 1 when there are, 2 when a file cannot be read.
#[derive(Args)]
pub struct Validate {
    /// Files in JSON or YAML
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
    #[command(flatten)]
    state_machine_type: TypeArgument,
    /// A value for a `${NAME}` placeholder; placeholders without one get a plausible value
    #[arg(long, value_name = "NAME=VALUE")]
    substitute: Vec<String>,
    /// A limit of the server that the definitions are for; AWS's quotas are the defaults
    #[arg(long = "limit", value_name = "NAME=NUMBER")]
    limits: Vec<String>,
    /// What a field is that a service does not have, as far as this build knows it
    #[arg(long, value_enum, default_value_t, env = "STEPWELL_UNKNOWN_SERVICE_FIELDS")]
    unknown_service_fields: UnknownServiceFields,
}

impl Validate {
    pub fn run(&self) -> CommandResult {
        let substitutions = substitutions(&self.substitute)?;
        let mut config = Config { unknown_service_fields: self.unknown_service_fields, ..Config::default() };
        config.set_limits(&self.limits)?;
        let state_machine_type = self.state_machine_type.state_machine_type();
        let mut found = Vec::new();
        let mut unreadable = Vec::new();
        for path in &self.files {
            match DefinitionFile::read(path, &substitutions) {
                Ok(file) => found.extend(check(path, &file, state_machine_type, &config).found),
                // The other files are checked all the same.
                Err(error) => unreadable.push((path, error)),
            }
        }
        match self.format {
            OutputFormat::Text => {
                unreadable.iter().for_each(|(_, error)| super::eprint_chain(error));
                super::print(&to_text(&found, self.files.len(), unreadable.len()))?;
            }
            OutputFormat::Json => {
                let unreadable = unreadable.iter().map(|(path, error)| unreadable_to_json(path, error));
                super::print(&unreadable.chain(found.iter().map(Found::to_json)).collect::<Value>().to_string())?;
            }
        }
        let failed = found.iter().any(Found::is_error);
        Ok(match (unreadable.is_empty(), failed) {
            (true, false) => ExitCode::SUCCESS,
            (true, true) => ExitCode::from(EXIT_FAILED),
            _ => ExitCode::from(EXIT_UNUSABLE),
        })
    }
}

/// A line for everything that was found, and one that counts. Of a file that could not be read nothing is known.
fn to_text(found: &[Found], files: usize, unreadable: usize) -> String {
    let errors = found.iter().filter(|found| found.is_error()).count();
    let (warnings, errors) = (counted(found.len() - errors, "warning"), counted(errors, "error"));
    let checked = counted(files - unreadable, "file");
    let not_checked = match unreadable {
        0 => String::new(),
        _ => format!("; {} could not be read", counted(unreadable, "file")),
    };
    let lines = found.iter().map(Found::to_text);
    lines.chain([format!("{checked} checked: {errors}, {warnings}{not_checked}")]).collect::<Vec<_>>().join("\n")
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// A file that gives no definition: its code is none of AWS's.
fn unreadable_to_json(path: &Path, error: &definition_file::Error) -> Value {
    Value::Object(Object::from([
        ("file", path.display().to_string()),
        ("severity", "error".to_owned()),
        ("code", "UNREADABLE_FILE".to_owned()),
        ("message", super::chain(error)),
    ]))
}
