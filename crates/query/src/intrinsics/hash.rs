//! `States.Hash`.

use super::encoding::CHARACTERS_MAX;
use super::string;
use crate::Ambient;
use json::Value;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// The hash in hexadecimal digits. What is no string is hashed as JSON text.
pub(super) fn hash(arguments: &[Value], _ambient: &Ambient) -> Result<Value, String> {
    let written;
    let data = match arguments.first() {
        Some(Value::String(text)) => text,
        other => {
            written = other.unwrap_or(&Value::Null).to_string();
            written.as_str()
        }
    };
    if data.chars().count() > CHARACTERS_MAX {
        return Err(format!("Invalid arguments: the data must not have more than {CHARACTERS_MAX} characters"));
    }
    let bytes = data.as_bytes();
    let digest = match string(arguments, 1)? {
        "MD5" => Md5::digest(bytes).to_vec(),
        "SHA-1" => Sha1::digest(bytes).to_vec(),
        "SHA-256" => Sha256::digest(bytes).to_vec(),
        "SHA-384" => Sha384::digest(bytes).to_vec(),
        "SHA-512" => Sha512::digest(bytes).to_vec(),
        other => {
            let known = "MD5, SHA-1, SHA-256, SHA-384 and SHA-512";
            return Err(format!("Invalid arguments: there is no algorithm '{other}', only {known}"));
        }
    };
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    Ok(Value::from(digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect::<String>()))
}
