//! [`Value`] and how to look into it.

use crate::{Number, Object, ParseError, Text};
use std::sync::Arc;

/// A JSON value. Cloning is free: text, arrays and objects are shared.
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
    pub fn parse(text: &str) -> Result<Value, ParseError> { crate::parse::parse(text) }
    /// The member `key` of an object.
    pub fn get(&self, key: &str) -> Option<&Value> { self.as_object()?.get(key) }
    pub fn as_bool(&self) -> Option<bool> { todo!() }
    pub fn as_number(&self) -> Option<&Number> { todo!() }
    pub fn as_i64(&self) -> Option<i64> { todo!() }
    pub fn as_f64(&self) -> Option<f64> { todo!() }
    pub fn as_str(&self) -> Option<&str> { todo!() }
    pub fn as_array(&self) -> Option<&[Value]> { todo!() }
    pub fn as_object(&self) -> Option<&Object> { todo!() }
    pub fn is_null(&self) -> bool { matches!(self, Value::Null) }
    /// `null`, `boolean`, `number`, `string`, `array` or `object`, as AWS's messages name it.
    pub fn type_name(&self) -> &'static str { todo!() }
}

/// Compact text, members in their order.
impl std::fmt::Display for Value {
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { todo!() }
}

// Also: From<bool/i64/u64/f64/&str/String/Text/Vec<Value>/Object>, FromIterator,
// Serialize/Deserialize (natively, as a JSON tree, for the wire types).
