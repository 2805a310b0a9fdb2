//! The functions that AWS adds to JSONata, those that draw from the [`Ambient`], and the guards.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html>

use super::convert::to_engine;
use super::cost::{self, Refusal};
use super::guard;
use super::limits::{ITEM_BYTES, Meter, NUMBER_BYTES};
use crate::Ambient;
use jsonata_core::evaluator::{Evaluator, EvaluatorError, HostFnResult};
use jsonata_core::value::JValue;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::fmt::Write;
use std::rc::Rc;

/// What a function may use: the meter and the ambient of its evaluation.
pub(super) struct Host {
    pub(super) meter: Meter,
    pub(super) ambient: Ambient,
}

type Function = fn(&Host, &[JValue]) -> HostFnResult;

/// Every function, and whether it takes the place of a built-in one.
const FUNCTIONS: [(&str, bool, Function); 18] = [
    (guard::VALUE, false, check_value),
    (guard::TEXT, false, check_text),
    (guard::INSERTED, false, take_inserted),
    (guard::MADE, false, take_made),
    (guard::FUNCTION, false, take_function),
    (guard::ARGUMENT, false, remember_argument),
    (guard::LAST, false, check_call),
    (guard::CLOCK, false, millis),
    (guard::DATED, false, dated),
    ("hash", false, hash),
    ("millis", true, millis),
    ("parse", false, parse),
    ("partition", false, partition),
    ("random", true, random),
    ("range", false, range),
    ("shuffle", true, shuffle),
    ("uuid", false, uuid),
    ("zip", true, zip),
];

/// The position of a function in the table, for [`register`].
pub(super) fn index_of(name: &str) -> Option<usize> {
    FUNCTIONS.iter().position(|(known, ..)| *known == name)
}

/// The functions that AWS adds; the others are JSONata's.
pub(super) fn is_addition(name: &str) -> bool {
    FUNCTIONS.iter().any(|(known, built_in, _)| *known == name && !built_in)
}

/// Whether the function number `index` draws random numbers.
pub(super) fn draws(index: usize) -> bool {
    FUNCTIONS.get(index).is_some_and(|(name, ..)| matches!(*name, "random" | "shuffle" | "uuid"))
}

/// Makes the function number `index` known to `evaluator`.
pub(super) fn register(evaluator: &mut Evaluator, index: usize, host: &Rc<Host>) -> Result<(), EvaluatorError> {
    let Some((name, _, function)) = FUNCTIONS.get(index) else { return Ok(()) };
    let (host, function) = (Rc::clone(host), *function);
    evaluator.register_fn_override(*name, move |arguments: &[JValue]| function(&host, arguments))
}

fn argument(arguments: &[JValue], index: usize) -> &JValue {
    arguments.get(index).unwrap_or(&JValue::Undefined)
}

fn mismatch<T>(name: &str, index: usize) -> Result<T, EvaluatorError> {
    let message = format!("T0410: Argument {} of function \"{name}\" does not match function signature", index + 1);
    Err(EvaluatorError::TypeError(message))
}

fn uncoded<T>(message: impl Into<String>) -> Result<T, EvaluatorError> {
    Err(EvaluatorError::EvaluationError(message.into()))
}

/// The meter remembers which limit it was; the text is for nobody.
fn exceeded<E>(_: E) -> EvaluatorError {
    EvaluatorError::EvaluationError("limit exceeded".to_owned())
}

// The guards.

fn check_value(host: &Host, arguments: &[JValue]) -> HostFnResult {
    let value = argument(arguments, 0);
    host.meter.check_value(value).map_err(exceeded)?;
    if let JValue::Number(members) = argument(arguments, 1) {
        host.meter.take_constructed(count_of(*members)).map_err(exceeded)?;
    }
    Ok(value.clone())
}

fn take_made(host: &Host, arguments: &[JValue]) -> HostFnResult {
    let value = argument(arguments, 0);
    let item_bytes = argument(arguments, 1).as_str().map_or(ITEM_BYTES, cost::item_bytes);
    host.meter.take_own(value, item_bytes).map_err(exceeded)?;
    Ok(value.clone())
}

fn take_function(host: &Host, arguments: &[JValue]) -> HostFnResult {
    let value = argument(arguments, 0);
    if let JValue::Lambda(_) = value {
        host.meter.take_own(value, ITEM_BYTES).map_err(exceeded)?;
    }
    Ok(value.clone())
}

fn take_inserted(host: &Host, arguments: &[JValue]) -> HostFnResult {
    /// The text is copied while it grows.
    const COPIES: usize = 4;
    let value = argument(arguments, 0);
    let length = value.as_str().map_or(0, str::len);
    host.meter.take_made(length.saturating_mul(COPIES)).map_err(exceeded)?;
    Ok(value.clone())
}

/// A count that `guard` wrote.
fn count_of(number: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let count = number as usize;
    count
}

fn check_text(host: &Host, arguments: &[JValue]) -> HostFnResult {
    let value = argument(arguments, 0);
    host.meter.check_text(value, false).map_err(exceeded)?;
    Ok(value.clone())
}

#[expect(clippy::unnecessary_wraps, reason = "all functions of the table have one signature")]
fn remember_argument(host: &Host, arguments: &[JValue]) -> HostFnResult {
    let value = argument(arguments, 0);
    host.meter.push_argument(value.clone());
    Ok(value.clone())
}

fn check_call(host: &Host, arguments: &[JValue]) -> HostFnResult {
    let [value, JValue::String(name), JValue::Number(count)] = arguments else {
        return Ok(argument(arguments, 0).clone());
    };
    let mut all = host.meter.pop_arguments(count_of(*count).saturating_sub(1));
    all.push(value.clone());
    match cost::check(&host.meter, name, &all) {
        Ok(()) => Ok(value.clone()),
        Err(Refusal::Exceeded) => Err(exceeded(())),
        Err(Refusal::Picture) => Err(EvaluatorError::EvaluationError(
            "D3132: Unknown component specifier in date/time picture string".to_owned(),
        )),
    }
}

fn take_walk_fuel(host: &Host, name: &str, arguments: &[JValue]) -> Result<(), EvaluatorError> {
    cost::take_walk_fuel(&host.meter, name, argument(arguments, 0)).map_err(exceeded)
}

// From the ambient.

#[expect(clippy::unnecessary_wraps, reason = "all functions of the table have one signature")]
fn millis(host: &Host, _: &[JValue]) -> HostFnResult {
    Ok(JValue::from(host.ambient.now_ms))
}

fn dated(host: &Host, arguments: &[JValue]) -> HostFnResult {
    let [JValue::String(text), JValue::String(components)] = arguments else {
        return Ok(argument(arguments, 0).clone());
    };
    let Ok(now) = jiff::Timestamp::from_millisecond(host.ambient.now_ms) else { return uncoded("time out of range") };
    let format = components.replace("[Y0001]", "%Y").replace("[M01]", "%m").replace("[D01]", "%d");
    Ok(JValue::from(format!("{}{text}", now.strftime(&format))))
}

/// `$random()`, or `$random(seed)`: the same number for the same seed.
fn random(host: &Host, arguments: &[JValue]) -> HostFnResult {
    match argument(arguments, 0) {
        JValue::Undefined => Ok(JValue::Number(host.ambient.next_f64())),
        JValue::Number(seed) => Ok(JValue::Number(Ambient::new(0, seed.to_bits(), host.ambient.budget).next_f64())),
        _ => mismatch("random", 0),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "all functions of the table have one signature")]
fn uuid(host: &Host, _: &[JValue]) -> HostFnResult {
    Ok(JValue::from(host.ambient.next_uuid()))
}

/// `$shuffle(array)` by Fisher and Yates.
fn shuffle(host: &Host, arguments: &[JValue]) -> HostFnResult {
    take_walk_fuel(host, "shuffle", arguments)?;
    let mut items = match argument(arguments, 0) {
        JValue::Undefined => return Ok(JValue::Undefined),
        JValue::Array(items) => items.to_vec(),
        other => vec![other.clone()],
    };
    for end in (1..items.len()).rev() {
        #[expect(clippy::cast_possible_truncation, reason = "at most `end`, which is an index")]
        let other = (host.ambient.next_u64() % (end as u64 + 1)) as usize;
        items.swap(end, other);
    }
    Ok(JValue::array(items))
}

/// `$zip(array, …)`: JSONata's, but it counts.
fn zip(host: &Host, arguments: &[JValue]) -> HostFnResult {
    /// Fuel for a tuple.
    const TUPLE_FUEL: u64 = 250;
    let item = |argument: &JValue, index: usize| match argument {
        JValue::Array(items) => items.get(index).cloned(),
        JValue::Undefined => None,
        other => (index == 0).then(|| other.clone()),
    };
    let length = |argument: &JValue| if let JValue::Array(items) = argument { items.len() } else { 1 };
    let count = arguments.iter().map(length).min().unwrap_or(0);
    host.meter.take_fuel((count as u64).saturating_mul(TUPLE_FUEL)).map_err(exceeded)?;
    let bytes = count.saturating_mul(arguments.len()).saturating_mul(NUMBER_BYTES);
    host.meter.check_size(bytes).map_err(exceeded)?;
    let mut tuples = Vec::new();
    while let (false, Some(tuple)) =
        (arguments.is_empty(), arguments.iter().map(|argument| item(argument, tuples.len())).collect())
    {
        tuples.push(JValue::array(tuple));
    }
    let tuples = JValue::array(tuples);
    host.meter.take_own(&tuples, cost::item_bytes("zip")).map_err(exceeded)?;
    host.meter.check_value(&tuples).map_err(exceeded)?;
    Ok(tuples)
}

// AWS's additions.

/// `$partition([1,2,3], 2)` is `[[1,2],[3]]`.
fn partition(host: &Host, arguments: &[JValue]) -> HostFnResult {
    take_walk_fuel(host, "partition", arguments)?;
    let items = match argument(arguments, 0) {
        JValue::Undefined => return Ok(JValue::Undefined),
        JValue::Array(items) => items,
        _ => return mismatch("partition", 0),
    };
    let size = match argument(arguments, 1) {
        JValue::Number(size) if *size >= 1.0 => {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least one, saturates")]
            let size = *size as usize;
            size
        }
        _ => return mismatch("partition", 1),
    };
    host.meter.take_made(items.len().saturating_mul(2 * ITEM_BYTES)).map_err(exceeded)?;
    Ok(JValue::array(items.chunks(size).map(|chunk| JValue::array(chunk.to_vec())).collect()))
}

/// `$range(0, 10, 5)` is `[0,5,10]`.
fn range(host: &Host, arguments: &[JValue]) -> HostFnResult {
    /// Fuel for a number.
    const NUMBER_FUEL: u64 = 15;
    let mut numbers = [0.0; 3];
    for (index, number) in numbers.iter_mut().enumerate() {
        *number = match argument(arguments, index) {
            JValue::Undefined => return Ok(JValue::Undefined),
            JValue::Number(value) if value.is_finite() => *value,
            _ => return mismatch("range", index),
        };
    }
    let [start, end, step] = numbers;
    if step == 0.0 {
        return mismatch("range", 2);
    }
    let steps = ((end - start) / step).floor();
    if steps < 0.0 {
        return Ok(JValue::array(Vec::new()));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, saturates")]
    let count = (steps as usize).saturating_add(1);
    // AWS gives a sequence, and a sequence of one is that one.
    if count == 1 {
        return Ok(JValue::Number(start));
    }
    host.meter.check_size(count.saturating_mul(NUMBER_BYTES)).map_err(exceeded)?;
    host.meter.take_made(count.saturating_mul(ITEM_BYTES)).map_err(exceeded)?;
    host.meter.take_fuel((count as u64).saturating_mul(NUMBER_FUEL)).map_err(exceeded)?;
    #[expect(clippy::cast_precision_loss, reason = "as many items fit in memory")]
    let number = |index: usize| JValue::Number(step.mul_add(index as f64, start));
    Ok(JValue::array((0..count).map(number).collect()))
}

/// `$hash(data, algorithm)` in lower-case hexadecimal digits.
fn hash(host: &Host, arguments: &[JValue]) -> HostFnResult {
    take_walk_fuel(host, "hash", arguments)?;
    let data = match argument(arguments, 0) {
        JValue::Undefined => return Ok(JValue::Undefined),
        JValue::String(data) => data.as_bytes(),
        _ => return mismatch("hash", 0),
    };
    let JValue::String(algorithm) = argument(arguments, 1) else { return mismatch("hash", 1) };
    let digest: Vec<u8> = match &**algorithm {
        "MD5" => Md5::digest(data).to_vec(),
        "SHA-1" => Sha1::digest(data).to_vec(),
        "SHA-256" => Sha256::digest(data).to_vec(),
        "SHA-384" => Sha384::digest(data).to_vec(),
        "SHA-512" => Sha512::digest(data).to_vec(),
        other => {
            return uncoded(format!(
                "The hash algorithm must be one of MD5, SHA-1, SHA-256, SHA-384, SHA-512, but was {other}"
            ));
        }
    };
    let mut text = String::with_capacity(2 * digest.len());
    for byte in digest {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(JValue::from(text))
}

/// `$parse(text)`: the JSON value that the text holds.
fn parse(host: &Host, arguments: &[JValue]) -> HostFnResult {
    take_walk_fuel(host, "parse", arguments)?;
    let text = match argument(arguments, 0) {
        JValue::Undefined => return Ok(JValue::Undefined),
        JValue::String(text) => text,
        _ => return mismatch("parse", 0),
    };
    host.meter.check_size(text.len()).map_err(exceeded)?;
    host.meter.take_made(text.len().saturating_mul(ITEM_BYTES)).map_err(exceeded)?;
    match json::Value::parse(text) {
        Ok(value) => Ok(to_engine(&value)),
        Err(error) => uncoded(error.message),
    }
}
