//! Reads the expression of a filter: `@.a == 1 && (@.b || !@.c)`.

use super::filter::{Filter, Operand, Pattern, compare};
use super::parse::Parser;
use crate::SyntaxError;
use regex::RegexBuilder;

/// How deep parentheses and `!` may nest.
const NESTING_MAX: usize = 64;
/// Bytes that a compiled regular expression may take.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// Reads an expression; the cursor is behind the opening parenthesis.
pub(super) fn filter(parser: &mut Parser<'_>) -> Result<Filter, SyntaxError> {
    disjunction(parser, 0)
}

fn disjunction(parser: &mut Parser<'_>, nesting: usize) -> Result<Filter, SyntaxError> {
    let mut parts = vec![conjunction(parser, nesting)?];
    while eat(parser, "||") {
        parts.push(conjunction(parser, nesting)?);
    }
    Ok(Filter::Any(parts))
}

fn conjunction(parser: &mut Parser<'_>, nesting: usize) -> Result<Filter, SyntaxError> {
    let mut parts = vec![term(parser, nesting)?];
    while eat(parser, "&&") {
        parts.push(term(parser, nesting)?);
    }
    Ok(Filter::All(parts))
}

fn term(parser: &mut Parser<'_>, nesting: usize) -> Result<Filter, SyntaxError> {
    if nesting > NESTING_MAX {
        return Err(parser.cursor.error("the expression nests too deep"));
    }
    if eat(parser, "!") {
        return Ok(Filter::Not(Box::new(term(parser, nesting + 1)?)));
    }
    if eat(parser, "(") {
        let inner = disjunction(parser, nesting + 1)?;
        parser.cursor.skip_spaces();
        parser.cursor.expect(")")?;
        return Ok(inner);
    }
    comparison(parser)
}

fn comparison(parser: &mut Parser<'_>) -> Result<Filter, SyntaxError> {
    let left = operand(parser)?;
    parser.cursor.skip_spaces();
    if parser.cursor.eat("=~") {
        parser.cursor.skip_spaces();
        return Ok(Filter::Matches(left, pattern(parser)?));
    }
    let symbol = parser.cursor.take_while(|c| matches!(c, '=' | '!' | '<' | '>'));
    let operator = if symbol.is_empty() { parser.cursor.take_while(|c| c.is_ascii_alphabetic()) } else { symbol };
    if operator.is_empty() {
        return match left {
            Operand::Path(path) => Ok(Filter::Exists(path)),
            Operand::Literal(_) => Err(parser.cursor.error("expected an operator")),
        };
    }
    let Some(compare) = compare(operator) else {
        return Err(parser.cursor.error(&format!("there is no operator '{operator}'")));
    };
    Ok(Filter::Compare { left, compare, right: operand(parser)? })
}

fn operand(parser: &mut Parser<'_>) -> Result<Operand, SyntaxError> {
    parser.cursor.skip_spaces();
    match parser.cursor.peek() {
        Some('@' | '$') => parser.inner_query().map(Operand::Path),
        _ => parser.literal().map(Operand::Literal),
    }
}

/// Reads `/…/` with Java's flags. The whole text must match, as with Java's `matches`.
fn pattern(parser: &mut Parser<'_>) -> Result<Pattern, SyntaxError> {
    parser.cursor.expect("/")?;
    let start = parser.cursor.offset;
    loop {
        match parser.cursor.next() {
            Some('\\') => drop(parser.cursor.next()),
            Some('/') => break,
            Some(_) => {}
            None => return Err(parser.cursor.error("the regular expression is not closed")),
        }
    }
    let source = parser.cursor.text.get(start..parser.cursor.offset - 1).unwrap_or_default().replace("\\/", "/");
    let flags = parser.cursor.take_while(|c| c.is_ascii_alphabetic());
    // With the flag `x` the expression may end in a comment, which a line break closes.
    let end = if flags.contains('x') { "\n)\\z" } else { ")\\z" };
    RegexBuilder::new(&format!("\\A(?:{source}{end}"))
        .case_insensitive(flags.contains('i'))
        .multi_line(flags.contains('m'))
        .dot_matches_new_line(flags.contains('s'))
        .ignore_whitespace(flags.contains('x'))
        .size_limit(REGEX_BYTES_MAX)
        .build()
        .map(|regex| Pattern::new(&source, regex))
        .map_err(|_| parser.cursor.error("the regular expression is not valid, or too large"))
}

fn eat(parser: &mut Parser<'_>, symbol: &str) -> bool {
    parser.cursor.skip_spaces();
    parser.cursor.eat(symbol)
}
