//! How far a Map Run is: counts, settings, whether its failures are tolerated, and how often it was redriven.

use super::{ItemRange, MapRunRequest};
use crate::{Failure, Status, states};
use json::Payload;
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
    /// Of these three some may be `not_redrivable`; none is `pending_redrive`.
    pub failed: u64,
    pub timed_out: u64,
    pub aborted: u64,
    /// Those that wait to be redriven, by how they had ended.
    #[serde(default)]
    pub pending_redrive: Unsuccessful,
    /// Those of the unsuccessful that no redrive runs again.
    #[serde(default)]
    pub not_redrivable: Unsuccessful,
}

/// Unsuccessful items or children, by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsuccessful {
    pub failed: u64,
    pub timed_out: u64,
    pub aborted: u64,
}

impl Unsuccessful {
    pub fn total(&self) -> u64 {
        self.failed + self.timed_out + self.aborted
    }

    /// Of an unsuccessful status.
    fn of(&mut self, status: Status) -> &mut u64 {
        match status {
            Status::Failed => &mut self.failed,
            Status::TimedOut => &mut self.timed_out,
            Status::Aborted | Status::Running | Status::Succeeded => &mut self.aborted,
        }
    }
}

impl Counts {
    fn of(&mut self, status: Status) -> &mut u64 {
        match status {
            Status::Succeeded => &mut self.succeeded,
            Status::Failed => &mut self.failed,
            Status::TimedOut => &mut self.timed_out,
            Status::Aborted | Status::Running => &mut self.aborted,
        }
    }

    /// Some that run end, or turn out not to run; `is_final`: no redrive runs them again.
    fn ended(&mut self, status: Status, count: u64, is_final: bool) {
        self.running = self.running.saturating_sub(count);
        *self.of(status) += count;
        if is_final {
            *self.not_redrivable.of(status) += count;
        }
    }

    /// The unsuccessful wait to be run again, as far as they can.
    fn redrive(&mut self) {
        for status in UNSUCCESSFUL {
            let stay = *self.not_redrivable.of(status);
            let wait = std::mem::replace(self.of(status), stay).saturating_sub(stay);
            *self.pending_redrive.of(status) = wait;
        }
    }

    /// Some that waited run again.
    fn redriven(&mut self, status: Status, count: u64) {
        let waiting = self.pending_redrive.of(status);
        *waiting = waiting.saturating_sub(count);
        self.running += count;
    }

    /// Those that wait are not run again: they are what they were.
    fn withdraw(&mut self) {
        for status in UNSUCCESSFUL {
            let waiting = std::mem::take(self.pending_redrive.of(status));
            *self.of(status) += waiting;
        }
    }

    /// Some that were asked for have not begun: they are pending, or what they were before a redrive.
    fn not_begun(&mut self, earlier: Option<Status>, count: u64) {
        self.running = self.running.saturating_sub(count);
        if let Some(status) = earlier {
            *self.pending_redrive.of(status) += count;
        }
    }

    fn begun(&self) -> u64 {
        let ended = self.succeeded + self.failed + self.timed_out + self.aborted;
        self.running + ended + self.pending_redrive.total()
    }
}

const UNSUCCESSFUL: [Status; 3] = [Status::Failed, Status::TimedOut, Status::Aborted];

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
    /// What the results of children that a redrive does not run again come to so far …
    pub result_bytes: u64,
    /// … and those of the other unsuccessful ones.
    #[serde(default)]
    pub failure_bytes: u64,
    pub ending: Option<Ending>,
    /// What the `ResultWriter` gave for the results: this is what the state gets.
    #[serde(default)]
    pub written: Option<Payload>,
    /// How often the Map Run was redriven.
    #[serde(default)]
    pub redrive_count: u32,
    /// Of the children that ended unsuccessfully before the last redrive, those with smaller numbers were redriven.
    #[serde(default)]
    pub next_redriven: u64,
}

impl MapRunProgress {
    pub(super) fn new(request: &MapRunRequest) -> MapRunProgress {
        let mut progress = MapRunProgress {
            status: MapRunStatus::Running,
            settings: request.settings,
            items: Counts::default(),
            executions: Counts::default(),
            items_total: 0,
            next_item: 0,
            children_started: 0,
            items_per_child: 1,
            result_bytes: 0,
            failure_bytes: 0,
            ending: None,
            written: None,
            redrive_count: 0,
            next_redriven: 0,
        };
        progress.has_items(request);
        progress
    }

    /// The items are known from now on.
    pub(super) fn has_items(&mut self, request: &MapRunRequest) {
        self.items_total = states::length(request.items.value());
        self.items_per_child = match &request.batches {
            None => 1,
            Some(batches) => batches.items_max.unwrap_or(self.items_total).max(1),
        };
    }

    /// A Map Run that has ended goes on: its unsuccessful children run again as far as they can, and those that were
    /// not started are. Take it up with [`crate::MapRun::resume`] then.
    pub fn redrive(&mut self, redrive_count: u32) {
        (self.status, self.ending) = (MapRunStatus::Running, None);
        (self.redrive_count, self.next_redriven, self.failure_bytes) = (redrive_count, 0, 0);
        self.items.redrive();
        self.executions.redrive();
    }

    /// What all results come to.
    pub fn results_bytes(&self) -> u64 {
        self.result_bytes.saturating_add(self.failure_bytes)
    }

    pub fn items_pending(&self) -> u64 {
        self.items_total.saturating_sub(self.items.begun())
    }

    /// Children that have not begun. Where the size of batches counts there may be more: how many is known when the
    /// last batch is made.
    pub fn executions_pending(&self) -> u64 {
        let without_child = self.items_total.saturating_sub(self.next_item);
        let asked_for = self.children_started.saturating_sub(self.executions.begun());
        without_child.div_ceil(self.items_per_child.max(1)).saturating_add(asked_for)
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

    /// A child that was asked for has not begun; `earlier`: how it had ended before a redrive.
    pub(super) fn not_begun(&mut self, range: ItemRange, earlier: Option<Status>) {
        self.items.not_begun(earlier, range.items);
        self.executions.not_begun(earlier, 1);
    }

    /// A child that had ended with this status runs again.
    pub(super) fn redriven(&mut self, child: u64, range: ItemRange, status: Status) {
        self.next_redriven = child.saturating_add(1);
        self.items.redriven(status, range.items);
        self.executions.redriven(status, 1);
    }

    /// No child is run again any more.
    pub(super) fn withdraw_redrives(&mut self) {
        self.items.withdraw();
        self.executions.withdraw();
    }

    /// A child ended, or did not run and is what it was; `is_final`: no redrive runs it again.
    pub(super) fn ended(&mut self, range: ItemRange, status: Status, is_final: bool) {
        self.items.ended(status, range.items, is_final);
        self.executions.ended(status, 1, is_final);
    }

    /// Whether more items have failed or timed out than are tolerated. Each of the two settings counts where it is given;
    /// where none is, no failure is tolerated. As AWS documents it, what was aborted did not fail.
    ///
    /// <https://docs.aws.amazon.com/step-functions/latest/dg/maprun-fail-threshold.html>
    pub(super) fn is_intolerable(&self) -> bool {
        let failed = self.items.failed + self.items.timed_out;
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
