//! Changed bytes in any file of a folder: everything is found all the same, or what cannot be read is refused. Nothing is
//! lost without a word, and a folder that is refused is as it was. Most flipped bits are turned back.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "an error here is a failed test")]

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};
use store::Store;
use store_rocksdb::{Options, RocksStore};
use store_trials::damage::{Damage, change, files, opened};

const DAMAGE: Damage = Damage { open, records: 600, value_bytes: 300, has_hole: |_| false };
/// Places that are tried in each file, spread over it.
const PLACES: usize = 24;

fn open(folder: &Path) -> Result<Arc<dyn Store>, String> {
    opened(RocksStore::open(folder, &Options::default()))
}

/// With several tables, and with records that are only in a log.
fn fill(folder: &Path) -> PathBuf {
    let options = Options { memtable_bytes: 64 << 10, ..Options::default() };
    DAMAGE.fill(folder, |folder| Arc::new(RocksStore::open(folder, &options).unwrap()))
}

/// Gives for each kind of file how often everything was found, and how often it was refused.
fn check(change_byte: impl Fn(u8, usize) -> u8) -> BTreeMap<&'static str, (usize, usize)> {
    let temporary = tempfile::tempdir().unwrap();
    let folder = fill(temporary.path());
    assert_eq!(DAMAGE.read_copy(&folder, temporary.path(), |_| {}), Ok(DAMAGE.records));
    let mut kinds = BTreeMap::<&str, (usize, usize)>::new();
    for file in files(&folder) {
        let name = file.strip_prefix(&folder).unwrap().to_owned();
        let length = fs::read(&file).unwrap().len();
        for place in 0..PLACES.min(length) {
            // The first byte and the last are among them.
            let at = place * (length - 1) / (PLACES - 1).min(length.max(2) - 1);
            let change = |copy: &Path| change(&copy.join(&name), at.min(length - 1), |byte| change_byte(byte, place));
            let (found, refused) = kinds.entry(kind(&name)).or_default();
            match DAMAGE.read_copy(&folder, temporary.path(), change) {
                Ok(all) => {
                    assert_eq!(all, DAMAGE.records, "{} at {at}", name.display());
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

/// RocksDB alone would take it for a list that ends there, and pass over what its logs have for a keyspace that is not listed.
#[test]
fn a_list_of_tables_that_is_cut_off_is_never_a_silent_loss() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = fill(temporary.path());
    let list = files(&folder).into_iter().find(|file| kind(file) == "list of tables").unwrap();
    let name = list.strip_prefix(&folder).unwrap().to_owned();
    let (mut found, mut refused, mut lost_keyspaces) = (0, 0, 0);
    for end in ends_of_changes(&fs::read(&list).unwrap()) {
        let cut_off = |copy: &Path| File::options().write(true).open(copy.join(&name)).unwrap().set_len(end).unwrap();
        match DAMAGE.read_copy(&folder, temporary.path(), |copy| cut_off(copy)) {
            Ok(all) => {
                assert_eq!(all, DAMAGE.records, "cut off at {end}");
                found += 1;
            }
            Err(why) => {
                fs::copy(&list, temporary.path().join("copy").join(&name)).unwrap();
                assert_eq!(
                    DAMAGE.read(&temporary.path().join("copy")),
                    Ok(DAMAGE.records),
                    "refused and changed: {why}"
                );
                refused += 1;
                lost_keyspaces += usize::from(why.contains("there is no `records` any more"));
            }
        }
    }
    assert!(refused > 2 && found >= 1, "{refused} refused, {found} found");
    assert!(lost_keyspaces > 0, "nothing but the keyspace was lost");
}

/// Where each change ends, in a list that is shorter than one of its blocks. A half more is torn.
fn ends_of_changes(list: &[u8]) -> Vec<u64> {
    let mut ends = vec![];
    let mut end = 0;
    while let Some(&[low, high]) = list.get(end + 4..).and_then(|rest| rest.first_chunk()) {
        ends.push(end);
        end += 7 + usize::from(u16::from_le_bytes([low, high]));
    }
    ends.iter().flat_map(|end| [*end as u64, *end as u64 + 9]).filter(|end| *end <= list.len() as u64).collect()
}

/// RocksDB alone would cut the log off there, and go on.
#[test]
fn a_folder_with_a_damaged_log_is_left_as_it_is() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = fill(temporary.path());
    let log = files(&folder).into_iter().rfind(|file| kind(file) == "log").unwrap();
    let name = log.strip_prefix(&folder).unwrap().to_owned();
    let why =
        DAMAGE.read_copy(&folder, temporary.path(), |copy| change(&copy.join(&name), 400, |byte| !byte)).unwrap_err();
    assert!(why.contains("lost data"), "{why}");
    let copy = temporary.path().join("copy");
    change(&copy.join(&name), 400, |byte| !byte);
    assert_eq!(DAMAGE.read(&copy), Ok(DAMAGE.records), "with the byte put right everything is there");
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
