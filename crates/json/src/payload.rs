//! [`Payload`]: a value together with its text.

use crate::{ParseError, Text, Value};

/// A value and its compact text, each made at most once and shared by all clones.
#[derive(Clone, Debug)]
pub struct Payload(());
impl Payload {
    /// Takes JSON text as it was received; `text()` is its compact form, `value()` the value.
    pub fn parse(_text: &str) -> Result<Payload, ParseError> { todo!() }
    /// Takes text that this crate wrote before (from the store): it is not validated now, and parsed only when asked for.
    pub fn trusted(_text: Text) -> Payload { todo!() }
    pub fn value(&self) -> &Value { todo!() }
    pub fn text(&self) -> &Text { todo!() }
    /// Length of the text in UTF-8 bytes: what AWS's payload limit counts.
    pub fn byte_len(&self) -> usize { self.text().len() }
    /// The parts share: true if both are the same allocation (used to skip rewriting what did not change).
    pub fn same(&self, _other: &Payload) -> bool { todo!() }
}
impl From<Value> for Payload { fn from(_: Value) -> Payload { todo!() } }
// Serialize/Deserialize as the text (one string), for records in the store. PartialEq by value.
