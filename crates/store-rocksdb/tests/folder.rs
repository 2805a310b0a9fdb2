//! What a folder refuses and survives: two openers, other formats, an interrupted creation, a loss of records.

#![expect(clippy::unwrap_used, reason = "an error here is a failed test")]

use std::{fs, path::Path};
use store::{Batch, Keyspace, Range, Store};
use store_rocksdb::{Error, Options, RocksStore};

const KEYSPACE: Keyspace = Keyspace("records");

fn open(folder: &Path) -> Result<RocksStore, Error> {
    RocksStore::open(folder, &Options::default())
}

fn put(store: &RocksStore, key: &str) {
    let mut batch = Batch::new();
    batch.put(KEYSPACE, key, format!("the value of {key}"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.commit(batch)).unwrap();
}

fn count(store: &RocksStore) -> usize {
    store.scan(KEYSPACE, Range::ALL, usize::MAX).unwrap().len()
}

/// The message of the refusal, with the folder's own path left out.
fn refusal(folder: &Path) -> String {
    let error = open(folder).err().map(|error| error.to_string()).unwrap();
    error.replace(folder.to_str().unwrap(), "FOLDER")
}

#[test]
fn two_openers_do_not_share_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let expected = "`FOLDER` is in use by another process; stop that one or choose another folder";
    assert_eq!(refusal(folder.path()), expected);
    drop(store);
    assert!(open(folder.path()).is_ok());
}

#[test]
fn other_formats_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    let format = folder.path().join("data/format");
    assert_eq!(fs::read_to_string(&format).unwrap(), "rocksdb 1\n");
    // That of `store-fjall`.
    fs::write(&format, "1\n").unwrap();
    let expected = "`FOLDER` has format `1`, and this store reads format `rocksdb 1`; use the version and the store that \
                    wrote it";
    assert_eq!(refusal(folder.path()), expected);
}

#[test]
fn an_interrupted_creation_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("creating/rocksdb")).unwrap();
    fs::write(folder.path().join("creating/rocksdb/CURRENT"), "half a database").unwrap();
    let store = open(folder.path()).unwrap();
    put(&store, "first");
    assert!(!folder.path().join("creating").exists());
}

#[test]
fn lost_records_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    ["a", "b", "c"].iter().for_each(|key| put(&store, key));
    drop(store);
    // A mark that is unreadable, as it can be after a power loss, vouches for nothing.
    let mark = folder.path().join("data/acknowledged");
    assert_eq!(fs::read_to_string(&mark).unwrap(), "00000000000000000003 00000000000000000003\n");
    for unreadable in ["", "5\n", "00000000000000000003 00000000000000000007\n"] {
        fs::write(&mark, unreadable).unwrap();
        assert_eq!(count(&open(folder.path()).unwrap()), 3);
    }

    fs::write(&mark, "5 5\n").unwrap();
    let expected = "`FOLDER` lost data: its records end at group 3, but group 5 was acknowledged; it was left as it is: \
                    restore a backup, or remove `FOLDER/data/acknowledged` to go on without what is lost";
    assert_eq!(refusal(folder.path()), expected);
    fs::remove_file(&mark).unwrap();
    assert_eq!(count(&open(folder.path()).unwrap()), 3);
}
