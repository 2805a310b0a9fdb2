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
//! [[function]]
//! name = "price"
//! command = ["python3", "price.py"]
//! ```

use integrations::FunctionConfig;
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

/// Everything that can be configured. Each field has a default.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address to listen on.
    pub listen: IpAddr,
    /// Port to listen on; 8083 is that of Step Functions Local.
    pub port: u16,
    /// Folder of the embedded store.
    pub data_dir: PathBuf,
    /// The account id of every ARN.
    pub account_id: String,
    /// The Region of requests that carry no credential scope.
    pub region: String,
    /// Seconds that running tasks get to finish when the server stops.
    pub drain_seconds: u64,
    /// Shards of the engine; 0 is one per core.
    pub shards: usize,
    /// Tasks that run at once.
    pub tasks_at_once_max: usize,
    /// Limits; AWS's quotas are the defaults.
    pub limits: asl::Limits,
    /// The functions that tasks can invoke.
    #[serde(rename = "function")]
    pub functions: Vec<FunctionConfig>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8083,
            data_dir: default_data_dir(),
            account_id: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            drain_seconds: 10,
            shards: 0,
            tasks_at_once_max: 1_024,
            limits: asl::Limits::default(),
            functions: Vec::new(),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the configuration file `{path}`")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("the configuration file `{path}` is not understood")]
    Syntax { path: PathBuf, source: Box<toml::de::Error> },
    #[error("the account id `{0}` is not 12 digits")]
    AccountId(String),
    #[error("function `{0}` is configured twice")]
    FunctionTwice(String),
    #[error(
        "refusing to listen on `{0}`: requests are not authenticated yet, so only loopback addresses such as 127.0.0.1 can be used"
    )]
    NotLoopback(IpAddr),
}

impl Config {
    /// Reads a configuration file. Its relative paths, and the commands of functions, start in the folder of the file.
    pub fn read(path: &Path) -> Result<Config, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let mut config: Config = toml::from_str(&text)
            .map_err(|source| Error::Syntax { path: path.to_owned(), source: Box::new(source) })?;
        // A bare file name has the parent ``, which is no folder that a process could start in.
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = parent.unwrap_or(Path::new(".")).to_owned();
        config.data_dir = folder.join(config.data_dir);
        for function in &mut config.functions {
            let inside = function.working_directory.take().unwrap_or_default();
            function.working_directory = Some(folder.join(inside));
        }
        Ok(config)
    }

    /// Refuses what cannot work, before anything is opened.
    pub fn check(self) -> Result<Config, Error> {
        if self.account_id.len() != 12 || !self.account_id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::AccountId(self.account_id));
        }
        if !self.listen.is_loopback() {
            return Err(Error::NotLoopback(self.listen));
        }
        let mut names = std::collections::HashSet::new();
        if let Some(twice) = self.functions.iter().find(|function| !names.insert(function.name.as_str())) {
            return Err(Error::FunctionTwice(twice.name.clone()));
        }
        Ok(self)
    }
}

/// `$XDG_DATA_HOME/stepwell`, else `~/.local/share/stepwell`, else a folder beside the caller.
fn default_data_dir() -> PathBuf {
    let data_home = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share")));
    data_home.map_or_else(|| PathBuf::from("stepwell-data"), |folder| folder.join("stepwell"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_the_default() {
        let config: Config = toml::from_str("").unwrap();
        assert_eq!((config.port, config.account_id.as_str()), (8083, "000000000000"));
    }

    #[test]
    fn what_is_unknown_is_refused() {
        assert!(toml::from_str::<Config>("prot = 1").unwrap_err().to_string().contains("unknown field `prot`"));
    }

    #[test]
    fn only_loopback_and_12_digits() {
        let open = Config { listen: "0.0.0.0".parse().unwrap(), ..Config::default() };
        assert!(matches!(open.check(), Err(Error::NotLoopback(_))));
        let short = Config { account_id: "123".to_owned(), ..Config::default() };
        assert!(matches!(short.check(), Err(Error::AccountId(_))));
    }
}
