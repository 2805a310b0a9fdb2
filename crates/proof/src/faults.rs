//! What contradicts what is promised.

use crate::Result;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// When all is lost there is no end of them.
const PRINTED_MAX: usize = 20;

/// What was found, each in a sentence.
#[derive(Default)]
pub struct Faults(Mutex<Vec<String>>);

impl Faults {
    pub fn add(&self, fault: String) {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if faults.len() < PRINTED_MAX {
            eprintln!("FAULT: {fault}");
        }
        faults.push(fault);
    }

    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// An error if there are any.
    pub fn verdict(&self) -> Result {
        match self.count() {
            0 => Ok(()),
            count => Err(format!("{count} faults").into()),
        }
    }

    /// `stepwell fsck` over a folder that no server uses: what it finds is a fault.
    pub fn fsck(&self, binary: &Path, data_dir: &Path) -> Result {
        self.fsck_with(binary, data_dir, &[])
    }

    /// The same with more arguments.
    pub fn fsck_with(&self, binary: &Path, data_dir: &Path, arguments: &[&str]) -> Result {
        let checked = Command::new(binary).arg("fsck").arg(data_dir).args(arguments).output()?;
        if !checked.status.success() {
            let (found, errors) = (String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
            self.add(format!("I13: {found}{errors}"));
        }
        Ok(())
    }
}
