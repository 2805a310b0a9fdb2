//! Why a folder cannot be opened, and why a group failed.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use store::Keyspace;

/// Why a folder cannot be opened. Tells the operator what to do next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Two processes never share a folder.
    #[error("`{}` is in use by another process; stop that one or choose another folder", folder.display())]
    Locked { folder: PathBuf },
    /// The folder was written by another version, or by another store.
    #[error(
        "`{}` has format `{found}`, and this store reads format `{}`; use the version and the store that wrote it",
        folder.display(),
        crate::folder::FORMAT
    )]
    Format { folder: PathBuf, found: String },
    /// The disk, or somebody, took back what had been synced.
    #[error(
        "`{}` lost data: its records end at group {found}, but group {acknowledged} was acknowledged; it was left as it is: \
         restore a backup, or remove `{}` to go on without what is lost",
        folder.display(),
        mark.display()
    )]
    Lost { folder: PathBuf, found: u64, acknowledged: u64, mark: PathBuf },
    /// The disk, or somebody, changed what had been written. RocksDB names the file.
    #[error("the records in `{}` are damaged; they were left as they are: restore the data folder from a backup", folder.display())]
    Damaged {
        folder: PathBuf,
        #[source]
        source: rocksdb::Error,
    },
    /// A file or folder cannot be used.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// RocksDB cannot open its database.
    #[error("cannot open the records in `{}`", folder.display())]
    Records {
        folder: PathBuf,
        #[source]
        source: rocksdb::Error,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.into(), source }
    }

    pub(crate) fn records(folder: &Path) -> impl FnOnce(rocksdb::Error) -> Self {
        let folder = folder.into();
        move |source| {
            if is_damage(&source) { Self::Damaged { folder, source } } else { Self::Records { folder, source } }
        }
    }
}

impl From<Error> for store::Error {
    fn from(error: Error) -> Self {
        store::Error::Backend { action: "be opened", source: Box::new(error) }
    }
}

/// Whether RocksDB found something else on the disk than it had written, and not that the disk failed.
pub(crate) fn is_damage(error: &rocksdb::Error) -> bool {
    error.kind() == rocksdb::ErrorKind::Corruption
}

/// A failed read in the words of the contract.
pub(crate) fn read(keyspace: Keyspace, error: rocksdb::Error) -> store::Error {
    let is_damage = is_damage(&error);
    let source = Box::new(error);
    if is_damage {
        store::Error::Damaged { keyspace: keyspace.0, source }
    } else {
        store::Error::Backend { action: "read", source }
    }
}

/// Why a group failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error(transparent)]
    Rocks(#[from] rocksdb::Error),
    /// It was to be written to a keyspace that could not be created.
    #[error("there is no keyspace `{0}`")]
    NoKeyspace(&'static str),
    /// The commit thread has closed the store itself, so this does not happen.
    #[error("the store is closed")]
    Closed,
}

/// The same failure for each batch of a group.
pub(crate) fn failed_commit(source: &Arc<Failed>) -> store::Error {
    store::Error::Backend { action: "commit", source: Box::new(Arc::clone(source)) }
}

/// The commit thread has panicked, so nothing is known of the batch.
pub(crate) fn no_answer(gone: tokio::sync::oneshot::error::RecvError) -> store::Error {
    store::Error::Backend { action: "commit", source: Box::new(gone) }
}
