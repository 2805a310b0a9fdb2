//! [`Number`]: kept exactly as it was written.

/// A JSON number. Integers and decimals are kept exactly; arithmetic is `f64` as in AWS.
#[derive(Clone, Debug, PartialEq)]
pub struct Number(()); // representation is private: i64 | f64 | exact text (Arc<str>) when neither holds it
impl Number {
    pub fn as_i64(&self) -> Option<i64> { todo!() }
    pub fn as_f64(&self) -> f64 { todo!() }
    /// Whether it was written without fraction and exponent.
    pub fn is_integer(&self) -> bool { todo!() }
}
// From<i64>, From<u64>, TryFrom<f64>-like `from_f64(f64) -> Option<Number>` (None for NaN and infinities), Display
