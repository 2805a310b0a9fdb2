//! Definitions that are not in memory are read beside the loop: one of a megabyte takes up to a second.
//!
//! Before a piece of work is done it is looked whether its execution must be loaded, and with what definition. If that must
//! be read first, the work waits for it, and what comes for the same definition queues behind it, so that nothing overtakes.

use super::{Report, Shard, message::Work};
use crate::{
    definitions::{Definition, DefinitionName},
    tables::{ExecutionKey, ReadError, SetAside, StoredExecution, Tables},
};
use std::{collections::BTreeMap, sync::Arc};

/// What waits for definitions, and what was seen when it was looked whether something must wait.
#[derive(Default)]
pub(super) struct Readings {
    waiting: BTreeMap<DefinitionName, Vec<Work>>,
    /// The execution that the work in hand is about, as it is stored.
    stored: Option<(ExecutionKey, Option<StoredExecution>)>,
    /// Its definition.
    definition: Option<(ExecutionKey, Arc<Definition>)>,
    /// Whether it was read from the store, is large, and will be put out of memory soon.
    large: Option<LargeReading>,
}

/// A large execution was read for the work in hand.
pub(super) struct LargeReading {
    pub(super) key: ExecutionKey,
    /// What that took.
    pub(super) nanoseconds: u64,
}

impl Readings {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether something of the execution waits.
    pub(super) fn has(&self, key: ExecutionKey) -> bool {
        self.waiting.values().flatten().any(|work| work.key() == Some(key))
    }

    /// The record of the execution, which may have been read for the work in hand.
    pub(super) fn stored(&mut self, key: ExecutionKey, tables: &Tables) -> Result<Option<StoredExecution>, ReadError> {
        match self.stored.take_if(|(seen, _)| *seen == key) {
            Some((_, stored)) => Ok(stored),
            None => tables.execution(key),
        }
    }

    /// The definition of the execution, if it is at hand for the work in hand.
    pub(super) fn at_hand(&self, key: ExecutionKey) -> Option<Arc<Definition>> {
        self.definition.as_ref().filter(|(seen, _)| *seen == key).map(|(_, definition)| Arc::clone(definition))
    }

    pub(super) fn hand(&mut self, key: ExecutionKey, definition: Arc<Definition>) {
        self.definition = Some((key, definition));
    }

    /// The work in hand is done; gives the large execution that was read for it, if one was.
    pub(super) fn put_down(&mut self) -> Option<LargeReading> {
        (self.stored, self.definition) = (None, None);
        self.large.take()
    }

    pub(super) fn note(&mut self, large: LargeReading) {
        self.large = Some(large);
    }

    /// All that waits: the store is opened again, and who comes then asks anew.
    pub(super) fn take_waiting(&mut self) -> impl Iterator<Item = Work> + use<> {
        std::mem::take(&mut self.waiting).into_values().flatten()
    }
}

impl Shard {
    /// Gives the work back if it can be done now. Otherwise it is done when the definition of its execution has been read.
    pub(super) fn when_read(&mut self, work: Work) -> Option<Work> {
        let Some(key) = work.loads().filter(|key| self.live.get(*key).is_none()) else { return Some(work) };
        let Some(tables) = self.pipeline.tables().cloned() else { return Some(work) };
        // Who loads what cannot be read sees why.
        let stored = match work {
            Work::BeginExpress(_) => tables.express_start(key),
            _ => tables.execution(key),
        };
        let Ok(stored) = stored else { return Some(work) };
        let is_loaded = |stored: &&StoredExecution| stored.record.stop_ms.is_none() || work.loads_closed();
        let name = stored.as_ref().filter(is_loaded).map(StoredExecution::definition);
        if let Some(name) = name
            && let Some(waiting) = self.waiting_for(key, name, &tables)
        {
            waiting.push(work);
            return None;
        }
        if !matches!(work, Work::BeginExpress(_)) {
            self.readings.stored = Some((key, stored));
        }
        Some(work)
    }

    /// Who waits for the definition, if it must be read before the execution can be loaded.
    fn waiting_for(&mut self, key: ExecutionKey, name: DefinitionName, tables: &Tables) -> Option<&mut Vec<Work>> {
        if !self.readings.waiting.contains_key(&name) {
            if let Some(definition) = self.environment.definitions.kept(&name) {
                self.readings.hand(key, definition);
                return None;
            }
            if !matches!(self.is_aside(key, tables), Ok(None | Some(SetAside::Elsewhere))) {
                return None;
            }
            self.read_definition(name.clone(), tables.clone());
        }
        Some(self.readings.waiting.entry(name).or_default())
    }

    fn read_definition(&self, name: DefinitionName, tables: Tables) {
        let (environment, own) = (Arc::clone(&self.environment), self.own.clone());
        self.environment.runtime.spawn(async move {
            let (reader, wanted) = (Arc::clone(&environment), name.clone());
            let read = environment.apart(move || reader.definitions.get(&wanted, &tables)).await;
            // What cannot be read is read once more by who loads the execution, and sets it aside.
            own.report(Report::DefinitionRead { name, definition: read.ok().and_then(Result::ok) });
        });
    }

    pub(super) fn definition_read(&mut self, name: &DefinitionName, definition: Option<&Arc<Definition>>) {
        for work in self.readings.waiting.remove(name).into_iter().flatten() {
            self.work.push_back(Work::Read(Box::new(work), definition.map(Arc::clone)));
        }
    }
}
