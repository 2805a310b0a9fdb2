//! Reference Paths: where `ResultPath` puts a result.
//!
//! <https://states-language.net/spec.html#path>

use crate::cursor::Cursor;
use crate::{Failure, Reason, SyntaxError};
use json::{Object, Text, Value};
use std::sync::Arc;

/// A path that names exactly one place of the input.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferencePath {
    source: Text,
    steps: Arc<[Step]>,
}

#[derive(Debug, PartialEq)]
enum Step {
    Member(Text),
    Element(usize),
}

impl ReferencePath {
    pub fn parse(text: &str) -> Result<ReferencePath, SyntaxError> {
        let mut cursor = Cursor::new(text);
        if !cursor.eat("$") {
            return Err(cursor.error("a reference path starts with '$'"));
        }
        let mut steps = Vec::new();
        while !cursor.is_at_end() {
            steps.push(step(&mut cursor)?);
        }
        Ok(ReferencePath { source: text.into(), steps: steps.into() })
    }

    /// The text that was parsed.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it names the whole input, `$`.
    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// `input` with `result` at the place; objects on the way are made. Fails as `States.ResultPathMatchFailure` does.
    pub fn put(&self, input: &Value, result: Value) -> Result<Value, Failure> {
        let mut output = input.clone();
        let mut place = &mut output;
        for step in self.steps.iter() {
            let Some(next) = enter(place, step) else {
                let message = format!("Unable to apply ReferencePath {} to input {input}", self.source);
                return Err(Failure::new(Reason::ResultPathMatch, message));
            };
            place = next;
        }
        *place = result;
        Ok(output)
    }
}

/// Reads `.name`, `['name']`, `.['name']` or `[0]`.
fn step(cursor: &mut Cursor<'_>) -> Result<Step, SyntaxError> {
    let dotted = cursor.eat(".");
    if !cursor.eat("[") {
        let name = cursor.take_while(|c| !matches!(c, '.' | '[' | '(' | ' ' | '*' | '@' | ',' | ':' | '?'));
        if !dotted || name.is_empty() {
            return Err(cursor.error("a reference path names one place, by names and indices only"));
        }
        return Ok(Step::Member(name.into()));
    }
    let step = if let Some('\'' | '"') = cursor.peek() {
        Step::Member(cursor.quoted()?.into())
    } else {
        let digits = cursor.take_while(|c| c.is_ascii_digit());
        Step::Element(digits.parse().map_err(|_| cursor.error("expected a name in quotes or an index"))?)
    };
    cursor.expect("]")?;
    Ok(step)
}

/// The place one step further. A member that is not there is made, as long as only objects are on the way.
fn enter<'v>(value: &'v mut Value, step: &Step) -> Option<&'v mut Value> {
    match (value, step) {
        (Value::Object(object), Step::Member(name)) => {
            if !object.contains_key(name) {
                object.insert(name.clone(), Value::Object(Object::new()));
            }
            object.get_mut(name)
        }
        (Value::Array(elements), Step::Element(position)) => Arc::make_mut(elements).get_mut(*position),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, input: &str, result: &str, expected: Result<&str, &str>) {
        let path = ReferencePath::parse(path).unwrap();
        let output = path.put(&Value::parse(input).unwrap(), Value::parse(result).unwrap());
        let output = output.map(|value| value.to_string()).map_err(|failure| {
            assert_eq!(failure.reason, Reason::ResultPathMatch);
            failure.message
        });
        assert_eq!(output.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn results_are_put_at_their_place() {
        check("$", r#"{"a":1}"#, "2", Ok("2"));
        check("$.b", r#"{"a":1}"#, "2", Ok(r#"{"a":1,"b":2}"#));
        check("$.a", r#"{"a":1,"b":2}"#, r#"{"c":3}"#, Ok(r#"{"a":{"c":3},"b":2}"#));
        check("$.x.y['z w']", r#"{"a":1}"#, "2", Ok(r#"{"a":1,"x":{"y":{"z w":2}}}"#));
        check("$.a[1].b", r#"{"a":[1,{"b":2}]}"#, "3", Ok(r#"{"a":[1,{"b":3}]}"#));
    }

    #[test]
    fn a_place_that_cannot_be_is_refused() {
        check("$.b", r#""text""#, "2", Err(r#"Unable to apply ReferencePath $.b to input "text""#));
        check("$.a.b", r#"{"a":[1]}"#, "2", Err(r#"Unable to apply ReferencePath $.a.b to input {"a":[1]}"#));
        check("$.a[1]", r#"{"a":[1]}"#, "2", Err(r#"Unable to apply ReferencePath $.a[1] to input {"a":[1]}"#));
    }

    #[test]
    fn the_input_is_not_changed() {
        let input = Value::parse(r#"{"a":{"b":1}}"#).unwrap();
        ReferencePath::parse("$.a.b").unwrap().put(&input, Value::Null).unwrap();
        assert_eq!(input.to_string(), r#"{"a":{"b":1}}"#);
    }

    #[test]
    fn only_one_place_can_be_named() {
        for text in
            ["", "a", "$.", "$..a", "$.*", "$[*]", "$.a[1:2]", "$.a[?(@.b)]", "$$.a", "$a", "$.a.length()", "$.a[-1]"]
        {
            assert!(ReferencePath::parse(text).is_err(), "{text}");
        }
    }
}
