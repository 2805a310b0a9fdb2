//! A place in the text of a path or an intrinsic call while it is read.

use crate::SyntaxError;

/// Reads characters one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'t> {
    pub text: &'t str,
    pub offset: usize,
}

impl<'t> Cursor<'t> {
    pub fn new(text: &'t str) -> Cursor<'t> {
        Cursor { text, offset: 0 }
    }

    pub fn rest(&self) -> &'t str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    pub fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.offset += next.len_utf8();
        Some(next)
    }

    /// Goes behind `expected` if it comes next.
    pub fn eat(&mut self, expected: &str) -> bool {
        let found = self.rest().starts_with(expected);
        if found {
            self.offset += expected.len();
        }
        found
    }

    pub fn expect(&mut self, expected: &str) -> Result<(), SyntaxError> {
        if self.eat(expected) { Ok(()) } else { Err(self.error(&format!("expected '{expected}'"))) }
    }

    pub fn skip_spaces(&mut self) {
        self.take_while(char::is_whitespace);
    }

    /// Takes all characters that `belongs` accepts.
    pub fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let (taken, _) = rest.split_at(rest.find(|c| !belongs(c)).unwrap_or(rest.len()));
        self.offset += taken.len();
        taken
    }

    /// Reads a quoted string with JavaScript's escapes; the cursor is at the opening quote, which also closes it.
    pub fn quoted(&mut self) -> Result<String, SyntaxError> {
        let start = self.offset;
        let quote = self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                None => {
                    self.offset = start;
                    return Err(self.error("the string is not closed"));
                }
                Some('\\') => text.push(self.escaped()?),
                next if next == quote => return Ok(text),
                Some(next) => text.push(next),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, SyntaxError> {
        Ok(match self.next().ok_or_else(|| self.error("the escape is not complete"))? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let digits = self.rest().get(..4).unwrap_or_default();
                let code = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
                self.offset += digits.len();
                code.ok_or_else(|| self.error("expected four hexadecimal digits"))?
            }
            other => other,
        })
    }

    /// A fault at this place, counted in characters from 0 as Jayway does.
    pub fn error(&self, fault: &str) -> SyntaxError {
        let position = self.text.get(..self.offset).unwrap_or_default().chars().count();
        SyntaxError::invalid(format!("Could not parse token starting at position {position}: {fault}"))
    }
}
