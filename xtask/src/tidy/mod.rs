//! `cargo xtask tidy`: the house rules that rustfmt and clippy do not know.
//!
//! Lengths of files and functions are held by a ratchet (`xtask/tidy.ratchet`): what is in it may be longer than the
//! limit, by so much and no more. `cargo xtask tidy --tighten` lowers its entries to what is there now.

mod functions;
mod ratchet;
mod rules;
mod source;

use crate::Result;
use ratchet::Ratchet;
use source::Source;
use std::{
    fmt,
    path::{Path, PathBuf},
};

const RATCHET: &str = "xtask/tidy.ratchet";

/// One breach of a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    file: String,
    line: usize,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Prints every finding.
pub(crate) fn run(arguments: &[String]) -> Result {
    let tighten = match arguments {
        [] => false,
        [argument] if argument == "--tighten" => true,
        _ => return Err("usage: cargo xtask tidy [--tighten]".into()),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("xtask has no parent folder")?;
    let sources = read_sources(root)?;
    let ratchet = Ratchet::parse(&std::fs::read_to_string(root.join(RATCHET))?)?;
    let lengths: Vec<_> = sources.iter().flat_map(functions::lengths).collect();
    if tighten {
        std::fs::write(root.join(RATCHET), ratchet.tightened(&lengths).to_string())?;
        return Ok(());
    }
    let mut findings: Vec<Finding> = sources.iter().flat_map(rules::check).collect();
    findings.extend(ratchet.check(&lengths));
    findings.sort();
    findings.iter().for_each(|finding| println!("{finding}"));
    if findings.is_empty() { Ok(()) } else { Err(format!("{} findings", findings.len()).into()) }
}

fn read_sources(root: &Path) -> Result<Vec<Source>> {
    let mut paths = Vec::new();
    collect(root, &mut paths)?;
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
        Ok(Source::new(name, std::fs::read_to_string(&path)?))
    };
    paths.into_iter().map(read).collect()
}

/// Every Rust file below `folder`, except in what is built, installed or hidden.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let skipped = name == "target" || name == "node_modules" || name.to_string_lossy().starts_with('.');
        if entry.file_type()?.is_dir() && !skipped {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}
