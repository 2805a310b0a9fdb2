//! What is acknowledged stays: processes that are killed while they commit, and a disk that fills up.

use crate::{Open, wait};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};
use store::{Batch, Error, Keyspace, Range, Store};

const RECORDS: Keyspace = Keyspace("records");
const COUNT: Keyspace = Keyspace("count");

/// Opened again after each kill: recovery after recovery must lose nothing either.
const KILLS: u64 = 8;
const ACKNOWLEDGED_BEFORE_KILL: usize = 60;

/// All of it. `open` opens a store that writes tables often, so that logs are dropped between the kills; `open_large` one
/// that writes none, so that it is its log that meets a limit.
///
/// # Panics
/// When the store loses what it has acknowledged, or cannot be opened again.
pub fn run(open: Open, open_large: Open) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["commit-for-ever", folder] => commit_for_ever(folder.as_ref(), open),
        ["fill-the-disk", folder] => fill_the_disk(folder.as_ref(), open_large),
        _ => {
            killed_processes_lose_nothing(open);
            a_full_disk_closes_the_store(open);
        }
    }
}

fn last(store: &dyn Store) -> u64 {
    let stored = store.get(COUNT, b"last").unwrap();
    stored.map_or(0, |text| std::str::from_utf8(&text).unwrap().parse().unwrap())
}

/// Record n and the count n, with a value that is easy to check.
fn batch(n: u64) -> Batch {
    let mut batch = Batch::new();
    batch.put(RECORDS, n.to_be_bytes(), value(n)).put(COUNT, "last", n.to_string());
    batch
}

fn value(n: u64) -> Vec<u8> {
    n.to_string().into_bytes().repeat(usize::try_from(n % 400).unwrap())
}

/// The child: keeps several commits in flight and prints the number of each that is acknowledged.
fn commit_for_ever(folder: &Path, open: Open) {
    let store = open(folder);
    let mut in_flight = std::collections::VecDeque::new();
    for n in last(&*store) + 1.. {
        // Now and then it has nothing else to do.
        let (is_idle, in_flight_max) = if n % 50 < 10 { (true, 0) } else { (false, 5) };
        in_flight.push_back((n, if is_idle { store.commit_here(batch(n)) } else { store.commit(batch(n)) }));
        while in_flight.len() > in_flight_max {
            let (acknowledged, outcome) = in_flight.pop_front().unwrap();
            wait(outcome).unwrap();
            println!("{acknowledged}");
        }
    }
}

fn killed_processes_lose_nothing(open: Open) {
    let folder = tempfile::tempdir().unwrap();
    for kill in 1..=KILLS {
        let mut child = start("commit-for-ever", folder.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut acknowledged: u64 = lines.nth(ACKNOWLEDGED_BEFORE_KILL).expect("the child commits").parse().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        // What it still printed counts as well; the kill may have cut the last line short.
        for line in lines {
            acknowledged = acknowledged.max(line.parse().unwrap_or(0));
        }

        let store = open(folder.path());
        let last = last(&*store);
        assert!(last >= acknowledged, "kill {kill}: {acknowledged} was acknowledged, {last} is the last one found");
        let found = store.scan(RECORDS, Range::ALL, usize::MAX).unwrap();
        let expected: Vec<_> = (1..=last).map(|n| (n.to_be_bytes().to_vec(), value(n))).collect();
        assert!(found == expected, "kill {kill}: each record up to {last} is there, whole, and no other");
    }
    println!("killed processes lose nothing ... ok");
}

/// The child: its files cannot grow past a limit, so that a commit fails in the end.
fn fill_the_disk(folder: &Path, open: Open) {
    let store = open(folder);
    let put = |n: u64| {
        let mut batch = Batch::new();
        batch.put(RECORDS, n.to_be_bytes(), noise(n)).put(COUNT, "last", n.to_string());
        if n.is_multiple_of(2) { store.commit_here(batch) } else { store.commit(batch) }
    };
    let (failed, error) = (1_u64..).find_map(|n| Some((n, wait(put(n)).err()?))).unwrap();
    assert!(matches!(error, Error::Backend { action: "commit", .. }), "{error}");
    assert!(matches!(wait(put(failed + 1)), Err(Error::Poisoned)));
    assert!(matches!(store.get(COUNT, b"last"), Err(Error::Poisoned)));
    assert!(matches!(store.scan(RECORDS, Range::ALL, 1), Err(Error::Poisoned)));

    // The old handle is still there, and the folder is free all the same.
    let again = open(folder);
    let found = again.scan(RECORDS, Range::ALL, usize::MAX).unwrap().len() as u64;
    assert_eq!(found, last(&*again), "the batches are whole");
    assert!(found + 1 == failed || found == failed, "{found} found, commit {failed} failed");
    println!("{found}");
}

/// A mebibyte that cannot be compressed (xorshift): the journal would grow a hundred times slower.
fn noise(seed: u64) -> Vec<u8> {
    let next = |state: &u64| {
        let state = state ^ (state << 13);
        let state = state ^ (state >> 7);
        Some(state ^ (state << 17))
    };
    std::iter::successors(Some(seed), next).take(1 << 17).flat_map(u64::to_le_bytes).collect()
}

fn a_full_disk_closes_the_store(open: Open) {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start_with_limit("fill-the-disk", folder.path());
    assert!(child.wait().unwrap().success());
    let found = BufReader::new(child.stdout.take().unwrap()).lines().last().unwrap().unwrap();

    // With space again it goes on.
    let store = open(folder.path());
    let found: u64 = found.parse().unwrap();
    assert_eq!(last(&*store), found);
    wait(store.commit(batch(found + 1))).unwrap();
    assert_eq!(last(&*store), found + 1);
    println!("a full disk closes the store ... ok");
}

fn start(what: &str, folder: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(what).arg(folder).stdout(Stdio::piped()).spawn().unwrap()
}

/// No file may grow past 64 MiB: a journal of fjall is created so long, and RocksDB begins another log about there. The
/// signal is ignored, so that the write fails instead.
fn start_with_limit(what: &str, folder: &Path) -> Child {
    let mut command = Command::new("bash");
    command.args(["-c", "trap '' XFSZ; ulimit -f 65536; exec \"$0\" \"$@\""]);
    command.arg(std::env::current_exe().unwrap()).arg(what).arg(folder);
    command.stdout(Stdio::piped()).spawn().unwrap()
}
