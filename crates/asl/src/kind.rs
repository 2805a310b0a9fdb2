//! The kinds of values that fields hold: each function takes a field's value, or says in AWS's words why it cannot.

use json::{Text, Value};
use query::{Path, PathOrCall, ReferencePath};
use std::ops::RangeInclusive;

pub(crate) fn string(value: &Value) -> Result<Text, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        _ => Err(expected("String")),
    }
}

pub(crate) fn boolean(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| expected("Boolean"))
}

pub(crate) fn any_number(value: &Value) -> Result<Value, String> {
    if value.as_number().is_some() { Ok(value.clone()) } else { Err(expected("Number")) }
}

pub(crate) fn integer(range: RangeInclusive<u64>) -> impl Fn(&Value) -> Result<u64, String> {
    move |value| {
        let number = value.as_number().filter(|number| number.is_integer()).ok_or_else(|| expected("Integer"))?;
        let (least, most) = (*range.start(), *range.end());
        match number.as_i64() {
            Some(number) if number < 0 => Err(format!("Minimum value is {least}")),
            Some(number) if number.unsigned_abs() < least => Err(format!("Minimum value is {least}")),
            Some(number) if number.unsigned_abs() <= most => Ok(number.unsigned_abs()),
            _ => Err(format!("Maximum value is {most}")),
        }
    }
}

/// A number with fraction; AWS writes the bounds of these with one, too.
pub(crate) fn decimal(range: RangeInclusive<f64>) -> impl Fn(&Value) -> Result<f64, String> {
    move |value| {
        let number = value.as_f64().ok_or_else(|| expected("Number"))?;
        match number {
            number if number < *range.start() => Err(format!("Minimum value is {:.1}", range.start())),
            number if number > *range.end() => Err(format!("Maximum value is {:.1}", range.end())),
            number => Ok(number),
        }
    }
}

/// RFC 3339 with an upper case `T`, and an upper case `Z` or an offset.
pub(crate) fn timestamp(value: &Value) -> Result<Text, String> {
    let text = string(value)?;
    let is_written_so = text.as_bytes().get(10) == Some(&b'T') && !text.contains(['[', 'z']);
    if is_written_so && text.parse::<jiff::Timestamp>().is_ok() {
        return Ok(text);
    }
    Err("String does not match RFC3339 timestamp".to_owned())
}

/// `InputPath`, `OutputPath`, `ItemsPath`: any path.
pub(crate) fn path(value: &Value) -> Result<Path, String> {
    let text = string(value)?;
    Path::parse(&text).map_err(|_| "Value must be a valid JSONPath.".to_owned())
}

/// `Variable` and the `…Path` of values: a path that names one place.
pub(crate) fn definite_path(value: &Value) -> Result<Path, String> {
    let text = string(value)?;
    let path = start_of_reference_path(&text).and_then(|()| Path::parse(&text).map_err(|error| error.message));
    match path {
        Ok(path) if path.is_definite() => Ok(path),
        Ok(_) => Err(no_reference_path("Path can match more than one place")),
        Err(reason) => Err(no_reference_path(&reason)),
    }
}

/// The `…Path` of the numbers of a Map, where AWS refuses the context object.
pub(crate) fn input_path(value: &Value) -> Result<Path, String> {
    let path = definite_path(value)?;
    if path.source().starts_with("$$") {
        return Err(no_reference_path("Context object is not supported"));
    }
    Ok(path)
}

/// `ResultPath`: where a result is put.
pub(crate) fn reference_path(value: &Value) -> Result<ReferencePath, String> {
    let text = string(value)?;
    start_of_reference_path(&text)
        .and_then(|()| ReferencePath::parse(&text).map_err(|error| error.message))
        .map_err(|reason| no_reference_path(&reason))
}

/// `ErrorPath`, `CausePath`: a path or an intrinsic call.
pub(crate) fn path_or_call(value: &Value) -> Result<PathOrCall, String> {
    let text = string(value)?;
    PathOrCall::parse(&text).map_err(|_| "Value must be a valid JSONPath or a valid intrinsic function call".to_owned())
}

/// `null` where it means something else than an absent field.
pub(crate) fn nullable<T>(kind: impl Fn(&Value) -> Result<T, String>) -> impl Fn(&Value) -> Result<Option<T>, String> {
    move |value| if value.is_null() { Ok(None) } else { kind(value).map(Some) }
}

pub(crate) fn expected(type_name: &str) -> String {
    format!("Expected value of type {type_name}")
}

fn start_of_reference_path(text: &str) -> Result<(), String> {
    if text.starts_with('$') { Ok(()) } else { Err("Reference path didn't start with '$'".to_owned()) }
}

fn no_reference_path(reason: &str) -> String {
    format!("Value is not a Reference Path: {reason}")
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn timestamps() {
        for good in ["2016-03-14T01:59:00Z", "2016-03-14T01:59:00.123456Z", "2016-03-14T01:59:00+01:00"] {
            assert!(timestamp(&good.into()).is_ok(), "{good}");
        }
        for bad in ["2016-03-14 01:59:00Z", "2016-03-14T01:59:00", "2016-03-14t01:59:00Z", "2016-03-14", "soon", ""] {
            assert_eq!(timestamp(&bad.into()).unwrap_err(), "String does not match RFC3339 timestamp", "{bad}");
        }
    }
}
