//! Sinks that write lines: a file for each log group, a file for events, standard output.
//!
//! A file that was renamed or removed, as by logrotate, is made anew under its name before the next lines are written.

use super::{
    Error, Lost, Sink, Taken,
    attempts::{Attempts, Outage, is_full},
    queue::{Weigh as _, records},
};
use engine::{ExecutionRecord, Logged};
use std::{
    collections::HashMap,
    io::{SeekFrom, Write},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};
use tokio::{
    fs::{File, OpenOptions},
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
};

/// Files that are open at once.
const OPEN_MAX: usize = 64;

/// A file for each log group: `FOLDER/aws/vendedlogs/states/orders.jsonl`.
pub(super) struct LogFolder {
    folder: PathBuf,
    open: HashMap<PathBuf, Lines>,
    data_bytes_max: usize,
}

impl LogFolder {
    /// Makes the folder, if it is not there. `data_bytes_max` is [`asl::Limits::log_data_bytes_max`].
    ///
    /// # Errors
    /// Nothing can be written there, also if there were room.
    pub(super) fn new(folder: &Path, data_bytes_max: usize) -> Result<LogFolder, Error> {
        check(folder, std::fs::create_dir_all(folder).and_then(|()| try_to_write_in(folder)))?;
        Ok(LogFolder { folder: folder.to_owned(), open: HashMap::new(), data_bytes_max })
    }

    async fn append(&mut self, path: PathBuf, lines: &str) -> Result<(), Error> {
        if self.open.len() >= OPEN_MAX && !self.open.contains_key(&path) {
            self.open.clear();
        }
        self.open.entry(path).or_insert_with_key(|path| Lines::at(path)).append(lines).await
    }
}

impl Sink<Logged> for LogFolder {
    async fn deliver(&mut self, batch: &[Logged], _: &Taken<'_>) -> Result<(), Lost> {
        let mut files: HashMap<PathBuf, (usize, String)> = HashMap::new();
        for logged in batch {
            let path = self.folder.join(file_of(&logged.logging.log_group));
            let (count, lines) = files.entry(path).or_default();
            *count += logged.records();
            for record in api::log_records(logged, self.data_bytes_max) {
                lines.push_str(&record);
                lines.push('\n');
            }
        }
        let mut outcome = Ok(());
        for (path, (count, lines)) in files {
            if let Err(error) = self.append(path, &lines).await {
                outcome = Err(Lost { count, error }.after(outcome));
            }
        }
        outcome
    }
}

/// A name comes from whoever creates a state machine: it never leads out of the folder.
fn file_of(log_group: &str) -> PathBuf {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '#');
    let plain = |part: &str| -> String { part.chars().map(|at| if is_plain(at) { at } else { '_' }).collect() };
    let parts = log_group.split('/').filter(|part| !matches!(*part, "" | "." | ".."));
    let mut path: PathBuf = parts.map(plain).collect();
    let name = path.file_name().map_or_else(|| "log".to_owned(), |name| name.to_string_lossy().into_owned());
    path.set_file_name(name + ".jsonl");
    path
}

/// Makes a file and removes it.
fn try_to_write_in(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".stepwell-{}", std::process::id()));
    std::fs::OpenOptions::new().create_new(true).write(true).open(&path)?;
    std::fs::remove_file(path)
}

/// A disk that is full keeps no server from starting: it is waited for when there is something to write.
fn check(path: &Path, tried: std::io::Result<()>) -> Result<(), Error> {
    match tried {
        Err(error) if is_full(&error) => {
            tracing::warn!(%error, "nothing can be written to `{}` for now", path.display());
            Ok(())
        }
        tried => tried.map_err(|source| Error::Write { path: path.to_owned(), source }),
    }
}

/// All log groups on standard output; each line names its own.
pub(super) struct StandardOutput {
    /// [`asl::Limits::log_data_bytes_max`]
    pub(super) data_bytes_max: usize,
}

impl Sink<Logged> for StandardOutput {
    async fn deliver(&mut self, batch: &[Logged], _: &Taken<'_>) -> Result<(), Lost> {
        let lines = named_lines(batch, self.data_bytes_max);
        // A reader that is slow must not hold up other tasks.
        let write = move || std::io::stdout().lock().write_all(lines.as_bytes());
        let written = tokio::task::spawn_blocking(write).await.map_err(std::io::Error::other);
        let lost = |source| Lost { count: records(batch), error: Error::StandardOutput { source } };
        written.flatten().map_err(lost)
    }
}

/// A line for each record, which names its log group first.
fn named_lines(batch: &[Logged], data_bytes_max: usize) -> String {
    let mut lines = String::new();
    for logged in batch {
        let log_group = json::Value::from(&*logged.logging.log_group).to_string();
        for record in api::log_records(logged, data_bytes_max) {
            let members = record.strip_prefix('{').unwrap_or(&record);
            lines.extend(["{\"log_group\":", &log_group, ",", members, "\n"]);
        }
    }
    lines
}

/// All events in one file.
pub(super) struct EventFile {
    lines: Lines,
    data_bytes_max: usize,
}

impl EventFile {
    /// Makes the file, if it is not there. `data_bytes_max` is [`asl::Limits::event_data_bytes_max`].
    ///
    /// # Errors
    /// Nothing can be written there, also if there were room.
    pub(super) fn new(path: &Path, data_bytes_max: usize) -> Result<EventFile, Error> {
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        check(path, made.and_then(|()| options().open(path)).map(drop))?;
        Ok(EventFile { lines: Lines::at(path), data_bytes_max })
    }
}

impl Sink<ExecutionRecord> for EventFile {
    async fn deliver(&mut self, batch: &[ExecutionRecord], _: &Taken<'_>) -> Result<(), Lost> {
        let lines: String = batch.iter().map(|record| super::event(record, self.data_bytes_max) + "\n").collect();
        self.lines.append(&lines).await.map_err(|error| Lost { count: records(batch), error })
    }
}

/// A file that lines are appended to.
struct Lines {
    path: PathBuf,
    /// `None` until the next lines come.
    open: Option<Open>,
    outage: Outage,
}

/// An open file, and which it is: device and number on it.
struct Open {
    file: File,
    id: (u64, u64),
}

impl Lines {
    fn at(path: &Path) -> Lines {
        Lines { path: path.to_owned(), open: None, outage: Outage::default() }
    }

    /// Tries again; a disk that is full is waited for.
    async fn append(&mut self, lines: &str) -> Result<(), Error> {
        let mut attempts = Attempts::new();
        while attempts.go_on(self.write(lines).await, &self.outage).await? {}
        Ok(())
    }

    async fn write(&mut self, lines: &str) -> Result<(), Error> {
        let failed = |source| Error::Write { path: self.path.clone(), source };
        let id = tokio::fs::metadata(&self.path).await.ok().map(|there| (there.dev(), there.ino()));
        let mut open = match self.open.take().filter(|open| Some(open.id) == id) {
            Some(open) => open,
            None => self.open().await.map_err(failed)?,
        };
        let length = open.file.metadata().await.map_err(failed)?.len();
        let mut written = open.file.write_all(lines.as_bytes()).await;
        if written.is_ok() {
            written = open.file.flush().await;
        }
        if written.is_err() {
            take_back(&open.file, length).await;
        }
        written.map_err(failed)?;
        self.open = Some(open);
        Ok(())
    }

    async fn open(&self) -> std::io::Result<Open> {
        if let Some(folder) = self.path.parent() {
            tokio::fs::create_dir_all(folder).await?;
        }
        let mut file = OpenOptions::from(options()).open(&self.path).await?;
        end_line(&mut file).await?;
        let metadata = file.metadata().await?;
        Ok(Open { file, id: (metadata.dev(), metadata.ino()) })
    }
}

/// How files are opened that lines are appended to.
fn options() -> std::fs::OpenOptions {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).read(true).append(true);
    options
}

/// Takes back what was written of lines of which not all could be, unless somebody has cut the file meanwhile.
async fn take_back(file: &File, length: u64) {
    if file.metadata().await.is_ok_and(|now| now.len() > length) {
        // Else the rest stays, and ends before the next line begins.
        let _ = file.set_len(length).await;
    }
}

/// What was written in the moment of a crash may end in the middle of a line.
async fn end_line(file: &mut File) -> std::io::Result<()> {
    if file.metadata().await?.len() == 0 {
        return Ok(());
    }
    file.seek(SeekFrom::End(-1)).await?;
    if file.read_u8().await? != b'\n' {
        file.write_all(b"\n").await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::{LogLevel, Logging};
    use machine::{EventDetails, EventType, HistoryEvent};
    use std::sync::Arc;

    #[test]
    fn lines_of_standard_output_name_their_log_group() {
        let event = HistoryEvent {
            id: 1,
            previous_event_id: 0,
            timestamp_ms: 7,
            event_type: EventType::ParallelStateFailed,
            details: EventDetails::None,
        };
        let logging = Logging { level: LogLevel::All, include_execution_data: false, log_group: "/a\"b".into() };
        let logged = Logged {
            logging: Arc::new(logging),
            execution_arn: "arn".into(),
            redrive_count: 0,
            events: vec![event.clone(), event],
        };
        let line = r#"{"log_group":"/a\"b","id":"1","type":"ParallelStateFailed","details":{},"previous_event_id":"0","event_timestamp":"7","execution_arn":"arn","redrive_count":"0"}"#;
        assert_eq!(named_lines(&[logged], 1_000), format!("{line}\n{line}\n"));
    }

    #[tokio::test]
    async fn a_line_that_a_crash_has_cut_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inner/log.jsonl");
        for (before, after) in [("", "b\n"), ("a\n", "a\nb\n"), ("a", "a\nb\n")] {
            std::fs::create_dir_all(folder.path().join("inner")).unwrap();
            std::fs::write(&path, before).unwrap();
            Lines::at(&path).append("b\n").await.unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), after, "{before:?}");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_taken_away_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (path, rotated) = (folder.path().join("log.jsonl"), folder.path().join("log.jsonl.1"));
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        let mut lines = Lines::at(&path);
        lines.append("a\n").await.unwrap();
        lines.append("b\n").await.unwrap();
        std::fs::rename(&path, &rotated).unwrap();
        lines.append("c\n").await.unwrap();
        assert_eq!((read(&rotated), read(&path)), ("a\nb\n".to_owned(), "c\n".to_owned()));
        // Somebody has made the next one already, as logrotate's `create` does.
        std::fs::rename(&path, &rotated).unwrap();
        std::fs::write(&path, "").unwrap();
        lines.append("d\n").await.unwrap();
        assert_eq!((read(&rotated), read(&path)), ("c\n".to_owned(), "d\n".to_owned()));
        std::fs::remove_dir_all(folder.path()).unwrap();
        lines.append("e\n").await.unwrap();
        assert_eq!(read(&path), "e\n");
        // Cut in place, as by `copytruncate`.
        std::fs::write(&path, "").unwrap();
        lines.append("f\n").await.unwrap();
        assert_eq!(read(&path), "f\n");
    }

    /// A device that is always full.
    #[tokio::test(start_paused = true)]
    async fn what_finds_no_room_waits_for_it() {
        let mut lines = Lines::at(Path::new("/dev/full"));
        let waits = tokio::time::timeout(std::time::Duration::from_secs(3_600), lines.append("a\n"));
        assert!(waits.await.is_err());
    }

    #[tokio::test]
    async fn what_is_taken_back_leaves_the_lines_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        std::fs::write(&path, "a\nhalf of b").unwrap();
        let file = OpenOptions::from(options()).open(&path).await.unwrap();
        take_back(&file, 2).await;
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\n");
        // It was cut meanwhile.
        take_back(&file, 7).await;
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\n");
    }

    #[test]
    fn where_nothing_can_be_written_is_told_before_anything_is() {
        let folder = tempfile::tempdir().unwrap();
        let (file, logs) = (folder.path().join("file"), folder.path().join("logs"));
        std::fs::write(&file, "").unwrap();
        let of = |path: &Path| format!("cannot write to `{}`; check that", path.display());
        let refused = LogFolder::new(&file, 1).err().unwrap().to_string();
        assert!(refused.starts_with(&of(&file)), "{refused}");
        let refused = EventFile::new(&file.join("events"), 1).err().unwrap().to_string();
        assert!(refused.starts_with(&of(&file.join("events"))), "{refused}");
        LogFolder::new(&logs, 1).unwrap();
        assert_eq!(std::fs::read_dir(&logs).unwrap().count(), 0);
        EventFile::new(&logs.join("events"), 1).unwrap();
    }

    #[test]
    fn log_groups_stay_in_their_folder() {
        let check = |log_group: &str, expected: &str| assert_eq!(file_of(log_group), Path::new(expected));
        check("/aws/vendedlogs/states/orders", "aws/vendedlogs/states/orders.jsonl");
        check("orders.v2", "orders.v2.jsonl");
        check("/../..//a/../b c", "a/b_c.jsonl");
        check("..", "log.jsonl");
        check("", "log.jsonl");
    }
}
