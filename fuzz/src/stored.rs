//! A store with records of every kind, one of which is changed, and an engine that takes it up.

use asl::Arn;
use engine::{Engine, Error, ManualClock, Options, Page, Task, Tasks};
use machine::TaskRequest;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use store::{Batch, Keyspace, MemoryStore, Range, Record, Store};
use store_fjall::FjallStore;
use tokio::runtime::Builder;

/// The data folder that is kept of a version has all that the engine can have stored.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/0.1.0/data.tar.gz");
/// All keyspaces, as `engine/src/tables.rs` lists them.
const KEYSPACES: &[&str] = &[
    "history", "parts", "executions", "open", "by_status", "timers", "map_runs", "map_run_requests", "map_run_blocks",
    "map_runs_of", "open_map_runs", "express_starts", "held", "calls", "aside", "names", "revisions", "superseded",
    "state_machines", "versions", "aliases", "deleting", "activities", "tags", "meta",
];
/// Records of these belong to one execution each, and a change in one concerns no other.
const OF_ONE_EXECUTION: &[&str] = &["history", "parts", "executions", "open", "timers", "held", "express_starts"];
/// About when the folder was kept: what was due then is due at once, and all else later.
const NOW_MS: i64 = 1_796_000_000_000;
/// Turns in which the engine takes up what is open.
const TURNS: usize = 200;
/// What waits for a time has had it then.
const LATER: Duration = Duration::from_hours(24 * 400);
/// Executions that a changed record can concern: the one that it belonged to, and, if its key was changed, another.
const CONCERNED_MAX: usize = 2;

/// The records of the folder.
pub struct Base {
    records: Vec<(Keyspace, Record)>,
    executions: Vec<Arn>,
}

/// What is changed in one record: so many bytes of its value or of its key, from some position on, become others.
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
    /// Reads the folder.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn read() -> Base {
        let folder = tempfile::tempdir().expect("a folder");
        let mut unpack = Command::new("tar");
        unpack.args(["--extract", "--gzip", "--file", FOLDER, "-C"]).arg(folder.path());
        assert!(unpack.status().is_ok_and(|status| status.success()), "the folder is unpacked");
        Base::of(folder.path())
    }

    fn of(folder: &Path) -> Base {
        let store = FjallStore::open(folder, &store_fjall::Options::default()).expect("a store");
        let records: Vec<(Keyspace, Record)> = KEYSPACES
            .iter()
            .map(|name| Keyspace(name))
            .flat_map(|keyspace| {
                let found = store.scan(keyspace, Range::ALL, usize::MAX).expect("records");
                found.into_iter().map(move |record| (keyspace, record))
            })
            .collect();
        let mut base = Base { records, executions: Vec::new() };
        base.executions = base.find_executions();
        assert!(base.executions.len() >= 10, "{:?}", base.executions);
        base
    }

    /// Their ARNs stand in their records.
    fn find_executions(&self) -> Vec<Arn> {
        let records = self.records.iter().filter(|(keyspace, _)| keyspace.0 == "executions");
        let arn_in = |value: &[u8]| {
            let text = String::from_utf8_lossy(value).into_owned();
            let arn = text.get(text.find("arn:aws:states:")?..)?;
            let end = arn.find(|c: char| !(c.is_ascii_alphanumeric() || "-:_/".contains(c))).unwrap_or(arn.len());
            Arn::parse(arn.get(..end)?).ok().filter(|arn| matches!(arn.resource, asl::Resource::Execution { .. }))
        };
        records.filter_map(|(_, (_, value))| arn_in(value)).collect()
    }

    /// Changes a record as the input says, checks the store, and lets an engine take it up: nothing panics or hangs, and
    /// what belongs to other executions can be read.
    ///
    /// # Panics
    /// If it is otherwise.
    pub fn check(&self, data: &[u8]) {
        let Some(change) = Change::read(data) else { return };
        let changed = change.record % self.records.len();
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
