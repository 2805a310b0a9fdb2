//! The lines of the log on their way out, written by a thread of their own: who logs does not wait for who reads.
//!
//! A pipe whose reader has stopped takes nothing any more, nor does a terminal that is halted by Ctrl-S. Who logs waits for
//! room as long as something is taken now and then. When nothing was for a moment, lines are lost, and counted, until
//! something is.

use std::{
    io::{self, ErrorKind, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};
use tracing_subscriber::fmt::MakeWriter;

/// What may wait to be written.
const BYTES_MAX: usize = 4 << 20;
/// What is written at once: a pipe takes as much.
const PIECE_BYTES: usize = 64 << 10;
/// How long nothing may be taken before what is written to counts as halted, for who logs and for who ends.
const PATIENCE: Duration = Duration::from_millis(250);
/// Between two attempts to write to what takes nothing at the moment and does not wait.
const PAUSE: Duration = Duration::from_millis(10);

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
    /// A piece was taken and is not written yet.
    is_writing: bool,
    /// Nothing was taken for too long.
    is_halted: bool,
    /// How often something was taken.
    taken: u64,
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

    /// Waits until all lines are written, or nothing is taken any more.
    pub fn flush(&self) {
        drop(self.0.wait_while(self.0.lock(), |waiting| waiting.is_writing || !waiting.bytes.is_empty()));
    }
}

impl Write for Lines {
    /// A whole line, as the formatter gives it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let has_room = |waiting: &Waiting| waiting.bytes.is_empty() || waiting.bytes.len() + line.len() <= BYTES_MAX;
        let mut waiting = self.0.wait_while(self.0.lock(), |waiting| !has_room(waiting) && !waiting.is_halted);
        if has_room(&waiting) {
            waiting.bytes.extend_from_slice(line);
        } else {
            waiting.is_halted = true;
            waiting.lost += 1;
        }
        drop(waiting);
        self.0.changed.notify_all();
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
    /// Waits while this is so and something is taken now and then.
    fn wait_while<'a>(
        &self,
        mut waiting: MutexGuard<'a, Waiting>,
        is_so: impl Fn(&Waiting) -> bool,
    ) -> MutexGuard<'a, Waiting> {
        while is_so(&waiting) {
            let taken = waiting.taken;
            let nothing_new = |now: &mut Waiting| is_so(now) && now.taken == taken;
            let waited = self.changed.wait_timeout_while(waiting, PATIENCE, nothing_new);
            let (now, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            waiting = now;
            if timeout.timed_out() {
                break;
            }
        }
        waiting
    }

    fn write_all_to(&self, mut output: impl Write) {
        loop {
            let nothing = |waiting: &mut Waiting| waiting.bytes.is_empty();
            let mut waiting = self.changed.wait_while(self.lock(), nothing).unwrap_or_else(PoisonError::into_inner);
            let piece = piece_of(&mut waiting);
            waiting.is_writing = true;
            drop(waiting);
            self.changed.notify_all();
            let written = write_patiently(&mut output, &piece);
            let mut waiting = self.lock();
            (waiting.is_writing, waiting.is_halted) = (false, false);
            waiting.taken += 1;
            if written.is_err() {
                // Where the log goes is full or gone: if that ends, it is told what is missing.
                waiting.lost += lines_in(&piece);
            } else if waiting.lost > 0 {
                let told = format!("{} lines of this log were lost: they could not be written\n", waiting.lost);
                waiting.lost = 0;
                waiting.bytes.splice(0..0, told.into_bytes());
            }
            drop(waiting);
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first lines of those that wait, as many as are written at once.
fn piece_of(waiting: &mut Waiting) -> Vec<u8> {
    let first = waiting.bytes.get(..PIECE_BYTES).unwrap_or(&waiting.bytes);
    let end = first.iter().rposition(|byte| *byte == b'\n');
    let end = end.or_else(|| waiting.bytes.iter().position(|byte| *byte == b'\n'));
    let rest = waiting.bytes.split_off(end.map_or(waiting.bytes.len(), |end| end + 1));
    std::mem::replace(&mut waiting.bytes, rest)
}

/// A terminal that somebody else has told not to wait takes more in a moment.
fn write_patiently(output: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match output.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn lines_in(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// Writes into a channel, one piece each time that it is told to, and at once when nobody tells it any more.
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

    fn halting() -> (Lines, mpsc::Sender<()>, mpsc::Receiver<Vec<u8>>) {
        let ((go, told), (written, read)) = (mpsc::channel(), mpsc::channel());
        (Lines::to(Halting { go: told, written }).unwrap(), go, read)
    }

    /// What is written until the last line is.
    fn read_to(read: &mpsc::Receiver<Vec<u8>>, last: &[u8]) -> Vec<u8> {
        let mut all = Vec::new();
        while !all.ends_with(last) {
            all.extend(read.recv().unwrap());
        }
        all
    }

    #[test]
    fn lines_are_written_in_their_order() {
        let (mut lines, go, read) = halting();
        drop(go);
        for line in ["a\n", "b\n", "c\n"] {
            lines.write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(read_to(&read, b"c\n"), b"a\nb\nc\n");
    }

    #[test]
    fn who_logs_goes_on_when_nobody_reads_and_what_is_lost_is_counted() {
        let (mut lines, go, read) = halting();
        let line = [&[b'x'; 9_999][..], b"\n"].concat();
        while lines.0.lock().lost == 0 {
            lines.write_all(&line).unwrap();
        }
        lines.write_all(&line).unwrap();
        drop(go);
        let counted = b"2 lines of this log were lost: they could not be written\n";
        let mut written = Vec::new();
        while !written.windows(counted.len()).any(|window| window == counted) {
            written = [written, read.recv().unwrap()].concat();
        }
        lines.write_all(b"kept\n").unwrap();
        let rest = read_to(&read, b"kept\n");
        assert!(written.len() + rest.len() > BYTES_MAX - line.len());
    }

    #[test]
    fn who_logs_waits_for_who_reads_slowly() {
        let (mut lines, go, read) = halting();
        let line = [&[b'x'; 9_999][..], b"\n"].concat();
        let count = 2 * BYTES_MAX / line.len();
        let reader = thread::spawn(move || {
            let mut bytes = 0;
            while bytes < count * 10_000 {
                go.send(()).unwrap();
                bytes += read.recv().unwrap().len();
            }
            bytes
        });
        (0..count).for_each(|_| lines.write_all(&line).unwrap());
        assert_eq!(reader.join().unwrap(), count * line.len());
    }
}
