//! What to do next about an error of the operating system.

use std::error::Error;
use std::io::{self, ErrorKind};

/// Advice for the first error of the operating system in a chain of causes.
pub fn hint(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut chain = std::iter::successors(Some(error), |error| (*error).source());
    match chain.find_map(|error| error.downcast_ref::<io::Error>())?.kind() {
        ErrorKind::AddrInUse => {
            Some("another server listens there: stop it, or choose another port with --port (0 is any free one)")
        }
        ErrorKind::PermissionDenied => Some(
            "you have no right to use it: choose another folder with --data-dir, or a port from 1024 on with --port",
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Some("free some space, or choose a folder on another disk with --data-dir; what was acknowledged is kept")
        }
        ErrorKind::ReadOnlyFilesystem | ErrorKind::NotADirectory => {
            Some("choose a folder that can be written with --data-dir")
        }
        ErrorKind::NotFound => Some("check the path; a relative one starts in the folder where you are"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);

    fn check(kind: ErrorKind, part: Option<&str>) {
        let found = hint(&Outer(kind.into()));
        assert_eq!(found.is_some(), part.is_some(), "{kind}: {found:?}");
        assert!(found.unwrap_or_default().contains(part.unwrap_or_default()), "{kind}: {found:?}");
    }

    #[test]
    fn each_error_says_what_to_do() {
        check(ErrorKind::AddrInUse, Some("--port"));
        check(ErrorKind::PermissionDenied, Some("--data-dir"));
        check(ErrorKind::StorageFull, Some("free some space"));
        check(ErrorKind::ReadOnlyFilesystem, Some("--data-dir"));
        check(ErrorKind::NotFound, Some("check the path"));
        check(ErrorKind::Interrupted, None);
    }
}
