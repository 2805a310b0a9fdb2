//! Choice Rules, after the Amazon States Language: which of them may be the one that matches.

use crate::data::Way;
use crate::failure::Fault;
use crate::visit::Visit;
use crate::world::{World, is_volatile};
use asl::{Choice, Comparison, Condition, Operand, Operator, Template};
use jiff::Timestamp;
use json::{Text, Value};
use std::cmp::Ordering;

/// A way out of a Choice.
pub(crate) struct Branch<'d> {
    pub(crate) way: Way<'d>,
    pub(crate) next: &'d Text,
}

/// The branches that may be taken: one, or as many as conditions that no history tells leave open.
pub(crate) fn branches<'d>(visit: &Visit<'_>, choice: &'d Choice, input: &Value) -> Result<Vec<Branch<'d>>, Fault> {
    let mut branches = Vec::new();
    for (index, rule) in choice.choices.iter().enumerate() {
        let branch = || branch(choice, rule.assign.as_ref(), rule.output.as_ref(), &rule.next);
        match holds(visit, &rule.condition, input, &format!("Choices[{index}]/Condition")) {
            // It may hold or not. That it cannot be evaluated at all is the best guess here, as everywhere.
            Ok(_) if is_open(&rule.condition) => branches.push(branch()),
            Ok(true) => {
                branches.push(branch());
                return Ok(branches);
            }
            Ok(false) => {}
            // An open rule before this one may have kept it from being looked at.
            Err(_) if !branches.is_empty() => return Ok(branches),
            Err(fault) => return Err(fault),
        }
    }
    let fields = match &choice.fields {
        asl::Fields::JsonPath { assign, .. } => (assign.as_ref(), None),
        asl::Fields::Jsonata { assign, output, .. } => (assign.as_ref(), output.as_ref()),
    };
    match &choice.default {
        Some(default) => branches.push(branch(choice, fields.0, fields.1, default)),
        None if branches.is_empty() => return Err(Fault::runtime()),
        None => {}
    }
    Ok(branches)
}

fn branch<'d>(
    choice: &'d Choice,
    assign: Option<&'d Template>,
    output: Option<&'d Template>,
    next: &'d Text,
) -> Branch<'d> {
    Branch { way: Way::PassedOn { fields: &choice.fields, assign, output }, next }
}

/// Whether the condition reads something that no history tells.
fn is_open(condition: &Condition) -> bool {
    match condition {
        Condition::Jsonata(expression) => is_volatile(expression.source()),
        Condition::Not(inner) => is_open(inner),
        Condition::And(inner) | Condition::Or(inner) => inner.iter().any(is_open),
        Condition::Compare(comparison) => {
            let operand = match &comparison.operand {
                Operand::Path(path) => is_volatile(path.source()),
                Operand::Literal(_) => false,
            };
            operand || is_volatile(comparison.variable.source())
        }
    }
}

fn holds(visit: &Visit<'_>, condition: &Condition, input: &Value, field: &str) -> Result<bool, Fault> {
    match condition {
        Condition::Compare(comparison) => compares(visit, comparison, input),
        Condition::Not(inner) => Ok(!holds(visit, inner, input, field)?),
        Condition::And(inner) => {
            for condition in inner {
                if !holds(visit, condition, input, field)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Condition::Or(inner) => {
            for condition in inner {
                if holds(visit, condition, input, field)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Condition::Jsonata(expression) => {
            let value = visit.expression(World::GUESS, expression, field, input)?;
            value.as_bool().ok_or_else(|| Fault::of_field(field))
        }
    }
}

fn compares(visit: &Visit<'_>, comparison: &Comparison, input: &Value) -> Result<bool, Fault> {
    let variable = visit.find(World::GUESS, &comparison.variable, input)?;
    if comparison.operator == Operator::IsPresent {
        return Ok(
            matches!(&comparison.operand, Operand::Literal(Value::Bool(wanted)) if *wanted == variable.is_some()),
        );
    }
    let variable = variable.ok_or_else(Fault::runtime)?;
    let operand = match &comparison.operand {
        Operand::Literal(operand) => operand.clone(),
        Operand::Path(path) => visit.find(World::GUESS, path, input)?.ok_or_else(Fault::runtime)?,
    };
    Ok(compare(comparison.operator, &variable, &operand))
}

/// What compares and how; the wanted orderings; or a test of the type.
fn compare(operator: Operator, value: &Value, operand: &Value) -> bool {
    let is = |holds: bool| operand.as_bool() == Some(holds);
    let text = |wanted: &[Ordering]| order_of_texts(value, operand).is_some_and(|order| wanted.contains(&order));
    let number = |wanted: &[Ordering]| order_of_numbers(value, operand).is_some_and(|order| wanted.contains(&order));
    let time = |wanted: &[Ordering]| order_of_times(value, operand).is_some_and(|order| wanted.contains(&order));
    let (less, same, more) = (Ordering::Less, Ordering::Equal, Ordering::Greater);
    match operator {
        Operator::StringEquals => text(&[same]),
        Operator::StringLessThan => text(&[less]),
        Operator::StringGreaterThan => text(&[more]),
        Operator::StringLessThanEquals => text(&[less, same]),
        Operator::StringGreaterThanEquals => text(&[same, more]),
        Operator::StringMatches => match (value.as_str(), operand.as_str()) {
            (Some(text), Some(pattern)) => matches_pattern(text, pattern),
            _ => false,
        },
        Operator::NumericEquals => number(&[same]),
        Operator::NumericLessThan => number(&[less]),
        Operator::NumericGreaterThan => number(&[more]),
        Operator::NumericLessThanEquals => number(&[less, same]),
        Operator::NumericGreaterThanEquals => number(&[same, more]),
        Operator::BooleanEquals => value.as_bool().is_some_and(is),
        Operator::TimestampEquals => time(&[same]),
        Operator::TimestampLessThan => time(&[less]),
        Operator::TimestampGreaterThan => time(&[more]),
        Operator::TimestampLessThanEquals => time(&[less, same]),
        Operator::TimestampGreaterThanEquals => time(&[same, more]),
        Operator::IsNull => is(value.is_null()),
        Operator::IsPresent => is(true),
        Operator::IsNumeric => is(value.type_name() == "number"),
        Operator::IsString => is(value.type_name() == "string"),
        Operator::IsBoolean => is(value.type_name() == "boolean"),
        Operator::IsTimestamp => is(value.as_str().and_then(timestamp).is_some()),
    }
}

/// By UTF-16 code units, as Java does.
fn order_of_texts(value: &Value, operand: &Value) -> Option<Ordering> {
    Some(value.as_str()?.encode_utf16().cmp(operand.as_str()?.encode_utf16()))
}

fn order_of_numbers(value: &Value, operand: &Value) -> Option<Ordering> {
    match (value.as_i64(), operand.as_i64()) {
        (Some(value), Some(operand)) => Some(value.cmp(&operand)),
        _ => value.as_f64()?.partial_cmp(&operand.as_f64()?),
    }
}

fn order_of_times(value: &Value, operand: &Value) -> Option<Ordering> {
    Some(timestamp(value.as_str()?)?.cmp(&timestamp(operand.as_str()?)?))
}

/// RFC 3339: a date, `T`, a time, and `Z` or an offset.
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once('T')?;
    let has_offset = time.ends_with('Z') || time.contains('+') || time.contains('-');
    if date.len() != "2016-12-05".len() || !has_offset || text.contains('[') {
        return None;
    }
    text.parse().ok()
}

/// `*` stands for any characters, `\*` for a star and `\\` for a backslash: two marks walk over text and pattern, and the
/// last star takes one character more whenever they do not fit.
fn matches_pattern(text: &str, pattern: &str) -> bool {
    let (text, pattern) = (text.chars().collect::<Vec<_>>(), parse_pattern(pattern));
    let (mut at, mut place, mut star) = (0, 0, None);
    while let Some(character) = text.get(at) {
        match pattern.get(place) {
            Some(None) => {
                star = Some((place, at));
                place += 1;
            }
            Some(Some(wanted)) if wanted == character => (at, place) = (at + 1, place + 1),
            _ => match star {
                Some((star_place, taken)) => {
                    star = Some((star_place, taken + 1));
                    (at, place) = (taken + 1, star_place + 1);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(place).all(Option::is_none)
}

/// `None` is a star.
fn parse_pattern(pattern: &str) -> Vec<Option<char>> {
    let mut parsed = Vec::new();
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        let escaped = (character == '\\').then(|| characters.next_if(|next| matches!(next, '*' | '\\'))).flatten();
        parsed.push(match escaped {
            Some(escaped) => Some(escaped),
            None => (character != '*').then_some(character),
        });
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (text, pattern, expected) in [
            ("", "", true),
            ("", "*", true),
            ("a", "a*a", false),
            ("aa", "a*a", true),
            ("foo-x-bar-y-baz", "foo*bar*baz", true),
            ("foobaz", "foo*bar*baz", false),
            ("aab", "*ab", true),
            ("a*c", r"a\*c", true),
            ("abc", r"a\*c", false),
            (r"a\c", r"a\\c", true),
            (r"a\c", r"a\c", true),
        ] {
            assert_eq!(matches_pattern(text, pattern), expected, "`{text}` and `{pattern}`");
        }
    }

    #[test]
    fn comparisons() {
        for (operator, value, operand, expected) in [
            (Operator::StringEquals, r#""1""#, "1", false),
            (Operator::StringLessThan, r#""A""#, r#""a""#, true),
            (Operator::NumericEquals, "1", "1.0", true),
            (Operator::NumericGreaterThanEquals, "2", "2", true),
            (Operator::BooleanEquals, "0", "false", false),
            (Operator::TimestampEquals, r#""2020-01-01T00:00:00Z""#, r#""2020-01-01T01:00:00+01:00""#, true),
            (Operator::IsTimestamp, r#""2020-01-01""#, "true", false),
            (Operator::IsNull, "null", "true", true),
        ] {
            let parse = |text| Value::parse(text).unwrap();
            assert_eq!(compare(operator, &parse(value), &parse(operand)), expected, "{operator:?} {value} {operand}");
        }
    }
}
