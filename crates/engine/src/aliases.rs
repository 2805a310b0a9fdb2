//! Aliases of state machines: names that lead to one version or, by weight, to two.

use crate::{
    AliasChange, AliasRecord, Error, NewAlias, Page, Paged, Route,
    changes::Changing,
    state_machines::Registry,
    tables::{Tables, Writes},
    versions::{unqualified, version_arn},
};
use asl::{Arn, Resource};
use json::Text;
use std::sync::Arc;

impl Registry {
    /// The same alias again is the one that is there.
    pub(crate) async fn create_alias(&self, _: &Changing, new: NewAlias) -> Result<AliasRecord, Error> {
        let state_machine_arn: Text = unqualified(&new.arn).to_string().into();
        let tables = self.environment.tables()?;
        let state_machine = tables.state_machine(&state_machine_arn)?;
        if state_machine.is_some_and(|record| record.deleting) {
            return Err(Error::StateMachineDeleting(state_machine_arn));
        }
        check_routes(&tables, &state_machine_arn, &new.routes)?;
        let name = alias_name(&new.arn)?;
        let aliases = tables.aliases(&state_machine_arn)?;
        if let Some(existing) = aliases.iter().find(|alias| alias.name == name) {
            let is_same = existing.description == new.description && existing.routes == new.routes;
            return if is_same { Ok(existing.clone()) } else { Err(Error::AliasAlreadyExists) };
        }
        if aliases.len() >= self.environment.options.limits.aliases_per_state_machine_max {
            return Err(Error::AliasLimitExceeded);
        }
        let now_ms = self.environment.clock.now_ms();
        let NewAlias { description, routes, .. } = new;
        let alias = AliasRecord { name, description, routes, created_ms: now_ms, updated_ms: now_ms };
        let mut writes = Writes::default();
        writes.alias(&state_machine_arn, &alias);
        self.environment.commit(writes).await?;
        Ok(alias)
    }

    /// A change that changes nothing leaves the time of the update.
    pub(crate) async fn update_alias(
        &self,
        _: &Changing,
        arn: &Arn,
        change: AliasChange,
    ) -> Result<AliasRecord, Error> {
        let mut alias = self.alias(arn)?;
        let state_machine_arn: Text = unqualified(arn).to_string().into();
        let tables = self.environment.tables()?;
        if tables.state_machine(&state_machine_arn)?.is_some_and(|record| record.deleting) {
            return Err(Error::StateMachineDeleting(state_machine_arn));
        }
        let (description, routes) = (change.description.or(alias.description.clone()), change.routes);
        let routes = routes.unwrap_or_else(|| alias.routes.clone());
        if alias.description == description && alias.routes == routes {
            return Ok(alias);
        }
        check_routes(&tables, &state_machine_arn, &routes)?;
        (alias.description, alias.routes) = (description, routes);
        alias.updated_ms = self.environment.clock.now_ms();
        let mut writes = Writes::default();
        writes.alias(&state_machine_arn, &alias);
        self.routing.forget(&arn.to_string());
        self.environment.commit(writes).await?;
        Ok(alias)
    }

    pub(crate) fn alias(&self, arn: &Arn) -> Result<AliasRecord, Error> {
        let alias = self.environment.tables()?.alias(&unqualified(arn).to_string(), &alias_name(arn)?)?;
        alias.ok_or_else(|| not_found(arn))
    }

    /// An alias that does not exist is deleted already.
    pub(crate) async fn delete_alias(&self, _: &Changing, arn: &Arn) -> Result<(), Error> {
        match self.alias(arn) {
            Err(Error::ResourceNotFound(_)) => return Ok(()),
            found => found?,
        };
        let mut writes = Writes::default();
        writes.remove_alias(&unqualified(arn).to_string(), &alias_name(arn)?);
        self.routing.forget(&arn.to_string());
        self.environment.commit(writes).await
    }

    /// Aliases of a state machine, or those that lead to a version; the oldest first. The position is the time of
    /// creation and the name of the last one of the page.
    pub(crate) fn aliases(&self, arn: &Arn, page: &Page) -> Result<Paged<AliasRecord>, Error> {
        let state_machine = unqualified(arn);
        let record = self.record(&state_machine)?;
        if record.deleting {
            return Err(Error::StateMachineDeleting(Arc::clone(&record.arn)));
        }
        let tables = self.environment.tables()?;
        let mut items = tables.aliases(&record.arn)?;
        if let Resource::Version { version, .. } = arn.resource {
            if tables.version(&record.arn, version)?.is_none() {
                return Err(not_found(arn));
            }
            items.retain(|alias| alias.routes.iter().any(|route| route.version == version));
        }
        if let Some(after) = &page.after {
            items.retain(|alias| position(alias) > *after);
        }
        let has_more = items.len() > page.size;
        items.truncate(page.size);
        let next = items.last().filter(|_| has_more).map(position);
        Ok(Paged { items, next })
    }
}

/// Positions compare as the list is ordered: no alias was created before 1970.
fn position(alias: &AliasRecord) -> Vec<u8> {
    [&alias.created_ms.to_be_bytes(), alias.name.as_bytes()].concat()
}

/// Every version that an alias leads to exists.
fn check_routes(tables: &Tables, state_machine_arn: &str, routes: &[Route]) -> Result<(), Error> {
    for route in routes {
        if tables.version(state_machine_arn, route.version)?.is_none() {
            return Err(Error::ResourceNotFound(version_arn(state_machine_arn, route.version)));
        }
    }
    Ok(())
}

fn alias_name(arn: &Arn) -> Result<Text, Error> {
    match &arn.resource {
        Resource::Alias { alias, .. } => Ok(Arc::clone(alias)),
        _ => Err(not_found(arn)),
    }
}

fn not_found(arn: &Arn) -> Error {
    Error::ResourceNotFound(arn.to_string().into())
}
