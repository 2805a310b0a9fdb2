//! Between [`json::Value`] and the value of the evaluator.
//!
//! Numbers are `f64` inside the evaluator, as in every JSONata implementation: an integer comes back as an
//! integer (`42`, never `42.0`), exact up to 2^53. A value that an expression only passes on is never
//! converted at all (see [`crate::jsonata`]).

use super::engine::Fault;
use crate::Ambient;
use indexmap::IndexMap;
use json::{MAX_DEPTH, Number, Object, Value};
use jsonata_core::value::{JArray, JValue};
use std::sync::Arc;

/// Fuel to convert one value, a member of an object beside its value, and an object beside its members; and how many
/// bytes of text are copied for one unit.
const VALUE_FUEL: usize = 20;
const MEMBER_FUEL: usize = 200;
const OBJECT_FUEL: usize = 300;
const TEXT_FUEL: usize = 40;
const TEXT_BYTES_PER_FUEL: usize = 8;

/// Takes values of a step in, and counts them before it does.
pub(super) struct Intake<'a> {
    pub(super) ambient: &'a Ambient,
    /// Fuel for each value beside its conversion: what the expression does with it.
    pub(super) value_fuel: u64,
}

impl Intake<'_> {
    pub(super) fn take(&self, value: &Value) -> Result<JValue, Fault> {
        let before = u128::from(self.ambient.fuel());
        // What is left after others may be too little for anything.
        let is_most = before > self.ambient.budget.time.as_nanos() / 2;
        self.count(value).map_err(|fault| if is_most { Fault::TooMuchToRead } else { fault })?;
        Ok(to_engine(value))
    }

    fn count(&self, value: &Value) -> Result<(), Fault> {
        let fuel = match value {
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => VALUE_FUEL,
            Value::String(text) => VALUE_FUEL + text_fuel(text),
            Value::Object(object) => OBJECT_FUEL + MEMBER_FUEL * object.len(),
        };
        spend(self.ambient, self.value_fuel.saturating_add(fuel as u64))?;
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.count(item)),
            Value::Object(object) => object.values().try_for_each(|member| self.count(member)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }
}

fn text_fuel(text: &str) -> usize {
    TEXT_FUEL + text.len() / TEXT_BYTES_PER_FUEL
}

fn spend(ambient: &Ambient, fuel: u64) -> Result<(), Fault> {
    ambient.spend(fuel).map_err(|_| Fault::Time)
}

/// The evaluator's value of a JSON value. Costs time and memory in the size of `value`.
pub(super) fn to_engine(value: &Value) -> JValue {
    match value {
        Value::Null => JValue::Null,
        Value::Bool(value) => JValue::Bool(*value),
        Value::Number(number) => JValue::Number(number.as_f64()),
        Value::String(text) => JValue::string(&**text),
        Value::Array(items) => {
            let flat = !items.iter().any(|item| matches!(item, Value::Array(_)));
            JValue::Array(JArray::new_flat(items.iter().map(to_engine).collect(), flat))
        }
        Value::Object(object) => object_to_engine(object),
    }
}

fn object_to_engine(object: &Object) -> JValue {
    let mut members = IndexMap::with_capacity(object.len());
    for (key, value) in object.iter() {
        members.insert(key.to_string(), to_engine(value));
    }
    JValue::object(members)
}

/// The JSON value of a result; `None` for undefined.
///
/// A function or a regular expression anywhere in it is [`Fault::UnsupportedResult`], a value nested deeper than
/// JSON text may be is [`Fault::Memory`]; it is counted while it is converted. AWS writes numbers that JSON cannot hold as texts (`"Infinity"`).
pub(super) fn from_engine(value: &JValue, ambient: &Ambient) -> Result<Option<Value>, Fault> {
    if value.is_undefined() { Ok(None) } else { json_of(value, MAX_DEPTH, ambient).map(Some) }
}

fn json_of(value: &JValue, depth_left: usize, ambient: &Ambient) -> Result<Value, Fault> {
    let fuel = match value {
        JValue::String(text) => VALUE_FUEL + text_fuel(text),
        JValue::Object(members) => OBJECT_FUEL + MEMBER_FUEL * members.len(),
        _ => VALUE_FUEL,
    };
    spend(ambient, fuel as u64)?;
    let below = || depth_left.checked_sub(1).ok_or(Fault::Memory);
    match value {
        JValue::Null | JValue::Undefined => Ok(Value::Null),
        JValue::Bool(value) => Ok(Value::Bool(*value)),
        JValue::Number(number) => Ok(number_of(*number)),
        JValue::String(text) => Ok(Value::String(Arc::from(&**text))),
        JValue::Array(items) => {
            let below = below()?;
            let items = items.iter().filter(|item| !item.is_undefined());
            Ok(Value::Array(Arc::new(items.map(|item| json_of(item, below, ambient)).collect::<Result<_, _>>()?)))
        }
        JValue::Object(members) => {
            let below = below()?;
            let members = members.iter().filter(|(_, value)| !value.is_undefined());
            let members = members.map(|(key, value)| Ok((Arc::from(&**key), json_of(value, below, ambient)?)));
            Ok(Value::Object(members.collect::<Result<Vec<(json::Text, Value)>, Fault>>()?.into_iter().collect()))
        }
        JValue::Lambda(_) | JValue::Builtin { .. } | JValue::Regex { .. } => Err(Fault::UnsupportedResult),
    }
}

fn number_of(number: f64) -> Value {
    /// Below this, each integral `f64` is an `i64`: 2^63.
    const INTEGERS_END: f64 = 9_223_372_036_854_775_808.0;
    if number.fract() == 0.0 && number.abs() < INTEGERS_END {
        #[expect(clippy::cast_possible_truncation, reason = "integral and in range, as just checked")]
        let integer = number as i64;
        return Value::from(integer);
    }
    if let Some(number) = Number::from_f64(number) {
        return Value::Number(number);
    }
    Value::from(match number {
        n if n.is_nan() => "NaN",
        n if n > 0.0 => "Infinity",
        _ => "-Infinity",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ambient;

    fn check(text: &str, expected: &str) {
        let value = Value::parse(text).unwrap();
        let back = from_engine(&to_engine(&value), &ambient()).unwrap().unwrap();
        assert_eq!(back.to_string(), expected, "{text}");
    }

    #[test]
    fn numbers_and_the_order_of_members_survive() {
        check("42", "42");
        check("-0.5", "-0.5");
        check("42.0", "42");
        check("1e3", "1000");
        check("9007199254740991", "9007199254740991");
        check(r#"{"z":1,"a":[1,[2],{"c":null,"b":true}]}"#, r#"{"z":1,"a":[1,[2],{"c":null,"b":true}]}"#);
        check(r#""\u0000é𝄞""#, r#""\u0000é𝄞""#);
    }

    #[test]
    fn what_json_cannot_hold_is_text() {
        for (number, text) in [(f64::NAN, "NaN"), (f64::INFINITY, "Infinity"), (f64::NEG_INFINITY, "-Infinity")] {
            assert_eq!(from_engine(&JValue::Number(number), &ambient()), Ok(Some(Value::from(text))));
        }
    }

    #[test]
    fn functions_are_no_result() {
        let array = JValue::array(vec![JValue::builtin("sum")]);
        assert_eq!(from_engine(&array, &ambient()), Err(Fault::UnsupportedResult));
        assert_eq!(from_engine(&JValue::Undefined, &ambient()), Ok(None));
    }

    #[test]
    fn depth_is_bounded() {
        let deep = (0..100_000).fold(JValue::Null, |inner, _| JValue::array(vec![inner]));
        assert_eq!(from_engine(&deep, &ambient()), Err(Fault::Memory));
    }
}
