//! [`Object`]: members in the order in which they were written.

use crate::{Text, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// From this many members on an index finds them; below, looking at each is faster.
const INDEXED_LEN: usize = 24;

/// An ordered, shared JSON object. Change copies it only when it is shared.
#[derive(Clone, Debug, Default)]
pub struct Object {
    members: Arc<Members>,
}

#[derive(Clone, Debug, Default)]
struct Members {
    entries: Vec<(Text, Value)>,
    // Invariant: the position of every key, if there are INDEXED_LEN entries or more.
    index: Option<HashMap<Text, usize>>,
}

impl Members {
    fn position(&self, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(key).copied(),
            None => self.entries.iter().position(|(name, _)| &**name == key),
        }
    }

    fn insert(&mut self, key: Text, value: Value) {
        if let Some((_, old)) = self.position(&key).and_then(|position| self.entries.get_mut(position)) {
            *old = value;
            return;
        }
        if let Some(index) = &mut self.index {
            index.insert(key.clone(), self.entries.len());
        }
        self.entries.push((key, value));
        if self.entries.len() == INDEXED_LEN {
            self.build_index();
        }
    }

    fn remove(&mut self, key: &str) -> Option<Value> {
        let position = self.position(key)?;
        let (_, value) = self.entries.remove(position);
        self.index = None;
        if self.entries.len() >= INDEXED_LEN {
            self.build_index();
        }
        Some(value)
    }

    fn build_index(&mut self) {
        let positions = self.entries.iter().enumerate().map(|(position, (key, _))| (key.clone(), position));
        self.index = Some(positions.collect());
    }
}

impl Object {
    pub fn new() -> Object {
        Object::default()
    }

    pub fn len(&self) -> usize {
        self.members.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.members.entries.is_empty()
    }

    pub fn get(&self, key: &str) -> Option<&Value> {
        let (_, value) = self.members.entries.get(self.members.position(key)?)?;
        Some(value)
    }

    /// The value of a member, to change it in its place.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        let position = self.members.position(key)?;
        let (_, value) = Arc::make_mut(&mut self.members).entries.get_mut(position)?;
        Some(value)
    }

    pub fn contains_key(&self, key: &str) -> bool {
        self.members.position(key).is_some()
    }

    /// Replaces the value in its place, or appends the member.
    pub fn insert(&mut self, key: impl Into<Text>, value: impl Into<Value>) {
        Arc::make_mut(&mut self.members).insert(key.into(), value.into());
    }

    /// Takes the member out; those behind it move up. Time grows with the number of members.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        // Looked for first, so that a shared object is not copied for nothing.
        self.members.position(key)?;
        Arc::make_mut(&mut self.members).remove(key)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Text, &Value)> + DoubleEndedIterator {
        self.members.entries.iter().map(|(key, value)| (key, value))
    }

    /// Member number `index`, in their order.
    pub fn nth(&self, index: usize) -> Option<(&Text, &Value)> {
        self.members.entries.get(index).map(|(key, value)| (key, value))
    }

    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Text> + DoubleEndedIterator {
        self.members.entries.iter().map(|(key, _)| key)
    }

    pub fn values(&self) -> impl ExactSizeIterator<Item = &Value> + DoubleEndedIterator {
        self.members.entries.iter().map(|(_, value)| value)
    }

    /// Whether both are the same memory.
    pub(crate) fn same(&self, other: &Object) -> bool {
        Arc::ptr_eq(&self.members, &other.members)
    }
}

/// Equal when the members are, in any order.
impl PartialEq for Object {
    fn eq(&self, other: &Object) -> bool {
        self.same(other) || (self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value)))
    }
}

impl<K: Into<Text>, V: Into<Value>> Extend<(K, V)> for Object {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, members: I) {
        let target = Arc::make_mut(&mut self.members);
        for (key, value) in members {
            target.insert(key.into(), value.into());
        }
    }
}

impl<K: Into<Text>, V: Into<Value>> FromIterator<(K, V)> for Object {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(members: I) -> Object {
        let mut object = Object::new();
        object.extend(members);
        object
    }
}

impl<K: Into<Text>, V: Into<Value>, const N: usize> From<[(K, V); N]> for Object {
    fn from(members: [(K, V); N]) -> Object {
        members.into_iter().collect()
    }
}

/// Iterates over the members in their order.
#[derive(Clone, Debug)]
pub struct Iter<'a>(std::slice::Iter<'a, (Text, Value)>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a Text, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| (key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<'a> IntoIterator for &'a Object {
    type Item = (&'a Text, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        Iter(self.members.entries.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_with_and_without_an_index() {
        for len in [0, 1, INDEXED_LEN - 1, INDEXED_LEN, 1000_usize] {
            let mut object: Object = (0..len).map(|n| (format!("k{n}"), n as u64)).collect();
            assert_eq!(object.len(), len);
            assert!((0..len).all(|n| object.get(&format!("k{n}")) == Some(&Value::from(n as u64))));
            object.insert("k0", "first");
            assert_eq!(object.iter().next(), Some((&Text::from("k0"), &Value::from("first"))));
            assert_eq!(object.remove("k0"), Some(Value::from("first")));
            assert!(!object.contains_key("k0"));
            assert!((1..len).all(|n| object.get(&format!("k{n}")) == Some(&Value::from(n as u64))));
            let keys: Vec<String> = object.keys().map(ToString::to_string).collect();
            let expected: Vec<String> = (1..len).map(|n| format!("k{n}")).collect();
            assert_eq!(keys, expected);
        }
    }

    #[test]
    fn change_does_not_show_in_clones() {
        let original = Object::from([("a", 1), ("b", 2)]);
        let mut changed = original.clone();
        changed.insert("a", 3);
        assert_eq!(original.get("a"), Some(&Value::from(1)));
        assert_eq!(changed.get("a"), Some(&Value::from(3)));
        let mut unchanged = original.clone();
        assert_eq!(unchanged.remove("missing"), None);
        assert!(unchanged.same(&original));
    }

    #[test]
    fn order_does_not_count_in_equality() {
        assert_eq!(Object::from([("a", 1), ("b", 2)]), Object::from([("b", 2), ("a", 1)]));
        assert_ne!(Object::from([("a", 1)]), Object::from([("a", 1), ("b", 2)]));
        assert_ne!(Object::from([("a", 1)]), Object::from([("b", 1)]));
    }
}
