//! Map Runs as operations show them.

use crate::model::{DescribeMapRunOutput, MapRunExecutionCounts, MapRunItemCounts, MapRunListItem};
use crate::shape::Timestamp;
use engine::MapRunRecord;
use machine::{Counts, MapRunProgress, MapRunStatus};

pub(crate) fn description(record: MapRunRecord) -> DescribeMapRunOutput {
    let progress = &record.progress;
    let settings = &progress.settings;
    DescribeMapRunOutput {
        map_run_arn: record.arn,
        execution_arn: record.execution_arn,
        status: status_name(progress.status).into(),
        start_date: Timestamp(record.start_ms),
        stop_date: record.stop_ms.map(Timestamp),
        max_concurrency: count(settings.max_concurrency),
        tolerated_failure_percentage: settings.tolerated_failure_percentage.unwrap_or(0.0),
        tolerated_failure_count: count(settings.tolerated_failure_count.unwrap_or(0)),
        item_counts: items(progress),
        execution_counts: executions(progress),
        redrive_count: Some(progress.redrive_count.into()),
        redrive_date: record.redrive_ms.map(Timestamp),
    }
}

pub(crate) fn in_list(record: MapRunRecord) -> MapRunListItem {
    MapRunListItem {
        execution_arn: record.execution_arn,
        map_run_arn: record.arn,
        state_machine_arn: record.state_machine_arn,
        start_date: Timestamp(record.start_ms),
        stop_date: record.stop_ms.map(Timestamp),
    }
}

fn status_name(status: MapRunStatus) -> &'static str {
    match status {
        MapRunStatus::Running => "RUNNING",
        MapRunStatus::Succeeded => "SUCCEEDED",
        MapRunStatus::Failed => "FAILED",
        MapRunStatus::Aborted => "ABORTED",
    }
}

/// Recorded: what has succeeded counts as written, also where no `ResultWriter` writes. What waits to be redriven is
/// neither failed, nor timed out, nor aborted; what cannot be redriven is one of these.
fn items(progress: &MapRunProgress) -> MapRunItemCounts {
    let Counts { running, succeeded, failed, timed_out, aborted, pending_redrive, not_redrivable } = progress.items;
    MapRunItemCounts {
        pending: count(progress.items_pending()),
        running: count(running),
        succeeded: count(succeeded),
        failed: count(failed),
        timed_out: count(timed_out),
        aborted: count(aborted),
        total: count(progress.items_total),
        results_written: count(succeeded),
        failures_not_redrivable: Some(count(not_redrivable.total())),
        pending_redrive: Some(count(pending_redrive.total())),
    }
}

fn executions(progress: &MapRunProgress) -> MapRunExecutionCounts {
    let Counts { running, succeeded, failed, timed_out, aborted, pending_redrive, not_redrivable } =
        progress.executions;
    MapRunExecutionCounts {
        pending: count(progress.executions_pending()),
        running: count(running),
        succeeded: count(succeeded),
        failed: count(failed),
        timed_out: count(timed_out),
        aborted: count(aborted),
        total: count(progress.executions_total()),
        results_written: count(succeeded),
        failures_not_redrivable: Some(count(not_redrivable.total())),
        pending_redrive: Some(count(pending_redrive.total())),
    }
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
