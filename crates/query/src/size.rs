//! Bounds what an evaluation may build.
//!
//! Values are shared, so a template or a few nested calls build in no time a value whose text would fill the memory:
//! every level of `States.Array($.x, $.x)` doubles it. So what was built is measured before anything writes it, and
//! measuring spends fuel of the step.

use crate::{Ambient, Exhausted};
use json::{MAX_DEPTH, Value};

/// Fuel to look at one value, and how many bytes of text are looked at for one unit.
const VALUE_FUEL: usize = 5;
const TEXT_BYTES_PER_FUEL: usize = 16;

/// Why a value may not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    TooLarge,
    Exhausted,
}

impl From<Exhausted> for Misfit {
    fn from(_: Exhausted) -> Misfit {
        Misfit::Exhausted
    }
}

/// Whether the text of `value` takes no more than about the bytes of the budget, and nests no deeper than can be read
/// again.
pub(crate) fn check(value: &Value, ambient: &Ambient) -> Result<(), Misfit> {
    let mut left = ambient.budget.memory_bytes;
    measure(value, &mut left, MAX_DEPTH, ambient)
}

/// Spends what it takes to look at all of `value`: to compare or to write it.
pub(crate) fn look_through(value: &Value, ambient: &Ambient) -> Result<(), Exhausted> {
    let mut left = usize::MAX;
    measure(value, &mut left, MAX_DEPTH, ambient).map_err(|_| Exhausted)
}

fn measure(value: &Value, left: &mut usize, depth: usize, ambient: &Ambient) -> Result<(), Misfit> {
    let own = match value {
        Value::String(text) => text.len() + 2,
        _ => 1,
    };
    ambient.spend((VALUE_FUEL + own / TEXT_BYTES_PER_FUEL) as u64)?;
    *left = left.checked_sub(own).ok_or(Misfit::TooLarge)?;
    match value {
        Value::Array(elements) => {
            let depth = depth.checked_sub(1).ok_or(Misfit::TooLarge)?;
            elements.iter().try_for_each(|element| measure(element, left, depth, ambient))
        }
        Value::Object(object) => {
            let depth = depth.checked_sub(1).ok_or(Misfit::TooLarge)?;
            object.iter().try_for_each(|(key, member)| {
                *left = left.checked_sub(key.len() + 4).ok_or(Misfit::TooLarge)?;
                measure(member, left, depth, ambient)
            })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
