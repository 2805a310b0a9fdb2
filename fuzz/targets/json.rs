//! JSON text: read as another reader reads it, and written so that it is read as the same value.
#![no_main]

use json::Value;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: fuzz::caught_panics_are_no_finding(), |text: &str| {
    let read = Value::parse(text);
    let other = serde_json::from_str::<serde_json::Value>(text);
    // The other one stops at a depth of its own.
    let is_deep = other.as_ref().is_err_and(|error| error.to_string().starts_with("recursion limit"));
    if is_deep {
        return;
    }
    assert_eq!(read.is_ok(), other.is_ok(), "{read:?} {other:?}");
    if let Ok(value) = read {
        let written = value.to_string();
        assert_eq!(Value::parse(&written).as_ref(), Ok(&value), "{written}");
    }
});
