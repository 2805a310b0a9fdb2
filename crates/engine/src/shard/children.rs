//! Children of Map Runs, on the shard that their own keys fall to: begun or redriven behind everything else, and stopped.

use super::{Found, Report, Shard, message::Then};
use crate::{
    Error, ExecutionRecord,
    dispatch::failure,
    map_run::{Children, NewChild, RunningChild},
    redrive,
    tables::{ChildOf, ExecutionKey, StoredExecution},
};
use asl::StateMachineType;
use machine::{Failure, Status, Trigger};
use std::sync::Arc;

/// Children that are begun between two turns of the loop: a Map Run of many children does not hold up its neighbours.
const BEGUN_AT_ONCE: usize = 64;
/// Children that are stopped between two turns of the loop.
const STOPPED_AT_ONCE: usize = 64;

impl Shard {
    pub(super) fn to_shard(&self, key: ExecutionKey, report: Report) {
        if let Some(shard) = self.environment.shard(key) {
            shard.report(report);
        }
    }

    /// Whether children can be begun: not while the store is opened again, nor when the engine ends.
    pub(super) fn can_begin_children(&self) -> bool {
        self.pipeline.tables().is_some() && !self.environment.is_stopping()
    }

    /// Whether one more Express child may begin; if not, the shard is woken when it is worth to ask again.
    pub(super) fn has_express_room_or_hears(&self) -> bool {
        let environment = &self.environment;
        environment.express_room.has_room_or_tells(self.number, &self.own, &environment.options.limits)
    }

    pub(super) fn begin_children(&mut self) {
        let slice = self.slice();
        for _ in 0..BEGUN_AT_ONCE {
            if slice.is_over()
                || !self.can_begin_children()
                || !self.pipeline.has_room(self.environment.options.batch_bytes_max)
            {
                return;
            }
            let room = || self.environment.express_room.has_room_for_child(&self.environment.options.limits);
            let Some(child) = self.children.next(room) else { return };
            let (waits, is_express) = (Arc::clone(&child.waits), child.is_express());
            self.at = Some(child.key);
            self.begin_child(child);
            self.readings.put_down();
            self.at = None;
            // A Standard child is told as running when it is listed as running.
            if !is_express {
                self.pipeline.outbox.then(move || drop(waits));
            }
        }
    }

    /// Begins a child, or redrives it. One that exists is only asked for its end: a Map Run asks again after a restart.
    fn begin_child(&mut self, child: NewChild) {
        if child.of.is_stopping() {
            return self.environment.child_not_run(&child.of, child.number, false);
        }
        let is_express = child.is_express();
        match self.find_child(child.key, &child.of) {
            // Retention has removed it.
            Ok(Found::Absent) if child.is_redriven && !is_express => {
                self.environment.child_not_run(&child.of, child.number, true);
            }
            Ok(Found::Absent) => {
                if is_express {
                    self.environment.express_room.begin_child();
                }
                self.begin_execution(child.execution(), Then::Nothing);
            }
            Ok(Found::Closed(stored)) if is_end_of_attempt(&child.of, &stored.record) => {
                self.child_ended_before(&child.of, child.number, stored.record);
            }
            Ok(Found::Closed(stored)) => self.redrive_child(&child, *stored),
            Err(Error::SetAside { why, .. }) => self.child_set_aside(&child, &why),
            // It goes on; or the store is opened again, and the Map Run asks again after that.
            Ok(Found::Open) | Err(_) => {}
        }
    }

    /// A child that ended unsuccessfully before its Map Run was redriven.
    fn redrive_child(&mut self, child: &NewChild, mut stored: StoredExecution) {
        let now_ms = self.environment.clock.now_ms();
        if redrive::refusal_of_child(&stored.record, now_ms, &self.environment.options.limits).is_some() {
            return self.environment.child_not_run(&child.of, child.number, true);
        }
        stored.record.map_run_redrives = child.of.redrive_count;
        match self.take_up_again(child.key, stored, None, now_ms) {
            Ok(_) => self.turn(child.key, Trigger::Redrive, Then::Nothing),
            // The Map Run asks again after the store was opened.
            Err(Error::Store(error)) => self.fail(error),
            Err(error) => self.child_set_aside(child, &error.to_string()),
        }
    }

    /// Finds a child. An Express child is in memory or nowhere. One that runs does so for this attempt of its Map Run, even
    /// if it was begun in an earlier one: the Map Run had not heard of that.
    fn find_child(&mut self, key: ExecutionKey, of: &Children) -> Result<Found, Error> {
        if of.request.execution_type == StateMachineType::Express && self.live.get(key).is_none() {
            return Ok(Found::Absent);
        }
        self.readings.hand(key, Arc::clone(&of.definition));
        let found = self.find(key)?;
        let batch = self.pipeline.number();
        if let (Found::Open, Some(live)) = (&found, self.live.get_mut(key))
            && live.stored.record.map_run_redrives < of.redrive_count
        {
            live.stored.record.map_run_redrives = of.redrive_count;
            if live.is_standard && live.is_written {
                self.pipeline.writes.step(key, &[], &[], Some(&live.stored))?;
                live.batch = batch;
            }
        }
        Ok(found)
    }

    /// Stops the next ones. To stop a large one takes long: its neighbours wait for a few of them, and not for all.
    pub(super) fn stop_children(&mut self) {
        let slice = self.slice();
        // The last steps of large children fill batches: half of each is left to others, such as their Map Run.
        let batch_bytes_max = self.environment.options.batch_bytes_max;
        let bytes_max = batch_bytes_max.min(self.pipeline.writes.bytes() + batch_bytes_max.div_ceil(2));
        for _ in 0..STOPPED_AT_ONCE {
            if slice.is_over() || !self.pipeline.has_room(bytes_max) {
                return;
            }
            let Some(child) = self.stops.pop_front() else { return };
            self.at = Some(child.key);
            self.stop_child(&child);
            self.readings.put_down();
            self.at = None;
        }
    }

    fn stop_child(&mut self, child: &RunningChild) {
        let RunningChild { key, number, of } = child;
        match self.find_child(*key, of) {
            Ok(Found::Open) if self.runs_for(*key, of) => {
                self.turn(*key, Trigger::Stop { error: None, cause: None }, Then::Nothing);
            }
            Ok(Found::Closed(stored)) if is_end_of_attempt(of, &stored.record) => {
                self.child_ended_before(of, *number, stored.record);
            }
            Ok(Found::Closed(_) | Found::Absent) | Err(Error::SetAside { .. }) => {
                self.environment.child_not_run(of, *number, false);
            }
            // This comes late: the child runs for a later attempt. Or the store is opened again, and the Map Run stops its
            // children again after that.
            Ok(Found::Open) | Err(_) => {}
        }
    }

    /// Whether the child runs for this attempt of its Map Run.
    fn runs_for(&self, key: ExecutionKey, of: &Children) -> bool {
        self.live.get(key).is_some_and(|live| live.stored.record.map_run_redrives == of.redrive_count)
    }

    /// The Map Run has not heard of the end of a child, which counts for this attempt.
    fn child_ended_before(&self, of: &Children, number: u64, record: ExecutionRecord) {
        let record = ExecutionRecord { map_run_redrives: of.redrive_count, ..record };
        self.environment.child_ended(&of.child_of(number), record);
    }

    fn child_set_aside(&self, child: &NewChild, why: &str) {
        let of = &child.of;
        self.environment.child_lost(&of.child_of(child.number), of.redrive_count, set_aside(why));
    }

    /// A child that is set aside would keep its Map Run waiting: it has failed.
    pub(super) fn report_failed_child(&self, child: &ChildOf, redrive_count: u32, why: &str) {
        self.environment.child_lost(child, redrive_count, set_aside(why));
    }
}

/// Whether a closed child has nothing left to do in this attempt of its Map Run.
fn is_end_of_attempt(of: &Children, record: &ExecutionRecord) -> bool {
    record.status == Status::Succeeded || record.map_run_redrives >= of.redrive_count
}

fn set_aside(why: &str) -> Failure {
    failure("States.Runtime", &format!("the execution was set aside: {why}"))
}
