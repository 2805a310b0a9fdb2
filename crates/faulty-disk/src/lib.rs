//! A disk in memory, mounted as a folder, that behaves as a disk may: when the power goes it forgets what was not
//! synced, or a part of that; when it is told to, it is full, or fails to read, to write or to sync.
//!
//! What it promises is what POSIX promises and no more. What was written to a file is kept since the last `fsync` or
//! `fdatasync` of that file; the name of a file is kept since the last `fsync` of its folder. File systems of today keep
//! more, and not the same: who loses nothing here loses nothing there.
//!
//! It is no part of the product: `cargo xtask` runs the server over it.
//!
//! | file | |
//! |---|---|
//! | `tree` | files and folders, what of them is synced, and what a power loss leaves |
//! | `mount` | the file system that the kernel asks; Linux has that |
//! | `trial` | tests over such a disk |

#[cfg(target_os = "linux")]
mod mount;
#[cfg(not(target_os = "linux"))]
#[path = "no_mount.rs"]
mod mount;
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "there is no disk to mount"))]
mod tree;
mod trial;

pub use trial::{Test, run_test, run_tests};

use mount::Session;
use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};
use tree::Tree;

/// What is wrong with the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing can be written or created: there is no space (`ENOSPC`).
    Full,
    /// Reads fail (`EIO`).
    CannotRead,
    /// Writes and syncs fail (`EIO`).
    CannotWrite,
    /// The next sync fails (`EIO`), once: what it should have kept is lost, as the kernel takes it for written. Reading
    /// shows it until the power goes.
    NextSyncFails,
    /// Syncs do nothing, and say that they did: what a disk does that lies.
    IgnoresSync,
}

/// What the power loss takes of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    Everything,
    /// Writes in their order up to one of them, or pages in any order; some of them torn in the middle. Names in their order.
    /// Drawn from this seed.
    Some(u64),
}

/// The disk, mounted. It is gone when this is dropped.
pub struct Disk {
    inner: Arc<Mutex<Inner>>,
    _mounted: Session,
}

/// What the kernel's requests change.
#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) tree: Tree,
    pub(crate) fault: Option<Fault>,
    pub(crate) syncs: u64,
}

impl Disk {
    /// Mounts an empty disk in `folder`, which is there. Needs `/dev/fuse` and the right to mount.
    pub fn mount(folder: &Path) -> io::Result<Disk> {
        let inner = Arc::default();
        let mounted = mount::attach(Arc::clone(&inner), folder)?;
        Ok(Disk { inner, _mounted: mounted })
    }

    /// From now on this is wrong with it; `None`: nothing.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.lock().fault = fault;
    }

    /// How often something was synced.
    pub fn syncs(&self) -> u64 {
        self.lock().syncs
    }

    /// The power goes and comes back; nobody may have a file open. Gives how many changes had not been synced.
    ///
    /// The folder stays mounted: the kernel keeps nothing of this disk, neither bytes nor names, so it sees what is left.
    pub fn lose_power(&self, loss: Loss) -> usize {
        self.lock().tree.lose_power(loss)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
