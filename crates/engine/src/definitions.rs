//! Parsed definitions by revision, the most recently used of them in memory.

use crate::{
    StateMachineRecord,
    tables::{ReadError, RevisionKey, Tables},
};
use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// A state machine as it was at some time, with its definition read.
pub(crate) struct Definition {
    pub(crate) revision: RevisionKey,
    pub(crate) record: Arc<StateMachineRecord>,
    pub(crate) parsed: Arc<asl::StateMachine>,
}

impl Definition {
    /// Reads the definition of a stored state machine.
    pub(crate) fn read(revision: RevisionKey, record: StateMachineRecord) -> Result<Definition, ReadError> {
        let parsed = asl::parse(&record.definition, record.state_machine_type).state_machine;
        let parsed = parsed.ok_or_else(|| ReadError::Corrupt {
            keyspace: "revisions",
            why: "this build finds errors in the stored definition".into(),
        })?;
        Ok(Definition { revision, record: Arc::new(record), parsed: Arc::new(parsed) })
    }
}

/// How many parsed definitions are kept.
const KEPT_MAX: usize = 1_024;

/// The cache.
#[derive(Default)]
pub(crate) struct Definitions {
    kept: RwLock<HashMap<RevisionKey, Kept>>,
    /// Counts the uses, to tell recent from old.
    uses: AtomicU64,
}

struct Kept {
    definition: Arc<Definition>,
    used: AtomicU64,
}

impl Definitions {
    pub(crate) fn get(&self, revision: RevisionKey, tables: &Tables) -> Result<Arc<Definition>, ReadError> {
        if let Some(kept) = self.kept.read().unwrap_or_else(PoisonError::into_inner).get(&revision) {
            kept.used.store(self.next_use(), Ordering::Relaxed);
            return Ok(Arc::clone(&kept.definition));
        }
        let missing =
            || ReadError::Corrupt { keyspace: "revisions", why: "a state machine's revision is missing".into() };
        let record = tables.revision(revision)?.ok_or_else(missing)?;
        let definition = Arc::new(Definition::read(revision, record)?);
        self.keep(Arc::clone(&definition));
        Ok(definition)
    }

    pub(crate) fn keep(&self, definition: Arc<Definition>) {
        let used = AtomicU64::new(self.next_use());
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            let oldest = kept.iter().min_by_key(|(_, kept)| kept.used.load(Ordering::Relaxed)).map(|(key, _)| *key);
            if let Some(oldest) = oldest {
                kept.remove(&oldest);
            }
        }
        kept.insert(definition.revision, Kept { definition, used });
    }

    fn next_use(&self) -> u64 {
        self.uses.fetch_add(1, Ordering::Relaxed)
    }
}
