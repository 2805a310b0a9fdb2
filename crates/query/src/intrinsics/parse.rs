//! Reads the text of an intrinsic call.

use super::{Argument, FUNCTIONS, Function, Invocation};
use crate::cursor::Cursor;
use crate::jsonpath::path_len;
use crate::{Path, SyntaxError};
use json::Value;

/// How deep calls may nest, by AWS's documentation.
const NESTING_MAX: usize = 10;

pub(super) fn parse(text: &str) -> Result<Invocation, SyntaxError> {
    let mut cursor = Cursor::new(text);
    let invocation = invocation(&mut cursor, 1)?;
    cursor.skip_spaces();
    if cursor.is_at_end() { Ok(invocation) } else { Err(cursor.error("nothing may follow the call")) }
}

fn invocation(cursor: &mut Cursor<'_>, nesting: usize) -> Result<Invocation, SyntaxError> {
    if nesting > NESTING_MAX {
        return Err(cursor.error("intrinsic functions nest at most 10 deep"));
    }
    let function = function(cursor)?;
    cursor.expect("(")?;
    let mut arguments = Vec::new();
    cursor.skip_spaces();
    while !cursor.eat(")") {
        if !arguments.is_empty() {
            cursor.expect(",")?;
            cursor.skip_spaces();
        }
        let is_template = function.name == "States.Format" && arguments.is_empty();
        arguments.push(argument(cursor, nesting, is_template)?);
        cursor.skip_spaces();
    }
    if !function.arity.contains(&arguments.len()) {
        return Err(cursor.error(&format!("{} does not take {} arguments", function.name, arguments.len())));
    }
    Ok(Invocation { function, arguments })
}

fn function(cursor: &mut Cursor<'_>) -> Result<&'static Function, SyntaxError> {
    let mut behind = cursor.clone();
    let name = behind.take_while(|c| c.is_ascii_alphanumeric() || c == '.');
    let Some(function) = FUNCTIONS.iter().find(|function| function.name == name) else {
        return Err(cursor.error(&format!("there is no intrinsic function '{name}'")));
    };
    *cursor = behind;
    Ok(function)
}

fn argument(cursor: &mut Cursor<'_>, nesting: usize, is_template: bool) -> Result<Argument, SyntaxError> {
    match cursor.peek() {
        Some('\'') => literal(cursor, is_template).map(|text| Argument::Literal(Value::from(text))),
        Some('$') => {
            let rest = cursor.rest();
            let len = path_len(rest)?;
            cursor.offset += len;
            Path::parse(rest.get(..len).unwrap_or_default()).map(Argument::Path)
        }
        Some('S') => invocation(cursor, nesting + 1).map(Argument::Call),
        _ => {
            let word = cursor.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'));
            let expected = || cursor.error("expected a string, a number, true, false, null, a path or a call");
            Value::parse(word).map(Argument::Literal).map_err(|_| expected())
        }
    }
}

/// Reads a string in single quotes. The characters `'`, `\`, `{` and `}` are escaped by a backslash, and no others.
/// The template of `States.Format` keeps its escapes, since there an escaped `{}` is no place for an argument.
fn literal(cursor: &mut Cursor<'_>, is_template: bool) -> Result<String, SyntaxError> {
    cursor.next();
    let mut text = String::new();
    loop {
        match cursor.next() {
            None => return Err(cursor.error("the string is not closed")),
            Some('\'') => return Ok(text),
            Some('\\') => match cursor.next() {
                Some('\'') => text.push('\''),
                Some(escaped @ ('\\' | '{' | '}')) => {
                    if is_template {
                        text.push('\\');
                    }
                    text.push(escaped);
                }
                _ => return Err(cursor.error("a backslash escapes only ', \\, { and }")),
            },
            Some(other) => text.push(other),
        }
    }
}
