//! Changed bytes in any file of a folder: everything is found all the same, or what cannot be read is refused. Nothing is
//! lost without a word, and a folder that is refused is as it was. Most flipped bits are turned back.

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "an error here is a failed test")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use store::{Batch, Keyspace, Range, Store};
use store_rocksdb::{Options, RocksStore};

const KEYSPACE: Keyspace = Keyspace("records");
const RECORDS: usize = 600;
/// Places that are tried in each file, spread over it.
const PLACES: usize = 24;

/// A folder as a kill leaves it, with several tables and with records that are only in a log.
fn fill(folder: &Path) -> PathBuf {
    let (filled, killed) = (folder.join("filled"), folder.join("killed"));
    let options = Options { memtable_bytes: 64 << 10, ..Options::default() };
    let store = RocksStore::open(&filled, &options).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for number in 0..RECORDS {
        let mut batch = Batch::new();
        batch.put(KEYSPACE, format!("{number:06}"), value(number));
        runtime.block_on(store.commit(batch)).unwrap();
    }
    copy_folder(&filled, &killed);
    killed
}

/// Does not compress.
fn value(number: usize) -> Vec<u8> {
    let mut state = number as u64 + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..300).map(|_| next()).collect()
}

/// Opens a folder and reads everything in it; how many records are as they were written.
fn read(folder: &Path) -> Result<usize, String> {
    let store = RocksStore::open(folder, &Options::default()).map_err(|error| told(&error))?;
    let found = store.scan(KEYSPACE, Range::ALL, usize::MAX).map_err(|error| told(&error))?;
    let right =
        |(at, record): (usize, &store::Record)| record.0 == format!("{at:06}").into_bytes() && record.1 == value(at);
    Ok(found.iter().enumerate().filter(|found| right(*found)).count())
}

/// An error with its causes.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Gives for each kind of file how often everything was found, and how often it was refused.
fn check(change_byte: impl Fn(u8, usize) -> u8) -> BTreeMap<&'static str, (usize, usize)> {
    let temporary = tempfile::tempdir().unwrap();
    let folder = fill(temporary.path());
    assert_eq!(read_copy(&folder, temporary.path(), |_| {}), Ok(RECORDS));
    let mut kinds = BTreeMap::<&str, (usize, usize)>::new();
    for file in files(&folder) {
        let name = file.strip_prefix(&folder).unwrap().to_owned();
        let length = fs::read(&file).unwrap().len();
        for place in 0..PLACES.min(length) {
            // The first byte and the last are among them.
            let at = place * (length - 1) / (PLACES - 1).min(length.max(2) - 1);
            let change = |copy: &Path| change(&copy.join(&name), at.min(length - 1), |byte| change_byte(byte, place));
            let (found, refused) = kinds.entry(kind(&name)).or_default();
            match read_copy(&folder, temporary.path(), change) {
                Ok(all) => {
                    assert_eq!(all, RECORDS, "{} at {at}", name.display());
                    *found += 1;
                }
                Err(why) => {
                    let says = ["damaged", "lost data", "has format", "cannot open the records"];
                    assert!(says.iter().any(|says| why.contains(says)), "{} at {at}: {why}", name.display());
                    *refused += 1;
                }
            }
        }
    }
    kinds
}

#[test]
fn a_flipped_bit_is_never_a_silent_loss() {
    let kinds = check(|byte, place| byte ^ (1 << (place % 8)));
    for kind in ["log", "list of tables"] {
        assert!(matches!(kinds.get(kind), Some((1.., 0))), "{kind} are mended: {kinds:?}");
    }
    // Their last bytes, which say where in them all else is, have no checksum.
    assert!(kinds.get("table").is_some_and(|(found, refused)| found > refused), "tables are mended: {kinds:?}");
}

#[test]
fn a_changed_byte_is_never_a_silent_loss() {
    let kinds = check(|byte, _| !byte);
    for kind in ["log", "table", "list of tables", "current"] {
        assert!(kinds.get(kind).is_some_and(|(_, refused)| *refused > 0), "{kind}: {kinds:?}");
    }
}

/// RocksDB alone would cut the log off there, and go on.
#[test]
fn a_folder_with_a_damaged_log_is_left_as_it_is() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = fill(temporary.path());
    let log = files(&folder).into_iter().rfind(|file| kind(file) == "log").unwrap();
    let name = log.strip_prefix(&folder).unwrap().to_owned();
    let why = read_copy(&folder, temporary.path(), |copy| change(&copy.join(&name), 400, |byte| !byte)).unwrap_err();
    assert!(why.contains("lost data"), "{why}");
    let copy = temporary.path().join("copy");
    change(&copy.join(&name), 400, |byte| !byte);
    assert_eq!(read(&copy), Ok(RECORDS), "with the byte put right everything is there");
}

fn kind(file: &Path) -> &'static str {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("log") => "log",
        Some("sst") => "table",
        _ if name.starts_with("MANIFEST") => "list of tables",
        _ if name == "CURRENT" => "current",
        _ => "other",
    }
}

/// Reads a copy of a folder that was changed.
fn read_copy(folder: &Path, temporary: &Path, change: impl FnOnce(&Path)) -> Result<usize, String> {
    let copy = temporary.join("copy");
    if copy.exists() {
        fs::remove_dir_all(&copy).unwrap();
    }
    copy_folder(folder, &copy);
    change(&copy);
    read(&copy)
}

fn change(file: &Path, at: usize, change: impl Fn(u8) -> u8) {
    let mut bytes = fs::read(file).unwrap();
    match bytes.get_mut(at) {
        Some(byte) => *byte = change(*byte),
        None => panic!("{} has no byte {at}", file.display()),
    }
    fs::write(file, bytes).unwrap();
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { found.extend(files(&entry)) } else { found.push(entry) }
    }
    found.sort();
    found
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
