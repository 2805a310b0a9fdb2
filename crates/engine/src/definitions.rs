//! Parsed definitions by revision, the most recently used of them in memory.

use crate::{
    StateMachineRecord,
    tables::{ReadError, RevisionKey, Tables},
};
use json::Text;
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
    /// Reads the definition of a stored state machine. It was accepted: rules that are newer than it do not count.
    pub(crate) fn read(revision: RevisionKey, record: StateMachineRecord) -> Result<Definition, ReadError> {
        let parsed = asl::parse_accepted(&record.definition, record.state_machine_type);
        let parsed = parsed.ok_or_else(|| ReadError::Corrupt {
            keyspace: "revisions",
            why: "this build cannot read the stored definition".into(),
        })?;
        Ok(Definition { revision, record: Arc::new(record), parsed: Arc::new(parsed) })
    }
}

/// A revision; or of that the item processor of a Map state.
type Name = (RevisionKey, Option<Text>);

/// How many parsed definitions are kept.
const KEPT_MAX: usize = 1_024;

/// The cache.
#[derive(Default)]
pub(crate) struct Definitions {
    kept: RwLock<HashMap<Name, Kept>>,
    /// Counts the uses, to tell recent from old.
    uses: AtomicU64,
}

struct Kept {
    definition: Arc<Definition>,
    used: AtomicU64,
}

impl Definitions {
    pub(crate) fn get(&self, revision: RevisionKey, tables: &Tables) -> Result<Arc<Definition>, ReadError> {
        let name = (revision, None);
        if let Some(definition) = self.kept(&name) {
            return Ok(definition);
        }
        let missing =
            || ReadError::Corrupt { keyspace: "revisions", why: "a state machine's revision is missing".into() };
        let record = tables.revision(revision)?.ok_or_else(missing)?;
        let definition = Arc::new(Definition::read(revision, record)?);
        self.keep_as(name, Arc::clone(&definition));
        Ok(definition)
    }

    /// What the children of the Map state execute. It has the record of the whole state machine.
    pub(crate) fn item_processor(
        &self,
        revision: RevisionKey,
        state: &Text,
        tables: &Tables,
    ) -> Result<Arc<Definition>, ReadError> {
        let name = (revision, Some(Arc::clone(state)));
        if let Some(definition) = self.kept(&name) {
            return Ok(definition);
        }
        let whole = self.get(revision, tables)?;
        let missing = || ReadError::Corrupt { keyspace: "revisions", why: format!("it has no Map state `{state}`") };
        let parsed = Arc::new(whole.parsed.item_processor(state).ok_or_else(missing)?);
        let definition = Arc::new(Definition { revision, record: Arc::clone(&whole.record), parsed });
        self.keep_as(name, Arc::clone(&definition));
        Ok(definition)
    }

    pub(crate) fn keep(&self, definition: Arc<Definition>) {
        self.keep_as((definition.revision, None), definition);
    }

    fn kept(&self, name: &Name) -> Option<Arc<Definition>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.get(name)?;
        kept.used.store(self.next_use(), Ordering::Relaxed);
        Some(Arc::clone(&kept.definition))
    }

    fn keep_as(&self, name: Name, definition: Arc<Definition>) {
        let used = AtomicU64::new(self.next_use());
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            let oldest = kept.iter().min_by_key(|(_, kept)| kept.used.load(Ordering::Relaxed));
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                kept.remove(&oldest);
            }
        }
        kept.insert(name, Kept { definition, used });
    }

    fn next_use(&self) -> u64 {
        self.uses.fetch_add(1, Ordering::Relaxed)
    }
}
