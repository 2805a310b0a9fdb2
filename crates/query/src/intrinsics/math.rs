//! `States.MathAdd`, `States.MathRandom`.

use super::integer;
use super::java::Random;
use crate::Ambient;
use json::Value;

/// Rounds both numbers first.
pub(super) fn add(arguments: &[Value], _ambient: &Ambient) -> Result<Value, String> {
    let sum = integer(arguments, 0)?.checked_add(integer(arguments, 1)?);
    sum.map(Value::from).ok_or_else(|| "The sum is out of range".to_owned())
}

/// From the first number up to the second, which is not among them. The same seed gives the same number.
pub(super) fn random(arguments: &[Value], ambient: &Ambient) -> Result<Value, String> {
    let (first, end) = (integer(arguments, 0)?, integer(arguments, 1)?);
    if first >= end {
        return Err("Invalid arguments: the first number must be less than the second".to_owned());
    }
    let len = first.abs_diff(end);
    let drawn = if arguments.len() > 2 {
        Random::new(integer(arguments, 2)?).below(len)
    } else {
        // The upper half of the product is uniform up to what 64 bits allow.
        let product = u128::from(ambient.next_u64()) * u128::from(len);
        u64::try_from(product >> 64).unwrap_or_default()
    };
    Ok(Value::from(first.wrapping_add_unsigned(drawn)))
}
