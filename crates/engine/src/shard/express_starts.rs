//! Asynchronous Express executions run at least once, as in AWS: the start of one is stored before it is answered, and
//! removed with its end. One that is found when the process starts is begun anew, under its old name, from its beginning.
//!
//! Nothing else of it is stored. One that ends in its first step needs no record, and neither does a synchronous one, which
//! is run at most once, or a child of a Map Run, which its Map Run asks for again.

use super::{
    Shard,
    live::Live,
    message::{Then, Work},
};
use crate::{
    Error,
    tables::{ExecutionKey, ReadError, Tables},
};
use machine::{Execution, Trigger};

/// Executions that are begun anew in one pass of the loop.
const AT_ONCE: usize = 16;

/// How far the shard is with what an earlier process had begun.
pub(super) struct ExpressStarts {
    /// Partitions that were not read yet; the next is the last.
    unread: Vec<u8>,
    /// The execution that is being begun anew: its room is taken, and it is not in memory.
    beginning: Option<ExecutionKey>,
}

impl ExpressStarts {
    pub(super) fn new(partitions: &[u8]) -> ExpressStarts {
        ExpressStarts { unread: partitions.iter().rev().copied().collect(), beginning: None }
    }

    /// Whether the execution was being begun anew; it is not any more.
    pub(super) fn gives_up(&mut self, key: ExecutionKey) -> bool {
        self.beginning.take_if(|beginning| *beginning == key).is_some()
    }
}

impl Shard {
    /// Finds out what is to be begun anew, and takes the room of it: later there are starts of this process among them.
    /// Of a partition that cannot be read there are none, as the store is opened again before anything is started.
    pub(super) fn read_express_starts(&mut self) {
        let Some(tables) = self.pipeline.tables().cloned() else { return };
        while let Some(partition) = self.recovery.express.unread.last().copied() {
            match tables.express_starts(partition) {
                Ok(keys) => {
                    self.recovery.express.unread.pop();
                    self.environment.express_room.begin_anew(keys.len());
                    self.begun_before.extend(keys);
                }
                Err(error) => return self.cannot_read("the Express executions", &error),
            }
        }
    }

    pub(super) fn has_express_to_begin(&self) -> bool {
        !self.begun_before.is_empty() && self.pipeline.tables().is_some() && !self.is_ending()
    }

    /// Begins the next ones anew.
    pub(super) fn begin_express_anew(&mut self) {
        let slice = self.slice();
        for _ in 0..AT_ONCE {
            if slice.is_over() || !self.has_express_to_begin() {
                return;
            }
            let Some(key) = self.begun_before.pop_front() else { return };
            self.at = Some(key);
            self.recovery.express.beginning = Some(key);
            self.perform(Work::BeginExpress(key));
            self.recovery.express.beginning = None;
            self.at = None;
        }
    }

    /// Begins an execution anew whose definition is in memory.
    pub(super) fn begin_express(&mut self, key: ExecutionKey) {
        let Some(tables) = self.pipeline.tables().cloned() else { return self.begun_before.push_front(key) };
        self.recovery.express.beginning = Some(key);
        let read = self.read_express(key, &tables);
        self.recovery.express.beginning = None;
        match read {
            Ok(Some(live)) => {
                self.live.insert(key, live);
                self.turn(key, Trigger::Start, Then::Nothing);
            }
            Ok(None) => self.environment.express_room.ended(false),
            Err(ReadError::Store(error)) => {
                self.begun_before.push_front(key);
                self.cannot_read("an Express execution", &error);
            }
            Err(error) => {
                tracing::error!(%error, "an Express execution cannot be begun again, and is given up");
                self.environment.express_room.ended(false);
                self.pipeline.writes.remove_express_start(key);
            }
        }
    }

    /// The execution as it is at its start, which is now.
    fn read_express(&self, key: ExecutionKey, tables: &Tables) -> Result<Option<Live>, ReadError> {
        let Some(mut stored) = tables.express_start(key)? else { return Ok(None) };
        stored.record.start_ms = self.environment.clock.now_ms();
        let definition = match self.readings.at_hand(key) {
            Some(definition) => definition,
            None => self.environment.definitions.get(&stored.definition(), tables)?,
        };
        let facts = stored.facts().map_err(|why| ReadError::Corrupt { keyspace: "express_starts", why })?;
        let mut live = Live::new(Execution::new(facts), definition, stored, false);
        live.is_written = true;
        Ok(Some(live))
    }

    /// An asynchronous Express execution goes on after its first step: who started it is answered when that is durable.
    pub(super) fn keep_express_start(&mut self, key: ExecutionKey) -> Result<(), Error> {
        self.tables()?;
        if let Some(live) = self.live.get_mut(key) {
            self.pipeline.writes.express_start(key, &live.stored)?;
            live.is_written = true;
        }
        Ok(())
    }

    /// An Express execution that is begun no more.
    pub(super) fn forget_express_start(&mut self, key: ExecutionKey, live: &Live) {
        if live.is_written && self.pipeline.tables().is_some() {
            self.pipeline.writes.remove_express_start(key);
        }
    }
}
