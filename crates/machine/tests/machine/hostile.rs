//! Definitions that want all the time or memory there is: each ends with AWS's failure, within a few bounded steps.
//!
//! They run as the engine runs them: every step with a small budget first, and again with the last when that was not
//! enough. What one costs its neighbours is then at most the small budget a step.

use crate::world::World;
use asl::StateMachineType::{self, Express, Standard};
use machine::{Effect, Outcome, Status, Trigger};
use query::Budget;
use std::time::Duration;

const QUICK: Budget =
    Budget { time: Duration::from_millis(5), memory_bytes: Budget::MEMORY_BYTES, depth: 512, last: false };
const LAST: Budget = Budget { time: Duration::from_millis(60), last: true, ..QUICK };
/// A hostile definition gets no further than this.
const STEPS_MAX: u64 = 600;
const SLOW_STEPS_MAX: u64 = 30;

const LIMIT: &str = "States.DataLimitExceeded";
const RUNTIME: &str = "States.Runtime";
const QUERY: &str = "States.QueryEvaluationError";
const FULL: &str = "The execution reached the maximum number of history events (5000).";
const TOO_LONG: &str = "visits too many values, or finds too many";
const TIMEOUT: &str = "Expression evaluation timeout: Check for infinite loop";
const MEMORY: &str = "Expression evaluation memory limit exceeded: Check for excessive memory usage";

fn check(name: &str, of_type: StateMachineType, definition: &str, input: &str, expected: (&str, &str)) {
    let mut world = World::new(definition, of_type, input);
    (world.quick_budget, world.budget) = (Some(QUICK), LAST);
    (world.limits.history_events_max, world.limits.express_history_events_max) = (5_000, 5_000);
    let mut step = world.step(Trigger::Start);
    while world.outcome.is_none() {
        assert!(world.steps < STEPS_MAX, "{name}: {} steps", world.steps);
        assert!(step.effects.iter().any(|effect| matches!(effect, Effect::Continue)), "{name} waits");
        step = world.step(Trigger::Continue);
    }
    let ended = world.outcome.as_ref().map(Outcome::status);
    assert_eq!(ended, Some(Status::Failed), "{name}");
    let (error, cause) = world.failure();
    let (expected_error, expected_cause) = expected;
    // Which limit of JSONata comes first is up to the machine.
    let limits = [TIMEOUT, MEMORY];
    let limit = limits.contains(&expected_cause) && limits.iter().any(|limit| cause.contains(limit));
    let shown: String = cause.chars().take(300).collect();
    assert_eq!(error, expected_error, "{name}: {shown}");
    assert!(limit || cause.contains(expected_cause), "{name}: {shown}");
    assert!(world.slow_steps <= SLOW_STEPS_MAX, "{name}: {} slow steps", world.slow_steps);
}

/// One state, `A`, with these fields.
fn one(fields: &str) -> String {
    format!(r#"{{"StartAt": "A", "States": {{"A": {{{fields}}}}}}}"#)
}

/// The same in JSONata.
fn one_jsonata(fields: &str) -> String {
    format!(r#"{{"QueryLanguage": "JSONata", "StartAt": "A", "States": {{"A": {{{fields}}}}}}}"#)
}

/// A Pass state that goes round and round.
fn round(fields: &str) -> String {
    format!(
        r#"{{"StartAt": "A", "States": {{"A": {{"Type": "Pass", {fields} "Next": "B"}}, "C": {{"Type": "Succeed"}},
            "B": {{"Type": "Choice", "Choices": [{{"Variable": "$", "IsPresent": true, "Next": "A"}}], "Default": "C"}}}}}}"#
    )
}

/// A template of `count` members with the same value.
fn many(count: usize, suffix: &str, value: &str) -> String {
    let members: Vec<String> = (0..count).map(|n| format!(r#""m{n}{suffix}": "{value}""#)).collect();
    format!("{{{}}}", members.join(","))
}

/// A list of `count` times this.
fn list(count: usize, element: &str) -> String {
    format!("[{}]", vec![element; count].join(","))
}

/// A flow in a flow, `depth` times.
fn nested(depth: usize, wrap: fn(&str, usize) -> String) -> String {
    let inner = r#"{"StartAt": "Q", "States": {"Q": {"Type": "Pass", "End": true}}}"#.to_owned();
    (0..depth).fold(inner, |flow, level| wrap(&flow, level))
}

#[test]
fn paths() {
    let members = list(2_000, r#"{"a":{"b":[1,2,3]},"c":"x"}"#);
    let slow = many(400, ".$", "$..[?(@.b)]");
    for (name, definition) in [
        ("Parameters", one(&format!(r#""Type": "Pass", "Parameters": {slow}, "End": true"#))),
        ("Assign", one(&format!(r#""Type": "Pass", "Assign": {slow}, "End": true"#))),
        (
            "ResultSelector",
            one(&format!(
                r#""Type": "Parallel", "End": true, "ResultSelector": {slow}, "Branches": [{}]"#,
                nested(0, |_, _| String::new())
            )),
        ),
        (
            "ItemSelector",
            one(&format!(
                r#""Type": "Map", "End": true, "ItemSelector": {slow}, "ItemProcessor": {}"#,
                nested(0, |_, _| String::new())
            )),
        ),
        ("InputPath", one(r#""Type": "Pass", "InputPath": "$..[?($..b)]", "End": true"#)),
        ("OutputPath", one(r#""Type": "Pass", "OutputPath": "$[?(@..a && $..b)]", "End": true"#)),
        (
            "a path in a call",
            one(r#""Type": "Pass", "Parameters": {"x.$": "States.ArrayLength($..[?($..b)])"}, "End": true"#),
        ),
        (
            "a regular expression",
            one(r#""Type": "Pass", "Parameters": {"x.$": "$..[?(@.c =~ /[ax]*x[ax]{9000}/)]"}, "End": true"#),
        ),
        ("lists in lists", one(r#""Type": "Pass", "Parameters": {"x.$": "$[?($[*] subsetof $[*].c)]"}, "End": true"#)),
    ] {
        check(name, Standard, &definition, &members, (RUNTIME, ""));
    }
    let error = one(r#""Type": "Fail", "CausePath": "States.JsonToString($..[?($..b)])""#);
    check("CausePath", Standard, &error, &members, (RUNTIME, TOO_LONG));
}

#[test]
fn templates_and_intrinsic_functions() {
    let list_of = list(200, &format!(r#""{}""#, "x".repeat(900)));
    let call = |call: &str| one(&format!(r#""Type": "Pass", "Parameters": {{"x.$": "{call}"}}, "End": true"#));
    let doubled = (0..9).fold("$".to_owned(), |inner, _| format!("States.Array({inner}, {inner})"));
    let quoted = (0..9).fold("$".to_owned(), |inner, _| format!("States.JsonToString({inner})"));
    let alike: Vec<String> = (0..8_000).map(|n| format!("1000000000000000000000000{n:05}")).collect();
    let bombs = [
        ("copies", one(&format!(r#""Type": "Pass", "Parameters": {}, "End": true"#, many(5_000, ".$", "$"))), LIMIT),
        ("copies in a loop", round(r#""Parameters": {"a.$": "$", "b.$": "$"},"#), LIMIT),
        ("nested arrays", call(&doubled), LIMIT),
        ("quotes of quotes", call(&quoted), LIMIT),
        (
            "texts in a loop",
            round(r#""Parameters": {"x.$": "States.Format('{}{}', $, $)"}, "OutputPath": "$.x","#),
            LIMIT,
        ),
        ("variables in a loop", round(r#""Assign": {"x.$": "States.Array($, $, $)"}, "#), LIMIT),
    ];
    let many_values = list(80_000, "1");
    for (name, definition, error) in &bombs {
        check(name, Standard, definition, &list_of, (error, ""));
    }
    let same_hash = format!("[{}]", alike.join(","));
    check("one hash", Standard, &call("States.ArrayUnique($)"), &same_hash, (RUNTIME, "The call takes too long"));
    let deep = format!(r#""{}""#, "[".repeat(100_000));
    check("brackets", Standard, &call("States.StringToJson($)"), &deep, ("States.IntrinsicFailure", "not a JSON text"));
    let calls = one(&format!(
        r#""Type": "Pass", "Parameters": {}, "End": true"#,
        many(2_000, ".$", "States.ArrayContains($, 1)")
    ));
    check("many calls", Standard, &calls, &many_values, (RUNTIME, "The call takes too long"));
}

#[test]
fn loops_and_forks() {
    let parallel = |flow: &str, level: usize| {
        let named = |branch: usize| flow.replace("\"Q", &format!("\"Q{level}{branch}"));
        let state = format!(r#"{{"Type": "Parallel", "End": true, "Branches": [{}, {}]}}"#, named(0), named(1));
        format!(r#"{{"StartAt": "Q{level}", "States": {{"Q{level}": {state}}}}}"#)
    };
    let map = |flow: &str, level: usize| {
        let state =
            format!(r#"{{"Type": "Map", "End": true, "ItemsPath": "$$.Execution.Input", "ItemProcessor": {flow}}}"#);
        format!(r#"{{"StartAt": "M{level}", "States": {{"M{level}": {state}}}}}"#)
    };
    let (maps, parallels) = (nested(12, map), nested(11, parallel));
    let numbers = list(40, "1");
    for of_type in [Standard, Express] {
        check("a loop", of_type, &round(""), "{}", (RUNTIME, FULL));
        check("a loop with a text", of_type, &round(""), &format!(r#""{}""#, "x".repeat(200_000)), (RUNTIME, FULL));
        check("Maps in Maps", of_type, &maps, &numbers, (RUNTIME, FULL));
        check("a Map of many", of_type, &nested(1, map), &list(100_000, "1"), (RUNTIME, FULL));
        check("branches of branches", of_type, &parallels, "{}", (RUNTIME, FULL));
    }
    let computing = round(r#""QueryLanguage": "JSONata", "Output": "{% $sum([1..1000]) %}","#);
    check("a loop that computes", Express, &computing, "{}", (RUNTIME, FULL));
}

#[test]
fn jsonata() {
    let forever = "($f := function($n) { $f($n + 1) }; $f(1))";
    let pass = |text: &str| one_jsonata(&format!(r#""Type": "Pass", "Output": "{{% {text} %}}", "End": true"#));
    let bombs = [
        ("no end", pass(forever), TIMEOUT),
        ("depth", pass("($f := function($n) { 1 + $f($n + 1) }; $f(1))"), "Stack overflow error"),
        ("loops", pass("$reduce([1..100000], function($a, $n) { $sum([1..100000]) })"), TIMEOUT),
        ("a range", pass("[1..10000000]"), MEMORY),
        ("a wide range", pass("[1..10000001]"), "D2014"),
        ("steps", pass("$range(0, 1e12, 1)"), MEMORY),
        ("a pad", pass("$pad('x', 2e9)"), MEMORY),
        ("texts", pass("$reduce([1..60], function($s, $n) { $s & $s }, 'x')"), MEMORY),
        ("arrays", pass("$reduce([1..60], function($a, $n) { $append($a, $a) }, [1])"), MEMORY),
        ("shared", pass("$string($reduce([1..60], function($a, $n) { [[$a], [$a]] }, [1]))"), MEMORY),
        ("pairs", pass("($l := [1..3000]; $l.($l.($)))"), TIMEOUT),
        ("distinct", pass("$distinct([1..100000])"), TIMEOUT),
        ("a regular expression", pass("$contains($pad('', 100000, 'a'), /[ab]*a[ab]{900}c/)"), TIMEOUT),
        ("a replacement", pass("($s := $pad('', 100000, 'a'); $replace($s, 'a', $s))"), MEMORY),
        (
            "in Assign",
            one_jsonata(&format!(r#""Type": "Pass", "Assign": {{"v": "{{% {forever} %}}"}}, "End": true"#)),
            TIMEOUT,
        ),
        (
            "in Condition",
            one_jsonata(&format!(
                r#""Type": "Choice", "Choices": [{{"Condition": "{{% {forever} = 1 %}}", "Next": "B"}}]}}, "B": {{"Type": "Succeed""#
            )),
            TIMEOUT,
        ),
        (
            "in Seconds",
            one_jsonata(&format!(r#""Type": "Wait", "Seconds": "{{% {forever} %}}", "End": true"#)),
            TIMEOUT,
        ),
        ("in Error", one_jsonata(&format!(r#""Type": "Fail", "Error": "{{% {forever} %}}""#)), TIMEOUT),
        (
            "in Items",
            one_jsonata(&format!(
                r#""Type": "Map", "Items": "{{% {forever} %}}", "End": true, "ItemProcessor": {}"#,
                nested(0, |_, _| String::new())
            )),
            TIMEOUT,
        ),
        (
            "in Arguments",
            one_jsonata(&format!(
                r#""Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": {{"x": "{{% {forever} %}}"}}, "End": true"#
            )),
            TIMEOUT,
        ),
        (
            "in many fields",
            one_jsonata(&format!(
                r#""Type": "Pass", "Output": {}, "End": true"#,
                many(300, "", "{% $distinct([1..2000]) %}")
            )),
            TIMEOUT,
        ),
    ];
    for (name, definition, cause) in &bombs {
        check(name, Standard, definition, "{}", (QUERY, cause));
    }
}
