//! Templates against inputs, and where their faults are.

use super::{PathOrCall, PayloadTemplate};
use crate::testing::{ambient, parse, with_scope};
use crate::{Location, Reason};

fn check(template: &str, input: &str, expected: Result<&str, &str>) {
    let template = PayloadTemplate::parse(&parse(template), &Location::default()).unwrap();
    let value = with_scope(input, "5", |scope| template.evaluate(scope, &ambient()));
    let value = value.map(|value| value.to_string()).map_err(|failure| failure.message);
    assert_eq!(value.as_deref().map_err(String::as_str), expected);
}

#[test]
fn members_that_end_in_dollar_are_evaluated() {
    check(
        r#"{"a": 1, "b.$": "$.x", "c": {"d.$": "$x"}, "e": [{"f.$": "$.y[*]"}, "$.x"]}"#,
        r#"{"x":2,"y":[3]}"#,
        Ok(r#"{"a":1,"b":2,"c":{"d":5},"e":[{"f":[3]},"$.x"]}"#),
    );
    check(r#"{"a.$": "$$.State.Name", "b.$": "States.Array($x)"}"#, "{}", Ok(r#"{"a":"State","b":[5]}"#));
    check(r#"{"item.$": "$.items[0]"}"#, r#"{"items":[{"k":0}]}"#, Ok(r#"{"item":{"k":0}}"#));
    for path in ["$[*]", "$.items[1:]", "$.item.items[1:]", "$.item.items[1:5]", "$.item.items[1:5].itemValue"] {
        check(&format!(r#"{{"item.$": "{path}"}}"#), "{}", Ok(r#"{"item":[]}"#));
    }
    check("[1,{}]", "{}", Ok("[1,{}]"));
}

#[test]
fn a_path_that_leads_nowhere_fails() {
    let failure = "The JSONPath '$.y' specified for the field 'b.$' could not be found in the input '{\"x\":1}'";
    check(r#"{"a": {"b.$": "$.y"}}"#, r#"{"x": 1}"#, Err(failure));
}

#[test]
fn faults_have_a_place_and_aws_words() {
    let template =
        parse(r#"{"parsed.$": "States.Format('\\\"')", "a": {"b": [{"c.$": "x"}]}, "d.$": {}, "e.$": "$.ok"}"#);
    let faults = PayloadTemplate::parse(&template, &Location::default()).unwrap_err();
    let faults: Vec<(String, &str)> =
        faults.iter().map(|(at, fault)| (at.to_string(), fault.message.as_str())).collect();
    let expected = [
        ("", "The value for the field 'parsed.$' must be a valid JSONPath or a valid intrinsic function call"),
        ("/a/b[0]", "The value for the field 'c.$' must be a valid JSONPath or a valid intrinsic function call"),
        ("", "The value for the field 'd.$' must be a STRING that contains a JSONPath but was an OBJECT"),
    ]
    .map(|(at, message)| (at.to_owned(), message));
    assert_eq!(faults, expected);
}

#[test]
fn variables_are_listed() {
    let template = parse(r#"{"a.$": "$one.x", "b": [{"c.$": "States.Array($two, $.three)"}], "d": "$four"}"#);
    assert_eq!(PayloadTemplate::parse(&template, &Location::default()).unwrap().variables(), ["one", "two"]);
}

#[test]
fn error_paths_are_paths_or_calls() {
    let evaluate = |text: &str| {
        let parsed = PathOrCall::parse(text).unwrap();
        with_scope(r#"{"Error":"E"}"#, "1", |scope| parsed.evaluate(scope, &ambient(), "ErrorPath"))
    };
    assert_eq!(evaluate("$.Error").unwrap().to_string(), r#""E""#);
    assert_eq!(evaluate("States.Format('{}!', $.Error)").unwrap().to_string(), r#""E!""#);
    let failure = evaluate("$.ErrorX").unwrap_err();
    let message = "The JSONPath '$.ErrorX' specified for the field 'ErrorPath' could not be found in the input '{\"Error\":\"E\"}'";
    assert_eq!((failure.reason, failure.message.as_str()), (Reason::Path, message));
}

#[test]
fn what_a_template_makes_is_bounded() {
    let members: Vec<String> = (0..5000).map(|n| format!("\"m{n}.$\": \"$\"")).collect();
    let template = PayloadTemplate::parse(&parse(&format!("{{{}}}", members.join(","))), &Location::default()).unwrap();
    let input = format!("[{}]", vec!["1"; 1000].join(","));
    let result = with_scope(&input, "1", |scope| template.evaluate(scope, &ambient()));
    assert_eq!(result.map_err(|failure| failure.reason), Err(Reason::TooLarge));
}
