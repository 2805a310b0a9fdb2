//! The meter of one evaluation: what the guards that [`super::guard`] plants in an expression count and refuse.
//!
//! The evaluator checks its clock at each node of an expression, but not within one function, and it has no idea
//! of memory. So each value that can be large passes a guard before it is built upon:
//!
//! - **One value** may be as large as [`Budget::memory_bytes`](crate::Budget). It is measured as if nothing in it were shared (a value can hold
//!   itself twice, ten times over, at no cost: what writes or compares it would pay for 2^10), and a number counts
//!   [`NUMBER_BYTES`], which puts the edge where AWS has it (`[1..873782]` within 6,990,256 bytes).
//! - **All values** of an evaluation together may take [`TOTAL_FACTOR`] times that. What was freed is not given back.
//! - **Fuel** is the work within functions that no clock interrupts: one unit is about a nanosecond.

use crate::Budget;
use json::MAX_DEPTH;
use jsonata_core::value::JValue;
use std::cell::{Cell, RefCell};

/// What a number counts.
pub(super) const NUMBER_BYTES: usize = 8;
/// What an array or object counts by itself, and each member of an object beyond its key and value.
const CONTAINER_BYTES: usize = 16;
/// How often the bytes of one value all values together may take.
const TOTAL_FACTOR: usize = 16;
/// Fuel to visit one value.
const VISIT_FUEL: u64 = 5;

/// Why the meter ended an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exceeded {
    Time,
    Memory,
}

/// Counts one evaluation.
#[derive(Debug)]
pub(super) struct Meter {
    value_bytes: usize,
    bytes_left: Cell<usize>,
    fuel: Cell<u64>,
    exceeded: Cell<Option<Exceeded>>,
    /// Arguments of guarded calls that are being evaluated, innermost call last.
    pending: RefCell<Vec<JValue>>,
}

/// The size of a value when nothing is shared.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    bytes: usize,
    visited: u64,
    /// Sum of the depths of all values: what indentation costs.
    indents: usize,
}

impl Meter {
    pub(super) fn new(budget: &Budget) -> Meter {
        Meter {
            value_bytes: budget.memory_bytes,
            bytes_left: Cell::new(budget.memory_bytes.saturating_mul(TOTAL_FACTOR)),
            fuel: Cell::new(u64::try_from(budget.time.as_nanos()).unwrap_or(u64::MAX)),
            exceeded: Cell::new(None),
            pending: RefCell::default(),
        }
    }

    /// Which limit ended the evaluation, if one did.
    pub(super) fn exceeded(&self) -> Option<Exceeded> {
        self.exceeded.get()
    }

    /// Counts a new value of `bytes` bytes.
    pub(super) fn take_bytes(&self, bytes: usize) -> Result<(), Exceeded> {
        let left = self.bytes_left.get().checked_sub(bytes);
        match left {
            Some(left) if bytes <= self.value_bytes => {
                self.bytes_left.set(left);
                Ok(())
            }
            _ => self.refuse(Exceeded::Memory),
        }
    }

    /// Counts work within one function.
    pub(super) fn take_fuel(&self, fuel: u64) -> Result<(), Exceeded> {
        match self.fuel.get().checked_sub(fuel) {
            Some(left) => {
                self.fuel.set(left);
                Ok(())
            }
            None => self.refuse(Exceeded::Time),
        }
    }

    /// Checks that `value` is within the limit of one value, and counts what its own level takes.
    pub(super) fn check_value(&self, value: &JValue) -> Result<(), Exceeded> {
        let own = match value {
            JValue::String(text) => text.len(),
            JValue::Array(items) => NUMBER_BYTES.saturating_mul(items.len()) + CONTAINER_BYTES,
            JValue::Object(members) => 2 * CONTAINER_BYTES * (members.len() + 1),
            _ => return Ok(()),
        };
        self.measure(value)?;
        self.take_bytes(own)
    }

    /// Counts the text that `value` makes.
    pub(super) fn check_text(&self, value: &JValue, indented: bool) -> Result<(), Exceeded> {
        let bytes = match value {
            JValue::String(text) => text.len(),
            JValue::Array(_) | JValue::Object(_) => {
                let size = self.measure(value)?;
                // At most twice as long for escapes, two spaces a level.
                size.bytes.saturating_add(if indented { size.indents.saturating_mul(2) } else { 0 })
            }
            _ => return Ok(()),
        };
        self.take_bytes(bytes)
    }

    fn measure(&self, value: &JValue) -> Result<Size, Exceeded> {
        let mut size = Size::default();
        if !self.add_size(value, 0, &mut size) {
            return self.refuse(Exceeded::Memory);
        }
        self.take_fuel(size.visited.saturating_mul(VISIT_FUEL))?;
        Ok(size)
    }

    /// `false` when the value is too large or too deep.
    fn add_size(&self, value: &JValue, depth: usize, size: &mut Size) -> bool {
        size.visited += 1;
        size.indents += depth;
        size.bytes += match value {
            JValue::String(text) => text.len(),
            JValue::Number(_) => NUMBER_BYTES,
            JValue::Array(_) | JValue::Object(_) => CONTAINER_BYTES,
            _ => 4,
        };
        if size.bytes > self.value_bytes || depth > MAX_DEPTH {
            return false;
        }
        match value {
            JValue::Array(items) => items.iter().all(|item| self.add_size(item, depth + 1, size)),
            JValue::Object(members) => members.iter().all(|(key, member)| {
                size.bytes += key.len() + CONTAINER_BYTES;
                self.add_size(member, depth + 1, size)
            }),
            _ => true,
        }
    }

    pub(super) fn refuse<T>(&self, exceeded: Exceeded) -> Result<T, Exceeded> {
        self.exceeded.set(Some(exceeded));
        Err(exceeded)
    }

    /// Remembers an argument of a guarded call until its last argument is known.
    pub(super) fn push_argument(&self, value: JValue) {
        self.pending.borrow_mut().push(value);
    }

    /// The last `count` remembered arguments.
    pub(super) fn pop_arguments(&self, count: usize) -> Vec<JValue> {
        let mut pending = self.pending.borrow_mut();
        let start = pending.len().saturating_sub(count);
        pending.split_off(start)
    }

    /// The bytes that one value may take.
    pub(super) fn value_bytes(&self) -> usize {
        self.value_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn meter(memory_bytes: usize) -> Meter {
        Meter::new(&Budget { time: Duration::from_millis(1), memory_bytes, depth: 100, last: true })
    }

    #[test]
    fn shared_values_count_each_time() {
        let meter = meter(100_000);
        let mut value = JValue::string("0123456789");
        for _ in 0..40 {
            value = JValue::array(vec![value.clone(), value]);
        }
        assert_eq!(meter.check_value(&value), Err(Exceeded::Memory));
        assert_eq!(meter.exceeded(), Some(Exceeded::Memory));
    }

    #[test]
    fn depth_counts_as_memory() {
        let deep = (0..=MAX_DEPTH).fold(JValue::Null, |inner, _| JValue::array(vec![inner]));
        assert_eq!(meter(1 << 20).check_value(&deep), Err(Exceeded::Memory));
    }

    #[test]
    fn the_total_is_a_multiple_of_one_value() {
        let meter = meter(1000);
        for _ in 0..TOTAL_FACTOR {
            assert_eq!(meter.take_bytes(1000), Ok(()));
        }
        assert_eq!(meter.take_bytes(1), Err(Exceeded::Memory));
    }

    #[test]
    fn fuel_ends() {
        let meter = meter(1000);
        assert_eq!(meter.take_fuel(999_999), Ok(()));
        assert_eq!(meter.take_fuel(2), Err(Exceeded::Time));
        assert_eq!(meter.exceeded(), Some(Exceeded::Time));
    }

    #[test]
    fn arguments_nest() {
        let meter = meter(1000);
        meter.push_argument(JValue::from(1_i64));
        meter.push_argument(JValue::from(2_i64));
        assert_eq!(meter.pop_arguments(1), vec![JValue::from(2_i64)]);
        assert_eq!(meter.pop_arguments(1), vec![JValue::from(1_i64)]);
        assert_eq!(meter.pop_arguments(1), vec![]);
    }
}
