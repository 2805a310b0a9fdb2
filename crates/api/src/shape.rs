//! Shapes of inputs and what AWS demands of them: the rows of the generated constraint tables, and the check.
//!
//! The check runs over the parsed body before the typed input is made, so that it can report everything that is
//! wrong at once, in the words and the order of AWS.

use crate::ApiError;
use crate::timestamp;
use asl::Limits;
use json::{Number, Object, Value};
use std::fmt::Write as _;

pub use timestamp::Timestamp;

/// A structure that is read from JSON. The implementations are generated.
pub trait Input: Sized {
    const MEMBERS: &'static [Member];
    /// Takes the members out of a structure that [`check`] found nothing wrong with.
    fn read(members: &Object) -> Self;
}

/// A member of a structure.
#[derive(Debug)]
pub struct Member {
    pub name: &'static str,
    pub required: bool,
    pub shape: Shape,
}

/// The type of a value, and its bounds.
#[derive(Debug)]
pub enum Shape {
    Text { min: usize, max: Limit, pattern: Option<Pattern>, sensitive: bool },
    Enum(&'static [&'static str]),
    Boolean,
    Integer { min: Option<i64>, max: Option<i64> },
    Long { min: Option<i64>, max: Option<i64> },
    Float { min: Option<i64>, max: Option<i64> },
    List { of: &'static Shape, min: Option<usize>, max: Option<usize> },
    Structure(&'static [Member]),
}

/// The greatest length of a text.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    None,
    Chars(usize),
    /// [`Limits::payload_bytes_max`].
    PayloadBytes,
    /// [`Limits::definition_chars_max`].
    DefinitionChars,
}

/// The patterns of the service model.
#[derive(Clone, Copy, Debug)]
pub enum Pattern {
    CharacterRestrictedName,
    VisibleAscii,
    Ascii,
}

impl Pattern {
    fn as_str(self) -> &'static str {
        match self {
            Pattern::CharacterRestrictedName => r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$",
            Pattern::VisibleAscii => "[!-~]+",
            Pattern::Ascii => r"\p{ASCII}*",
        }
    }

    fn matches(self, text: &str) -> bool {
        match self {
            Pattern::CharacterRestrictedName => {
                text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
                    && text.bytes().any(|byte| !byte.is_ascii_digit())
            }
            Pattern::VisibleAscii => !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()),
            Pattern::Ascii => text.is_ascii(),
        }
    }
}

/// Checks the types and constraints of all members.
///
/// A wrong type ends the check with `SerializationException`; violated constraints are collected and reported
/// together as one `ValidationException`.
pub fn check(members: &'static [Member], input: &Object, limits: &Limits) -> Result<(), ApiError> {
    let mut check = Check { limits, path: String::new(), violations: Vec::new() };
    check.structure(members, input)?;
    let violations = check.violations;
    if violations.is_empty() {
        return Ok(());
    }
    let errors = if violations.len() == 1 { "error" } else { "errors" };
    Err(ApiError::validation(format!("{} validation {errors} detected: {}", violations.len(), violations.join("; "))))
}

struct Check<'l> {
    limits: &'l Limits,
    /// Where the check stands: `tags.1.member.key`.
    path: String,
    violations: Vec<String>,
}

impl Check<'_> {
    fn structure(&mut self, members: &'static [Member], input: &Object) -> Result<(), ApiError> {
        for member in members {
            let outer = self.path.len();
            if outer > 0 {
                self.path.push('.');
            }
            self.path.push_str(member.name);
            match input.get(member.name) {
                None | Some(Value::Null) if member.required => self.violated("null", "Member must not be null"),
                None | Some(Value::Null) => {}
                Some(value) => self.value(&member.shape, value)?,
            }
            self.path.truncate(outer);
        }
        Ok(())
    }

    fn value(&mut self, shape: &'static Shape, value: &Value) -> Result<(), ApiError> {
        match (shape, value) {
            (Shape::Text { min, max, pattern, sensitive }, Value::String(text)) => {
                self.text(text, *min, *max, *pattern, *sensitive);
            }
            (Shape::Enum(values), Value::String(text)) => self.enumerated(text, values),
            (Shape::Boolean, Value::Bool(_)) => {}
            (Shape::Integer { min, max }, Value::Number(number)) => {
                let fits = number.as_i64().is_some_and(|integer| i32::try_from(integer).is_ok());
                self.integer(number, fits, "Integer", *min, *max)?;
            }
            (Shape::Long { min, max }, Value::Number(number)) => {
                self.integer(number, number.as_i64().is_some(), "Long", *min, *max)?;
            }
            (Shape::Float { min, max }, Value::Number(number)) => self.range(number, *min, *max),
            (Shape::List { of, min, max }, Value::Array(elements)) => self.list(of, elements, *min, *max)?,
            (Shape::Structure(members), Value::Object(object)) => self.structure(members, object)?,
            _ => return Err(wrong_type(shape, value)),
        }
        Ok(())
    }

    fn text(&mut self, text: &str, min: usize, max: Limit, pattern: Option<Pattern>, sensitive: bool) {
        let shown = (!sensitive).then_some(text);
        // A text has at most as many characters as bytes, so most texts need no counting.
        let chars = |bound: usize| if text.len() <= bound { 0 } else { text.chars().count() };
        let (length, max) = match max {
            Limit::None => (0, usize::MAX),
            Limit::Chars(max) => (chars(max), max),
            Limit::PayloadBytes => (text.len(), self.limits.payload_bytes_max),
            Limit::DefinitionChars => (chars(self.limits.definition_chars_max), self.limits.definition_chars_max),
        };
        if length > max {
            self.violates(shown, &format!("Member must have length less than or equal to {max}"));
        }
        if min > 0 && text.chars().take(min).count() < min {
            self.violates(shown, &format!("Member must have length greater than or equal to {min}"));
        }
        if let Some(pattern) = pattern.filter(|pattern| !pattern.matches(text)) {
            self.violates(shown, &format!("Member must satisfy regular expression pattern: {}", pattern.as_str()));
        }
    }

    fn enumerated(&mut self, text: &str, values: &[&'static str]) {
        if !values.contains(&text) {
            let set = hash_set_order(values).join(", ");
            self.violates(Some(text), &format!("Member must satisfy enum value set: [{set}]"));
        }
    }

    fn integer(
        &mut self,
        number: &Number,
        fits: bool,
        of: &str,
        min: Option<i64>,
        max: Option<i64>,
    ) -> Result<(), ApiError> {
        if !fits {
            return Err(ApiError::serialization(format!("NUMBER_VALUE can not be converted to {} {of}", article(of))));
        }
        self.range(number, min, max);
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "the bounds of the service model are small")]
    fn range(&mut self, number: &Number, min: Option<i64>, max: Option<i64>) {
        let shown = number.to_string();
        if let Some(max) = max.filter(|max| number.as_f64() > *max as f64) {
            self.violates(Some(&shown), &format!("Member must have value less than or equal to {max}"));
        }
        if let Some(min) = min.filter(|min| number.as_f64() < *min as f64) {
            self.violates(Some(&shown), &format!("Member must have value greater than or equal to {min}"));
        }
    }

    fn list(
        &mut self,
        of: &'static Shape,
        elements: &[Value],
        min: Option<usize>,
        max: Option<usize>,
    ) -> Result<(), ApiError> {
        let shown = || Value::from(elements.to_vec()).to_string();
        if let Some(max) = max.filter(|max| elements.len() > *max) {
            self.violates(Some(&shown()), &format!("Member must have length less than or equal to {max}"));
        }
        if let Some(min) = min.filter(|min| elements.len() < *min) {
            self.violates(Some(&shown()), &format!("Member must have length greater than or equal to {min}"));
        }
        let outer = self.path.len();
        for (index, element) in elements.iter().enumerate() {
            // Writing to a `String` cannot fail.
            _ = write!(self.path, ".{}.member", index + 1);
            match element {
                Value::Null => self.violated("null", "Member must not be null"),
                element => self.value(of, element)?,
            }
            self.path.truncate(outer);
        }
        Ok(())
    }

    /// The values of sensitive members are not repeated.
    fn violates(&mut self, shown: Option<&str>, constraint: &str) {
        if let Some(value) = shown {
            return self.violated(&format!("'{value}'"), constraint);
        }
        let path = &self.path;
        self.violations.push(format!("Value at '{path}' failed to satisfy constraint: {constraint}"));
    }

    fn violated(&mut self, value: &str, constraint: &str) {
        self.violations.push(format!("Value {value} at '{}' failed to satisfy constraint: {constraint}", self.path));
    }
}

fn wrong_type(shape: &Shape, value: &Value) -> ApiError {
    let of = match shape {
        Shape::Text { .. } | Shape::Enum(_) => "String",
        Shape::Boolean => "Boolean",
        Shape::Integer { .. } => "Integer",
        Shape::Long { .. } => "Long",
        Shape::Float { .. } => "Float",
        Shape::List { .. } => return ApiError::serialization("Expected list or null"),
        Shape::Structure(_) => return ApiError::serialization("Expected map or null"),
    };
    let token = match value {
        Value::Array(_) => return ApiError::serialization("Start of list found where not expected"),
        Value::Object(_) => return ApiError::serialization("Start of structure or map found where not expected."),
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
    };
    ApiError::serialization(format!("{token} can not be converted to {} {of}", article(of)))
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['I', 'O', 'A', 'E']) { "an" } else { "a" }
}

/// The order in which AWS lists the values of an enum: that of the hash table of strings on its side, which has at
/// least 32 buckets chosen by `String.hashCode()`, the one put in last in front.
fn hash_set_order(values: &[&'static str]) -> Vec<&'static str> {
    let buckets = (values.len() * 4 / 3 + 1).next_power_of_two().max(32);
    let bucket = |value: &str| {
        let hash = value.encode_utf16().fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()));
        hash as usize & (buckets - 1)
    };
    let mut ordered: Vec<&'static str> = values.iter().rev().copied().collect();
    ordered.sort_by_key(|value| bucket(value));
    ordered
}

#[cfg(test)]
mod tests;
