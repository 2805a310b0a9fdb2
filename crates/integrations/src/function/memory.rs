//! The memory that a function uses, against what it may use.
//!
//! The resident memory of the process and its children is looked at a few times a second, and a function that uses more
//! than its `memory_mb` is ended, as in Lambda. The limits that the kernel would enforce by itself do not measure this:
//! `RLIMIT_AS` and `RLIMIT_DATA` count addresses that are reserved and never used, of which the runtimes of Node, Java
//! and Go take gigabytes, and control groups need rights that a server seldom has. The price: a burst between two looks
//! is seen late. Where there is no `/proc` (outside of Linux) nothing is enforced.

use rustix::process::Pid;
use std::fs;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Between two looks, also of invocations that are shorter: a look costs as much as a short one.
const EVERY: Duration = Duration::from_millis(100);
/// Processes of one function that are looked at: a bound for forks without end.
const PROCESSES_MAX: usize = 256;

/// The memory of a process and its children.
pub(super) struct Memory {
    process: Option<Pid>,
    bytes_max: u64,
    next_look: Instant,
}

impl Memory {
    pub(super) fn new(process: Option<Pid>, megabytes: u64) -> Memory {
        Memory { process, bytes_max: megabytes.saturating_mul(1024 * 1024), next_look: Instant::now() }
    }

    /// Ready when it is more than it may be.
    pub(super) async fn exceeded(&mut self) {
        let Some(process) = self.process else { return std::future::pending().await };
        loop {
            sleep_until(self.next_look).await;
            self.next_look = Instant::now() + EVERY;
            if resident_bytes(process) > self.bytes_max {
                return;
            }
        }
    }
}

fn resident_bytes(process: Pid) -> u64 {
    let mut found = vec![process.as_raw_nonzero().to_string()];
    let mut next = 0;
    let mut bytes: u64 = 0;
    while let Some(id) = found.get(next).cloned().filter(|_| next < PROCESSES_MAX) {
        bytes = bytes.saturating_add(resident_of(&id).unwrap_or(0));
        found.extend(children_of(&id));
        next += 1;
    }
    bytes
}

/// The children that any of its threads has started: the system lists them by thread.
fn children_of(id: &str) -> Vec<String> {
    let Ok(threads) = fs::read_dir(format!("/proc/{id}/task")) else { return Vec::new() };
    let children = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("children")).unwrap_or_default();
    threads
        .flatten()
        .flat_map(|thread| children(thread).split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// The line is like `VmRSS:  12345 kB`.
fn resident_of(id: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn this_process_uses_more_than_nothing() {
        let this = Some(rustix::process::getpid());
        assert!(resident_bytes(rustix::process::getpid()) > 1024 * 1024);
        Memory::new(this, 0).exceeded().await;
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn children_of_all_threads_are_found() {
        let (started, child) = std::sync::mpsc::channel();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
            started.send(child.id()).unwrap();
            // A thread that ends leaves its children to another one.
            let _ = stopped.recv();
            child.kill().unwrap();
            child.wait().unwrap();
        });
        let child = child.recv().unwrap().to_string();
        let this = std::process::id().to_string();
        assert!(children_of(&this).contains(&child));
        assert!(!fs::read_to_string(format!("/proc/{this}/task/{this}/children")).unwrap().contains(&child));
        drop(stop);
        thread.join().unwrap();
    }
}
