//! The meter of one evaluation: what the guards that [`super::guard`] plants in an expression count and refuse.
//!
//! The evaluator checks its clock at each node of an expression, but not within one function, and it has no idea
//! of memory. So each value that can be large passes a guard before it is built upon:
//!
//! - **One value** may be as large as [`Budget::memory_bytes`]. It is measured as if nothing in it were shared (a
//!   value can hold itself twice, ten times over, at no cost: what writes or compares it would pay for 2^10). Each
//!   value in it counts [`NUMBER_BYTES`], which puts the edge where AWS has it (`[1..873782]` within 6,990,256 bytes).
//! - **Texts** that are alive at one time may take [`TEXT_FACTOR`] times that. The meter holds on to each text and
//!   lets go of those that nothing else holds when it runs short.
//! - **Arrays and objects** that are made may take [`MADE_FACTOR`] times that; what was freed is not given back,
//!   since one cannot see it.
//! - **Fuel** is the work within functions that no clock interrupts: one unit is about a nanosecond. It is taken before
//!   the work, so that what goes over the budget of a shard is not begun there.

use crate::Budget;
use json::MAX_DEPTH;
use jsonata_core::value::JValue;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// What a number counts in the size of a value.
pub(super) const NUMBER_BYTES: usize = 8;
/// What an array really takes for itself and for an item; what an object takes for itself and for a member.
const ARRAY_BYTES: usize = 64;
pub(super) const ITEM_BYTES: usize = size_of::<JValue>();
const OBJECT_BYTES: usize = 128;
const MEMBER_BYTES: usize = 96;
/// What a function really takes, at least. To let go of one takes less of the stack; see [`stack_bytes`].
const FUNCTION_BYTES: usize = 512;
/// How often the bytes of one value the living texts, and all arrays and objects ever made, may take.
const TEXT_FACTOR: usize = 4;
/// With 14 a loop in a loop takes less than 64 MB on a fast machine, too (`cargo xtask bombs`); with 16 it took up to 72.
const MADE_FACTOR: usize = 14;
/// Shorter texts count as made, not as living: there is nothing to gain.
const TEXT_BYTES_HELD_MIN: usize = 64;
/// Fuel to visit one value, and to write it.
const VISIT_FUEL: u64 = 5;
const WRITE_FUEL: u64 = 150;
/// How many bytes of a text are copied for one unit of fuel.
const COPIED_BYTES_PER_FUEL: usize = 4;

/// The stack that an evaluation needs whose functions may hold one another: letting go of the last lets go of the one that
/// it holds, and so on, each within the call before. No more than these may be made, and none takes as much of the stack
/// as it counts.
pub(super) fn stack_bytes(budget: &Budget) -> usize {
    /// For the evaluation itself.
    const EVALUATION_BYTES: usize = 8 << 20;
    budget.memory_bytes.saturating_mul(MADE_FACTOR).saturating_add(EVALUATION_BYTES)
}

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
    made_bytes_left: Cell<usize>,
    fuel: Cell<u64>,
    exceeded: Cell<Option<Exceeded>>,
    texts: RefCell<Texts>,
    /// Arguments of guarded calls that are being evaluated, innermost call last.
    pending: RefCell<Vec<JValue>>,
}

/// The texts that were alive when last looked at, by their address.
#[derive(Debug, Default)]
struct Texts {
    held: HashMap<usize, Rc<str>>,
    bytes: usize,
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
    /// `fuel` is what the step has left.
    pub(super) fn new(budget: &Budget, fuel: u64) -> Meter {
        Meter {
            value_bytes: budget.memory_bytes,
            made_bytes_left: Cell::new(budget.memory_bytes.saturating_mul(MADE_FACTOR)),
            fuel: Cell::new(fuel),
            exceeded: Cell::new(None),
            texts: RefCell::default(),
            pending: RefCell::default(),
        }
    }

    pub(super) fn fuel(&self) -> u64 {
        self.fuel.get()
    }

    /// Which limit ended the evaluation, if one did.
    pub(super) fn exceeded(&self) -> Option<Exceeded> {
        self.exceeded.get()
    }

    /// The bytes that one value may take.
    pub(super) fn value_bytes(&self) -> usize {
        self.value_bytes
    }

    /// Checks the size of a value that will be made.
    pub(super) fn check_size(&self, bytes: usize) -> Result<(), Exceeded> {
        if bytes <= self.value_bytes { Ok(()) } else { self.refuse(Exceeded::Memory) }
    }

    /// Counts bytes of arrays and objects that are made.
    pub(super) fn take_made(&self, bytes: usize) -> Result<(), Exceeded> {
        match self.made_bytes_left.get().checked_sub(bytes) {
            Some(left) => {
                self.made_bytes_left.set(left);
                Ok(())
            }
            None => self.refuse(Exceeded::Memory),
        }
    }

    /// Counts an object or array of `members` that an expression writes out.
    pub(super) fn take_constructed(&self, members: usize) -> Result<(), Exceeded> {
        self.take_made(OBJECT_BYTES.saturating_add(MEMBER_BYTES.saturating_mul(members)))
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

    /// Counts a value that was just made: its own level, with `item_bytes` for each item of an array.
    pub(super) fn take_own(&self, value: &JValue, item_bytes: usize) -> Result<(), Exceeded> {
        match value {
            JValue::String(text) => {
                self.check_size(text.len())?;
                self.hold(text)
            }
            JValue::Array(items) => {
                self.check_size(NUMBER_BYTES.saturating_mul(items.len()))?;
                self.take_made(ARRAY_BYTES.saturating_add(item_bytes.saturating_mul(items.len())))
            }
            JValue::Object(members) => self.take_constructed(members.len()),
            JValue::Lambda(_) => self.take_made(FUNCTION_BYTES),
            _ => Ok(()),
        }
    }

    fn hold(&self, text: &Rc<str>) -> Result<(), Exceeded> {
        if text.len() < TEXT_BYTES_HELD_MIN {
            return self.take_made(TEXT_BYTES_HELD_MIN);
        }
        let mut texts = self.texts.borrow_mut();
        if texts.held.insert(text.as_ptr() as usize, Rc::clone(text)).is_some() {
            return Ok(());
        }
        texts.bytes += text.len();
        if texts.bytes <= self.value_bytes.saturating_mul(TEXT_FACTOR) {
            return Ok(());
        }
        self.take_fuel(texts.held.len() as u64 * VISIT_FUEL)?;
        texts.held.retain(|_, held| Rc::strong_count(held) > 1);
        texts.bytes = texts.held.values().map(|held| held.len()).sum();
        if texts.bytes <= self.value_bytes.saturating_mul(TEXT_FACTOR) { Ok(()) } else { self.refuse(Exceeded::Memory) }
    }

    /// Checks that `value` is within the limit of one value.
    pub(super) fn check_value(&self, value: &JValue) -> Result<(), Exceeded> {
        match value {
            JValue::String(text) => self.check_size(text.len()),
            JValue::Array(_) | JValue::Object(_) => self.measure(value).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// Checks the text that `value` makes, and counts the writing of it.
    pub(super) fn check_text(&self, value: &JValue, indented: bool) -> Result<(), Exceeded> {
        match value {
            JValue::Array(_) | JValue::Object(_) => {
                let size = self.measure(value)?;
                self.take_fuel(size.visited.saturating_mul(WRITE_FUEL))?;
                let indents = if indented { size.indents.saturating_mul(2) } else { 0 };
                self.check_size(size.bytes.saturating_add(indents))
            }
            other => {
                self.take_copied(other.as_str().map_or(0, str::len))?;
                self.check_value(other)
            }
        }
    }

    /// Counts the copying of so many bytes of text.
    pub(super) fn take_copied(&self, bytes: usize) -> Result<(), Exceeded> {
        self.take_fuel((bytes / COPIED_BYTES_PER_FUEL) as u64)
    }

    fn measure(&self, value: &JValue) -> Result<Size, Exceeded> {
        let mut size = Size::default();
        let is_within = self.add_items(value, 1, &mut size);
        self.take_fuel(size.visited.saturating_mul(VISIT_FUEL))?;
        if is_within { Ok(size) } else { self.refuse(Exceeded::Memory) }
    }

    /// Adds what is in `value`; `false` when that is too much or too deep, or takes too long.
    fn add_items(&self, value: &JValue, depth: usize, size: &mut Size) -> bool {
        if depth > MAX_DEPTH {
            return false;
        }
        match value {
            JValue::Array(items) => items.iter().all(|item| self.add_item(item, depth, size)),
            JValue::Object(members) => members.iter().all(|(key, member)| {
                size.bytes += key.len();
                self.add_item(member, depth, size)
            }),
            _ => true,
        }
    }

    fn add_item(&self, item: &JValue, depth: usize, size: &mut Size) -> bool {
        size.visited += 1;
        size.indents += depth;
        size.bytes += NUMBER_BYTES + item.as_str().map_or(0, str::len);
        let is_within = size.bytes <= self.value_bytes && size.visited.saturating_mul(VISIT_FUEL) <= self.fuel.get();
        is_within && self.add_items(item, depth + 1, size)
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn meter(memory_bytes: usize) -> Meter {
        Meter::new(&Budget { time: Duration::from_millis(1), memory_bytes, depth: 100, last: true }, 1_000_000)
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
    fn the_edge_is_where_aws_has_it() {
        let meter = Meter::new(
            &Budget { time: Duration::from_secs(1), memory_bytes: 6_990_256, depth: 100, last: true },
            1 << 30,
        );
        let numbers = |count| JValue::array(vec![JValue::from(1_i64); count]);
        assert_eq!(meter.check_value(&numbers(873_782)), Ok(()));
        assert_eq!(meter.check_value(&numbers(873_783)), Err(Exceeded::Memory));
    }

    #[test]
    fn what_was_made_is_a_multiple_of_one_value() {
        let meter = meter(1000);
        assert_eq!(meter.take_made(1000 * MADE_FACTOR), Ok(()));
        assert_eq!(meter.take_made(1), Err(Exceeded::Memory));
    }

    #[test]
    fn only_living_texts_count() {
        let text = || JValue::from("x".repeat(1000));
        let meter = meter(1000);
        for _ in 0..100 {
            assert_eq!(meter.take_own(&text(), ITEM_BYTES), Ok(()));
        }
        let kept: Vec<JValue> = (0..=TEXT_FACTOR).map(|_| text()).collect();
        let results: Vec<_> = kept.iter().map(|text| meter.take_own(text, ITEM_BYTES)).collect();
        assert_eq!(results.last(), Some(&Err(Exceeded::Memory)));
        assert_eq!(meter.take_own(&kept[0], ITEM_BYTES), Ok(()), "the same text counts once");
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
