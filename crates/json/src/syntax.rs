//! The scalars of JSON text, read one after the other, with the messages of AWS's parser (Jackson) for what is wrong.

use crate::{Number, Value};
use std::fmt;

/// What is wrong with a JSON text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Jackson's sentence, for example `Unrecognized token 'not': was expecting (JSON String, …)`.
    pub message: String,
    /// Byte offset into the text.
    pub offset: usize,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ParseError {}

pub(crate) const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// A place in a text.
pub(crate) struct Scanner<'t> {
    pub text: &'t str,
    pub offset: usize,
}

impl<'t> Scanner<'t> {
    pub fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.offset).copied()
    }

    /// The next byte that is not white space; the offset is then at it.
    pub fn peek_token(&mut self) -> Option<u8> {
        loop {
            let byte = self.peek()?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.offset += 1;
        }
    }

    pub fn rest(&self) -> &'t str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    pub fn error(&self, message: impl Into<String>) -> ParseError {
        ParseError { message: message.into(), offset: self.offset }
    }

    /// `Unexpected character ('x' (code 120)): …` for the character at the offset.
    pub fn unexpected(&self, expected: &str) -> ParseError {
        self.error(format!("Unexpected character ({}): {expected}", self.describe()))
    }

    /// The character at the offset as Jackson describes it.
    fn describe(&self) -> String {
        let Some(found) = self.rest().chars().next() else {
            return "(CTRL-CHAR, code 0)".to_owned();
        };
        // Jackson counts in UTF-16 units, and so describes the first half of a pair.
        let code = found.encode_utf16(&mut [0; 2]).first().copied().unwrap_or_default();
        match code {
            0..=0x1f | 0x7f..=0x9f => format!("(CTRL-CHAR, code {code})"),
            0x100.. => format!("'{found}' (code {code} / 0x{code:x})"),
            _ => format!("'{found}' (code {code})"),
        }
    }

    /// Reads `true`, `false`, `null`, a number or a string.
    pub fn scalar(&mut self, first: u8) -> Result<Value, ParseError> {
        match first {
            b'"' => self.string(Name::No).map(Value::from),
            b'-' | b'0'..=b'9' => self.number().map(Value::Number),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Value, ParseError> {
        let rest = self.rest();
        let len = rest.find(|c: char| !is_identifier_part(c)).unwrap_or(rest.len());
        let (word, _) = rest.split_at(len);
        let value = match word {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            "NaN" | "Infinity" => {
                let hint = "enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow";
                return Err(self.error(format!("Non-standard token '{word}': {hint}")));
            }
            _ if word.starts_with(|c: char| !c.is_ascii_digit()) => {
                let quoted: String = word.chars().take(256).collect();
                let more = if quoted.len() < word.len() { "..." } else { "" };
                return Err(self.error(format!("Unrecognized token '{quoted}{more}': was expecting {VALUES}")));
            }
            _ => return Err(self.unexpected(&format!("expected a valid value {VALUES}"))),
        };
        self.offset += len;
        Ok(value)
    }

    fn number(&mut self) -> Result<Number, ParseError> {
        let start = self.offset;
        if self.peek() == Some(b'-') {
            self.offset += 1;
        }
        let whole = self.offset;
        self.digits("expected digit (0-9) to follow minus sign, for valid numeric value")?;
        if self.offset - whole > 1 && self.text.as_bytes().get(whole) == Some(&b'0') {
            self.offset = whole;
            return Err(self.error("Invalid numeric value: Leading zeroes not allowed"));
        }
        if self.peek() == Some(b'.') {
            self.offset += 1;
            self.digits("Decimal point not followed by a digit")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.offset += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.offset += 1;
            }
            self.digits("Exponent indicator not followed by a digit")?;
        }
        Ok(Number::from_text(self.text.get(start..self.offset).unwrap_or_default()))
    }

    /// One digit or more.
    fn digits(&mut self, expected: &str) -> Result<(), ParseError> {
        let start = self.offset;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.offset += 1;
        }
        if self.offset > start {
            return Ok(());
        }
        if self.peek().is_none() {
            return Err(self.error("Unexpected end-of-input in a Number value"));
        }
        Err(self.error(format!("Unexpected character ({}) in numeric value: {expected}", self.describe())))
    }

    /// Reads a string; the offset is at its opening quote.
    pub fn string(&mut self, name: Name) -> Result<Characters<'t>, ParseError> {
        self.offset += 1;
        let plain = self.plain();
        if self.peek() == Some(b'"') {
            self.offset += 1;
            return Ok(Characters::Borrowed(plain));
        }
        let mut characters = plain.to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.offset += 1;
                    return Ok(Characters::Owned(characters));
                }
                Some(b'\\') => characters.push(self.escape()?),
                Some(_) => {
                    let where_found = if name == Name::Yes { "name" } else { "string value" };
                    let rule = "has to be escaped using backslash to be included in";
                    let found = self.describe();
                    return Err(self.error(format!("Illegal unquoted character ({found}): {rule} {where_found}")));
                }
                None if name == Name::Yes => return Err(self.error("Unexpected end-of-input in field name")),
                None => {
                    let expected = "was expecting closing quote for a string value";
                    return Err(self.error(format!("Unexpected end-of-input: {expected}")));
                }
            }
            characters.push_str(self.plain());
        }
    }

    /// Characters up to one that ends the string or is not itself.
    fn plain(&mut self) -> &'t str {
        let rest = self.rest();
        let len = rest.bytes().position(|b| b < 0x20 || b == b'"' || b == b'\\').unwrap_or(rest.len());
        self.offset += len;
        rest.get(..len).unwrap_or_default()
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        let start = self.offset;
        self.offset += 1;
        let simple = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(start),
            Some(_) => return Err(self.error(format!("Unrecognized character escape {}", self.describe()))),
            None => return Err(self.error("Unexpected end-of-input in character escape sequence")),
        };
        self.offset += 1;
        Ok(simple)
    }

    /// `\uXXXX`, or a pair of them for a character beyond 16 bits. Half a pair has no UTF-8 form.
    fn unicode_escape(&mut self, start: usize) -> Result<char, ParseError> {
        let first = self.four_hex_digits()?;
        if let Some(character) = char::from_u32(first) {
            return Ok(character);
        }
        let mut second = None;
        if first < 0xdc00 && self.rest().starts_with("\\u") {
            self.offset += 1;
            let low = self.four_hex_digits()?;
            if (0xdc00..0xe000).contains(&low) {
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00);
                return char::from_u32(code).ok_or_else(|| self.error("Invalid surrogate pair"));
            }
            second = Some(low);
        }
        self.offset = start;
        let second = second.map_or(String::new(), |low| format!(", second 0x{low:x}"));
        Err(self.error(format!("Incomplete surrogate pair: first char 0x{first:x}{second}")))
    }

    fn four_hex_digits(&mut self) -> Result<u32, ParseError> {
        // Behind the `u`.
        self.offset += 1;
        let mut code = 0;
        for _ in 0..4 {
            let Some(byte) = self.peek() else {
                return Err(self.error("Unexpected end-of-input in character escape sequence"));
            };
            let digit = char::from(byte).to_digit(16);
            let digit = digit.ok_or_else(|| self.unexpected("expected a hex-digit for character escape sequence"))?;
            code = code * 16 + digit;
            self.offset += 1;
        }
        Ok(code)
    }
}

/// Whether a string is the name of a member: messages differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Yes,
    No,
}

/// The characters of a string: as they stand in the text when nothing was escaped.
pub(crate) enum Characters<'t> {
    Borrowed(&'t str),
    Owned(String),
}

impl Characters<'_> {
    pub fn as_str(&self) -> &str {
        match self {
            Characters::Borrowed(text) => text,
            Characters::Owned(text) => text,
        }
    }
}

impl From<Characters<'_>> for Value {
    fn from(characters: Characters<'_>) -> Value {
        Value::from(characters.as_str())
    }
}

/// As `Character.isJavaIdentifierPart`, near enough for a message.
fn is_identifier_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}
