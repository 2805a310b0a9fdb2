//! The Express children of Map Runs, as callers see them: AWS lists and describes them as it does Standard ones.
//!
//! They have no records. One that runs is in the memory of its shard; what one came to is in the blocks of its Map Run,
//! which are written anyway. So they are read out of these, and cost nothing until somebody asks. The ARN of a child leads
//! to its Map Run, and its name to its number ([`Child::express_number`]).
//!
//! A child that has left the memory of its shard has told its Map Run of its end before. So whoever does not find it there
//! asks the shard of the Map Run next, which answers when what it was told by then is durable, and reads the blocks last:
//! a child that was seen once is never missed because it ends meanwhile.

mod list;

use crate::{
    Error, ExecutionRecord, MapRunRecord,
    environment::Environment,
    map_run, queries,
    shard::{OpenMapRun, Request},
    tables::{ExecutionKey, MapRunKey, ReadError, Tables},
};
use asl::{Arn, StateMachineType};
use futures_util::future::try_join_all;
use json::Text;
use machine::{Child, ChildEnd, ChildRemains, MapRunBlock, map_run_of_child};
use std::{collections::BTreeSet, sync::Arc};

/// A Map Run whose children are of type Express.
pub(crate) struct ExpressChildren {
    environment: Arc<Environment>,
    tables: Tables,
    key: MapRunKey,
    /// Its blocks have the ends of all children that are not among `running`.
    map_run: MapRunRecord,
    /// Those that it has asked for and knows no end of. Some may not have begun.
    running: BTreeSet<u64>,
    /// Of the execution that made it.
    owner: ExecutionRecord,
}

/// Describes the child that the ARN names.
pub(crate) async fn execution(environment: &Arc<Environment>, arn: &Arn) -> Result<ExecutionRecord, Error> {
    let text: Text = arn.to_string().into();
    let absent = || Error::ExecutionDoesNotExist(Arc::clone(&text));
    let map_run = map_run_of_child(arn).ok_or_else(absent)?;
    let number = Child::express_number(&map_run.to_string(), arn).ok_or_else(absent)?;
    if let Some(record) = in_memory(environment, &[ExecutionKey::of(&text)]).await?.pop() {
        return Ok(record);
    }
    let children = ExpressChildren::of(environment, &map_run).await?.ok_or_else(absent)?;
    environment.apart(move || children.ended(number)).await??.ok_or_else(absent)
}

/// Those of these executions that run, in no order.
async fn in_memory(environment: &Environment, keys: &[ExecutionKey]) -> Result<Vec<ExecutionRecord>, Error> {
    let asked = environment.by_shard(keys).into_iter();
    let answers = asked.map(|(shard, keys)| shard.ask(|reply| Request::InMemory { keys, reply }));
    Ok(try_join_all(answers).await?.into_iter().flatten().collect())
}

impl ExpressChildren {
    /// `None` if there is no such Map Run any more, or its children are of type Standard.
    pub(crate) async fn of(environment: &Arc<Environment>, arn: &Arn) -> Result<Option<ExpressChildren>, Error> {
        let key = MapRunKey::of(&arn.to_string());
        let is_express = |found: &MapRunRecord| found.execution_type == StateMachineType::Express;
        let Some(found) = environment.tables()?.map_run(key)?.filter(is_express) else { return Ok(None) };
        let owner = found.owner;
        let open = match found.stop_ms {
            None => {
                let shard = environment.shard(owner).ok_or(Error::ShuttingDown)?;
                shard.ask(|reply| Request::OpenMapRun { owner, map_run: key, reply }).await?
            }
            Some(_) => None,
        };
        let tables = environment.tables()?;
        let OpenMapRun { record: map_run, running } = match (open, tables.map_run(key)?) {
            (Some(open), _) => open,
            (None, Some(record)) => OpenMapRun { record, running: BTreeSet::new() },
            (None, None) => return Ok(None),
        };
        // When it has expired, so have all children, and the blocks may be gone.
        let owner = tables.execution(owner)?.map(|stored| stored.record);
        let owner = owner.filter(|owner| !environment.has_expired(owner));
        let environment = Arc::clone(environment);
        Ok(owner.map(|owner| ExpressChildren { environment, tables, key, map_run, running, owner }))
    }

    fn names(&self, number: u64) -> Child {
        Child::of(&self.map_run.arn, StateMachineType::Express, number)
    }

    /// What a child came to last.
    fn ended(&self, number: u64) -> Result<Option<ExecutionRecord>, Error> {
        let progress = &self.map_run.progress;
        let is_new = self.running.contains(&number) && progress.redrive_count == 0;
        if number >= progress.children_started || is_new {
            return Ok(None);
        }
        let find = |block: &MapRunBlock| {
            let end = block.ended.iter().find(|end| end.child == number)?;
            Some(self.record_of(block.redrive_count, end))
        };
        // Blocks of redrives come last, and supersede those before them.
        let mut blocks = self.map_run.blocks;
        while progress.redrive_count > 0 && blocks > 0 {
            let block = self.block(blocks - 1)?;
            if block.redrive_count == 0 {
                break;
            }
            if let Some(found) = find(&block) {
                return Ok(found);
            }
            blocks -= 1;
        }
        // Children end about as they begin.
        let guess = u128::from(number) * u128::from(blocks) / u128::from(progress.children_started);
        let guess = u64::try_from(guess).unwrap_or(blocks);
        let outward = (0..blocks).flat_map(|far| [guess.checked_sub(far + 1), guess.checked_add(far)]);
        for number in outward.flatten().filter(|number| *number < blocks) {
            if let Some(found) = find(&self.block(number)?) {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn block(&self, number: u64) -> Result<MapRunBlock, ReadError> {
        self.tables.map_run_block(self.key, number)
    }

    /// `None` if the child did not begin, or its execution has expired.
    fn record_of(&self, map_run_redrives: u32, end: &ChildEnd) -> Option<ExecutionRecord> {
        if end.remains == ChildRemains::NotBegun {
            return None;
        }
        let (arn, express) = (&self.map_run.arn, StateMachineType::Express);
        let record = ExecutionRecord {
            status: end.outcome.status(),
            start_ms: end.start_ms,
            stop_ms: Some(end.stop_ms),
            input_text: end.input.clone().unwrap_or_default(),
            outcome: Some(end.outcome.clone()),
            map_run_redrives,
            ..map_run::child_record(self.names(end.child), &self.owner, arn, express, end.range.items)
        };
        let is_pending_redrive = queries::is_pending_redrive(&self.environment, &record, Some(&self.map_run));
        Some(ExecutionRecord { is_pending_redrive, ..record }).filter(|record| !self.environment.has_expired(record))
    }
}
