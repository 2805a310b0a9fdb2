//! Definitions within the size of a request that have as many faults as fit, below names as long as fit: what is told of
//! them stays small.

use asl::{DIAGNOSTICS_MAX, Diagnostic, Limits, Severity, StateMachineType, invalid_definition_message, parse};

/// Bytes of all diagnostics of one definition: each has a message and a location.
const BYTES_MAX: usize = 2 * DIAGNOSTICS_MAX * 2 * 4096;
const DEFINITION_BYTES_MAX: usize = 1 << 20;

/// Parses a state machine of one state `fields`, whose name is `name`.
fn diagnostics(name: &str, fields: &str) -> Vec<Diagnostic> {
    let definition = format!(r#"{{"StartAt": "X", "States": {{"{name}": {{{fields}}}}}}}"#);
    assert!(definition.len() <= DEFINITION_BYTES_MAX);
    parse(&definition, StateMachineType::Standard, &Limits::default()).diagnostics
}

fn bytes(diagnostics: &[Diagnostic]) -> usize {
    diagnostics.iter().map(|found| found.message.len() + found.location.as_deref().map_or(0, str::len)).sum()
}

/// `count` times what `part` gives, with commas.
fn list(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect::<Vec<_>>().join(",")
}

/// Checks that there are as many errors as are kept, and that they are small.
fn check(name: &str, fields: &str) {
    let found = diagnostics(name, fields);
    let shown: String = fields.chars().take(80).collect();
    assert_eq!(found.iter().filter(|found| found.is_error()).count(), DIAGNOSTICS_MAX, "{shown}");
    assert!(bytes(&found) <= BYTES_MAX, "{shown}: {} bytes", bytes(&found));
    let message = invalid_definition_message(&found).unwrap_or_default();
    assert!(message.len() <= BYTES_MAX, "{shown}: {} bytes", message.len());
    assert_eq!(message.matches(" at /").count(), DIAGNOSTICS_MAX - 1, "{shown}: one more than are shown");
}

#[test]
fn faults_below_a_long_name() {
    let long = "k".repeat(400_000);
    let members = list(30_000, |n| format!(r#""{n}.$":1"#));
    check("X", &format!(r#""Type": "Pass", "End": true, "Parameters": {{"{long}": {{{members}}}}}"#));
    let twice = list(15_000, |n| format!(r#""{n}":1,"{n}.$":"$""#));
    check("X", &format!(r#""Type": "Pass", "End": true, "Parameters": {{"{long}": {{{twice}}}}}"#));
    let jsonata = r#""Type": "Pass", "End": true, "QueryLanguage": "JSONata""#;
    let expressions = list(30_000, |_| r#""{% 1 + %}""#.to_owned());
    check("X", &format!(r#"{jsonata}, "Output": {{"{long}": [{expressions}]}}"#));
    let results = list(10_000, |_| r#""{% $states.result %}""#.to_owned());
    check("X", &format!(r#"{jsonata}, "Output": {{"{long}": [{results}]}}"#));
}

#[test]
fn faults_below_a_long_state_name() {
    let long = "k".repeat(400_000);
    let numbers = list(60_000, |_| "1".to_owned());
    check(&long, &format!(r#""Type": "Choice", "Choices": [{numbers}]"#));
    let empty = list(20_000, |_| "{}".to_owned());
    check(&long, &format!(r#""Type": "Choice", "Choices": [{empty}]"#));
    check(&long, &format!(r#""Type": "Parallel", "End": true, "Branches": [{empty}]"#));
    check(&long, &format!(r#""Type": "Task", "Resource": "r", "End": true, "Retry": [{empty}]"#));
    check(
        &long,
        &format!(r#""Type": "Task", "Resource": "r", "End": true, "Retry": [{{"ErrorEquals": [{numbers}]}}]"#),
    );
    let lost = list(20_000, |_| r#"{"Variable":"$","IsNull":true,"Next":"Y"}"#.to_owned());
    check(&"k".repeat(100_000), &format!(r#""Type": "Choice", "Choices": [{lost}]"#));
    let branch = r#"{"StartAt":"B","States":{"A":{"Type":"Pass","End":true}}}"#;
    let branches = list(10_000, |_| branch.to_owned());
    check(&long, &format!(r#""Type": "Parallel", "End": true, "Branches": [{branches}]"#));
}

#[test]
fn long_names_alone() {
    let faults = list(200, |n| format!(r#""{n}{}": 1"#, "k".repeat(5_000)));
    check("X", &format!(r#""Type": "Succeed", {faults}"#));
}

#[test]
fn warnings_never_hide_an_error() {
    let paths = list(30_000, |n| format!(r#""{n}":"$.x""#));
    let found =
        diagnostics("X", &format!(r#""Type": "Pass", "Parameters": {{{paths}}}, "OutputPath": 1, "End": true"#));
    assert_eq!(found.len(), DIAGNOSTICS_MAX + 1);
    assert_eq!(found.last().map(|found| found.severity), Some(Severity::Error));
}

#[test]
fn a_definition_without_fault_is_accepted_however_long_its_names_are() {
    let expressions = list(5_000, |n| format!(r#""{{% $states.input.x{n} %}}""#));
    let output = format!(r#"{{"{}": [{expressions}]}}"#, "k".repeat(50_000));
    let fields = format!(r#""Type": "Pass", "End": true, "QueryLanguage": "JSONata", "Output": {output}"#);
    assert_eq!(diagnostics("X", &fields), []);
}
