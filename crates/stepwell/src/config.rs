//! Configuration: defaults, then the configuration file, then environment variables and flags.
//!
//! The file is TOML:
//!
//! ```toml
//! port = 8083
//! account_id = "000000000000"
//!
//! [limits]
//! history_events_max = 100_000
//!
//! [logs]
//! folder = "logs"
//!
//! [[function]]
//! name = "price"
//! command = ["python3", "price.py"]
//! ```

mod check;
mod delivery;
mod place;
mod words;

use crate::embedded::EmbeddedStore;
use integrations::FunctionConfig;
use serde::{Deserialize, Deserializer, de::Error as _};
use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, Ipv4Addr};
use std::num::{IntErrorKind, ParseIntError};
use std::path::{Path, PathBuf};

pub use check::Wrong;
pub use delivery::{EventsConfig, LogsConfig};
pub use words::nearest;

/// Everything that can be configured. Each field has a default.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address to listen on.
    #[serde(deserialize_with = "address")]
    pub listen: IpAddr,
    /// Port to listen on; 8083 is that of Step Functions Local.
    pub port: u16,
    /// Folder of the embedded store.
    pub data_dir: PathBuf,
    /// The embedded store.
    #[cfg_attr(not(feature = "rocksdb"), serde(skip))]
    pub store: EmbeddedStore,
    /// The account id of every ARN.
    pub account_id: String,
    /// The Region of requests that carry no credential scope.
    pub region: String,
    /// Seconds in which the server stops: running tasks finish, logs are delivered, requests in flight are answered. By
    /// default two less than `docker stop` waits before it kills.
    pub drain_seconds: u64,
    /// Connections that are open at once; further ones wait. An idle one takes a few KB, and each worker that polls an
    /// activity holds one.
    pub connections_max: u32,
    /// Seconds that a client may take to send the body of a request. It has at most 1 MiB.
    pub request_seconds_max: u64,
    /// Bytes of the bodies of all requests that are being answered; one that finds no room is throttled.
    pub request_bytes_in_flight_max: usize,
    /// Bytes of memory, as an estimate, for parsed definitions: those that are used again are not read again.
    pub definitions_bytes_max: usize,
    /// Bytes of memory, as an estimate, that the Standard executions take that are kept in it.
    pub executions_in_memory_bytes_max: usize,
    /// Shards of the engine; 0 is one per core.
    pub shards: usize,
    /// Tasks that run at once.
    pub tasks_at_once_max: usize,
    /// Bytes of Express executions that are kept in memory to be described and to show their history; 0, as in AWS:
    /// none are.
    pub express_history_bytes_max: usize,
    /// Bytes of log records, and of events, that wait to be delivered; what finds no room is dropped and counted.
    pub delivery_bytes_max: usize,
    /// What becomes of definitions that give a service a field that it does not have.
    pub unknown_service_fields: UnknownServiceFields,
    /// Limits; AWS's quotas are the defaults.
    pub limits: asl::Limits,
    /// Where state machines with a `loggingConfiguration` log.
    pub logs: LogsConfig,
    /// Where changes of the status of executions are told.
    pub events: EventsConfig,
    /// The functions that tasks can invoke.
    #[serde(rename = "function")]
    pub functions: Vec<FunctionConfig>,
}

/// What becomes of definitions that give a service a field that it does not have, as far as this build knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum UnknownServiceFields {
    /// They are refused, as on AWS.
    #[default]
    Refuse,
    /// They are accepted with a warning, for services that have grown since this build.
    Warn,
}

impl UnknownServiceFields {
    /// Of the diagnostic.
    pub fn severity(self) -> asl::Severity {
        match self {
            UnknownServiceFields::Refuse => asl::Severity::Error,
            UnknownServiceFields::Warn => asl::Severity::Warning,
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8083,
            data_dir: default_data_dir(),
            store: EmbeddedStore::default(),
            account_id: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            drain_seconds: 8,
            connections_max: 4_096,
            request_seconds_max: 30,
            request_bytes_in_flight_max: 128 << 20,
            definitions_bytes_max: 128 << 20,
            executions_in_memory_bytes_max: 256 << 20,
            shards: 0,
            tasks_at_once_max: 1_024,
            express_history_bytes_max: 0,
            delivery_bytes_max: 32 << 20,
            unknown_service_fields: UnknownServiceFields::default(),
            limits: asl::Limits::default(),
            logs: LogsConfig::default(),
            events: EventsConfig::default(),
            functions: Vec::new(),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the configuration file `{path}`")]
    Read { path: PathBuf, source: std::io::Error },
    /// Not what the file should be.
    #[error("the configuration file `{path}` is not understood: line {line}: {why}")]
    Syntax { path: PathBuf, line: usize, why: String },
    /// A value in the file.
    #[error("`{path}`, line {line}: {wrong}")]
    InFile { path: PathBuf, line: usize, wrong: Wrong },
    /// A value from elsewhere.
    #[error("{0}")]
    Wrong(Wrong),
    #[error("`--limit {argument}` cannot be used: {why}")]
    Limit { argument: String, why: String },
}

impl Config {
    /// Reads a configuration file. Its relative paths, and the commands of functions, start in the folder of the file.
    pub fn read(path: &Path) -> Result<Config, Error> {
        let (config, text) = Config::parse(path)?;
        config.find_wrong().map_or(Ok(()), |wrong| {
            let line = place::line_of(&text, &wrong.key);
            Err(Error::InFile { path: path.to_owned(), line, wrong })
        })?;
        Ok(config)
    }

    /// Reads a configuration file of a server that runs elsewhere: what it names need not be there.
    pub fn read_elsewhere(path: &Path) -> Result<Config, Error> {
        Ok(Config::parse(path)?.0)
    }

    /// The file as it is understood, and its text.
    fn parse(path: &Path) -> Result<(Config, String), Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let mut config: Config = toml::from_str(&text).map_err(|error| Error::Syntax {
            path: path.to_owned(),
            line: place::line_at(&text, error.span().map_or(0, |span| span.start)),
            why: words::of_reader(error.message()),
        })?;
        // A bare file name has the parent ``, which is no folder that a process could start in.
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        config.start_paths_in(parent.unwrap_or(Path::new(".")));
        Ok((config, text))
    }

    fn start_paths_in(&mut self, folder: &Path) {
        self.data_dir = folder.join(&self.data_dir);
        let (logs, events) = (&mut self.logs, &mut self.events);
        for path in [&mut logs.folder, &mut logs.ca_file, &mut events.file, &mut events.ca_file].into_iter().flatten() {
            *path = folder.join(&*path);
        }
        for function in &mut self.functions {
            let inside = function.working_directory.take().unwrap_or_default();
            function.working_directory = Some(folder.join(inside));
        }
    }

    /// Sets limits by their names: `history_events_max=100000`.
    pub fn set_limits(&mut self, arguments: &[String]) -> Result<(), Error> {
        for argument in arguments {
            let refused = |why: String| Error::Limit { argument: argument.clone(), why };
            let (name, value) =
                argument.split_once('=').ok_or_else(|| refused("it has no `=`, write it as NAME=NUMBER".to_owned()))?;
            let value: i64 = value.replace('_', "").parse().map_err(|error: ParseIntError| match error.kind() {
                IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => refused(format!("`{value}` is out of range")),
                _ => refused(format!("`{value}` is not a whole number, write it as NAME=NUMBER")),
            })?;
            let mut limits = toml::Table::try_from(&self.limits).map_err(|error| refused(error.to_string()))?;
            if !limits.contains_key(name) {
                let near = words::nearest(name, limits.keys().map(String::as_str));
                let hint = near.map_or("COMPATIBILITY.md lists those that there are".to_owned(), |near| {
                    format!("did you mean `{near}`?")
                });
                return Err(refused(format!("there is no limit `{name}`, {hint}")));
            }
            limits.insert(name.to_owned(), value.into());
            self.limits =
                limits.try_into().map_err(|error: toml::de::Error| refused(words::of_reader(error.message())))?;
        }
        Ok(())
    }

    /// Refuses what cannot work, before anything is opened.
    pub fn check(self) -> Result<Config, Error> {
        match self.find_wrong() {
            Some(wrong) => Err(Error::Wrong(wrong)),
            None => Ok(self),
        }
    }
}

/// An address, or the name that this machine has for itself.
fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IpAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == "localhost" {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    text.parse().map_err(|_| D::Error::custom(format!("`{text}` is no IP address; write it as `127.0.0.1`")))
}

/// The value of an environment variable. One without a value is none: files of containers set them so.
pub fn variable(name: impl AsRef<OsStr>) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// `$XDG_DATA_HOME/stepwell`, else `~/.local/share/stepwell`, else a folder beside the caller.
fn default_data_dir() -> PathBuf {
    let data_home = variable("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".local/share")));
    data_home.map_or_else(|| PathBuf::from("stepwell-data"), |folder| folder.join("stepwell"))
}

#[cfg(test)]
mod tests;
