//! The rows of COMPATIBILITY.md that are written by hand: each names what shows it, and that is there.
//!
//! A row is one of a table whose last column is `shown by`. What it names is a file or folder with tests in it, an area of
//! recorded conversations, or the recordings that `server` and `machine` stand for. That a test says what the row says is
//! for the reader to see; that there is one is checked here. Only what is missing or was never possible needs none.

use super::sources;
use crate::process;
use std::path::Path;

const COLUMN: &str = "shown by";
/// What stands for recordings, as the document begins by saying.
const RECORDINGS: &[&str] = &["server", "machine"];
/// How the state of a row begins that nothing can show.
const NOTHING_TO_SHOW: &[&str] = &["missing", "not possible"];
/// What a file has, if there are tests in it or beside it.
const MARKS: &[&str] = &["#[test]", "#[tokio::test", "mod tests;", "def test_"];

/// What is wrong with the rows.
pub fn faults(document: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut is_shown = false;
    for line in document.lines() {
        let cells = cells(line);
        let [first, .., last] = cells.as_slice() else {
            is_shown = false;
            continue;
        };
        if *last == COLUMN {
            is_shown = true;
        } else if is_shown && !last.starts_with("---") {
            let state = cells.get(1).copied().unwrap_or_default();
            faults.extend(fault(state, last, &is_there).map(|fault| format!("`{first}`: {fault}")));
        }
    }
    faults
}

/// The cells of a row; none where there is no row.
fn cells(line: &str) -> Vec<&str> {
    let row = line.strip_prefix('|').and_then(|row| row.strip_suffix('|'));
    row.map_or_else(Vec::new, |row| row.split('|').map(str::trim).collect())
}

/// `is_there` says of a path whether there are tests.
fn fault(state: &str, shown: &str, is_there: &dyn Fn(&str) -> bool) -> Option<String> {
    if shown.is_empty() {
        let is_nothing = NOTHING_TO_SHOW.iter().any(|word| state.starts_with(word));
        return (!is_nothing).then(|| "names no test".to_owned());
    }
    let names: Vec<String> = paths(shown);
    if let Some(missing) = names.iter().find(|path| !is_there(path)) {
        return Some(format!("there is no test in `{missing}`"));
    }
    let has_recordings = shown.split([' ', ',', ';']).any(|word| RECORDINGS.contains(&word));
    (names.is_empty() && !has_recordings).then(|| format!("`{shown}` is no test"))
}

/// What stands between back-ticks; a name alone that is a file is one in the folder of the file before it.
fn paths(shown: &str) -> Vec<String> {
    let mut folder = "";
    let named = shown.split('`').skip(1).step_by(2);
    named
        .map(|name| {
            if let Some((before, _)) = name.rsplit_once('/') {
                folder = before;
                name.to_owned()
            } else if name.contains('.') {
                format!("{folder}/{name}")
            } else {
                format!("conformance/cases/{name}.jsonl")
            }
        })
        .collect()
}

fn is_there(path: &str) -> bool {
    let in_root = path.starts_with("tests/") || path.starts_with("conformance/");
    let path = if in_root { path.to_owned() } else { format!("crates/{path}") };
    if !process::root().join(&path).exists() {
        return false;
    }
    // Recordings and tables of cases are read by a test.
    let is_data = Path::new(&path).extension().is_some_and(|extension| extension == "jsonl" || extension == "txt");
    is_data || sources(&path, &["__pycache__"]).is_ok_and(|text| is_tested(&text))
}

fn is_tested(text: &str) -> bool {
    MARKS.iter().any(|mark| text.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(state: &str, shown: &str, expected: Option<&str>) {
        let is_there = |path: &str| matches!(path, "a/tests/b.rs" | "a/tests/c.rs" | "conformance/cases/base.jsonl");
        assert_eq!(fault(state, shown, &is_there).as_deref(), expected, "{shown}");
    }

    #[test]
    fn a_row_names_a_test_that_is_there() {
        check("works", "`a/tests/b.rs`, `c.rs`", None);
        check("works", "areas `base`; machine", None);
        check("works", "server, machine", None);
        check("works", "", Some("names no test"));
        check("missing: not yet", "", None);
        check("works", "the reference suite", Some("`the reference suite` is no test"));
        check("works", "`a/tests/b.rs`, `d.rs`", Some("there is no test in `a/tests/d.rs`"));
        check("works", "area `bases`", Some("there is no test in `conformance/cases/bases.jsonl`"));
    }

    #[test]
    fn only_tables_with_the_column_are_looked_at() {
        let table = |heading: &str| format!("| what | {heading} |\n|---|---|\n| it | |\n\ntext\n| it | |\n");
        assert_eq!(faults(&table("why")), Vec::<String>::new());
        assert_eq!(faults(&table("shown by")), ["`it`: names no test"]);
    }
}
