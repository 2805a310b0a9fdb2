//! What the command line asks for.

use super::peers::{PEERS, Peer};
use super::scale::{FULL, SMOKE, Scale, USUAL};
use super::workloads::{WORKLOADS, Workload};
use crate::Result;
use std::path::PathBuf;
use std::time::Duration;

/// Which binary is measured.
pub enum Binary {
    /// A new build, as `cargo build --release` makes it.
    Built,
    /// The one of `cargo xtask release`.
    Released,
    Given(PathBuf),
}

/// The command line, read.
pub struct Options {
    /// Those that are named, or all.
    pub workloads: Vec<&'static Workload>,
    pub scale: Scale,
    pub subject: Binary,
    /// Write `BENCHMARKS.md`.
    pub write: bool,
    /// Another system to measure beside ours.
    pub peer: Option<&'static Peer>,
    /// Where it is installed: a Python environment, or a folder with `node_modules`.
    pub peer_folder: PathBuf,
}

impl Options {
    pub fn parse(arguments: &[String]) -> Result<Options> {
        let mut options = Options {
            workloads: Vec::new(),
            scale: USUAL,
            subject: Binary::Built,
            write: false,
            peer: None,
            peer_folder: PathBuf::from("."),
        };
        let mut rest = arguments.iter().map(String::as_str);
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().ok_or(format!("{argument} takes a value"));
            match argument {
                "--smoke" => options.scale = SMOKE,
                "--full" => options.scale = FULL,
                "--seconds" => options.scale.time = Duration::from_secs(value()?.parse()?),
                "--waiting" => options.scale.waiting = value()?.parse()?,
                // It is started in other folders, too.
                "--binary" => options.subject = Binary::Given(std::path::absolute(value()?)?),
                "--released" => options.subject = Binary::Released,
                "--write" => options.write = true,
                "--peer" => options.peer = Some(named(PEERS, |peer| peer.name, value()?, "peer")?),
                "--peer-folder" => options.peer_folder = PathBuf::from(value()?),
                name => options.workloads.push(workload(name)?),
            }
        }
        if options.scale.waiting < 2 {
            return Err("--waiting takes a number from 2".into());
        }
        if options.workloads.is_empty() {
            options.workloads = WORKLOADS.iter().collect();
        }
        Ok(options)
    }
}

/// The workload of that name.
pub fn workload(name: &str) -> Result<&'static Workload> {
    named(WORKLOADS, |workload| workload.name, name, "workload")
}

fn named<T>(all: &'static [T], name_of: fn(&T) -> &'static str, name: &str, what: &str) -> Result<&'static T> {
    all.iter().find(|one| name_of(one) == name).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(name_of).collect();
        format!("no {what} `{name}`; there are {}", known.join(", ")).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str) -> std::result::Result<(Vec<&'static str>, usize, Duration), String> {
        let arguments: Vec<String> = line.split_whitespace().map(ToOwned::to_owned).collect();
        let options = Options::parse(&arguments).map_err(|error| error.to_string())?;
        let names = options.workloads.iter().map(|workload| workload.name).collect();
        Ok((names, options.scale.waiting, options.scale.time))
    }

    #[test]
    fn later_arguments_win_over_the_scale() {
        let (names, waiting, time) = check("--smoke W1 --waiting 7 W5 --seconds 2").unwrap();
        assert_eq!((names, waiting, time), (vec!["W1", "W5"], 7, Duration::from_secs(2)));
        assert_eq!(check("").unwrap().0.len(), WORKLOADS.len());
    }

    #[test]
    fn what_is_not_known_is_told() {
        assert!(check("W99").unwrap_err().starts_with("no workload `W99`; there are W1, "));
        assert_eq!(check("--peer x").unwrap_err(), "no peer `x`; there are moto, sfn-local, restate");
        assert_eq!(check("--seconds").unwrap_err(), "--seconds takes a value");
        assert!(check("--waiting 1").is_err());
    }
}
