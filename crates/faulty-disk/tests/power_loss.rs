//! The disk through the kernel. Where it cannot be mounted nothing can be tested, and a test cannot say so: this program
//! has a `main` of its own, whose output is seen.

#![expect(clippy::unwrap_used, reason = "an error here is a failed test")]

use faulty_disk::{Disk, Fault, Loss, Test, run_tests};
use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::Path,
};

fn main() {
    let tests: [(&str, Test); 2] = [
        ("what is synced outlives the power", what_is_synced_outlives_the_power),
        ("it fails as it is told to", it_fails_as_it_is_told_to),
    ];
    run_tests(&tests).unwrap();
}

fn what_is_synced_outlives_the_power(disk: &Disk, folder: &Path) {
    let path = |name: &str| folder.join(name);
    fs::create_dir(path("data")).unwrap();
    let mut file = File::create(path("data/synced")).unwrap();
    file.write_all(b"first").unwrap();
    file.sync_data().unwrap();
    file.write_all(b", second").unwrap();
    File::open(path("data")).unwrap().sync_all().unwrap();
    File::open(folder).unwrap().sync_all().unwrap();
    fs::write(path("data/unsynced"), "lost").unwrap();
    assert_eq!(fs::read_to_string(path("data/synced")).unwrap(), "first, second");
    drop(file);
    assert!(disk.lose_power(Loss::Everything) >= 2);
    assert_eq!(fs::read_to_string(path("data/synced")).unwrap(), "first");
    assert!(!path("data/unsynced").exists());
    assert_eq!(disk.syncs(), 3);
}

fn it_fails_as_it_is_told_to(disk: &Disk, folder: &Path) {
    let path = folder.join("file");
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
