//! Why a folder cannot be opened, and why a group failed.

use std::{
    io,
    path::{Path, PathBuf},
};
use store::Keyspace;

/// Why a folder cannot be opened. Tells the operator what to do next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is in use by another process, or a file in it cannot be used.
    #[error(transparent)]
    Folder(#[from] store_folder::Error),
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
        source: Told,
    },
    /// The same, where RocksDB must not see it.
    #[error("`{}` is damaged at byte {at}; it was left as it is: restore the data folder from a backup", file.display())]
    DamagedLog { file: PathBuf, at: u64 },
    /// The same, with the list of tables, which has not all keyspaces.
    #[error(
        "the records in `{}` are damaged: there is no `{keyspace}` any more; nothing was cut off: restore the data folder from a \
         backup",
        folder.display()
    )]
    LostKeyspace { folder: PathBuf, keyspace: String },
    /// RocksDB cannot open its database.
    #[error("cannot open the records in `{}`", folder.display())]
    Records {
        folder: PathBuf,
        #[source]
        source: Told,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let of_folder = store_folder::Error::io(action, path);
        move |source| of_folder(source).into()
    }

    pub(crate) fn records(folder: &Path) -> impl FnOnce(rocksdb::Error) -> Self {
        let folder = folder.into();
        move |source| {
            let is_damage = is_damage(&source);
            let source = Told::from(source);
            if is_damage { Self::Damaged { folder, source } } else { Self::Records { folder, source } }
        }
    }
}

impl From<Error> for store::Error {
    fn from(error: Error) -> Self {
        store::Error::Backend { action: "be opened", source: Box::new(error) }
    }
}

/// What RocksDB tells is text. What the operating system said is found in it again, as it decides what an operator can do.
#[derive(Debug, thiserror::Error)]
#[error("{rocks}")]
pub struct Told {
    pub(crate) rocks: rocksdb::Error,
    #[source]
    system: Option<io::Error>,
}

/// Texts of the operating system.
const SYSTEM: &[(&str, io::ErrorKind)] = &[
    ("No space left on device", io::ErrorKind::StorageFull),
    ("Disk quota exceeded", io::ErrorKind::QuotaExceeded),
    ("Permission denied", io::ErrorKind::PermissionDenied),
    ("Read-only file system", io::ErrorKind::ReadOnlyFilesystem),
];

impl From<rocksdb::Error> for Told {
    fn from(rocks: rocksdb::Error) -> Self {
        let kind = SYSTEM.iter().find(|(text, _)| rocks.as_ref().contains(text)).map(|(_, kind)| *kind);
        Told { rocks, system: kind.map(io::Error::from) }
    }
}

/// Whether RocksDB found something else on the disk than it had written, and not that the disk failed.
pub(crate) fn is_damage(error: &rocksdb::Error) -> bool {
    error.kind() == rocksdb::ErrorKind::Corruption
}

/// A failed read in the words of the contract.
pub(crate) fn read(keyspace: Keyspace, error: rocksdb::Error) -> store::Error {
    let is_damage = is_damage(&error);
    let source = Box::new(Told::from(error));
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
    Rocks(Told),
    /// It was to be written to a keyspace that could not be created.
    #[error("there is no keyspace `{0}`")]
    NoKeyspace(&'static str),
    /// One that was created could not be noted.
    #[error("cannot note a new keyspace")]
    Known(#[source] io::Error),
    /// Who writes has closed the store itself, so this does not happen.
    #[error("the store is closed")]
    Closed,
}

impl From<rocksdb::Error> for Failed {
    fn from(error: rocksdb::Error) -> Self {
        Failed::Rocks(error.into())
    }
}
