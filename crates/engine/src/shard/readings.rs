//! Definitions that are not in memory are read beside the loop: one of a megabyte takes up to a second.
//!
//! Before a piece of work is done it is looked whether its execution must be loaded, and with what definition. If that must
//! be read first, the work waits for it, and what comes for the same definition queues behind it, so that nothing overtakes.
//! The same goes for an execution that is large ([`super::large`]).

use super::{Report, Shard, large::LargeExecutions, message::Work};
use crate::{
    definitions::{Definition, DefinitionName},
    tables::{ExecutionKey, ReadError, SetAside, StoredExecution, Tables},
};
use machine::{Part, PartId, Trigger};
use std::{collections::BTreeMap, sync::Arc};

/// What waits for what is read, and what was seen when it was looked whether something must wait.
#[derive(Default)]
pub(super) struct Readings {
    /// What waits for definitions.
    definitions: BTreeMap<DefinitionName, Vec<Work>>,
    pub(super) large: LargeExecutions,
    /// The execution that the work in hand is about, as it is stored.
    stored: Option<(ExecutionKey, Option<StoredExecution>)>,
    /// Its definition.
    definition: Option<(ExecutionKey, Arc<Definition>)>,
    /// Its parts.
    parts: Option<(ExecutionKey, Vec<(PartId, Part)>)>,
}

impl Readings {
    pub(super) fn is_empty(&self) -> bool {
        self.definitions.is_empty() && self.large.is_empty()
    }

    /// Whether something of the execution waits.
    pub(super) fn has(&self, key: ExecutionKey) -> bool {
        self.large.has(key) || self.definitions.values().flatten().any(|work| work.key() == Some(key))
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

    /// The parts of the execution, which may have been read for the work in hand.
    pub(super) fn parts(&mut self, key: ExecutionKey, tables: &Tables) -> Result<Vec<(PartId, Part)>, ReadError> {
        match self.parts.take_if(|(seen, _)| *seen == key) {
            Some((_, parts)) => Ok(parts),
            None => tables.parts(key),
        }
    }

    /// The work in hand is done.
    pub(super) fn put_down(&mut self) {
        (self.stored, self.definition, self.parts) = (None, None, None);
    }

    /// All that waits: the store is opened again, and who comes then asks anew.
    pub(super) fn take_waiting(&mut self) -> impl Iterator<Item = Work> + use<> {
        let definitions = std::mem::take(&mut self.definitions).into_values().flatten();
        definitions.chain(self.large.take_waiting())
    }
}

/// What must be read before an execution can be loaded.
enum First {
    Definition(DefinitionName),
    /// The execution is large.
    Parts,
}

impl Shard {
    /// Gives the work back if it can be done now. Otherwise it is done when what it needs of its execution has been read.
    pub(super) fn when_read(&mut self, work: Work) -> Option<Work> {
        match (work.key(), work) {
            (Some(key), Work::Read(work, Some(definition))) => {
                self.readings.hand(key, definition);
                self.unless_to_be_read(*work)
            }
            // Who loads the execution sees why.
            (_, Work::Read(work, _)) => Some(*work),
            (_, work) => self.unless_to_be_read(work),
        }
    }

    fn unless_to_be_read(&mut self, work: Work) -> Option<Work> {
        let Some(key) = work.loads() else { return Some(work) };
        if self.readings.large.has(key) || self.readings.large.is_at_hand(key) {
            self.wait_for_large(key, work);
            return None;
        }
        let tables =
            self.pipeline.tables().filter(|_| self.live.get(key).is_none() && !self.is_without_turn(key, &work));
        let Some(tables) = tables.cloned() else { return Some(work) };
        // Who loads what cannot be read sees why.
        let stored = match work {
            Work::BeginExpress(_) => tables.express_start(key),
            _ => tables.execution(key),
        };
        let Ok(stored) = stored else { return Some(work) };
        let is_loaded = |stored: &&StoredExecution| stored.record.stop_ms.is_none() || work.loads_closed();
        let first = stored.as_ref().filter(is_loaded).and_then(|stored| self.first(key, stored, &work, &tables));
        match (first, stored) {
            (Some(First::Definition(name)), _) => self.wait_for_definition(name, work, tables),
            (Some(First::Parts), _) => self.wait_for_large(key, work),
            (None, stored) => {
                if !matches!(work, Work::BeginExpress(_)) {
                    self.readings.stored = Some((key, stored));
                }
                return Some(work);
            }
        }
        None
    }

    /// Whether it is to go on, and waits for its turn until there is room in memory: nothing comes of it now.
    fn is_without_turn(&self, key: ExecutionKey, work: &Work) -> bool {
        matches!(work, Work::Trigger { trigger: Trigger::Continue, .. }) && self.live.is_in_line(key)
    }

    /// What must be read beside the loop, if anything; what need not is at hand then.
    fn first(&mut self, key: ExecutionKey, stored: &StoredExecution, work: &Work, tables: &Tables) -> Option<First> {
        let name = stored.definition();
        let kept =
            || self.environment.definitions.kept(&name).filter(|_| !self.readings.definitions.contains_key(&name));
        let definition = self.readings.at_hand(key).or_else(kept);
        let is_aside = || !matches!(self.is_aside(key, tables), Ok(None | Some(SetAside::Elsewhere)));
        let Some(definition) = definition else {
            return (!is_aside()).then_some(First::Definition(name));
        };
        if !matches!(work, Work::BeginExpress(_)) {
            match tables.parts_within(key, self.environment.options.read_in_loop_bytes_max) {
                Ok(Some(parts)) => self.readings.parts = Some((key, parts)),
                Ok(None) if !is_aside() => return Some(First::Parts),
                Ok(None) | Err(_) => {}
            }
        }
        self.readings.hand(key, definition);
        None
    }

    fn wait_for_definition(&mut self, name: DefinitionName, work: Work, tables: Tables) {
        if !self.readings.definitions.contains_key(&name) {
            self.read_definition(name.clone(), tables);
        }
        self.readings.definitions.entry(name).or_default().push(work);
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
        for work in self.readings.definitions.remove(name).into_iter().flatten().rev() {
            self.work.push_front(Work::Read(Box::new(work), definition.map(Arc::clone)));
        }
    }
}
