//! What is said about texts that are not JSON, word for word, and where it is found.

use json::Value;

const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

fn check(text: &str, message: &str, offset: usize) {
    let error = Value::parse(text).map_err(|error| (error.message, error.offset));
    assert_eq!(error, Err((message.to_owned(), offset)), "{text:?}");
}

#[test]
fn values() {
    check("not some json", &format!("Unrecognized token 'not': was expecting {VALUES}"), 0);
    check("{'not': 'json'", "Unexpected character (''' (code 39)): was expecting double-quote to start field name", 1);
    check("", "No content to map due to end-of-input", 0);
    check("tru", &format!("Unrecognized token 'tru': was expecting {VALUES}"), 0);
    check("truely", &format!("Unrecognized token 'truely': was expecting {VALUES}"), 0);
    check("'a'", &format!("Unexpected character (''' (code 39)): expected a valid value {VALUES}"), 0);
    check("+1", &format!("Unexpected character ('+' (code 43)): expected a valid value {VALUES}"), 0);
    check("[1,]", &format!("Unexpected character (']' (code 93)): expected a valid value {VALUES}"), 3);
    check("[,1]", &format!("Unexpected character (',' (code 44)): expected a valid value {VALUES}"), 1);
    check("→", &format!("Unexpected character ('→' (code 8594 / 0x2192)): expected a valid value {VALUES}"), 0);
    check("{\"a\":}", "Unexpected character ('}' (code 125)): expected a value", 5);
    let hint = "enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow";
    check("NaN", &format!("Non-standard token 'NaN': {hint}"), 0);
}

#[test]
fn numbers() {
    check("01", "Invalid numeric value: Leading zeroes not allowed", 0);
    check("-01", "Invalid numeric value: Leading zeroes not allowed", 1);
    let expected = "expected digit (0-9) to follow minus sign, for valid numeric value";
    check("-a", &format!("Unexpected character ('a' (code 97)) in numeric value: {expected}"), 1);
    check("[1.]", "Unexpected character (']' (code 93)) in numeric value: Decimal point not followed by a digit", 3);
    check(
        "1ex",
        "Unexpected character ('x' (code 120)) in numeric value: Exponent indicator not followed by a digit",
        2,
    );
    check("1e", "Unexpected end-of-input in a Number value", 2);
    check("1a", "Unexpected character ('a' (code 97)): Expected space separating root-level values", 1);
}

#[test]
fn strings() {
    check("\"a", "Unexpected end-of-input: was expecting closing quote for a string value", 2);
    check("{\"a", "Unexpected end-of-input in field name", 3);
    check("\"\\x\"", "Unrecognized character escape 'x' (code 120)", 2);
    check(
        "\"\\u00g0\"",
        "Unexpected character ('g' (code 103)): expected a hex-digit for character escape sequence",
        5,
    );
    check("\"\\u00", "Unexpected end-of-input in character escape sequence", 5);
    check("\"\\", "Unexpected end-of-input in character escape sequence", 2);
    let rule = "has to be escaped using backslash to be included in";
    check("\"a\nb\"", &format!("Illegal unquoted character ((CTRL-CHAR, code 10)): {rule} string value"), 2);
    check("{\"a\tb\":1}", &format!("Illegal unquoted character ((CTRL-CHAR, code 9)): {rule} name"), 3);
    check("\"\\ud800\"", "Incomplete surrogate pair: first char 0xd800", 1);
    check("\"\\udc00\"", "Incomplete surrogate pair: first char 0xdc00", 1);
    check("\"\\ud800\\u0041\"", "Incomplete surrogate pair: first char 0xd800, second 0x41", 1);
}

#[test]
fn structure() {
    check("{", "Unexpected end-of-input: expected close marker for Object (start marker at [line: 1, column: 1])", 1);
    check(
        "\n [1",
        "Unexpected end-of-input: expected close marker for Array (start marker at [line: 2, column: 2])",
        4,
    );
    check("[1,", "Unexpected end-of-input within/between Array entries", 3);
    check("{\"a\"", "Unexpected end-of-input within/between Object entries", 4);
    check("{\"a\":", "Unexpected end-of-input within/between Object entries", 5);
    check("{\"a\":1,", "Unexpected end-of-input within/between Object entries", 7);
    check("[1 2]", "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries", 3);
    check("{\"a\":1 x", "Unexpected character ('x' (code 120)): was expecting comma to separate Object entries", 7);
    check(
        "{\"a\" 1}",
        "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value",
        5,
    );
    let expected = "was expecting double-quote to start field name";
    check("{\"a\":1,}", &format!("Unexpected character ('}}' (code 125)): {expected}"), 7);
    check("[1}", "Unexpected close marker '}': expected ']' (for Array starting at [line: 1, column: 1])", 2);
    check("{\"a\":[]]", "Unexpected close marker ']': expected '}' (for Object starting at [line: 1, column: 1])", 7);
    check("]", "Unexpected close marker ']': expected '}' (for root starting at [line: 1, column: 0])", 0);
    check("{} {}", "Trailing token (of type START_OBJECT) found after value", 3);
    check("1 2.0", "Trailing token (of type VALUE_NUMBER_FLOAT) found after value", 2);
    check("{} x", &format!("Unrecognized token 'x': was expecting {VALUES}"), 3);
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(Value::parse(&nested(json::MAX_DEPTH)).unwrap().to_string(), nested(json::MAX_DEPTH));
    check(&nested(json::MAX_DEPTH + 1), "Document nesting depth (513) exceeds the maximum allowed (512)", 512);
    check(&"{\"a\":".repeat(1_000_000), "Document nesting depth (513) exceeds the maximum allowed (512)", 512 * 5);
}
