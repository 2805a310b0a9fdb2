//! [`Payload`]: a value together with its text.

use crate::write::{Written, to_text, to_text_within};
use crate::{ParseError, Text, Value};
use memchr::memchr2;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::sync::{Arc, OnceLock};

/// A payload that is shorter is stored again rather than referred to.
const REPEATED_BYTES_MIN: usize = 64;
/// What an element of an array, a member of an object or its name takes beside its text: half of what a small member does.
const ELEMENT_BYTES: usize = 64;

/// A value and its compact text, each made at most once and shared by all clones.
#[derive(Clone, Debug)]
pub struct Payload {
    // Invariant: at least one of value and text is there.
    parts: Arc<Parts>,
}

#[derive(Debug, Default)]
struct Parts {
    value: OnceLock<Value>,
    text: OnceLock<Compact>,
}

#[derive(Debug)]
struct Compact {
    text: Text,
    is_too_deep: bool,
    memory_bytes: OnceLock<usize>,
}

impl Compact {
    fn new(text: Text, is_too_deep: bool) -> Compact {
        Compact { text, is_too_deep, memory_bytes: OnceLock::new() }
    }
}

impl Payload {
    /// Takes JSON text as it was received; `text()` is its compact form, `value()` the value.
    pub fn parse(text: &str) -> Result<Payload, ParseError> {
        Value::parse(text).map(Payload::from)
    }

    /// Takes text that this crate wrote before (from the store): it is not validated now, and parsed only when asked for.
    pub fn trusted(text: Text) -> Payload {
        let parts = Parts { value: OnceLock::new(), text: OnceLock::from(Compact::new(text, false)) };
        Payload { parts: Arc::new(parts) }
    }

    /// The value, parsed now if only the text was there.
    ///
    /// # Panics
    /// When text that was trusted is not JSON: the record is corrupt, and the execution it belongs to must not go on.
    pub fn value(&self) -> &Value {
        self.parts.value.get_or_init(|| match Value::parse(self.text()) {
            Ok(value) => value,
            #[expect(
                clippy::panic,
                reason = "going on with a wrong value would be worse: a panic sets the execution aside"
            )]
            Err(error) => panic!("a stored payload is not JSON: {error}"),
        })
    }

    /// The compact text, written now if only the value was there.
    pub fn text(&self) -> &Text {
        &self.compact().text
    }

    /// Whether it has the text of `earlier`, byte for byte, and is large enough that a record had better refer to that than
    /// have it again. It is found at once if they share it.
    pub fn repeats(&self, earlier: &Payload) -> bool {
        let is_same = || Arc::ptr_eq(self.text(), earlier.text()) || self.text() == earlier.text();
        self.byte_len() >= REPEATED_BYTES_MIN && is_same()
    }

    /// Length of the text in UTF-8 bytes: what AWS's payload limit counts.
    pub fn byte_len(&self) -> usize {
        self.text().len()
    }

    /// Bytes of memory that the text and the value take, as an estimate that follows from the text alone, whether or not the value
    /// was made: strings are there twice, and an array of small numbers or objects takes many times its text. It is made
    /// once.
    pub fn memory_bytes(&self) -> usize {
        let Compact { text, memory_bytes, .. } = self.compact();
        *memory_bytes.get_or_init(|| {
            text.len().saturating_mul(2).saturating_add(elements_of(text).saturating_mul(ELEMENT_BYTES))
        })
    }

    /// Whether the text has at most so many bytes. That of a value that is larger is not written for it.
    pub fn fits(&self, bytes_max: usize) -> bool {
        if let (None, Some(value)) = (self.parts.text.get(), self.parts.value.get()) {
            let Some(written) = to_text_within(value, bytes_max) else { return false };
            // Another thread may have written the same meanwhile.
            let _ = self.parts.text.set(Compact::from(written));
        }
        self.byte_len() <= bytes_max
    }

    /// Whether the text is there already, so that asking for it costs nothing.
    pub fn is_written(&self) -> bool {
        self.parts.text.get().is_some()
    }

    /// Whether arrays and objects nest deeper than [`crate::MAX_DEPTH`]. Such a payload cannot be read back, and
    /// a state machine that wraps its data again and again makes one: it must be refused like one that is too long.
    pub fn is_too_deep(&self) -> bool {
        self.compact().is_too_deep
    }

    /// The parts share: true if both are the same allocation (used to skip rewriting what did not change).
    pub fn same(&self, other: &Payload) -> bool {
        Arc::ptr_eq(&self.parts, &other.parts)
            || self.parts.value.get().zip(other.parts.value.get()).is_some_and(|(a, b)| a.same(b))
    }

    fn compact(&self) -> &Compact {
        self.parts.text.get_or_init(|| to_text(self.value()).into())
    }
}

/// Elements, members and names of a JSON text: what stands within its strings is none.
fn elements_of(text: &str) -> usize {
    let (mut elements, mut rest) = (0, text.as_bytes());
    while let Some((byte, after)) = rest.split_first() {
        elements += usize::from(matches!(byte, b',' | b':' | b'[' | b'{'));
        rest = if *byte == b'"' { after_string(after) } else { after };
    }
    elements
}

/// What follows a string whose first quote was passed. Most bytes of a large payload are those of strings: they are passed
/// over many at once, as a large execution that is read is weighed.
fn after_string(mut rest: &[u8]) -> &[u8] {
    while let Some(at) = memchr2(b'"', b'\\', rest) {
        let is_escape = rest.get(at) == Some(&b'\\');
        rest = rest.get(at + 1 + usize::from(is_escape)..).unwrap_or_default();
        if !is_escape {
            break;
        }
    }
    rest
}

impl From<Written> for Compact {
    fn from(Written { text, is_too_deep }: Written) -> Compact {
        Compact::new(text.into(), is_too_deep)
    }
}

impl From<Value> for Payload {
    fn from(value: Value) -> Payload {
        Payload { parts: Arc::new(Parts { value: OnceLock::from(value), text: OnceLock::new() }) }
    }
}

/// `null`.
impl Default for Payload {
    fn default() -> Payload {
        Payload::from(Value::Null)
    }
}

/// Equal when the values are.
impl PartialEq for Payload {
    fn eq(&self, other: &Payload) -> bool {
        self.same(other) || self.value() == other.value()
    }
}

/// The text, as one string.
impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

/// Trusts the string that it finds: see [`Payload::trusted`].
impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Payload, D::Error> {
        struct TextVisitor;
        impl de::Visitor<'_> for TextVisitor {
            type Value = Payload;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the text of a payload")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Payload, E> {
                Ok(Payload::trusted(text.into()))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_compact_and_shared_by_clones() {
        let payload = Payload::parse(" { \"a\" : [ 1 , 2 ] } ").unwrap();
        let clone = payload.clone();
        assert_eq!(&**payload.text(), r#"{"a":[1,2]}"#);
        assert!(Arc::ptr_eq(payload.text(), clone.text()));
        assert!(payload.same(&clone));
        assert!(payload.same(&Payload::from(payload.value().clone())));
        assert!(!payload.same(&Payload::parse(payload.text()).unwrap()));
        assert_eq!(payload.byte_len(), 11);
    }

    #[test]
    fn what_is_large_and_the_same_repeats() {
        let payload = |length: usize| Payload::from(Value::from("x".repeat(length)));
        let large = payload(REPEATED_BYTES_MIN - 2);
        assert!(large.repeats(&large.clone()) && large.repeats(&payload(REPEATED_BYTES_MIN - 2)));
        let (other, short) = (payload(REPEATED_BYTES_MIN), payload(REPEATED_BYTES_MIN - 3));
        assert!(!large.repeats(&other) && !short.repeats(&short.clone()));
    }

    #[test]
    fn memory_follows_from_the_text() {
        for (text, elements) in
            [("\"x\"", 0), ("[1,2,3]", 3), (r#"{"a":[],"b":{"c":1}}"#, 7), (r#"["a,b:[{","\\\"c,",1]"#, 3)]
        {
            let payload = Payload::parse(text).unwrap();
            assert_eq!(payload.memory_bytes(), 2 * text.len() + elements * ELEMENT_BYTES);
            assert_eq!(Payload::trusted(text.into()).memory_bytes(), payload.memory_bytes());
        }
    }

    proptest::proptest! {
        #[test]
        fn what_stands_in_strings_is_no_element(strings in proptest::collection::vec("[\"\\\\,:\\[{a\n\u{e9}]{0,40}", 1..8)) {
            let array = Value::from(strings.iter().map(|text| Value::from(text.as_str())).collect::<Vec<_>>());
            let payload = Payload::from(array);
            // One bracket, and the commas between.
            let expected = 2 * payload.byte_len() + strings.len() * ELEMENT_BYTES;
            proptest::prop_assert_eq!(payload.memory_bytes(), expected);
        }
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let mut value = Value::from("x".repeat(100));
        for _ in 0..40 {
            value = Value::from(vec![value.clone(), value]);
        }
        let payload = Payload::from(value);
        assert!(!payload.fits(1 << 20) && !payload.is_written());
        for (text, bytes) in [(r#"{"a":[1,2],"b":"x"}"#, 19), ("[]", 2), (r#""\n""#, 4)] {
            let payload = || Payload::from(Value::parse(text).unwrap());
            assert!(payload().fits(bytes) && payload().fits(usize::MAX) && !payload().fits(bytes - 1), "{text}");
            let fitting = payload();
            assert!(fitting.fits(bytes) && fitting.is_written());
            assert_eq!(&**fitting.text(), text);
            assert!(!fitting.fits(bytes - 1));
        }
    }

    #[test]
    fn records_hold_the_text_as_one_string() {
        let payload = Payload::parse(r#"{"a":1.50}"#).unwrap();
        let record = serde_json::to_string(&payload).unwrap();
        assert_eq!(record, r#""{\"a\":1.50}""#);
        let back: Payload = serde_json::from_str(&record).unwrap();
        assert_eq!(back, payload);
        assert_eq!(back.text(), payload.text());
    }
}
