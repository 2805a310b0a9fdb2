//! What an embedded store goes through in tests, whichever it is: its process is killed, its disk is full, its disk loses
//! its power, its folder is damaged, half created, or open twice.
//!
//! It is test code in a library, as `store::conformance` is, so that each store can run it: a failed assertion is its only
//! result. The programs of tests have a `main` of their own: one starts itself again as the process that dies, the other
//! says when it could test nothing.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "an error here is a failed test")]

#[cfg(unix)]
pub mod crash;
pub mod damage;
pub mod folder;
pub mod power_loss;

use std::{path::Path, sync::Arc};
use store::Store;

/// Opens the store in a folder, which is created if it is not there.
pub type Open = fn(&Path) -> Arc<dyn Store>;

/// The same where that may be refused: with what the refusal says, and all its causes.
pub type TryOpen = fn(&Path) -> Result<Arc<dyn Store>, String>;

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
