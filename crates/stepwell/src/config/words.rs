//! What the reader of a configuration says, in the words of who wrote it: it speaks of the types of the program.

/// Kinds of values as the reader names them, and as they are called in TOML.
const KINDS: &[(&str, &str)] = &[
    ("u16", "a whole number from 0 to 65535"),
    ("u32", "a whole number from 0 to 4294967295"),
    ("u64", "a whole number, 0 or more"),
    ("usize", "a whole number, 0 or more"),
    ("i64", "a whole number"),
    ("path string", "a path, in quotes"),
    ("a string", "a text, in quotes"),
    ("a boolean", "`true` or `false`"),
    ("a sequence", "an array, in `[` and `]`"),
    ("a map", "a table"),
];

/// How many letters of a name may be wrong, missing or in the wrong place.
const SLIPS_MAX: usize = 2;

/// The message of an error.
pub(super) fn of_reader(message: &str) -> String {
    let Some((said, expected)) = message.rsplit_once(", expected ") else { return message.to_owned() };
    if let Some(name) = said.strip_prefix("unknown field `").and_then(|rest| rest.strip_suffix('`')) {
        return unknown(name, expected).map_or_else(|| message.to_owned(), |hint| format!("{said}{hint}"));
    }
    if !said.starts_with("invalid ") {
        return message.to_owned();
    }
    let said = said.replace("type: map", "type: table").replace("type: sequence", "type: array");
    let kind = if expected.starts_with("struct ") { "a map" } else { expected };
    let words = KINDS.iter().find(|(of_program, _)| *of_program == kind).map_or(kind, |(_, words)| words);
    format!("{said}, expected {words}")
}

/// What to say of a setting that there is not.
fn unknown(name: &str, expected: &str) -> Option<String> {
    let limits = toml::Table::try_from(asl::Limits::default()).unwrap_or_default();
    if limits.contains_key(name) {
        return Some(", it is a limit: write it below `[limits]`".to_owned());
    }
    let near = nearest(name, expected.split('`').skip(1).step_by(2))?;
    Some(format!(", did you mean `{near}`?"))
}

/// The name that was meant, if there is one that differs by a slip of the pen.
pub fn nearest<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let slips = names.into_iter().map(|other| (strsim::osa_distance(name, other), other));
    let near = slips.filter(|(slips, other)| *slips <= SLIPS_MAX.min(other.len() / 2));
    near.min_by_key(|(slips, _)| *slips).map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::{nearest, of_reader};

    #[test]
    fn kinds_have_names_that_a_writer_knows() {
        let check = |said: &str, expected: &str| assert_eq!(of_reader(said), expected);
        check(
            "invalid type: string \"x\", expected u16",
            "invalid type: string \"x\", expected a whole number from 0 to 65535",
        );
        check(
            "invalid value: integer `-1`, expected usize",
            "invalid value: integer `-1`, expected a whole number, 0 or more",
        );
        check("invalid type: integer `1`, expected struct LogsConfig", "invalid type: integer `1`, expected a table");
        check(
            "invalid type: integer `1`, expected a sequence",
            "invalid type: integer `1`, expected an array, in `[` and `]`",
        );
        check("invalid string, expected `\"`", "invalid string, expected `\"`");
        check("invalid type: map, expected a string", "invalid type: table, expected a text, in quotes");
        check("unclosed table", "unclosed table");
        check("`a, expected u16` is no URL", "`a, expected u16` is no URL");
    }

    #[test]
    fn a_name_that_is_nearly_right_is_found() {
        let names = ["port", "payload_bytes_max", "history_events_max", "history_pages_max"];
        assert_eq!(nearest("prot", names), Some("port"));
        assert_eq!(nearest("history_event_max", names), Some("history_events_max"));
        assert_eq!(nearest("historyevents_max", names), Some("history_events_max"));
        for none in ["shards", "input_bytes_max", "part_of", "p"] {
            assert_eq!(nearest(none, names), None, "{none}");
        }
        let said = "unknown field `prot`, expected `port` or `shards`";
        assert_eq!(of_reader(said), "unknown field `prot`, did you mean `port`?");
        let said = "unknown field `x`, expected `port` or `shards`";
        assert_eq!(of_reader(said), said);
        let said = "unknown field `history_events_max`, expected `port` or `shards`";
        assert_eq!(of_reader(said), "unknown field `history_events_max`, it is a limit: write it below `[limits]`");
    }
}
