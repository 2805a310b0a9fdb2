//! What is refused when an expression is parsed: faults of the grammar in AWS's words, uses of surrounding data,
//! regular expressions that are too large.

use super::visit::{each_child, each_filter};
use crate::SyntaxError;
use jsonata_core::ast::{AstNode, PathStep};
use jsonata_core::parser::ParserError;
use jsonata_core::value::with_stack;

/// The size of a compiled regular expression.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// The first use of the surrounding data in `node`: a name, `$`, `*` or `**` at the top level, `$$` anywhere.
///
/// Within a path after its first step, in filters, in the terms of a sort, in patterns and in functions there is
/// something that these refer to.
pub(super) fn top_level_reference(node: &mut AstNode) -> Option<String> {
    let mut found = None;
    look(node, true, &mut found);
    found
}

fn look(node: &mut AstNode, top: bool, found: &mut Option<String>) {
    if found.is_some() {
        return;
    }
    with_stack(|| match node {
        AstNode::ParentVariable(_) => *found = Some("$$".to_owned()),
        AstNode::Name(name) if top => *found = Some(name.clone()),
        AstNode::Variable(name) if top && name.is_empty() => *found = Some("$".to_owned()),
        AstNode::Wildcard if top => *found = Some("*".to_owned()),
        AstNode::Descendant if top => *found = Some("**".to_owned()),
        AstNode::Path { steps } => look_in_path(steps, top, found),
        AstNode::ObjectTransform { input, pattern } => {
            look(input, top, found);
            for (key, value) in pattern {
                look(key, false, found);
                look(value, false, found);
            }
        }
        AstNode::Sort { input, terms } => {
            look(input, top, found);
            terms.iter_mut().for_each(|(term, _)| look(term, false, found));
        }
        AstNode::Lambda { .. } | AstNode::Transform { .. } => each_child(node, &mut |child| look(child, false, found)),
        _ => each_child(node, &mut |child| look(child, top, found)),
    });
}

fn look_in_path(steps: &mut [PathStep], top: bool, found: &mut Option<String>) {
    let Some((first, rest)) = steps.split_first_mut() else { return };
    look(&mut first.node, top, found);
    // The filters of the first step and all that follows see the items of the path.
    each_filter(first, &mut |filter| look(filter, false, found));
    for step in rest {
        look(&mut step.node, false, found);
        each_filter(step, &mut |filter| look(filter, false, found));
    }
}

/// Refuses regular expressions whose program would be large: each match takes time in proportion to it.
pub(super) fn check_regexes(node: &mut AstNode) -> Result<(), SyntaxError> {
    let mut result = Ok(());
    look_for_regexes(node, &mut result);
    result
}

fn look_for_regexes(node: &mut AstNode, result: &mut Result<(), SyntaxError>) {
    if let AstNode::Regex { pattern, .. } = node {
        let built = regex::RegexBuilder::new(pattern).size_limit(REGEX_BYTES_MAX).build();
        if matches!(built, Err(regex::Error::CompiledTooBig(_))) {
            *result = Err(SyntaxError::invalid("The regular expression is too large"));
        }
    }
    each_child(node, &mut |child| look_for_regexes(child, result));
}

/// AWS's words for a fault of the grammar: those of JSONata, without the code.
pub(super) fn syntax_error(error: &ParserError) -> SyntaxError {
    let message = match error {
        ParserError::Expected { expected, found } if expected != "parameter name" => {
            let expected = symbol(expected);
            match found.as_str() {
                "Eof" => format!("Expected \"{expected}\" before end of expression"),
                found => format!("Expected \"{expected}\", got \"{}\"", symbol(found)),
            }
        }
        ParserError::UnexpectedToken(token)
            if token != "Eof" && !token.starts_with(|c: char| c.is_ascii_punctuation()) =>
        {
            format!("The symbol \"{}\" cannot be used as a unary operator", symbol(token))
        }
        other => without_code(&other.to_string()),
    };
    SyntaxError::invalid(message)
}

fn without_code(text: &str) -> String {
    let text = text.strip_prefix("Invalid syntax: ").unwrap_or(text);
    let message = match text.split_once(": ") {
        Some((code, rest)) if jsonata_core::evaluator::error_code_prefix(text).is_some_and(|found| found == code) => {
            rest
        }
        _ => text,
    };
    match message.strip_prefix("Syntax error: ") {
        Some(token) => format!("Syntax error: \"{}\"", symbol(token)),
        None => message.to_owned(),
    }
}

/// The token as it is written, from the parser's name for it.
fn symbol(token: &str) -> &str {
    const SYMBOLS: [(&str, &str); 33] = [
        ("LeftBracket", "["),
        ("RightBracket", "]"),
        ("LeftBrace", "{"),
        ("RightBrace", "}"),
        ("LeftParen", "("),
        ("RightParen", ")"),
        ("Comma", ","),
        ("Colon", ":"),
        ("Semicolon", ";"),
        ("Dot", "."),
        ("At", "@"),
        ("Hash", "#"),
        ("Plus", "+"),
        ("Minus", "-"),
        ("Star", "*"),
        ("Slash", "/"),
        ("Percent", "%"),
        ("Ampersand", "&"),
        ("Equal", "="),
        ("NotEqual", "!="),
        ("LessThan", "<"),
        ("LessThanOrEqual", "<="),
        ("GreaterThan", ">"),
        ("GreaterThanOrEqual", ">="),
        ("ColonEqual", ":="),
        ("Question", "?"),
        ("Pipe", "|"),
        ("Caret", "^"),
        ("TildeArrow", "~>"),
        ("DotDot", ".."),
        ("QuestionQuestion", "??"),
        ("StarStar", "**"),
        ("QuestionColon", "?:"),
    ];
    if let Some((_, symbol)) = SYMBOLS.iter().find(|(name, _)| *name == token) {
        return symbol;
    }
    // `Number(2.0)`, `Identifier("a")`: what is between the brackets.
    let inner = token.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(token);
    inner.trim_matches('"').trim_end_matches(".0")
}
