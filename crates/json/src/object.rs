//! [`Object`]: members in the order in which they were written.

use crate::{Text, Value};

/// An ordered, shared JSON object. Change copies it only when it is shared.
#[derive(Clone, Debug, Default)]
pub struct Object { members: std::sync::Arc<Vec<(Text, Value)>> }

impl Object {
    pub fn new() -> Object { Object::default() }
    pub fn len(&self) -> usize { self.members.len() }
    pub fn is_empty(&self) -> bool { self.members.is_empty() }
    pub fn get(&self, _key: &str) -> Option<&Value> { todo!() }
    pub fn contains_key(&self, _key: &str) -> bool { todo!() }
    /// Replaces the value in its place, or appends the member.
    pub fn insert(&mut self, _key: impl Into<Text>, _value: impl Into<Value>) { todo!() }
    pub fn remove(&mut self, _key: &str) -> Option<Value> { todo!() }
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Text, &Value)> + DoubleEndedIterator { self.members.iter().map(|(k, v)| (k, v)) }
}
/// Equal when the members are, in any order.
impl PartialEq for Object { fn eq(&self, _other: &Object) -> bool { todo!() } }
// FromIterator<(K: Into<Text>, V: Into<Value>)>, Extend, IntoIterator for &Object, From<[(K, V); N]>
