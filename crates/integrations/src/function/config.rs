//! [`FunctionConfig`]: a function as the configuration names it.

use crate::Error;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One local function: a program that speaks the Lambda Runtime API.
///
/// ```
/// let config: integrations::FunctionConfig = toml::from_str(r#"
///     name = "reserve-stock"
///     command = ["python3", "reserve_stock.py"]
///     working_directory = "functions"
///     environment = { STOCK_FILE = "stock.json" }
///     timeout_seconds = 10
/// "#).unwrap();
/// assert_eq!(config.concurrency, 10);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionConfig {
    /// What `FunctionName` and the end of a function ARN say.
    pub name: String,
    /// The program and its arguments. A program with a `/` is relative to the working directory, another is looked
    /// for in `PATH`.
    pub command: Vec<String>,
    /// `_HANDLER`, for runtimes that load a named function. Empty unless given.
    #[serde(default)]
    pub handler: String,
    /// Variables for the process. It inherits `PATH`, `HOME` and a few more from the server, and no secrets.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Where the process runs; also `LAMBDA_TASK_ROOT`. In a configuration file it starts in the folder of that file, and
    /// is that folder unless given. `None` is the working directory of the server.
    #[serde(default)]
    pub working_directory: Option<PathBuf>,
    /// How long one invocation may take: 1 to 900, Lambda's default is 3.
    #[serde(default = "defaults::timeout_seconds")]
    pub timeout_seconds: u64,
    /// How long a new process may take until it asks for its first invocation: 1 to 900, Lambda's limit is 10.
    #[serde(default = "defaults::init_timeout_seconds")]
    pub init_timeout_seconds: u64,
    /// How many invocations run at once, each in a process of its own.
    #[serde(default = "defaults::concurrency")]
    pub concurrency: usize,
    /// How many invocations may wait for a process; more fail with `Lambda.TooManyRequestsException`. Events
    /// (`InvocationType` `Event`) are tried again instead; as many of them as run and wait may be in memory.
    #[serde(default = "defaults::waiting_max")]
    pub waiting_max: usize,
    /// How long a process without work is kept for the next invocation.
    #[serde(default = "defaults::idle_seconds")]
    pub idle_seconds: u64,
    /// Megabytes that a process and its children may use; one that uses more is ended with `Runtime.OutOfMemory`.
    /// Lambda's default is 128. Enforced on Linux.
    #[serde(default = "defaults::memory_mb")]
    pub memory_mb: u64,
}

/// What a function gets that does not say otherwise.
mod defaults {
    pub(super) fn timeout_seconds() -> u64 {
        3
    }
    pub(super) fn init_timeout_seconds() -> u64 {
        10
    }
    pub(super) fn concurrency() -> usize {
        10
    }
    pub(super) fn waiting_max() -> usize {
        1000
    }
    pub(super) fn idle_seconds() -> u64 {
        300
    }
    pub(super) fn memory_mb() -> u64 {
        128
    }
}

/// Lambda's limit, 15 minutes.
const TIMEOUT_SECONDS_MAX: u64 = 900;

impl FunctionConfig {
    /// A function with the defaults.
    pub fn new(name: &str, command: &[&str]) -> FunctionConfig {
        FunctionConfig {
            name: name.to_owned(),
            command: command.iter().map(|&word| word.to_owned()).collect(),
            handler: String::new(),
            environment: BTreeMap::new(),
            working_directory: None,
            timeout_seconds: defaults::timeout_seconds(),
            init_timeout_seconds: defaults::init_timeout_seconds(),
            concurrency: defaults::concurrency(),
            waiting_max: defaults::waiting_max(),
            idle_seconds: defaults::idle_seconds(),
            memory_mb: defaults::memory_mb(),
        }
    }

    /// Whether a process could be started from this.
    pub fn check(&self) -> Result<(), Error> {
        let name = || self.name.clone();
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(is_letter) {
            return Err(Error::FunctionName { name: name() });
        }
        if self.command.first().is_none_or(String::is_empty) {
            return Err(Error::NoCommand { name: name() });
        }
        let ranges = [
            ("timeout_seconds", self.timeout_seconds, 1, TIMEOUT_SECONDS_MAX),
            ("init_timeout_seconds", self.init_timeout_seconds, 1, TIMEOUT_SECONDS_MAX),
            ("concurrency", self.concurrency as u64, 1, 1000),
            ("waiting_max", self.waiting_max as u64, 0, 1_000_000),
            ("idle_seconds", self.idle_seconds, 0, 86_400),
            ("memory_mb", self.memory_mb, 1, 1_048_576),
        ];
        let wrong = ranges.into_iter().find(|&(_, value, min, max)| !(min..=max).contains(&value));
        wrong.map_or(Ok(()), |(field, value, min, max)| Err(Error::OutOfRange { name: name(), field, value, min, max }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> FunctionConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn defaults_are_lambdas() {
        assert_eq!(parse("name = 'f'\ncommand = ['run']"), FunctionConfig::new("f", &["run"]));
        assert_eq!(FunctionConfig::new("f", &["run"]).check(), Ok(()));
    }

    #[track_caller]
    fn check_error(text: &str, message: &str) {
        assert_eq!(parse(text).check().unwrap_err().to_string(), message);
    }

    #[test]
    fn mistakes_are_named() {
        check_error(
            "name = 'a b'\ncommand = ['run']",
            "function name `a b` must be 1 to 64 letters, digits, `-` and `_`",
        );
        check_error(
            "name = 'f'\ncommand = []",
            "function `f` has no command; give the program and its arguments, for example `command = [\"python3\", \"app.py\"]`",
        );
        check_error(
            "name = 'f'\ncommand = ['run']\ntimeout_seconds = 901",
            "`timeout_seconds` of function `f` is 901; it must be 1 to 900",
        );
        check_error(
            "name = 'f'\ncommand = ['run']\nconcurrency = 0",
            "`concurrency` of function `f` is 0; it must be 1 to 1000",
        );
        let unknown = toml::from_str::<FunctionConfig>("name = 'f'\ncommand = ['run']\ntimeout = 3").unwrap_err();
        assert!(unknown.to_string().contains("unknown field `timeout`"), "{unknown}");
    }
}
