//! [`Value`] and how to look into it.

use crate::{Number, Object, ParseError, Text};
use std::sync::Arc;

/// A JSON value. Cloning is free: text, arrays and objects are shared.
///
/// Objects are equal in any order of their members, numbers as [`Number`] says: `1` is not `1.0`. Who compares
/// numbers by their size compares [`Value::as_f64`].
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Number(Number),
    String(Text),
    Array(Arc<Vec<Value>>),
    Object(Object),
}

impl Value {
    /// Reads one JSON text. Nothing but white space may follow it.
    ///
    /// ```
    /// let value = json::Value::parse(r#"{"a": [1, 2.50]}"#).unwrap();
    /// assert_eq!(value.to_string(), r#"{"a":[1,2.50]}"#);
    /// ```
    pub fn parse(text: &str) -> Result<Value, ParseError> {
        crate::parse::parse(text)
    }

    /// The member `key` of an object.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_object()?.get(key)
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The number, if it was written as an integer and fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number()?.as_i64()
    }

    /// The number nearest to the one that was written.
    pub fn as_f64(&self) -> Option<f64> {
        Some(self.as_number()?.as_f64())
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(elements) => Some(elements),
            _ => None,
        }
    }

    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// `null`, `boolean`, `number`, `string`, `array` or `object`, as AWS's messages name it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }
    }

    /// Whether both are equal by being the same memory: true at once for clones, false when that is not known.
    pub(crate) fn same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Array(a), Value::Array(b)) => Arc::ptr_eq(a, b),
            (Value::Object(a), Value::Object(b)) => a.same(b),
            _ => false,
        }
    }
}

/// Compact text, members in their order.
impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::write::to_text(self).text)
    }
}
