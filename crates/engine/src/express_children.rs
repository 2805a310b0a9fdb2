//! The Express children of Map Runs, as callers see them: AWS lists and describes them as it does Standard ones.
//!
//! They have no records. One that runs is in the memory of its shard; what one came to is in the blocks of its Map Run,
//! which are written anyway. So they are read out of these, and cost nothing until somebody asks. The ARN of a child leads
//! to its Map Run, and its name to its number ([`MapRunRequest::number_of`]).
//!
//! Those that run are listed first, the last begun before the others; then those that have ended, the last end before the
//! others, as their Map Run heard of it.

use crate::{
    Error, ExecutionFilter, ExecutionRecord, MapRunRecord, Page, Paged,
    environment::Environment,
    map_run, queries,
    shard::Request,
    tables::{ExecutionKey, MapRunKey, ReadError, Tables},
};
use asl::{Arn, StateMachineType};
use machine::{ChildEnd, ChildRemains, MapRunBlock, MapRunRequest, Status, map_run_of_child, running_children};
use std::collections::HashMap;

/// Ends that are looked at for one page.
const LOOKED_AT_MAX: usize = 100_000;

/// A Map Run whose children are of type Express.
pub(crate) struct ExpressChildren<'e> {
    environment: &'e Environment,
    tables: Tables,
    key: MapRunKey,
    map_run: MapRunRecord,
    request: MapRunRequest,
    /// Of the execution that made it.
    owner: ExecutionRecord,
}

/// The last that was listed.
#[derive(Clone, Copy)]
enum Position {
    Running(u64),
    /// Number of the block, and of the end in it.
    Ended(u64, u64),
}

impl Position {
    fn read(bytes: &[u8]) -> Result<Position, Error> {
        let number = |at: &[u8]| at.try_into().map(u64::from_be_bytes).map_err(|_| Error::InvalidPageToken);
        match bytes.split_first_chunk::<8>() {
            Some((first, [])) => number(first).map(Position::Running),
            Some((first, second)) => Ok(Position::Ended(number(first)?, number(second)?)),
            None => Err(Error::InvalidPageToken),
        }
    }

    fn bytes(self) -> Vec<u8> {
        match self {
            Position::Running(child) => child.to_be_bytes().to_vec(),
            Position::Ended(block, end) => [block.to_be_bytes(), end.to_be_bytes()].concat(),
        }
    }
}

/// Describes the child that the ARN names.
pub(crate) async fn execution(environment: &Environment, arn: &Arn) -> Result<ExecutionRecord, Error> {
    let absent = || Error::ExecutionDoesNotExist(arn.to_string().into());
    let map_run = map_run_of_child(arn).ok_or_else(absent)?;
    let children = ExpressChildren::of(environment, &map_run)?.ok_or_else(absent)?;
    let number = children.request.number_of(arn).ok_or_else(absent)?;
    // One that runs may end between the two: its end is in a block when it is not in memory any more.
    if let Some(record) = children.running(number).await? {
        return Ok(record);
    }
    let children = ExpressChildren::of(environment, &map_run)?.ok_or_else(absent)?;
    let ended = children.ended(number)?.filter(|record| !environment.has_expired(record));
    ended.ok_or_else(absent)
}

impl<'e> ExpressChildren<'e> {
    /// `None` if there is no such Map Run, or its children are of type Standard.
    pub(crate) fn of(environment: &'e Environment, map_run: &Arn) -> Result<Option<ExpressChildren<'e>>, Error> {
        let tables = environment.tables()?;
        let key = MapRunKey::of(&map_run.to_string());
        let Some(map_run) = tables.map_run(key)? else { return Ok(None) };
        let request = tables.map_run_request(key)?;
        let Some(owner) = tables.execution(map_run.owner)? else { return Ok(None) };
        let children = ExpressChildren { environment, tables, key, map_run, request, owner: owner.record };
        Ok((children.request.execution_type == StateMachineType::Express).then_some(children))
    }

    /// One that is in memory. What it came to is told once its Map Run has stored it.
    async fn running(&self, number: u64) -> Result<Option<ExecutionRecord>, Error> {
        let key = ExecutionKey::of(&self.request.child(number).execution_arn);
        let shard = self.environment.shard(key).ok_or(Error::ShuttingDown)?;
        let found = shard.ask(|reply| Request::Running { key, reply }).await?;
        Ok(found.map(|record| *record).filter(|record| record.status == Status::Running))
    }

    /// What a child came to last.
    fn ended(&self, number: u64) -> Result<Option<ExecutionRecord>, Error> {
        let blocks = self.map_run.blocks;
        // Children end about as they begin. Only one that was redriven has several ends, of which the last counts.
        let guess = match self.map_run.progress.redrive_count {
            0 => u128::from(number) * u128::from(blocks) / u128::from(self.map_run.progress.children_started.max(1)),
            _ => u128::from(blocks),
        };
        let guess = u64::try_from(guess).unwrap_or(blocks).min(blocks);
        let outward = (0..blocks).flat_map(|far| [guess.checked_sub(far + 1), guess.checked_add(far)]);
        for number_of_block in outward.flatten().filter(|block| *block < blocks) {
            let block = self.tables.map_run_block(self.key, number_of_block)?;
            if let Some(end) = block.ended.iter().rfind(|end| end.child == number) {
                return Ok(self.record_of(block.redrive_count, end));
            }
        }
        Ok(None)
    }

    /// `None` if the child did not begin.
    fn record_of(&self, map_run_redrives: u32, end: &ChildEnd) -> Option<ExecutionRecord> {
        if end.remains == ChildRemains::NotBegun {
            return None;
        }
        let record = ExecutionRecord {
            status: end.outcome.status(),
            start_ms: end.start_ms,
            stop_ms: Some(end.stop_ms),
            input_text: end.input.clone().unwrap_or_default(),
            outcome: Some(end.outcome.clone()),
            map_run_redrives,
            ..map_run::child_record(self.request.child(end.child), &self.owner, &self.request, end.range.items)
        };
        let is_pending_redrive = queries::is_pending_redrive(self.environment, &record, Some(&self.map_run));
        Some(ExecutionRecord { is_pending_redrive, ..record })
    }

    pub(crate) async fn list(&self, filter: &ExecutionFilter, page: &Page) -> Result<Paged<ExecutionRecord>, Error> {
        // A child of type Express is not redriven: it begins anew.
        if filter.is_redriven == Some(true) {
            return Ok(Paged { items: Vec::new(), next: None });
        }
        let after = page.after.as_deref().map(Position::read).transpose()?;
        let mut items = Vec::new();
        let is_open = self.map_run.stop_ms.is_none();
        let running = if is_open { self.running_numbers()? } else { Vec::new() };
        let wants_running = !filter.is_pending_redrive && filter.status.is_none_or(|status| status == Status::Running);
        let before = match after {
            None => Some(u64::MAX),
            Some(Position::Running(number)) => Some(number),
            Some(Position::Ended(..)) => None,
        };
        if let Some(before) = before.filter(|_| wants_running) {
            for number in running.iter().rev().copied().filter(|number| *number < before) {
                items.extend(self.running(number).await?.map(queries::without_data));
                if items.len() >= page.size {
                    return Ok(Paged { items, next: Some(Position::Running(number).bytes()) });
                }
            }
        }
        if filter.status == Some(Status::Running) {
            return Ok(Paged { items, next: None });
        }
        let next = self.list_ended(filter, after, &running, page.size, &mut items)?;
        Ok(Paged { items, next: next.map(Position::bytes) })
    }

    /// Adds those that have ended, from the last block to the first.
    fn list_ended(
        &self,
        filter: &ExecutionFilter,
        after: Option<Position>,
        running: &[u64],
        size: usize,
        items: &mut Vec<ExecutionRecord>,
    ) -> Result<Option<Position>, Error> {
        let (last, mut before) = match after {
            Some(Position::Ended(block, end)) => (block, end),
            _ => (self.map_run.blocks.saturating_sub(1), u64::MAX),
        };
        let superseding = self.superseding()?;
        let mut looked_at = 0;
        for number in (0..self.map_run.blocks.min(last.saturating_add(1))).rev() {
            let MapRunBlock { redrive_count, mut ended, .. } = self.tables.map_run_block(self.key, number)?;
            ended.sort_by_key(|end| end.stop_ms);
            for (at, end) in (0u64..).zip(&ended).collect::<Vec<_>>().into_iter().rev() {
                let is_last = superseding.get(&end.child).is_none_or(|last| *last == number);
                let is_new = at < before && is_last && running.binary_search(&end.child).is_err();
                let record = if is_new { self.record_of(redrive_count, end) } else { None };
                let is_told = |record: &ExecutionRecord| {
                    queries::has_status(filter, record) && !self.environment.has_expired(record)
                };
                items.extend(record.filter(is_told).map(queries::without_data));
                looked_at += 1;
                if at < before && (items.len() >= size || looked_at >= LOOKED_AT_MAX) {
                    let is_end = number == 0 && at == 0;
                    return Ok((!is_end).then_some(Position::Ended(number, at)));
                }
            }
            before = u64::MAX;
        }
        Ok(None)
    }

    /// The numbers of those that run, or are about to begin.
    fn running_numbers(&self) -> Result<Vec<u64>, Error> {
        let mut failed = None;
        let blocks = self.blocks(&mut failed);
        let running = running_children(&self.map_run.progress, &self.request, blocks);
        failed.map_or_else(|| Ok(running.into_keys().collect()), |error| Err(error.into()))
    }

    /// The last block that tells of a child; empty if each child has one end only.
    fn superseding(&self) -> Result<HashMap<u64, u64>, Error> {
        if self.map_run.progress.redrive_count == 0 {
            return Ok(HashMap::new());
        }
        let mut failed = None;
        let blocks = (0..).zip(self.blocks(&mut failed));
        let last =
            blocks.flat_map(|(number, block)| block.ended.into_iter().map(move |end| (end.child, number))).collect();
        failed.map_or(Ok(last), |error| Err(error.into()))
    }

    /// All blocks, one after the other, up to one that cannot be read.
    fn blocks<'b>(&'b self, failed: &'b mut Option<ReadError>) -> impl Iterator<Item = MapRunBlock> + 'b {
        let blocks = self.tables.map_run_blocks(self.key, self.map_run.blocks);
        blocks.map_while(|block| block.map_err(|error| *failed = Some(error)).ok())
    }
}
