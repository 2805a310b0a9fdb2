//! What the stores in a folder have in common, whatever keeps their records: here is decided what is durable and when who
//! waits is told so, once for all of them.
//!
//! | file | |
//! |---|---|
//! | `commits` | the thread that commits: batches that wait become a group, with one sync for all of them |
//! | `slot` | the records, until the store is closed |
//! | `folder` | the lock of a folder, its creation in one stroke, its format |
//! | `mark` | what was acknowledged, beside the records |
//! | `mended` | a flipped bit that was turned back |
//! | `error` | why a folder cannot be used, whatever is in it |
//!
//! # On disk
//! | path in the folder | content |
//! |---|---|
//! | `lock` | locked by the process that has the folder open |
//! | `data/format` | which store it is of, and the version of its format, as text |
//! | `data/acknowledged` | the number of the last group that was acknowledged, as text |
//! | `creating/` | what a crash left of a folder that was being created |

mod commits;
mod error;
mod folder;
mod mark;
mod mended;
mod slot;

pub use commits::{Commits, Records};
pub use error::Error;
pub use folder::{create_private, format, is_created, lock, ready, sync_names, write_format};
pub use mark::{Acknowledged, Mark};
pub use mended::{Mended, put_right};
pub use slot::Slot;
