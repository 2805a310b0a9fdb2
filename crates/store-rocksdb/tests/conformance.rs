//! The suite of the contract, with memtables as they are and so small that most records go through tables.

#![expect(clippy::unwrap_used, reason = "an error here is a failed test")]

use std::sync::Arc;
use store_rocksdb::{Options, RocksStore};

fn check(options: &Options) {
    let folder = tempfile::tempdir().unwrap();
    store::conformance::check(|| Arc::new(RocksStore::open(folder.path(), options).unwrap()));
}

#[test]
fn it_conforms() {
    check(&Options::default());
}

#[test]
fn it_conforms_with_tiny_memtables_and_groups() {
    check(&Options { memtable_bytes: 64 << 10, group_bytes_max: 1, ..Options::default() });
}
