//! The ratchet: what is longer than the limit today, and how long it is. It turns one way only.
//!
//! One entry a line: lines, file, and for a function its name. Of functions with one name in a file, the longest counts.

use super::{
    Finding, RATCHET,
    functions::{FILE_LINES_MAX, FUNCTION_LINES_MAX, Length},
};
use crate::Result;
use std::{collections::BTreeMap, fmt};

const PREAMBLE: &str = "\
# What is longer than the house allows, and how long it is: lines, file, function.
# Entries may shrink and go, never grow; `cargo xtask tidy --tighten` lowers them.
";

/// A file, or a function in it.
type Place = (String, Option<String>);

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ratchet(BTreeMap<Place, usize>);

impl Ratchet {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let entry = |line: &str| -> Option<(Place, usize)> {
            let mut words = line.split_whitespace();
            let lines = words.next()?.parse().ok()?;
            let place = (words.next()?.to_owned(), words.next().map(str::to_owned));
            words.next().is_none().then_some((place, lines))
        };
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        let entries =
            lines.map(|line| entry(line).ok_or_else(|| format!("{RATCHET} has an odd line: `{line}`").into()));
        Ok(Self(entries.collect::<Result<_>>()?))
    }

    pub(super) fn check(&self, lengths: &[Length]) -> Vec<Finding> {
        let measured = longest(lengths);
        let mut findings = Vec::new();
        for ((file, function), length) in &measured {
            let entry = self.0.get(&(file.clone(), function.clone())).copied();
            let lines_max = entry.unwrap_or(length.lines_max());
            let what = function.as_ref().map_or("the file".to_owned(), |name| format!("`{name}`"));
            let lines = length.lines;
            let message = if lines > lines_max {
                format!(
                    "{what} has {lines} lines; it may have {lines_max}: move what it does besides its name elsewhere"
                )
            } else if entry.is_some_and(|entry| lines < entry) {
                format!("{what} has shrunk to {lines} lines: `cargo xtask tidy --tighten` keeps it so")
            } else {
                continue;
            };
            findings.push(Finding { file: file.clone(), line: length.line, message });
        }
        for (place, _) in self.0.iter().filter(|(place, _)| !measured.contains_key(place)) {
            let what = place.1.as_deref().unwrap_or("the file");
            let message = format!("{what} is gone: `cargo xtask tidy --tighten` removes its entry in {RATCHET}");
            findings.push(Finding { file: place.0.clone(), line: 1, message });
        }
        findings
    }

    /// Lowers the entries to what was measured, and drops those that are not needed any more. Raises and adds none.
    pub(super) fn tightened(&self, lengths: &[Length]) -> Self {
        let measured = longest(lengths);
        let entries = self.0.iter().filter_map(|(place, &entry)| {
            let lines = measured.get(place)?.lines.min(entry);
            let lines_max = if place.1.is_some() { FUNCTION_LINES_MAX } else { FILE_LINES_MAX };
            (lines > lines_max).then(|| (place.clone(), lines))
        });
        Self(entries.collect())
    }
}

impl fmt::Display for Ratchet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(PREAMBLE)?;
        for ((file, function), lines) in &self.0 {
            match function {
                Some(function) => writeln!(out, "{lines} {file} {function}")?,
                None => writeln!(out, "{lines} {file}")?,
            }
        }
        Ok(())
    }
}

fn longest(lengths: &[Length]) -> BTreeMap<Place, &Length> {
    let mut longest: BTreeMap<Place, &Length> = BTreeMap::new();
    for length in lengths {
        let kept = longest.entry((length.file.clone(), length.function.clone())).or_insert(length);
        if length.lines > kept.lines {
            *kept = length;
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(function: Option<&str>, lines: usize) -> Length {
        Length { file: "a.rs".into(), function: function.map(Into::into), line: 3, lines }
    }

    fn check(ratchet: &str, lengths: &[Length], expected: &[&str]) {
        let findings = Ratchet::parse(ratchet).unwrap().check(lengths);
        let found: Vec<_> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
    }

    #[test]
    fn it_turns_one_way() {
        let lengths = [measured(None, 501), measured(Some("f"), 71), measured(Some("f"), 2), measured(Some("g"), 70)];
        let too_long = ["a.rs:3: the file has 501 lines; it may have 500", "a.rs:3: `f` has 71 lines; it may have 70"];
        check("", &lengths, &too_long);
        check("501 a.rs\n71 a.rs f\n", &lengths, &[]);
        check("501 a.rs\n70 a.rs f\n", &lengths, &["a.rs:3: `f` has 71 lines; it may have 70"]);
        check("501 a.rs\n80 a.rs f\n", &lengths, &["a.rs:3: `f` has shrunk to 71 lines"]);
        check(
            "501 a.rs\n71 a.rs f\n90 a.rs h\n90 b.rs\n",
            &lengths,
            &["a.rs:1: h is gone", "b.rs:1: the file is gone"],
        );
    }

    #[test]
    fn tightening_raises_and_adds_nothing() {
        let lengths = [measured(None, 501), measured(Some("f"), 75), measured(Some("g"), 60), measured(Some("h"), 99)];
        let ratchet = Ratchet::parse("# a comment\n\n80 a.rs f\n90 a.rs g\n90 a.rs h\n90 a.rs gone\n").unwrap();
        let tightened = ratchet.tightened(&lengths);
        assert_eq!(tightened, Ratchet::parse("75 a.rs f\n90 a.rs h\n").unwrap());
        assert_eq!(Ratchet::parse(&tightened.to_string()).unwrap(), tightened);
    }

    #[test]
    fn odd_lines_are_refused() {
        for odd in ["f a.rs", "80", "80 a.rs f g"] {
            assert!(Ratchet::parse(odd).is_err(), "{odd}");
        }
    }
}
