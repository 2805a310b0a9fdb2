//! `States.Base64Encode`, `States.Base64Decode`.

use super::string;
use crate::Ambient;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use json::Value;

/// How many characters may be encoded, decoded or hashed.
pub(super) const CHARACTERS_MAX: usize = 10_000;

pub(super) fn encode(arguments: &[Value], _ambient: &Ambient) -> Result<Value, String> {
    Ok(Value::from(STANDARD.encode(limited(arguments)?)))
}

/// What is decoded is read as UTF-8; bytes that are not become `U+FFFD`, as in Java.
pub(super) fn decode(arguments: &[Value], _ambient: &Ambient) -> Result<Value, String> {
    let bytes = STANDARD.decode(limited(arguments)?).map_err(|_| "Invalid arguments: not a Base64 text".to_owned())?;
    Ok(Value::from(String::from_utf8_lossy(&bytes).as_ref()))
}

fn limited(arguments: &[Value]) -> Result<&str, String> {
    let text = string(arguments, 0)?;
    if text.chars().count() > CHARACTERS_MAX {
        return Err(format!("Invalid arguments: the string must not have more than {CHARACTERS_MAX} characters"));
    }
    Ok(text)
}
