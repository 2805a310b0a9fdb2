//! Executions whose time is over: found without reading them, and removed a slice at a time.

use super::{
    ASIDE, Aside, BY_STATUS, CALLS, EXECUTIONS, ExecutionKey, HELD, HISTORY, OPEN, PARTS, ReadError, TIMERS, Tables,
    Writes, join, newest_first, reads::PAGE, reads::bytes, reads::key_at, status_byte, status_keys, successor,
};
use machine::Status;
use store::{Keyspace, Range, Record, prefix_end};

/// An execution that may be removed, as long as the record that says so is what it was.
pub(crate) struct Expired {
    key: ExecutionKey,
    /// `by_status`: it closed long ago. `aside`: it was set aside long ago.
    keyspace: Keyspace,
    says_so: Record,
}

/// Before anything, and after everything in `by_status`.
const LAST: [u8; 42] = [u8::MAX; 42];

impl Tables {
    /// Closed executions that stopped before `before_ms`: up to `limit` from the position `from`, which is moved on.
    /// None: there are no more. One that was started by a version or an alias is found under each of its ARNs. The state
    /// machines are found by jumping from prefix to prefix, because those that were deleted have executions too.
    pub(crate) fn expired(&self, before_ms: i64, from: &mut Vec<u8>, limit: usize) -> Result<Vec<Expired>, ReadError> {
        let mut found = Vec::new();
        while found.len() < limit {
            let Some(at) = self.store.keys(BY_STATUS, Range::new(from, None), 1)?.pop() else { break };
            let Ok(prefix) = bytes::<17>(BY_STATUS, &at, 0) else {
                tracing::error!(key = ?at, "a record is left out");
                *from = successor(&at);
                continue;
            };
            let to = prefix_end(&prefix).unwrap_or(LAST.to_vec());
            let [.., status] = prefix;
            if status != status_byte(Status::Running) {
                let oldest = join([&prefix, &newest_first(before_ms.saturating_sub(1))]).max(at);
                let asked = limit - found.len();
                let rows = self.store.scan(BY_STATUS, Range::new(&oldest, Some(&to)), asked)?;
                if let Some((last, _)) = rows.last().filter(|_| rows.len() == asked) {
                    *from = successor(last);
                    found.extend(rows.into_iter().filter_map(|row| expired(BY_STATUS, row, 25)));
                    continue;
                }
                found.extend(rows.into_iter().filter_map(|row| expired(BY_STATUS, row, 25)));
            }
            *from = to;
        }
        Ok(found)
    }

    /// The same of executions that were set aside before `before_ms`: they never close.
    pub(crate) fn expired_aside(
        &self,
        before_ms: i64,
        from: &mut Vec<u8>,
        limit: usize,
    ) -> Result<Vec<Expired>, ReadError> {
        let mut found = Vec::new();
        while found.len() < limit {
            let rows = self.store.scan(ASIDE, Range::new(from, None), limit - found.len())?;
            let Some((last, _)) = rows.last() else { break };
            *from = successor(last);
            let is_old = |(_, value): &Record| Aside::read(value).is_ok_and(|aside| aside.since_ms < before_ms);
            found.extend(rows.into_iter().filter(is_old).filter_map(|row| expired(ASIDE, row, 0)));
        }
        Ok(found)
    }

    /// Deletes up to `limit` of the records that an execution has; true if these are the last, and with them it is
    /// gone. Its values are not read, but for the record that says what it is. Its name is not given again until
    /// `keep_name_ms` after its end; 0: it is as soon as the execution is gone.
    pub(crate) fn forget(
        &self,
        writes: &mut Writes,
        expired: &Expired,
        keep_name_ms: i64,
        limit: usize,
    ) -> Result<bool, ReadError> {
        let Expired { key, keyspace, says_so } = expired;
        writes.expect(*keyspace, says_so.clone());
        let stored = match self.execution(*key) {
            Ok(stored) => stored,
            // Nothing can be done with it but to remove it.
            Err(ReadError::Corrupt { .. }) => None,
            Err(error) => return Err(error),
        };
        let is_closed = stored.as_ref().is_none_or(|stored| stored.record.stop_ms.is_some());
        let rows: Vec<_> = stored.iter().flat_map(|stored| status_keys(&stored.record, *key)).collect();
        let is_meant = if *keyspace == BY_STATUS { is_closed && rows.contains(&says_so.0) } else { !is_closed };
        if stored.is_some() && !is_meant {
            // It is not what this record takes it for.
            writes.delete(*keyspace, says_so.0.clone());
            return Ok(true);
        }
        let mut left = limit;
        for keyspace in [HISTORY, PARTS, HELD, CALLS] {
            let to = prefix_end(&key.0);
            let found = self.store.keys(keyspace, Range::new(&key.0, to.as_deref()), left)?;
            left -= found.len();
            found.into_iter().for_each(|at| writes.delete(keyspace, at));
            if left == 0 {
                return Ok(false);
            }
        }
        if !self.forget_map_runs(writes, *key, left)? {
            return Ok(false);
        }
        if *keyspace == ASIDE {
            self.timers_of(*key)?.into_iter().for_each(|at| writes.delete(TIMERS, at));
        }
        if let Some(stop_ms) = stored.and_then(|stored| stored.record.stop_ms).filter(|_| keep_name_ms > 0) {
            writes.take_name(*key, stop_ms.saturating_add(keep_name_ms));
        }
        rows.into_iter().for_each(|row| writes.delete(BY_STATUS, row));
        for keyspace in [EXECUTIONS, OPEN, ASIDE] {
            writes.delete(keyspace, key.0.to_vec());
        }
        writes.delete(*keyspace, says_so.0.clone());
        Ok(true)
    }

    /// Deletes what says where an execution stands: it ends without going on from there.
    pub(crate) fn forget_where_it_stood(&self, writes: &mut Writes, key: ExecutionKey) -> Result<(), ReadError> {
        for keyspace in [PARTS, HELD] {
            let rows = self.store.keys(keyspace, Range::new(&key.0, prefix_end(&key.0).as_deref()), usize::MAX)?;
            rows.into_iter().for_each(|at| writes.delete(keyspace, at));
        }
        self.timers_of(key)?.into_iter().for_each(|at| writes.delete(TIMERS, at));
        Ok(())
    }

    /// The keys of the timers of an execution whose parts cannot be read: those of its partition are looked through.
    fn timers_of(&self, key: ExecutionKey) -> Result<Vec<Vec<u8>>, ReadError> {
        let (mut from, to) = (vec![key.partition()], prefix_end(&[key.partition()]));
        let mut found = Vec::new();
        loop {
            let keys = self.store.keys(TIMERS, Range::new(&from, to.as_deref()), PAGE)?;
            let Some(last) = keys.last() else { return Ok(found) };
            from = successor(last);
            found.extend(keys.into_iter().filter(|at| key_at(TIMERS, at, 9).is_ok_and(|owner| owner == key)));
        }
    }
}

/// A record that cannot be read is left where it is, and keeps no other from being found.
fn expired(keyspace: Keyspace, says_so: Record, offset: usize) -> Option<Expired> {
    match key_at(keyspace, &says_so.0, offset) {
        Ok(key) => Some(Expired { key, keyspace, says_so }),
        Err(error) => {
            tracing::error!(%error, key = ?says_so.0, "a record is left out");
            None
        }
    }
}
