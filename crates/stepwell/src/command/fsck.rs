//! `stepwell fsck`: whether a data folder is whole.

use super::{CommandResult, EXIT_FAILED, OutputFormat};
use crate::config::Config;
use clap::Args;
use engine::{Checked, Finding, Severity, SystemClock};
use json::{Object, Value};
use std::path::PathBuf;
use std::process::ExitCode;
use store_folder::Mended;

/// Check a data folder that no server uses: whether all records can be read, and agree with each other.
///
/// It is read from beginning to end, so that every checksum is looked at. Each line of what is printed says which record
/// is damaged, and how. An execution that the server has set aside is noted, and is no damage. A single flipped bit is
/// turned back, as the server does when it meets one, and printed with its file.
///
/// The exit code is 0 when nothing is damaged, 1 when something is or was, 2 when the folder cannot be opened: then the
/// error names the file that is damaged.
#[derive(Args)]
pub struct Fsck {
    /// The data folder [default: the user's]
    #[arg(value_name = "DIR", env = "STEPWELL_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// The embedded store [default: fjall]
    #[cfg(feature = "rocksdb")]
    #[arg(long, value_enum, env = "STEPWELL_STORE")]
    store: Option<crate::embedded::EmbeddedStore>,
    /// Configuration file (TOML), for its folder and its limits
    #[arg(long, env = "STEPWELL_CONFIG")]
    config: Option<PathBuf>,
    /// How to print what was found; JSON is one object with the members `mended`, `findings` and `checked`
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{} `{}`", if .0.exists() { "this is no folder:" } else { "there is no folder" }, .0.display())]
    NoFolder(PathBuf),
    #[error("there is no data in `{}`", .0.display())]
    NoData(PathBuf),
}

impl Fsck {
    pub fn run(&self) -> CommandResult {
        let config = self.configuration()?;
        let data_dir = self.data_dir.clone().unwrap_or(config.data_dir);
        if !data_dir.is_dir() {
            return Err(Error::NoFolder(data_dir).into());
        }
        if !config.store.is_in(&data_dir) {
            return Err(Error::NoData(data_dir).into());
        }
        let mended = config.store.mend(&data_dir)?;
        let store = config.store.open(&data_dir)?;
        let expired_before_ms = engine::expired_before_ms(&SystemClock, &config.limits);
        let (mut findings, mut printed) = (Vec::new(), Ok(()));
        if self.format == OutputFormat::Text {
            mended.iter().try_for_each(|mended| super::print(&text_of_mended(mended)))?;
        }
        let checked = engine::fsck(store, expired_before_ms, &mut |finding| match self.format {
            OutputFormat::Text if printed.is_ok() => printed = super::print(&text(&finding)),
            OutputFormat::Text => {}
            OutputFormat::Json => findings.push(finding),
        });
        printed?;
        match self.format {
            OutputFormat::Text => super::print(&summary(&checked))?,
            OutputFormat::Json => super::print(&json(&mended, &findings, &checked).to_string())?,
        }
        Ok(if checked.damaged == 0 && mended.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_FAILED) })
    }

    fn configuration(&self) -> Result<Config, crate::config::Error> {
        let config = self.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
        #[cfg(feature = "rocksdb")]
        let config = Config { store: self.store.unwrap_or(config.store), ..config };
        Ok(config)
    }
}

fn severity(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Damage => "damage",
        Severity::Notice => "notice",
    }
}

fn json(mended: &[Mended], findings: &[Finding], checked: &Checked) -> Value {
    let mended = mended.iter().map(|Mended { file, at }| {
        let at = i64::try_from(*at).unwrap_or(i64::MAX);
        Value::Object(Object::from([("file", Value::from(file.display().to_string())), ("at", Value::from(at))]))
    });
    let findings = findings.iter().map(|finding| {
        let mut object = Object::new();
        object.insert("severity", severity(finding));
        object.insert("keyspace", finding.keyspace);
        object.insert("key", finding.key.as_str());
        if let Some(arn) = &finding.arn {
            object.insert("arn", arn.as_str());
        }
        object.insert("what", finding.what.as_str());
        Value::Object(object)
    });
    let mut report = Object::new();
    report.insert("mended", mended.collect::<Value>());
    report.insert("findings", findings.collect::<Value>());
    let Checked { records, bytes, executions, open, set_aside, events, timers, map_runs, state_machines, damaged } =
        *checked;
    let counts = [
        ("records", records),
        ("bytes", bytes),
        ("stateMachines", state_machines),
        ("executions", executions),
        ("open", open),
        ("setAside", set_aside),
        ("events", events),
        ("timers", timers),
        ("mapRuns", map_runs),
        ("damaged", damaged),
    ];
    let counts = counts.map(|(name, count)| (name, i64::try_from(count).unwrap_or(i64::MAX)));
    report.insert("checked", Value::Object(Object::from(counts)));
    Value::Object(report)
}

/// `mended in FILE at PLACE: what`.
fn text_of_mended(Mended { file, at }: &Mended) -> String {
    format!("mended in `{}` at byte {at}: a bit had flipped, and was turned back; look at the disk", file.display())
}

/// `damage in KEYSPACE at KEY (ARN): what`.
fn text(finding: &Finding) -> String {
    let arn = finding.arn.as_ref().map_or_else(String::new, |arn| format!(" ({arn})"));
    format!("{} in {} at {}{arn}: {}", severity(finding), finding.keyspace, finding.key, finding.what)
}

fn summary(checked: &Checked) -> String {
    let Checked { records, bytes, executions, open, set_aside, events, timers, map_runs, state_machines, damaged } =
        checked;
    let verdict = if *damaged == 0 { "nothing is damaged".to_owned() } else { format!("{damaged} places are damaged") };
    format!(
        "{records} records ({bytes} bytes) checked: {state_machines} state machines, {executions} executions ({open} open, \
         {set_aside} set aside), {events} events, {timers} timers, {map_runs} Map Runs; {verdict}"
    )
}
