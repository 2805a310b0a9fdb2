//! Intrinsic functions as they were recorded, and what they refuse.

use super::Call;
use crate::testing::{ambient, with_scope};
use crate::{Ambient, Budget, Failure, Reason};

const INPUT: &str = r#"{
    "list": [1,2,3,4,5,6,7,8,9], "json": "{\"a\": 1, \"b\": []}", "name": "Arnav", "template": "Hi {}, \\{{}\\}",
    "first": {"a": {"a1": 1, "a2": 2}, "b": 2, "d": 3}, "second": {"a": {"a3": 1}, "c": 3, "d": 4},
    "mixed": [null, null, true, true, 1, 1, 1.1, 1.10, "a", "a", [], [], {"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1, "b": 1}]
}"#;

fn evaluate(call: &str) -> Result<String, Failure> {
    let call = Call::parse(call).unwrap_or_else(|error| panic!("{call}: {}", error.message));
    with_scope(INPUT, "[1,2]", |scope| call.evaluate(scope, &ambient())).map(|value| value.to_string())
}

fn check(call: &str, expected: &str) {
    assert_eq!(evaluate(call).as_deref(), Ok(expected), "{call}");
}

fn check_fails(call: &str, reason: Reason, why: &str) {
    let failure = evaluate(call).unwrap_err();
    let message = format!("The function '{call}' had the following error: {why}");
    assert_eq!((failure.reason, failure.message), (reason, message));
}

#[test]
fn arrays() {
    check("States.Array()", "[]");
    check(
        "States.Array('a', 1, -1.5, true, null, $.name, $x, $$.State.Name)",
        r#"["a",1,-1.5,true,null,"Arnav",[1,2],"State"]"#,
    );
    check("States.ArrayPartition($.list,4)", "[[1,2,3,4],[5,6,7,8],[9]]");
    check("States.ArrayPartition($x, 5)", "[[1,2]]");
    check("States.ArrayContains($.list, 5)", "true");
    check("States.ArrayContains($.list, '5')", "false");
    check("States.ArrayRange(1, 9, 2)", "[1,3,5,7,9]");
    check("States.ArrayRange(0, 10, 3)", "[0,3,6,9]");
    check("States.ArrayRange(3, 1, -1)", "[3,2,1]");
    check("States.ArrayRange(3, 1, 1)", "[]");
    check("States.ArrayRange(0.5, 2.4, 1)", "[1,2]");
    check("States.ArrayGetItem($.list, 5)", "6");
    check("States.ArrayLength($.mixed)", "15");
    check("States.ArrayUnique($.mixed)", r#"[null,true,1,1.1,"a",[],{"a":1,"b":2},{"a":1,"b":1}]"#);
}

#[test]
fn numbers() {
    for (first, second, sum) in [
        ("-9", "3", -6),
        ("1.49", "1.5", 3),
        ("1.5", "1.51", 4),
        ("-1.49", "-1.5", -2),
        ("-1.5", "-1.51", -3),
        ("1.49", "-1.49", 0),
        ("2.5", "0", 3),
        ("-0.5", "0.5", 1),
        ("-0.5", "0", 0),
        ("-2.5", "0", -2),
    ] {
        check(&format!("States.MathAdd({first}, {second})"), &sum.to_string());
    }
    let drawn: i64 = evaluate("States.MathRandom(12.5, 44.51)").unwrap().parse().unwrap();
    assert!((13..45).contains(&drawn));
    let drawn: i64 = evaluate("States.MathRandom(-99999, -9999)").unwrap().parse().unwrap();
    assert!((-99_999..-9999).contains(&drawn));
    assert_eq!(evaluate("States.MathRandom(0, 999, 3)"), evaluate("States.MathRandom(0, 999, 3)"));
    check("States.MathRandom(5, 15, 42)", "5");
}

#[test]
fn strings() {
    check("States.Format('Hello {}, {}!', $.name, 7)", r#""Hello Arnav, 7!""#);
    check(r"States.Format('\{{}\} \'\\', 1)", r#""{1} '\\""#);
    check("States.Format($.template, 'a', 2.50)", r#""Hi a, {2.50}""#);
    check("States.Format('{}', $.second)", r#""{a={a3=1}, c=3, d=4}""#);
    check("States.Format('{}{}', $x, null)", r#""[1, 2]null""#);
    check("States.StringSplit('1,2,3', ',')", r#"["1","2","3"]"#);
    check("States.StringSplit(', , ,', ',')", r#"[" "," "]"#);
    check("States.StringSplit(',,,,', ',')", "[]");
    check("States.StringSplit('This.is+a,test=string', '.+,=')", r#"["This","is","a","test","string"]"#);
    check(r"States.Array('\{\}\\')", r#"["{}\\"]"#);
}

#[test]
fn json() {
    check("States.StringToJson($.json)", r#"{"a":1,"b":[]}"#);
    check("States.StringToJson('-0')", "0");
    check("States.StringToJson('{\"text\":[1, 2]}')", r#"{"text":[1,2]}"#);
    check("States.JsonToString($.list[?(@ > 8)])", r#""[9]""#);
    check("States.JsonToString($.name)", r#""\"Arnav\"""#);
    check("States.JsonMerge($.first, $.second, false)", r#"{"a":{"a3":1},"b":2,"d":4,"c":3}"#);
}

#[test]
fn encodings_and_hashes() {
    check("States.Base64Encode('Data to encode')", r#""RGF0YSB0byBlbmNvZGU=""#);
    check("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", r#""Data to encode""#);
    check("States.Base64Decode('')", r#""""#);
    for (algorithm, start) in [
        ("MD5", "812f45842bc6d66ee14572ce20db8e86"),
        ("SHA-1", "aaff4a450a104cd177d28d18d74485e8cae074b7"),
        ("SHA-256", "b4a697a057313163aee33cd8d40c66e9f0f177e00cac2de32475ffff6169c3e3"),
        ("SHA-384", "d28a7d5cf25a74f11a50a18452b75e04bb3d70c9dd0510d6123aa008c756511b87525bdc835ebb27e1fb9e9374a15562"),
        ("SHA-512", "6ce4adb348546d4f449c4d25aad9a7c9cb711d9e91982d3f0b29ca2f3f47d4ce2deba23bf2954f0f1d593fc50283731a"),
    ] {
        let hash = evaluate(&format!("States.Hash('input data', '{algorithm}')")).unwrap();
        assert!(hash.starts_with(&format!("\"{start}")), "{hash}");
    }
    assert_eq!(evaluate("States.UUID()").unwrap().len(), 38);
}

#[test]
fn calls_nest() {
    check("States.ArrayGetItem(States.StringSplit('a-b-c', '-'), States.MathAdd(States.ArrayLength($x), 0))", r#""c""#);
    let nested = |depth: usize| format!("{}1{}", "States.Array(".repeat(depth), ")".repeat(depth));
    check(&nested(10), "[[[[[[[[[[1]]]]]]]]]]");
    assert!(Call::parse(&nested(11)).is_err());
    let call = Call::parse("States.Array($a.b, States.Array($.c, $d), $.e[?(@ == $f)])").unwrap();
    assert_eq!(call.variables(), ["a", "d", "f"]);
}

#[test]
fn failures_name_the_whole_call() {
    let input = crate::testing::parse(INPUT).to_string();
    let why = format!("The JsonPath argument for the field '$.nope' could not be found in the input '{input}'");
    check_fails("States.Array(States.Format('{}',  $.nope))", Reason::Path, &why);
    check_fails("States.ArrayGetItem($x, 2)", Reason::Intrinsic, "Index 2 is out of bounds for an array of 2 elements");
    let expected = "Invalid arguments: expected an array, but found string";
    check_fails("States.ArrayLength($.name)", Reason::Intrinsic, expected);
    let expected = "Invalid arguments: the array must not have more than 1000 elements";
    check_fails("States.ArrayRange(1, 1001, 1)", Reason::Intrinsic, expected);
    for call in [
        "States.ArrayRange(1, 2, 0)",
        "States.ArrayPartition($x, 0)",
        "States.ArrayRange(-9e300, 9e300, 1)",
        "States.Format('{}')",
        "States.Format('{}', 1, 2)",
        "States.Format($x)",
        "States.StringToJson('{')",
        "States.JsonMerge($.first, $.second, true)",
        "States.JsonMerge($x, $.second, false)",
        "States.Base64Decode('%')",
        "States.Hash('a', 'CRC')",
        "States.MathRandom(2, 2)",
        "States.MathAdd('1', 2)",
        "States.MathAdd(9e300, 9e300)",
    ] {
        assert_eq!(evaluate(call).map_err(|failure| failure.reason), Err(Reason::Intrinsic), "{call}");
    }
    let long = "x".repeat(10_001);
    assert!(evaluate(&format!("States.Base64Encode('{long}')")).is_err());
    assert!(evaluate(&format!("States.Hash('{long}', 'MD5')")).is_err());
}

#[test]
fn texts_that_are_no_calls() {
    for text in [
        "States.None()",
        "States.Array",
        "States.Array(",
        "States.Array(1",
        "States.Array(1,)",
        "States.Array(1 2)",
        "States.Array(1) x",
        "States.Array('a)",
        r#"States.Array('a\"b')"#,
        r"States.Format('\n')",
        "States.Array(a)",
        "States.Array(\"a\")",
        "States.ArrayLength()",
        "States.ArrayLength($.a, 1)",
        "States.UUID(1)",
        "states.Array()",
        "States.Array($.a.)",
        r#"States.Format('He said, \"Hello, {}!\"', 'Test \"Name\" Here')"#,
    ] {
        assert!(Call::parse(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_built_stays_in_the_budget() {
    let doubled = (0..9).fold("$.list[*]".to_owned(), |inner, _| format!("States.Array({})", vec![inner; 2].join(",")));
    assert!(evaluate(&format!("States.JsonToString({doubled})")).is_ok());
    let many = format!("States.Array({})", vec!["$.mixed[*]"; 20].join(","));
    let many = format!("States.JsonToString(States.Array({}))", vec![many; 2000].join(","));
    assert_eq!(evaluate(&many).map_err(|failure| failure.reason), Err(Reason::TooLarge));
    // Each level writes a backslash before every quote and backslash of the one below.
    let nest = |depth| (0..depth).fold("$.quotes".to_owned(), |inner, _| format!("States.JsonToString({inner})"));
    let input = format!(r#"{{"quotes":"{}"}}"#, r#"\""#.repeat(10_000));
    let nested = |depth| {
        let call = Call::parse(&nest(depth)).unwrap();
        with_scope(&input, "1", |scope| call.evaluate(scope, &ambient())).map_err(|failure| failure.reason)
    };
    assert!(nested(5).is_ok());
    assert_eq!(nested(9), Err(Reason::TooLarge));
}

#[test]
fn what_takes_long_ends() {
    let alike: Vec<String> = (0..20_000).map(|n| format!("1000000000000000000000000{n:05}")).collect();
    let text = "ab".repeat(50_000);
    let input =
        format!(r#"{{"alike":[{}],"text":"{text}","list":[{}]}}"#, alike.join(","), vec!["[1]"; 50_000].join(","));
    for call in [
        "States.ArrayUnique($.alike)",
        "States.StringSplit($.text, $.text)",
        "States.ArrayContains($.list, 1)",
        "States.JsonToString($.list)",
        "States.Hash($.text, 'MD5')",
    ] {
        let parsed = Call::parse(call).unwrap();
        let time = std::time::Duration::from_micros(200);
        let ambient = Ambient::new(0, 1, Budget { time, memory_bytes: 1 << 20, depth: 100, last: false });
        let result = with_scope(&input, "1", |scope| parsed.evaluate(scope, &ambient));
        assert_eq!(result.map_err(|failure| failure.reason), Err(Reason::OverBudget), "{call}");
    }
}
