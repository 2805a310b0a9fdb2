//! Why a folder cannot be opened.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use store::Keyspace;

/// Why a folder cannot be opened. Tells the operator what to do next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is in use by another process, or a file in it cannot be used.
    #[error(transparent)]
    Folder(#[from] store_folder::Error),
    /// The folder was written by another version.
    #[error(
        "`{}` has format `{found}`, and this version reads format `{}`; use the version and the store that wrote it",
        folder.display(),
        crate::folder::FORMAT
    )]
    Format { folder: PathBuf, found: String },
    /// The disk, or somebody, took back what had been synced.
    #[error(
        "`{}` lost data: its records end at group {found}, but group {acknowledged} was acknowledged; restore a backup, \
         or remove `{}` to go on without what is lost",
        folder.display(),
        mark.display()
    )]
    Lost { folder: PathBuf, found: u64, acknowledged: u64, mark: PathBuf },
    /// The disk, or somebody, changed what had been written, by more than a bit that can be turned back.
    #[error("`{}` is damaged at byte {at}; it was left as it is: restore the data folder from a backup", file.display())]
    Damaged { file: PathBuf, at: u64 },
    /// fjall cannot open its database.
    #[error("cannot open the records in `{}`", folder.display())]
    Records {
        folder: PathBuf,
        #[source]
        source: fjall::Error,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let of_folder = store_folder::Error::io(action, path);
        move |source| of_folder(source).into()
    }

    pub(crate) fn records(folder: &Path) -> impl FnOnce(fjall::Error) -> Self {
        move |source| match source {
            // Its own lock, inside the folder.
            fjall::Error::Locked => store_folder::Error::Locked { folder: folder.into() }.into(),
            source => Self::Records { folder: folder.into(), source },
        }
    }
}

impl From<Error> for store::Error {
    fn from(error: Error) -> Self {
        store::Error::Backend { action: "be opened", source: Box::new(error) }
    }
}

/// A failure of fjall in the words of the contract.
pub(crate) fn backend(action: &'static str) -> impl FnOnce(fjall::Error) -> store::Error {
    move |source| store::Error::Backend { action, source: Box::new(source) }
}

/// Why damage could not be mended, in the words of the contract.
pub(crate) fn not_mended(keyspace: Keyspace, why: Arc<Error>) -> store::Error {
    match *why {
        Error::Damaged { .. } => store::Error::Damaged { keyspace: keyspace.0, source: Box::new(why) },
        _ => store::Error::Backend { action: "read", source: Box::new(why) },
    }
}

/// Whether fjall found something else on the disk than it had written, and not that the disk failed.
pub(crate) fn is_damage(error: &fjall::Error) -> bool {
    let is_io = |error: &dyn std::error::Error| error.source().is_some_and(<dyn std::error::Error>::is::<io::Error>);
    matches!(error, fjall::Error::Storage(inner) if !is_io(inner))
}
