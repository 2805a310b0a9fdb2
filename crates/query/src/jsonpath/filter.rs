//! Filters, `[?(@.a == 1)]`, with Jayway's operators.

use super::evaluate::{Exhausted, Outcome, Walk};
use super::query::Query;
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
    Matches(Operand, Regex),
}

#[derive(Debug)]
pub(super) enum Operand {
    Literal(Value),
    Path(Query),
}

/// Compares two values; `None` is what a path did not find.
type Compare = fn(Option<&Value>, Option<&Value>) -> bool;

/// The operators, but for `=~`, which needs its right side compiled.
const OPERATORS: &[(&str, Compare)] = &[
    ("==", |a, b| equal(a, b)),
    ("!=", |a, b| !equal(a, b)),
    ("<", |a, b| order(a, b).is_some_and(Ordering::is_lt)),
    ("<=", |a, b| order(a, b).is_some_and(Ordering::is_le)),
    (">", |a, b| order(a, b).is_some_and(Ordering::is_gt)),
    (">=", |a, b| order(a, b).is_some_and(Ordering::is_ge)),
    ("in", |a, b| is_in(a, b)),
    ("nin", |a, b| !is_in(a, b)),
    ("contains", |a, b| contains(a, b)),
    ("all", |a, b| lists(a, b).is_some_and(|(a, b)| b.iter().all(|b| has(a, b)))),
    ("subsetof", |a, b| lists(a, b).is_some_and(|(a, b)| a.iter().all(|a| has(b, a)))),
    ("anyof", |a, b| lists(a, b).is_some_and(|(a, b)| a.iter().any(|a| has(b, a)))),
    ("noneof", |a, b| lists(a, b).is_some_and(|(a, b)| !a.iter().any(|a| has(b, a)))),
    ("size", |a, b| size(a).is_some_and(|size| b.and_then(Value::as_i64) == i64::try_from(size).ok())),
    ("empty", |a, b| size(a).is_some_and(|size| b.and_then(Value::as_bool) == Some(size == 0))),
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
                Ok(compare(left.as_ref(), right.as_ref()))
            }
            Filter::Matches(operand, pattern) => Ok(match operand.value(walk, current)? {
                Some(Value::String(text)) => pattern.is_match(&text),
                Some(Value::Number(number)) => pattern.is_match(&number.to_string()),
                Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).any(|text| pattern.is_match(text)),
                _ => false,
            }),
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
fn equal(a: Option<&Value>, b: Option<&Value>) -> bool {
    let (Some(a), Some(b)) = (a, b) else {
        return false;
    };
    match (a, b) {
        (Value::Number(_), Value::Number(_)) => order(Some(a), Some(b)) == Some(Ordering::Equal),
        (Value::Number(number), Value::String(text)) => text.parse::<f64>() == Ok(number.as_f64()),
        (Value::String(text), Value::Number(number)) => **text == *number.to_string(),
        _ => a == b,
    }
}

/// The order of two numbers or two strings; others have none.
fn order(a: Option<&Value>, b: Option<&Value>) -> Option<Ordering> {
    match (a?, b?) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_f64().partial_cmp(&b.as_f64()),
        },
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn has(list: &[Value], value: &Value) -> bool {
    list.iter().any(|element| equal(Some(element), Some(value)))
}

fn is_in(value: Option<&Value>, list: Option<&Value>) -> bool {
    value.zip(list.and_then(Value::as_array)).is_some_and(|(value, list)| has(list, value))
}

fn contains(whole: Option<&Value>, part: Option<&Value>) -> bool {
    match (whole, part) {
        (Some(Value::String(whole)), Some(Value::String(part))) => whole.contains(&**part),
        (Some(Value::Array(list)), Some(value)) => has(list, value),
        _ => false,
    }
}

fn lists<'v>(a: Option<&'v Value>, b: Option<&'v Value>) -> Option<(&'v [Value], &'v [Value])> {
    Some((a?.as_array()?, b?.as_array()?))
}

/// How many elements, members or characters there are.
fn size(value: Option<&Value>) -> Option<usize> {
    match value? {
        Value::Array(elements) => Some(elements.len()),
        Value::Object(object) => Some(object.len()),
        Value::String(text) => Some(text.chars().count()),
        _ => None,
    }
}
