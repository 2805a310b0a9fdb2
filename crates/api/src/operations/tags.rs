//! Tags as the engine takes them.

use crate::model::Tag;

/// Keys and values; AWS takes a tag without a value as one with an empty value.
pub(crate) fn pairs(tags: Vec<Tag>) -> Vec<(String, String)> {
    let text = |text: Option<json::Text>| text.map_or_else(String::new, |text| text.to_string());
    tags.into_iter().map(|tag| (text(tag.key), text(tag.value))).collect()
}
