//! Takes members out of a structure for the generated types. The shape check came before: what has another type
//! here, or is not there, reads as absent.

use crate::shape::Input;
use json::{Object, Text, Value};

pub fn text(members: &Object, name: &str) -> Option<Text> {
    member_text(members.get(name)?)
}

pub fn boolean(members: &Object, name: &str) -> Option<bool> {
    members.get(name)?.as_bool()
}

pub fn integer(members: &Object, name: &str) -> Option<i64> {
    members.get(name)?.as_i64()
}

pub fn float(members: &Object, name: &str) -> Option<f64> {
    members.get(name)?.as_f64()
}

pub fn texts(members: &Object, name: &str) -> Option<Vec<Text>> {
    Some(members.get(name)?.as_array()?.iter().filter_map(member_text).collect())
}

pub fn structure<S: Input>(members: &Object, name: &str) -> Option<S> {
    members.get(name)?.as_object().map(S::read)
}

pub fn structures<S: Input>(members: &Object, name: &str) -> Option<Vec<S>> {
    Some(members.get(name)?.as_array()?.iter().filter_map(Value::as_object).map(S::read).collect())
}

fn member_text(value: &Value) -> Option<Text> {
    match value {
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}
