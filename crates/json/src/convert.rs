//! Conversions from Rust values into [`Value`].

use crate::{Number, Object, Text, Value};
use std::sync::Arc;

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<Number> for Value {
    fn from(value: Number) -> Value {
        Value::Number(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Value {
        Value::Number(Number::from(i64::from(value)))
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Value {
        Value::Number(Number::from(i64::from(value)))
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Number(Number::from(value))
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Value {
        Value::Number(Number::from(value))
    }
}

/// NaN and the infinities, which JSON does not have, become `null`, as JavaScript writes them.
impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Number::from_f64(value).map_or(Value::Null, Value::Number)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::String(Text::from(value))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::String(Text::from(value))
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Value {
        Value::String(Text::from(value.as_str()))
    }
}

impl From<Text> for Value {
    fn from(value: Text) -> Value {
        Value::String(value)
    }
}

impl From<&Text> for Value {
    fn from(value: &Text) -> Value {
        Value::String(value.clone())
    }
}

impl From<Object> for Value {
    fn from(value: Object) -> Value {
        Value::Object(value)
    }
}

impl From<&Value> for Value {
    fn from(value: &Value) -> Value {
        value.clone()
    }
}

impl<V: Into<Value>> From<Vec<V>> for Value {
    fn from(elements: Vec<V>) -> Value {
        elements.into_iter().collect()
    }
}

impl<V: Into<Value>, const N: usize> From<[V; N]> for Value {
    fn from(elements: [V; N]) -> Value {
        elements.into_iter().collect()
    }
}

/// `None` is `null`.
impl<V: Into<Value>> From<Option<V>> for Value {
    fn from(value: Option<V>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

/// An array of the elements.
impl<V: Into<Value>> FromIterator<V> for Value {
    fn from_iter<I: IntoIterator<Item = V>>(elements: I) -> Value {
        Value::Array(Arc::new(elements.into_iter().map(Into::into).collect()))
    }
}

/// An object of the members.
impl<K: Into<Text>, V: Into<Value>> FromIterator<(K, V)> for Value {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(members: I) -> Value {
        Value::Object(members.into_iter().collect())
    }
}
