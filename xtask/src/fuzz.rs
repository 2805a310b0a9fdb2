//! `cargo xtask fuzz [TARGET…] [--seconds N] [--seed N] [--keep]`: what reads text from outside is given mutated text, and what
//! reads records of the store mutated records (libFuzzer).
//!
//! The targets are in `fuzz/targets`; each begins with the inputs in `fuzz/corpus/TARGET` and is given so many seconds. The
//! same seed mutates in the same way; without one each run does so in another. With
//! `--keep` what was found to be new is kept in that folder, reduced to what reaches new code. An input that makes a
//! target fail stays in `fuzz/artifacts/TARGET`; the path of such a file in place of a target's name runs it again.

use crate::{Result, process};
use std::path::{Path, PathBuf};
use std::process::Command;

/// libFuzzer's instruments, by options of LLVM that the stable compiler passes on.
const INSTRUMENTS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";
const TARGETS: &[&str] = &["json", "definition", "execution", "jsonpath", "jsonata", "request", "stored"];
const SECONDS: &str = "60";
/// Bytes of an input: longer ones are slow, and tell little more.
const INPUT_MAX: usize = 4_096;
/// Seconds and megabytes that one input may take, with instruments.
const LIMITS: &[&str] = &["-timeout=20", "-rss_limit_mb=2048"];

/// Builds the targets and runs those that are named, or all.
pub fn run(arguments: &[String]) -> Result {
    let wanted = Wanted::read(arguments)?;
    let folder = process::root().join("fuzz");
    let built = build(&folder)?;
    for target in &wanted.targets {
        fuzz(&folder, &built, target, &wanted)?;
    }
    if let Some(artifact) = &wanted.artifact {
        let target =
            artifact.parent().and_then(Path::file_name).ok_or("an artifact lies in the folder of its target")?;
        process::succeed(Command::new(built.join(target)).args(LIMITS).arg(artifact))?;
    }
    Ok(())
}

struct Wanted {
    targets: Vec<String>,
    artifact: Option<PathBuf>,
    seconds: String,
    seed: Option<String>,
    keep: bool,
}

impl Wanted {
    fn read(arguments: &[String]) -> Result<Wanted> {
        let mut wanted =
            Wanted { targets: Vec::new(), artifact: None, seconds: SECONDS.into(), seed: None, keep: false };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--seconds" => wanted.seconds.clone_from(arguments.next().ok_or("--seconds takes a number")?),
                "--seed" => wanted.seed = Some(arguments.next().ok_or("--seed takes a number")?.clone()),
                "--keep" => wanted.keep = true,
                target if TARGETS.contains(&target) => wanted.targets.push(target.into()),
                path if Path::new(path).exists() => wanted.artifact = Some(path.into()),
                other => return Err(format!("`{other}` is none of {}, and no file", TARGETS.join(", ")).into()),
            }
        }
        if wanted.targets.is_empty() && wanted.artifact.is_none() {
            wanted.targets = TARGETS.iter().map(ToString::to_string).collect();
        }
        Ok(wanted)
    }
}

/// Gives the folder with the programs. Build scripts and macros are not instrumented, as a target is named.
fn build(folder: &Path) -> Result<PathBuf> {
    let host = process::host()?;
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--quiet", "--bins", "--target", &host]).current_dir(folder);
    process::succeed(cargo.env("RUSTFLAGS", INSTRUMENTS).env("CARGO_TARGET_DIR", folder.join("target")))?;
    Ok(folder.join("target").join(host).join("release"))
}

fn fuzz(folder: &Path, built: &Path, target: &str, wanted: &Wanted) -> Result {
    let corpus = folder.join("corpus").join(target);
    let artifacts = folder.join("artifacts").join(target);
    let found = tempfile::tempdir()?;
    std::fs::create_dir_all(&corpus)?;
    std::fs::create_dir_all(&artifacts)?;
    println!("\n== fuzz {target}, {} s", wanted.seconds);
    let dictionary = folder.join("dictionaries").join(format!("{target}.dict"));
    let mut fuzzer = Command::new(built.join(target));
    fuzzer.args(LIMITS).arg(format!("-max_total_time={}", wanted.seconds)).arg(format!("-max_len={INPUT_MAX}"));
    fuzzer.args(["-print_final_stats=1", "-verbosity=0", "-close_fd_mask=0"]);
    fuzzer.arg(format!("-artifact_prefix={}/", artifacts.display()));
    fuzzer.args(wanted.seed.iter().map(|seed| format!("-seed={seed}")));
    if dictionary.exists() {
        fuzzer.arg(format!("-dict={}", dictionary.display()));
    }
    process::succeed(fuzzer.arg(found.path()).arg(&corpus))?;
    if wanted.keep {
        process::succeed(Command::new(built.join(target)).arg("-merge=1").args(LIMITS).arg(&corpus).arg(found.path()))?;
    }
    Ok(())
}
