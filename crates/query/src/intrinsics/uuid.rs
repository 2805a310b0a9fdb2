//! `States.UUID`.

use crate::Ambient;
use json::Value;

/// A version 4 UUID.
#[expect(clippy::unnecessary_wraps, reason = "all functions of the table have this signature")]
pub(super) fn uuid(_arguments: &[Value], ambient: &Ambient) -> Result<Value, String> {
    Ok(Value::from(ambient.next_uuid()))
}
