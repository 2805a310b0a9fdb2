//! Batches that a backend commits as one, with one sync for all of them.

use crate::{Batch, Error, Keyspace, Write};
use std::collections::BTreeMap;

/// What a group writes: the last write to each key, `None` if that deletes it.
pub type GroupWrites = BTreeMap<Keyspace, BTreeMap<Vec<u8>, Option<Vec<u8>>>>;

/// Several batches, applied to each other in their order.
#[derive(Debug, Default)]
pub struct Group {
    /// What is to be written in the end.
    pub writes: GroupWrites,
    /// What became of each batch, once `writes` is durable: a conflict may rest on a batch of the same group.
    pub outcomes: Vec<Result<(), Error>>,
}

impl Group {
    /// Puts batches together. `get` reads what is stored; its error concerns all of them.
    pub fn of<E>(batches: Vec<Batch>, get: impl Fn(Keyspace, &[u8]) -> Result<Option<Vec<u8>>, E>) -> Result<Group, E> {
        let mut group = Group::default();
        for batch in batches {
            if !group.holds(&batch, &get)? {
                group.outcomes.push(Err(Error::Conflict));
                continue;
            }
            for write in batch.writes {
                let (keyspace, key, value) = match write {
                    Write::Put { keyspace, key, value } => (keyspace, key, Some(value)),
                    Write::Delete { keyspace, key } => (keyspace, key, None),
                };
                group.writes.entry(keyspace).or_default().insert(key, value);
            }
            group.outcomes.push(Ok(()));
        }
        Ok(group)
    }

    /// Whether the preconditions of a batch hold after the writes before it.
    fn holds<E>(&self, batch: &Batch, get: impl Fn(Keyspace, &[u8]) -> Result<Option<Vec<u8>>, E>) -> Result<bool, E> {
        for (keyspace, key, expected) in &batch.expect {
            let as_expected = match self.writes.get(keyspace).and_then(|writes| writes.get(key)) {
                Some(pending) => pending == expected,
                None => get(*keyspace, key)? == *expected,
            };
            if !as_expected {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
