//! What a folder refuses and survives: two openers, other formats, an interrupted creation, a loss of records.

use std::{fs, path::Path, sync::Arc};
use store::Store;
use store_rocksdb::{Options, RocksStore};
use store_trials::{
    damage::opened,
    folder::{self, refusal},
};

fn open(folder: &Path) -> Result<Arc<dyn Store>, String> {
    opened(RocksStore::open(folder, &Options::default()))
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
    assert_eq!(fs::read_to_string(&format).unwrap(), "rocksdb 1\n");
    // That of `store-fjall`.
    fs::write(&format, "1\n").unwrap();
    let expected = "`FOLDER` has format `1`, and this store reads format `rocksdb 1`; use the version and the store that \
                    wrote it";
    assert_eq!(refusal(open, folder.path()), expected);
}

#[test]
fn an_interrupted_creation_is_begun_again() {
    folder::an_interrupted_creation_is_begun_again(open, "rocksdb/CURRENT");
}

#[test]
fn lost_records_are_noticed() {
    let expected = "`FOLDER` lost data: its records end at group 3, but group 5 was acknowledged; it was left as it is: \
                    restore a backup, or remove `FOLDER/data/acknowledged` to go on without what is lost";
    let unreadable = ["", "5\n", "00000000000000000003 00000000000000000007\n"];
    folder::lost_records_are_noticed(open, &unreadable, "5 5\n", expected);
}
