//! Filters, `[?(@.a == 1)]`, with Jayway's operators.

use super::evaluate::{Outcome, Walk};
use super::query::Query;
use crate::size::look_through;
use crate::{Ambient, Exhausted, regex_cost};
use json::Value;
use regex::Regex;
use std::cmp::Ordering;

#[derive(Debug)]
pub(super) enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Not(Box<Filter>),
    /// A path alone: whether it leads anywhere.
    Exists(Query),
    Compare {
        left: Operand,
        compare: Compare,
        right: Operand,
    },
    Matches(Operand, Pattern),
}

/// A regular expression and the fuel that it takes for a byte of text.
#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    fuel_per_byte: u64,
}

/// Fuel to compare two plain values, and to read a byte of text.
const COMPARE_FUEL: u64 = 10;
const BYTE_FUEL: u64 = 1;

#[derive(Debug)]
pub(super) enum Operand {
    Literal(Value),
    Path(Query),
}

/// Compares two values; `None` is what a path did not find. What is large costs fuel.
type Compare = fn(&Ambient, Option<&Value>, Option<&Value>) -> Result<bool, Exhausted>;

/// The operators, but for `=~`, which needs its right side compiled.
const OPERATORS: &[(&str, Compare)] = &[
    ("==", equal),
    ("!=", |ambient, a, b| Ok(!equal(ambient, a, b)?)),
    ("<", |ambient, a, b| Ok(order(ambient, a, b)?.is_some_and(Ordering::is_lt))),
    ("<=", |ambient, a, b| Ok(order(ambient, a, b)?.is_some_and(Ordering::is_le))),
    (">", |ambient, a, b| Ok(order(ambient, a, b)?.is_some_and(Ordering::is_gt))),
    (">=", |ambient, a, b| Ok(order(ambient, a, b)?.is_some_and(Ordering::is_ge))),
    ("in", is_in),
    ("nin", |ambient, a, b| Ok(!is_in(ambient, a, b)?)),
    ("contains", contains),
    ("all", |ambient, a, b| Ok(count_in(ambient, b, a)?.is_some_and(|(found, of)| found == of))),
    ("subsetof", |ambient, a, b| Ok(count_in(ambient, a, b)?.is_some_and(|(found, of)| found == of))),
    ("anyof", |ambient, a, b| Ok(count_in(ambient, a, b)?.is_some_and(|(found, _)| found > 0))),
    ("noneof", |ambient, a, b| Ok(count_in(ambient, a, b)?.is_some_and(|(found, _)| found == 0))),
    ("size", |ambient, a, b| {
        let size = size(ambient, a)?;
        Ok(size.is_some_and(|size| b.and_then(Value::as_i64) == i64::try_from(size).ok()))
    }),
    ("empty", |ambient, a, b| {
        let size = size(ambient, a)?;
        Ok(size.is_some_and(|size| b.and_then(Value::as_bool) == Some(size == 0)))
    }),
];

/// The operator of that name.
pub(super) fn compare(name: &str) -> Option<Compare> {
    OPERATORS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, compare)| *compare)
}

impl Filter {
    pub fn accepts<'s>(&'s self, walk: &Walk<'s>, current: &'s Value) -> Result<bool, Exhausted> {
        walk.visit()?;
        match self {
            Filter::Any(parts) => {
                for part in parts {
                    if part.accepts(walk, current)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Filter::All(parts) => {
                for part in parts {
                    if !part.accepts(walk, current)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Filter::Not(inner) => Ok(!inner.accepts(walk, current)?),
            Filter::Exists(path) => walk.exists(path, current),
            Filter::Compare { left, compare, right } => {
                let (left, right) = (left.value(walk, current)?, right.value(walk, current)?);
                compare(walk.ambient, left.as_ref(), right.as_ref())
            }
            Filter::Matches(operand, pattern) => match operand.value(walk, current)? {
                Some(Value::String(text)) => pattern.matches(walk.ambient, &text),
                Some(Value::Number(number)) => pattern.matches(walk.ambient, &number.to_string()),
                Some(Value::Array(texts)) => {
                    let mut texts = texts.iter().filter_map(Value::as_str);
                    texts.try_fold(false, |found, text| Ok(found || pattern.matches(walk.ambient, text)?))
                }
                _ => Ok(false),
            },
        }
    }

    /// The first variable that it reads.
    pub fn variable(&self) -> Option<&str> {
        match self {
            Filter::Any(parts) | Filter::All(parts) => parts.iter().find_map(Filter::variable),
            Filter::Not(inner) => inner.variable(),
            Filter::Exists(path) => path.variable(),
            Filter::Compare { left, right, .. } => left.variable().or_else(|| right.variable()),
            Filter::Matches(operand, _) => operand.variable(),
        }
    }
}

impl Pattern {
    /// `source` is what was compiled to `regex`.
    pub fn new(source: &str, regex: Regex) -> Pattern {
        Pattern { regex, fuel_per_byte: regex_cost::per_byte(source) }
    }

    fn matches(&self, ambient: &Ambient, text: &str) -> Result<bool, Exhausted> {
        ambient.spend(self.fuel_per_byte.saturating_mul(text.len() as u64))?;
        Ok(self.regex.is_match(text))
    }
}

impl Operand {
    fn value<'s>(&'s self, walk: &Walk<'s>, current: &'s Value) -> Result<Option<Value>, Exhausted> {
        Ok(match self {
            Operand::Literal(value) => Some(value.clone()),
            Operand::Path(query) => match walk.outcome(query, current)? {
                Outcome::Found(value) => Some(value),
                Outcome::Missing(_) => None,
            },
        })
    }

    fn variable(&self) -> Option<&str> {
        match self {
            Operand::Literal(_) => None,
            Operand::Path(query) => query.variable(),
        }
    }
}

/// Equality as in Jayway: numbers by size, and a string of digits is the number. Nothing equals what is not there.
fn equal(ambient: &Ambient, a: Option<&Value>, b: Option<&Value>) -> Result<bool, Exhausted> {
    ambient.spend(COMPARE_FUEL)?;
    let (Some(a), Some(b)) = (a, b) else {
        return Ok(false);
    };
    Ok(match (a, b) {
        (Value::Number(_), Value::Number(_)) => order(ambient, Some(a), Some(b))? == Some(Ordering::Equal),
        (Value::Number(number), Value::String(text)) => {
            ambient.spend(BYTE_FUEL * text.len() as u64)?;
            text.parse::<f64>() == Ok(number.as_f64())
        }
        (Value::String(text), Value::Number(number)) => **text == *number.to_string(),
        (Value::Array(_), Value::Array(_)) | (Value::Object(_), Value::Object(_)) => {
            look_through(a, ambient)?;
            a == b
        }
        (Value::String(left), Value::String(right)) => {
            look_through(a, ambient)?;
            left == right
        }
        _ => a == b,
    })
}

/// The order of two numbers or two strings; others have none.
fn order(ambient: &Ambient, a: Option<&Value>, b: Option<&Value>) -> Result<Option<Ordering>, Exhausted> {
    let (Some(a), Some(b)) = (a, b) else {
        return Ok(None);
    };
    Ok(match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_f64().partial_cmp(&b.as_f64()),
        },
        (Value::String(left), Value::String(right)) => {
            look_through(a, ambient)?;
            Some(left.cmp(right))
        }
        _ => None,
    })
}

fn has(ambient: &Ambient, list: &[Value], value: &Value) -> Result<bool, Exhausted> {
    for element in list {
        if equal(ambient, Some(element), Some(value))? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_in(ambient: &Ambient, value: Option<&Value>, list: Option<&Value>) -> Result<bool, Exhausted> {
    match value.zip(list.and_then(Value::as_array)) {
        Some((value, list)) => has(ambient, list, value),
        None => Ok(false),
    }
}

fn contains(ambient: &Ambient, whole: Option<&Value>, part: Option<&Value>) -> Result<bool, Exhausted> {
    match (whole, part) {
        (Some(Value::String(whole)), Some(Value::String(part))) => {
            ambient.spend(BYTE_FUEL * (whole.len() + part.len()) as u64)?;
            Ok(whole.contains(&**part))
        }
        (Some(Value::Array(list)), Some(value)) => has(ambient, list, value),
        _ => Ok(false),
    }
}

/// How many elements of `a` are in `b`, and of how many; `None` when either is no list.
fn count_in(ambient: &Ambient, a: Option<&Value>, b: Option<&Value>) -> Result<Option<(usize, usize)>, Exhausted> {
    let Some((a, b)) = a.and_then(Value::as_array).zip(b.and_then(Value::as_array)) else {
        return Ok(None);
    };
    let mut found = 0;
    for element in a {
        found += usize::from(has(ambient, b, element)?);
    }
    Ok(Some((found, a.len())))
}

/// How many elements, members or characters there are.
fn size(ambient: &Ambient, value: Option<&Value>) -> Result<Option<usize>, Exhausted> {
    Ok(match value {
        Some(Value::Array(elements)) => Some(elements.len()),
        Some(Value::Object(object)) => Some(object.len()),
        Some(Value::String(text)) => {
            ambient.spend(BYTE_FUEL * text.len() as u64)?;
            Some(text.chars().count())
        }
        _ => None,
    })
}
