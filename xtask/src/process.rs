//! Programs that chores run.

use crate::Result;
use std::path::PathBuf;
use std::process::Command;

/// The root folder of the project.
pub fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or(here.clone(), ToOwned::to_owned)
}

/// Runs a program in the root folder and wants it to succeed.
pub fn run(program: &str, arguments: &[&str]) -> Result {
    succeed(Command::new(program).args(arguments).current_dir(root()))
}

/// Runs a command and wants it to succeed.
pub fn succeed(command: &mut Command) -> Result {
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).collect();
    let line = words.join(std::ffi::OsStr::new(" ")).to_string_lossy().into_owned();
    let status = command.status().map_err(|error| format!("cannot run `{line}`: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` failed ({status})").into()) }
}

/// Builds the release binary; gives its path.
pub fn release_binary() -> Result<PathBuf> {
    run("cargo", &["build", "--release", "--package", "stepwell"])?;
    Ok(target_folder().join("release").join("stepwell"))
}

/// Where cargo puts what it builds; a relative `CARGO_TARGET_DIR` is one in the root folder, where cargo is run.
pub fn target_folder() -> PathBuf {
    root().join(std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from))
}

/// The triple of this machine.
pub fn host() -> Result<String> {
    let told = Command::new("rustc").arg("-vV").output()?;
    let told = String::from_utf8(told.stdout)?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("rustc does not say which host it is for")?.to_owned())
}

/// Runs an async chore.
pub fn block_on<T>(chore: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(chore)
}
