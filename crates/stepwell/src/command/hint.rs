//! What to do next about an error of the operating system.

use super::serve;
use crate::delivery;
use std::error::Error;
use std::io::{self, ErrorKind};

/// What the error is about: it says which advice helps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Subject {
    /// The address on which a server listens.
    Address,
    /// The folder of its store.
    DataFolder,
    /// A file or folder to write to, which the configuration names.
    Target,
    /// A file that is named on the command line.
    File,
}

/// Advice for the first error of the operating system in a chain of causes.
pub fn hint(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let chain = || std::iter::successors(Some(error), |error| (*error).source());
    let kind = chain().find_map(|error| error.downcast_ref::<io::Error>())?.kind();
    let is_target = chain().any(<dyn Error>::is::<delivery::Error>);
    let otherwise = if is_target { Subject::Target } else { Subject::File };
    let subject = chain().find_map(|error| error.downcast_ref::<serve::Error>()).map_or(otherwise, subject_of);
    advice(kind, subject)
}

fn subject_of(error: &serve::Error) -> Subject {
    match error {
        serve::Error::Listen { .. } => Subject::Address,
        serve::Error::Start { .. } => Subject::DataFolder,
    }
}

fn advice(kind: ErrorKind, subject: Subject) -> Option<&'static str> {
    let advice = match (kind, subject) {
        (ErrorKind::AddrInUse, _) => {
            "another server listens there: stop it, or choose another port with --port (0 is any free one)"
        }
        (ErrorKind::AddrNotAvailable, _) => "this machine has no such address; listen on 127.0.0.1",
        (ErrorKind::PermissionDenied, Subject::Address) => {
            "you have no right to use that port: choose one from 1024 on with --port"
        }
        (ErrorKind::PermissionDenied, Subject::DataFolder) => {
            "you have no right to use it: choose a folder of yours with --data-dir"
        }
        (ErrorKind::PermissionDenied, Subject::Target) => {
            "you have no right to write there: look at its owner and its mode"
        }
        (ErrorKind::AlreadyExists | ErrorKind::NotADirectory, Subject::Target) => "a file stands where a folder should",
        (ErrorKind::NotFound, Subject::Target) => {
            "check the path; a relative one starts in the folder of the configuration file"
        }
        (ErrorKind::PermissionDenied, Subject::File) => "you have no right to read it: look at its owner and its mode",
        (ErrorKind::StorageFull | ErrorKind::QuotaExceeded, _) => {
            "free some space, or choose a folder on another disk with --data-dir; what was acknowledged is kept"
        }
        (ErrorKind::ReadOnlyFilesystem | ErrorKind::NotADirectory, Subject::DataFolder) => {
            "choose a folder that can be written with --data-dir"
        }
        (ErrorKind::IsADirectory, Subject::File | Subject::Target) => "it is a folder; name a file in it",
        (ErrorKind::NotFound | ErrorKind::NotADirectory, _) => {
            "check the path; a relative one starts in the folder where you are"
        }
        _ => return None,
    };
    Some(advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Subject::{Address, DataFolder, File, Target};
    use std::path::PathBuf;

    fn check(kind: ErrorKind, subject: Subject, part: Option<&str>) {
        let found = advice(kind, subject);
        assert_eq!(found.is_some(), part.is_some(), "{kind}, {subject:?}: {found:?}");
        assert!(found.unwrap_or_default().contains(part.unwrap_or_default()), "{kind}, {subject:?}: {found:?}");
    }

    #[test]
    fn each_error_says_what_to_do() {
        check(ErrorKind::AddrInUse, Address, Some("--port"));
        check(ErrorKind::PermissionDenied, Address, Some("--port"));
        check(ErrorKind::PermissionDenied, DataFolder, Some("--data-dir"));
        check(ErrorKind::PermissionDenied, File, Some("its mode"));
        check(ErrorKind::StorageFull, DataFolder, Some("free some space"));
        check(ErrorKind::ReadOnlyFilesystem, DataFolder, Some("--data-dir"));
        check(ErrorKind::IsADirectory, File, Some("it is a folder"));
        check(ErrorKind::IsADirectory, Target, Some("it is a folder"));
        check(ErrorKind::PermissionDenied, Target, Some("to write there"));
        check(ErrorKind::AlreadyExists, Target, Some("a file stands where"));
        check(ErrorKind::NotFound, Target, Some("of the configuration file"));
        check(ErrorKind::NotFound, File, Some("check the path"));
        check(ErrorKind::Interrupted, File, None);
    }

    #[test]
    fn flags_are_named_only_for_what_they_change() {
        for kind in [ErrorKind::PermissionDenied, ErrorKind::NotFound, ErrorKind::NotADirectory] {
            check(kind, File, Some(""));
            assert!(!advice(kind, File).unwrap().contains("--"), "{kind}");
        }
        let listen =
            serve::Error::Listen { address: ([127, 0, 0, 1], 80).into(), source: ErrorKind::PermissionDenied.into() };
        assert_eq!(hint(&listen), advice(ErrorKind::PermissionDenied, Address));
        let read = crate::config::Error::Read { path: PathBuf::from("a"), source: ErrorKind::PermissionDenied.into() };
        assert_eq!(hint(&read), advice(ErrorKind::PermissionDenied, File));
    }
}
