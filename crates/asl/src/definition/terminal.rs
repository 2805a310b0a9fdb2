//! Succeed and Fail: the states that end an execution, a branch or an iteration.

use super::Fields;
use crate::kind;
use crate::reader::{Reader, is_marked};
use crate::shape::{Group, INPUT_OUTPUT, STATE, Shape, both, json_path};
use json::Text;
use query::{PathOrCall, jsonata};

/// Ends well.
#[derive(Clone, Debug)]
pub struct Succeed {
    pub fields: Fields,
}

/// Ends with an error.
#[derive(Clone, Debug)]
pub struct Fail {
    pub error: Option<ErrorCause>,
    pub cause: Option<ErrorCause>,
}

/// `Error`, `Cause`: written, by path or intrinsic call, or computed.
#[derive(Clone, Debug)]
pub enum ErrorCause {
    Literal(Text),
    Path(PathOrCall),
    Expression(jsonata::Expression),
}

const SUCCEED: Shape = Shape { fields: &[STATE, INPUT_OUTPUT], required: &[], groups: &[] };

const FAIL: Shape = Shape {
    fields: &[STATE, &[both("Error"), json_path("ErrorPath"), both("Cause"), json_path("CausePath")]],
    required: &[],
    groups: &[Group::AtMostOne(&["Error", "ErrorPath"]), Group::AtMostOne(&["Cause", "CausePath"])],
};

impl Succeed {
    pub(crate) fn read(reader: &Reader<'_>) -> Succeed {
        reader.check(&SUCCEED);
        Succeed { fields: Fields::read(reader) }
    }
}

impl Fail {
    pub(crate) fn read(reader: &Reader<'_>) -> Fail {
        reader.check(&FAIL);
        Fail { error: ErrorCause::read(reader, "Error"), cause: ErrorCause::read(reader, "Cause") }
    }
}

impl ErrorCause {
    fn read(reader: &Reader<'_>, field: &str) -> Option<ErrorCause> {
        if !reader.has(field) {
            return reader.read(&format!("{field}Path"), kind::path_or_call).map(ErrorCause::Path);
        }
        let text = reader.read(field, kind::string)?;
        if reader.is_jsonata() && is_marked(&text) {
            return reader.expression(field).map(ErrorCause::Expression);
        }
        crate::validate::warn_of_path(reader, field, &text);
        Some(ErrorCause::Literal(text))
    }
}
