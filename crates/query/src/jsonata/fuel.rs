//! What evaluations count before they work: no clock is looked at, so the figures are the same everywhere.

use super::Expression;
use crate::testing::with_scope;
use crate::{Ambient, Budget, Reason};
use std::time::Duration;

/// As long as nobody waits for.
const BUDGET: Budget =
    Budget { time: Duration::from_hours(1), memory_bytes: Budget::MEMORY_BYTES, depth: 512, last: true };
/// What a step has on the thread of a shard.
const QUICK: Budget = Budget { time: Duration::from_millis(5), last: false, ..BUDGET };

/// 100,000 numbers, 10,000 objects and a text of 200,000 characters.
fn large_input() -> String {
    let numbers: Vec<String> = (0..100_000).map(|n| (n * 7 % 9).to_string()).collect();
    let objects: Vec<String> = (0..10_000).map(|n| format!(r#"{{"a":{n},"b":"x{n}"}}"#)).collect();
    let text = "ab c".repeat(50_000);
    format!(r#"{{"n":[{}],"o":[{}],"t":"{text}"}}"#, numbers.join(","), objects.join(","))
}

/// The fuel that `text` takes, in microseconds.
fn counted_us(text: &str, input: &str) -> u64 {
    let expression = Expression::parse(text).unwrap();
    let ambient = Ambient::new(0, 1, BUDGET);
    with_scope(input, "1", |scope| expression.evaluate(scope, &ambient, "Output")).unwrap();
    (Ambient::new(0, 1, BUDGET).fuel() - ambient.fuel()) / 1_000
}

/// Checks that each call counts at least so many microseconds, beside what it is given.
fn check(cases: &[(&str, u64)]) {
    let input = large_input();
    let given = "$n := $states.input.n; $o := $states.input.o; $t := $states.input.t";
    let counted = |call: &str| counted_us(&format!("({given}; $count({call}))"), &input);
    let nothing = counted("$n");
    for (call, least_us) in cases {
        let counted_us = counted(call).saturating_sub(nothing);
        assert!(counted_us >= *least_us, "{call}: {counted_us} µs instead of {least_us}");
    }
}

#[test]
fn arrays_and_objects() {
    check(&[
        ("[1..100000]", 8_000),
        ("$reverse($n)", 2_000),
        ("$shuffle($n)", 6_000),
        ("$append($n, $n)", 4_000),
        ("$sort($n)", 20_000),
        ("$sort($o, function($a, $b) { $a.b > $b.b })", 2_000),
        ("$n^($)", 20_000),
        ("$zip($n, $n)", 25_000),
        ("$partition($n, 2)", 10_000),
        ("$range(1, 100000, 1)", 1_500),
        ("$distinct($n)", 10_000_000),
        ("$keys($o)", 3_000),
        ("$spread($o)", 18_000),
        ("$merge($o)", 6_000),
        ("$o#$i.{'i': $i}", 30_000),
        ("$n.**", 2_000),
        ("$n = $n", 2_000),
    ]);
}

#[test]
fn texts() {
    check(&[
        ("$string($n)", 15_000),
        ("$n & ''", 15_000),
        ("$split($t, '')", 20_000),
        ("$split($t, / /)", 5_000),
        ("$match($t, /a/)", 30_000),
        ("$contains($t, 'z')", 200),
        ("$replace($t, 'a', 'b')", 250),
        ("$join($split($t, ' '))", 1_500),
        ("$pad('', 100000, 'ab')", 400),
        ("$trim($t)", 2_800),
        ("$uppercase($t)", 1_000),
        ("$substring($t, 5)", 600),
        ("$base64encode($t)", 400),
        ("$encodeUrlComponent($t)", 1_200),
        ("$hash($t, 'MD5')", 600),
        ("$parse($string($n))", 25_000),
    ]);
}

#[test]
fn pictures() {
    check(&[
        ("$formatNumber(1, $pad('', 3000, '#,') & '0')", 9_000),
        ("$formatInteger(1, $pad('', 3000, '#,') & '0')", 9_000),
        ("$parseInteger('1', $pad('', 3000, '#,') & '0')", 9_000),
        ("$parseInteger($pad('', 10000, '1'), '#0')", 2_000),
        ("$toMillis('1', $pad('', 3000, 'a'))", 6_000),
        ("$fromMillis(1, $pad('', 20000, 'a'))", 6_000),
    ]);
}

#[test]
fn functions_by_value_and_chains() {
    check(&[
        ("$n ~> $sort", 20_000),
        ("$map([[$n]], $reverse)", 2_000),
        ("($f := $sort; $f($n))", 20_000),
        ("[[$n]].$reverse($)", 2_000),
        ("$filter([[$n]], function($x) { $count($sort($x)) > 0 })", 20_000),
    ]);
}

#[test]
fn what_is_read_and_what_is_given_is_counted() {
    let input = large_input();
    assert!(counted_us("$count($states.input.o)", &input) >= 7_000);
    assert!(counted_us("$count($states.input.n)", &input) >= 2_000);
    assert!(counted_us("$states.input.o.{'a': a}", &input) >= counted_us("$count($states.input.o)", &input) + 5_000);
    assert_eq!(counted_us("$states.input.o", &input), 0, "what is only passed on is not converted");
}

#[test]
fn honest_expressions_count_little() {
    let items: Vec<String> = (0..20).map(|n| format!(r#"{{"sku":"sku-{n}","price":{n}.5,"quantity":2}}"#)).collect();
    let input = format!(r#"{{"items":[{}],"name":"Ada","total":820}}"#, items.join(","));
    for text in [
        "'Order of ' & $states.input.name",
        "$states.input.total > 40 and $states.input.name = 'Ada'",
        "$sum($states.input.items.(price * quantity))",
        "$map($states.input.items, function($item) { $uppercase($item.sku) })",
        "$states.input.items[price > 5]^(>price).{'sku': sku, 'cost': $formatNumber(price, '#,##0.00')}",
        "$sort($distinct($states.input.items.sku)) ~> $join(',')",
        "[1..100] ~> $reverse",
        "$toMillis('2026-01-31', '[Y0001]-[M01]-[D01]')",
    ] {
        let counted_us = counted_us(text, &input);
        assert!(counted_us <= 100, "{text}: {counted_us} µs");
    }
}

#[test]
fn a_quick_budget_refuses_before_the_work() {
    let input = large_input();
    for text in [
        "[1..800000]",
        "$shuffle([1..800000])",
        "$sort($states.input.n)",
        "$count($states.input.o)",
        "$string($states.input.n)",
        "$formatNumber(1, $pad('', 100000, '#,') & '0')",
    ] {
        let expression = Expression::parse(text).unwrap();
        let ambient = Ambient::new(0, 1, QUICK);
        let failure = with_scope(&input, "1", |scope| expression.evaluate(scope, &ambient, "Output")).unwrap_err();
        assert_eq!(failure.reason, Reason::OverBudget, "{text}");
    }
}
