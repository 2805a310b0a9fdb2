//! `stepwell validate`: what is wrong with definitions, with line and column.

use super::{CommandResult, EXIT_FAILED, EXIT_UNUSABLE};
use crate::definition_file::{self, DefinitionFile, substitutions};
use asl::{Diagnostic, Severity, StateMachineType};
use clap::{Args, ValueEnum};
use json::{Object, Value};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Check definitions as `ValidateStateMachineDefinition` does.
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
    /// The type to check for
    #[arg(long = "type", value_enum, default_value_t = TypeName::Standard)]
    state_machine_type: TypeName,
    /// A value for a `${NAME}` placeholder; placeholders without one get a plausible value
    #[arg(long, value_name = "NAME=VALUE")]
    substitute: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, ValueEnum)]
enum TypeName {
    Standard,
    Express,
}

impl From<TypeName> for StateMachineType {
    fn from(name: TypeName) -> StateMachineType {
        match name {
            TypeName::Standard => StateMachineType::Standard,
            TypeName::Express => StateMachineType::Express,
        }
    }
}

/// A diagnostic and where it stands in its file.
struct Found {
    path: PathBuf,
    place: Option<(usize, usize)>,
    diagnostic: Diagnostic,
}

impl Validate {
    pub fn run(&self) -> CommandResult {
        let substitutions = substitutions(&self.substitute)?;
        let mut found = Vec::new();
        let mut unreadable = Vec::new();
        for path in &self.files {
            match DefinitionFile::read(path, &substitutions) {
                Ok(file) => found.extend(check(path, &file, self.state_machine_type.into())),
                // The other files are checked all the same.
                Err(error) => unreadable.push((path, error)),
            }
        }
        match self.format {
            OutputFormat::Text => {
                unreadable.iter().for_each(|(_, error)| super::eprint_chain(error));
                self.print_text(&found);
            }
            OutputFormat::Json => {
                let unreadable = unreadable.iter().map(|(path, error)| unreadable_to_json(path, error));
                println!("{}", unreadable.chain(found.iter().map(Found::to_json)).collect::<Value>());
            }
        }
        let failed = found.iter().any(|found| found.diagnostic.severity == Severity::Error);
        Ok(match (unreadable.is_empty(), failed) {
            (true, false) => ExitCode::SUCCESS,
            (true, true) => ExitCode::from(EXIT_FAILED),
            _ => ExitCode::from(EXIT_UNUSABLE),
        })
    }

    fn print_text(&self, found: &[Found]) {
        found.iter().for_each(|found| println!("{}", found.to_text()));
        let errors = found.iter().filter(|found| found.diagnostic.severity == Severity::Error).count();
        let warnings = found.len() - errors;
        let (files, errors, warnings) =
            (counted(self.files.len(), "file"), counted(errors, "error"), counted(warnings, "warning"));
        println!("{files} checked: {errors}, {warnings}");
    }
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

fn check(path: &Path, file: &DefinitionFile, state_machine_type: StateMachineType) -> Vec<Found> {
    let parsed = asl::parse(&file.definition, state_machine_type);
    let found = |diagnostic: Diagnostic| Found {
        path: path.to_owned(),
        place: match diagnostic.location.as_deref() {
            Some(location) => file.locate(location),
            None => file.syntax_error(),
        },
        diagnostic,
    };
    parsed.diagnostics.into_iter().map(found).collect()
}

impl Found {
    /// `FILE:LINE:COLUMN: error[CODE]: message (at /States/X)`.
    fn to_text(&self) -> String {
        let (line, column) = self.place.unwrap_or((1, 1));
        let Diagnostic { code, message, location, .. } = &self.diagnostic;
        let location = location.as_deref().map_or_else(String::new, |location| format!(" (at {location})"));
        let path = self.path.display();
        format!("{path}:{line}:{column}: {}[{}]: {message}{location}", self.severity(), code.as_str())
    }

    fn to_json(&self) -> Value {
        let mut object = Object::new();
        object.insert("file", self.path.display().to_string());
        object.insert("severity", self.severity());
        object.insert("code", self.diagnostic.code.as_str());
        object.insert("message", self.diagnostic.message.as_str());
        if let Some(location) = self.diagnostic.location.as_deref() {
            object.insert("location", location);
        }
        if let Some((line, column)) = self.place {
            object.insert("line", i64::try_from(line).unwrap_or(i64::MAX));
            object.insert("column", i64::try_from(column).unwrap_or(i64::MAX));
        }
        Value::Object(object)
    }

    fn severity(&self) -> &'static str {
        match self.diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}
