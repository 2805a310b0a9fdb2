//! Tests over a disk. Where none can be mounted nothing can be tested, and a test cannot say so: a program of tests has a
//! `main` of its own that calls this, and its output is seen.

#![expect(clippy::print_stdout, reason = "a test says what it tested")]

use crate::Disk;
use std::path::Path;

/// Given the disk and where it is.
pub type Test = fn(&Disk, &Path);

/// Runs each test over a new disk, and says which could not be.
///
/// # Errors
///
/// If there is no folder to mount a disk at.
pub fn run_tests(tests: &[(&str, Test)]) -> std::io::Result<()> {
    tests.iter().try_for_each(|(name, test)| run_test(name, test))
}

/// Runs one test over a new disk, or says that it could not be.
///
/// # Errors
///
/// If there is no folder to mount a disk at.
pub fn run_test(name: &str, test: impl FnOnce(&Disk, &Path)) -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    match Disk::mount(folder.path()) {
        Ok(disk) => {
            test(&disk, folder.path());
            println!("{name} ... ok");
        }
        Err(error) => println!("{name} ... NOT TESTED: no disk can be mounted here: {error}"),
    }
    Ok(())
}
