//! The disk through the kernel, where it can be mounted.

#![expect(clippy::unwrap_used, reason = "an error here is a failed test")]

use faulty_disk::{Disk, Fault, Loss};
use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
};

/// Without `/dev/fuse`, or the right to mount, there is nothing to test.
fn mounted() -> Option<(tempfile::TempDir, Disk)> {
    let folder = tempfile::tempdir().unwrap();
    match Disk::mount(folder.path()) {
        Ok(disk) => Some((folder, disk)),
        Err(error) => {
            eprintln!("nothing was tested: no disk can be mounted here: {error}");
            None
        }
    }
}

#[test]
fn what_is_synced_outlives_the_power() {
    let Some((folder, disk)) = mounted() else { return };
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("data")).unwrap();
    let mut file = File::create(path("data/synced")).unwrap();
    file.write_all(b"first").unwrap();
    file.sync_data().unwrap();
    file.write_all(b", second").unwrap();
    File::open(path("data")).unwrap().sync_all().unwrap();
    File::open(folder.path()).unwrap().sync_all().unwrap();
    fs::write(path("data/unsynced"), "lost").unwrap();
    assert_eq!(fs::read_to_string(path("data/synced")).unwrap(), "first, second");
    drop(file);
    assert!(disk.lose_power(Loss::Everything) >= 2);
    assert_eq!(fs::read_to_string(path("data/synced")).unwrap(), "first");
    assert!(!path("data/unsynced").exists());
    assert_eq!(disk.syncs(), 3);
}

#[test]
fn it_fails_as_it_is_told_to() {
    let Some((folder, disk)) = mounted() else { return };
    let path = folder.path().join("file");
    let mut file = File::create(&path).unwrap();
    disk.set_fault(Some(Fault::Full));
    assert_eq!(file.write(b"no space").unwrap_err().kind(), ErrorKind::StorageFull);
    disk.set_fault(None);
    file.write_all(b"space").unwrap();
    disk.set_fault(Some(Fault::NextSyncFails));
    assert!(file.sync_all().is_err());
    file.sync_all().unwrap();
    disk.set_fault(Some(Fault::CannotRead));
    assert!(fs::read(&path).is_err());
    disk.set_fault(None);
    assert_eq!(fs::read(&path).unwrap(), b"space");
}
