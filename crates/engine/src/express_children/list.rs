//! A page of the Express children of a Map Run: those that run, by when they began, and those that have ended, by when
//! they did, the newest first.
//!
//! The ends are in the order in which the Map Run heard of them. That is about the order of their times: reports of several
//! shards may overtake one another, and only what one step heard of is sorted.

use super::{ExpressChildren, in_memory};
use crate::{
    Error, ExecutionFilter, ExecutionRecord, Page, Paged, queries,
    tables::{ExecutionKey, ReadError},
};
use machine::{ChildEnd, MapRunBlock, Status};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// What is read for one page: bytes of ends, about. A page may have less than its size although there is a next one.
const READ_BYTES_MAX: usize = 32 << 20;
/// What an end takes besides its payloads: an estimate.
const END_BYTES: usize = 256;

/// Where a page begins.
#[derive(Clone, Copy)]
struct Position {
    /// Children that run and have smaller numbers: those that began earlier.
    running_before: u64,
    /// So many ends of a block, and all blocks before it.
    block: u64,
    ends: u64,
}

impl Position {
    fn read(bytes: &[u8]) -> Result<Position, Error> {
        let (numbers, []) = bytes.as_chunks::<8>() else { return Err(Error::InvalidPageToken) };
        let [running_before, block, ends] = numbers else { return Err(Error::InvalidPageToken) };
        let number = |bytes: &[u8; 8]| u64::from_be_bytes(*bytes);
        Ok(Position { running_before: number(running_before), block: number(block), ends: number(ends) })
    }

    fn bytes(self) -> Vec<u8> {
        [self.running_before, self.block, self.ends].map(u64::to_be_bytes).concat()
    }
}

impl ExpressChildren {
    pub(crate) async fn list(mut self, filter: ExecutionFilter, page: Page) -> Result<Paged<ExecutionRecord>, Error> {
        // A child of type Express is not redriven: it begins anew.
        if filter.is_redriven == Some(true) {
            return Ok(Paged { items: Vec::new(), next: None });
        }
        let after = page.after.as_deref().map(Position::read).transpose()?;
        let wants_running = !filter.is_pending_redrive && filter.status.is_none_or(|status| status == Status::Running);
        let running_before = match after {
            Some(after) => after.running_before,
            None if wants_running => u64::MAX,
            None => 0,
        };
        let running = self.that_run(running_before, page.size).await?;
        let after = after.unwrap_or(Position { running_before, block: self.map_run.blocks, ends: 0 });
        let environment = Arc::clone(&self.environment);
        environment.apart(move || self.page(&filter, after, running, page.size)).await?
    }

    /// The records of those that run, with numbers below `before`: the last `count` of them, or a few more.
    async fn that_run(&mut self, before: u64, count: usize) -> Result<BTreeMap<u64, ExecutionRecord>, Error> {
        let mut found = BTreeMap::new();
        let mut are_all = true;
        let mut numbers: Vec<u64> = self.running.range(..before).copied().collect();
        while found.len() < count && !numbers.is_empty() {
            let asked = numbers.split_off(numbers.len().saturating_sub(count));
            let names: HashMap<_, _> =
                asked.iter().map(|number| (self.names(*number).execution_arn, *number)).collect();
            let keys: Vec<_> = names.keys().map(|arn| ExecutionKey::of(arn)).collect();
            let records = in_memory(&self.environment, &keys).await?;
            are_all &= records.len() == asked.len();
            let numbered = records.into_iter().filter_map(|record| Some((*names.get(&record.arn)?, record)));
            found.extend(numbered.map(|(number, record)| (number, queries::without_data(record))));
        }
        // Those that are missing have not begun, or have ended meanwhile: then the blocks tell of them from now on.
        if !are_all {
            let map_run = asl::Arn::parse(&self.map_run.arn).map_err(|_| Error::InvalidPageToken)?;
            if let Some(later) = ExpressChildren::of(&self.environment, &map_run).await? {
                *self = later;
                found.retain(|number, _| self.running.contains(number));
            }
        }
        Ok(found)
    }

    /// The page: both kinds together, by time.
    fn page(
        &self,
        filter: &ExecutionFilter,
        after: Position,
        mut running: BTreeMap<u64, ExecutionRecord>,
        size: usize,
    ) -> Result<Paged<ExecutionRecord>, Error> {
        let wants_ended = filter.status != Some(Status::Running);
        let mut ends = if wants_ended { Ends::before(self, after)? } else { Ends::none(self) };
        let superseding = if wants_ended { self.superseding()? } else { HashMap::new() };
        let (mut items, mut read_bytes, mut running_before) = (Vec::new(), 0, after.running_before);
        while items.len() < size && read_bytes < READ_BYTES_MAX {
            let stop_ms = ends.last()?.map(|end| end.stop_ms);
            if let Some(child) = running.last_entry()
                && stop_ms.is_none_or(|stop_ms| child.get().start_ms >= stop_ms)
            {
                running_before = *child.key();
                items.push(child.remove());
                continue;
            }
            let Some((redrive_count, end)) = ends.pop() else { return Ok(Paged { items, next: None }) };
            read_bytes += END_BYTES + end.payload_bytes();
            if filter.status.is_none_or(|status| status == end.outcome.status())
                && !self.is_superseded(redrive_count, &end, &superseding)
            {
                let record = self.record_of(redrive_count, &end).filter(|record| queries::has_status(filter, record));
                items.extend(record.map(queries::without_data));
            }
        }
        let next = Position { running_before, block: ends.number, ends: ends.block.ended.len() as u64 };
        let has_more = !ends.are_over() || self.running.range(..running_before).next().is_some();
        Ok(Paged { items, next: has_more.then(|| next.bytes()) })
    }

    /// Whether the child runs again, or has ended again, since the Map Run was redriven.
    fn is_superseded(&self, redrive_count: u32, end: &ChildEnd, superseding: &HashMap<u64, u32>) -> bool {
        let is_of_now = redrive_count == self.map_run.progress.redrive_count;
        let has_ended_again = superseding.get(&end.child).is_some_and(|last| *last > redrive_count);
        !is_of_now && (has_ended_again || self.running.contains(&end.child))
    }

    /// The last redrive of the Map Run in which a child has ended, of those that did so in one.
    fn superseding(&self) -> Result<HashMap<u64, u32>, ReadError> {
        let mut last = HashMap::new();
        if self.map_run.progress.redrive_count == 0 {
            return Ok(last);
        }
        for number in (0..self.map_run.blocks).rev() {
            let MapRunBlock { redrive_count, ended, .. } = self.block(number)?;
            if redrive_count == 0 {
                break;
            }
            for end in ended {
                last.entry(end.child).or_insert(redrive_count);
            }
        }
        Ok(last)
    }
}

/// What children came to, the last end first.
struct Ends<'c> {
    children: &'c ExpressChildren,
    number: u64,
    /// The block of that number, with the ends that are left, the last one last.
    block: MapRunBlock,
}

impl<'c> Ends<'c> {
    fn none(children: &'c ExpressChildren) -> Ends<'c> {
        Ends { children, number: 0, block: MapRunBlock::default() }
    }

    fn before(children: &'c ExpressChildren, position: Position) -> Result<Ends<'c>, Error> {
        if position.block > children.map_run.blocks {
            return Err(Error::InvalidPageToken);
        }
        let mut ends = Ends { number: position.block, ..Ends::none(children) };
        if position.ends > 0 {
            ends.read()?;
            ends.block.ended.truncate(usize::try_from(position.ends).unwrap_or(usize::MAX));
        }
        Ok(ends)
    }

    fn read(&mut self) -> Result<(), ReadError> {
        self.block = self.children.block(self.number)?;
        self.block.ended.sort_by_key(|end| end.stop_ms);
        Ok(())
    }

    /// The end that comes next.
    fn last(&mut self) -> Result<Option<&ChildEnd>, ReadError> {
        while self.block.ended.is_empty() && self.number > 0 {
            self.number -= 1;
            self.read()?;
        }
        Ok(self.block.ended.last())
    }

    /// Takes it, with the number of the redrive that it is of.
    fn pop(&mut self) -> Option<(u32, ChildEnd)> {
        Some((self.block.redrive_count, self.block.ended.pop()?))
    }

    fn are_over(&self) -> bool {
        self.number == 0 && self.block.ended.is_empty()
    }
}
