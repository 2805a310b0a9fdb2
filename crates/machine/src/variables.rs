//! Variables: what `Assign` puts into the scope of a frame.
//!
//! The state machine, and each branch of a Parallel and iteration of a Map, is a scope of its own, and sees those
//! around it. The variables of a scope are a part of their own, written only when something was assigned.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html>

use crate::failure::{Failed, Stop};
use crate::visit::Visit;
use json::{Object, Payload, Text, Value};
use serde::{Deserialize, Serialize};

/// The variables of one scope. Stored: fields may be added with `#[serde(default)]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Variables {
    /// An object.
    values: Payload,
    /// What the values come to, as JSON texts.
    bytes: usize,
}

impl Variables {
    /// Those of an object that nobody has counted yet.
    pub(crate) fn counted(values: Option<&Payload>) -> Variables {
        let Some(values) = values else { return Variables::default() };
        Variables { values: values.clone(), bytes: values.value().as_object().map_or(0, sum) }
    }

    pub(crate) fn values(&self) -> &Payload {
        &self.values
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// With what was assigned; a variable that was there before has a new value.
    pub(crate) fn merged(&self, assigned: &Object) -> Variables {
        let mut merged = self.values.value().as_object().cloned().unwrap_or_default();
        let replaced = replaced([&merged], assigned);
        merged.extend(assigned.iter().map(|(name, value)| (name.clone(), value.clone())));
        let bytes = self.bytes.saturating_sub(replaced) + sum(assigned);
        Variables { values: Value::Object(merged).into(), bytes }
    }
}

/// Fails when there is too much to store. A value that is replaced makes room for the new one.
pub(crate) fn check(visit: &Visit<'_>, assigned: &Object) -> Result<(), Stop> {
    let limits = visit.limits;
    let sizes: Vec<(&Text, usize)> = assigned.iter().map(|(name, value)| (name, size(value))).collect();
    if let Some((name, _)) = sizes.iter().find(|(_, size)| *size > limits.variable_bytes_max) {
        return Err(too_large(&format!("The value of the variable '{name}' exceeds"), limits.variable_bytes_max));
    }
    let assigned_now: usize = sizes.iter().map(|(_, size)| size).sum();
    if assigned_now > limits.variable_bytes_max {
        return Err(too_large("The variables of 'Assign' exceed", limits.variable_bytes_max));
    }
    let others = visit.variables_bytes.saturating_sub(replaced(visit.objects(), assigned));
    if others.saturating_add(assigned_now) > limits.variables_bytes_total_max {
        return Err(too_large("The variables of the execution exceed", limits.variables_bytes_total_max));
    }
    Ok(())
}

fn too_large(what: &str, bytes_max: usize) -> Stop {
    Failed::evaluating("States.DataLimitExceeded", format!("{what} the maximum of {bytes_max} bytes.")).into()
}

/// What the variables that are assigned anew came to before. No scope has a name that one around it has.
fn replaced<'a>(scopes: impl IntoIterator<Item = &'a Object>, assigned: &Object) -> usize {
    let of = |scope: &Object| -> usize { assigned.keys().filter_map(|name| scope.get(name)).map(size).sum() };
    scopes.into_iter().map(of).sum()
}

fn sum(values: &Object) -> usize {
    values.iter().map(|(_, value)| size(value)).sum()
}

fn size(value: &Value) -> usize {
    value.to_string().len()
}

/// As `assignedVariables` of the history has them: each value as a JSON text.
pub(crate) fn as_texts(assigned: &Object) -> Vec<(Text, Text)> {
    assigned.iter().map(|(name, value)| (name.clone(), value.to_string().into())).collect()
}
