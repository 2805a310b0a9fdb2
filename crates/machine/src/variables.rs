//! Variables: what `Assign` puts into the scope of a frame.
//!
//! The state machine, and each branch of a Parallel and iteration of a Map, is a scope of its own, and sees those
//! around it.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html>

use crate::failure::{Failed, Stop};
use crate::visit::Visit;
use json::{Object, Payload, Text, Value};

/// Fails when there is too much to store.
pub(crate) fn check(visit: &Visit<'_>, assigned: &Object) -> Result<(), Stop> {
    let limits = visit.limits;
    let sizes: Vec<(&Text, usize)> = assigned.iter().map(|(name, value)| (name, value.to_string().len())).collect();
    if let Some((name, _)) = sizes.iter().find(|(_, size)| *size > limits.variable_bytes_max) {
        return Err(too_large(&format!("The value of the variable '{name}' exceeds"), limits.variable_bytes_max));
    }
    let assigned_now: usize = sizes.iter().map(|(_, size)| size).sum();
    if assigned_now > limits.variable_bytes_max {
        return Err(too_large("The variables of 'Assign' exceed", limits.variable_bytes_max));
    }
    let stored: usize = visit.scopes.iter().map(Payload::byte_len).sum();
    if stored.saturating_add(assigned_now) > limits.variables_bytes_total_max {
        return Err(too_large("The variables of the execution exceed", limits.variables_bytes_total_max));
    }
    Ok(())
}

fn too_large(what: &str, bytes_max: usize) -> Stop {
    Failed::evaluating("States.DataLimitExceeded", format!("{what} the maximum of {bytes_max} bytes.")).into()
}

/// The scope with what was assigned.
pub(crate) fn merge(scope: Option<&Payload>, assigned: &Object) -> Payload {
    let mut merged = scope.and_then(|scope| scope.value().as_object()).cloned().unwrap_or_default();
    merged.extend(assigned.iter().map(|(name, value)| (name.clone(), value.clone())));
    Value::Object(merged).into()
}

/// As `assignedVariables` of the history has them: each value as a JSON text.
pub(crate) fn as_texts(assigned: &Object) -> Vec<(Text, Text)> {
    assigned.iter().map(|(name, value)| (name.clone(), value.to_string().into())).collect()
}
