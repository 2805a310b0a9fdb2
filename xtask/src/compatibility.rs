//! `cargo xtask compatibility`: writes the tables of COMPATIBILITY.md that follow from the code and its tests.
//!
//! A table stands between `<!-- NAME: cargo xtask compatibility -->` and `<!-- end of NAME -->`. What there is, is read
//! from the tables in the source text; what shows it, from the recorded cases and the text of the tests.
//! `--check` says whether the tables are up to date.

use crate::conformance::{AREAS, EXCEPTIONS};
use crate::{Result, process};
use std::collections::BTreeSet;
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

/// What shows that something works.
struct Evidence {
    areas: Vec<Area>,
    /// The recorded executions that come out of `machine` in its tests, one a line.
    histories: Vec<String>,
    /// Recorded cases that do not pass.
    exceptions: BTreeSet<String>,
}

/// A file of recorded cases, one a line.
struct Area {
    name: &'static str,
    cases: String,
}

impl Evidence {
    fn read() -> Result<Evidence> {
        let area = |name: &&'static str| -> Result<Area> {
            Ok(Area { name, cases: read(&format!("conformance/cases/{name}.jsonl"))? })
        };
        let histories = read("crates/machine/tests/recorded/histories.jsonl")?;
        let excepted = read("crates/machine/tests/machine/recorded/mod.rs")?;
        let comes_out = |line: &&str| id_of(line).is_some_and(|id| !excepted.contains(&format!("\"{id}\"")));
        let exceptions = read(EXCEPTIONS)?;
        let exceptions = exceptions.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        Ok(Evidence {
            areas: AREAS.iter().map(area).collect::<Result<_>>()?,
            histories: histories.lines().filter(comes_out).map(ToOwned::to_owned).collect(),
            exceptions: exceptions.map(ToOwned::to_owned).collect(),
        })
    }

    /// The cases that are replayed against the server and pass.
    fn passing(&self) -> impl Iterator<Item = &str> {
        self.areas.iter().flat_map(Area::replayed).filter(|case| !self.is_excepted(case))
    }

    fn is_excepted(&self, case: &str) -> bool {
        id_of(case).is_some_and(|id| self.exceptions.contains(id))
    }

    /// The recordings with these words that come out of the server.
    fn of_server(&self, words: &str) -> Option<String> {
        told("server", self.passing().filter(|case| case.contains(words)).count())
    }

    /// The recordings with these words that come out of `machine`.
    fn of_machine(&self, words: &str) -> Option<String> {
        told("machine", self.histories.iter().filter(|history| history.contains(words)).count())
    }
}

fn told(what: &str, count: usize) -> Option<String> {
    (count > 0).then(|| format!("{what} ({count})"))
}

fn id_of(line: &str) -> Option<&str> {
    quoted(line.split_once("\"id\":")?.1)
}

impl Area {
    fn replayed(&self) -> impl Iterator<Item = &str> {
        self.cases.lines().filter(|case| case.contains("\"mode\":\"replay\""))
    }
}

fn areas(evidence: &Evidence) -> Result<String> {
    let mut table = heading(&["area", "recorded", "replayed against the server", "of these excepted"]);
    for area in &evidence.areas {
        let excepted = area.replayed().filter(|case| evidence.is_excepted(case)).count();
        let (recorded, replayed) = (area.cases.lines().count(), area.replayed().count());
        writeln!(table, "| {} | {recorded} | {replayed} | {excepted} |", area.name)?;
    }
    Ok(table)
}

fn operations(evidence: &Evidence) -> Result<String> {
    let model = read("crates/api/src/model/mod.rs")?;
    let routes = read("crates/api/src/operation.rs")?;
    let tests = read("crates/api/tests/api/operations.rs")? + &read("crates/api/tests/api/versions.rs")?;
    let client = read("tests/sdk/test_sdk.py")? + &read("tests/sdk/test_versions.py")?;
    let mut table = heading(&["operation", "state", "shown by"]);
    for name in between(&model, "OPERATIONS: &[&str] = &[", "];")?.lines().filter_map(quoted) {
        if !routes.contains(&format!("route::<of::{name}>()")) {
            writeln!(table, "| {name} | missing | |")?;
            continue;
        }
        let shown = [
            evidence.of_server(&format!("\"op\":\"{name}\"")),
            tests.contains(&format!("\"{name}\"")).then(|| "`api/tests`".into()),
            client.contains(&format!(".{}(", snake(name))).then(|| "`tests/sdk`".into()),
        ];
        writeln!(table, "| {name} | {} |", works(shown))?;
    }
    Ok(table)
}

fn intrinsic_functions(evidence: &Evidence) -> Result<String> {
    let source = read("crates/query/src/intrinsics/mod.rs")?;
    let tests = read("crates/query/src/intrinsics/tests.rs")?;
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
            tests.contains(&call).then(|| "`query/src/intrinsics/tests.rs`".into()),
        ];
        writeln!(table, "| {name} | {arguments} | {} |", works(shown))?;
    }
    Ok(table)
}

/// An event is produced if the code of `machine` names it outside of the list of all types.
fn history_events(evidence: &Evidence) -> Result<String> {
    let source = read("crates/machine/src/history.rs")?;
    let code = sources("crates/machine/src")?;
    let tests = sources("crates/machine/tests/machine")?;
    let mut table = heading(&["event", "state", "shown by"]);
    let names = between(&source, "event_types! {\n", "\n}")?.split([',', '\n']).map(str::trim);
    for name in names.filter(|name| !name.is_empty()) {
        if !words(&code).any(|word| word.strip_prefix("EventType::") == Some(name)) {
            writeln!(table, "| {name} | missing | |")?;
            continue;
        }
        // `EventType::Name`, or `3<2:Name` in the outline of a history.
        let in_tests = words(&tests).any(|word| word.ends_with(&format!(":{name}")));
        let shown = [evidence.of_machine(&format!("\"{name}\"")), in_tests.then(|| "`machine/tests`".into())];
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
        let (resource, words) = match (service, action) {
            ("", _) => ("the ARN of a function".to_owned(), "LambdaFunctionScheduled".to_owned()),
            (_, "*") => (format!("`arn:aws:states:::{service}:*`"), format!(":states:::{service}:")),
            _ => (format!("`arn:aws:states:::{service}:{action}`"), format!(":states:::{service}:{action}")),
        };
        let tests = Some("`integrations/tests`".into());
        let shown = [evidence.of_server(&words), evidence.of_machine(&words), tests];
        writeln!(table, "| {resource} | {} |", works(shown))?;
    }
    Ok(table)
}

fn limits(_: &Evidence) -> Result<String> {
    let source = read("crates/asl/src/limits.rs")?;
    let defaults = between(&source, "Limits {\n            ", "        }\n")?;
    let mut table = heading(&["setting", "default", "meaning"]);
    let mut meaning = "";
    for line in between(&source, "pub struct Limits {\n", "\n}")?.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("/// ") {
            meaning = text.trim_end_matches('.');
        } else if let Some((name, _)) = line.strip_prefix("pub ").and_then(|field| field.split_once(':')) {
            let default = between(defaults, &format!("{name}: "), ",")?;
            writeln!(table, "| `{name}` | {default} | {meaning} |")?;
        }
    }
    Ok(table)
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

/// The text of all files of a folder and its folders.
fn sources(folder: &str) -> Result<String> {
    let mut text = String::new();
    for entry in std::fs::read_dir(process::root().join(folder))? {
        let entry = entry?;
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        text += &if entry.file_type()?.is_dir() { sources(&name)? } else { read(&name)? };
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
