//! `cargo xtask compatibility`: writes the tables of COMPATIBILITY.md that follow from the code and its tests.
//!
//! A table stands between `<!-- NAME: cargo xtask compatibility -->` and `<!-- end of NAME -->`. What there is, is read
//! from the tables in the source text; what shows it, from the recorded cases and the text of the tests (`evidence.rs`).
//! `--check` says whether the tables are up to date. Rows that are written by hand have to name a test that is there
//! (`rows.rs`), and every limit stands in one.

mod evidence;
mod rows;

use crate::{Result, process};
use evidence::Evidence;
use std::fmt::Write as _;

const DOCUMENT: &str = "COMPATIBILITY.md";

/// One table: its name in the document, and what makes it.
struct Table {
    name: &'static str,
    make: fn(&Evidence) -> Result<String>,
}

const TABLES: &[Table] = &[
    Table { name: "areas", make: areas },
    Table { name: "operations", make: operations },
    Table { name: "intrinsic functions", make: intrinsic_functions },
    Table { name: "history events", make: history_events },
    Table { name: "integrations", make: integrations },
    Table { name: "limits", make: limits },
];

pub fn run(arguments: &[String]) -> Result {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let evidence = Evidence::read()?;
    let document = read(DOCUMENT)?;
    let mut current = document.clone();
    for table in TABLES {
        current = replace(&current, table.name, &(table.make)(&evidence)?)?;
    }
    let faults = rows::faults(&current);
    if !faults.is_empty() {
        return Err(format!("rows of {DOCUMENT} without a test:\n{}", faults.join("\n")).into());
    }
    match arguments.as_slice() {
        [] => Ok(std::fs::write(process::root().join(DOCUMENT), current)?),
        ["--check"] if current == document => Ok(()),
        ["--check"] => Err(format!("{DOCUMENT} is out of date, run `cargo xtask compatibility`").into()),
        _ => Err("usage: cargo xtask compatibility [--check]".into()),
    }
}

fn replace(document: &str, name: &str, table: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- {name}: cargo xtask compatibility -->\n"), format!("<!-- end of {name} -->"));
    let missing = || format!("{DOCUMENT} has no place for the table `{name}`");
    let (before, rest) = document.split_once(&begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&end).ok_or_else(missing)?;
    Ok(format!("{before}{begin}{table}{end}{after}"))
}

fn areas(evidence: &Evidence) -> Result<String> {
    let mut table = heading(&["area", "recorded", "replayed against the server", "of these with known differences"]);
    for area in evidence.areas() {
        writeln!(table, "| {} | {} | {} | {} |", area.name, area.recorded, area.replayed, area.differing)?;
    }
    Ok(table)
}

fn operations(evidence: &Evidence) -> Result<String> {
    let model = read("crates/api/src/model/mod.rs")?;
    let routes = read("crates/api/src/operation.rs")?;
    let mut table = heading(&["operation", "state", "shown by"]);
    for name in between(&model, "OPERATIONS: &[&str] = &[", "];")?.lines().filter_map(quoted) {
        if !routes.contains(&format!("route::<of::{name}>()")) {
            writeln!(table, "| {name} | missing | |")?;
            continue;
        }
        let called = |folder| evidence.in_tests(folder, |text| text.contains(&format!("\"{name}\"")));
        let method = snake(name);
        let by_client = |text: &str| names(text).any(|name| name == method);
        let shown = [
            evidence.of_server_calls(name),
            called("api/tests"),
            called("stepwell/tests"),
            evidence.in_tests("tests/sdk", by_client),
        ];
        writeln!(table, "| {name} | {} |", works(shown))?;
    }
    Ok(table)
}

fn intrinsic_functions(evidence: &Evidence) -> Result<String> {
    let source = read("crates/query/src/intrinsics/mod.rs")?;
    let mut table = heading(&["function", "arguments", "state", "shown by"]);
    for row in between(&source, "const FUNCTIONS: &[Function] = &[", "];")?.lines().filter(|row| row.contains("name:"))
    {
        let name = quoted(row).ok_or("a function without a name")?;
        let arity = between(row, "arity: ", ",")?;
        let arguments = match arity.split_once("..=") {
            Some((least, "ANY")) => format!("{least} or more"),
            Some((least, most)) if least == most => least.to_owned(),
            Some((least, most)) => format!("{least} to {most}"),
            None => arity.to_owned(),
        };
        let call = format!("{name}(");
        let shown = [
            evidence.of_server(&call),
            evidence.of_machine(&call),
            evidence.in_tests("query/src/intrinsics/tests.rs", |text| text.contains(&call)),
        ];
        writeln!(table, "| {name} | {arguments} | {} |", works(shown))?;
    }
    Ok(table)
}

/// An event is produced if the code of `machine` names it outside of the list of all types.
fn history_events(evidence: &Evidence) -> Result<String> {
    let source = read("crates/machine/src/history.rs")?;
    let code = sources("crates/machine/src", &[])?;
    let mut table = heading(&["event", "state", "shown by"]);
    let names = between(&source, "event_types! {\n", "\n}")?.split([',', '\n']).map(str::trim);
    for name in names.filter(|name| !name.is_empty()) {
        if !words(&code).any(|word| word.strip_prefix("EventType::") == Some(name)) {
            writeln!(table, "| {name} | missing | |")?;
            continue;
        }
        // The name alone, `EventType::Name`, or `3<2:Name` in the outline of a history.
        let is_it = |word: &str| word.rsplit(':').next() == Some(name);
        let shown = [
            evidence.of_machine(&format!("\"{name}\"")),
            evidence.in_tests("machine/tests", |text| words(text).any(is_it)),
        ];
        writeln!(table, "| {name} | {} |", works(shown))?;
    }
    Ok(table)
}

fn integrations(evidence: &Evidence) -> Result<String> {
    let source = read("crates/integrations/src/lib.rs")?;
    let mut table = heading(&["`Resource`", "state", "shown by"]);
    let rows = between(&source, "const INTEGRATIONS: &[Integration] = &[", "];")?;
    for row in rows.lines().filter(|row| row.contains("service:")) {
        let (service, action) = (between(row, "service: \"", "\"")?, between(row, "action: \"", "\"")?);
        let (resource, recorded, called) = if service.is_empty() {
            ("the ARN of a function".to_owned(), "LambdaFunctionScheduled".to_owned(), ":function:".to_owned())
        } else {
            let called = format!(":states:::{service}:{}", action.trim_end_matches('*'));
            (format!("`arn:aws:states:::{service}:{action}`"), called.clone(), called)
        };
        let shown = [
            evidence.of_server(&recorded),
            evidence.of_machine(&recorded),
            evidence.in_tests("integrations/tests", |text| text.contains(&called)),
        ];
        writeln!(table, "| {resource} | {} |", works(shown))?;
    }
    Ok(table)
}

/// The tests of a limit are those that set it or look at its default.
fn limits(evidence: &Evidence) -> Result<String> {
    let source = read("crates/asl/src/limits.rs")?;
    let defaults = between(&source, "Limits {\n            ", "        }\n")?;
    let mut table = heading(&["setting", "default", "meaning", "shown by"]);
    let mut documentation = String::new();
    for line in between(&source, "pub struct Limits {\n", "\n}")?.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            documentation += text;
        } else if let Some((name, _)) = line.strip_prefix("pub ").and_then(|field| field.split_once(':')) {
            let default = number(between(defaults, &format!("{name}: "), ",")?)?;
            let meaning = first_sentence(&documentation);
            let shown = evidence.tests_with(|text| sets(text, name)).join(", ");
            writeln!(table, "| `{name}` | {default} | {meaning} | {shown} |")?;
            documentation.clear();
        }
    }
    Ok(table)
}

/// Whether a limit is named: as it is, or after the `\\n` before it in a text.
fn sets(text: &str, limit: &str) -> bool {
    names(text).any(|word| word == limit || word.strip_prefix('n') == Some(limit))
}

/// The value of `1_000` or `8 << 20`.
fn number(text: &str) -> Result<u64> {
    let digits = |text: &str| text.trim().replace('_', "").parse::<u64>();
    match text.split_once("<<") {
        Some((number, bits)) => Ok(digits(number)? << digits(bits)?),
        None => Ok(digits(text)?),
    }
}

fn first_sentence(text: &str) -> &str {
    let text = text.trim();
    text.split_once(". ").map_or(text, |(sentence, _)| sentence).trim_end_matches('.')
}

/// The last two columns: nothing counts as working that no test shows.
fn works<const N: usize>(shown: [Option<String>; N]) -> String {
    let shown: Vec<String> = shown.into_iter().flatten().collect();
    if shown.is_empty() { "there, no test shows it |".into() } else { format!("works | {}", shown.join(", ")) }
}

fn heading(columns: &[&str]) -> String {
    format!("| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()))
}

fn read(file: &str) -> Result<String> {
    std::fs::read_to_string(process::root().join(file)).map_err(|error| format!("cannot read `{file}`: {error}").into())
}

/// The text of a file, or of all files of a folder and its folders but those with these names.
fn sources(path: &str, without: &[&str]) -> Result<String> {
    if process::root().join(path).is_file() {
        return read(path);
    }
    let mut text = String::new();
    for entry in std::fs::read_dir(process::root().join(path))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !without.contains(&name.as_str()) {
            text += &sources(&format!("{path}/{name}"), without)?;
        }
    }
    Ok(text)
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> Result<&'a str> {
    let after = text.split_once(begin).map(|(_, after)| after);
    let found = after.and_then(|after| after.split_once(end)).map(|(between, _)| between);
    found.ok_or_else(|| format!("nothing stands between `{begin}` and `{end}`").into())
}

/// The first text in quotes.
fn quoted(text: &str) -> Option<&str> {
    text.split('"').nth(1)
}

/// Letters and digits, and the colons between them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != ':')
}

/// Names as programs write them.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// `CreateActivity` → `create_activity`, as boto3 names operations.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
