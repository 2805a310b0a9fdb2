//! [`Number`]: kept exactly as it was written.

use std::fmt;
use std::sync::Arc;

/// A JSON number. Integers and decimals are kept exactly; arithmetic is `f64` as in AWS.
///
/// Equal as Jackson's nodes are: `1.5` is `1.50`, but the integer `1` is not the decimal `1.0`.
#[derive(Clone, Debug)]
pub struct Number(Repr);

#[derive(Clone, Debug)]
enum Repr {
    Integer(i64),
    /// Finite, and [`decimal_text`] gives back what was written.
    Decimal(f64),
    /// Whatever neither of them holds, for example `1e5`, `2.50` or integers beyond 64 bits.
    Exact(Arc<Exact>),
}

#[derive(Debug)]
struct Exact {
    nearest: f64,
    text: Box<str>,
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        match (&self.0, &other.0) {
            (Repr::Integer(a), Repr::Integer(b)) => a == b,
            (Repr::Exact(a), Repr::Exact(b)) if a.text == b.text => true,
            _ => !self.is_integer() && !other.is_integer() && self.as_f64().to_bits() == other.as_f64().to_bits(),
        }
    }
}

impl Number {
    /// The number as an integer, if it was written as one and fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self.0 {
            Repr::Integer(value) => Some(value),
            Repr::Decimal(_) | Repr::Exact(_) => None,
        }
    }

    /// The same for the integers from zero up to 2⁶⁴.
    pub fn as_u64(&self) -> Option<u64> {
        match &self.0 {
            Repr::Integer(value) => u64::try_from(*value).ok(),
            Repr::Decimal(_) => None,
            Repr::Exact(exact) => exact.text.parse().ok(),
        }
    }

    /// The nearest double; infinite if what was written is larger than any.
    pub fn as_f64(&self) -> f64 {
        match &self.0 {
            #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
            Repr::Integer(value) => *value as f64,
            Repr::Decimal(value) => *value,
            Repr::Exact(exact) => exact.nearest,
        }
    }

    /// Whether it was written without fraction and exponent.
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Integer(_) => true,
            Repr::Decimal(_) => false,
            Repr::Exact(exact) => !exact.text.contains(['.', 'e', 'E']),
        }
    }

    /// The decimal number, printed as Java prints a double (`1.0`, `0.25`, `1.0E10`). `None` for NaN and infinities.
    pub fn from_f64(value: f64) -> Option<Number> {
        value.is_finite().then_some(Number(Repr::Decimal(value)))
    }

    /// The number of a text that follows JSON's grammar of numbers.
    pub(crate) fn from_text(text: &str) -> Number {
        let is_integer = !text.contains(['.', 'e', 'E']);
        if is_integer && let Ok(value) = text.parse() {
            return Number(Repr::Integer(value));
        }
        let nearest = text.parse().unwrap_or(f64::NAN);
        let is_printed_so = || is_plain_decimal(text) || nearest.is_finite() && decimal_text(nearest).as_str() == text;
        if !is_integer && is_printed_so() {
            return Number(Repr::Decimal(nearest));
        }
        Number(Repr::Exact(Arc::new(Exact { nearest, text: text.into() })))
    }

    /// Writes the text at the end of `out`.
    pub(crate) fn write(&self, out: &mut String) {
        match &self.0 {
            Repr::Integer(value) => {
                // Writing into a String does not fail.
                let _ = fmt::Write::write_fmt(out, format_args!("{value}"));
            }
            Repr::Decimal(value) => out.push_str(decimal_text(*value).as_str()),
            Repr::Exact(exact) => out.push_str(&exact.text),
        }
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Number {
        Number(Repr::Integer(value))
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Number {
        i64::try_from(value).map_or_else(|_| Number::from_text(&value.to_string()), Number::from)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text);
        f.write_str(&text)
    }
}

/// Whether the text is what [`decimal_text`] prints, seen without printing: a decimal of at most 15 digits comes back
/// from its nearest double.
fn is_plain_decimal(text: &str) -> bool {
    let Some((whole, fraction)) = text.strip_prefix('-').unwrap_or(text).split_once('.') else {
        return false;
    };
    let is_short = whole.len() <= 7 && fraction.len() <= 8 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let is_large = whole != "0" || fraction.bytes().take(3).any(|byte| byte != b'0');
    is_short && is_large && (fraction == "0" || !fraction.ends_with('0'))
}

/// Text on the stack, long enough for every finite double.
struct DecimalText {
    bytes: [u8; 40],
    len: usize,
}

impl DecimalText {
    fn as_str(&self) -> &str {
        self.bytes.get(..self.len).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    fn push(&mut self, text: &[u8]) {
        let end = self.len + text.len();
        if let Some(free) = self.bytes.get_mut(self.len..end) {
            free.copy_from_slice(text);
            self.len = end;
        }
    }

    fn push_zeros(&mut self, count: usize) {
        for _ in 0..count {
            self.push(b"0");
        }
    }
}

impl fmt::Write for DecimalText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

/// The shortest digits that give the double back, laid out as Java's `Double.toString` does: plain from
/// 10⁻³ up to 10⁷, else with an exponent, and always with a digit on both sides of the point.
fn decimal_text(value: f64) -> DecimalText {
    use fmt::Write as _;
    let empty = || DecimalText { bytes: [0; 40], len: 0 };
    let mut scientific = empty();
    // Writing onto the stack does not fail, and 40 bytes are more than the longest text takes.
    let _ = write!(scientific, "{value:e}");
    let text = scientific.as_str();
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (first, rest) = mantissa.split_once('.').unwrap_or((mantissa, ""));

    let mut out = empty();
    out.push(sign.as_bytes());
    match exponent {
        0..=6 => {
            let whole = usize::try_from(exponent).unwrap_or(0);
            let (before, after) = rest.split_at(whole.min(rest.len()));
            out.push(first.as_bytes());
            out.push(before.as_bytes());
            out.push_zeros(whole - before.len());
            out.push(b".");
            out.push(if after.is_empty() { b"0" } else { after.as_bytes() });
        }
        -3..=-1 => {
            out.push(b"0.");
            out.push_zeros(usize::try_from(-exponent - 1).unwrap_or(0));
            out.push(first.as_bytes());
            out.push(rest.as_bytes());
        }
        _ => {
            out.push(first.as_bytes());
            out.push(b".");
            out.push(if rest.is_empty() { b"0" } else { rest.as_bytes() });
            let _ = write!(out, "E{exponent}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_print_as_in_java() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (1.5, "1.5"),
            (-12.25, "-12.25"),
            (100.0, "100.0"),
            (0.1, "0.1"),
            (0.001, "0.001"),
            (0.00123, "0.00123"),
            (0.0001, "1.0E-4"),
            (9_999_999.5, "9999999.5"),
            (1e7, "1.0E7"),
            (1.25e10, "1.25E10"),
            (1e-10, "1.0E-10"),
            (f64::MAX, "1.7976931348623157E308"),
            (f64::MIN_POSITIVE, "2.2250738585072014E-308"),
            (5e-324, "5.0E-324"),
            (1234.0, "1234.0"),
        ];
        for (value, text) in cases {
            assert_eq!(Number::from_f64(value).unwrap().to_string(), text);
        }
        assert_eq!(Number::from_f64(f64::NAN), None);
        assert_eq!(Number::from_f64(f64::INFINITY), None);
    }

    #[test]
    fn numbers_come_back_as_they_were_written() {
        for text in [
            "0",
            "-1",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775809",
            "1.0",
            "1.50",
            "1e5",
            "1E+5",
            "1.0E10",
            "0.1",
            "-0.0",
            "123456789012345678901234567890.5",
            "1e999",
        ] {
            assert_eq!(Number::from_text(text).to_string(), text);
        }
    }

    #[test]
    fn plain_decimals_are_what_is_printed() {
        for text in [
            "1.0",
            "-12.5",
            "0.001",
            "0.125",
            "9999999.12345678",
            "0.0",
            "0.0001",
            "0.10",
            "1.5e3",
            "10000000.0",
            "0.00",
            "-0.0",
        ] {
            let printed = decimal_text(text.parse().unwrap());
            assert!(!is_plain_decimal(text) || printed.as_str() == text, "{text}");
        }
        assert!(is_plain_decimal("1.0") && is_plain_decimal("-12.5") && is_plain_decimal("0.001"));
        assert!(!is_plain_decimal("0.0001") && !is_plain_decimal("0.10") && !is_plain_decimal("1.5e3"));
    }

    #[test]
    fn integers_and_decimals_are_told_apart() {
        assert_eq!(Number::from_text("42").as_i64(), Some(42));
        assert_eq!(Number::from_text("42.0").as_i64(), None);
        assert!(Number::from_text("9223372036854775808").is_integer());
        assert!(!Number::from_text("1e2").is_integer());
        assert_ne!(Number::from_text("1"), Number::from_text("1.0"));
        assert_eq!(Number::from_text("1.5"), Number::from_text("15e-1"));
        assert_eq!(Number::from_text("-0").to_string(), "0");
        assert_eq!(Number::from(u64::MAX).to_string(), "18446744073709551615");
        assert!(Number::from_text("1e999").as_f64().is_infinite());
    }
}
