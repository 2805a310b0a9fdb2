//! `cargo xtask conformance`: replays the conversations recorded from the real AWS against the release binary.

use crate::{Result, process};
use harness::Server;

/// The areas that are held to strictly; each is a file in `conformance/cases`.
pub const AREAS: &[&str] = &[
    "activities",
    "api",
    "arguments",
    "assign",
    "base",
    "callback",
    "choice_operators",
    "comments",
    "context_object",
    "error_handling",
    "evaluate_jsonata",
    "express",
    "intrinsic_functions",
    "outputdecl",
    "query_language",
    "scenarios",
    "services",
    "test_state",
    "timeouts",
];

const RUNNER: &str = "conformance/sfn_conformance.py";

/// Differences that are known, each with its reason in COMPATIBILITY.md; all else in their cases is compared.
pub const EXCEPTIONS: &str = "conformance/exceptions.txt";

/// Replays all areas, or those that are named. Further arguments (from the first `--`) go to the runner.
pub fn run(arguments: &[String]) -> Result {
    let (areas, more): (Vec<&str>, Vec<&str>) = {
        let split = arguments.iter().position(|argument| argument.starts_with('-')).unwrap_or(arguments.len());
        let (areas, more) = arguments.split_at(split);
        (areas.iter().map(String::as_str).collect(), more.iter().map(String::as_str).collect())
    };
    let areas = if areas.is_empty() { AREAS } else { &areas };
    // How the runner takes exceptions is tested beside it.
    process::run("python3", &["-B", "-m", "doctest", RUNNER])?;
    let binary = process::release_binary()?;
    process::block_on(async {
        let server = Server::start(&binary, &[]).await?;
        let endpoint = server.endpoint();
        let files: Vec<String> = areas.iter().map(|area| format!("conformance/cases/{area}.jsonl")).collect();
        let mut call = vec![RUNNER, "--strict", "--quiet", "--endpoint", &endpoint];
        call.extend(["--except", EXCEPTIONS]);
        call.extend(more);
        call.extend(files.iter().map(String::as_str));
        process::run("python3", &call)
    })
}
