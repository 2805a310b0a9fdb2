//! What a folder refuses and survives: two openers, other formats, damage, an interrupted creation.

#![expect(clippy::unwrap_used, reason = "an error here is a failed test")]

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
};
use store::{Batch, Keyspace, Range, Store};
use store_fjall::{Error, FjallStore, Options};

const KEYSPACE: Keyspace = Keyspace("records");

fn open(folder: &Path) -> Result<FjallStore, Error> {
    FjallStore::open(folder, &Options::default())
}

fn put(store: &FjallStore, key: &str) {
    let mut batch = Batch::new();
    batch.put(KEYSPACE, key, format!("the value of {key}"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.commit(batch)).unwrap();
}

fn count(store: &FjallStore) -> usize {
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
    assert_eq!(fs::read_to_string(&format).unwrap(), "2\n");
    fs::write(&format, "3\n").unwrap();
    let expected =
        "`FOLDER` has format `3`, and this version reads format `2`; use the version and the store that wrote it";
    assert_eq!(refusal(folder.path()), expected);
}

#[test]
fn a_folder_of_the_format_before_becomes_one_of_this_format() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    put(&store, "first");
    drop(store);
    let format = folder.path().join("data/format");
    fs::write(&format, "1\n").unwrap();
    assert!(open(folder.path()).unwrap().get(KEYSPACE, b"first").unwrap().is_some());
    assert_eq!(fs::read_to_string(&format).unwrap(), "2\n");
}

#[test]
fn an_interrupted_creation_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("creating/fjall")).unwrap();
    fs::write(folder.path().join("creating/fjall/0.jnl"), "half a journal").unwrap();
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
    for unreadable in ["", "00000000000000000003 00000000000000000007\n"] {
        fs::write(&mark, unreadable).unwrap();
        assert_eq!(count(&open(folder.path()).unwrap()), 3);
    }

    fs::write(&mark, "5\n").unwrap();
    let expected = "`FOLDER` lost data: its records end at group 3, but group 5 was acknowledged; restore a backup, \
                    or remove `FOLDER/data/acknowledged` to go on without what is lost";
    assert_eq!(refusal(folder.path()), expected);
    fs::remove_file(&mark).unwrap();
    assert_eq!(count(&open(folder.path()).unwrap()), 3);
}

/// Wherever a byte of the journal changes, by all its bits, either everything is found or the folder is refused. fjall
/// alone takes some of these places for a torn tail and drops what follows (its issue 311).
#[test]
fn a_corrupt_journal_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let keys = ["a", "b", "c", "d"];
    keys.iter().for_each(|key| put(&store, key));
    let journal_bytes = fs::metadata(folder.path().join("data/fjall/0.jnl")).unwrap().len();
    // Copied while it is open, as a crash would leave it.
    let crashed = tempfile::tempdir().unwrap();
    let mut noticed = 0;
    for at in (0..journal_bytes).step_by(5) {
        let copy = crashed.path().join(at.to_string());
        copy_folder(folder.path(), &copy);
        flip_byte(&copy.join("data/fjall/0.jnl"), at);
        match open(&copy) {
            Ok(store) => assert_eq!(count(&store), keys.len(), "a byte changed at {at}"),
            Err(_) => noticed += 1,
        }
    }
    assert!(noticed > 0, "the journal is where it is looked for");
}

fn flip_byte(path: &Path, at: u64) {
    let mut file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(at)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[!byte[0]]).unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let copy = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &copy);
        } else {
            fs::copy(entry.path(), copy).unwrap();
        }
    }
}
