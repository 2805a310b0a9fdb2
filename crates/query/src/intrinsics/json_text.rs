//! `States.StringToJson`, `States.JsonToString`, `States.JsonMerge`.

use super::{string, wrong_type};
use crate::Ambient;
use json::Value;

pub(super) fn parse(arguments: &[Value], _ambient: &Ambient) -> Result<Value, String> {
    Value::parse(string(arguments, 0)?).map_err(|error| format!("Invalid arguments: not a JSON text: {error}"))
}

#[expect(clippy::unnecessary_wraps, reason = "all functions of the table have this signature")]
pub(super) fn to_string(arguments: &[Value], _ambient: &Ambient) -> Result<Value, String> {
    Ok(Value::from(arguments.first().unwrap_or(&Value::Null).to_string()))
}

/// The members of both objects; those of the second win. AWS has no deep merge, so the third argument is `false`.
pub(super) fn merge(arguments: &[Value], _ambient: &Ambient) -> Result<Value, String> {
    let [first, second, is_deep] = arguments else {
        return Err("Invalid arguments: expected two objects and false".to_owned());
    };
    match is_deep.as_bool() {
        Some(false) => {}
        Some(true) => return Err("Invalid arguments: deep merging is not supported, use false".to_owned()),
        None => return Err(wrong_type("a boolean", is_deep)),
    }
    let object = |value: &Value| value.as_object().cloned().ok_or_else(|| wrong_type("an object", value));
    let mut merged = object(first)?;
    merged.extend(object(second)?.iter().map(|(key, value)| (key.clone(), value.clone())));
    Ok(Value::from(merged))
}
