//! Expressions that want all the time or memory there is: each ends as a failure, on a thread with a small stack.

use super::Expression;
use crate::testing::with_scope;
use crate::{Ambient, Budget, Reason};
use std::time::Duration;

/// A stack as small as that of a worker thread.
const STACK_BYTES: usize = 2 << 20;
const BUDGET: Budget = Budget { time: Duration::from_millis(500), memory_bytes: 1 << 20, depth: 512, last: true };

/// What an expression ends with.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Parse,
    Memory,
    Depth,
    Time,
    /// Time or memory, whichever comes first on the machine.
    Limit,
    /// An error of the language.
    Error(&'static str),
    Internal,
    Value,
}

fn end_of(text: &str) -> End {
    let Ok(expression) = Expression::parse(text) else { return End::Parse };
    let input = r#"{"list":[1,2,3],"text":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#;
    let ambient = Ambient::new(0, 1, BUDGET);
    let Err(failure) = with_scope(input, "1", |scope| expression.evaluate(scope, &ambient, "Output")) else {
        return End::Value;
    };
    assert_eq!(failure.reason, Reason::QueryEvaluation, "{text}");
    let ends = [
        ("memory limit exceeded", End::Memory),
        ("Stack overflow", End::Depth),
        ("timeout", End::Time),
        ("internal error", End::Internal),
        ("D2014", End::Error("D2014")),
        ("D3132", End::Error("D3132")),
    ];
    let found = ends.iter().find(|(words, _)| failure.message.contains(words));
    found.unwrap_or_else(|| panic!("{text}: {failure}")).1
}

/// The same, on a thread with a small stack.
#[expect(clippy::disallowed_methods, reason = "a test has a thread with a small stack")]
fn end_of_small(text: &str) -> End {
    let (small, text) = (std::thread::Builder::new().stack_size(STACK_BYTES), text.to_owned());
    small.spawn(move || end_of(&text)).unwrap().join().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test has a thread with a small stack")]
fn check(cases: &[(&str, End)]) {
    let cases: Vec<(String, End)> = cases.iter().map(|(text, end)| ((*text).to_owned(), *end)).collect();
    let small = std::thread::Builder::new().stack_size(STACK_BYTES);
    let thread = small.spawn(move || {
        for (text, expected) in &cases {
            let found = end_of(text);
            let limit = *expected == End::Limit && matches!(found, End::Time | End::Memory);
            let shown: String = text.chars().take(200).collect();
            assert!(found == *expected || limit, "{shown}: {found:?} instead of {expected:?}");
        }
    });
    thread.unwrap().join().unwrap();
}

#[test]
fn endless() {
    check(&[
        ("($f := function($n) { $f($n + 1) }; $f(1))", End::Time),
        ("($f := function($n) { 1 + $f($n + 1) }; $f(1))", End::Depth),
        ("($f := function($n) { [$f($n)] }; $f(1))", End::Depth),
        ("($f := function($n) { $map([1], $f) }; $f(1))", End::Depth),
        ("$reduce([1..100000], function($a, $n) { $reduce([1..100000], function($b, $m) { $b + 1 }) })", End::Limit),
        ("$map([1..60000], function($n) { $map([1..60000], function($m) { $m }) })", End::Limit),
        ("($f := function($x) { $x ~> $f }; 1 ~> $f)", End::Depth),
    ]);
}

#[test]
fn sequences() {
    check(&[
        ("[1..10000001]", End::Error("D2014")),
        ("[1..1000000]", End::Limit),
        ("$range(0, 1e12, 1)", End::Memory),
        ("$range(0, 1, 1e-300)", End::Memory),
        ("$count([1..100000]) + $sum($map([1..100000], function($n) { [1..100000] }))", End::Limit),
        ("$states.input.list.([1..100000].([1..100000]))", End::Limit),
        ("$reduce([1..60], function($a, $n) { $append($a, $a) }, [1])", End::Memory),
        ("$distinct([1..100000])", End::Time),
        ("($l := [1..2000]; {'l': $l}.(l@$a.l@$b.{'a': $a, 'b': $b}))", End::Limit),
        ("($l := [1..2000]; $l.($l.($l)))", End::Memory),
        ("($l := [1..2000]; $l.[$l.($ + 1)])", End::Limit),
        ("$map([1..100000], function($n) { {'a': 1, 'b': $n} })", End::Limit),
        ("$map([1..100000], function($n) { [[$n]] })", End::Limit),
        ("($l := [1..1000]; $map([1..100000], function($n) { $reverse($l) }))", End::Limit),
        ("($s := $pad('', 10000); $map([1..100000], function($n) { $uppercase($s) }))", End::Limit),
        ("($s := $pad('', 10000); $l := [1..20000].$string(); $map($l, function($n) { $s & $n }))", End::Limit),
        ("$partition([1..100000], 1) ~> $map(function($p) { [$p, $p, $p, $p, $p, $p, $p, $p, $p, $p] })", End::Limit),
    ]);
}

#[test]
fn texts() {
    check(&[
        ("($f := function($s) { $f($s & $s) }; $f('x'))", End::Memory),
        ("$reduce([1..60], function($s, $n) { $s & $s }, 'x')", End::Memory),
        ("$pad('x', 2e9)", End::Memory),
        ("('x').$pad(-2e9)", End::Memory),
        ("$pad('x', 1e300, 'ab')", End::Memory),
        ("[1..3].$string().$pad('x', 1e9)", End::Memory),
        ("($p := $pad; $p('x', 1e9))", End::Memory),
        ("$map(['x'], $pad(?, 1e9))", End::Memory),
        ("('x' ~> $pad(1e9))", End::Memory),
        ("$join($map([1..100000], $string), $pad('', 10000))", End::Limit),
        ("$map([1..100000], $string) ~> $join($pad('', 10000))", End::Limit),
        ("($s := $pad('', 100000, 'a'); $replace($s, 'a', $s))", End::Memory),
        ("($s := $pad('', 100000, 'a'); $replace($s, /a/, $s))", End::Limit),
        ("($s := $pad('', 100000, 'a'); $replace($s, /a/, function($m) { $s }))", End::Limit),
        ("($s := $pad('', 100000, 'a'); $f := function($m) { $s }; $replace($s, /a/, $f))", End::Limit),
        ("($s := $pad('', 200000, 'a'); $split($s, ''))", End::Memory),
        ("($s := $pad('', 100000, 'a'); $match($s, /a/))", End::Memory),
        ("($s := $pad('', 200000, 'a'); $map([1..100000], function($n) { $s & $n }))", End::Limit),
        ("$formatInteger(1e15, 'I')", End::Memory),
        // Found by the fuzzer: it took all of the stack.
        ("$formatInteger(1/0, 'w')", End::Memory),
        ("$formatInteger(-1/0, 'Ww;o')", End::Memory),
        ("$formatInteger(0/0, 'w')", End::Memory),
        ("(1/0) ~> $formatInteger('w')", End::Memory),
        ("($f := $formatInteger; $f(1/0, 'w'))", End::Memory),
        ("$map([1/0], $formatInteger(?, 'w'))", End::Memory),
        ("(1/0).$formatInteger('w')", End::Memory),
        ("$fromMillis(0, '[Y,999999999]')", End::Error("D3132")),
    ]);
}

#[test]
fn shared_values() {
    let doubled = "$reduce([1..60], function($a, $n) { ";
    for body in [
        "[[$a], [$a]] }, [1])",
        "{'a': $a, 'b': $a} }, 1)",
        "[1, 2]{$string($): $a} }, 1)",
        "$zip([$a], [$a]) }, 1)",
        "[1, 2] ~> $map(function($x) { $a }) }, 1)",
        "{'a': 1, 'b': 2} ~> $each(function($x) { [$a] }) }, 1)",
        "{'l': {}, 'r': {}} ~> |l|{'a': $a}| ~> |r|{'a': $a}| }, 1)",
    ] {
        for end in ["", " ~> $string", " = 1", ".**", " & ''"] {
            check(&[(&format!("{doubled}{body}{end}"), End::Limit)]);
        }
    }
    check(&[("$string($reduce([1..100000], function($a, $n) { [[$a]] }, 1), true)", End::Limit)]);
}

/// Each function holds the one before: letting go of the last lets go of all of them.
#[test]
fn functions_that_hold_one_another() {
    for held in [
        "$reduce([1..COUNT], function($a, $b) { function() { $a } }, 1)",
        "$reduce([1..COUNT], function($a, $b) { [function() { $a }] }, 1)",
        "$reduce([1..COUNT], function($a, $b) { {'f': function() { $a }} }, 1)",
        "$reduce([1..COUNT], function($a, $b) { ($g := function() { $a }; $g) }, 1)",
        "$reduce([1..COUNT], function($a, $b) { $g := function() { $a } }, 1)",
        "$reduce([1..COUNT], function($a, $b) { true ? function() { $a } : 0 }, 1)",
        "$reduce([1..COUNT], function($a, $b) { $substring(?, $a) }, 1)",
        "$reduce([1..COUNT], function($a, $b) { ($g := $substring(?, $a); $g) }, 1)",
        "$reduce($map([1..COUNT], function($n) { function($x) { $x } }), function($a, $b) { $a ~> $b })",
        "$reduce($map([1..COUNT], function($n) { function($x) { $x } }), function($a, $b) { $a ~> $substring(?, 1) })",
        "$reduce([1..COUNT], function($a, $b) { |$|{'x': $a}| }, 1)",
        "$reduce([1..COUNT], function($a, $b) { $reduce([1], function($c, $d) { $c }, [function() { $a }]) }, 1)",
        "$reduce([1..COUNT], function($a, $b) { $append([], function() { $a }) }, 1)",
        "($f := function($x, $n) { $n = 0 ? $x : $f(function() { $x }, $n - 1) }; $f(1, COUNT))",
        "($f := 1; $l := [1..COUNT]^($type($f := function() { $f })); $f)",
        "($f := 1; $l := [1..COUNT][($f := function() { $f }; true)]; $f)",
    ] {
        // As many as may be made, and more.
        for count in ["20000", "60000"] {
            let text = format!("$type({})", held.replace("COUNT", count));
            let found = end_of_small(&text);
            assert!(matches!(found, End::Value | End::Time | End::Memory), "{text}: {found:?}");
        }
    }
    check(&[
        ("$reduce([1..60000], function($a, $b) { function() { $a } }, 1)", End::Limit),
        ("$count($map([1..1000], function($a) { $map([1], function($b) { $a + $b }) }))", End::Value),
        ("$map([1..9], function($a) { ($g := function($n) { $n < 2 ? 1 : $n * $g($n - 1) }; $g(5)) })[0]", End::Value),
        ("$map([1..3], function($a) { (function($x) { $x + $a })(1) })[2]", End::Value),
        ("$map([1..3], function($a) { $a ~> function($x) { $x + $a } })[2]", End::Value),
    ]);
}

#[test]
fn nesting() {
    let deep = |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(20_000), close.repeat(20_000));
    for text in [
        deep("(", "1", ")"),
        deep("[", "1", "]"),
        deep("{'a':", "1", "}"),
        deep("-", "1", ""),
        deep("$f(", "1", ")"),
        deep("function(){", "1", "}"),
        deep("1+", "1", ""),
        deep("$x.", "a", ""),
        deep("$x[", "0", "]"),
        deep("$x?", "1", ":2"),
    ] {
        check(&[(&text, End::Parse)]);
    }
    let within = |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(450), close.repeat(450));
    check(&[(&within("(", "1", ")"), End::Value)]);
}

#[test]
fn regular_expressions() {
    check(&[
        ("$match($pad('', 10000, 'a'), /(a+)+$/)", End::Value),
        ("$contains($states.input.text, /((a{1,50}){1,50}){1,50}/)", End::Parse),
        ("$map([1..100000], function($n) { $contains($pad('', 50000, 'a'), /(a|b|ab)*c/) })", End::Limit),
    ]);
}

#[test]
fn panics() {
    let silent = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !super::is_evaluating() {
            silent(info);
        }
    }));
    check(&[
        ("$fromMillis(1, '[M,/-]')", End::Value),
        ("$fromMillis(1, '[é]')", End::Error("D3132")),
        ("$toMillis('1', '[é,/-]')", End::Error("D3132")),
        ("$fromMillis(1, '[,1]')", End::Error("D3132")),
        ("$fromMillis(1, '[' & 'é]')", End::Error("D3132")),
        (r"$parseInteger('12', '###\u0661')", End::Internal),
        ("function($x)<é:n>{ $x }", End::Parse),
    ]);
}

#[test]
fn a_larger_budget_is_asked_for_unless_it_was_the_last() {
    let expression = Expression::parse("($f := function($n) { $f($n + 1) }; $f(1))").unwrap();
    let budget = Budget { time: Duration::from_millis(1), last: false, ..BUDGET };
    let evaluate = |budget| {
        with_scope("1", "1", |scope| expression.evaluate(scope, &Ambient::new(0, 1, budget), "Output")).unwrap_err()
    };
    assert_eq!(evaluate(budget).reason, Reason::OverBudget);
    assert_eq!(evaluate(Budget { last: true, ..budget }).reason, Reason::QueryEvaluation);
}
