//! The items of a Map Run with an `ItemReader`: read apart, page by page, and stored with what the Map Run was made with
//! before its first child begins. A restart that comes before that reads them again.

use super::{Report, Shard, live_map_run::Beside};
use crate::{
    ItemReader, ItemReading,
    dispatch::{failure, guarded_as},
    tables::MapRunKey,
};
use asl::Limits;
use json::{Payload, Text, Value};
use machine::{Failure, MapRunTrigger};
use std::sync::Arc;

/// What a Map Run fails with whose items cannot be read.
const FAILED: &str = "States.ItemReaderFailed";

/// Items that were read, or why they were not.
pub(crate) struct ReadItems {
    key: MapRunKey,
    number: u64,
    outcome: Result<Items, Failure>,
}

/// Items, and what they were read from.
struct Items {
    items: Payload,
    read_from: Text,
}

impl Shard {
    /// Begins to read the items of a Map Run, if it waits for them and has a place among those that go on.
    pub(super) fn read_items_of(&mut self, key: MapRunKey) {
        let number = self.map_runs.next_errand();
        let Some(live) = self.map_runs.live.get_mut(&key) else { return };
        let (Some(run), Some(children)) = (&live.run, &live.children) else { return };
        if !live.has_place || live.reading.is_some() || !run.awaits_items() || self.environment.is_stopping() {
            return;
        }
        let Some(source) = run.request().source.clone() else { return };
        let reader = self.environment.tasks.item_reader(&source.resource);
        let facts = children.owner.facts();
        let (own, environment) = (self.own.clone(), Arc::clone(&self.environment));
        let map_run_arn = Arc::clone(&live.record.arn);
        let task = self.environment.runtime.spawn(async move {
            let limits = &environment.options.limits;
            let outcome = guarded_as(FAILED, async move {
                let reader = reader.ok_or_else(|| failed("its reader is gone"))?;
                let facts = Arc::new(facts.map_err(failed)?);
                read_all(&*reader, ItemReading { source, facts, map_run_arn }, limits).await
            });
            let outcome = outcome.await;
            own.report(Report::ItemsRead(Box::new(ReadItems { key, number, outcome })));
        });
        live.reading = Some(Beside::new(number, &task));
    }

    /// The items of a Map Run were read, or cannot be.
    pub(super) fn items_read(&mut self, read: ReadItems) {
        let reading = self.map_runs.live.get(&read.key).and_then(|live| live.reading.as_ref());
        if reading.is_some_and(|reading| reading.number == read.number) {
            let trigger = match read.outcome {
                Ok(Items { items, read_from }) => MapRunTrigger::ItemsRead { items, read_from },
                Err(failure) => MapRunTrigger::Fail(failure),
            };
            self.tell_map_run(read.key, trigger);
        }
    }
}

fn failed(cause: impl AsRef<str>) -> Failure {
    failure(FAILED, cause.as_ref())
}

/// Reads page after page, up to `MaxItems`.
async fn read_all(reader: &dyn ItemReader, reading: ItemReading, limits: &Limits) -> Result<Items, Failure> {
    let items_max = usize::try_from(reading.source.max_items.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    let (mut items, mut bytes, mut after) = (Vec::new(), 0, None);
    loop {
        let page = reader.read(reading.clone(), after.take()).await?;
        for item in page.items.into_iter().take(items_max.saturating_sub(items.len())) {
            let item = Payload::from(item);
            bytes += item.byte_len() + 1;
            if bytes > limits.map_run_items_bytes_max {
                let most = limits.map_run_items_bytes_max;
                return Err(failed(format!("The items have more than {most} bytes.")));
            }
            items.push(item.value().clone());
        }
        after = page.next.filter(|_| items.len() < items_max);
        if after.is_none() {
            return Ok(Items { items: Value::from(items).into(), read_from: reader.source(&reading) });
        }
    }
}
