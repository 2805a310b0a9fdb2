//! `stepwell check-history`: whether a history is a legal path of its definition.

use super::state_machine_type::TypeArgument;
use super::{CommandResult, EXIT_FAILED, OutputFormat};
use crate::config::Config;
use crate::definition_file::{DefinitionFile, substitutions};
use checker::{Checker, Described, History, Texts, Verdict, Violation};
use clap::Args;
use json::{Object, Value};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Check that an execution history is a legal path of its definition.
///
/// Takes what `aws stepfunctions get-execution-history` prints, of any engine: each event, every input, output and
/// variable must follow from the definition, the input and the answers of the tasks. A history that has not ended is
/// checked as the beginning of a legal one.
///
/// The exit code is 0 when the history is legal, 1 when it is not, 2 when a file cannot be read.
#[derive(Args)]
pub struct CheckHistory {
    /// The definition, in JSON or YAML
    #[arg(long, value_name = "FILE")]
    definition: PathBuf,
    /// The history: the answers of GetExecutionHistory one after the other, or events, in an array or one a line
    #[arg(long, value_name = "FILE")]
    history: PathBuf,
    /// The input: JSON text, or @FILE; by default the one that the execution was described with, or started with
    #[arg(long, value_name = "JSON")]
    input: Option<String>,
    /// What DescribeExecution answers: status, output, error, cause and times are compared with it
    #[arg(long, value_name = "FILE")]
    describe: Option<PathBuf>,
    #[command(flatten)]
    state_machine_type: TypeArgument,
    /// The history is that of a child of this distributed Map: its label, or the name of its state
    #[arg(long, value_name = "MAP", conflicts_with = "state_machine_type")]
    child_of: Option<String>,
    /// A limit of the server that the history is of; AWS's quotas are the defaults. `result_bytes_max` may be given more
    /// than once, for a server that has gone on with another one
    #[arg(long = "limit", value_name = "NAME=NUMBER")]
    limits: Vec<String>,
    /// Compare inputs and outputs as JSON values, not byte by byte
    #[arg(long)]
    same_value: bool,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
    /// A value for a `${NAME}` placeholder of the definition
    #[arg(long, value_name = "NAME=VALUE")]
    substitute: Vec<String>,
}

/// Why nothing could be checked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("`{path}` is no definition: {diagnostics}")]
    Definition { path: PathBuf, diagnostics: String },
    #[error("`{path}` is no history")]
    History { path: PathBuf, source: checker::ReadError },
    #[error("`{path}` is no JSON: {message}")]
    Describe { path: PathBuf, message: String },
    #[error("the definition has no distributed Map `{map}`")]
    Map { map: String },
    #[error("the history does not tell the input; give it with `--input`")]
    Input,
}

impl CheckHistory {
    pub fn run(&self) -> CommandResult {
        let checker = self.checker()?;
        let events = checker::read_events(&read(&self.history)?);
        let events = events.map_err(|source| Error::History { path: self.history.clone(), source })?;
        let described = self.describe.as_deref().map(described).transpose()?;
        let input = self.input(described.as_ref(), &events)?;
        let texts = if self.same_value { Texts::SameValue } else { Texts::Exact };
        let history =
            History { input: &input, events: &events, described: described.as_ref(), texts, ..History::default() };
        let verdict = checker.check(&history);
        match self.format {
            OutputFormat::Text => super::print(&verdict.to_string())?,
            OutputFormat::Json => super::print(&to_json(&verdict).to_string())?,
        }
        Ok(if verdict.is_legal() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_FAILED) })
    }

    fn checker(&self) -> Result<Checker, Box<dyn std::error::Error>> {
        let file = DefinitionFile::read(&self.definition, &substitutions(&self.substitute)?)?;
        let state_machine_type = self.state_machine_type.state_machine_type();
        let mut config = Config::default();
        config.set_limits(&self.limits)?;
        let mut checker =
            Checker::new(&file.definition, state_machine_type).map_err(|diagnostics| Error::Definition {
                path: self.definition.clone(),
                diagnostics: diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            })?;
        checker.limits = config.limits;
        checker.other_result_bytes_max = self.each_result_bytes_max()?;
        let Some(map) = &self.child_of else { return Ok(checker) };
        Ok(checker.of_children(map).ok_or_else(|| Error::Map { map: map.clone() })?)
    }

    /// Each limit of results that is given: a server may have gone on with another one.
    fn each_result_bytes_max(&self) -> Result<Vec<u64>, crate::config::Error> {
        let named = self.limits.iter().filter(|limit| limit.starts_with("result_bytes_max="));
        let number = |limit: &String| {
            let mut config = Config::default();
            config.set_limits(std::slice::from_ref(limit))?;
            Ok(config.limits.result_bytes_max)
        };
        named.map(number).collect()
    }

    fn input(&self, described: Option<&Described>, events: &[checker::HistoryEvent]) -> Result<String, Error> {
        if let Some(given) = &self.input {
            return given.strip_prefix('@').map_or_else(|| Ok(given.clone()), |path| read(Path::new(path)));
        }
        let started = events.first().and_then(|event| event.details.get("input")).and_then(Value::as_str);
        described.and_then(Described::input).or(started).map(str::to_owned).ok_or(Error::Input)
    }
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

fn described(path: &Path) -> Result<Described, Error> {
    let answer = Value::parse(&read(path)?);
    answer.map(Described::new).map_err(|error| Error::Describe { path: path.to_owned(), message: error.message })
}

fn to_json(verdict: &Verdict) -> Value {
    let violation = |violation: &Violation| {
        let mut object = Object::from([("eventId", violation.event_id)]);
        object.insert("rule", violation.rule.as_str());
        object.insert("message", violation.message.as_str());
        Value::from(object)
    };
    let mut object = Object::from([("legal", verdict.is_legal()), ("closed", verdict.closed)]);
    object.insert("events", verdict.events);
    object.insert("trusted", verdict.trusted);
    object.insert("untimed", verdict.untimed);
    object.insert("violations", verdict.violations.iter().map(violation).collect::<Value>());
    Value::from(object)
}
