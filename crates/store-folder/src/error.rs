//! Why a folder cannot be used, whatever is in it.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Tells the operator what to do next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Two processes never share a folder.
    #[error("`{}` is in use by another process; stop that one or choose another folder", folder.display())]
    Locked { folder: PathBuf },
    /// A file or folder cannot be used.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// That `action` could not be done with the path, from what the operating system says.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.into(), source }
    }
}
