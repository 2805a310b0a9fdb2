//! `cargo xtask test`: all tests: unit and integration tests, the AWS SDK, the AWS CLI, recorded conversations.

use crate::{Result, conformance, process};

/// Runs everything, in the order of its cost.
pub fn run(_arguments: &[String]) -> Result {
    process::run("cargo", &["test", "--workspace", "--quiet"])?;
    let binary = process::release_binary()?;
    let binary = binary.to_str().ok_or("the path of the binary is not UTF-8")?;
    for tests in ["tests/sdk/test_sdk.py", "tests/sdk/test_versions.py", "tests/sdk/test_map_runs.py"] {
        process::run("python3", &[tests, binary])?;
    }
    conformance::run(&[])
}
