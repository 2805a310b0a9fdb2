//! The results of a Map Run whose `ResultWriter` has a `Resource`: read from its blocks, written apart, and told to the Map
//! Run, which ends then. A restart that comes before that writes them again.

use super::{Report, Shard, live_map_run::Beside};
use crate::{
    Error, MapRunRecord, ResultWriting,
    dispatch::{failure, guarded_as},
    map_run,
    tables::MapRunKey,
};
use json::Payload;
use machine::{Failure, MapRunTrigger};
use std::sync::Arc;
use tokio::sync::oneshot;

/// What a Map Run fails with whose results cannot be written.
const FAILED: &str = "States.ResultWriterFailed";

/// Results that were written, or why they were not.
pub(crate) struct WrittenResults {
    key: MapRunKey,
    number: u64,
    outcome: Result<Payload, Failure>,
}

impl Shard {
    /// Begins to write the results of a Map Run: the ends of all its children are durable.
    pub(super) fn write_results_of(&mut self, key: MapRunKey) {
        let number = self.map_runs.next_errand();
        let Some(live) = self.map_runs.live.get(&key) else { return };
        let (Some(run), Some(children)) = (&live.run, &live.children) else { return };
        if live.writing.is_some() || !run.awaits_writer() || self.environment.is_stopping() {
            return;
        }
        let Some(destination) = run.request().destination.clone() else { return };
        let writer = self.environment.tasks.result_writer(destination.resource.as_deref().unwrap_or_default());
        let facts = children.owner.facts();
        let (own, map_run_arn) = (self.own.clone(), Arc::clone(&live.record.arn));
        let Some(collected) = self.collected_results(key, &live.record) else { return };
        let task = self.environment.runtime.spawn(async move {
            // After the store was opened again, the Map Run is taken up, and its results are written then.
            let Ok(results) = collected.await else { return };
            let written = guarded_as(FAILED, async move {
                let writer = writer.ok_or_else(|| failed("its writer is gone"))?;
                let (results, facts) = (results?, Arc::new(facts.map_err(failed)?));
                writer.write(ResultWriting { destination, facts, map_run_arn, results }).await
            });
            let outcome = written.await;
            own.report(Report::ResultsWritten(Box::new(WrittenResults { key, number, outcome })));
        });
        if let Some(live) = self.map_runs.live.get_mut(&key) {
            live.writing = Some(Beside::new(number, &task));
        }
    }

    /// Reads all results of a Map Run beside the loop. There is no answer if the store cannot be read.
    fn collected_results(
        &self,
        key: MapRunKey,
        record: &MapRunRecord,
    ) -> Option<oneshot::Receiver<Result<Payload, Failure>>> {
        let tables = self.pipeline.tables().cloned()?;
        let record = record.clone();
        let environment = Arc::clone(&self.environment);
        let (done, collected) = oneshot::channel();
        self.environment.spawn_blocking(move || {
            let most = environment.options.limits.map_run_result_bytes_max;
            let results = match map_run::results(&tables, key, &record, most) {
                Err(Error::Store(error)) => return environment.store_failed(&tables, error),
                Err(error) => Err(failed(error.to_string())),
                Ok(results) => results.ok_or_else(|| failed(format!("The results have more than {most} bytes."))),
            };
            // The Map Run may have ended meanwhile.
            let _ = done.send(results);
        });
        Some(collected)
    }

    /// The results of a Map Run were written, or cannot be.
    pub(super) fn results_written(&mut self, written: WrittenResults) {
        let writing = self.map_runs.live.get(&written.key).and_then(|live| live.writing.as_ref());
        if writing.is_some_and(|writing| writing.number == written.number) {
            let trigger = written.outcome.map_or_else(MapRunTrigger::Fail, MapRunTrigger::ResultsWritten);
            self.tell_map_run(written.key, trigger);
        }
    }
}

fn failed(cause: impl AsRef<str>) -> Failure {
    failure(FAILED, cause.as_ref())
}
