//! Tags as the engine takes them.

use crate::ApiError;
use crate::model::Tag;

/// Prefix of keys that AWS keeps for itself, in any case of its letters.
const RESERVED: &str = "aws:";
const ALLOWED: &str = "Tags may only contain Unicode letters, digits, white space, or these symbols: _ . : / = + - @";

/// Keys and values; AWS takes a tag without a value as one with an empty value.
pub(crate) fn pairs(tags: Vec<Tag>) -> Result<Vec<(String, String)>, ApiError> {
    let text = |text: Option<json::Text>| text.map_or_else(String::new, |text| text.to_string());
    tags.into_iter().map(|tag| checked(text(tag.key), text(tag.value))).collect()
}

fn checked(key: String, value: String) -> Result<(String, String), ApiError> {
    if key.get(..RESERVED.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(RESERVED)) {
        return Err(ApiError::validation(format!("Tag keys that begin with '{RESERVED}' are reserved: '{key}'")));
    }
    for text in [&key, &value] {
        if !text.chars().all(is_allowed) {
            return Err(ApiError::validation(format!("{ALLOWED}. Received: '{text}'")));
        }
    }
    Ok((key, value))
}

fn is_allowed(character: char) -> bool {
    character.is_alphanumeric() || character.is_whitespace() || "_.:/=+-@".contains(character)
}
