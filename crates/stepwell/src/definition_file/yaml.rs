//! Definitions in YAML: what they say, and where a location stands in them.
//!
//! Plain words mean what they mean in the core schema of YAML 1.2: `true` and `false` are booleans and `NO` and `on` are
//! text, numbers have no underscores. There is one exception. `010` would be ten, and was eight in YAML 1.1: a whole number
//! that begins with a zero is text, as it is meant in account ids, and where a number has to stand it is refused.
//!
//! <https://yaml.org/spec/1.2.2/#103-core-schema>

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Options, SnippetMode, Spanned, UserMessageFormatter};
use std::collections::BTreeMap;
use std::fmt;

/// The value that a text has as JSON.
pub fn parse(source: &str) -> Result<json::Value, Error> {
    serde_saphyr::from_str_with_options(source, options()).map_err(|error| Error(told(&error)))
}

fn options() -> Options {
    serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
    }
}

/// Why a text is not YAML, and where.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

/// In one line and in words for the author of the file. By itself the library shows an excerpt of a file that it calls
/// `<input>`, and advises who calls it.
fn told(error: &serde_saphyr::Error) -> String {
    error.render_with_options(serde_saphyr::render_options! {
        formatter: &UserMessageFormatter,
        snippets: SnippetMode::Off,
    })
}

/// A YAML tree that remembers where each value stands.
enum Node {
    Mapping(BTreeMap<String, Spanned<Node>>),
    Sequence(Vec<Spanned<Node>>),
    Scalar,
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry()? {
            members.insert(name, value);
        }
        Ok(Node::Mapping(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Node::Sequence(items))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_str<E>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }
}

/// Walks `/States/X/Branches[0]/Next`; where it ends too early, the last place that exists is given.
pub fn locate(source: &str, location: &str) -> Option<(usize, usize)> {
    let mut place: Spanned<Node> = serde_saphyr::from_str_with_options(source, options()).ok()?;
    for step in location.split(['/', '[']).filter(|step| !step.is_empty()) {
        let step = step.trim_end_matches(']');
        let next = match place.value {
            Node::Mapping(ref mut members) => members.remove(step),
            Node::Sequence(ref mut items) => {
                step.parse().ok().filter(|&index| index < items.len()).map(|index| items.swap_remove(index))
            }
            Node::Scalar => None,
        };
        match next {
            Some(next) => place = next,
            None => break,
        }
    }
    let found = place.referenced;
    Some((usize::try_from(found.line()).ok()?, usize::try_from(found.column()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(yaml: &str, json: &str) {
        assert_eq!(parse(yaml).unwrap().to_string(), json, "{yaml}");
    }

    fn check_error(yaml: &str, message: &str) {
        assert_eq!(parse(yaml).unwrap_err().to_string(), message, "{yaml}");
    }

    #[test]
    fn plain_words_are_those_of_the_core_schema() {
        check("[true, True, TRUE, false, False, FALSE]", "[true,true,true,false,false,false]");
        check("[no, NO, yes, on, Off, y, n]", r#"["no","NO","yes","on","Off","y","n"]"#);
        check("[null, Null, NULL, ~, ]", "[null,null,null,null]");
        check("[0, -7, +7, 0x1F, 0o17, 1.5, 1e3, .5]", "[0,-7,7,31,15,1.5,1000.0,0.5]");
        check("[12e03, 1_000, 12:30:45, 2001-01-23]", r#"[12000.0,"1_000","12:30:45","2001-01-23"]"#);
        check("NO: {on: 1, 7: 2}", r#"{"NO":{"on":1,"7":2}}"#);
        check("['no', \"7\", !!str 7]", r#"["no","7","7"]"#);
        assert!(parse(".inf").is_err() && parse(".nan").is_err(), "JSON has no such numbers");
    }

    #[test]
    fn a_whole_number_with_a_zero_before_it_is_text() {
        check("[010, 007, -01, 012345678901]", r#"["010","007","-01","012345678901"]"#);
    }

    #[test]
    fn a_member_stands_once() {
        check_error("A: 1\nA: 2\n", "duplicate mapping key `A` is not allowed here at line 2, column 1");
    }

    #[test]
    fn what_is_not_yaml_has_a_place() {
        check_error("A: [1\n", "unclosed bracket '[' at line 1, column 4");
    }
}
