//! The rules of redrive: which executions can be redriven, and which calls are the same call.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html#redrive-eligibility>

use crate::{
    Error, ExecutionRecord, MapRunRecord, Remains,
    environment::{days_ms, minutes_ms, retention_ms},
    tables::{StoredExecution, Tables},
};
use asl::{Limits, StateMachineType};
use json::Text;
use machine::Status;

/// An execution that expires within this time is not redriven: it may be on the list of what is removed. No quota of AWS,
/// but longer than it takes to remove what is on that list.
const EXPIRING_MS: i64 = 60_000;

/// Why an execution cannot be redriven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRedrivable {
    Running,
    Succeeded,
    /// Its state machine is being deleted, or is gone.
    Deleting,
    /// It ended under a build that kept nothing for a redrive.
    NothingKept,
    HistoryFull,
    /// It would be open for longer than a year.
    TooOld,
    /// It ended too long ago.
    PeriodExceeded,
    Express,
    /// It is the child of a Map Run, and goes on when that is redriven: with the execution that made it.
    ByMapRun,
}

impl NotRedrivable {
    /// Why an execution cannot be redriven right after it began or ended; `None` if it can.
    pub fn by_its_end(record: &ExecutionRecord) -> Option<NotRedrivable> {
        by_what_it_left(record).or_else(|| by_map_run(record))
    }
}

fn by_what_it_left(record: &ExecutionRecord) -> Option<NotRedrivable> {
    match (record.status, record.remains) {
        (Status::Running, _) => Some(NotRedrivable::Running),
        (Status::Succeeded, _) => Some(NotRedrivable::Succeeded),
        // A child begins anew.
        _ if is_express(record) => record.map_run_arn.is_none().then_some(NotRedrivable::Express),
        (_, None) => Some(NotRedrivable::NothingKept),
        (_, Some(Remains { is_redrivable: false, .. })) => Some(NotRedrivable::HistoryFull),
        (_, Some(_)) => None,
    }
}

fn is_express(record: &ExecutionRecord) -> bool {
    record.state_machine_type == StateMachineType::Express
}

fn by_map_run(record: &ExecutionRecord) -> Option<NotRedrivable> {
    record.map_run_arn.is_some().then_some(NotRedrivable::ByMapRun)
}

/// Why an execution cannot be redriven now; `None` if it can.
pub(crate) fn refusal(
    record: &ExecutionRecord,
    tables: &Tables,
    now_ms: i64,
    limits: &Limits,
) -> Result<Option<NotRedrivable>, Error> {
    if let Some(why) = by_what_it_left(record) {
        return Ok(Some(why));
    }
    if record.map_run_arn.is_none() {
        // One of the same name that was created later is another.
        let is_its_own = |created_ms: i64| created_ms <= record.start_ms;
        match tables.state_machine(&record.state_machine_arn)? {
            Some(state_machine) if !state_machine.deleting && is_its_own(state_machine.created_ms) => {}
            _ => return Ok(Some(NotRedrivable::Deleting)),
        }
    }
    Ok(by_its_limits(record, now_ms, limits).or_else(|| by_map_run(record)))
}

/// Why its Map Run cannot redrive a child now; `None` if it can.
pub(crate) fn refusal_of_child(record: &ExecutionRecord, now_ms: i64, limits: &Limits) -> Option<NotRedrivable> {
    by_what_it_left(record).or_else(|| by_its_limits(record, now_ms, limits))
}

/// Whether a child waits for its Map Run, which was redriven, to redrive it.
pub(crate) fn is_pending(child: &ExecutionRecord, map_run: &MapRunRecord, now_ms: i64, limits: &Limits) -> bool {
    let is_running = map_run.stop_ms.is_none() && !map_run.progress.is_ending();
    is_running
        && child.map_run_redrives < map_run.progress.redrive_count
        && refusal_of_child(child, now_ms, limits).is_none()
}

/// History, time open, time since its end. An Express child has none of these: it begins anew.
fn by_its_limits(record: &ExecutionRecord, now_ms: i64, limits: &Limits) -> Option<NotRedrivable> {
    if is_express(record) {
        return None;
    }
    let stop_ms = record.stop_ms.unwrap_or(record.start_ms);
    // Room for the event that says so, and for one more.
    let has_room = record.remains.is_some_and(|remains| remains.events.saturating_add(1) < limits.history_events_max);
    let open_max_ms = i64::try_from(limits.standard_seconds_max).unwrap_or(i64::MAX).saturating_mul(1_000);
    match () {
        () if !has_room => Some(NotRedrivable::HistoryFull),
        () if now_ms.saturating_sub(record.start_ms) >= open_max_ms => Some(NotRedrivable::TooOld),
        () if now_ms.saturating_sub(stop_ms) >= period_ms(limits) => Some(NotRedrivable::PeriodExceeded),
        () => None,
    }
}

/// How long after its end an execution can be redriven.
fn period_ms(limits: &Limits) -> i64 {
    days_ms(limits.redrive_days).min(retention_ms(limits).saturating_sub(EXPIRING_MS))
}

impl StoredExecution {
    /// When this very redrive was made, if it was made before.
    pub(crate) fn redriven_with(&self, client_token: Option<&Text>, now_ms: i64, limits: &Limits) -> Option<i64> {
        let known_ms = minutes_ms(limits.redrive_token_minutes);
        let is_known =
            |(token, at_ms): &&(Text, i64)| Some(token) == client_token && now_ms.saturating_sub(*at_ms) < known_ms;
        self.redrives.iter().find(is_known).map(|(_, at_ms)| *at_ms)
    }

    /// The execution runs again.
    pub(crate) fn redrive(&mut self, client_token: Option<Text>, now_ms: i64, limits: &Limits) {
        if let Some(token) = client_token {
            self.redrives.retain(|(known, _)| *known != token);
            self.redrives.push((token, now_ms));
            let forgotten = self.redrives.len().saturating_sub(limits.redrive_tokens_max);
            self.redrives.drain(..forgotten);
        }
        self.kept.clear();
        let record = &mut self.record;
        (record.status, record.stop_ms, record.outcome, record.remains) = (Status::Running, None, None, None);
        record.redrive_count += 1;
        record.redrive_ms = Some(now_ms);
    }
}
