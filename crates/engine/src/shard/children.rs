//! Children of Map Runs, on the shard that their own keys fall to: begun behind everything else, and stopped.

use super::{Found, Report, Shard, message::Then};
use crate::{
    Error,
    map_run::{NewChild, RunningChild},
    tables::{ChildOf, ExecutionKey},
};
use asl::StateMachineType;
use machine::{Failure, Outcome, Trigger};

/// Children that are begun between two turns of the loop: a Map Run of many children does not hold up its neighbours.
const BEGUN_AT_ONCE: usize = 64;

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

    pub(super) fn begin_children(&mut self) {
        for _ in 0..BEGUN_AT_ONCE {
            if !self.can_begin_children() || !self.pipeline.has_room(self.environment.options.batch_bytes_max) {
                return;
            }
            let Some(child) = self.children.pop_front() else { return };
            self.at = Some(child.key);
            self.begin_child(child);
            self.at = None;
        }
    }

    /// Begins a child, unless it exists: a Map Run asks again after a restart.
    fn begin_child(&mut self, child: NewChild) {
        if child.of.is_stopping() {
            return self.child_was_not_begun(&child.of, child.number);
        }
        match self.find_child(&child) {
            Ok(Found::Absent) => {
                if child.of.request.execution_type == StateMachineType::Express {
                    self.environment.one_express_child_more();
                }
                self.begin_execution(child.execution(), Then::Nothing);
            }
            Ok(Found::Closed(stored)) => {
                if let Some(of) = &stored.child {
                    self.environment.child_ended(of, stored.record.clone());
                }
            }
            Err(Error::SetAside { why, .. }) => {
                let outcome = Outcome::Failed(set_aside(&why));
                self.environment.child_lost(child.of.owner_key, child.of.map_run, child.number, outcome);
            }
            // It goes on; or the store is opened again, and the Map Run asks again after that.
            Ok(Found::Open) | Err(_) => {}
        }
    }

    /// An Express child is in memory or nowhere.
    fn find_child(&mut self, child: &NewChild) -> Result<Found, Error> {
        match child.of.request.execution_type {
            StateMachineType::Express if self.live.get(child.key).is_none() => Ok(Found::Absent),
            StateMachineType::Express | StateMachineType::Standard => self.find(child.key),
        }
    }

    pub(super) fn stop_child(&mut self, child: &RunningChild) {
        let (key, of) = (child.key, &child.of);
        let is_express = of.request.execution_type == StateMachineType::Express;
        if is_express && self.live.get(key).is_none() {
            return self.child_was_not_begun(of, child.number);
        }
        match self.find(key) {
            Ok(Found::Open) => self.turn(key, Trigger::Stop { error: None, cause: None }, Then::Nothing),
            Ok(Found::Closed(stored)) => {
                if let Some(of) = &stored.child {
                    self.environment.child_ended(of, stored.record.clone());
                }
            }
            Ok(Found::Absent) | Err(Error::SetAside { .. }) => self.child_was_not_begun(of, child.number),
            // The store is opened again, and the Map Run stops its children again after that.
            Err(_) => {}
        }
    }

    fn child_was_not_begun(&self, of: &crate::map_run::Children, number: u64) {
        let outcome = Outcome::Aborted(Failure::default());
        self.environment.child_lost(of.owner_key, of.map_run, number, outcome);
    }

    /// A child that is set aside would keep its Map Run waiting: it has failed.
    pub(super) fn report_failed_child(&self, child: &ChildOf, why: &str) {
        self.environment.child_lost(child.owner, child.map_run, child.number, Outcome::Failed(set_aside(why)));
    }
}

fn set_aside(why: &str) -> Failure {
    Failure { error: Some("States.Runtime".into()), cause: Some(format!("the execution was set aside: {why}").into()) }
}
