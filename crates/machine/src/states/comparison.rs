//! The comparisons of a Choice Rule.
//!
//! A comparison of values of different types does not hold; it is no failure. A variable that is not there is one,
//! except for `IsPresent`.

use super::wait::parse_timestamp;
use crate::failure::{Failed, Stop};
use crate::visit::Visit;
use asl::{Comparison, Operand, Operator};
use json::{Number, Value};
use query::Path;
use std::cmp::Ordering;

/// Fuel for a comparison, beside one for each byte of the texts.
const COMPARE_FUEL: u64 = 50;

pub(super) fn holds(visit: &Visit<'_>, comparison: &Comparison, input: &Value) -> Result<bool, Stop> {
    let operator = comparison.operator;
    let found = visit.find(&comparison.variable, input)?;
    if operator == Operator::IsPresent {
        return Ok(found.is_some() == wanted(&comparison.operand));
    }
    let value = found.ok_or_else(|| missing(&comparison.variable))?;
    let operand = match &comparison.operand {
        Operand::Literal(operand) => operand.clone(),
        Operand::Path(path) => visit.find(path, input)?.ok_or_else(|| missing(path))?,
    };
    // The step ends the sooner for it, but no state fails.
    let _ = visit.ambient.spend(COMPARE_FUEL + text_bytes(&value) + text_bytes(&operand));
    Ok(compare(operator, &value, &operand))
}

fn text_bytes(value: &Value) -> u64 {
    value.as_str().map_or(0, str::len) as u64
}

fn missing(path: &Path) -> Stop {
    let what = "The choice state's condition path references an invalid value.";
    Failed::runtime(format!("Invalid path '{}': {what}", path.source())).into()
}

fn wanted(operand: &Operand) -> bool {
    matches!(operand, Operand::Literal(Value::Bool(true)))
}

fn compare(operator: Operator, value: &Value, operand: &Value) -> bool {
    let is = |holds: bool| operand.as_bool() == Some(holds);
    match operator {
        Operator::StringEquals => strings(value, operand).is_some_and(Ordering::is_eq),
        Operator::StringLessThan => strings(value, operand).is_some_and(Ordering::is_lt),
        Operator::StringGreaterThan => strings(value, operand).is_some_and(Ordering::is_gt),
        Operator::StringLessThanEquals => strings(value, operand).is_some_and(Ordering::is_le),
        Operator::StringGreaterThanEquals => strings(value, operand).is_some_and(Ordering::is_ge),
        Operator::StringMatches => {
            value.as_str().zip(operand.as_str()).is_some_and(|(text, pattern)| matches_pattern(text, pattern))
        }
        Operator::NumericEquals => numbers(value, operand).is_some_and(Ordering::is_eq),
        Operator::NumericLessThan => numbers(value, operand).is_some_and(Ordering::is_lt),
        Operator::NumericGreaterThan => numbers(value, operand).is_some_and(Ordering::is_gt),
        Operator::NumericLessThanEquals => numbers(value, operand).is_some_and(Ordering::is_le),
        Operator::NumericGreaterThanEquals => numbers(value, operand).is_some_and(Ordering::is_ge),
        Operator::BooleanEquals => value.as_bool().is_some_and(is),
        Operator::TimestampEquals => timestamps(value, operand).is_some_and(Ordering::is_eq),
        Operator::TimestampLessThan => timestamps(value, operand).is_some_and(Ordering::is_lt),
        Operator::TimestampGreaterThan => timestamps(value, operand).is_some_and(Ordering::is_gt),
        Operator::TimestampLessThanEquals => timestamps(value, operand).is_some_and(Ordering::is_le),
        Operator::TimestampGreaterThanEquals => timestamps(value, operand).is_some_and(Ordering::is_ge),
        Operator::IsNull => is(value.is_null()),
        // The value is there, otherwise nothing is compared.
        Operator::IsPresent => is(true),
        Operator::IsNumeric => is(value.as_number().is_some()),
        Operator::IsString => is(value.as_str().is_some()),
        Operator::IsBoolean => is(value.as_bool().is_some()),
        Operator::IsTimestamp => is(value.as_str().and_then(parse_timestamp).is_some()),
    }
}

/// As Java compares strings: by UTF-16 code units.
fn strings(value: &Value, operand: &Value) -> Option<Ordering> {
    let (value, operand) = value.as_str().zip(operand.as_str())?;
    Some(value.encode_utf16().cmp(operand.encode_utf16()))
}

fn numbers(value: &Value, operand: &Value) -> Option<Ordering> {
    let (value, operand) = value.as_number().zip(operand.as_number())?;
    let integers = value.as_i64().zip(operand.as_i64());
    integers.map(|(a, b)| a.cmp(&b)).or_else(|| Number::as_f64(value).partial_cmp(&operand.as_f64()))
}

fn timestamps(value: &Value, operand: &Value) -> Option<Ordering> {
    let (value, operand) = value.as_str().zip(operand.as_str())?;
    Some(parse_timestamp(value)?.cmp(&parse_timestamp(operand)?))
}

/// `*` stands for any characters; `\*` is a star and `\\` a backslash.
fn matches_pattern(text: &str, pattern: &str) -> bool {
    let pieces = pieces(pattern);
    let Some((last, before)) = pieces.split_last() else { return text.is_empty() };
    let Some((first, middle)) = before.split_first() else { return text == last };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for piece in middle {
        // The leftmost place leaves the most for the pieces that follow.
        let Some((_, behind)) = rest.split_once(piece.as_str()) else { return false };
        rest = behind;
    }
    rest.ends_with(last.as_str())
}

/// What stands between the stars.
fn pieces(pattern: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        let escaped = if character == '\\' { characters.next_if(|next| matches!(next, '*' | '\\')) } else { None };
        if character == '*' {
            pieces.push(String::new());
        } else if let Some(piece) = pieces.last_mut() {
            piece.push(escaped.unwrap_or(character));
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::{compare, matches_pattern};
    use asl::Operator;
    use json::Value;

    #[test]
    fn patterns() {
        for (text, pattern, expected) in [
            ("", "", true),
            ("a", "", false),
            ("", "*", true),
            ("abc", "*", true),
            ("abc", "abc", true),
            ("abc", "a*", true),
            ("abc", "*c", true),
            ("abc", "a*c", true),
            ("ac", "a*c", true),
            ("a", "a*a", false),
            ("aa", "a*a", true),
            ("foo-x-bar-y-baz", "foo*bar*baz", true),
            ("foobaz", "foo*bar*baz", false),
            ("log-2.zip", "log-*.txt", false),
            ("a*c", r"a\*c", true),
            ("abc", r"a\*c", false),
            (r"a\c", r"a\\c", true),
            (r"a\c", r"a\c", true),
            ("ab**", r"a*\**", true),
        ] {
            assert_eq!(matches_pattern(text, pattern), expected, "`{text}` and `{pattern}`");
        }
    }

    #[test]
    fn types_decide_first() {
        for (operator, value, operand, expected) in [
            (Operator::StringEquals, r#""1""#, "1", false),
            (Operator::NumericEquals, "1", "1.0", true),
            (Operator::NumericEquals, "9007199254740993", "9007199254740992", false),
            (Operator::NumericLessThan, "1", r#""2""#, false),
            (Operator::BooleanEquals, "false", "false", true),
            (Operator::BooleanEquals, "0", "false", false),
            (Operator::TimestampEquals, r#""2020-01-01T00:00:00Z""#, r#""2020-01-01T01:00:00+01:00""#, true),
            (Operator::TimestampEquals, r#""x""#, r#""x""#, false),
            (Operator::StringLessThan, r#""A""#, r#""a""#, true),
            (Operator::IsNull, "null", "true", true),
            (Operator::IsNumeric, "null", "false", true),
            (Operator::IsTimestamp, r#""2020-01-01""#, "true", false),
        ] {
            let parse = |text| Value::parse(text).unwrap();
            assert_eq!(compare(operator, &parse(value), &parse(operand)), expected, "{operator:?} {value} {operand}");
        }
    }
}
