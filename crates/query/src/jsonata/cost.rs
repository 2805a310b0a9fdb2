//! What a call of a built-in function costs, told by its arguments before it is made.

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
        "split" => check_pieces(meter, at(0), at(1), PIECE_BYTES)?,
        "match" => check_pieces(meter, at(0), at(1), MATCH_BYTES)?,
        "contains" => take_regex_fuel(meter, at(0), at(1))?,
        "distinct" => {
            if let JValue::Array(items) = at(0) {
                let deep = matches!(items.first(), Some(JValue::Array(_) | JValue::Object(_)));
                let each = if deep { COMPARE_DEEP_FUEL } else { COMPARE_FUEL };
                let count = items.len() as u64;
                meter.take_fuel((count.saturating_mul(count) / 2).saturating_mul(each))?;
            }
        }
        "formatInteger" => check_roman(meter, at(0), at(1))?,
        "formatNumber" => meter.check_text(at(1), false)?,
        "fromMillis" | "toMillis" => arguments.iter().try_for_each(check_picture)?,
        _ => {}
    }
    Ok(())
}

fn check_join(meter: &Meter, texts: &JValue, separator: &JValue) -> Result<(), Exceeded> {
    let JValue::Array(items) = texts else { return Ok(()) };
    let separator = separator.as_str().map_or(0, str::len);
    let total: usize = items.iter().map(|item| item.as_str().map_or(0, str::len)).sum();
    meter.check_size(total.saturating_add(separator.saturating_mul(items.len())))
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
            }
            other => meter.check_text(other, false)?,
        }
    }
    Ok(())
}

/// The result is the text and, for each match, the replacement, in which `$1` can stand for the match.
fn check_replace(meter: &Meter, text: &JValue, pattern: &JValue, replacement: &JValue) -> Result<(), Exceeded> {
    let Some(text_str) = text.as_str() else { return Ok(()) };
    take_regex_fuel(meter, text, pattern)?;
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
    meter.check_size(text_str.len().saturating_add(inserted).saturating_add(repeated))
}

fn check_pieces(meter: &Meter, text: &JValue, pattern: &JValue, piece_bytes: usize) -> Result<(), Exceeded> {
    let Some(text_str) = text.as_str() else { return Ok(()) };
    take_regex_fuel(meter, text, pattern)?;
    let count = match text_str.len() {
        short @ 0..=SHORT_TEXT_BYTES => short,
        _ => count_matches(text_str, pattern),
    };
    meter.check_size(count.saturating_mul(NUMBER_BYTES).saturating_add(text_str.len()))?;
    meter.take_made(count.saturating_add(1).saturating_mul(piece_bytes))
}

fn take_regex_fuel(meter: &Meter, text: &JValue, pattern: &JValue) -> Result<(), Exceeded> {
    match (text, pattern) {
        (JValue::String(text), JValue::Regex { pattern, .. }) => meter.take_fuel(regex_cost::fuel(pattern, text.len())),
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

fn check_roman(meter: &Meter, number: &JValue, picture: &JValue) -> Result<(), Exceeded> {
    let roman = picture.as_str().is_some_and(|picture| picture.starts_with(['I', 'i']));
    match number {
        JValue::Number(number) if roman && number.abs() > ROMAN_MAX => meter.refuse(Exceeded::Memory),
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
