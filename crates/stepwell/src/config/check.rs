//! What cannot work, found before anything is opened.

use super::Config;
use crate::delivery;
use engine::SHARDS_MAX;
use http::Uri;
use integrations::FunctionConfig;
use std::{
    collections::HashSet,
    fmt,
    fs::Metadata,
    net::IpAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// A value that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Where it stands: `limits.history_events_max`, `function.0.command`.
    pub key: String,
    /// What is wrong, and what to do.
    pub why: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

fn wrong(key: impl Into<String>, why: impl Into<String>) -> Wrong {
    Wrong { key: key.into(), why: why.into() }
}

impl Config {
    /// The first value that cannot be used.
    pub(super) fn find_wrong(&self) -> Option<Wrong> {
        account_id(&self.account_id)
            .or_else(|| region(&self.region))
            .or_else(|| listen(self.listen))
            .or_else(|| shards(self.shards))
            .or_else(|| data_dir(&self.data_dir))
            .or_else(|| drain_seconds(self.drain_seconds))
            .or_else(|| at_least_1("connections_max", self.connections_max == 0))
            .or_else(|| at_least_1("request_seconds_max", self.request_seconds_max == 0))
            .or_else(|| at_least_1("tasks_at_once_max", self.tasks_at_once_max == 0))
            .or_else(|| at_least_1("executions_in_memory_bytes_max", self.executions_in_memory_bytes_max == 0))
            .or_else(|| at_least_1("delivery_bytes_max", self.delivery_bytes_max == 0))
            .or_else(|| limits(&self.limits))
            .or_else(|| targets("logs", "`folder`, `standard_output` or `otlp_endpoint`", self.logs.targets()))
            .or_else(|| targets("events", "`file` or `url`", self.events.targets()))
            .or_else(|| {
                ca_file("logs", "otlp_endpoint", self.logs.otlp_endpoint.as_ref(), self.logs.ca_file.as_deref())
            })
            .or_else(|| ca_file("events", "url", self.events.url.as_ref(), self.events.ca_file.as_deref()))
            .or_else(|| functions(&self.functions))
    }
}

fn account_id(id: &str) -> Option<Wrong> {
    let is_id = id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit());
    (!is_id).then(|| wrong("account_id", format!("the account id `{id}` is not 12 digits")))
}

/// It stands in ARNs and in the credential scope of requests.
fn region(name: &str) -> Option<Wrong> {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_region =
        (1..=63).contains(&name.len()) && name.bytes().all(is_letter) && !name.starts_with('-') && !name.ends_with('-');
    if is_region {
        return None;
    }
    let why = format!("`{name}` is no Region; write it in lower case letters, digits and `-`, as `us-east-1`");
    Some(wrong("region", why))
}

fn listen(address: IpAddr) -> Option<Wrong> {
    if address.is_loopback() {
        return None;
    }
    let why = format!(
        "refusing to listen on `{address}`: requests are not authenticated yet, so only loopback addresses such as 127.0.0.1 can be used"
    );
    Some(wrong("listen", why))
}

fn shards(count: usize) -> Option<Wrong> {
    let why = || format!("`shards` is {count}; it can be at most {SHARDS_MAX}, and 0 is one per core");
    (count > SHARDS_MAX).then(|| wrong("shards", why()))
}

fn data_dir(path: &Path) -> Option<Wrong> {
    path.is_file().then(|| wrong("data_dir", format!("`{}` is a file; the data needs a folder", path.display())))
}

/// A day: who stops a server does not mean to wait longer.
const DRAIN_SECONDS_MAX: u64 = 86_400;

fn drain_seconds(seconds: u64) -> Option<Wrong> {
    let why = || format!("`drain_seconds` is {seconds}; it can be at most {DRAIN_SECONDS_MAX}, which is a day");
    (seconds > DRAIN_SECONDS_MAX).then(|| wrong("drain_seconds", why()))
}

fn at_least_1(name: &str, is_0: bool) -> Option<Wrong> {
    is_0.then(|| wrong(name, format!("`{name}` is 0; it must be at least 1")))
}

/// Times that may be nothing.
const MAY_BE_0: &[&str] = &["retention_minutes", "name_reuse_days"];

/// With a limit of nothing, nothing would work; but executions can be kept for minutes and no days, and a name can be given
/// again as soon as its execution is gone.
fn limits(limits: &asl::Limits) -> Option<Wrong> {
    let has_retention = limits.retention_minutes > 0;
    let limits = toml::Table::try_from(limits).unwrap_or_default();
    let may_be_0 = |name: &str| MAY_BE_0.contains(&name) || (name == "retention_days" && has_retention);
    let (name, _) = limits.iter().find(|(name, value)| value.as_integer() == Some(0) && !may_be_0(name))?;
    Some(wrong(format!("limits.{name}"), format!("the limit `{name}` is 0; it must be at least 1")))
}

fn targets(section: &str, choices: &str, count: usize) -> Option<Wrong> {
    (count > 1).then(|| wrong(section, format!("`[{section}]` takes one of {choices}")))
}

/// Authorities are for an endpoint that TLS is spoken with.
fn ca_file(section: &str, field: &str, url: Option<&Uri>, path: Option<&Path>) -> Option<Wrong> {
    let path = path?;
    let why = match url {
        Some(url) if delivery::is_https(url) => delivery::authorities(path).err()?.to_string(),
        _ => format!("`ca_file` is for an `{field}` that begins with `https://`"),
    };
    Some(wrong(format!("{section}.ca_file"), why))
}

fn functions(functions: &[FunctionConfig]) -> Option<Wrong> {
    let mut names = HashSet::new();
    functions.iter().enumerate().find_map(|(index, function)| {
        let (field, why) = if names.insert(function.name.as_str()) {
            function_field(function)?
        } else {
            let name = &function.name;
            ("name", format!("function `{name}` is configured twice; give each function a name of its own"))
        };
        Some(wrong(format!("function.{index}.{field}"), why))
    })
}

/// The field of a function that cannot be used, and why.
fn function_field(function: &FunctionConfig) -> Option<(&'static str, String)> {
    if let Err(error) = function.check() {
        let field = match error {
            integrations::Error::OutOfRange { field, .. } => field,
            integrations::Error::NoCommand { .. } => "command",
            integrations::Error::FunctionName { .. } | integrations::Error::DuplicateFunction { .. } => "name",
        };
        return Some((field, error.to_string()));
    }
    let name = &function.name;
    let program = function.command.first()?;
    let folder = function.working_directory.as_deref().unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let why = format!("the working directory `{}` of function `{name}` does not exist", folder.display());
        return Some(("working_directory", why));
    }
    let why = match find(program, folder)? {
        Missing::File => {
            format!("the program `{program}` of function `{name}` is not found; install it, or give its path")
        }
        Missing::ExecutableBit(file) => format!(
            "the program `{program}` of function `{name}` is not executable; run `chmod +x {}`, \
             or put the program that reads it before it in `command`",
            file.display()
        ),
    };
    Some(("command", why))
}

/// What a program lacks.
enum Missing {
    File,
    ExecutableBit(PathBuf),
}

/// `None` if the program can be started. One with a `/` is relative to the working directory, another is looked for in
/// `PATH`, where files that cannot be executed are passed over.
fn find(program: &str, folder: &Path) -> Option<Missing> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = if program.contains('/') {
        vec![folder.join(program)]
    } else {
        std::env::split_paths(&path).map(|folder| folder.join(program)).collect()
    };
    let files = places.into_iter().filter_map(|file| Some((file.metadata().ok().filter(Metadata::is_file)?, file)));
    let mut missing = Some(Missing::File);
    for (metadata, file) in files {
        if metadata.permissions().mode() & 0o111 != 0 {
            return None;
        }
        missing = Some(Missing::ExecutableBit(file));
    }
    missing
}
