//! The bombs: what people and machines could write to stop a server.

use serde_json::{Value, json};

/// A definition, and the input that sets it off.
pub struct Bomb {
    pub name: &'static str,
    pub is_express: bool,
    pub definition: String,
    pub input: String,
}

/// All of them.
pub fn bombs() -> Vec<Bomb> {
    [loops(), forks(), paths(), jsonata()].into_iter().flatten().collect()
}

fn bomb(name: &'static str, definition: &Value) -> Bomb {
    let mut definition = definition.clone();
    name_apart(&mut definition, &mut 0);
    Bomb { name, is_express: false, definition: definition.to_string(), input: "{}".into() }
}

/// The only state of a flow gets a name of its own: no two of a state machine have the same.
fn name_apart(flow: &mut Value, names: &mut usize) {
    let Some(states) = flow["States"].as_object_mut().filter(|states| states.len() == 1) else { return };
    let Some(mut state) = states.remove("A") else { return };
    *names += 1;
    let name = format!("A{names}");
    for branch in state.get_mut("Branches").and_then(Value::as_array_mut).into_iter().flatten() {
        name_apart(branch, names);
    }
    if let Some(processor) = state.get_mut("ItemProcessor") {
        name_apart(processor, names);
    }
    states.insert(name.clone(), state);
    flow["StartAt"] = name.into();
}

/// One state.
fn one(state: &Value) -> Value {
    json!({ "StartAt": "A", "States": { "A": state } })
}

/// A Pass state that is entered again and again.
fn round(pass: &Value) -> Value {
    let mut pass = pass.clone();
    pass["Type"] = "Pass".into();
    pass["Next"] = "B".into();
    json!({ "StartAt": "A", "States": { "A": pass, "C": { "Type": "Succeed" },
        "B": { "Type": "Choice", "Default": "C", "Choices": [{ "Variable": "$", "IsPresent": true, "Next": "A" }] } } })
}

fn loops() -> Vec<Bomb> {
    let doubled = json!({ "Parameters": { "a.$": "States.Format('{}{}', $.a, $.a)" } });
    let wrapped = json!({ "Parameters": { "x.$": "$" } });
    let copied = json!({ "Parameters": { "a.$": "$", "b.$": "$" } });
    let assigned = json!({ "StartAt": "A", "QueryLanguage": "JSONata", "States": {
        "A": { "Type": "Pass", "Assign": { "x": "x" }, "Next": "B" },
        "B": { "Type": "Pass", "Assign": { "x": "{% $x & $x %}" }, "Next": "C" },
        "C": { "Type": "Choice", "Choices": [{ "Condition": "{% true %}", "Next": "B" }], "Default": "D" },
        "D": { "Type": "Succeed" } } });
    let with_text = |bomb: Bomb| Bomb { input: r#"{"a":"x"}"#.into(), ..bomb };
    vec![
        bomb("Pass and Choice for ever", &round(&json!({}))),
        Bomb { is_express: true, ..bomb("the same, Express", &round(&json!({}))) },
        with_text(bomb("a text doubled", &round(&doubled))),
        bomb("an object wrapped", &round(&wrapped)),
        bomb("an object doubled", &round(&copied)),
        bomb("a variable doubled", &assigned),
        Bomb { is_express: true, ..with_text(bomb("a text doubled, Express", &round(&doubled))) },
        bomb(
            "Base64 of Base64",
            &round(&json!({ "Parameters": { "a.$": "States.Base64Encode(States.JsonToString($))" } })),
        ),
        bomb("a hash for ever", &round(&json!({ "Parameters": { "a.$": "States.Hash($, 'SHA-512')" } }))),
    ]
}

/// A flow of one state that has itself inside, so deep.
fn nested(depth: usize, wrap: &dyn Fn(Value) -> Value) -> Value {
    (0..depth).fold(one(&json!({ "Type": "Pass", "End": true })), |inner, _| one(&wrap(inner)))
}

fn forks() -> Vec<Bomb> {
    let thrice = |inner: Value| json!({ "Type": "Parallel", "End": true, "Branches": [inner, inner, inner] });
    let map = |inner: Value| {
        json!({ "Type": "Map", "End": true, "ItemsPath": "$", "ItemProcessor": inner,
                "ItemSelector": { "all.$": "$" }, "ResultPath": null })
    };
    let iterations = |count: usize, inner: Value| {
        json!({ "Type": "Map", "QueryLanguage": "JSONata", "End": true, "Items": format!("{{% [1..{count}] %}}"),
                "ItemProcessor": inner })
    };
    let range = |inner: Value| iterations(40, inner);
    let in_maps = |state: Value| (0..3).fold(one(&state), |inner, _| one(&range(inner)));
    let failing = in_maps(json!({ "Type": "Fail" }));
    let waits = one(&json!({ "Type": "Wait", "Seconds": 60, "End": true }));
    let mut waiting = one(&range(one(&range(one(&iterations(20, waits))))));
    waiting["TimeoutSeconds"] = json!(3);
    let mut caught = range(json!({ "StartAt": "F", "States": { "F": { "Type": "Fail" } } }));
    caught["Catch"] = json!([{ "ErrorEquals": ["States.ALL"], "Next": "Done" }]);
    let caught = json!({ "StartAt": "Inner", "States": { "Inner": caught, "Done": { "Type": "Succeed" } } });
    let caught = one(&range(one(&range(caught))));
    let big = format!("[{}]", vec![format!("\"{}\"", "x".repeat(200)); 1_000].join(","));
    let wide = format!("[{}0]", "0,".repeat(100_000));
    let branches: Vec<Value> = (0..1_000).map(|_| one(&json!({ "Type": "Pass", "End": true }))).collect();
    let copies = one(&json!({ "Type": "Parallel", "End": true, "Branches": branches }));
    vec![
        bomb("Parallel in Parallel, 3^7", &nested(7, &thrice)),
        bomb("Map in Map, 40^5", &nested(5, &range)),
        Bomb { is_express: true, ..bomb("Map in Map, 40^5, Express", &nested(5, &range)) },
        Bomb { is_express: true, ..bomb("Map in Map, 40^3, one fails, Express", &failing) },
        Bomb { is_express: true, ..bomb("Map in Map, 40^3, caught, Express", &caught) },
        Bomb { is_express: true, ..bomb("32,000 iterations wait, Express", &waiting) },
        Bomb { input: big.clone(), ..bomb("a Map that gives everything to each", &nested(1, &map)) },
        Bomb {
            input: wide,
            ..bomb(
                "a Map of 100,000 items",
                &nested(1, &|inner| json!({ "Type": "Map", "End": true, "ItemProcessor": inner })),
            )
        },
        Bomb { input: big, ..bomb("1,000 branches with 200 KB each", &copies) },
    ]
}

fn paths() -> Vec<Bomb> {
    let wide = format!("[{}]", vec![r#"{"a":[1,2]}"#; 1_000].join(","));
    let deep = format!("{}{}", "[".repeat(400), "]".repeat(400));
    let path = |name, path: &str, input: &str| Bomb {
        input: input.to_owned(),
        ..bomb(name, &one(&json!({ "Type": "Pass", "Parameters": { "a.$": path }, "End": true })))
    };
    let many: serde_json::Map<String, Value> = (0..500).map(|n| (format!("m{n}.$"), "$..[?($..a)]".into())).collect();
    let calls = |inner: &str| (0..4).fold("$".to_owned(), |call, _| inner.replace('@', &call));
    let range = format!("States.ArrayPartition(States.ArrayRange(1, 1000, 1), {})", 1);
    vec![
        path("descent in descent", "$..*..*..*..*", &wide),
        path("descent into depth", "$..*..*..*", &deep),
        path("a filter in each filter", "$..[?(@..a)]..[?(@..a)]", &wide),
        path("a pattern that backtracks", "$..[?(@ =~ /(a*)*b/)]", &format!("[\"{}\"]", "a".repeat(10_000))),
        Bomb {
            input: wide.clone(),
            ..bomb("a template of 500 filters", &one(&json!({ "Type": "Pass", "Parameters": many, "End": true })))
        },
        path("a range without end", "States.ArrayRange(0, 9007199254740991, 1)", "{}"),
        path("a range in parts", &range, "{}"),
        path(
            "Base64 four times, of twice as much",
            &calls("States.Base64Encode(States.Format('{}{}', @, @))"),
            r#""x""#,
        ),
        path("a text split into all", "States.StringSplit($, 'a')", &format!("\"{}\"", "ab".repeat(50_000))),
        path("what is unique of much", "States.ArrayUnique($..a)", &wide),
    ]
}

fn jsonata() -> Vec<Bomb> {
    let expressions = [
        ("JSONata: a range without end", "[1..1e7]"),
        ("JSONata: as much as there may be", "$count([1..800000])"),
        ("JSONata: shuffled", "$count($shuffle([1..800000]))"),
        ("JSONata: sorted", "$count($sort([1..800000], function($l, $r) { $l < $r }))"),
        ("JSONata: reversed", "$count($reverse([1..800000]))"),
        ("JSONata: recursion", "($f := function($n) { $f($n + 1) }; $f(0))"),
        ("JSONata: recursion in two", "($f := function($n) { $n < 2 ? 1 : $f($n - 1) + $f($n - 2) }; $f(60))"),
        (
            "JSONata: a loop in a loop",
            "$map([1..100000], function($x) { $map([1..100000], function($y) { $x * $y }) })",
        ),
        ("JSONata: a text doubled", "($f := function($s) { $f($s & $s) }; $f('xxxxxxxx'))"),
        ("JSONata: padded", "$length($pad('x', 1000000000))"),
        ("JSONata: a pattern that backtracks", "$match($pad('a', 100000, 'a'), /(a+)+$/)"),
        ("JSONata: replaced by much", "$length($replace($pad('a', 100000, 'a'), 'a', $pad('b', 1000, 'b')))"),
        ("JSONata: appended", "$count($reduce([1..100000], function($a, $b) { $append($a, $b) }, []))"),
        ("JSONata: merged", "$merge($map([1..200000], function($x) { { $string($x): $x } }))"),
        ("JSONata: joined", "$length($join($map([1..500000], $string), ','))"),
        ("JSONata: zipped", "$count($zip([1..500000], [1..500000], [1..500000]))"),
        ("JSONata: distinct", "$count($distinct([1..500000]))"),
        ("JSONata: split", "$count($split($pad('a', 1000000, 'a'), ''))"),
        ("JSONata: a number for ever", "$formatNumber(1e300, '#,##0.00')"),
    ];
    let state = |expression: &str| {
        one(
            &json!({ "Type": "Pass", "QueryLanguage": "JSONata", "Output": format!("{{% {expression} %}}"), "End": true }),
        )
    };
    expressions.into_iter().map(|(name, expression)| bomb(name, &state(expression))).collect()
}
