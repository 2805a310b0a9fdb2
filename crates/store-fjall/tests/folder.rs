//! What a folder refuses and survives: two openers, other formats, damage, an interrupted creation.

use std::{fs, path::Path, sync::Arc};
use store::{Keyspace, Store};
use store_fjall::{FjallStore, Options};
use store_trials::{
    damage::{Damage, change, opened},
    folder::{self, put, refusal},
};

fn open(folder: &Path) -> Result<Arc<dyn Store>, String> {
    opened(FjallStore::open(folder, &Options::default()))
}

#[test]
fn two_openers_do_not_share_it() {
    folder::two_openers_do_not_share_it(open);
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
    assert_eq!(refusal(open, folder.path()), expected);
}

#[test]
fn a_folder_of_the_format_before_becomes_one_of_this_format() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    put(&*store, "first");
    drop(store);
    let format = folder.path().join("data/format");
    fs::write(&format, "1\n").unwrap();
    assert!(open(folder.path()).unwrap().get(Keyspace("records"), b"first").unwrap().is_some());
    assert_eq!(fs::read_to_string(&format).unwrap(), "2\n");
}

#[test]
fn an_interrupted_creation_is_begun_again() {
    folder::an_interrupted_creation_is_begun_again(open, "fjall/0.jnl");
}

#[test]
fn lost_records_are_noticed() {
    let expected = "`FOLDER` lost data: its records end at group 3, but group 5 was acknowledged; restore a backup, \
                    or remove `FOLDER/data/acknowledged` to go on without what is lost";
    let unreadable = ["", "00000000000000000003 00000000000000000007\n"];
    folder::lost_records_are_noticed(open, &unreadable, "5\n", expected);
}

/// Wherever a byte of the journal changes, by all its bits, either everything is found or the folder is refused. fjall
/// alone takes some of these places for a torn tail and drops what follows (its issue 311).
#[test]
fn a_corrupt_journal_is_noticed() {
    const JOURNAL: &str = "data/fjall/0.jnl";
    let damage = Damage { open, records: 4, value_bytes: 14, has_hole: |_| false };
    let temporary = tempfile::tempdir().unwrap();
    let crashed = damage.fill(temporary.path(), |folder| open(folder).unwrap());
    let journal_bytes = fs::read(crashed.join(JOURNAL)).unwrap().len();
    let mut noticed = 0;
    for at in (0..journal_bytes).step_by(5) {
        match damage.read_copy(&crashed, temporary.path(), |copy| change(&copy.join(JOURNAL), at, |byte| !byte)) {
            Ok(found) => assert_eq!(found, damage.records, "a byte changed at {at}"),
            Err(_) => noticed += 1,
        }
    }
    assert!(noticed > 0, "the journal is where it is looked for");
}
