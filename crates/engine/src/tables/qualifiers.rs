//! Versions and aliases as they are stored: what qualifies the ARN of a state machine.

use super::{ALIASES, ReadError, Tables, VERSIONS, Writes, decode, digest, encode, join};
use crate::model::{AliasRecord, VersionRecord};
use serde::de::DeserializeOwned;
use store::Keyspace;

/// Their number per state machine has a limit, so lists are read whole.
impl Tables {
    /// The number of the version that was published last; 0 if none was.
    pub(crate) fn last_version(&self, state_machine_arn: &str) -> Result<u64, ReadError> {
        Ok(self.record(VERSIONS, &last_version_key(state_machine_arn))?.unwrap_or_default())
    }

    pub(crate) fn version(&self, state_machine_arn: &str, number: u64) -> Result<Option<VersionRecord>, ReadError> {
        self.record(VERSIONS, &version_key(state_machine_arn, number))
    }

    /// All versions of a state machine, the newest first.
    pub(crate) fn versions(&self, state_machine_arn: &str) -> Result<Vec<VersionRecord>, ReadError> {
        let mut versions: Vec<VersionRecord> = self.qualifiers(VERSIONS, state_machine_arn)?;
        versions.reverse();
        Ok(versions)
    }

    pub(crate) fn alias(&self, state_machine_arn: &str, name: &str) -> Result<Option<AliasRecord>, ReadError> {
        self.record(ALIASES, &alias_key(state_machine_arn, name))
    }

    /// All aliases of a state machine, the oldest first.
    pub(crate) fn aliases(&self, state_machine_arn: &str) -> Result<Vec<AliasRecord>, ReadError> {
        let mut aliases: Vec<AliasRecord> = self.qualifiers(ALIASES, state_machine_arn)?;
        aliases.sort_by(|one, other| (one.created_ms, &one.name).cmp(&(other.created_ms, &other.name)));
        Ok(aliases)
    }

    /// One that cannot be read is reported and left out: it must not take the others with it.
    fn qualifiers<T: DeserializeOwned>(
        &self,
        keyspace: Keyspace,
        state_machine_arn: &str,
    ) -> Result<Vec<T>, ReadError> {
        let last = last_version_key(state_machine_arn);
        let records = self.all(keyspace, &digest(state_machine_arn.as_bytes()))?;
        let read = |(at, value): &(Vec<u8>, Vec<u8>)| match decode(keyspace, value) {
            Ok(record) => Some(record),
            Err(error) => {
                tracing::error!(%error, key = ?at, "a record is left out");
                None
            }
        };
        Ok(records.iter().filter(|(at, _)| *at != last).filter_map(read).collect())
    }

    /// Deletes all versions and aliases of a state machine.
    pub(crate) fn forget_qualifiers(&self, writes: &mut Writes, state_machine_arn: &str) -> Result<(), ReadError> {
        for keyspace in [VERSIONS, ALIASES] {
            for (at, _) in self.all(keyspace, &digest(state_machine_arn.as_bytes()))? {
                writes.delete(keyspace, at);
            }
        }
        Ok(())
    }
}

impl Writes {
    /// A version that is published: none had its number before.
    pub(crate) fn new_version(&mut self, state_machine_arn: &str, version: &VersionRecord) {
        self.put(VERSIONS, last_version_key(state_machine_arn), encode(&version.number));
        self.put(VERSIONS, version_key(state_machine_arn, version.number), encode(version));
    }

    pub(crate) fn remove_version(&mut self, state_machine_arn: &str, number: u64) {
        self.delete(VERSIONS, version_key(state_machine_arn, number));
    }

    pub(crate) fn alias(&mut self, state_machine_arn: &str, alias: &AliasRecord) {
        self.put(ALIASES, alias_key(state_machine_arn, &alias.name), encode(alias));
    }

    pub(crate) fn remove_alias(&mut self, state_machine_arn: &str, name: &str) {
        self.delete(ALIASES, alias_key(state_machine_arn, name));
    }
}

/// No alias has an empty name, so this is no key of one.
fn last_version_key(state_machine_arn: &str) -> Vec<u8> {
    digest(state_machine_arn.as_bytes()).to_vec()
}

fn version_key(state_machine_arn: &str, number: u64) -> Vec<u8> {
    join([&digest(state_machine_arn.as_bytes()), &number.to_be_bytes()])
}

fn alias_key(state_machine_arn: &str, name: &str) -> Vec<u8> {
    join([&digest(state_machine_arn.as_bytes()), name.as_bytes()])
}
