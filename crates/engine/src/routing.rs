//! Where a start by a version or an alias leads: to the revision of a version, which an alias draws by weight.

use crate::{
    Error, Route,
    definitions::Definition,
    state_machines::Registry,
    versions::{unqualified, version_arn},
};
use asl::{Arn, Resource};
use json::Text;
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

/// Versions and aliases whose targets are kept in memory.
const KEPT_MAX: usize = 4_096;

/// What an execution is started with.
pub(crate) struct Target {
    pub(crate) definition: Arc<Definition>,
    /// Executions that are started by the ARN of the state machine itself belong to no version.
    pub(crate) version_arn: Option<Text>,
    pub(crate) alias_arn: Option<Text>,
}

/// The targets of one version or alias, each with its weight.
type Targets = Arc<[(u8, Target)]>;

/// The targets that were used lately; only what is durable.
#[derive(Default)]
pub(crate) struct Routing {
    kept: RwLock<HashMap<Text, Targets>>,
}

impl Routing {
    fn get(&self, arn: &str) -> Option<Targets> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).get(arn).map(Arc::clone)
    }

    fn keep(&self, arn: Text, targets: &Targets) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(arn, Arc::clone(targets));
    }

    /// Before a version or an alias is changed.
    pub(crate) fn forget(&self, arn: &str) {
        self.kept.write().unwrap_or_else(PoisonError::into_inner).remove(arn);
    }

    /// Before a state machine is deleted with its versions and aliases.
    pub(crate) fn forget_all_of(&self, state_machine_arn: &str) {
        let is_of = |arn: &Text| arn.strip_prefix(state_machine_arn).is_some_and(|rest| rest.starts_with(':'));
        self.kept.write().unwrap_or_else(PoisonError::into_inner).retain(|arn, _| !is_of(arn));
    }
}

impl Registry {
    /// What StartExecution needs.
    pub(crate) fn to_start(&self, arn: &Arn) -> Result<Target, Error> {
        let is_qualified = matches!(arn.resource, Resource::Version { .. } | Resource::Alias { .. });
        if !is_qualified {
            return Ok(Target { definition: self.current_to_start(arn)?, version_arn: None, alias_arn: None });
        }
        let targets = self.targets(arn)?;
        let (_, target) = drawn(&targets, self.environment.random.below_100()?).ok_or_else(|| unknown(arn))?;
        Ok(Target {
            definition: Arc::clone(&target.definition),
            version_arn: target.version_arn.clone(),
            alias_arn: target.alias_arn.clone(),
        })
    }

    /// They are kept in memory by the same rule as a current revision: if nothing is changed from before they are read
    /// until they are kept.
    fn targets(&self, arn: &Arn) -> Result<Targets, Error> {
        let text: Text = arn.to_string().into();
        if let Some(targets) = self.routing.get(&text) {
            return Ok(targets);
        }
        let unchanged = self.changes.try_lock();
        let targets = self.read_targets(arn, &text)?;
        if unchanged.is_ok() {
            self.routing.keep(text, &targets);
        }
        Ok(targets)
    }

    fn read_targets(&self, arn: &Arn, text: &Text) -> Result<Targets, Error> {
        let state_machine = self.record(&unqualified(arn))?;
        if state_machine.deleting {
            return Err(Error::StateMachineDeleting(Arc::clone(&state_machine.arn)));
        }
        let tables = self.environment.tables()?;
        let (routes, alias_arn) = match &arn.resource {
            Resource::Version { version, .. } => (vec![Route { version: *version, weight: 100 }], None),
            Resource::Alias { alias, .. } => {
                let alias = tables.alias(&state_machine.arn, alias)?.ok_or_else(|| unknown(arn))?;
                (alias.routes, Some(text))
            }
            _ => return Err(unknown(arn)),
        };
        let target = |route: Route| {
            let version = tables.version(&state_machine.arn, route.version)?.ok_or_else(|| unknown(arn))?;
            let target = Target {
                definition: self.environment.definitions.get(version.revision, &tables)?,
                version_arn: Some(version_arn(&state_machine.arn, route.version)),
                alias_arn: alias_arn.cloned(),
            };
            Ok((route.weight, target))
        };
        routes.into_iter().map(target).collect()
    }
}

/// The first target whose share, after those before it, holds `number`, which is one of 0 to 99.
fn drawn(targets: &[(u8, Target)], number: u8) -> Option<&(u8, Target)> {
    let mut share = 0_u8;
    targets.iter().find(|(weight, _)| {
        share = share.saturating_add(*weight);
        number < share
    })
}

fn unknown(arn: &Arn) -> Error {
    Error::StateMachineDoesNotExist(arn.to_string().into())
}
