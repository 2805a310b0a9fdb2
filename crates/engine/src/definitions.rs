//! Parsed definitions by revision: those that were used lately, up to a number of bytes.

use crate::{
    StateMachineRecord,
    recent::Recent,
    tables::{ReadError, RevisionKey, Tables},
};
use json::Text;
use std::sync::Arc;

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

    /// What it takes in memory, as an estimate, in bytes.
    fn weight(&self) -> usize {
        let text = &self.record.definition;
        let per_byte = if text.contains("JSONata") { BYTES_PER_BYTE_WITH_JSONATA } else { BYTES_PER_BYTE };
        text.len().saturating_mul(per_byte).saturating_add(BYTES_AT_LEAST)
    }
}

/// What a parsed definition takes for each byte of its text, with the text. Measured over definitions of 10,000 states: 8 to
/// 16 in JSONPath; with JSONata 29, and up to 85 where nearly all of the text is expressions.
const BYTES_PER_BYTE: usize = 16;
const BYTES_PER_BYTE_WITH_JSONATA: usize = 85;
/// What it takes beside that: its record and its place.
const BYTES_AT_LEAST: usize = 2_048;

/// Names a parsed definition: a revision; or of that the item processor of a Map state.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct DefinitionName {
    pub(crate) revision: RevisionKey,
    pub(crate) map_state: Option<Text>,
}

impl From<RevisionKey> for DefinitionName {
    fn from(revision: RevisionKey) -> DefinitionName {
        DefinitionName { revision, map_state: None }
    }
}

/// The cache.
pub(crate) struct Definitions {
    kept: Recent<DefinitionName, Arc<Definition>>,
}

impl Definitions {
    pub(crate) fn new(bytes_max: usize) -> Definitions {
        Definitions { kept: Recent::new(bytes_max) }
    }

    /// The definition, if it is in memory.
    pub(crate) fn kept(&self, name: &DefinitionName) -> Option<Arc<Definition>> {
        self.kept.get(name)
    }

    /// The definition, read if need be, which may take long: up to a second for one of a megabyte.
    pub(crate) fn get(&self, name: &DefinitionName, tables: &Tables) -> Result<Arc<Definition>, ReadError> {
        if let Some(definition) = self.kept(name) {
            return Ok(definition);
        }
        let definition = match &name.map_state {
            None => Definition::read(name.revision, stored(name.revision, tables)?)?,
            Some(state) => self.item_processor(name.revision, state, tables)?,
        };
        let definition = Arc::new(definition);
        self.kept.keep(name.clone(), Arc::clone(&definition), definition.weight());
        Ok(definition)
    }

    /// What the children of the Map state execute. It has the record of the whole state machine.
    fn item_processor(&self, revision: RevisionKey, state: &str, tables: &Tables) -> Result<Definition, ReadError> {
        let whole = self.get(&revision.into(), tables)?;
        let missing = || ReadError::Corrupt { keyspace: "revisions", why: format!("it has no Map state `{state}`") };
        let parsed = Arc::new(whole.parsed.item_processor(state).ok_or_else(missing)?);
        Ok(Definition { revision, record: Arc::clone(&whole.record), parsed })
    }

    /// The state machine as it was. Its definition is not parsed.
    pub(crate) fn record(&self, revision: RevisionKey, tables: &Tables) -> Result<Arc<StateMachineRecord>, ReadError> {
        match self.kept(&revision.into()) {
            Some(definition) => Ok(Arc::clone(&definition.record)),
            None => stored(revision, tables).map(Arc::new),
        }
    }

    pub(crate) fn keep(&self, definition: Arc<Definition>) {
        let weight = definition.weight();
        self.kept.keep(definition.revision.into(), definition, weight);
    }
}

fn stored(revision: RevisionKey, tables: &Tables) -> Result<StateMachineRecord, ReadError> {
    let missing = || ReadError::Corrupt { keyspace: "revisions", why: "a state machine's revision is missing".into() };
    tables.revision(revision)?.ok_or_else(missing)
}
