//! What a folder refuses and survives: two openers, an interrupted creation, a loss of records.

use crate::{TryOpen, wait};
use std::{fs, path::Path};
use store::{Batch, Keyspace, Range, Store};

const KEYSPACE: Keyspace = Keyspace("records");

/// Commits a record.
///
/// # Panics
/// When the store does not.
pub fn put(store: &dyn Store, key: &str) {
    let mut batch = Batch::new();
    batch.put(KEYSPACE, key, format!("the value of {key}"));
    wait(store.commit(batch)).unwrap();
}

/// How many records there are.
///
/// # Panics
/// When they cannot be read.
pub fn count(store: &dyn Store) -> usize {
    store.scan(KEYSPACE, Range::ALL, usize::MAX).unwrap().len()
}

/// The message of the refusal, with the folder's own path left out.
///
/// # Panics
/// When the folder is not refused.
pub fn refusal(open: TryOpen, folder: &Path) -> String {
    open(folder).err().unwrap().replace(folder.to_str().unwrap(), "FOLDER")
}

/// Two processes, or two handles, never have it open.
///
/// # Panics
/// When they have.
pub fn two_openers_do_not_share_it(open: TryOpen) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let expected = "`FOLDER` is in use by another process; stop that one or choose another folder";
    assert_eq!(refusal(open, folder.path()), expected);
    drop(store);
    assert!(open(folder.path()).is_ok());
}

/// `file` is one that a crash may leave half written in the folder that is being created.
///
/// # Panics
/// When that keeps the store from being created, or stays.
pub fn an_interrupted_creation_is_begun_again(open: TryOpen, file: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("creating").join(file);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, "half of it").unwrap();
    let store = open(folder.path()).unwrap();
    put(&*store, "first");
    assert!(!folder.path().join("creating").exists());
}

/// A mark that is `unreadable`, as it can be after a power loss, vouches for nothing; one that is `ahead` of three records has the
/// folder refused in the words that are `expected`.
///
/// # Panics
/// When that is not so.
pub fn lost_records_are_noticed(open: TryOpen, unreadable: &[&str], ahead: &str, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    ["a", "b", "c"].iter().for_each(|key| put(&*store, key));
    drop(store);
    let mark = folder.path().join("data/acknowledged");
    assert_eq!(fs::read_to_string(&mark).unwrap(), "00000000000000000003 00000000000000000003\n");
    for unreadable in unreadable {
        fs::write(&mark, unreadable).unwrap();
        assert_eq!(count(&*open(folder.path()).unwrap()), 3);
    }

    fs::write(&mark, ahead).unwrap();
    assert_eq!(refusal(open, folder.path()), expected);
    fs::remove_file(&mark).unwrap();
    assert_eq!(count(&*open(folder.path()).unwrap()), 3);
}
