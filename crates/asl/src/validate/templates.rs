//! Payload templates and other written values: what looks like a path where none is evaluated, and names given twice.

use crate::diagnostic::DiagnosticCode;
use crate::reader::Reader;
use json::{Object, Text, Value};
use query::Location;

/// Looks at every member of a payload template; `location` is where `value` stands.
pub(crate) fn check_template(reader: &Reader<'_>, location: &Location<'_>, value: &Value) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                check_member(reader, location, object, name, value);
                check_template(reader, &location.member(name), value);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                check_template(reader, &location.element(index), element);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// `NO_DOLLAR` for a value that looks like a path in a field without `.$`; a fault for a field with and without it.
fn check_member(reader: &Reader<'_>, location: &Location<'_>, object: &Object, name: &Text, value: &Value) {
    match name.strip_suffix(".$") {
        Some(plain) if object.contains_key(plain) => {
            let message = format!("Field '{plain}' is given twice: as '{plain}' and as '{name}'");
            reader.fault_with(DiagnosticCode::SchemaValidationFailed, message, location);
        }
        None if value.as_str().is_some_and(looks_evaluated) => {
            let message = format!("Field '{name}' looks like it holds a path: its name must end with '.$' then");
            reader.warn_at(&location.member(name), DiagnosticCode::NoDollar, message);
        }
        Some(_) | None => {}
    }
}

/// `NO_PATH`: a literal that looks like a path, where the same field with `Path` behind its name would evaluate it.
pub(crate) fn warn_of_path<'a>(reader: &Reader<'a>, field: &'a str, text: &str) {
    if !reader.is_jsonata() && looks_evaluated(text) {
        let message = format!("The value of '{field}' looks like a path, but its name does not end with 'Path'");
        reader.warn_at(&reader.location_of(field), DiagnosticCode::NoPath, message);
    }
}

/// `PASS_RESULT_IS_STATIC`: nothing in `Result` is evaluated.
pub(crate) fn warn_of_static_result(reader: &Reader<'_>, result: &Value) {
    if holds_path(result) {
        let message = "The content of 'Result' is used as it is written: paths in it are not evaluated";
        reader.warn_at(&reader.location_of("Result"), DiagnosticCode::PassResultIsStatic, message);
    }
}

fn holds_path(value: &Value) -> bool {
    match value {
        Value::Object(object) => object.iter().any(|(name, value)| name.ends_with(".$") || holds_path(value)),
        Value::Array(elements) => elements.iter().any(holds_path),
        Value::String(text) => looks_evaluated(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// `$`, `$.…`, `$[…`, `$$.…`, or an intrinsic call.
fn looks_evaluated(text: &str) -> bool {
    text == "$"
        || ["$.", "$[", "$$.", "$$["].iter().any(|start| text.starts_with(start))
        || (text.starts_with("States.") && text.contains('(') && text.ends_with(')'))
}
