//! `cargo xtask model`: writes the wire types of `api` from AWS's service model.
//!
//! Without arguments it writes `crates/api/src/model/`; `--check` says whether what is there is what it would write;
//! `--import FILE` first takes over another service model (botocore's `service-2.json`), without its documentation.

mod rust;
mod service;

use crate::Result;
use serde_json::Value;
use service::Service;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Names of files to their text.
type Files = BTreeMap<String, String>;

pub fn run(arguments: &[String]) -> Result {
    let api = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/api");
    let model = api.join("model/stepfunctions-2016-11-23.json");
    let target = api.join("src/model");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => write(&target, &generate(&model)?),
        ["--check"] => check(&target, &generate(&model)?),
        ["--import", file] => import(Path::new(file), &model),
        _ => Err("usage: cargo xtask model [--check | --import FILE]".into()),
    }
}

fn generate(model: &Path) -> Result<Files> {
    let service = Service::new(serde_json::from_str(&std::fs::read_to_string(model)?)?);
    rust::files(&service)?.into_iter().map(|(name, text)| Ok((name, format(&text)?))).collect()
}

fn write(target: &Path, files: &Files) -> Result {
    if target.exists() {
        std::fs::remove_dir_all(target)?;
    }
    std::fs::create_dir_all(target)?;
    for (name, text) in files {
        std::fs::write(target.join(name), text)?;
    }
    Ok(())
}

fn check(target: &Path, files: &Files) -> Result {
    let mut written = Files::new();
    for entry in std::fs::read_dir(target)? {
        let path: PathBuf = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        written.insert(name, std::fs::read_to_string(&path)?);
    }
    let differing: Vec<&str> = (files.keys().chain(written.keys()))
        .filter(|name| files.get(*name) != written.get(*name))
        .map(String::as_str)
        .collect();
    if differing.is_empty() {
        return Ok(());
    }
    Err(format!("these files are not what the service model gives, run `cargo xtask model`: {differing:?}").into())
}

/// Keeps what types, names and constraints need.
fn import(source: &Path, model: &Path) -> Result {
    let mut service: Value = serde_json::from_str(&std::fs::read_to_string(source)?)?;
    without_documentation(&mut service);
    std::fs::write(model, serde_json::to_string_pretty(&service)? + "\n")?;
    Ok(())
}

pub fn without_documentation(value: &mut Value) {
    match value {
        Value::Object(members) => {
            // The text is a string; a member of that name would be a structure.
            if members.get("documentation").is_some_and(Value::is_string) {
                members.shift_remove("documentation");
            }
            members.values_mut().for_each(without_documentation);
        }
        Value::Array(elements) => elements.iter_mut().for_each(without_documentation),
        _ => {}
    }
}

/// The text as `rustfmt` lays it out, so that the generated files pass the same check as all others.
fn format(text: &str) -> Result<String> {
    let configuration = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path", configuration])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    rustfmt.stdin.take().ok_or("rustfmt has no standard input")?.write_all(text.as_bytes())?;
    let output = rustfmt.wait_with_output()?;
    if !output.status.success() {
        return Err("rustfmt refused the generated text".into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
