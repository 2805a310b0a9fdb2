//! How many files the process may have open, and so how many connections.
//!
//! Each connection is an open file, and so are the parts of the store. A store that cannot open a file because clients
//! have taken them all would fail, so connections get a share only.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Connections get this many of every four files, the store and the functions the rest.
const SHARE_OF_FOUR: u64 = 3;

/// As many connections as are wanted, if the system lets the process have the files for them; otherwise as many as it
/// does. What the process may raise by itself is raised.
pub fn connections(wanted: u32) -> u32 {
    let needed = files_for(wanted);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // `None` is no limit.
    let Some(mut files) = current else { return wanted };
    let raised = needed.min(maximum.unwrap_or(u64::MAX));
    if files < raised && setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }).is_ok() {
        files = raised;
    }
    let fitting = fitting(files).min(wanted);
    if fitting < wanted {
        tracing::warn!(
            open_files_max = files,
            connections_max = fitting,
            "the system allows too few open files for {wanted} connections; raise the limit (`ulimit -n`, LimitNOFILE)"
        );
    }
    fitting
}

fn files_for(connections: u32) -> u64 {
    (u64::from(connections) * 4).div_ceil(SHARE_OF_FOUR)
}

fn fitting(files: u64) -> u32 {
    u32::try_from(files / 4 * SHARE_OF_FOUR).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_the_store() {
        assert_eq!((files_for(3), files_for(4096)), (4, 5462));
        assert_eq!((fitting(1024), fitting(4), fitting(0)), (768, 3, 1));
        assert!(fitting(files_for(4096) + 3) >= 4096);
        assert_eq!(connections(1), 1);
    }
}
