//! `cargo xtask crash` and the other proofs on the real process.
//!
//! They are a program of their own, so that a chore does not wait for the history checker to be compiled.

use crate::{Result, process};

/// Kills the server under load, again and again.
pub fn crash(arguments: &[String]) -> Result {
    run("crash", arguments)
}

/// Runs the server over a disk that loses its power.
pub fn powerloss(arguments: &[String]) -> Result {
    run("powerloss", arguments)
}

/// Runs the server over a disk that is full or fails, and over folders with a flipped bit.
pub fn disk_faults(arguments: &[String]) -> Result {
    run("disk-faults", arguments)
}

/// Many timers, a restart, and a clock that jumps.
pub fn timers(arguments: &[String]) -> Result {
    run("timers", arguments)
}

/// Definitions that want everything, beside a normal load.
pub fn bombs(arguments: &[String]) -> Result {
    run("bombs", arguments)
}

/// A steady load for minutes.
pub fn soak(arguments: &[String]) -> Result {
    run("soak", arguments)
}

/// Keeps a data folder of this version, for later ones to open.
pub fn golden(arguments: &[String]) -> Result {
    run("golden", arguments)
}

/// Hands a proof the release binary, or the one that `STEPWELL_BINARY` names, and its arguments.
fn run(proof: &str, arguments: &[String]) -> Result {
    let binary = std::env::var_os("STEPWELL_BINARY").map_or_else(process::release_binary, |named| Ok(named.into()))?;
    let binary = binary.to_str().ok_or("the path of the binary is no text")?;
    let mut all = vec!["run", "--quiet", "--release", "--package", "proof", "--", proof, binary];
    all.extend(arguments.iter().map(String::as_str));
    process::run("cargo", &all)
}
