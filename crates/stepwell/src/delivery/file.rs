//! Sinks that write lines: a file for each log group, a file for events, standard output.

use super::{Error, Sink};
use engine::{ExecutionRecord, Logged};
use std::{
    collections::HashMap,
    io::{SeekFrom, Write},
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
    open: HashMap<PathBuf, File>,
    data_bytes_max: usize,
}

impl LogFolder {
    /// `data_bytes_max` is [`asl::Limits::log_data_bytes_max`].
    pub(super) fn new(folder: &Path, data_bytes_max: usize) -> LogFolder {
        LogFolder { folder: folder.to_owned(), open: HashMap::new(), data_bytes_max }
    }

    async fn append(&mut self, path: PathBuf, lines: &str) -> Result<(), Error> {
        if self.open.len() >= OPEN_MAX && !self.open.contains_key(&path) {
            self.open.clear();
        }
        if !self.open.contains_key(&path) {
            self.open.insert(path.clone(), open(&path).await?);
        }
        let Some(file) = self.open.get_mut(&path) else { return Ok(()) };
        let written = write(file, lines, &path).await;
        if written.is_err() {
            // It may have been taken away: the next batch opens it again.
            self.open.remove(&path);
        }
        written
    }
}

impl Sink<Logged> for LogFolder {
    async fn deliver(&mut self, batch: &[Logged]) -> Result<(), Error> {
        let mut lines: HashMap<PathBuf, String> = HashMap::new();
        for logged in batch {
            let lines = lines.entry(self.folder.join(file_of(&logged.logging.log_group))).or_default();
            for record in api::log_records(logged, self.data_bytes_max) {
                lines.push_str(&record);
                lines.push('\n');
            }
        }
        let mut outcome = Ok(());
        for (path, lines) in lines {
            outcome = outcome.and(self.append(path, &lines).await);
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

/// All log groups on standard output; each line names its own.
pub(super) struct StandardOutput {
    /// [`asl::Limits::log_data_bytes_max`]
    pub(super) data_bytes_max: usize,
}

impl Sink<Logged> for StandardOutput {
    async fn deliver(&mut self, batch: &[Logged]) -> Result<(), Error> {
        let lines = named_lines(batch, self.data_bytes_max);
        // A reader that is slow must not hold up other tasks.
        let write = move || std::io::stdout().lock().write_all(lines.as_bytes());
        let written = tokio::task::spawn_blocking(write).await.map_err(std::io::Error::other);
        written.flatten().map_err(|source| Error::StandardOutput { source })
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
    path: PathBuf,
    file: Option<File>,
    data_bytes_max: usize,
}

impl EventFile {
    /// `data_bytes_max` is [`asl::Limits::event_data_bytes_max`].
    pub(super) fn new(path: &Path, data_bytes_max: usize) -> EventFile {
        EventFile { path: path.to_owned(), file: None, data_bytes_max }
    }
}

impl Sink<ExecutionRecord> for EventFile {
    async fn deliver(&mut self, batch: &[ExecutionRecord]) -> Result<(), Error> {
        let lines: String = batch.iter().map(|record| super::event(record, self.data_bytes_max) + "\n").collect();
        let mut file = match self.file.take() {
            Some(file) => file,
            None => open(&self.path).await?,
        };
        write(&mut file, &lines, &self.path).await?;
        self.file = Some(file);
        Ok(())
    }
}

async fn open(path: &Path) -> Result<File, Error> {
    let failed = |source| Error::Write { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await.map_err(failed)?;
    }
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path).await.map_err(failed)?;
    end_line(&mut file).await.map_err(failed)?;
    Ok(file)
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

async fn write(file: &mut File, lines: &str, path: &Path) -> Result<(), Error> {
    let failed = |source| Error::Write { path: path.to_owned(), source };
    file.write_all(lines.as_bytes()).await.map_err(failed)?;
    file.flush().await.map_err(failed)
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
            let mut file = open(&path).await.unwrap();
            write(&mut file, "b\n", &path).await.unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), after, "{before:?}");
        }
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
