//! The reference test suite of JSONata (see `tests/jsonata/README.md`), run through the adapter: with surrounding
//! data, as JSONata has it and AWS does not.

use super::core::Core;
use super::engine::{Data, Evaluator, Fault};
use crate::{Ambient, Budget};
use json::Value;
use std::time::Duration;

const CASES: &str = include_str!("../../tests/jsonata/suite.jsonl");

/// What comes out otherwise here: the start of the case's id, and the reason.
const DIFFERENT: &[(&str, &str)] = &[
    ("function-eval/", "AWS removes `$eval`"),
    ("range-operator/case021.json", "ten million numbers are more than an evaluation may hold, as on AWS"),
    ("range-operator/case024.json", "ten million numbers are more than an evaluation may hold, as on AWS"),
];

/// Guards stand around what they guard, and some cases tell to the level how deep they nest.
const GUARDS_DEPTH: usize = 2;

struct SuiteData {
    data: Option<Value>,
    bindings: Value,
}

impl Data for SuiteData {
    fn states(&self, _: &str) -> Option<&Value> {
        None
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        self.bindings.get(name)
    }

    fn root(&self) -> Option<&Value> {
        self.data.as_ref()
    }
}

#[test]
fn reference_suite() {
    let mut wrong = Vec::new();
    let mut expected_and_right = Vec::new();
    let mut unreadable = 0;
    for line in CASES.lines() {
        let Ok(case) = Value::parse(line) else {
            unreadable += 1;
            continue;
        };
        let part = |name| case.get(name).and_then(Value::as_str).unwrap();
        let id = format!("{}/{}#{}", part("group"), part("file"), case.get("n").unwrap());
        let difference = DIFFERENT.iter().find(|(start, _)| id.starts_with(start));
        match (run(&case), difference) {
            (Ok(()), None) | (Err(_), Some(_)) => {}
            (Ok(()), Some((start, _))) => expected_and_right.push(*start),
            (Err(message), None) => wrong.push(format!("{id}: {} : {message}", case.get("expr").unwrap())),
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(unreadable, 2, "lone surrogates have no UTF-8 form");
    assert_eq!(expected_and_right, Vec::<&str>::new(), "right, although expected to be different");
}

fn run(case: &Value) -> Result<(), String> {
    let expression = case.get("expr").and_then(Value::as_str).unwrap();
    let want = case.get("want").unwrap();
    let number = |name, default| case.get(name).and_then(Value::as_i64).map_or(default, |n| u64::try_from(n).unwrap());
    // What has an end is given the time that a busy machine may need for it.
    let has_end = want.get("code").and_then(Value::as_str) != Some("U1001");
    let budget = Budget {
        time: if has_end { Duration::from_hours(1) } else { Duration::from_millis(number("tl", 10_000)) },
        memory_bytes: 16 << 20,
        depth: usize::try_from(number("depth", 2_000)).unwrap() + if has_end { GUARDS_DEPTH } else { 0 },
        last: true,
    };
    let ambient = Ambient::new(1_764_000_000_123, 1, budget);
    let data =
        SuiteData { data: case.get("data").cloned(), bindings: case.get("bindings").cloned().unwrap_or_default() };
    let got = Core::parse(expression).map(|core| core.evaluate(&data, &ambient));
    let kind = want.get("k").and_then(Value::as_str).unwrap();
    match (kind, &got) {
        ("ok", Ok(Ok(Some(value)))) if same(value, want.get("v").unwrap()) => Ok(()),
        ("err", Ok(Err(fault))) if has_code(fault, want) => Ok(()),
        ("undef", Ok(Ok(None))) | ("err", Err(_)) => Ok(()),
        _ => Err(format!("want {want}, got {got:?}")),
    }
}

fn has_code(fault: &Fault, want: &Value) -> bool {
    let code = want.get("code").and_then(Value::as_str);
    match fault {
        Fault::Error { code: found, .. } => code.is_none_or(|code| code == found),
        // The suite knows one code for each way to end an expression that does not end.
        Fault::Time | Fault::TooMuchToRead | Fault::Depth => code == Some("U1001"),
        _ => true,
    }
}

/// Equal, with numbers compared as the `f64` that they are in JSONata.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right.iter()).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
        }
        (Value::Number(left), Value::Number(right)) => {
            let (left, right) = (left.as_f64(), right.as_f64());
            (left - right).abs() <= left.abs().max(right.abs()) * f64::EPSILON
        }
        _ => left == right,
    }
}
