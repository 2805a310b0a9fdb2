//! The rules about what is written, one row each.

use super::{
    Finding,
    source::{Source, line_of},
};

/// Gives the place of each breach, and what to say about it.
type Rule = fn(&Source) -> Vec<(usize, String)>;

const RULES: &[Rule] = &[opens_with_docs, tests_run, nothing_is_left_to_do, exceptions_have_reasons, words, paths];

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let breaches = RULES.iter().flat_map(|rule| rule(source));
    let finding = |(at, message)| Finding { file: source.name.clone(), line: line_of(&source.text, at), message };
    breaches.map(finding).collect()
}

fn opens_with_docs(source: &Source) -> Vec<(usize, String)> {
    let opens = source.text.starts_with("//! ");
    if opens { Vec::new() } else { vec![(0, "open the file with a `//!` paragraph that says what it is".into())] }
}

fn tests_run(source: &Source) -> Vec<(usize, String)> {
    places(&source.code, "#[ignore").map(|at| (at, "a test that does not run is no test".into())).collect()
}

fn nothing_is_left_to_do(source: &Source) -> Vec<(usize, String)> {
    let unfinished = |name: &'static str| {
        let message = format!("`{name}!` in what is handed in");
        words_of(&source.code)
            .filter(move |(at, word)| {
                *word == name && source.code.get(at + word.len()..).is_some_and(|rest| rest.starts_with('!'))
            })
            .map(move |(at, _)| (at, message.clone()))
    };
    unfinished("todo").chain(unfinished("unimplemented")).collect()
}

/// `#[allow]` says nothing when it is no longer needed; `#[expect]` does, and takes a reason.
fn exceptions_have_reasons(source: &Source) -> Vec<(usize, String)> {
    let mut breaches = Vec::new();
    for (at, attribute) in attributes(&source.code) {
        let mut names = words_of(attribute).map(|(_, word)| word).peekable();
        let first = names.peek().copied();
        let conditional = first == Some("cfg_attr");
        let is = |name| first == Some(name) || (conditional && attribute.contains(&format!(" {name}(")));
        if is("allow") {
            breaches.push((at, "use `#[expect(lint, reason = \"…\")]` in place of `allow`".into()));
        } else if is("expect") && !names.any(|name| name == "reason") {
            breaches.push((at, "an exception from a lint needs its `reason`".into()));
        }
    }
    breaches
}

/// What says nothing about a thing, and what AWS calls otherwise.
const FORBIDDEN: &[(&str, &str)] = &[
    ("workflow", "we have state machines and executions"),
    ("manager", "say what it does"),
    ("handler", "say what it does"),
    ("helper", "say what it does"),
    ("util", "say what is in it"),
    ("common", "say what is in it"),
    ("job", "we have executions, tasks and what an integration starts"),
];

/// What names too little when nothing else is in the name.
const BARE: &[(&str, &str)] = &[("Event", "say `HistoryEvent`"), ("Context", "say `ContextObject`")];

/// Names that others chose, and the folder in which they are theirs.
const FOREIGN: &[(&str, &str)] = &[
    ("futures_util", ""),
    ("http_body_util", ""),
    ("hyper_util", ""),
    ("tokio_util", ""),
    // Lambda's word for the entry point of a function.
    ("handler", "crates/integrations/"),
    // Lambda's word for a call whose answer nobody waits for.
    ("Event", "crates/integrations/"),
    // The evaluator's stack of values, and what a future is polled with.
    ("Context", "crates/engine/src/shard/commit.rs"),
    ("Context", "crates/query/src/jsonata/"),
    ("Context", "crates/store/src/conformance/"),
    ("Context", "crates/simulator/"),
];

fn words(source: &Source) -> Vec<(usize, String)> {
    let is_foreign = |name: &str| FOREIGN.iter().any(|(word, folder)| *word == name && source.name.starts_with(folder));
    let mut breaches = Vec::new();
    let mut check = |at: usize, name: &str, forbidden: &[(&str, &str)]| {
        for (word, instead) in forbidden {
            let is = |part: String| part == *word || part.strip_suffix('s') == Some(word);
            if !is_foreign(name) && parts(name).into_iter().any(is) {
                breaches.push((at, format!("`{name}` has the word `{word}`: {instead}")));
            }
        }
        if let Some((_, instead)) = BARE.iter().find(|(word, _)| *word == name && !is_foreign(name)) {
            breaches.push((at, format!("`{name}` says too little: {instead}")));
        }
    };
    // Of a path, each folder counts too.
    for name in source.name.split(['/', '.', '-']) {
        check(0, name, FORBIDDEN);
    }
    if !source.is_generated() {
        words_of(&source.code).for_each(|(at, word)| check(at, word, FORBIDDEN));
    }
    breaches
}

/// Folders of the machine that a file was written on.
const MACHINE_FOLDERS: &[&str] = &["home", "root", "Users", "work"];

fn paths(source: &Source) -> Vec<(usize, String)> {
    let mut breaches = Vec::new();
    for folder in MACHINE_FOLDERS {
        let path = format!("/{folder}/");
        let begins = |at: &usize| {
            let before = source.text.get(..*at).and_then(|before| before.chars().next_back());
            // Otherwise it is the middle of a longer path or of a URL.
            before.is_none_or(|before| !before.is_alphanumeric() && !"./}_-~*".contains(before))
        };
        let found = places(&source.text, &path).filter(begins);
        breaches.extend(found.map(|at| (at, format!("`{path}` is a path of one machine"))));
    }
    breaches
}

fn places<'a>(text: &'a str, pattern: &'a str) -> impl Iterator<Item = usize> {
    text.match_indices(pattern).map(|(at, _)| at)
}

/// The attributes of the code: where each begins, and what is between its brackets.
fn attributes(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let begins = code.match_indices('#').filter_map(|(at, _)| {
        let rest = code.get(at + 1..)?;
        let rest = rest.strip_prefix('!').unwrap_or(rest).strip_prefix('[')?;
        Some((at, rest))
    });
    begins.map(|(at, rest)| {
        let mut depth = 1_usize;
        let end = rest.find(|character| {
            match character {
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        (at, rest.get(..end.unwrap_or(rest.len())).unwrap_or(rest))
    })
}

/// The identifiers and keywords of the code, with their places.
fn words_of(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    let pieces = code.split(|character: char| !character.is_alphanumeric() && character != '_');
    pieces.filter_map(move |piece| {
        // What splits is not always one byte; its place is taken from the slice itself.
        let begin = code.get(at..)?.find(piece)? + at;
        at = begin + piece.len();
        (!piece.is_empty()).then_some((begin, piece))
    })
}

/// The words of a name in `snake_case` or `CamelCase`, in lower case.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut before = '_';
    for character in name.chars() {
        let begins = character == '_' || (character.is_uppercase() && !before.is_uppercase());
        if begins {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut().filter(|_| character != '_') {
            part.extend(character.to_lowercase());
        }
        before = character;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_file(name: &str, code: &str, expected: &[&str]) {
        let findings = check(&Source::new(name.into(), format!("//! A file.\n{code}\n")));
        let found: Vec<_> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), expected.len(), "{code}: {found:?}");
        for (found, expected) in found.iter().zip(expected) {
            let expected = format!("{name}:{expected}");
            assert!(found.starts_with(&expected), "{code}: {found}");
        }
    }

    #[test]
    fn each_rule_finds_its_breaches_and_no_others() {
        #[rustfmt::skip]
        let cases: &[(&str, &[&str])] = &[
            ("fn a() {}",                                       &[]),
            ("// todo!() in a comment, \"#[ignore]\"",          &[]),
            ("fn a() { todo!() }",                              &["2: `todo!`"]),
            ("fn a() {\n unimplemented!(\"later\") }",          &["3: `unimplemented!`"]),
            ("fn todo(unimplemented: u8) {}",                   &[]),
            ("#[ignore]\nfn a() {}",                            &["2: a test"]),
            ("#[ignore = \"slow\"]\nfn a() {}",                 &["2: a test"]),
            ("#[allow(dead_code)]",                             &["2: use `#[expect"]),
            ("#![allow(dead_code)]",                            &["2: use `#[expect"]),
            ("#[cfg_attr(test, allow(dead_code))]",             &["2: use `#[expect"]),
            ("fn allow(x: [u8; 2]) { x.allow(x[0]) }",          &[]),
            ("#[expect(dead_code)]",                            &["2: an exception"]),
            ("#[expect(\n dead_code,\n reason = \"[ ]\"\n)]",   &[]),
            ("struct WorkflowRun;",                             &["2: `WorkflowRun` has the word `workflow`"]),
            ("let file_managers = 1;",                          &["2: `file_managers`"]),
            ("use hyper_util::rt; let utility = \"helper\";",   &[]),
            ("mod utils;",                                      &["2: `utils`"]),
            ("let common_job = 1;",                             &["2: `common_job` has", "2: `common_job` has"]),
            ("enum Event { Context }",                          &["2: `Event` says", "2: `Context` says"]),
            ("let event: HistoryEvent = context;",              &[]),
            ("let a = \"\x2fhome/me/a\";",                      &["2: `\x2fhome/`"]),
            ("// https://example.com/home/, ./work/, {a}/root/", &[]),
        ];
        for (code, expected) in cases {
            check_file("crates/a/src/b.rs", code, expected);
        }
    }

    #[test]
    fn file_names_have_no_empty_words() {
        check_file("crates/a/src/helpers.rs", "", &["1: `helpers`"]);
        check_file("crates/a/tests/common/mod.rs", "", &["1: `common`"]);
        check_file("crates/a/src/uncommon.rs", "", &[]);
    }

    #[test]
    fn a_file_opens_with_docs() {
        for text in ["", "fn a() {}\n", "// A comment.\n", "/// Of the first item.\nfn a() {}\n"] {
            assert_eq!(check(&Source::new("a.rs".into(), text.into())).len(), 1, "{text}");
        }
    }

    #[test]
    fn generated_code_has_the_words_of_its_model() {
        check_file("a.rs", "// @generated\nstruct WorkflowRun;", &[]);
    }
}
