//! `BENCHMARKS.md`: the figures of one run. What stands below its table, the profile and the peers, is written by hand
//! and kept.

use super::figures::Figures;
use super::limits::Machine;
use super::options::Binary;
use super::workloads::Workload;
use crate::{Result, process};
use std::fmt::Write;

/// What is written by hand begins here.
const BY_HAND: &str = "\n## With a million\n";

const HEAD: &str = "# Benchmarks\n\n\
    `cargo xtask bench` measures the release server over HTTP, with durable defaults (each answer waits for its fsync), from a\n\
    separate process on the same cores. `cargo xtask bench --write` writes this table; `--full` takes a million executions\n\
    where a goal says so. One run each: differences under 20 % mean nothing.\n";
const RELEASED: &str = "\nThe binary is that of `cargo xtask release`, which a profile of these workloads has guided; what \
    `cargo build --release`\nmakes is measured beside it below.\n";

/// Writes the file, with the figures of this run, and what could not be measured in it.
pub fn write(machine: &Machine, subject: &Binary, measured: &[(&Workload, Vec<Figures>)], failed: &[String]) -> Result {
    let path = process::root().join("BENCHMARKS.md");
    let earlier = std::fs::read_to_string(&path).unwrap_or_default();
    let by_hand = earlier.find(BY_HAND).and_then(|begin| earlier.get(begin..));
    if by_hand.is_none() && !earlier.is_empty() {
        return Err(format!("{} has no `{}`, from where on it is kept", path.display(), BY_HAND.trim()).into());
    }
    let by_hand = by_hand.unwrap_or_default();
    let today = jiff::Timestamp::now().strftime("%-d %B %Y");
    let failed = failed.iter().map(|failed| format!("\nNot measured: {failed}.\n")).collect::<Vec<_>>().concat();
    let released = if matches!(subject, Binary::Released) { RELEASED } else { "" };
    let text = format!("{HEAD}{released}\n{today}, {machine}.\n\n{}{failed}{by_hand}", table(measured)?);
    std::fs::write(path, text)?;
    Ok(())
}

fn table(measured: &[(&Workload, Vec<Figures>)]) -> Result<String> {
    let mut table = String::new();
    let columns = Figures::COLUMNS;
    writeln!(table, "| {} |", columns.join(" | "))?;
    writeln!(table, "|---|{}---|", "---:|".repeat(columns.len() - 2))?;
    for (_, figures) in measured {
        for figures in figures {
            writeln!(table, "| {} |", figures.cells().join(" | "))?;
        }
    }
    writeln!(table, "\n| workload | what a unit is | to reach |\n|---|---|---|")?;
    for (Workload { name, about, goal, .. }, _) in measured {
        writeln!(table, "| {name} | {about} | {goal} |")?;
    }
    Ok(table)
}
