//! Revisions of state machines that are not current any more, and whether anything uses them.

use super::{
    BY_STATUS, REVISIONS, ReadError, RevisionKey, SUPERSEDED, Superseded, Tables, Writes, decode, digest, reads::PAGE,
    reads::bytes, status_prefix, successor,
};
use json::Text;
use machine::Status;
use std::collections::BTreeMap;
use store::{Range, Record, prefix_end};

/// The revisions of one state machine that may be removed, each with the record that says so.
pub(crate) struct Unused {
    pub(crate) arn: Text,
    pub(crate) revisions: BTreeMap<RevisionKey, Record>,
}

/// Where a search for what uses a revision stands.
pub(crate) struct Search {
    from: Vec<u8>,
    to: Option<Vec<u8>>,
}

impl Search {
    /// Through the executions of a state machine.
    pub(crate) fn all(state_machine_arn: &str) -> Search {
        Search::under(&digest(state_machine_arn.as_bytes()))
    }

    /// Through those that run.
    pub(crate) fn running(state_machine_arn: &str) -> Search {
        Search::under(&status_prefix(state_machine_arn, Status::Running))
    }

    fn under(prefix: &[u8]) -> Search {
        Search { from: prefix.to_vec(), to: prefix_end(prefix) }
    }
}

impl Tables {
    /// The next state machine, from the position `from`, with revisions that were superseded before `before_ms`.
    pub(crate) fn superseded(&self, before_ms: i64, from: &mut Vec<u8>) -> Result<Option<Unused>, ReadError> {
        loop {
            let Some(first) = self.store.keys(SUPERSEDED, Range::new(from, None), 1)?.pop() else { return Ok(None) };
            let Ok(machine) = bytes::<16>(SUPERSEDED, &first, 0) else {
                *from = successor(&first);
                continue;
            };
            let to = prefix_end(&machine);
            let rows = self.store.scan(SUPERSEDED, Range::new(&first, to.as_deref()), PAGE)?;
            *from = rows.last().map_or(first, |(last, _)| successor(last));
            let mut found: Option<Unused> = None;
            for row in rows {
                match decode::<Superseded>(SUPERSEDED, &row.1) {
                    Ok(Superseded { arn, since_ms }) if since_ms < before_ms => {
                        let revision = bytes(SUPERSEDED, &row.0, 16).map(RevisionKey)?;
                        let unused = found.get_or_insert_with(|| Unused { arn, revisions: BTreeMap::new() });
                        unused.revisions.insert(revision, row);
                    }
                    Ok(_) => {}
                    Err(error) => tracing::error!(%error, key = ?row.0, "a record is left out"),
                }
            }
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    /// Leaves out the revisions of the state machine as it is now and of its versions.
    pub(crate) fn keep_current(&self, unused: &mut Unused) -> Result<(), ReadError> {
        let current = self.state_machine(&unused.arn)?.and_then(|record| record.revision);
        let versions = self.versions(&unused.arn)?.into_iter().map(|version| version.revision);
        for used in current.into_iter().chain(versions) {
            unused.revisions.remove(&used);
        }
        Ok(())
    }

    /// Leaves out those that the next executions of the search use; false when there are no more.
    pub(crate) fn keep_used(&self, unused: &mut Unused, search: &mut Search) -> Result<bool, ReadError> {
        let rows = self.store.scan(BY_STATUS, Range::new(&search.from, search.to.as_deref()), PAGE)?;
        for (_, revision) in &rows {
            match <[u8; 16]>::try_from(revision.as_slice()) {
                Ok(revision) => {
                    unused.revisions.remove(&RevisionKey(revision));
                }
                // The first builds did not store it: it may be any of them.
                Err(_) => unused.revisions.clear(),
            }
        }
        match rows.last() {
            Some((last, _)) if rows.len() == PAGE => search.from = successor(last),
            _ => return Ok(false),
        }
        Ok(!unused.revisions.is_empty())
    }
}

impl Writes {
    /// Removes a revision that nothing uses, unless it was superseded anew.
    pub(crate) fn remove_revision(&mut self, revision: RevisionKey, says_so: Record) {
        self.delete(REVISIONS, revision.0.to_vec());
        self.delete(SUPERSEDED, says_so.0.clone());
        self.expect(SUPERSEDED, says_so);
    }
}
