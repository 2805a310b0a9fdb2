//! Where a start by a version or an alias leads: to the revision of a version, which an alias draws by weight.

use crate::{
    Error, Route,
    definitions::Definition,
    recent::Recent,
    state_machines::Registry,
    tables::RevisionKey,
    versions::{unqualified, version_arn},
};
use asl::{Arn, Resource};
use json::Text;
use std::sync::Arc;

/// Versions and aliases of which it is remembered where they lead: some hundred bytes each.
const KEPT_MAX: usize = 4_096;

/// What an execution is started with.
pub(crate) struct Target {
    pub(crate) definition: Arc<Definition>,
    /// Executions that are started by the ARN of the state machine itself belong to no version.
    pub(crate) version_arn: Option<Text>,
    pub(crate) alias_arn: Option<Text>,
}

/// Where a version leads, or an alias with this weight.
struct Leads {
    weight: u8,
    revision: RevisionKey,
    version_arn: Text,
    alias_arn: Option<Text>,
}

impl Leads {
    fn to(&self, definition: Arc<Definition>) -> Target {
        Target { definition, version_arn: Some(Arc::clone(&self.version_arn)), alias_arn: self.alias_arn.clone() }
    }
}

/// What was used lately; only what is durable.
pub(crate) struct Routing {
    kept: Recent<Text, Arc<[Leads]>>,
}

impl Default for Routing {
    fn default() -> Routing {
        Routing { kept: Recent::new(KEPT_MAX) }
    }
}

impl Routing {
    /// Before a version or an alias is changed.
    pub(crate) fn forget(&self, arn: &str) {
        self.kept.forget(arn);
    }

    /// Before a state machine is deleted with its versions and aliases.
    pub(crate) fn forget_all_of(&self, state_machine_arn: &str) {
        let is_of = |arn: &Text| arn.strip_prefix(state_machine_arn).is_some_and(|rest| rest.starts_with(':'));
        self.kept.forget_all(is_of);
    }
}

impl Registry {
    /// What StartExecution needs. What is not in memory is read apart: a large definition takes long.
    pub(crate) async fn to_start(self: &Arc<Registry>, arn: &Arn) -> Result<Target, Error> {
        let is_qualified = matches!(arn.resource, Resource::Version { .. } | Resource::Alias { .. });
        let number = if is_qualified { self.environment.random.below_100()? } else { 0 };
        if let Some(target) = self.target_at_hand(arn, is_qualified, number) {
            return Ok(target);
        }
        let arn = arn.clone();
        self.apart(move |registry| registry.read_target(&arn, is_qualified, number)).await
    }

    fn target_at_hand(&self, arn: &Arn, is_qualified: bool, number: u8) -> Option<Target> {
        let text = arn.to_string();
        if !is_qualified {
            return Some(Target { definition: self.kept(&text)?, version_arn: None, alias_arn: None });
        }
        let all = self.routing.kept.get(&*text)?;
        let leads = drawn(&all, number)?;
        Some(leads.to(self.environment.definitions.kept(&leads.revision.into())?))
    }

    fn read_target(&self, arn: &Arn, is_qualified: bool, number: u8) -> Result<Target, Error> {
        if !is_qualified {
            return Ok(Target { definition: self.current_to_start(arn)?, version_arn: None, alias_arn: None });
        }
        let all = self.leads(arn)?;
        let leads = drawn(&all, number).ok_or_else(|| unknown(arn))?;
        let tables = self.environment.tables()?;
        Ok(leads.to(self.environment.definitions.get(&leads.revision.into(), &tables)?))
    }

    /// They are remembered by the same rule as a current revision: if nothing is changed from before they are read until
    /// then.
    fn leads(&self, arn: &Arn) -> Result<Arc<[Leads]>, Error> {
        let text: Text = arn.to_string().into();
        if let Some(all) = self.routing.kept.get(&*text) {
            return Ok(all);
        }
        let unchanged = self.changes.try_lock();
        let all = self.read_leads(arn, &text)?;
        if unchanged.is_ok() {
            self.routing.kept.keep(text, Arc::clone(&all), 1);
        }
        Ok(all)
    }

    fn read_leads(&self, arn: &Arn, text: &Text) -> Result<Arc<[Leads]>, Error> {
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
        let leads = |route: Route| {
            let version = tables.version(&state_machine.arn, route.version)?.ok_or_else(|| unknown(arn))?;
            Ok(Leads {
                weight: route.weight,
                revision: version.revision,
                version_arn: version_arn(&state_machine.arn, route.version),
                alias_arn: alias_arn.cloned(),
            })
        };
        routes.into_iter().map(leads).collect()
    }
}

/// The first one whose share, after those before it, holds `number`, which is one of 0 to 99.
fn drawn(all: &[Leads], number: u8) -> Option<&Leads> {
    let mut share = 0_u8;
    all.iter().find(|leads| {
        share = share.saturating_add(leads.weight);
        number < share
    })
}

fn unknown(arn: &Arn) -> Error {
    Error::StateMachineDoesNotExist(arn.to_string().into())
}
