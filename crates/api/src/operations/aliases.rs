//! Routing configurations of aliases: read from requests and written into answers.

use crate::model::RoutingConfigurationListItem;
use crate::{ApiError, arn};
use asl::{Arn, Resource};
use engine::{AliasRecord, Route};
use json::Text;

/// Where an alias is to lead.
pub(crate) struct Routing {
    /// The state machine of all its versions.
    pub(crate) state_machine: Arn,
    pub(crate) routes: Vec<Route>,
}

/// Versions of one state machine, each once, whose weights sum to 100.
pub(crate) fn read(given: &[RoutingConfigurationListItem]) -> Result<Routing, ApiError> {
    let mut arns = Vec::new();
    let mut routes = Vec::new();
    for item in given {
        let arn = arn::any(&item.state_machine_version_arn)?;
        if let Resource::Version { version, .. } = arn.resource {
            // The shape check has refused other weights.
            routes.push(Route { version, weight: u8::try_from(item.weight).unwrap_or_default() });
        }
        arns.push(arn);
    }
    let state_machines: Vec<Arn> = arns.iter().filter_map(state_machine_of).collect();
    let refused = |why: &str| Err(invalid(why, &arns));
    match state_machines.as_slice() {
        all if all.len() < arns.len() => refused("Routing configuration must contain state machine version ARNs."),
        [one, other] if one != other => {
            refused("Routing configuration must contain versions of the same state machine.")
        }
        [_, _] if is_twice(&routes) => {
            refused("Routing configuration must contain distinct state machine version ARNs.")
        }
        _ if routes.iter().map(|route| u16::from(route.weight)).sum::<u16>() != 100 => {
            let weights: Vec<String> = routes.iter().map(|route| route.weight.to_string()).collect();
            Err(invalid("Sum of routing configuration weights must equal 100.", &weights))
        }
        [state_machine, ..] => Ok(Routing { state_machine: state_machine.clone(), routes }),
        [] => refused("Routing configuration must contain state machine version ARNs."),
    }
}

/// An alias leads to versions of its own state machine only.
pub(crate) fn of_another(state_machine: &Arn) -> ApiError {
    invalid("Routing configuration must contain versions of the alias's state machine.", &[state_machine])
}

/// The routing configuration of an alias as it is described.
pub(crate) fn on_the_wire(arn: &Arn, alias: &AliasRecord) -> Vec<RoutingConfigurationListItem> {
    let state_machine = state_machine_of(arn).unwrap_or_else(|| arn.clone());
    let item = |route: &Route| RoutingConfigurationListItem {
        state_machine_version_arn: format!("{state_machine}:{}", route.version).into(),
        weight: route.weight.into(),
    };
    alias.routes.iter().map(item).collect()
}

/// The state machine of a version or an alias.
pub(crate) fn state_machine_of(arn: &Arn) -> Option<Arn> {
    let name: &Text = match &arn.resource {
        Resource::Version { name, .. } | Resource::Alias { name, .. } => name,
        _ => return None,
    };
    Some(arn.with_resource(Resource::StateMachine { name: name.clone() }))
}

fn is_twice(routes: &[Route]) -> bool {
    matches!(routes, [one, other] if one.version == other.version)
}

fn invalid<T: ToString>(why: &str, received: &[T]) -> ApiError {
    let received: Vec<String> = received.iter().map(ToString::to_string).collect();
    ApiError::validation_because("INVALID_ROUTING_CONFIGURATION", format!("{why} Received: [{}]", received.join(", ")))
}
