//! What shows that something works: recorded cases that come out, and the text of the tests.
//!
//! That a word stands in the text of a test is weak evidence, and COMPATIBILITY.md says so. Tests of what is refused are
//! not looked at: that a call of an operation is refused shows nothing of what it does.

use super::{read, sources};
use crate::Result;
use crate::conformance::{AREAS, EXCEPTIONS};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Where tests are: as COMPATIBILITY.md names them, the file or folder, and what is not looked at in it.
const TESTS: &[(&str, &str, &[&str])] = &[
    ("api/tests", "crates/api/tests", &["bad_requests.rs", "constraints.rs", "declared_errors.rs"]),
    // What `api/tests` leaves out, for limits: that one is exceeded shows that it is there.
    ("api/tests/api/declared_errors.rs", "crates/api/tests/api/declared_errors.rs", &[]),
    ("stepwell/tests", "crates/stepwell/tests", &[]),
    // What it takes from recordings is counted as such.
    ("machine/tests", "crates/machine/tests/machine", &["recorded"]),
    ("engine/tests", "crates/engine/tests", &[]),
    ("asl/tests/diagnostics.rs", "crates/asl/tests/diagnostics.rs", &[]),
    ("integrations/tests", "crates/integrations/tests", &[]),
    ("query/src/intrinsics/tests.rs", "crates/query/src/intrinsics/tests.rs", &[]),
    ("tests/sdk", "tests/sdk", &["__pycache__"]),
];

/// All of it.
pub struct Evidence {
    cases: Vec<Case>,
    /// The recorded executions that come out of `machine` in its tests, one a line.
    histories: Vec<String>,
    /// The text of the tests, by the names in [`TESTS`].
    tests: BTreeMap<&'static str, String>,
}

/// A recorded conversation.
struct Case {
    area: &'static str,
    is_replayed: bool,
    /// Whether it has differences that are known.
    differs: bool,
    /// The operations that it calls.
    calls: BTreeSet<String>,
    text: String,
}

/// How many conversations of an area there are.
pub struct Area {
    pub name: &'static str,
    pub recorded: usize,
    pub replayed: usize,
    pub differing: usize,
}

impl Evidence {
    pub fn read() -> Result<Evidence> {
        let differing = differing(&read(EXCEPTIONS)?);
        let mut cases = Vec::new();
        for area in AREAS {
            for line in read(&format!("conformance/cases/{area}.jsonl"))?.lines() {
                cases.push(Case::read(area, line, &differing)?);
            }
        }
        if cases.iter().filter(|case| case.differs).count() != differing.len() {
            return Err(format!("{EXCEPTIONS} names cases that are not there").into());
        }
        let excepted = read("crates/machine/tests/machine/recorded/mod.rs")?;
        let mut histories = Vec::new();
        for line in read("crates/machine/tests/recorded/histories.jsonl")?.lines() {
            let history: Value = serde_json::from_str(line)?;
            let id = history["id"].as_str().ok_or("a history has no id")?;
            if !excepted.contains(&format!("\"{id}\"")) {
                histories.push(line.to_owned());
            }
        }
        let tests = TESTS.iter().map(|(name, path, without)| Ok((*name, sources(path, without)?)));
        Ok(Evidence { cases, histories, tests: tests.collect::<Result<_>>()? })
    }

    pub fn areas(&self) -> impl Iterator<Item = Area> {
        AREAS.iter().map(|name| {
            let cases = || self.cases.iter().filter(|case| case.area == *name);
            let replayed = || cases().filter(|case| case.is_replayed);
            let differing = replayed().filter(|case| case.differs).count();
            Area { name, recorded: cases().count(), replayed: replayed().count(), differing }
        })
    }

    /// The conversations that are replayed and come out, and in which the operation is called.
    pub fn of_server_calls(&self, operation: &str) -> Option<String> {
        told("server", self.passing().filter(|case| case.calls.contains(operation)).count())
    }

    /// The conversations with these words that are replayed and come out.
    pub fn of_server(&self, words: &str) -> Option<String> {
        told("server", self.passing().filter(|case| case.text.contains(words)).count())
    }

    /// The recorded histories with these words that come out of `machine`.
    pub fn of_machine(&self, words: &str) -> Option<String> {
        told("machine", self.histories.iter().filter(|history| history.contains(words)).count())
    }

    /// The tests, if something is found in their text.
    pub fn in_tests(&self, name: &str, found: impl Fn(&str) -> bool) -> Option<String> {
        let text = self.tests.get(name)?;
        found(text).then(|| format!("`{name}`"))
    }

    /// All tests in whose text something is found.
    pub fn tests_with(&self, found: impl Fn(&str) -> bool) -> Vec<String> {
        self.tests.iter().filter(|(_, text)| found(text)).map(|(name, _)| format!("`{name}`")).collect()
    }

    fn passing(&self) -> impl Iterator<Item = &Case> {
        self.cases.iter().filter(|case| case.is_replayed && !case.differs)
    }
}

impl Case {
    fn read(area: &'static str, line: &str, differing: &BTreeSet<String>) -> Result<Case> {
        let case: Value = serde_json::from_str(line)?;
        let id = case["id"].as_str().ok_or_else(|| format!("a case of `{area}` has no id"))?;
        let calls = case["ops"].as_array().into_iter().flatten().filter_map(|op| op["op"].as_str());
        Ok(Case {
            area,
            is_replayed: case["mode"] == "replay",
            differs: differing.contains(id),
            calls: calls.map(ToOwned::to_owned).collect(),
            text: line.to_owned(),
        })
    }
}

/// The cases of the paragraphs that name differences.
fn differing(exceptions: &str) -> BTreeSet<String> {
    let paragraphs = exceptions.split("\n\n").filter(|paragraph| paragraph.lines().any(|line| line.starts_with('$')));
    let cases = paragraphs.flat_map(str::lines).filter(|line| !line.starts_with(['$', '#']) && !line.is_empty());
    cases.map(ToOwned::to_owned).collect()
}

fn told(what: &str, count: usize) -> Option<String> {
    (count > 0).then(|| format!("{what} ({count})"))
}
