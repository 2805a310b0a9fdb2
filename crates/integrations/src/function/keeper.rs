//! Ends the functions of a server that was killed, and could end nothing itself.
//!
//! One small process, of our own program, is the keeper of all functions of a server. It holds the other end of a pipe,
//! on which it is told of every process group that begins and ends. When the server ends, in whatever way, the pipe
//! breaks, and the keeper kills the groups that are still on its list.
//!
//! What else there is falls short: a runtime client notices only when it asks for work again, and `PR_SET_PDEATHSIG`
//! reaches the process alone and not its children, goes off when the *thread* that started it ends, and has to be set
//! between fork and exec, which is not safe.

use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::HashSet;
use std::io::{BufRead, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

/// The server's end. It starts the process when the first function does.
#[derive(Debug)]
pub(super) struct Keeper {
    /// The program and its arguments. `None`: functions outlive a server that is killed.
    command: Option<Vec<PathBuf>>,
    process: Mutex<Option<Child>>,
}

impl Keeper {
    pub(super) fn new(command: Option<Vec<PathBuf>>) -> Arc<Keeper> {
        Arc::new(Keeper { command, process: Mutex::default() })
    }

    /// Puts a process group on the list, for as long as the watch is held.
    pub(super) fn watch(self: &Arc<Self>, group: Pid) -> Watch {
        self.tell('+', group);
        Watch { keeper: Arc::clone(self), group }
    }

    fn tell(&self, sign: char, group: Pid) {
        let Some((program, arguments)) = self.command.as_ref().and_then(|command| command.split_first()) else {
            return;
        };
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let told = match &mut *process {
            Some(running) => tell(running, sign, group),
            none => start(program, arguments).and_then(|started| tell(none.insert(started), sign, group)),
        };
        if let Err(error) = told {
            tracing::warn!(%error, "the keeper of functions is gone; they will outlive this server if it is killed");
        }
    }
}

/// In a group of its own: what ends the server from a terminal does not reach it.
fn start(program: &PathBuf, arguments: &[PathBuf]) -> std::io::Result<Child> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).process_group(0).spawn()
}

/// A line is shorter than what a pipe takes at once, so this does not wait.
fn tell(keeper: &mut Child, sign: char, group: Pid) -> std::io::Result<()> {
    let pipe = keeper.stdin.as_mut().ok_or(std::io::ErrorKind::BrokenPipe)?;
    pipe.write_all(format!("{sign}{}\n", group.as_raw_nonzero()).as_bytes())
}

/// A process group on the list of the keeper.
#[derive(Debug)]
pub(super) struct Watch {
    keeper: Arc<Keeper>,
    group: Pid,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.keeper.tell('-', self.group);
    }
}

/// What the keeper does: reads `+GROUP` and `-GROUP` until the server ends, then kills what is left.
pub fn keep_functions(server: impl BufRead) {
    let mut groups = HashSet::new();
    for line in server.lines().map_while(Result::ok) {
        let group = |digits: &str| digits.parse().ok().and_then(Pid::from_raw);
        match line.split_at_checked(1) {
            Some(("+", digits)) => groups.extend(group(digits)),
            Some(("-", digits)) => drop(group(digits).map(|group| groups.remove(&group))),
            _ => {}
        }
    }
    for group in groups {
        // One that has ended meanwhile needs no killing.
        let _ = kill_process_group(group, Signal::KILL);
    }
}
