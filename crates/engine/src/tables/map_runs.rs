//! Map Runs in the store. What changes with each child is one small record; what the children came to is appended.

use super::{
    ExecutionKey, MAP_RUN_BLOCKS, MAP_RUN_REQUESTS, MAP_RUNS, MAP_RUNS_OF, MapRunKey, OPEN_MAP_RUNS, ReadError, Tables,
    Writes, encode, join, newest_first, reads::bytes, successor,
};
use crate::model::MapRunRecord;
use machine::{MapRunBlock, MapRunRequest};
use store::{Batch, Range, Write, prefix_end};

impl Writes {
    /// A new Map Run, with what it was made with.
    ///
    /// # Errors
    ///
    /// [`store::Error::Limit`] if the items are too many for one record.
    pub(crate) fn new_map_run(&mut self, record: &MapRunRecord, request: &MapRunRequest) -> Result<(), store::Error> {
        let key = MapRunKey::of(&record.arn);
        let value = encode(request);
        let request = Write::Put { keyspace: MAP_RUN_REQUESTS, key: key.0.to_vec(), value };
        let batch = Batch { writes: vec![request], expect: Vec::new() };
        batch.check_limits()?;
        batch.writes.into_iter().for_each(|write| self.push(write));
        self.put(MAP_RUNS_OF, of_execution(record), Vec::new());
        self.put(OPEN_MAP_RUNS, open_key(record.owner, key), Vec::new());
        self.map_run(record);
        Ok(())
    }

    /// What a Map Run was made with, and the items that were read for it, which are bounded.
    pub(crate) fn map_run_request(&mut self, key: MapRunKey, request: &MapRunRequest) {
        self.push(Write::Put { keyspace: MAP_RUN_REQUESTS, key: key.0.to_vec(), value: encode(request) });
    }

    /// How far a Map Run is.
    pub(crate) fn map_run(&mut self, record: &MapRunRecord) {
        let key = MapRunKey::of(&record.arn);
        self.put(MAP_RUNS, key.0.to_vec(), encode(record));
        if record.stop_ms.is_some() {
            self.delete(OPEN_MAP_RUNS, open_key(record.owner, key));
        }
    }

    /// A Map Run that had ended goes on.
    pub(crate) fn redriven_map_run(&mut self, record: &MapRunRecord) {
        self.put(OPEN_MAP_RUNS, open_key(record.owner, MapRunKey::of(&record.arn)), Vec::new());
        self.map_run(record);
    }

    pub(crate) fn map_run_block(&mut self, key: MapRunKey, number: u64, block: &MapRunBlock) {
        self.push(Write::Put { keyspace: MAP_RUN_BLOCKS, key: block_key(key, number), value: encode(block) });
    }
}

impl Tables {
    pub(crate) fn map_run(&self, key: MapRunKey) -> Result<Option<MapRunRecord>, ReadError> {
        self.record(MAP_RUNS, &key.0)
    }

    pub(crate) fn map_run_request(&self, key: MapRunKey) -> Result<MapRunRequest, ReadError> {
        let missing = || ReadError::Corrupt { keyspace: MAP_RUN_REQUESTS.0, why: "it is missing".into() };
        self.record(MAP_RUN_REQUESTS, &key.0)?.ok_or_else(missing)
    }

    /// The first `count` blocks, one after the other.
    pub(crate) fn map_run_blocks(
        &self,
        key: MapRunKey,
        count: u64,
    ) -> impl Iterator<Item = Result<MapRunBlock, ReadError>> {
        (0..count).map(move |number| self.map_run_block(key, number))
    }

    pub(crate) fn map_run_block(&self, key: MapRunKey, number: u64) -> Result<MapRunBlock, ReadError> {
        let missing = || ReadError::Corrupt { keyspace: MAP_RUN_BLOCKS.0, why: "a block is missing".into() };
        self.record(MAP_RUN_BLOCKS, &block_key(key, number))?.ok_or_else(missing)
    }

    /// Map Runs of a partition that have not ended.
    pub(crate) fn open_map_runs(&self, partition: u8) -> Result<Vec<MapRunKey>, ReadError> {
        let to = prefix_end(&[partition]);
        self.readable(OPEN_MAP_RUNS, vec![partition], to.as_deref(), usize::MAX, |(at, _)| {
            bytes(OPEN_MAP_RUNS, at, 1).map(MapRunKey)
        })
    }

    /// Map Runs of an execution after the position `after`, the newest first, each with its position.
    pub(crate) fn map_runs_of(
        &self,
        execution: ExecutionKey,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<MapRunRecord>, ReadError> {
        let from = after.map_or_else(|| execution.0.to_vec(), successor);
        let to = prefix_end(&execution.0);
        let keys = self.readable(MAP_RUNS_OF, from, to.as_deref(), limit, |(at, _)| {
            bytes(MAP_RUNS_OF, at, at.len().saturating_sub(16)).map(MapRunKey)
        })?;
        let records: Result<Vec<_>, _> = keys.into_iter().map(|key| self.map_run(key)).collect();
        Ok(records?.into_iter().flatten().collect())
    }

    /// Deletes up to `limit` blocks of the Map Runs of an execution, and the Map Runs with their last ones; true if none
    /// is left. Their Standard children are executions of their own, and expire by themselves.
    pub(super) fn forget_map_runs(
        &self,
        writes: &mut Writes,
        execution: ExecutionKey,
        limit: usize,
    ) -> Result<bool, ReadError> {
        let mut left = limit;
        let to = prefix_end(&execution.0);
        let map_runs = self.store.keys(MAP_RUNS_OF, Range::new(&execution.0, to.as_deref()), limit)?;
        let are_all = map_runs.len() < limit;
        for at in map_runs {
            let key: [u8; 16] = bytes(MAP_RUNS_OF, &at, at.len().saturating_sub(16))?;
            let blocks = self.store.keys(MAP_RUN_BLOCKS, Range::new(&key, prefix_end(&key).as_deref()), left)?;
            left -= blocks.len();
            blocks.into_iter().for_each(|block| writes.delete(MAP_RUN_BLOCKS, block));
            if left == 0 {
                return Ok(false);
            }
            writes.delete(MAP_RUNS, key.to_vec());
            writes.delete(MAP_RUN_REQUESTS, key.to_vec());
            writes.delete(MAP_RUNS_OF, at);
        }
        Ok(are_all)
    }
}

/// Where the Map Run stands in `map_runs_of`: the position of a page.
pub(crate) fn of_execution(record: &MapRunRecord) -> Vec<u8> {
    join([&record.owner.0, &newest_first(record.start_ms), &MapRunKey::of(&record.arn).0])
}

pub(super) fn open_key(owner: ExecutionKey, key: MapRunKey) -> Vec<u8> {
    join([&[owner.partition()], &key.0])
}

pub(super) fn block_key(key: MapRunKey, number: u64) -> Vec<u8> {
    join([&key.0, &number.to_be_bytes()])
}

#[cfg(test)]
mod tests {
    use super::{super::decode, *};

    #[test]
    fn a_block_reads_as_it_was_written() {
        let batches = vec![(1, machine::ItemRange { first: 2, items: 3 })];
        let block = MapRunBlock { batches, ..MapRunBlock::default() };
        let read: MapRunBlock = decode(MAP_RUN_BLOCKS, &encode(&block)).unwrap();
        assert_eq!(read.batches, block.batches);
    }
}
