//! `States.Array`, `ArrayPartition`, `ArrayContains`, `ArrayRange`, `ArrayGetItem`, `ArrayLength`, `ArrayUnique`.

use super::{elements, integer};
use crate::Ambient;
use json::Value;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// How many elements `States.ArrayRange` may make.
const RANGE_LEN_MAX: u64 = 1000;
/// Fuel to compare an element with one that looks the same.
const COMPARE_FUEL: u64 = 30;

#[expect(clippy::unnecessary_wraps, reason = "all functions of the table have this signature")]
pub(super) fn array(arguments: &[Value], _ambient: &Ambient) -> Result<Value, String> {
    Ok(arguments.iter().collect())
}

pub(super) fn partition(arguments: &[Value], _ambient: &Ambient) -> Result<Value, String> {
    let (elements, size) = (elements(arguments, 0)?, integer(arguments, 1)?);
    let size = usize::try_from(size).ok().filter(|size| *size > 0);
    let size = size.ok_or("Invalid arguments: the chunk size must be a positive integer")?;
    Ok(elements.chunks(size).map(|chunk| chunk.iter().collect::<Value>()).collect())
}

pub(super) fn contains(arguments: &[Value], _ambient: &Ambient) -> Result<Value, String> {
    let (elements, wanted) = (elements(arguments, 0)?, arguments.get(1));
    Ok(Value::from(elements.iter().any(|element| Some(element) == wanted)))
}

pub(super) fn range(arguments: &[Value], _ambient: &Ambient) -> Result<Value, String> {
    let (first, last, step) = (integer(arguments, 0)?, integer(arguments, 1)?, integer(arguments, 2)?);
    if step == 0 {
        return Err("Invalid arguments: the increment must not be 0".to_owned());
    }
    let goes_there = if step > 0 { first <= last } else { first >= last };
    let len = if goes_there { (first.abs_diff(last) / step.unsigned_abs()).saturating_add(1) } else { 0 };
    if len > RANGE_LEN_MAX {
        return Err(format!("Invalid arguments: the array must not have more than {RANGE_LEN_MAX} elements"));
    }
    let elements = std::iter::successors(Some(first), |element| element.checked_add(step));
    Ok(elements.take(usize::try_from(len).unwrap_or_default()).collect())
}

pub(super) fn get_item(arguments: &[Value], _ambient: &Ambient) -> Result<Value, String> {
    let (elements, index) = (elements(arguments, 0)?, integer(arguments, 1)?);
    let element = usize::try_from(index).ok().and_then(|index| elements.get(index));
    element
        .cloned()
        .ok_or_else(|| format!("Index {index} is out of bounds for an array of {} elements", elements.len()))
}

pub(super) fn length(arguments: &[Value], _ambient: &Ambient) -> Result<Value, String> {
    Ok(Value::from(elements(arguments, 0)?.len() as u64))
}

/// Keeps the first of equal elements.
pub(super) fn unique(arguments: &[Value], ambient: &Ambient) -> Result<Value, String> {
    let mut seen: HashMap<u64, Vec<&Value>> = HashMap::new();
    let mut is_new = |element| {
        let alike = seen.entry(hash(element)).or_default();
        // Numbers can be written so that thousands have one hash.
        let has_fuel = ambient.spend(COMPARE_FUEL * alike.len() as u64).is_ok();
        let is_new = has_fuel && !alike.contains(&element);
        if is_new {
            alike.push(element);
        }
        is_new
    };
    Ok(elements(arguments, 0)?.iter().filter(|element| is_new(*element)).collect())
}

/// Equal for equal values.
fn hash(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value {
        Value::Null => 0_u8.hash(&mut hasher),
        Value::Bool(value) => value.hash(&mut hasher),
        // A decimal can be written in many ways.
        Value::Number(number) => number.as_f64().to_bits().hash(&mut hasher),
        Value::String(text) => text.hash(&mut hasher),
        Value::Array(elements) => elements.iter().for_each(|element| hash(element).hash(&mut hasher)),
        // The sum does not depend on the order of the members.
        Value::Object(object) => {
            let member = |(key, value): (&json::Text, &Value)| {
                let mut hasher = DefaultHasher::new();
                (key, hash(value)).hash(&mut hasher);
                hasher.finish()
            };
            object.iter().map(member).fold(0, u64::wrapping_add).hash(&mut hasher);
        }
    }
    hasher.finish()
}
