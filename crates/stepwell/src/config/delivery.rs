//! Where logs and events go. Unless told otherwise: nowhere.

use http::Uri;
use serde::{Deserialize, Deserializer, de::Error as _};
use std::path::PathBuf;

/// Where state machines with a `loggingConfiguration` log, in CloudWatch's form. One of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogsConfig {
    /// A file for each log group, in this folder.
    #[serde(deserialize_with = "path")]
    pub folder: Option<PathBuf>,
    /// A line for each record on standard output.
    pub standard_output: bool,
    /// OTLP over HTTP, in JSON: `http://127.0.0.1:4318/v1/logs`.
    #[serde(deserialize_with = "url")]
    pub otlp_endpoint: Option<Uri>,
    /// Certificates, in PEM, of the authorities that vouch for an `https` endpoint, in place of those of the system.
    pub ca_file: Option<PathBuf>,
}

/// Where the changes of the status of Standard executions are told, in EventBridge's form. One of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventsConfig {
    /// A line for each event.
    #[serde(deserialize_with = "path")]
    pub file: Option<PathBuf>,
    /// A `POST` for each event.
    #[serde(deserialize_with = "url")]
    pub url: Option<Uri>,
    /// As in [`LogsConfig`].
    pub ca_file: Option<PathBuf>,
}

impl LogsConfig {
    pub(super) fn targets(&self) -> usize {
        [self.folder.is_some(), self.standard_output, self.otlp_endpoint.is_some()].iter().filter(|is| **is).count()
    }
}

impl EventsConfig {
    pub(super) fn targets(&self) -> usize {
        usize::from(self.file.is_some()) + usize::from(self.url.is_some())
    }
}

/// What is empty would be the folder of the configuration file.
fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let path = PathBuf::deserialize(deserializer)?;
    if path.as_os_str().is_empty() { Err(D::Error::custom("a path without a name")) } else { Ok(Some(path)) }
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Uri>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_known = |url: &Uri| matches!(url.scheme_str(), Some("http" | "https")) && url.authority().is_some();
    match text.parse::<Uri>().ok().filter(is_known) {
        Some(url) => Ok(Some(url)),
        None => Err(D::Error::custom(format!("`{text}` is no URL that begins with `http://` or `https://`"))),
    }
}
