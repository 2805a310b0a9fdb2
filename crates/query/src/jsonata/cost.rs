//! What a call of a built-in function costs, told by its arguments before it is made.
//!
//! Fuel is about the nanoseconds that a release build was measured to take, for an item, a byte or a piece.

use super::guard;
use super::limits::{Exceeded, ITEM_BYTES, Meter, NUMBER_BYTES};
use crate::regex_cost;
use jsonata_core::functions::string::build_regex;
use jsonata_core::value::JValue;

/// What a piece of a split text, a match with its groups, a name, a spread member, a tuple take as items of a result.
const PIECE_BYTES: usize = 64;
const MATCH_BYTES: usize = 512;
const SPREAD_BYTES: usize = 256;
const TUPLE_BYTES: usize = 128;
const JOIN_BYTES: usize = 1024;
/// Texts this short need no count: the guess is small enough.
const SHORT_TEXT_BYTES: usize = 64;
/// Fuel for one comparison of two plain values, and of two others.
const COMPARE_FUEL: u64 = 6;
const COMPARE_DEEP_FUEL: u64 = 25;
/// Fuel for a number of `[a..b]`: until it stands in an array that was checked.
const RANGE_FUEL: u64 = 80;
/// How many numbers the language lets `[a..b]` have.
const RANGE_NUMBERS_MAX: u64 = 10_000_000;
/// Fuel for an item that is compared in a sort, times the binary logarithm of their number.
const SORT_FUEL: u64 = 15;
/// Fuel for a piece of a split text, for a match with its groups, for a text that is joined.
const PIECE_FUEL: u64 = 100;
const MATCH_FUEL: u64 = 600;
const JOINED_FUEL: u64 = 30;
/// Fuel for a character that a text is padded with.
const PADDED_FUEL: u64 = 4;
/// Fuel for a character of a picture: of a date that is written; of one that is read, which is made a regular expression.
const DATE_FUEL: u64 = 300;
const DATE_READ_FUEL: u64 = 2_000;
/// Fuel for a character that is read as a number.
const NUMERAL_FUEL: u64 = 200;
/// Fuel for an item or member of an argument, and for a byte of text, of functions that go through it once.
const WALKS: [(&str, u64, u64); 21] = [
    ("append", 20, 0),
    ("base64decode", 0, 4),
    ("base64encode", 0, 2),
    ("decodeUrl", 0, 4),
    ("decodeUrlComponent", 0, 4),
    ("encodeUrl", 0, 6),
    ("encodeUrlComponent", 0, 6),
    ("keys", 100, 0),
    ("lowercase", 0, 5),
    ("merge", 200, 0),
    ("reverse", 20, 0),
    ("spread", 600, 0),
    ("substring", 0, 3),
    ("substringAfter", 0, 1),
    ("substringBefore", 0, 1),
    ("trim", 0, 14),
    ("uppercase", 0, 5),
    // Ours.
    ("hash", 0, 3),
    ("parse", 0, 50),
    ("partition", 100, 0),
    ("shuffle", 60, 0),
];
/// Above this a number in Roman numerals is no text but a flood of `M`.
const ROMAN_MAX: f64 = 1e7;
/// Digits of a width in a date/time picture: `[Y,4-4]`.
const WIDTH_DIGITS_MAX: usize = 3;

/// Why a call is not made.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Exceeded,
    /// The evaluator would panic.
    Picture,
}

impl From<Exceeded> for Refusal {
    fn from(_: Exceeded) -> Refusal {
        Refusal::Exceeded
    }
}

/// What an item of the result of `name` takes.
pub(super) fn item_bytes(name: &str) -> usize {
    match name {
        "keys" | "split" => PIECE_BYTES,
        "match" => MATCH_BYTES,
        "spread" => SPREAD_BYTES,
        "zip" => TUPLE_BYTES,
        guard::JOIN => JOIN_BYTES,
        _ => ITEM_BYTES,
    }
}

/// Counts the call `name(arguments)`.
pub(super) fn check(meter: &Meter, name: &str, arguments: &[JValue]) -> Result<(), Refusal> {
    let at = |index: usize| arguments.get(index).unwrap_or(&JValue::Undefined);
    match name {
        "string" => meter.check_text(at(0), matches!(at(1), JValue::Bool(true)))?,
        "join" => check_join(meter, at(0), at(1))?,
        "pad" => check_pad(meter, arguments)?,
        "replace" => check_replace(meter, at(0), at(1), at(2))?,
        "split" => check_pieces(meter, at(0), at(1), PIECE_BYTES, PIECE_FUEL)?,
        "match" => check_pieces(meter, at(0), at(1), MATCH_BYTES, MATCH_FUEL)?,
        "contains" => take_search_fuel(meter, at(0), at(1))?,
        "distinct" => take_distinct_fuel(meter, at(0))?,
        "formatInteger" => {
            check_numeral(meter, at(0), at(1))?;
            take_picture_fuel(meter, at(1))?;
        }
        "formatNumber" => take_picture_fuel(meter, at(1))?,
        "parseInteger" => {
            take_picture_fuel(meter, at(1))?;
            meter.take_fuel(length(at(0)).saturating_mul(NUMERAL_FUEL))?;
        }
        "fromMillis" | "toMillis" => {
            let fuel = if name == "toMillis" { DATE_READ_FUEL } else { DATE_FUEL };
            meter.take_fuel(length(at(1)).saturating_mul(fuel))?;
            arguments.iter().try_for_each(check_picture)?;
        }
        guard::RANGE => take_range_fuel(meter, at(0), at(1))?,
        "sort" => take_sort_fuel(meter, at(0))?,
        _ => take_walk_fuel(meter, name, at(0))?,
    }
    Ok(())
}

/// Counts a function of [`WALKS`] that goes through `value`.
pub(super) fn take_walk_fuel(meter: &Meter, name: &str, value: &JValue) -> Result<(), Exceeded> {
    let Some((_, entry_fuel, byte_fuel)) = WALKS.iter().find(|(known, ..)| *known == name) else { return Ok(()) };
    meter.take_fuel(entries(value).saturating_mul(*entry_fuel).saturating_add(length(value).saturating_mul(*byte_fuel)))
}

/// The items of an array with the members of those that are objects, the members of an object.
fn entries(value: &JValue) -> u64 {
    match value {
        JValue::Array(items) => {
            let members = |item: &JValue| if let JValue::Object(members) = item { members.len() } else { 0 };
            items.iter().map(|item| 1 + members(item) as u64).sum()
        }
        JValue::Object(members) => members.len() as u64,
        _ => 0,
    }
}

/// The bytes of a text.
fn length(value: &JValue) -> u64 {
    value.as_str().map_or(0, |text| text.len() as u64)
}

fn take_range_fuel(meter: &Meter, start: &JValue, end: &JValue) -> Result<(), Exceeded> {
    let (JValue::Number(start), JValue::Number(end)) = (start, end) else { return Ok(()) };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, never negative")]
    let count = (end - start + 1.0).max(0.0) as u64;
    // The evaluator refuses more by itself.
    if count > RANGE_NUMBERS_MAX { Ok(()) } else { meter.take_fuel(count.saturating_mul(RANGE_FUEL)) }
}

fn take_sort_fuel(meter: &Meter, value: &JValue) -> Result<(), Exceeded> {
    let JValue::Array(items) = value else { return Ok(()) };
    let count = items.len() as u64;
    let rounds = u64::from(u64::BITS - count.leading_zeros());
    meter.take_fuel(count.saturating_mul(rounds).saturating_mul(SORT_FUEL))
}

fn take_distinct_fuel(meter: &Meter, value: &JValue) -> Result<(), Exceeded> {
    let JValue::Array(items) = value else { return Ok(()) };
    let deep = matches!(items.first(), Some(JValue::Array(_) | JValue::Object(_)));
    let each = if deep { COMPARE_DEEP_FUEL } else { COMPARE_FUEL };
    let count = items.len() as u64;
    meter.take_fuel((count.saturating_mul(count) / 2).saturating_mul(each))
}

/// The evaluator goes through a picture of numbers once for each of its separators.
fn take_picture_fuel(meter: &Meter, picture: &JValue) -> Result<(), Exceeded> {
    let length = length(picture);
    meter.take_fuel(length.saturating_mul(length))
}

fn check_join(meter: &Meter, texts: &JValue, separator: &JValue) -> Result<(), Exceeded> {
    let JValue::Array(items) = texts else { return Ok(()) };
    let separator = separator.as_str().map_or(0, str::len);
    let total: usize = items.iter().map(|item| item.as_str().map_or(0, str::len)).sum();
    let total = total.saturating_add(separator.saturating_mul(items.len()));
    meter.check_size(total)?;
    meter.take_copied(total)?;
    meter.take_fuel((items.len() as u64).saturating_mul(JOINED_FUEL))
}

fn check_pad(meter: &Meter, arguments: &[JValue]) -> Result<(), Exceeded> {
    /// UTF-8 bytes of a character.
    const CHARACTER_BYTES_MAX: usize = 4;
    for argument in arguments {
        match argument {
            JValue::Number(width) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "saturates, never negative"
                )]
                let characters = width.abs() as usize;
                meter.check_size(characters.saturating_mul(CHARACTER_BYTES_MAX))?;
                meter.take_fuel((characters as u64).saturating_mul(PADDED_FUEL))?;
            }
            other => meter.check_text(other, false)?,
        }
    }
    Ok(())
}

/// The result is the text and, for each match, the replacement, in which `$1` can stand for the match.
fn check_replace(meter: &Meter, text: &JValue, pattern: &JValue, replacement: &JValue) -> Result<(), Exceeded> {
    let Some(text_str) = text.as_str() else { return Ok(()) };
    take_search_fuel(meter, text, pattern)?;
    // What a function gives back is guarded where it does.
    let replacement = replacement.as_str().unwrap_or_default();
    let groups = replacement.matches('$').count();
    let repeated = groups.saturating_mul(text_str.len());
    let most = text_str.len().saturating_add(1).saturating_mul(replacement.len());
    let inserted = if most <= meter.value_bytes() / 16 {
        most
    } else {
        count_matches(text_str, pattern).saturating_mul(replacement.len())
    };
    let bytes = text_str.len().saturating_add(inserted).saturating_add(repeated);
    meter.check_size(bytes)?;
    meter.take_copied(bytes)
}

fn check_pieces(
    meter: &Meter,
    text: &JValue,
    pattern: &JValue,
    piece_bytes: usize,
    piece_fuel: u64,
) -> Result<(), Exceeded> {
    let Some(text_str) = text.as_str() else { return Ok(()) };
    take_search_fuel(meter, text, pattern)?;
    let count = match text_str.len() {
        short @ 0..=SHORT_TEXT_BYTES => short,
        _ => count_matches(text_str, pattern),
    };
    meter.check_size(count.saturating_mul(NUMBER_BYTES).saturating_add(text_str.len()))?;
    meter.take_fuel((count as u64).saturating_mul(piece_fuel))?;
    meter.take_made(count.saturating_add(1).saturating_mul(piece_bytes))
}

/// Counts a search for all places of `pattern` in `text`.
fn take_search_fuel(meter: &Meter, text: &JValue, pattern: &JValue) -> Result<(), Exceeded> {
    match (text, pattern) {
        (JValue::String(text), JValue::Regex { pattern, .. }) => meter.take_fuel(regex_cost::fuel(pattern, text.len())),
        (JValue::String(text), _) => meter.take_fuel(text.len() as u64),
        _ => Ok(()),
    }
}

fn count_matches(text: &str, pattern: &JValue) -> usize {
    match pattern {
        JValue::String(pattern) => text.matches(&**pattern).count(),
        JValue::Regex { pattern, flags } => {
            build_regex(pattern, flags).map_or(0, |regex| regex.find_iter(text).count())
        }
        // A matcher of the expression's own: each of its matches is evaluated, and so timed.
        _ => 0,
    }
}

/// Refuses a flood of `M`, and a number without end: the evaluator would look for its last word until the stack is full,
/// which ends the process.
fn check_numeral(meter: &Meter, number: &JValue, picture: &JValue) -> Result<(), Exceeded> {
    let roman = picture.as_str().is_some_and(|picture| picture.starts_with(['I', 'i']));
    match number {
        JValue::Number(number) if !number.is_finite() || (roman && number.abs() > ROMAN_MAX) => {
            meter.refuse(Exceeded::Memory)
        }
        _ => Ok(()),
    }
}

/// Refuses pictures on which the evaluator panics (a component that is not ASCII, or none before the width), and
/// widths that no date has.
fn check_picture(picture: &JValue) -> Result<(), Refusal> {
    let Some(picture) = picture.as_str() else { return Ok(()) };
    for marker in picture.split('[').skip(1) {
        let marker: String = marker.split(']').next().unwrap_or_default().split_whitespace().collect();
        let (component, width) = marker.rsplit_once(',').unwrap_or((&marker, ""));
        let digits = width.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
        let starts_well = component.chars().next().is_none_or(|first| first.is_ascii());
        let starts_with_width = component.is_empty() && marker.starts_with(',');
        if !starts_well || starts_with_width || digits > WIDTH_DIGITS_MAX || !width.is_ascii() {
            return Err(Refusal::Picture);
        }
    }
    Ok(())
}
