//! How far a Map Run is: counts, settings, and whether its failures are tolerated.

use super::{ItemRange, MapRunRequest};
use crate::{Failure, Status, states};
use serde::{Deserialize, Serialize};

/// How a Map Run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MapRunStatus {
    Running,
    Succeeded,
    Failed,
    Aborted,
}

/// What UpdateMapRun changes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapRunSettings {
    /// Children that run at once; 0 is as many as may.
    pub max_concurrency: u64,
    /// Failed items; `None` when the definition does not say.
    pub tolerated_failure_count: Option<u64>,
    /// `0..=100` of all items.
    pub tolerated_failure_percentage: Option<f64>,
}

/// UpdateMapRun: what is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MapRunUpdate {
    pub max_concurrency: Option<u64>,
    pub tolerated_failure_count: Option<u64>,
    pub tolerated_failure_percentage: Option<f64>,
}

impl MapRunSettings {
    pub(super) fn update(&mut self, update: &MapRunUpdate) {
        self.max_concurrency = update.max_concurrency.unwrap_or(self.max_concurrency);
        self.tolerated_failure_count = update.tolerated_failure_count.or(self.tolerated_failure_count);
        self.tolerated_failure_percentage = update.tolerated_failure_percentage.or(self.tolerated_failure_percentage);
    }
}

/// Items or children by how they stand; those that are in none of these are pending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub running: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub timed_out: u64,
    pub aborted: u64,
}

impl Counts {
    fn ended(&mut self, status: Status, count: u64) {
        self.running = self.running.saturating_sub(count);
        match status {
            Status::Succeeded => self.succeeded += count,
            Status::Failed => self.failed += count,
            Status::TimedOut => self.timed_out += count,
            Status::Aborted | Status::Running => self.aborted += count,
        }
    }

    fn begun(&self) -> u64 {
        self.running + self.succeeded + self.failed + self.timed_out + self.aborted
    }
}

/// Why no more children are started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    Failed(Failure),
    Aborted,
}

/// What changes as children start and end: small, and stored anew with each step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapRunProgress {
    pub status: MapRunStatus,
    pub settings: MapRunSettings,
    pub items: Counts,
    pub executions: Counts,
    pub items_total: u64,
    /// The first item that no child has got.
    pub next_item: u64,
    pub children_started: u64,
    /// Items that a full batch has at most.
    pub items_per_child: u64,
    /// What the results come to so far.
    pub result_bytes: u64,
    pub ending: Option<Ending>,
}

impl MapRunProgress {
    pub(super) fn new(request: &MapRunRequest) -> MapRunProgress {
        let items_total = states::length(request.items.value());
        let items_per_child = match &request.batches {
            None => 1,
            Some(batches) => batches.items_max.unwrap_or(items_total).max(1),
        };
        MapRunProgress {
            status: MapRunStatus::Running,
            settings: request.settings,
            items: Counts::default(),
            executions: Counts::default(),
            items_total,
            next_item: 0,
            children_started: 0,
            items_per_child,
            result_bytes: 0,
            ending: None,
        }
    }

    pub fn items_pending(&self) -> u64 {
        self.items_total.saturating_sub(self.items.begun())
    }

    /// Children that were not started. Where the size of batches counts there may be more: how many is known when the
    /// last batch is made.
    pub fn executions_pending(&self) -> u64 {
        self.items_pending().div_ceil(self.items_per_child.max(1))
    }

    pub fn executions_total(&self) -> u64 {
        self.executions.begun() + self.executions_pending()
    }

    /// Whether no child is started any more, although there may be items left.
    pub fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// Why the Map Run failed.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.ending {
            Some(Ending::Failed(failure)) => Some(failure),
            Some(Ending::Aborted) | None => None,
        }
    }

    pub(super) fn started(&mut self, range: ItemRange) {
        self.children_started += 1;
        self.next_item = range.first.saturating_add(range.items);
        self.items.running += range.items;
        self.executions.running += 1;
    }

    pub(super) fn ended(&mut self, range: ItemRange, status: Status) {
        self.items.ended(status, range.items);
        self.executions.ended(status, 1);
    }

    /// Whether more items have failed than are tolerated. Each of the two settings counts where it is given; where none
    /// is, no failure is tolerated.
    pub(super) fn is_intolerable(&self) -> bool {
        let failed = self.items.failed + self.items.timed_out + self.items.aborted;
        let MapRunSettings { tolerated_failure_count, tolerated_failure_percentage, .. } = self.settings;
        let too_many = tolerated_failure_count.is_some_and(|tolerated| failed > tolerated);
        let too_large = tolerated_failure_percentage.is_some_and(|tolerated| self.percentage(failed) > tolerated);
        let says_nothing = tolerated_failure_count.is_none() && tolerated_failure_percentage.is_none();
        too_many || too_large || (says_nothing && failed > 0)
    }

    #[expect(clippy::cast_precision_loss, reason = "no one has 2^53 items")]
    fn percentage(&self, failed: u64) -> f64 {
        if self.items_total == 0 { 0.0 } else { failed as f64 * 100.0 / self.items_total as f64 }
    }
}
