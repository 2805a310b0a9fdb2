//! Bounds what an evaluation may build.
//!
//! Values are shared, so a template or a few nested calls build in no time a value whose text would fill the memory:
//! every level of `States.Array($.x, $.x)` doubles it. So what was built is measured before anything writes it.

use json::{MAX_DEPTH, Value};

/// Whether the text of `value` takes no more than about `bytes_max`, and nests no deeper than can be read again.
pub(crate) fn fits(value: &Value, bytes_max: usize) -> bool {
    let mut left = bytes_max;
    spend(value, &mut left, MAX_DEPTH).is_some()
}

fn spend(value: &Value, left: &mut usize, depth: usize) -> Option<()> {
    let own = match value {
        Value::String(text) => text.len() + 2,
        _ => 1,
    };
    *left = left.checked_sub(own)?;
    match value {
        Value::Array(elements) => {
            let depth = depth.checked_sub(1)?;
            elements.iter().try_for_each(|element| spend(element, left, depth))
        }
        Value::Object(object) => {
            let depth = depth.checked_sub(1)?;
            object.iter().try_for_each(|(key, member)| {
                *left = left.checked_sub(key.len() + 4)?;
                spend(member, left, depth)
            })
        }
        _ => Some(()),
    }
}
