//! What expressions and templates give, and what they say when they give nothing.

use super::{Expression, Template};
use crate::testing::{parse, with_scope};
use crate::{Ambient, Budget, Location, Reason, Scope, Variables};
use json::{Object, Value};
use std::time::Duration;

const INPUT: &str = r#"{"a":{"b":41},"items":[{"price":2,"n":1},{"price":3,"n":2}],"one":[7],"none":[],"nested":[[1]],
    "big":9007199254740993,"text":"abc","null":null}"#;
const VARIABLES: &str = r#"{"order":{"id":5},"list":[1,2,3]}"#;

fn ambient() -> Ambient {
    let budget = Budget { time: Duration::from_secs(5), memory_bytes: 1 << 20, depth: 200, last: true };
    Ambient::new(1_764_000_000_123, 7, budget)
}

fn evaluate(text: &str) -> Result<Value, String> {
    let expression = Expression::parse(text).map_err(|error| error.message)?;
    // The scope has one variable, `x`.
    let result = with_scope(INPUT, VARIABLES, |scope| expression.evaluate(scope, &ambient(), "Output/x"));
    result.map_err(|failure| {
        assert_eq!((failure.reason, &*failure.location), (Reason::QueryEvaluation, "Output/x"));
        let start = format!("The JSONata expression '{}' specified for the field 'Output/x' ", text.trim());
        failure.message.strip_prefix(&start).expect("AWS's sentence").to_owned()
    })
}

fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let value = evaluate(text).unwrap_or_else(|message| panic!("{text}: {message}"));
        assert_eq!(value.to_string(), *expected, "{text}");
    }
}

fn check_failures(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(evaluate(text).unwrap_err(), *expected, "{text}");
    }
}

#[test]
fn references() {
    check(&[
        ("$states.input.a.b + 1", "42"),
        ("$states.input.a", r#"{"b":41}"#),
        ("$states.input.big", "9007199254740993"),
        ("$states.input.one", "[7]"),
        ("$states.input.none", "[]"),
        ("$states.input.nested", "[[1]]"),
        ("$states.input.`null`", "null"),
        ("$states.input.items.price", "[2,3]"),
        ("$states.input.items.price[0]", "[2,3]"),
        ("$states.input.items[0].price", "2"),
        ("$states.input.items[price > 2].n", "2"),
        ("$states.input.items[price > 2].n[]", "[2]"),
        ("$sum($states.input.items.(price * n))", "8"),
        ("$states.context.State.Name", r#""State""#),
        ("$states.*.State.Name", r#""State""#),
        ("$lookup($states, 'context').Execution.Name", r#""run""#),
        ("$keys($states)", r#"["input","context"]"#),
        ("$count($keys($states.input)) + $states.input.a.b", "49"),
        ("$exists($states.input.a) and $not($exists($states.input.z)) and $not($exists($states.result))", "true"),
        ("$x.order.id", "5"),
        ("$x.list", "[1,2,3]"),
        ("($x := $x.order; $x.id)", "5"),
        ("$states.input.items.{'p': price, 'c': %.a.b}", r#"[{"p":2,"c":41},{"p":3,"c":41}]"#),
        ("$states.input.a.(b)", "41"),
        ("$map($x.list, function($v) { $v * $states.input.a.b })", "[41,82,123]"),
    ]);
}

#[test]
fn additions() {
    check(&[
        ("$partition([1,2,3,4,5], 2)", "[[1,2],[3,4],[5]]"),
        ("$range(0, 10, 5)", "[0,5,10]"),
        ("$range(1, 2, 0.25)", "[1,1.25,1.5,1.75,2]"),
        ("$range(3, 1, -1)", "[3,2,1]"),
        ("$range(3, 1, 1)", "[]"),
        ("$hash('abc', 'MD5')", r#""900150983cd24fb0d6963f7d28e17f72""#),
        ("'abc' ~> $hash('SHA-1')", r#""a9993e364706816aba3e25717850c26c9cd0d89d""#),
        (
            "$length($hash('abc', 'SHA-256')) + $length($hash('abc', 'SHA-384')) + $length($hash('abc', 'SHA-512'))",
            "288",
        ),
        (r#"$parse('{"a":[1,2.5,null]}')"#, r#"{"a":[1,2.5,null]}"#),
        ("$parse('[1]')", "[1]"),
        ("$length($uuid())", "36"),
        ("$uuid() != $uuid()", "true"),
        ("$random(4) = $random(4)", "true"),
        ("$random() != $random()", "true"),
        ("$random() < 1", "true"),
        ("$sort($shuffle([3,1,2]))", "[1,2,3]"),
    ]);
    check_failures(&[
        ("$eval('1')", "threw an error during evaluation. T1006: Attempted to invoke a non-function"),
        ("($e := $eval; $e('1'))", "threw an error during evaluation. T1006: Attempted to invoke a non-function"),
        ("$randomSeeded(1)", "threw an error during evaluation. T1006: Attempted to invoke a non-function"),
        (
            "$partition(1, 1)",
            "threw an error during evaluation. T0410: Argument 1 of function \"partition\" does not match function signature",
        ),
        (
            "$hash('a', 'CRC')",
            "threw an error during evaluation: The hash algorithm must be one of MD5, SHA-1, SHA-256, SHA-384, SHA-512, \
             but was CRC",
        ),
    ]);
}

#[test]
fn regular_expressions_look_neither_around_nor_back() {
    for (text, expected) in [
        ("$contains('ab', /a(?=b)/)", "look-around"),
        ("$contains('ab', /a(?!b)/)", "look-around"),
        ("$contains('ab', /(?<=a)b/)", "look-around"),
        ("$contains('aa', /(a)\\1/)", "backreferences"),
    ] {
        let refused = evaluate(text).unwrap_err();
        assert!(refused.contains(expected), "{text}: {refused}");
    }
}

#[test]
fn time_is_that_of_the_step() {
    check(&[
        ("$now()", r#""2025-11-24T16:00:00.123Z""#),
        ("$now('[Y0001]-[M01]-[D01]')", r#""2025-11-24""#),
        ("$now('[H01]:[m01] [z]', '+0200')", r#""18:00 GMT+02:00""#),
        ("$millis()", "1764000000123"),
        ("($n := $now; $n())", r#""2025-11-24T16:00:00.123Z""#),
        ("$map([1], $millis)", "1764000000123"),
        ("$toMillis($now()) = $millis()", "true"),
        ("$toMillis('13:45', '[H]:[m]') ~> $fromMillis()", r#""2025-11-24T13:45:00.000Z""#),
        ("($now := function() { 'mine' }; $now())", r#""mine""#),
    ]);
}

#[test]
fn guards_change_nothing() {
    check(&[
        ("$map([1,2], $string)", r#"["1","2"]"#),
        ("$map([1], function($v) { $v })[]", "[1]"),
        ("($j := $join; $j(['a','b'], '-'))", r#""a-b""#),
        ("['a','b'] ~> $join('-')", r#""a-b""#),
        ("($f := $join(?, '+'); $f(['a','b']))", r#""a+b""#),
        ("($join := function($x) { 'mine' }; $join(['a']))", r#""mine""#),
        ("('a b').$split(' ')", r#"["a","b"]"#),
        ("$states.input.text.$uppercase()", r#""ABC""#),
        ("[1,2].$string()", r#"["1","2"]"#),
        ("$replace('abc', /b/, function($m) { '<' & $m.match & '>' })", r#""a<b>c""#),
        ("($f := function($m) { 'x' }; $replace('abc', /b/, $f))", r#""axc""#),
        ("$replace('abc', 'b', $x.order.id & '')", r#""a5c""#),
        ("{'a': {'n': 1}} ~> |a|{'n': n + 1}|", r#"{"a":{"n":2}}"#),
        ("$states.input.items{$string(n): price}", r#"{"1":2,"2":3}"#),
        ("($f := function($n, $a) { $n = 0 ? $a : $f($n - 1, $a + 1) }; $f(1000, 0))", "1000"),
        ("'1' & 2 & true & null & [3] & {'a': 'b'}", r#""12truenull[3]{\"a\":\"b\"}""#),
        ("1/0", r#""Infinity""#),
    ]);
}

#[test]
fn a_variable_hides_the_function_of_its_name() {
    let variables = Object::from([("keys", parse("[1,2]")), ("now", parse(r#""then""#)), ("sum", parse("3"))]);
    for (text, expected) in [
        ("$keys", Ok("[1,2]")),
        ("$keys[1]", Ok("2")),
        ("$now & '!'", Ok(r#""then!""#)),
        ("($keys := $keys; $keys)", Ok("[1,2]")),
        ("$sum + 1", Ok("4")),
        ("$keys({})", Err("T1006")),
    ] {
        let expression = Expression::parse(text).unwrap();
        let found = with_scope("{}", "1", |scope| {
            let scope = Scope { variables: &Variables { scopes: vec![&variables] }, ..*scope };
            expression.evaluate(&scope, &ambient(), "Output")
        });
        match expected {
            Ok(value) => assert_eq!(found.unwrap().to_string(), value, "{text}"),
            Err(code) => assert!(found.unwrap_err().message.contains(code), "{text}"),
        }
    }
}

#[test]
fn sentences() {
    check_failures(&[
        ("$states.input.z", "returned nothing (undefined)."),
        (" $doesNotExist ", "returned nothing (undefined)."),
        ("$states.errorOutput", "returned nothing (undefined)."),
        ("$fn := function($x){$x}", "returned an unsupported result type."),
        ("[$sum]", "returned an unsupported result type."),
        (
            "1 + 'a'",
            "threw an error during evaluation. T2002: The right side of the \"+\" operator must evaluate to a number",
        ),
        (
            "$abs('a')",
            "threw an error during evaluation. T0410: Argument 1 of function \"abs\" does not match function signature",
        ),
        (
            "$sum(['a'])",
            "threw an error during evaluation. T0412: Argument 1 of function \"sum\" must be an array of \"numbers\"",
        ),
        (
            "$substring('abc', 1, 1, $length(5))",
            "threw an error during evaluation. T0410: Argument 1 of function \"length\" does not match function signature",
        ),
        ("$number('x')", "threw an error during evaluation. D3030: Unable to cast value to a number: \"x\""),
        ("$error('mine')", "threw an error during evaluation. D3137: mine"),
        (
            "$formatNumber(1, 'x')",
            "threw an error during evaluation. D3086: The sub-picture must not contain a passive character that is preceded by an active character and that is followed by another active character",
        ),
        (
            "{'a': 1, 'a': 2}",
            "threw an error during evaluation. D1009: Multiple key definitions evaluate to same key: \"a\"",
        ),
        (
            "[1..1.5]",
            "threw an error during evaluation. T2004: The right side of the range operator (..) must evaluate to an integer",
        ),
        (
            "$sum([1..900000])",
            "threw an error during evaluation: Expression evaluation memory limit exceeded: Check for excessive memory usage",
        ),
        (
            "($f := function($n) { 1 + $f($n) }; $f(1))",
            "threw an error during evaluation: Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive",
        ),
    ]);
}

#[test]
fn what_cannot_be_read_in_time_is_told_from_a_loop() {
    let input = format!("[{}0]", "{},".repeat(100_000));
    let budget = Budget { time: Duration::from_millis(1), memory_bytes: 1 << 20, depth: 200, last: true };
    let evaluate = |text: &str| {
        let (expression, ambient) = (Expression::parse(text).unwrap(), Ambient::new(0, 1, budget));
        with_scope(&input, "1", |scope| expression.evaluate(scope, &ambient, "Output")).unwrap_err().message
    };
    let read = evaluate("$count($states.input)");
    assert!(read.ends_with("Expression evaluation timeout: the data that it reads is too large"), "{read}");
    let looped = evaluate("($f := function() { $f() }; $f())");
    assert!(looped.ends_with("Expression evaluation timeout: Check for infinite loop"), "{looped}");
}

#[test]
fn syntax_errors() {
    check_failures(&[
        ("a[1,2)", "Expected \"]\", got \",\""),
        ("\"unterminated", "String literal must be terminated by a matching quote"),
        ("1 +", "Unexpected end of expression"),
        ("{\"a\":}", "The symbol \"}\" cannot be used as a unary operator"),
        ("(1", "Expected \")\" before end of expression"),
        ("1 2", "Syntax error: \"2\""),
        ("", "Unexpected end of expression"),
        ("phone", "Reference to 'phone' at the top level is not supported."),
        ("$sum(order.price)", "Reference to 'order' at the top level is not supported."),
        ("$", "Reference to '$' at the top level is not supported."),
        ("$.a", "Reference to '$' at the top level is not supported."),
        ("$states.input.a[$$.b]", "Reference to '$$' at the top level is not supported."),
        ("{'a': b}", "Reference to 'b' at the top level is not supported."),
    ]);
}

#[test]
fn variables_are_those_that_come_from_outside() {
    for (text, expected) in [
        ("$b.c + $a + $states.input.d", vec!["a", "b"]),
        ("($y := $x; $map($y, function($v) { $v + $z }))", vec!["x", "z"]),
        ("$map($list, $string)", vec!["list"]),
        ("$sum($states.input)", vec![]),
    ] {
        assert_eq!(Expression::parse(text).unwrap().variables(), expected, "{text}");
    }
}

fn template(text: &str) -> Result<String, String> {
    let template = Template::parse(&parse(text), &Location::default()).map_err(|faults| {
        faults.into_iter().map(|(at, error)| format!("{at}: {}", error.message)).collect::<Vec<_>>().join("; ")
    })?;
    with_scope(INPUT, VARIABLES, |scope| template.evaluate(scope, &ambient(), "Output"))
        .map(|value| value.to_string())
        .map_err(|failure| failure.location)
}

#[test]
fn templates() {
    for (text, expected) in [
        (r#""{% $states.input.a.b %}""#, Ok("41")),
        (
            r#"{"z":[1,"{% $x.order.id %}",{"k":"{%$states.input.text%}"}],"a":"$x"}"#,
            Ok(r#"{"z":[1,5,{"k":"abc"}],"a":"$x"}"#),
        ),
        (r#"{"x":{"y":["{% 1 %}","{% $nothing %}"]}}"#, Err("Output/x/y[1]")),
        (r#""{% $nothing %}""#, Err("Output")),
        (
            r#"{"x":["{% 1 + %}",{"y":"{% b %}"}]}"#,
            Err("/x[0]: Unexpected end of expression; /x[1]/y: Reference to 'b' at the top level is not supported."),
        ),
        (r#"{"x":"{% 1"}"#, Err("/x: A JSONata expression must start with '{%' and end with '%}'")),
        (r#"{"constant":[1,{"b":null}]}"#, Ok(r#"{"constant":[1,{"b":null}]}"#)),
    ] {
        assert_eq!(template(text), expected.map(str::to_owned).map_err(str::to_owned), "{text}");
    }
}

#[test]
fn expressions_of_a_template_have_their_location() {
    let value = parse(r#"["{% $b %}",{"x":"{% $a & $b %}"}]"#);
    let at = Location::default().member("Output");
    let template = Template::parse(&value, &at).unwrap();
    assert_eq!(template.variables(), ["a", "b"]);
    let mut found = Vec::new();
    template.each_expression(&at, &mut |at, expression| found.push(format!("{at}: {}", expression.source())));
    assert_eq!(found, ["/Output[0]: $b", "/Output[1]/x: $a & $b"]);
}

#[test]
fn what_is_only_passed_on_is_shared() {
    let expression = Expression::parse("$states.input.items").unwrap();
    with_scope(INPUT, VARIABLES, |scope| {
        let found = expression.evaluate(scope, &ambient(), "Output").unwrap();
        let held = scope.input.get("items").unwrap();
        assert!(std::ptr::eq(found.as_array().unwrap(), held.as_array().unwrap()));
    });
}

#[test]
fn equal_ambients_give_equal_results() {
    let expression = Expression::parse("[$uuid(), $random(), $now(), $shuffle([1..9])]").unwrap();
    let evaluate = || with_scope("1", "1", |scope| expression.evaluate(scope, &ambient(), "Output")).unwrap();
    assert_eq!(evaluate(), evaluate());
}

#[test]
fn expressions_are_shared_by_threads() {
    fn check<T: Send + Sync + Clone>() {}
    check::<Expression>();
    check::<Template>();
}
