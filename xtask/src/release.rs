//! `cargo xtask release`: the fastest binary that the compiler can make of the sources.
//!
//! A server spends its time in no place of its own: what is left to gain is that the code that runs lies together and that
//! branches go the way they are expected to. The compiler learns that from a profile: it builds the binary with counters
//! first, the benchmarks run with that one, small, and what was counted guides the second build. Each takes as long as
//! `cargo build --release`. What it gains is in `BENCHMARKS.md`.
//!
//! Flags for the compiler in `RUSTFLAGS` count in both builds; those of cargo's configuration files do not.
//!
//! See <https://doc.rust-lang.org/rustc/profile-guided-optimization.html>.

use crate::{Result, bench, process};
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a server does all day. What none of them runs is built for size.
const WORKLOADS: &[&str] = &["W1", "W1t", "W1f", "W2", "W3", "W4", "W6", "W7", "language", "W8"];

/// Builds, profiles and builds again; says where the binary is.
pub fn run(arguments: &[String]) -> Result {
    if let Some(argument) = arguments.first() {
        return Err(format!("`{argument}`: it takes no arguments").into());
    }
    let merger = profile_merger()?;
    if env::var_os("LLVM_PROFILE_FILE").is_some() {
        return Err("`LLVM_PROFILE_FILE` is set: what is counted would go there".into());
    }
    let folder = process::target_folder().join("profile");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    println!("== build with counters");
    let builds = folder.join("target");
    let counting = build(&builds, &flag("-Cprofile-generate=", &folder))?;
    println!("== count");
    bench::exercise(counting, WORKLOADS)?;
    let profile = folder.join("stepwell.profdata");
    let counted = counted(&folder)?;
    process::succeed(Command::new(merger).arg("merge").arg("-o").arg(&profile).args(&counted))?;
    // Hundreds of megabytes.
    counted.iter().try_for_each(fs::remove_file)?;
    fs::remove_dir_all(builds)?;
    println!("== build with what was counted");
    fs::copy(build(&process::target_folder(), &flag("-Cprofile-use=", &profile))?, binary())?;
    println!("{}", binary().display());
    Ok(())
}

/// Where the binary is: apart from what `cargo build` makes.
pub fn binary() -> PathBuf {
    process::target_folder().join("profile").join("stepwell")
}

fn flag(name: &str, path: &Path) -> OsString {
    let mut flag = OsString::from(name);
    flag.push(path);
    flag
}

/// Builds the server for this machine with one more flag; gives its path. A target is named so that build scripts and macros
/// are built without the flag.
fn build(target_folder: &Path, flag: &OsStr) -> Result<PathBuf> {
    let host = process::host()?;
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--package", "stepwell", "--target", &host]).current_dir(process::root());
    process::succeed(cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(flag)).env("CARGO_TARGET_DIR", target_folder))?;
    Ok(target_folder.join(host).join("release").join("stepwell"))
}

/// With those that the environment has, as cargo reads them.
fn flags(more: &OsStr) -> OsString {
    const SEPARATOR: &str = "\u{1f}";
    let encoded = env::var("CARGO_ENCODED_RUSTFLAGS").ok();
    let plain = || env::var("RUSTFLAGS").map(|flags| flags.split_whitespace().collect::<Vec<_>>().join(SEPARATOR)).ok();
    let mut flags = OsString::from(encoded.or_else(plain).unwrap_or_default());
    if !flags.is_empty() {
        flags.push(SEPARATOR);
    }
    flags.push(more);
    flags
}

/// The files that processes with counters have left.
fn counted(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "profraw") {
            files.push(path);
        }
    }
    if files.is_empty() { Err("no process has counted anything".into()) } else { Ok(files) }
}

/// The compiler's own: another version of LLVM cannot read what was counted.
fn profile_merger() -> Result<PathBuf> {
    let told = Command::new("rustc").args(["--print", "sysroot"]).output()?;
    let sysroot = PathBuf::from(String::from_utf8(told.stdout)?.trim());
    let folder = sysroot.join("lib").join("rustlib").join(process::host()?).join("bin");
    let merger = folder.join("llvm-profdata");
    if merger.exists() {
        return Ok(merger);
    }
    Err("`llvm-profdata` is missing; it comes with `rustup component add llvm-tools`".into())
}
