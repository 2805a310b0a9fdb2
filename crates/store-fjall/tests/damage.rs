//! A flipped bit in any file of a folder: everything is found all the same, or the folder is refused by name. More than
//! a bit is refused, and left as it is.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "an error here is a failed test")]

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};
use store::{Keyspace, Range, Store};
use store_fjall::{Error, FjallStore, Options};
use store_trials::damage::{self, Damage, change, files, opened};

const DAMAGE: Damage = Damage { open, records: 300, value_bytes: 200, has_hole: is_journal };
/// Bits that are tried in each file, spread over it.
const PLACES: usize = 5;

fn open(folder: &Path) -> Result<Arc<dyn Store>, String> {
    opened(FjallStore::open(folder, &Options::default()))
}

/// With several tables, and with records that are only in a log.
fn fill(folder: &Path) -> PathBuf {
    let options = Options { memtable_bytes: 16 << 10, ..Options::default() };
    DAMAGE.fill(folder, |folder| Arc::new(FjallStore::open(folder, &options).unwrap()))
}

#[test]
fn a_flipped_bit_is_turned_back_or_refused_by_name() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = fill(temporary.path());
    assert_eq!(DAMAGE.read_copy(&folder, temporary.path(), |_| {}), Ok(DAMAGE.records));
    let mut refused = BTreeMap::<String, usize>::new();
    let mut kinds = BTreeMap::<&str, usize>::new();
    for file in files(&folder) {
        let name = file.strip_prefix(&folder).unwrap().to_owned();
        let used = used(&file);
        *kinds.entry(kind(&name)).or_default() += 1;
        for place in 0..PLACES.min(used) {
            // The first byte and the last are among them.
            let at = place * (used - 1) / (PLACES - 1);
            let flip = |copy: &Path| change(&copy.join(&name), at, |byte| byte ^ (1 << (place % 8)));
            match DAMAGE.read_copy(&folder, temporary.path(), flip) {
                Ok(found) => assert_eq!(found, DAMAGE.records, "{} at {at}", name.display()),
                Err(why) => *refused.entry(why).or_default() += 1,
            }
        }
    }
    for (kind, least) in [("journal", 1), ("table", 4), ("list of tables", 2), ("current", 2)] {
        assert!(kinds.get(kind).is_some_and(|count| *count >= least), "{kind}: {kinds:?}");
    }
    // Only a bit of the format version cannot be told from another version.
    let others = refused.keys().filter(|why| !why.contains("has format"));
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&String>::new());
}

fn kind(file: &Path) -> &'static str {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match name {
        "current" => "current",
        _ if is_journal(file) => "journal",
        _ if file.parent().is_some_and(|parent| parent.ends_with("tables")) => "table",
        _ if name.starts_with('v') && name != "version" => "list of tables",
        _ => "other",
    }
}

fn is_journal(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "jnl")
}

#[test]
fn more_than_a_bit_is_refused_and_left_as_it_is() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = fill(temporary.path());
    for kind_of_file in ["journal", "table", "list of tables"] {
        let file = files(&folder).into_iter().rfind(|file| kind(file) == kind_of_file && is_current(file));
        let name = file.unwrap().strip_prefix(&folder).unwrap().to_owned();
        let at = used(&folder.join(&name)) / 3;
        let destroy = |copy: &Path| (at..at + 3).for_each(|at| change(&copy.join(&name), at, |byte| !byte));
        let why = DAMAGE.read_copy(&folder, temporary.path(), destroy).unwrap_err();
        assert!(why.contains(name.to_str().unwrap()) && why.contains("is damaged at byte"), "{kind_of_file}: {why}");
        let copy = temporary.path().join("copy");
        assert!(matches!(FjallStore::mend(&copy), Err(Error::Damaged { .. })), "{kind_of_file}");
        let mut expected = fs::read(folder.join(&name)).unwrap();
        expected.iter_mut().skip(at).take(3).for_each(|byte| *byte = !*byte);
        assert!(fs::read(copy.join(&name)).unwrap() == expected, "{kind_of_file} was changed");
    }
}

#[test]
fn a_bit_that_flips_under_an_open_store_is_turned_back() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = fill(temporary.path());
    let store = FjallStore::open(&folder, &Options::default()).unwrap();
    let tables: Vec<_> =
        files(&folder).into_iter().filter(|file| kind(file) == "table" && used(file) > 4_000).collect();
    assert!(!tables.is_empty());
    let flip = |file: &PathBuf| {
        let byte = fs::read(file).unwrap().get(1_000).map(|byte| byte ^ 16).unwrap();
        File::options().write(true).open(file).unwrap().write_all_at(&[byte], 1_000).unwrap();
    };
    tables.iter().for_each(flip);
    assert_eq!(store.scan(Keyspace("records"), Range::ALL, usize::MAX).unwrap().len(), DAMAGE.records);
    drop(store);
    assert_eq!(FjallStore::mend(&folder).unwrap(), [], "it was turned back on the disk");
}

/// What is mended is told.
#[test]
fn mended_bits_are_listed() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = fill(temporary.path());
    assert_eq!(FjallStore::mend(&folder).unwrap(), []);
    let file = files(&folder).into_iter().find(|file| kind(file) == "table").unwrap();
    change(&file, 50, |byte| byte ^ 4);
    let mended = FjallStore::mend(&folder).unwrap();
    assert_eq!(mended.iter().map(|mended| (&mended.file, mended.at)).collect::<Vec<_>>(), [(&file, 50)]);
    assert_eq!(FjallStore::mend(&folder).unwrap(), []);
}

/// A list of tables that was replaced may be left over.
fn is_current(file: &Path) -> bool {
    let current = fs::read(file.with_file_name("current")).unwrap_or_default();
    let number = current.first_chunk().map(|number| u64::from_le_bytes(*number));
    kind(file) != "list of tables" || file.ends_with(format!("v{}", number.unwrap_or_default()))
}

fn used(file: &Path) -> usize {
    damage::used(&fs::read(file).unwrap())
}
