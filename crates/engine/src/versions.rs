//! Versions of state machines: published, described, listed, deleted.
//!
//! A version is a number for a revision that is stored anyway, so it costs one small record.

use crate::{
    Error, Page, Paged, Publish, StateMachineRecord, Version, VersionRecord,
    changes::Changing,
    environment::Environment,
    state_machines::Registry,
    tables::{RevisionKey, Tables, Writes},
};
use asl::{Arn, Resource};
use json::Text;
use std::sync::Arc;

/// How a request names the revision of a state machine that was never updated.
const INITIAL: &str = "INITIAL";

impl Registry {
    /// A version of the current revision: the one that there is, or a new one.
    pub(crate) async fn publish(
        &self,
        _: &Changing,
        arn: &Arn,
        revision_id: Option<Text>,
        publish: &Publish,
    ) -> Result<VersionRecord, Error> {
        let current = self.record(arn)?;
        if current.deleting {
            return Err(Error::StateMachineDeleting(Arc::clone(&current.arn)));
        }
        let id = current.revision_id.clone().unwrap_or_else(|| INITIAL.into());
        if let Some(wanted) = revision_id.filter(|wanted| *wanted != id) {
            return Err(Error::RevisionConflict { wanted, current: id });
        }
        let mut writes = Writes::default();
        let version = published(&self.environment, &mut writes, &current.arn, current.current_revision(), publish)?;
        self.environment.commit(writes).await?;
        Ok(version)
    }

    /// The version that a version ARN names or an alias ARN leads most executions to, as the state machine was.
    pub(crate) fn version(&self, arn: &Arn) -> Result<Version, Error> {
        let unknown = || Error::StateMachineDoesNotExist(arn.to_string().into());
        let tables = self.environment.tables()?;
        let state_machine_arn = unqualified(arn);
        let number = match &arn.resource {
            Resource::Version { version, .. } => *version,
            Resource::Alias { alias, .. } => {
                let alias = tables.alias(&state_machine_arn.to_string(), alias)?.ok_or_else(unknown)?;
                // Of two that weigh the same the first one counts.
                let heaviest = alias.routes.iter().rev().max_by_key(|route| route.weight);
                heaviest.ok_or_else(unknown)?.version
            }
            _ => return Err(unknown()),
        };
        let record = tables.version(&state_machine_arn.to_string(), number)?.ok_or_else(unknown)?;
        let mut state_machine =
            StateMachineRecord::clone(&*self.environment.definitions.record(record.revision, &tables)?);
        state_machine.deleting = self.record(&state_machine_arn)?.deleting;
        Ok(Version {
            arn: version_arn(&state_machine.arn, number),
            description: record.description,
            created_ms: record.created_ms,
            state_machine: Arc::new(state_machine),
        })
    }

    /// The newest first. The position is the number of the last one of the page.
    pub(crate) fn versions(&self, arn: &Arn, page: &Page) -> Result<Paged<VersionRecord>, Error> {
        let position = page.after.as_deref().map(|after| after.try_into().map(u64::from_be_bytes)).transpose();
        let before = position.map_err(|_| Error::InvalidPageToken)?.unwrap_or(u64::MAX);
        let mut items = self.environment.tables()?.versions(&arn.to_string())?;
        items.retain(|version| version.number < before);
        let has_more = items.len() > page.size;
        items.truncate(page.size);
        let next = items.last().filter(|_| has_more).map(|last| last.number.to_be_bytes().to_vec());
        Ok(Paged { items, next })
    }

    /// A version that does not exist is deleted already. Its executions go on.
    pub(crate) async fn delete_version(&self, _: &Changing, arn: &Arn) -> Result<(), Error> {
        let Resource::Version { version: number, .. } = arn.resource else { return Ok(()) };
        let tables = self.environment.tables()?;
        let state_machine_arn = unqualified(arn).to_string();
        let Some(version) = tables.version(&state_machine_arn, number)? else { return Ok(()) };
        let leads_here = |alias: &crate::AliasRecord| alias.routes.iter().any(|route| route.version == number);
        let aliases = tables.aliases(&state_machine_arn)?.into_iter().filter(leads_here);
        let aliases: Vec<Text> = aliases.map(|alias| alias.name).collect();
        if !aliases.is_empty() {
            return Err(Error::VersionInUse(aliases));
        }
        let mut writes = Writes::default();
        writes.remove_version(&state_machine_arn, number);
        writes.superseded(version.revision, &state_machine_arn, self.environment.clock.now_ms());
        self.routing.forget(&arn.to_string());
        self.environment.commit(writes).await
    }
}

/// The version of the current revision, which is that of the newest version, if it has one at all; else a new one.
pub(crate) fn published(
    environment: &Environment,
    writes: &mut Writes,
    state_machine_arn: &str,
    current: RevisionKey,
    publish: &Publish,
) -> Result<VersionRecord, Error> {
    let tables = environment.tables()?;
    let versions = tables.versions(state_machine_arn)?;
    if let Some(newest) = versions.first().filter(|newest| newest.revision == current) {
        return Ok(newest.clone());
    }
    if versions.len() as u64 >= environment.options.limits.versions_per_state_machine_max {
        return Err(Error::VersionLimitExceeded);
    }
    let version = VersionRecord {
        number: tables.last_version(state_machine_arn)?.saturating_add(1),
        description: publish.description.clone(),
        created_ms: environment.clock.now_ms(),
        revision: current,
        with_creation: tables.state_machine(state_machine_arn)?.is_none(),
    };
    writes.new_version(state_machine_arn, &version);
    Ok(version)
}

/// Whether CreateStateMachine asks for the version that it was asked for when it made the state machine.
pub(crate) fn is_same_publish(
    tables: &Tables,
    state_machine_arn: &str,
    publish: Option<&Publish>,
) -> Result<bool, Error> {
    let first = tables.version(state_machine_arn, 1)?.filter(|first| first.with_creation);
    Ok(first.map(|first| first.description) == publish.map(|publish| publish.description.clone()))
}

/// The state machine of a version or an alias.
pub(crate) fn unqualified(arn: &Arn) -> Arn {
    match &arn.resource {
        Resource::Version { name, .. } | Resource::Alias { name, .. } => {
            arn.with_resource(Resource::StateMachine { name: Arc::clone(name) })
        }
        _ => arn.clone(),
    }
}

pub(crate) fn version_arn(state_machine_arn: &str, number: u64) -> Text {
    format!("{state_machine_arn}:{number}").into()
}
