//! Where a key stands in a TOML text.

use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// The line (from 1) of a key such as `limits.history_events_max` or `function.0.command`. Where it ends too early,
/// the last place that exists is given.
pub(super) fn line_of(text: &str, key: &str) -> usize {
    let at = DeTable::parse(text).ok().and_then(|table| place_of(table.get_ref(), key)).map_or(0, |place| place.start);
    line_at(text, at)
}

/// The line (from 1) of a byte.
pub(super) fn line_at(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

fn place_of(table: &DeTable<'_>, key: &str) -> Option<Range<usize>> {
    let (name, rest) = key.split_once('.').unwrap_or((key, ""));
    let (found, value) = table.iter().find(|(found, _)| found.get_ref() == name)?;
    Some(place_in(value.get_ref(), rest).unwrap_or_else(|| found.span()))
}

fn place_in(value: &DeValue<'_>, key: &str) -> Option<Range<usize>> {
    match value {
        DeValue::Table(table) => place_of(table, key),
        DeValue::Array(values) => {
            let (index, rest) = key.split_once('.').unwrap_or((key, ""));
            let value = values.get(index.parse::<usize>().ok()?)?;
            Some(place_in(value.get_ref(), rest).unwrap_or_else(|| value.span()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::line_of;

    #[test]
    fn keys_have_lines() {
        let text = "port = 1\n\n[limits]\na = 1\nb = 2\n\n[[function]]\nname = 'f'\n\n[[function]]\nname = 'g'\ncommand = []\n";
        let check = |key: &str, line: usize| assert_eq!(line_of(text, key), line, "{key}");
        check("port", 1);
        check("limits", 3);
        check("limits.b", 5);
        check("function.0.name", 8);
        check("function.1.command", 12);
        check("function.1.working_directory", 10);
        check("region", 1);
    }
}
