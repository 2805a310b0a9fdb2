//! `States.Format`, `States.StringSplit`.

use super::{java, string};
use crate::Ambient;
use json::Value;
use std::collections::HashSet;

/// Puts the arguments in the places of `{}`, as Java prints them. `\{`, `\}` and `\\` in the template stand for the
/// characters themselves.
pub(super) fn format(arguments: &[Value], ambient: &Ambient) -> Result<Value, String> {
    let mut values = arguments.iter().skip(1);
    let mut text = String::new();
    let mut template = string(arguments, 0)?.chars().peekable();
    while let Some(next) = template.next() {
        match next {
            '\\' => text.push(template.next_if(|c| matches!(c, '\\' | '{' | '}')).unwrap_or('\\')),
            '{' if template.next_if_eq(&'}').is_some() => match values.next() {
                Some(value) => java::to_string(value, &mut text),
                None => return Err(wrong_number(arguments)),
            },
            _ => text.push(next),
        }
        if text.len() > ambient.budget.memory_bytes {
            return Err("The string is too long".to_owned());
        }
    }
    if values.next().is_some() { Err(wrong_number(arguments)) } else { Ok(Value::from(text)) }
}

fn wrong_number(arguments: &[Value]) -> String {
    let given = arguments.len().saturating_sub(1);
    format!("Invalid arguments: the number of places {{}} in the template is not the number of arguments, {given}")
}

/// Splits at each of the characters, and drops empty pieces.
pub(super) fn split(arguments: &[Value], _ambient: &Ambient) -> Result<Value, String> {
    let (text, splitters) = (string(arguments, 0)?, string(arguments, 1)?);
    // A set: either text may have all the characters that a payload can.
    let splitters: HashSet<char> = splitters.chars().collect();
    Ok(text.split(|c| splitters.contains(&c)).filter(|piece| !piece.is_empty()).collect())
}
