//! Paths against values, and what is said about those that lead nowhere.

use super::Path;
use crate::testing::{ambient, with_scope};
use crate::{Ambient, Budget, Reason};

const STORE: &str = r#"{
    "users": [{"year": 1997, "name": "A", "status": 0}, {"year": 1998, "name": "B"}, {"year": 1999, "last": "C", "status": 2}],
    "list": [1, 2, 3, 4, 5], "a-b": {"c d": {"e": 7}}, "null": null, "text": "abc", "tags": ["x", "y"],
    "nested": {"list": [{"list": [1]}, {"list": [2, 3]}]}
}"#;

fn check(path: &str, expected: &str) {
    let found =
        with_scope(STORE, r#"{"y":[10,20]}"#, |scope| Path::parse(path).unwrap().find(scope, &ambient())).unwrap();
    assert_eq!(found.map_or("missing".to_owned(), |value| value.to_string()), expected, "{path}");
}

#[test]
fn definite_paths_give_the_value() {
    check("$.list", "[1,2,3,4,5]");
    check("$.list[0]", "1");
    check("$.list[-1]", "5");
    check("$.list[5]", "missing");
    check("$.list[-6]", "missing");
    check("$['text']", r#""abc""#);
    check(r#"$["text"]"#, r#""abc""#);
    check("$.a-b.['c d'].e", "7");
    check("$.a-b['c d']['e']", "7");
    check("$.null", "null");
    check("$.null.x", "missing");
    check("$.no", "missing");
    check("$.text.no", "missing");
    check("$.text[0]", "missing");
    check("$['text','null']", r#"{"text":"abc","null":null}"#);
    check("$['text','no']", r#"{"text":"abc"}"#);
}

#[test]
fn roots_are_input_context_and_variables() {
    check("$$.Execution.Name", r#""run""#);
    check("$$['State']['Name']", r#""State""#);
    check("$$.Execution.No", "missing");
    check("$x.y[1]", "20");
    check("$x", r#"{"y":[10,20]}"#);
    check("$no", "missing");
    check("$users", "missing");
    assert_eq!(Path::parse("$x.y").unwrap().variable(), Some("x"));
    assert_eq!(Path::parse("$.a[?(@.b == $limit)]").unwrap().variable(), Some("limit"));
    assert_eq!(Path::parse("$$.x").unwrap().variable(), None);
}

#[test]
fn indefinite_paths_always_give_an_array() {
    check("$.list[1:3]", "[2,3]");
    check("$.list[1:]", "[2,3,4,5]");
    check("$.list[:2]", "[1,2]");
    check("$.list[-2:]", "[4,5]");
    check("$.list[:-3]", "[1,2]");
    check("$.list[0:5:2]", "[1,3,5]");
    check("$.list[::-2]", "[5,3,1]");
    check("$.list[4:100]", "[5]");
    check("$.list[0,4,9]", "[1,5]");
    check("$.list[0:1]", "[1]");
    check("$.users[*].name", r#"["A","B"]"#);
    check("$.a-b.*", r#"[{"e":7}]"#);
    check("$.text[*]", "[]");
    check("$..name", r#"["A","B"]"#);
    check("$..list[0]", r#"[1,{"list":[1]},1,2]"#);
    check("$.nested..*", r#"[[{"list":[1]},{"list":[2,3]}],{"list":[1]},{"list":[2,3]},[1],1,[2,3],2,3]"#);
    check("$.users[*]['year','status']", r#"[{"year":1997,"status":0},{"year":1998},{"year":1999,"status":2}]"#);
    check("$.no[*]", "[]");
    check("$.no[1:]", "[]");
    check("$.no.items[1:5].itemValue", "[]");
    check("$.text[1:2]", "missing");
}

#[test]
fn filters_choose_elements() {
    check("$.users[?(@.status == 0)].name", r#"["A"]"#);
    check("$.users[?(@.status != 0)].year", "[1998,1999]");
    check("$.users[?(@.year<=1998&&@.name)].name", r#"["A","B"]"#);
    check("$.users[?(@.name==A)].year", "[1997]");
    check("$.users[?(@.status)].year", "[1997,1999]");
    check("$.users[?(!@.status)].year", "[1998]");
    check("$.users[?(@.name == 'A' || @['last'] == \"C\")].year", "[1997,1999]");
    check("$.users[?(!(@.name in ['A', 'X']))].year", "[1998,1999]");
    check("$.users[?(@.name nin ['A'])].year", "[1998,1999]");
    check("$.users[?(@.name =~ /[ab]/i)].name", r#"["A","B"]"#);
    check("$.users[?(@.name =~ /x|(A # first\n)/x)].name", r#"["A"]"#);
    check("$[?(@.text =~ /b/)]", "[]");
    check("$.[?(@.text =~ /a.c/)].tags", r#"[["x","y"]]"#);
    check("$[?(@.tags contains 'x')].text", r#"["abc"]"#);
    check("$[?(@.text contains 'bc')].text", r#"["abc"]"#);
    check("$[?(@.tags size 2)].text", r#"["abc"]"#);
    check("$[?(@.tags empty false)].text", r#"["abc"]"#);
    check("$[?(@.tags subsetof ['x','y','z'])].text", r#"["abc"]"#);
    check("$[?(@.tags anyof ['y'])].text", r#"["abc"]"#);
    check("$[?(@.tags noneof ['y'])].text", "[]");
    check("$[?(@.tags all ['y'])].text", r#"["abc"]"#);
    check("$.list[?(@ > 3)]", "[4,5]");
    check("$.list[?(@ > $.list[1])]", "[3,4,5]");
    check("$.list[?(@ == 1.0)]", "[1]");
    check("$.list[?(@ == '1')]", "[1]");
    check("$.nested.list[?(@.list.length() == 2)].list[0]", "[2]");
    check("$[?(@.null == null)].text", r#"["abc"]"#);
    check("$.text[?(@ == 1)]", "[]");
}

#[test]
fn functions_end_a_path() {
    check("$.list.length()", "5");
    check("$.a-b.length()", "1");
    check("$.text.length()", "null");
    check("$.list.sum()", "15.0");
    check("$.list.avg()", "3.0");
    check("$.list.min()", "1.0");
    check("$.list.max()", "5.0");
    check("$.list.max(9)", "9.0");
    check("$.list.stddev()", "1.4142135623730951");
    check("$..year.max()", "1999.0");
    check("$.nested.list[*].list.length()", "[1,2]");
    check("$.a-b.keys()", r#"["c d"]"#);
    check("$.list.first()", "1");
    check("$.list.last()", "5");
    check("$.list.index(-2)", "4");
    check("$.tags.concat('z', $.text)", r#""xyzabc""#);
    check("$.tags.append('z')", r#"["x","y","z"]"#);
    check("$.tags.sum()", "missing");
}

#[test]
fn missing_places_are_named_as_aws_does() {
    let check = |path: &str, input: &str, why: &str| {
        let failure =
            with_scope(input, "null", |scope| Path::parse(path).unwrap().evaluate(scope, &ambient())).unwrap_err();
        assert_eq!(failure.message, format!("Invalid path '{path}' : {why}"));
        assert_eq!(failure.reason.error_name(), "States.Runtime");
    };
    check("$.NoSuchInputPath", "{}", "No results for path: $['NoSuchInputPath']");
    check("$.no.such.result.path", "{}", "Missing property in path $['no']");
    check("$.a.no.x", r#"{"a":{}}"#, "Missing property in path $['a']['no']");
    check("$.a[3]", r#"{"a":[1]}"#, "No results for path: $['a'][3]");
    check("$.a[1:2]", r#"{"a":{}}"#, "Filter: [1:2] can only be applied to arrays. Current context is: {}");
    let why = "Expected to find an object with property ['b'] in path $['a'] but found 'java.lang.String'";
    check("$.a.b", r#"{"a":"b"}"#, why);
    check("$.a.sum()", r#"{"a":[]}"#, "Aggregation function attempted to calculate value using empty array");
}

#[test]
fn missing_places_of_fields_and_items() {
    let failure = with_scope(r#"{"a": [1]}"#, "null", |scope| {
        let path = Path::parse("$.no_such_jsonpath").unwrap();
        path.evaluate_field(scope, &ambient(), "value.$").unwrap_err()
    });
    let expected = "The JSONPath '$.no_such_jsonpath' specified for the field 'value.$' could not be found in the input '{\"a\":[1]}'";
    assert_eq!((failure.reason, failure.message.as_str()), (Reason::Path, expected));

    let failure = with_scope(r#"{"a":{"b":1}}"#, "null", |scope| {
        Path::parse("$.a.items").unwrap().evaluate_reference(scope, &ambient())
    });
    let failure = failure.unwrap_err();
    assert_eq!(failure.message, r#"Unable to apply step "items" to input {"a":{"b":1}}"#);
    assert_eq!(failure.reason.error_name(), "States.ReferencePathConflict");
}

#[test]
fn texts_that_are_no_paths() {
    let cases = [
        "",
        "a",
        "@",
        "@.a",
        "$.",
        "$..",
        "$.a.",
        "$.a b",
        "$[",
        "$[]",
        "$['a'",
        "$['a]",
        "$[a]",
        "$[1",
        "$[1,]",
        "$[1:2:0]",
        "$[?]",
        "$[?()]",
        "$[?(@.a ==)]",
        "$[?(@.a == 1)",
        "$[?(1)]",
        "$[?(@.a ~ 1)]",
        "$[?(@.a =~ /(/)]",
        "$.a.no()",
        "$.list.length().x",
        "$1",
        "x$.a",
        "$[99999999999999999999]",
        "$[?(@.a =~ /(a{1000}){1000}/)]",
    ];
    for text in cases {
        assert!(Path::parse(text).is_err(), "{text}");
    }
    let deep = format!("$[?({}@.a{})]", "(".repeat(10_000), ")".repeat(10_000));
    assert!(Path::parse(&deep).is_err());
    assert!(Path::parse(&"$[?(@".repeat(10_000)).is_err());
}

#[test]
fn only_paths_of_one_place_are_definite() {
    for (path, is_definite) in [
        ("$", true),
        ("$.a[0]['b']", true),
        ("$$.a", true),
        ("$['a','b']", true),
        ("$['a','b'].c", false),
        ("$.a[*]", false),
        ("$..a", false),
        ("$.a[0,1]", false),
        ("$.a[0:1]", false),
        ("$[?(@.a)]", false),
        ("$.a.length()", true),
        ("$..a.max()", true),
    ] {
        assert_eq!(Path::parse(path).unwrap().is_definite(), is_definite, "{path}");
    }
}

#[test]
fn hostile_paths_end() {
    let deep = (0..400).fold("1".to_owned(), |inner, _| format!("[{inner},[1]]"));
    let wide = |element: &str| format!("[{}]", vec![element; 20_000].join(","));
    let twice = |list: String| format!(r#"{{"a":{list},"b":{list}}}"#);
    let quotes = format!(r#"["{}",{}]"#, "a".repeat(100_000), vec![r#"[""]"#; 5_000].join(","));
    for (path, input) in [
        ("$..*..*..*", &deep),
        ("$..[?(@..[?(@..* contains 3)])]", &deep),
        ("$..*.*..*..*..length()", &deep),
        ("$[?($.a subsetof $.b)]", &format!(r#"{{"a":{},"b":{}}}"#, wide("1"), wide("2"))),
        ("$.a[?($.b contains 7)]", &twice(wide("1"))),
        ("$.a[?($.a == $.b)]", &twice(wide("{}"))),
        ("$[*].concat($[0])", &quotes),
        ("$[?($[0] =~ /[ab]*a[ab]{2000}c/)]", &quotes),
        ("$[?($[0] contains 'b')]", &quotes),
        (&format!("$[*][{}]", vec!["9"; 10_000].join(",")), &wide("[1]")),
        (&format!("$[*][{}]", vec!["'x'"; 10_000].join(",")), &wide("{}")),
    ] {
        let ambient = |last| {
            let time = std::time::Duration::from_millis(20);
            Ambient::new(0, 1, Budget { time, memory_bytes: 1 << 20, depth: 100, last })
        };
        let path = Path::parse(path).unwrap();
        let reason = |ambient| with_scope(input, "null", |scope| path.find(scope, &ambient)).map_err(|why| why.reason);
        assert_eq!(reason(ambient(false)), Err(Reason::OverBudget), "{}", path.source());
        assert_eq!(reason(ambient(true)), Err(Reason::Path), "{}", path.source());
    }
}

#[test]
fn all_paths_of_a_step_share_its_fuel() {
    let list = format!("[{}]", vec!["1"; 1_000].join(","));
    let path = Path::parse("$..*").unwrap();
    let time = std::time::Duration::from_micros(100);
    let ambient = Ambient::new(0, 1, Budget { time, memory_bytes: 1 << 20, depth: 100, last: false });
    with_scope(&list, "null", |scope| {
        let found = (0..10).take_while(|_| path.find(scope, &ambient).is_ok()).count();
        assert!((1..9).contains(&found), "one fits, ten do not: {found}");
    });
}
