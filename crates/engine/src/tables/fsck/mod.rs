//! What must agree in a store, checked record by record.
//!
//! | file | checks |
//! |---|---|
//! | `executions` | an execution with its history, parts, timers and listings |
//! | `map_runs` | a Map Run with its request, its blocks and its execution |
//! | `resources` | state machines with revisions, versions and aliases; activities, tags, names |
//!
//! Executions are walked by partition, the first byte of their keys: timers and open Map Runs are sorted by it, and what
//! is remembered at a time is a 256th of what there is.

mod executions;
mod map_runs;
mod resources;

use super::{RevisionKey, Tables, decode, successor};
use crate::fsck::{Checked, Finding, Severity};
use serde::de::DeserializeOwned;
use std::{collections::HashMap, error::Error, fmt::Write, sync::Arc};
use store::{Keyspace, Range, prefix_end};

/// Records that are read at once.
const PAGE: usize = 256;

/// A walk through all that is stored.
pub(crate) struct Walk<'w> {
    tables: Tables,
    expired_before_ms: i64,
    checked: Checked,
    tell: &'w mut dyn FnMut(Finding),
    /// What the definitions of revisions are; `None` for those that cannot be used.
    revisions: HashMap<RevisionKey, Option<Arc<asl::StateMachine>>>,
}

impl<'w> Walk<'w> {
    pub(crate) fn new(tables: Tables, expired_before_ms: i64, tell: &'w mut dyn FnMut(Finding)) -> Walk<'w> {
        Walk { tables, expired_before_ms, checked: Checked::default(), tell, revisions: HashMap::new() }
    }

    /// Checks everything.
    pub(crate) fn all(mut self) -> Checked {
        self.resources();
        for partition in 0..=u8::MAX {
            self.partition(partition);
        }
        self.map_runs();
        self.listings();
        self.checked
    }

    /// Calls `each` with every record whose key begins with `prefix`. A place that cannot be read ends that.
    fn each(&mut self, keyspace: Keyspace, prefix: &[u8], mut each: impl FnMut(&mut Self, &[u8], &[u8])) {
        let (mut from, to) = (prefix.to_vec(), prefix_end(prefix));
        loop {
            let page = match self.tables.store.scan(keyspace, Range::new(&from, to.as_deref()), PAGE) {
                Ok(page) => page,
                Err(error) => return self.unreadable(keyspace, &from, &error),
            };
            for (key, value) in &page {
                self.checked.records += 1;
                self.checked.bytes += (key.len() + value.len()) as u64;
                each(self, key, value);
            }
            match page.last() {
                Some((last, _)) if page.len() == PAGE => from = successor(last),
                _ => return,
            }
        }
    }

    fn get(&mut self, keyspace: Keyspace, key: &[u8]) -> Option<Vec<u8>> {
        match self.tables.store.get(keyspace, key) {
            Ok(value) => value,
            Err(error) => {
                self.unreadable(keyspace, key, &error);
                None
            }
        }
    }

    fn has(&mut self, keyspace: Keyspace, key: &[u8]) -> bool {
        self.get(keyspace, key).is_some()
    }

    /// The record, if it can be read; that it cannot is told.
    fn read<T: DeserializeOwned>(&mut self, keyspace: Keyspace, key: &[u8], value: &[u8]) -> Option<T> {
        match decode(keyspace, value) {
            Ok(record) => Some(record),
            Err(error) => {
                self.damage(keyspace, key, None, error.to_string());
                None
            }
        }
    }

    /// Tells if the record cannot be read; that is all that must hold of it.
    fn decodes<T: DeserializeOwned>(&mut self, keyspace: Keyspace, key: &[u8], value: &[u8]) -> bool {
        self.read::<T>(keyspace, key, value).is_some()
    }

    fn unreadable(&mut self, keyspace: Keyspace, key: &[u8], error: &store::Error) {
        let chain = std::iter::successors(Some(error as &dyn Error), |error| (*error).source());
        let why: Vec<String> = chain.map(ToString::to_string).collect();
        self.damage(keyspace, key, None, format!("what follows cannot be read: {}", why.join(": ")));
    }

    fn damage(&mut self, keyspace: Keyspace, key: &[u8], arn: Option<&str>, what: impl Into<String>) {
        self.checked.damaged += 1;
        self.found(Severity::Damage, keyspace, key, arn, what.into());
    }

    fn found(&mut self, severity: Severity, keyspace: Keyspace, key: &[u8], arn: Option<&str>, what: String) {
        let keyspace = keyspace.0;
        (self.tell)(Finding { severity, keyspace, key: shown(key), arn: arn.map(String::from), what });
    }

    /// The definition of a revision; that it cannot be used is told once, with the revision.
    fn definition(&mut self, revision: RevisionKey) -> Option<Arc<asl::StateMachine>> {
        self.revisions.get(&revision).cloned().flatten()
    }
}

/// A key as a person can read it: ARNs are their own keys, everything else is not text.
fn shown(key: &[u8]) -> String {
    match std::str::from_utf8(key) {
        Ok(text) if text.starts_with("arn:") => text.to_owned(),
        _ => key.iter().fold(String::new(), |mut digits, byte| {
            // Writing to a string does not fail.
            let _ = write!(digits, "{byte:02x}");
            digits
        }),
    }
}
