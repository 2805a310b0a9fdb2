//! What `stepwell fsck` says of a folder in which something was changed.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use harness::{Launch, Server};
use serde_json::json;
use std::path::Path;
use std::process::Command;

const BINARY: &str = env!("CARGO_BIN_EXE_stepwell");

/// Its exit code, and what it prints, with the folder's own path left out.
fn fsck(folder: &Path) -> (Option<i32>, String) {
    let checked = Command::new(BINARY).arg("fsck").arg(folder).output().unwrap();
    let printed = [checked.stdout, checked.stderr].concat();
    let printed = String::from_utf8(printed).unwrap().replace(folder.to_str().unwrap(), "FOLDER");
    (checked.status.code(), printed)
}

fn change(file: &Path, at: usize, change: impl Fn(u8) -> u8) {
    let mut bytes = std::fs::read(file).unwrap();
    let byte = bytes.get_mut(at).unwrap();
    *byte = change(*byte);
    std::fs::write(file, bytes).unwrap();
}

#[tokio::test]
async fn a_flipped_bit_is_turned_back_and_worse_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let launch = Launch { data_dir: Some(data_dir.clone()), ..Launch::default() };
    let mut server = Server::stopped(Path::new(BINARY), launch).unwrap();
    server.restart().await.unwrap();
    for number in 0..3 {
        server.client().call("CreateActivity", json!({ "name": format!("activity-{number}") })).await.unwrap();
    }
    server.kill();
    let (code, printed) = fsck(&data_dir);
    assert_eq!((code, printed.lines().count()), (Some(0), 1), "{printed}");

    let journal = data_dir.join("data/fjall/0.jnl");
    change(&journal, 60, |byte| byte ^ 8);
    let (code, printed) = fsck(&data_dir);
    let mended =
        "mended in `FOLDER/data/fjall/0.jnl` at byte 60: a bit had flipped, and was turned back; look at the disk";
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.lines().any(|line| line == mended), "{printed}");
    assert_eq!(fsck(&data_dir).0, Some(0), "the folder is whole again");

    change(&journal, 60, |byte| !byte);
    let (code, printed) = fsck(&data_dir);
    assert_eq!(code, Some(2), "{printed}");
    assert!(printed.contains("`FOLDER/data/fjall/0.jnl` is damaged at byte 0"), "{printed}");
}
