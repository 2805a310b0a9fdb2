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

/// How alike, from 0 to 1, two names are of which one may be a slip of the pen.
const ALIKE: f64 = 0.8;

/// The message of an error.
pub(super) fn of_reader(message: &str) -> String {
    let Some((said, expected)) = message.rsplit_once(", expected ") else { return message.to_owned() };
    if let Some(name) = said.strip_prefix("unknown field `").and_then(|rest| rest.strip_suffix('`')) {
        let names = expected.split('`').skip(1).step_by(2);
        return nearest(name, names)
            .map_or_else(|| message.to_owned(), |near| format!("{said}, did you mean `{near}`?"));
    }
    let kind = if expected.starts_with("struct ") { "a map" } else { expected };
    let words = KINDS.iter().find(|(of_program, _)| *of_program == kind).map_or(kind, |(_, words)| words);
    format!("{said}, expected {words}")
}

/// The name that was meant, if there is one that looks like it.
pub(super) fn nearest<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let alike = names.into_iter().map(|other| (strsim::jaro_winkler(name, other), other));
    alike.filter(|(alike, _)| *alike >= ALIKE).max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, name)| name)
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
        check("unclosed table", "unclosed table");
    }

    #[test]
    fn a_name_that_is_nearly_right_is_found() {
        let names = ["port", "payload_bytes_max", "history_events_max", "history_pages_max"];
        assert_eq!(nearest("prot", names), Some("port"));
        assert_eq!(nearest("history_event_max", names), Some("history_events_max"));
        assert_eq!(nearest("shards", names), None);
        let said = "unknown field `prot`, expected `port` or `shards`";
        assert_eq!(of_reader(said), "unknown field `prot`, did you mean `port`?");
        let said = "unknown field `x`, expected `port` or `shards`";
        assert_eq!(of_reader(said), said);
    }
}
