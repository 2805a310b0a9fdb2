//! The lines of the log on their way out, written by a thread of their own: who logs does not wait for who reads.
//!
//! A pipe whose reader has stopped takes nothing any more, nor does a terminal that is halted by Ctrl-S. Who logs waits a
//! moment for room, once; then lines are lost, and counted, until some have been taken.

use std::{
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};
use tracing_subscriber::fmt::MakeWriter;

/// What may wait to be written.
const BYTES_MAX: usize = 4 << 20;
/// How long who logs waits for room before what is written to is taken for halted.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long the end waits for the last lines to be taken.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Takes lines. Clones share it.
#[derive(Clone)]
pub struct Lines(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// Something changed.
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// The thread has taken lines and not written them yet.
    is_writing: bool,
    /// Nothing was taken for too long.
    is_halted: bool,
    lost: u64,
}

impl Lines {
    /// Starts the thread that writes them.
    pub fn to(output: impl Write + Send + 'static) -> io::Result<Lines> {
        let lines = Lines(Arc::default());
        let shared = Arc::clone(&lines.0);
        thread::Builder::new().name("log".into()).spawn(move || shared.write_all_to(output))?;
        Ok(lines)
    }

    /// Waits until all lines are written, if they are taken.
    pub fn flush(&self) {
        let is_left = |waiting: &mut Waiting| waiting.is_writing || !waiting.bytes.is_empty();
        // Who does not read the log does not keep the process either.
        let _ = self.0.changed.wait_timeout_while(self.0.lock(), LAST_LINES, is_left);
    }
}

impl Write for Lines {
    /// A whole line, as the formatter gives it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let is_full = |waiting: &mut Waiting| {
            !waiting.is_halted && !waiting.bytes.is_empty() && waiting.bytes.len() + line.len() > BYTES_MAX
        };
        let waited = self.0.changed.wait_timeout_while(self.0.lock(), PATIENCE, is_full);
        let (mut waiting, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        waiting.is_halted |= waited.timed_out();
        if waiting.is_halted && waiting.bytes.len() + line.len() > BYTES_MAX {
            waiting.lost += 1;
        } else {
            waiting.bytes.extend_from_slice(line);
            self.0.changed.notify_all();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        self.clone()
    }
}

impl Shared {
    fn write_all_to(&self, mut output: impl Write) {
        loop {
            let nothing = |waiting: &mut Waiting| waiting.bytes.is_empty();
            let mut waiting = self.changed.wait_while(self.lock(), nothing).unwrap_or_else(PoisonError::into_inner);
            waiting.is_writing = true;
            let (bytes, lost) = (std::mem::take(&mut waiting.bytes), std::mem::take(&mut waiting.lost));
            drop(waiting);
            self.changed.notify_all();
            if lost > 0 {
                tracing::warn!(lost, "lines of this log are lost, as it was not read");
            }
            // Where the log goes is gone: there is nobody to tell.
            let _ = output.write_all(&bytes);
            let mut waiting = self.lock();
            (waiting.is_writing, waiting.is_halted) = (false, false);
            drop(waiting);
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// Writes into a channel, when it is told to.
    struct Halting {
        go: mpsc::Receiver<()>,
        written: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Halting {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.go.recv();
            let _ = self.written.send(bytes.to_vec());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_written_in_their_order() {
        let ((go, told), (written, read)) = (mpsc::channel(), mpsc::channel());
        let mut lines = Lines::to(Halting { go: told, written }).unwrap();
        drop(go);
        for line in ["a\n", "b\n", "c\n"] {
            lines.write_all(line.as_bytes()).unwrap();
        }
        Lines::flush(&lines);
        assert_eq!(read.try_iter().flatten().collect::<Vec<u8>>(), b"a\nb\nc\n");
    }

    #[test]
    fn who_logs_goes_on_when_nobody_reads() {
        let ((go, told), (written, read)) = (mpsc::channel(), mpsc::channel());
        let mut lines = Lines::to(Halting { go: told, written }).unwrap();
        let line = vec![b'x'; 64 << 10];
        let lost = || lines.0.lock().lost;
        while lost() == 0 {
            lines.clone().write_all(&line).unwrap();
        }
        lines.write_all(b"lost\n").unwrap();
        drop(go);
        Lines::flush(&lines);
        assert!(!lines.0.lock().is_halted);
        lines.write_all(b"kept\n").unwrap();
        Lines::flush(&lines);
        let written: Vec<u8> = read.try_iter().flatten().collect();
        assert!(written.len() > BYTES_MAX && written.ends_with(b"xkept\n"));
    }
}
