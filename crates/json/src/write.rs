//! Writes compact JSON text with Jackson's escapes.

use crate::{MAX_DEPTH, Value};

/// What one pass over a value gives.
pub(crate) struct Written {
    pub text: String,
    /// Whether arrays and objects nest deeper than [`MAX_DEPTH`].
    pub is_too_deep: bool,
}

/// The compact text of `value`.
pub(crate) fn to_text(value: &Value) -> Written {
    let mut writer = Writer::new(usize::MAX);
    writer.value(value);
    writer.written()
}

/// The compact text of `value`, if it has at most so many bytes. Little more than those is written to find out: a small
/// value may have a text of gigabytes, as its members may share theirs.
pub(crate) fn to_text_within(value: &Value, bytes_max: usize) -> Option<Written> {
    let mut writer = Writer::new(bytes_max);
    writer.value(value);
    (writer.out.len() <= bytes_max).then(|| writer.written())
}

struct Writer {
    out: String,
    /// When the text is longer, nothing is added to it any more.
    bytes_max: usize,
    depth: usize,
    deepest: usize,
}

impl Writer {
    fn new(bytes_max: usize) -> Writer {
        Writer { out: String::new(), bytes_max, depth: 0, deepest: 0 }
    }

    fn written(self) -> Written {
        Written { text: self.out, is_too_deep: self.deepest > MAX_DEPTH }
    }

    fn value(&mut self, value: &Value) {
        if self.out.len() > self.bytes_max {
            return;
        }
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(true) => self.out.push_str("true"),
            Value::Bool(false) => self.out.push_str("false"),
            Value::Number(number) => number.write(&mut self.out),
            Value::String(text) => write_string(&mut self.out, text),
            Value::Array(elements) => {
                self.open('[');
                for (position, element) in elements.iter().enumerate() {
                    if position > 0 {
                        self.out.push(',');
                    }
                    self.value(element);
                }
                self.close(']');
            }
            Value::Object(object) => {
                self.open('{');
                for (position, (key, member)) in object.iter().enumerate() {
                    if position > 0 {
                        self.out.push(',');
                    }
                    write_string(&mut self.out, key);
                    self.out.push(':');
                    self.value(member);
                }
                self.close('}');
            }
        }
    }

    fn open(&mut self, mark: char) {
        self.out.push(mark);
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
    }

    fn close(&mut self, mark: char) {
        self.out.push(mark);
        self.depth -= 1;
    }
}

/// Writes `text` at the end of `out` as a JSON string, quotes included.
pub fn write_string(out: &mut String, text: &str) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut rest = text;
    while let Some(position) = first_escaped(rest.as_bytes()) {
        let (plain, from_escaped) = rest.split_at(position);
        out.push_str(plain);
        // What is escaped is ASCII, so a character is one byte here.
        let (escaped, after) = from_escaped.split_at(1);
        write_escape(out, escaped.bytes().next().unwrap_or_default());
        rest = after;
    }
    out.push_str(rest);
    out.push('"');
}

/// Where the first byte is that is escaped. Blocks of bytes are looked at as a whole: of that compilers make vectors.
fn first_escaped(bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 32;
    let is_plain = |block: &&[u8]| !block.iter().fold(false, |found, byte| found | is_escaped(*byte));
    let plain = bytes.chunks_exact(BLOCK).take_while(is_plain).count() * BLOCK;
    let position = bytes.iter().skip(plain).position(|byte| is_escaped(*byte))?;
    Some(plain + position)
}

/// Whether Jackson escapes the byte: quotes, backslashes and control characters, and nothing else.
fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn write_escape(out: &mut String, byte: u8) {
    let short = match byte {
        b'"' => "\\\"",
        b'\\' => "\\\\",
        b'\n' => "\\n",
        b'\r' => "\\r",
        b'\t' => "\\t",
        0x08 => "\\b",
        0x0c => "\\f",
        _ => {
            // Writing into a String does not fail.
            let _ = std::fmt::Write::write_fmt(out, format_args!("\\u{byte:04X}"));
            return;
        }
    };
    out.push_str(short);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_by_jackson() {
        let cases = [
            ("", r#""""#),
            ("plain", r#""plain""#),
            ("a\"b\\c/d", r#""a\"b\\c/d""#),
            ("\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}", "\"\\b\\f\\n\\r\\t\\u0001\\u001F\u{7f}\""),
            ("grüße 🦀 \u{2028}", "\"grüße 🦀 \u{2028}\""),
        ];
        for (text, expected) in cases {
            assert_eq!(Value::from(text).to_string(), expected);
        }
    }

    #[test]
    fn what_is_escaped_is_found_wherever_it_stands() {
        for length in 0..100 {
            for position in 0..length {
                let mut text = "x".repeat(length);
                text.replace_range(position..=position, "\n");
                let expected = format!("\"{}\\n{}\"", "x".repeat(position), "x".repeat(length - position - 1));
                assert_eq!(Value::from(text).to_string(), expected);
            }
            assert_eq!(Value::from("é".repeat(length)).to_string(), format!("\"{}\"", "é".repeat(length)));
        }
    }

    #[test]
    fn depth_is_measured() {
        let nest = |depth: usize| (0..depth).fold(Value::Null, |inner, _| Value::from([inner]));
        assert!(!to_text(&nest(MAX_DEPTH)).is_too_deep);
        assert!(to_text(&nest(MAX_DEPTH + 1)).is_too_deep);
    }
}
