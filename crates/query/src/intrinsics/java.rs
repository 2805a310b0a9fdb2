//! How Java rounds, draws and prints, where results show it.

use json::Value;

/// `Math.round`: to the nearest integer, halves up, and to the nearest `long` beyond.
pub(super) fn round(number: f64) -> i64 {
    let below = number.floor();
    let rounded = if number - below >= 0.5 { below + 1.0 } else { below };
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a double saturates, as in Java")]
    let integer = rounded as i64;
    integer
}

/// `String.valueOf` of what Java holds for the value: maps are `{a=1, b=[x, y]}`.
pub(super) fn to_string(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => out.push_str(text),
        Value::Array(elements) => {
            out.push('[');
            for (position, element) in elements.iter().enumerate() {
                out.push_str(if position > 0 { ", " } else { "" });
                to_string(element, out);
            }
            out.push(']');
        }
        Value::Object(object) => {
            out.push('{');
            for (position, (key, member)) in object.iter().enumerate() {
                out.push_str(if position > 0 { ", " } else { "" });
                out.push_str(key);
                out.push('=');
                to_string(member, out);
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

/// `java.util.Random`: the linear congruential generator that its documentation fixes.
pub(super) struct Random {
    state: u64,
}

const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const MASK: u64 = (1 << 48) - 1;

impl Random {
    pub fn new(seed: i64) -> Random {
        Random { state: (seed.cast_unsigned() ^ MULTIPLIER) & MASK }
    }

    /// The next `bits` (at most 32), as a signed `int`.
    fn next(&mut self, bits: u32) -> i32 {
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(0xB) & MASK;
        #[expect(clippy::cast_possible_truncation, reason = "Java casts the 48 bits to an int")]
        let next = (self.state >> (48 - bits)) as u32;
        next.cast_signed()
    }

    /// Uniform in `0..bound`: `nextInt(bound)`, and beyond 31 bits the same from `nextLong`.
    pub fn below(&mut self, bound: u64) -> u64 {
        let Some(bound) = i32::try_from(bound).ok().filter(|bound| *bound > 0) else {
            let (high, low) = (i64::from(self.next(32)), i64::from(self.next(32)));
            return (high << 32).wrapping_add(low).cast_unsigned() % bound.max(1);
        };
        if bound & (bound - 1) == 0 {
            return ((i64::from(bound) * i64::from(self.next(31))) >> 31).cast_unsigned();
        }
        loop {
            let bits = self.next(31);
            let value = bits % bound;
            // Java tries again where the last, incomplete run of values would favour small ones.
            if bits.wrapping_sub(value).wrapping_add(bound - 1) >= 0 {
                return i64::from(value).cast_unsigned();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_are_those_of_java() {
        // The first draws of `new Random(42)`.
        let mut random = Random::new(42);
        assert_eq!([random.next(32), random.next(32), random.next(32)], [-1_170_105_035, 234_785_527, -1_360_544_799]);
        let mut random = Random::new(42);
        assert_eq!([random.below(10), random.below(10), random.below(10)], [0, 3, 8]);
        assert_eq!(Random::new(0).next(32), -1_155_484_576);
    }

    #[test]
    fn halves_are_rounded_up() {
        for (number, rounded) in
            [(0.5, 1), (-0.5, 0), (1.49, 1), (-1.5, -1), (-1.51, -2), (2.5, 3), (0.499_999_999_999_999_94, 0)]
        {
            assert_eq!(round(number), rounded, "{number}");
        }
        assert_eq!(round(1e300), i64::MAX);
    }
}
