//! What each fault gives: tables in `diagnostics/*.txt`.
//!
//! A case is a definition on one line and below it each diagnostic that it gives, or `ok`. `state` and `jsonata` put
//! one state, named `X`, into a state machine of that query language; `express` makes the type of it Express.

use asl::{Diagnostic, Limits, MaybePath, Severity, StateKind, StateMachineType, parse, parse_accepted};

fn check(table: &str) {
    for case in table.split("\n\n").map(str::trim).filter(|case| !case.is_empty()) {
        let mut lines = case.lines().filter(|line| !line.starts_with('#'));
        let Some(definition) = lines.next() else { continue };
        let expected: Vec<&str> = lines.filter(|line| *line != "ok").collect();
        let found: Vec<String> = diagnostics(definition).iter().map(in_a_line).collect();
        assert_eq!(found, expected, "{definition}");
    }
}

fn diagnostics(case: &str) -> Vec<Diagnostic> {
    let (state_machine_type, case) = match case.strip_prefix("express ") {
        Some(case) => (StateMachineType::Express, case),
        None => (StateMachineType::Standard, case),
    };
    let definition = if let Some(state) = case.strip_prefix("state ") {
        format!(r#"{{"StartAt": "X", "States": {{"X": {state}}}}}"#)
    } else if let Some(state) = case.strip_prefix("jsonata ") {
        format!(r#"{{"QueryLanguage": "JSONata", "StartAt": "X", "States": {{"X": {state}}}}}"#)
    } else {
        case.to_owned()
    };
    parse(&definition, state_machine_type, &Limits::default()).diagnostics
}

fn in_a_line(diagnostic: &Diagnostic) -> String {
    match diagnostic.severity {
        Severity::Error => diagnostic.to_string(),
        Severity::Warning => format!("WARNING {diagnostic}"),
    }
}

#[test]
fn top_level() {
    check(include_str!("diagnostics/top_level.txt"));
}

#[test]
fn states() {
    check(include_str!("diagnostics/states.txt"));
}

#[test]
fn choice_rules() {
    check(include_str!("diagnostics/choice_rules.txt"));
}

#[test]
fn retry_and_catch() {
    check(include_str!("diagnostics/retry_and_catch.txt"));
}

#[test]
fn tasks() {
    check(include_str!("diagnostics/tasks.txt"));
}

#[test]
fn maps() {
    check(include_str!("diagnostics/maps.txt"));
}

#[test]
fn query_languages() {
    check(include_str!("diagnostics/query_languages.txt"));
}

#[test]
fn variables() {
    check(include_str!("diagnostics/variables.txt"));
}

#[test]
fn transitions() {
    check(include_str!("diagnostics/transitions.txt"));
}

#[test]
fn warnings() {
    check(include_str!("diagnostics/warnings.txt"));
}

#[test]
fn nesting_has_a_limit() {
    let nested = (0..40).fold(r#"{"Type": "Succeed"}"#.to_owned(), |inner, depth| {
        format!(r#"{{"Type": "Parallel", "End": true, "Branches": [{{"StartAt": "{depth}", "States": {{"{depth}": {inner}}}}}]}}"#)
    });
    let codes: Vec<&str> = diagnostics(&format!("state {nested}")).iter().map(|found| found.code.as_str()).collect();
    assert_eq!(codes, ["TOO_DEEPLY_NESTED"]);
}

#[test]
fn what_a_definition_may_count_follows_the_limits() {
    let map = |reader: &str, batcher: &str| {
        format!(
            r#"{{"StartAt": "X", "States": {{"X": {{"Type": "Map", "End": true,
              "ItemReader": {{"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {{"InputType": "JSON", {reader}}}}},
              "ItemBatcher": {{{batcher}}},
              "ItemProcessor": {{"ProcessorConfig": {{"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}},
                "StartAt": "A", "States": {{"A": {{"Type": "Pass", "End": true}}}}}}}}}}}}"#
        )
    };
    let raised = Limits { payload_bytes_max: 1_000_000, map_run_items_max: 200_000_000, ..Limits::default() };
    let check = |limits: &Limits, reader: &str, batcher: &str, expected: &[&str]| {
        let parsed = parse(&map(reader, batcher), StateMachineType::Standard, limits);
        let found: Vec<String> = parsed.diagnostics.iter().map(|found| found.message.clone()).collect();
        assert_eq!(found, expected, "{reader} {batcher}");
    };
    let (few, many, more) = ("262145", "1000000", "1000001");
    let bytes = |bytes: &str| format!(r#""MaxInputBytesPerBatch": {bytes}"#);
    check(&Limits::default(), r#""MaxItems": 1"#, &bytes(few), &["Maximum value is 262144"]);
    check(&raised, r#""MaxItems": 1"#, &bytes(many), &[]);
    check(&raised, r#""MaxItems": 1"#, &bytes(more), &["Maximum value is 1000000"]);
    check(&raised, r#""MaxItems": 200000000"#, r#""MaxItemsPerBatch": 200000000"#, &[]);
    let both = ["Maximum value is 200000000"; 2];
    check(&raised, r#""MaxItems": 200000001"#, r#""MaxItemsPerBatch": 200000001"#, &both);
    let lowered = Limits { payload_bytes_max: 1_000, ..Limits::default() };
    check(&lowered, r#""MaxItems": 1"#, &bytes("1001"), &["Maximum value is 1000"]);

    // It was accepted before, whatever the limits are now: nothing of it is lost.
    let accepted = parse_accepted(&map(r#""MaxItems": 200000000"#, &bytes(many)), StateMachineType::Standard).unwrap();
    let StateKind::Map(map) = &accepted.flow.states["X"].kind else { panic!() };
    let distributed = map.distributed.as_ref().unwrap();
    let reader = distributed.item_reader.as_ref().unwrap();
    assert!(matches!(reader.max_items, Some(MaybePath::Literal(200_000_000))));
    let batcher = distributed.item_batcher.as_ref().unwrap();
    assert!(matches!(batcher.max_input_bytes_per_batch, Some(MaybePath::Literal(1_000_000))));
}

#[test]
fn depth_of_values_costs_no_stack() {
    let template = format!("{}1{}", r#"{"a": "#.repeat(500), "}".repeat(500));
    assert_eq!(diagnostics(&format!(r#"state {{"Type": "Pass", "Parameters": {template}, "End": true}}"#)), []);
    let condition = format!(r#"{}"Variable": "$", "IsNull": true{}"#, r#""Not": {"#.repeat(250), "}".repeat(250));
    let rule = format!(r#"{{{condition}, "Next": "E"}}"#);
    let choice = format!(r#"{{"Type": "Choice", "Choices": [{rule}]}}"#);
    let definition = format!(r#"{{"StartAt": "C", "States": {{"C": {choice}, "E": {{"Type": "Succeed"}}}}}}"#);
    assert_eq!(diagnostics(&definition), []);
}
