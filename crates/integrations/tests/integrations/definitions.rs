//! Definitions that people run on AWS, and those that were recorded there: the services have every field that they give.

use asl::{Limits, StateMachineType};
use json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// That the services are asked changes nothing of what the definitions in this file give.
fn check(file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../asl/tests").join(file);
    let rows = std::fs::read_to_string(path).unwrap();
    for row in rows.lines().map(|row| Value::parse(row).unwrap()) {
        let definition = row.get("definition").unwrap();
        let text = definition.as_str().map_or_else(|| definition.to_string(), ToOwned::to_owned);
        let (text, _) = asl::substitute(&text, &BTreeMap::new());
        let services = Some(integrations::services(asl::Severity::Error));
        let asked = asl::parse_with_services(&text, StateMachineType::Standard, &Limits::default(), services);
        let alone = asl::parse(&text, StateMachineType::Standard, &Limits::default());
        assert_eq!(asked.diagnostics, alone.diagnostics, "{file}: {text}");
    }
}

#[test]
fn what_people_run_on_aws_has_only_known_fields() {
    check("corpora/collection.jsonl");
    check("corpora/examples.jsonl");
    check("corpora/agent-toolkit.jsonl");
    check("corpora/serverless-patterns.jsonl");
    check("corpora/serverless-test-samples.jsonl");
    check("corpora/valid.jsonl");
}

#[test]
fn what_was_recorded_has_only_known_fields() {
    check("recorded/accepted.jsonl");
    check("recorded/rejected.jsonl");
}
