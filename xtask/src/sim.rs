//! `cargo xtask sim [--seconds N] [--only engine|bare] [--seed N [--log]] [--planted [NAME]]`: the real engine in simulated
//! worlds, and the state machine of executions alone in bare ones.
//!
//! The simulator is a program of its own, so that a chore does not wait for the engine to be compiled. It is built with
//! optimization and with assertions, and with the faults that can be planted in it.

use crate::{Result, process};

/// Hands everything to the simulator.
pub fn run(arguments: &[String]) -> Result {
    let mut all =
        vec!["run", "--quiet", "--profile", "sim", "--package", "simulator", "--features", "planted-faults", "--"];
    all.extend(arguments.iter().map(String::as_str));
    process::run("cargo", &all)
}
