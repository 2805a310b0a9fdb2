//! RedriveExecution in the shard that owns the execution.
//!
//! Everything that a redrive changes is in one batch: the event that says so, what goes on, the record, and that the
//! execution is open again. An execution whose end is still on its way to the disk goes on from memory. The children of
//! Map Runs go on in the same way, when their Map Run asks for it (`children`).

use super::{
    Found, Shard,
    live::Live,
    message::{Reply, Request, Then, Work},
};
use crate::{
    Error, NotRedrivable, RedriveExecution, redrive,
    tables::{ExecutionKey, StoredExecution},
};
use json::Text;
use machine::{Execution, Trigger};
use std::sync::Arc;

impl Shard {
    pub(super) fn redrive(&mut self, redrive: RedriveExecution, reply: Reply<i64>) {
        let arn: Text = redrive.execution.to_string().into();
        let key = ExecutionKey::of(&arn);
        if self.is_beginning(key) {
            return self.park(key, Work::Request(Request::Redrive { redrive, reply }, None));
        }
        let now_ms = self.environment.clock.now_ms();
        let token = redrive.client_token;
        let answer = match self.closed_or_redriven(key, &arn, token.as_ref(), now_ms) {
            Ok(Redrivable::Before(redriven_ms)) => Ok(redriven_ms),
            Ok(Redrivable::Now(stored)) => match self.take_up_again(key, *stored, token, now_ms) {
                Ok(redrive_ms) => return self.turn(key, Trigger::Redrive, Then::Redriven(reply, redrive_ms)),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        self.pipeline.outbox.answer(reply, answer);
    }

    fn closed_or_redriven(
        &mut self,
        key: ExecutionKey,
        arn: &Text,
        token: Option<&Text>,
        now_ms: i64,
    ) -> Result<Redrivable, Error> {
        let limits = &Arc::clone(&self.environment).options.limits;
        let refused = |why| Err(Error::ExecutionNotRedrivable { arn: arn.clone(), why });
        let stored = match self.find(key)? {
            Found::Absent => return Err(Error::ExecutionDoesNotExist(arn.clone())),
            Found::Closed(stored) if self.environment.has_expired(&stored.record) => {
                return Err(Error::ExecutionDoesNotExist(arn.clone()));
            }
            Found::Closed(stored) => stored,
            Found::Open => {
                let live = self.live.get(key);
                let redriven_ms = live.and_then(|live| live.stored.redriven_with(token, now_ms, limits));
                return redriven_ms
                    .map_or_else(|| refused(NotRedrivable::Running), |at_ms| Ok(Redrivable::Before(at_ms)));
            }
        };
        if let Some(redriven_ms) = stored.redriven_with(token, now_ms, limits) {
            return Ok(Redrivable::Before(redriven_ms));
        }
        if let Some(why) = redrive::refusal(&stored.record, self.tables()?, now_ms, limits)? {
            return refused(why);
        }
        if self.environment.open_executions().count(arn) >= limits.open_executions_max {
            return Err(Error::ExecutionLimitExceeded);
        }
        Ok(Redrivable::Now(stored))
    }

    /// Brings the execution into memory as one that runs; gives the time of the redrive.
    pub(super) fn take_up_again(
        &mut self,
        key: ExecutionKey,
        mut stored: StoredExecution,
        token: Option<Text>,
        now_ms: i64,
    ) -> Result<i64, Error> {
        let mut live = match self.live.remove(key) {
            Some(live) => live,
            None => self.read_closed(key, &stored)?,
        };
        let Some(execution) = live.execution.take().filter(Execution::is_redrivable) else {
            let why = "nothing is left of it that could go on".to_owned();
            return Err(Error::SetAside { arn: stored.record.arn, why });
        };
        // Later than its end, whatever the clock says: the two must not be listed under the same time.
        let redrive_ms = now_ms.max(live.last_ms.saturating_add(1));
        stored.redrive(token, redrive_ms, &self.environment.options.limits);
        let facts = execution.facts();
        let facts =
            crate::tables::facts_of(&stored.record, facts.input.clone(), facts.region.clone(), facts.account.clone());
        live.execution = Some(execution.redriven(facts));
        (live.stored, live.last_ms) = (stored, redrive_ms);
        // It may have been about to go on when it was ended.
        live.goes_on = false;
        self.environment.one_open_more(&live.stored);
        self.bring_in(key, live);
        self.recovery.met(key);
        Ok(redrive_ms)
    }

    /// Reads what a closed execution has left.
    fn read_closed(&mut self, key: ExecutionKey, stored: &StoredExecution) -> Result<Live, Error> {
        let tables = self.tables()?.clone();
        let mut live = self.read_live(key, stored.clone(), &tables)?;
        live.last_ms = stored.record.stop_ms.unwrap_or(stored.record.start_ms);
        Ok(live)
    }
}

/// What a redrive comes to.
enum Redrivable {
    Now(Box<StoredExecution>),
    /// It is the same call as one before, which was made at this time.
    Before(i64),
}
