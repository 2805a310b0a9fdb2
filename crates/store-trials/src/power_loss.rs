//! What a power loss takes from a store is what was never acknowledged, and the folder can be opened again.
//!
//! The disk is `faulty-disk`. Where that cannot be mounted nothing can be tested, and a test cannot say so: its output is
//! seen. `cargo xtask powerloss` does the same to the server, and fails there.

use crate::{Open, wait};
use faulty_disk::{Disk, Fault, Loss};
use std::path::{Path, PathBuf};
use store::{Batch, Keyspace, Store};

const RECORDS: Keyspace = Keyspace("records");
const OTHERS: Keyspace = Keyspace("others");
/// So long that a batch is more than one write, and that no flipped bit is searched where it is torn.
const VALUE_BYTES: usize = 40_000;
const SEEDS: u64 = 30;
/// Where none of those kept a batch whole, or all did, more are tried.
const SEEDS_MAX: u64 = 200;
const NEW_FOLDERS: u64 = 5;

/// A trial, given a disk and where it is.
type Trial = fn(&Disk, &Path, Open);

/// All of it.
///
/// # Panics
/// When the store loses what it has acknowledged, or cannot be opened again.
pub fn run(open: Open) {
    let trials: [(&str, Trial); 4] = [
        ("names of new folders and files are durable", names_are_durable),
        ("a torn tail does not keep a folder closed", a_torn_tail_does_not_keep_a_folder_closed),
        ("what follows a failed sync is durable", what_follows_a_failed_sync_is_durable),
        ("a new folder is there, or is not", a_new_folder_is_there_or_is_not),
    ];
    for (name, trial) in trials {
        faulty_disk::run_test(name, |disk, folder| trial(disk, folder, open)).unwrap();
    }
}

fn data(disk: &Path) -> PathBuf {
    disk.join("new").join("data")
}

fn commit(store: &dyn Store, keyspace: Keyspace, key: &str) -> Result<(), store::Error> {
    let mut batch = Batch::new();
    batch.put(keyspace, key, value(key));
    wait(store.commit(batch))
}

/// Does not compress.
fn value(key: &str) -> Vec<u8> {
    let mut state = key.bytes().fold(1, |state: u64, byte| state * 31 + u64::from(byte));
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..VALUE_BYTES).map(|_| next()).collect()
}

/// Whether a record is there, whole.
fn has(store: &dyn Store, keyspace: Keyspace, key: &str) -> bool {
    let found = store.get(keyspace, key.as_bytes()).unwrap();
    assert!(found.as_ref().is_none_or(|found| *found == value(key)), "{key}");
    found.is_some()
}

fn names_are_durable(disk: &Disk, folder: &Path, open: Open) {
    let store = open(&data(folder));
    commit(&*store, RECORDS, "first").unwrap();
    drop(store);
    disk.lose_power(Loss::Everything);
    let store = open(&data(folder));
    assert!(has(&*store, RECORDS, "first"));
    // A keyspace that is new in a folder that is not.
    commit(&*store, OTHERS, "second").unwrap();
    drop(store);
    disk.lose_power(Loss::Everything);
    assert!(has(&*open(&data(folder)), OTHERS, "second"));
}

/// A store may refuse a folder whose last batch has lost a write in its middle and kept its end. Each seed has a folder of its
/// own: a store that merges tables while the disk lies about syncs cannot be blamed for what becomes of them.
fn a_torn_tail_does_not_keep_a_folder_closed(disk: &Disk, folder: &Path, open: Open) {
    let (mut kept, mut seed) = (0, 0);
    while seed < SEEDS || (kept == 0 || kept == seed) && seed < SEEDS_MAX {
        let folder = data(&folder.join(seed.to_string()));
        commit(&*open(&folder), RECORDS, "synced").unwrap();
        let store = open(&folder);
        disk.set_fault(Some(Fault::IgnoresSync));
        commit(&*store, RECORDS, "unsynced").unwrap();
        drop(store);
        disk.set_fault(None);
        disk.lose_power(Loss::Some(seed));
        // A disk that lies about syncs may keep what was noted as acknowledged, and not what was.
        std::fs::remove_file(folder.join("data/acknowledged")).unwrap_or_default();
        let store = open(&folder);
        assert!(has(&*store, RECORDS, "synced"), "seed {seed}");
        kept += u64::from(has(&*store, RECORDS, "unsynced"));
        seed += 1;
    }
    assert!(0 < kept && kept < seed, "of {seed} batches {kept} were kept: none was torn");
}

/// The page cache shows the batch whose sync failed. If later ones are written behind it, there is a hole that only the
/// next power loss shows.
fn what_follows_a_failed_sync_is_durable(disk: &Disk, folder: &Path, open: Open) {
    let store = open(&data(folder));
    commit(&*store, RECORDS, "before").unwrap();
    disk.set_fault(Some(Fault::NextSyncFails));
    assert!(commit(&*store, RECORDS, "failed").is_err());
    assert!(matches!(store.get(RECORDS, b"before"), Err(store::Error::Poisoned)), "it is closed");
    drop(store);
    let store = open(&data(folder));
    let is_there = has(&*store, RECORDS, "failed");
    commit(&*store, RECORDS, "after").unwrap();
    drop(store);
    disk.lose_power(Loss::Everything);
    let store = open(&data(folder));
    assert!(has(&*store, RECORDS, "before") && has(&*store, RECORDS, "after"));
    assert_eq!(has(&*store, RECORDS, "failed"), is_there, "what was read once stays");
}

fn a_new_folder_is_there_or_is_not(disk: &Disk, folder: &Path, open: Open) {
    for seed in 0..NEW_FOLDERS {
        disk.set_fault(Some(Fault::IgnoresSync));
        drop(open(&folder.join(format!("new {seed}"))));
        disk.set_fault(None);
        disk.lose_power(Loss::Everything);
        drop(open(&folder.join(format!("new {seed}"))));
    }
}
