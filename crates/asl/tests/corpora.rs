//! Definitions from public repositories: what people run on AWS gives no error, and the suites of other validators
//! get the verdict that AWS would give.

#![expect(clippy::unwrap_used, reason = "an error here is a failed test")]

use asl::{Diagnostic, StateMachineType};
use json::Value;
use std::collections::BTreeMap;

/// Definitions that AWS refuses, whatever their folder says.
const REFUSED: &[(&str, &str)] = &[
    ("airware__valid-task-intrisic-function.json", "`Resource` is an object: CloudFormation resolves it first"),
    ("airware__valid-task-parameters.json", "`arn:aws:swf` is the specification's example; a Task cannot call it"),
    ("aslvalidator__valid-assign.asl.json", "names of variables follow Unicode identifiers: no `-`"),
    ("aslvalidator__valid-map-noconfig.asl.json", "distributed fields need the mode DISTRIBUTED"),
    ("aslvalidator__valid-map-with-item-batcher-jsonata.json", "recorded: JSONata is not overridden by JSONPath"),
    ("aslvalidator__valid-path-array-context.json", "`$[(@.length-1)]` is JavaScript's dialect of JSONPath"),
    ("aslvalidator__valid-task-credentials.json", "`arn:aws:swf`; recorded: `RoleArn` is required"),
    ("lambda-sfn-sls__statemachine__stateMachine.json", "`Next` is an object"),
    ("shared-fallback-state-jsonata__statemachine__statemachine.json", "`QueryLanguage` stands inside `States`"),
    ("statelint__backoff-with-backoffrate-decimal.json", FOO_BAR),
    ("statelint__states-array-invocation.json", FOO_BAR),
    ("statelint__states-encoding-decoding-intrinsic-functions.json", FOO_BAR),
    ("statelint__states-hash-intrinsic-functions.json", FOO_BAR),
    ("statelint__states-json-intrinsic-functions.json", FOO_BAR),
    ("statelint__states-uuid-intrinsic-functions.json", FOO_BAR),
    ("statelint__task-with-dynamic-timeouts.json", FOO_BAR),
    ("statelint__task-with-parameters.json", FOO_BAR),
    ("statelint__task-with-resultpath.json", FOO_BAR),
];

const FOO_BAR: &str = "`foo:bar` is no resource ARN";

/// Definitions that AWS takes, though the suite calls them invalid.
const TAKEN: &[(&str, &str)] = &[
    ("aslvalidator__invalid-json-surround-syntax-extra-spaces.json", SPACES),
    ("aslvalidator__invalid-jsonata-surround-syntax-no-spaces.json", SPACES),
    ("aslvalidator__invalid-math-add.json", "arguments of an intrinsic call are checked when it is evaluated"),
];

const SPACES: &str = "AWS wants no white space outside of the marks, and does not care about the inside";

/// What `awslabs/statelint` says, in AWS's words.
const IN_AWS_WORDS: &[(&str, &str)] = &[
    ("allowed minimum is 1", "Minimum value is 1.0"),
    ("allowed floor is 0", "Minimum value is 1"),
    ("non-empty required", "Value cannot be empty"),
    ("not one of the allowed values [\"FULL\", \"NONE\"]", "should have one of these values: [FULL, NONE]"),
    ("not a JSONPath or intrinsic function expression", "must be a valid JSONPath or a valid intrinsic function call"),
    ("may have only one of [", "There should only be one of the following fields: ["),
    ("\"InputPath\"", "/InputPath"),
    ("\"ItemsPath\"", "/ItemsPath"),
    ("\"Parameters\"", "Field 'Parameters' is not supported"),
    ("\"ResultPath\"", "Field 'ResultPath' is not supported"),
    ("\"ResultSelector\"", "Field 'ResultSelector' is not supported"),
];

fn errors(definition: &Value) -> Vec<Diagnostic> {
    let (text, _) = asl::substitute(&definition.to_string(), &BTreeMap::new());
    let parsed = asl::parse(&text, StateMachineType::Standard, &asl::Limits::default());
    let errors: Vec<Diagnostic> = parsed.diagnostics.into_iter().filter(Diagnostic::is_error).collect();
    assert_eq!(parsed.state_machine.is_some(), errors.is_empty());
    errors
}

/// Each definition of a corpus, with its file name and the words that the suite expects.
fn each(corpus: &str, mut check: impl FnMut(&str, &str, Vec<Diagnostic>)) {
    for line in corpus.lines() {
        let row = Value::parse(line).unwrap();
        let text = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default();
        check(text("file"), text("expected"), errors(row.get("definition").unwrap()));
    }
}

fn check_valid(corpus: &str) {
    each(corpus, |file, _, errors| {
        let is_refused = REFUSED.iter().any(|(name, _)| *name == file);
        assert_eq!(!errors.is_empty(), is_refused, "{file}: {errors:#?}");
    });
}

#[test]
fn what_people_run_on_aws() {
    check_valid(include_str!("corpora/collection.jsonl"));
    check_valid(include_str!("corpora/examples.jsonl"));
    check_valid(include_str!("corpora/agent-toolkit.jsonl"));
    check_valid(include_str!("corpora/serverless-patterns.jsonl"));
    check_valid(include_str!("corpora/serverless-test-samples.jsonl"));
}

#[test]
fn suites_of_valid_definitions() {
    check_valid(include_str!("corpora/valid.jsonl"));
}

#[test]
fn suites_of_invalid_definitions() {
    each(include_str!("corpora/invalid.jsonl"), |file, expected, errors| {
        let is_taken = TAKEN.iter().any(|(name, _)| *name == file);
        assert_eq!(errors.is_empty(), is_taken, "{file}: {errors:#?}");
        let found: Vec<String> = errors.iter().map(ToString::to_string).collect();
        // The first part counts the problems.
        for words in expected.split(" | ").skip(1) {
            let aws = IN_AWS_WORDS.iter().find(|(theirs, _)| words.starts_with(theirs));
            let words = aws.map_or_else(|| words.to_owned(), |(theirs, aws)| words.replacen(theirs, aws, 1));
            let words = words.replace('"', "");
            assert!(found.iter().any(|found| found.contains(&words)), "{file}: no {words} in {found:#?}");
        }
    });
}
