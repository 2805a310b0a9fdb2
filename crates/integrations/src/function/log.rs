//! What functions write: passed on to the server's log under the function's name, and the tail of one invocation.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, oneshot};

/// A longer line is cut into lines.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// What `LogType: Tail` shows: Lambda's last 4 KB.
const TAIL_BYTES_MAX: usize = 4 * 1024;

/// The log of one process: knows for which request it writes.
#[derive(Debug)]
pub(super) struct ProcessLog {
    /// The name of the function.
    function: String,
    current: Mutex<Current>,
}

#[derive(Debug, Default)]
struct Current {
    request_id: String,
    tail: VecDeque<u8>,
}

impl ProcessLog {
    pub(super) fn new(function: &str) -> ProcessLog {
        ProcessLog { function: function.to_owned(), current: Mutex::default() }
    }

    /// What is written from now on belongs to this request.
    /// The output of a cold start stays in the tail of the first one.
    pub(super) fn begin(&self, request_id: &str) {
        let mut current = lock(&self.current);
        if !current.request_id.is_empty() {
            current.tail.clear();
        }
        request_id.clone_into(&mut current.request_id);
    }

    /// A line of the function, or one that says how it ended.
    pub(super) fn push(&self, line: &str) {
        let current = self.append(line);
        tracing::info!(target: "function", function = self.function, request_id = current.request_id, "{}", shown(line));
    }

    /// A line that Lambda writes around each invocation, whatever comes of it. The server's log has it where it is asked for
    /// more: written out, the three of them cost a sixth of a call.
    pub(super) fn frame(&self, line: &str) {
        let current = self.append(line);
        tracing::debug!(target: "function", function = self.function, request_id = current.request_id, "{line}");
    }

    fn append(&self, line: &str) -> MutexGuard<'_, Current> {
        let mut current = lock(&self.current);
        current.tail.extend(line.bytes().chain([b'\n']));
        let surplus = current.tail.len().saturating_sub(TAIL_BYTES_MAX);
        current.tail.drain(..surplus);
        current
    }

    /// The last 4 KB of the request.
    pub(super) fn tail(&self) -> Vec<u8> {
        lock(&self.current).tail.iter().copied().collect()
    }
}

/// What a terminal or a reader of lines would obey is written out: the formatter leaves some of it as it is.
pub(super) fn shown(line: &str) -> Cow<'_, str> {
    let is_control = |c: char| c.is_control() && c != '\t';
    if !line.contains(is_control) {
        return line.into();
    }
    let mut shown = String::with_capacity(line.len() + 16);
    for c in line.chars() {
        if is_control(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown.into()
}

/// A half-written line is as good as any: a panic elsewhere does not end the log.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks the reader of a process to read all that has been written so far.
pub(super) struct Drain(mpsc::Sender<oneshot::Sender<()>>);

impl Drain {
    /// Ready when all that the process had written is in its log.
    pub(super) async fn drain(&self) {
        let (done, drained) = oneshot::channel();
        if self.0.send(done).await.is_ok() {
            // The reader drops the sender when the output ended: then there is nothing left to read.
            let _ = drained.await;
        }
    }
}

/// Reads a process's output (standard output and error in one pipe, so that lines keep their order) until it ends.
pub(super) fn read(pipe: pipe::Receiver, log: Arc<ProcessLog>) -> Drain {
    let (drain, mut requests) = mpsc::channel::<oneshot::Sender<()>>(1);
    tokio::spawn(async move {
        let mut output = Output { pipe, log, line: Vec::new() };
        let mut is_open = true;
        while is_open {
            tokio::select! {
                read = output.read() => is_open = read > 0,
                Some(done) = requests.recv() => {
                    output.read_written().await;
                    // What is left of a line belongs to this invocation, and to no later one.
                    output.end_line();
                    // Nobody waits any more if the invocation timed out meanwhile.
                    let _ = done.send(());
                }
            }
        }
        output.end_line();
    });
    Drain(drain)
}

struct Output {
    pipe: pipe::Receiver,
    log: Arc<ProcessLog>,
    /// The line that is not complete yet.
    line: Vec<u8>,
}

impl Output {
    /// Reads once; 0 at the end.
    async fn read(&mut self) -> usize {
        let mut buffer = [0; 8 * 1024];
        let read = self.pipe.read(&mut buffer).await.unwrap_or(0);
        for &byte in buffer.get(..read).unwrap_or_default() {
            match byte {
                b'\n' => self.end_line(),
                _ => self.line.push(byte),
            }
            if self.line.len() >= LINE_BYTES_MAX {
                self.end_line();
            }
        }
        read
    }

    /// Reads what is in the pipe at this moment, and no more: a process may go on writing.
    async fn read_written(&mut self) {
        let mut written = rustix::io::ioctl_fionread(self.pipe.as_fd()).unwrap_or(0);
        while written > 0 {
            let read = self.read().await as u64;
            written = if read == 0 { 0 } else { written.saturating_sub(read) };
        }
    }

    fn end_line(&mut self) {
        if !self.line.is_empty() {
            self.log.push(String::from_utf8_lossy(&self.line).trim_end_matches('\r'));
            self.line.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(shown("a\tb"), "a\tb");
        assert_eq!(shown("a\0b\rc\u{1b}"), "a\\u{0}b\\rc\\u{1b}");
    }

    #[test]
    fn the_tail_belongs_to_one_request_and_is_bounded() {
        let log = ProcessLog::new("f");
        log.push("starting");
        log.begin("1");
        log.push("first");
        assert_eq!(log.tail(), b"starting\nfirst\n");
        log.begin("2");
        log.push(&"x".repeat(TAIL_BYTES_MAX));
        assert_eq!(log.tail().len(), TAIL_BYTES_MAX);
    }
}
