//! A store with records of every kind, one of which is changed, and an engine that takes it up.

use asl::Arn;
use engine::{Engine, Error, ManualClock, Options, Page, Task, Tasks};
use machine::TaskRequest;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use store::{Batch, Keyspace, MemoryStore, Range, Record, Store};
use store_fjall::FjallStore;
use tokio::runtime::Builder;

/// The data folders that are kept, of each version and format, have all that the engine can have stored.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden");
/// How a record begins that is packed, as `engine/src/tables/encoding.rs` has it: its length and a block of LZ4 follow.
const PACKED: u8 = 2;
/// All keyspaces, as `engine/src/tables.rs` lists them.
const KEYSPACES: &[&str] = &[
    "history", "parts", "executions", "open", "by_status", "timers", "map_runs", "map_run_requests", "map_run_blocks",
    "map_runs_of", "open_map_runs", "express_starts", "held", "calls", "aside", "names", "revisions", "superseded",
    "state_machines", "versions", "aliases", "deleting", "activities", "tags", "meta",
];
/// Records of these belong to one execution each, and a change in one concerns no other.
const OF_ONE_EXECUTION: &[&str] = &["history", "parts", "executions", "open", "timers", "held", "express_starts"];
/// About when the folders were kept: what was due then is due at once, and all else later.
const NOW_MS: i64 = 1_796_000_000_000;
/// Turns in which the engine takes up what is open.
const TURNS: usize = 200;
/// What waits for a time has had it then.
const LATER: Duration = Duration::from_hours(24 * 400);
/// Executions that a changed record can concern: the one that it belonged to, and, if its key was changed, another.
const CONCERNED_MAX: usize = 2;

/// What is kept.
pub struct Base {
    folders: Vec<Folder>,
}

/// The records of a folder. Others have executions of the same names.
struct Folder {
    records: Vec<(Keyspace, Record)>,
    executions: Vec<Arn>,
}

/// What is changed in one record of all folders: so many bytes of its value or of its key, from some position on, become
/// others.
struct Change<'a> {
    record: usize,
    of_key: bool,
    removed: usize,
    from: usize,
    inserted: &'a [u8],
}

impl<'a> Change<'a> {
    fn read(data: &'a [u8]) -> Option<Change<'a>> {
        let (&[low, high, how, from_low, from_high], inserted) = data.split_first_chunk::<5>()?;
        Some(Change {
            record: usize::from(u16::from_le_bytes([low, high])),
            of_key: how & 1 == 1,
            removed: usize::from(how >> 1),
            from: usize::from(u16::from_le_bytes([from_low, from_high])),
            inserted,
        })
    }

    fn apply(&self, (key, value): &mut Record) {
        let bytes = if self.of_key { key } else { value };
        let from = self.from.min(bytes.len());
        let to = from.saturating_add(self.removed).min(bytes.len());
        bytes.splice(from..to, self.inserted.iter().copied());
    }
}

struct NoTasks;

impl Tasks for NoTasks {
    fn find(&self, _request: &TaskRequest) -> Option<Arc<dyn Task>> {
        None
    }
}

impl Base {
    /// Reads the folders.
    ///
    /// # Panics
    /// If they cannot be read.
    pub fn read() -> Base {
        let listed = std::fs::read_dir(GOLDEN).expect("folders");
        let mut paths: Vec<PathBuf> = listed.map(|entry| entry.expect("a folder").path()).collect();
        paths.sort();
        let base = Base { folders: paths.iter().map(|path| Folder::read(path)).collect() };
        let mut values = base.folders.iter().flat_map(|folder| &folder.records).map(|(_, (_, value))| value);
        assert!(values.any(|value| value.first() == Some(&PACKED)), "no record is packed");
        base
    }

    /// Changes a record as the input says, checks the store, and lets an engine take it up: nothing panics or hangs, and
    /// what belongs to other executions can be read.
    ///
    /// # Panics
    /// If it is otherwise.
    pub fn check(&self, data: &[u8]) {
        let Some(change) = Change::read(data) else { return };
        let records: usize = self.folders.iter().map(|folder| folder.records.len()).sum();
        let mut changed = change.record % records;
        for folder in &self.folders {
            if changed < folder.records.len() {
                return folder.check(&change, changed);
            }
            changed -= folder.records.len();
        }
    }
}

impl Folder {
    fn read(path: &Path) -> Folder {
        let folder = tempfile::tempdir().expect("a folder");
        let mut unpack = Command::new("tar");
        unpack.args(["--extract", "--gzip", "--file"]).arg(path.join("data.tar.gz")).arg("-C").arg(folder.path());
        assert!(unpack.status().is_ok_and(|status| status.success()), "{} is unpacked", path.display());
        Folder::of(folder.path())
    }

    fn of(folder: &Path) -> Folder {
        let store = FjallStore::open(folder, &store_fjall::Options::default()).expect("a store");
        let records: Vec<(Keyspace, Record)> = KEYSPACES
            .iter()
            .map(|name| Keyspace(name))
            .flat_map(|keyspace| {
                let found = store.scan(keyspace, Range::ALL, usize::MAX).expect("records");
                found.into_iter().map(move |record| (keyspace, record))
            })
            .collect();
        let of_executions = records.iter().filter(|(keyspace, _)| keyspace.0 == "executions");
        let executions: Vec<Arn> = of_executions.filter_map(|(_, (_, value))| execution_in(value)).collect();
        assert!(executions.len() >= 10, "{executions:?}");
        Folder { records, executions }
    }

    fn check(&self, change: &Change<'_>, changed: usize) {
        let store = MemoryStore::new();
        let mut batch = Batch::new();
        for (number, (keyspace, record)) in self.records.iter().enumerate() {
            let mut record = record.clone();
            if number == changed {
                change.apply(&mut record);
            }
            batch.put(*keyspace, record.0, record.1);
        }
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        // A key that is too long is refused.
        if runtime.block_on(store.commit(batch)).is_err() {
            return;
        }
        engine::fsck(Arc::new(store.clone()), i64::MIN, &mut |_| {});
        let unreadable = runtime.block_on(self.take_up(store));
        let (keyspace, _) = self.records[changed];
        if OF_ONE_EXECUTION.contains(&keyspace.0) {
            assert!(unreadable.len() <= CONCERNED_MAX, "a record of `{}` is changed: {unreadable:?}", keyspace.0);
        }
    }

    /// The executions that cannot be read when an engine has taken up the store.
    async fn take_up(&self, store: MemoryStore) -> Vec<(String, Error)> {
        let clock = Arc::new(ManualClock::at(NOW_MS));
        let limits = asl::Limits { retention_days: 100_000, redrive_days: 100_000, ..asl::Limits::default() };
        let options = Options { limits, shards: 1, simulated: Some(1), removes_by_itself: false, ..Options::default() };
        let open_store: engine::OpenStore = Arc::new(move || Ok(Arc::new(store.clone()) as _));
        // The format or the key of the tokens may be what was changed.
        let opened = Engine::open(open_store, Arc::new(NoTasks), Arc::clone(&clock) as _, options).await;
        let Ok(engine) = opened else { return Vec::new() };
        turns().await;
        clock.advance(LATER);
        turns().await;
        let mut unreadable = Vec::new();
        for arn in &self.executions {
            if let Err(error) = read(&engine, arn).await {
                unreadable.push((arn.to_string(), error));
            }
        }
        unreadable
    }
}

/// The ARN of an execution stands in its record.
fn execution_in(value: &[u8]) -> Option<Arn> {
    let text = String::from_utf8_lossy(&plain(value)).into_owned();
    let arn = text.get(text.find("arn:aws:states:")?..)?;
    let end = arn.find(|c: char| !(c.is_ascii_alphanumeric() || "-:_/".contains(c))).unwrap_or(arn.len());
    Arn::parse(arn.get(..end)?).ok().filter(|arn| matches!(arn.resource, asl::Resource::Execution { .. }))
}

/// A record, unpacked if it is packed.
fn plain(value: &[u8]) -> Cow<'_, [u8]> {
    let Some((&PACKED, packed)) = value.split_first() else { return value.into() };
    lz4_flex::block::decompress_size_prepended(packed).expect("a record").into()
}

async fn turns() {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}

async fn read(engine: &Engine, arn: &Arn) -> Result<(), Error> {
    engine.execution(arn).await?;
    engine.history(arn, false, Page { size: 1_000, after: None }).await?;
    Ok(())
}
