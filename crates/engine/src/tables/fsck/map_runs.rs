//! A Map Run with its request, its blocks and its execution.

use super::Walk;
use crate::{
    model::MapRunRecord,
    tables::{
        EXECUTIONS, ExecutionKey, MAP_RUN_BLOCKS, MAP_RUN_REQUESTS, MAP_RUNS, MAP_RUNS_OF, MapRunKey, OPEN_MAP_RUNS,
        map_runs::{block_key, of_execution, open_key},
        reads::bytes,
    },
};
use machine::{Counts, MapRunBlock, MapRunRequest};
use std::collections::HashSet;

impl Walk<'_> {
    pub(super) fn map_runs(&mut self) {
        self.each(MAP_RUNS, &[], |walk, at, value| {
            walk.checked.map_runs += 1;
            if let Some(record) = walk.read::<MapRunRecord>(MAP_RUNS, at, value) {
                walk.map_run(at, &record);
            }
        });
        for (keyspace, offset) in [(MAP_RUN_REQUESTS, 0), (MAP_RUN_BLOCKS, 0), (OPEN_MAP_RUNS, 1)] {
            self.each(keyspace, &[], |walk, at, _| {
                let map_run = bytes::<16>(keyspace, at, offset);
                if !map_run.is_ok_and(|map_run| walk.has(MAP_RUNS, &map_run)) {
                    walk.damage(keyspace, at, None, "it belongs to no Map Run");
                }
            });
        }
        self.each(MAP_RUNS_OF, &[], |walk, at, _| {
            let map_run = bytes::<16>(MAP_RUNS_OF, at, at.len().saturating_sub(16));
            if !map_run.is_ok_and(|map_run| walk.has(MAP_RUNS, &map_run)) {
                walk.damage(MAP_RUNS_OF, at, None, "it leads to no Map Run");
            }
        });
    }

    fn map_run(&mut self, at: &[u8], record: &MapRunRecord) {
        let (key, arn) = (MapRunKey::of(&record.arn), Some(&*record.arn));
        if key.0 != at {
            self.damage(MAP_RUNS, at, arn, "it is stored under the key of another ARN");
        }
        if ExecutionKey::of(&record.execution_arn) != record.owner || !self.has(EXECUTIONS, &record.owner.0) {
            self.damage(MAP_RUNS, at, arn, "its execution is not there");
        }
        if !self.has(MAP_RUNS_OF, &of_execution(record)) {
            self.damage(MAP_RUNS_OF, at, arn, "its execution does not list it");
        }
        if self.has(OPEN_MAP_RUNS, &open_key(record.owner, key)) != record.stop_ms.is_none() {
            self.damage(OPEN_MAP_RUNS, at, arn, "it is open and would not be read, or has ended and would be");
        }
        match self.get(MAP_RUN_REQUESTS, at) {
            Some(request) => {
                self.decodes::<MapRunRequest>(MAP_RUN_REQUESTS, at, &request);
            }
            None => self.damage(MAP_RUN_REQUESTS, at, arn, "what it was made with is missing"),
        }
        self.blocks(key, record);
    }

    /// The blocks are as many as the record says, and have as many ends as it counts.
    fn blocks(&mut self, key: MapRunKey, record: &MapRunRecord) {
        let arn = Some(&*record.arn);
        let (mut blocks, mut ended, mut is_whole) = (0, HashSet::new(), true);
        self.each(MAP_RUN_BLOCKS, &key.0, |walk, at, value| {
            if at != block_key(key, blocks) {
                walk.damage(MAP_RUN_BLOCKS, at, arn, format!("block {blocks} is missing"));
            }
            blocks += 1;
            match walk.read::<MapRunBlock>(MAP_RUN_BLOCKS, at, value) {
                Some(block) => ended.extend(block.ended.iter().map(|end| end.child)),
                None => is_whole = false,
            }
        });
        if blocks != record.blocks {
            let what = format!("it has {blocks} blocks, and its record counts {}", record.blocks);
            self.damage(MAP_RUN_BLOCKS, &key.0, arn, what);
        }
        // A child that is redriven stands in a block and is not counted: it waits for its turn, or runs again.
        let Counts { running, succeeded, failed, timed_out, aborted, pending_redrive, .. } = record.progress.executions;
        let counted = succeeded + failed + timed_out + aborted + pending_redrive.total();
        let again = if record.progress.redrive_count == 0 { 0 } else { running };
        if is_whole && !(counted..=counted + again).contains(&(ended.len() as u64)) {
            let what = format!("{} children have ended, and its record counts {counted}", ended.len());
            self.damage(MAP_RUNS, &key.0, arn, what);
        }
    }
}
