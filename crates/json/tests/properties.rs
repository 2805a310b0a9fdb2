//! What holds for every text: what is written is read back, and `serde_json` agrees on what is JSON.

use json::{Number, Object, Payload, Value};
use proptest::prelude::*;

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("finite", Number::from_f64).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    scalar.prop_recursive(6, 64, 30, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..40)
                .prop_map(|members| Value::from(members.into_iter().collect::<Object>())),
        ]
    })
}

/// Text that is nearly JSON, so that both readers have something to decide.
fn nearly_json() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            " ",
            "\n",
            "\"a\"",
            "\"\\u00e9\"",
            "\"\\ud83e\\udd80\"",
            "\"\\n\"",
            "\"\\q\"",
            "null",
            "true",
            "false",
            "nul",
            "0",
            "-0",
            "-",
            "01",
            "1.5",
            "1.",
            "1e3",
            "1E-2",
            "12345678901234567890",
            "é",
        ])
        .prop_map(str::to_owned),
        "[0-9]{1,3}",
        "\"[a-z\\\\\"]{0,4}\"",
    ];
    prop::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(value in value()) {
        let text = value.to_string();
        let back = Value::parse(&text).unwrap();
        prop_assert_eq!(&back, &value);
        prop_assert_eq!(back.to_string(), text.clone());
        let reference: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(serde_json::to_value(&value).unwrap(), reference);
    }

    #[test]
    fn the_same_texts_are_json_for_serde_json(text in nearly_json()) {
        let reference = serde_json::from_str::<serde_json::Value>(&text);
        let parsed = Value::parse(&text);
        // Jackson reads `-0` as the integer 0, `serde_json` as a decimal.
        prop_assume!(!text.contains("-0"));
        // Only `serde_json` refuses numbers beyond the largest double.
        prop_assume!(!reference.as_ref().is_err_and(|error| error.to_string().starts_with("number out of range")));
        prop_assert_eq!(parsed.is_ok(), reference.is_ok(), "{:?} {:?} {:?}", text, parsed, reference);
        if let (Ok(parsed), Ok(reference)) = (parsed, reference) {
            prop_assert_eq!(serde_json::to_value(&parsed).unwrap(), reference);
        }
    }

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        let reference = serde_json::from_str::<serde_json::Value>(&text);
        prop_assert_eq!(Value::parse(&text).is_ok(), reference.is_ok());
    }

    #[test]
    fn payloads_survive_the_store(value in value()) {
        let payload = Payload::from(value.clone());
        let stored = Payload::trusted(payload.text().clone());
        prop_assert_eq!(stored.value(), &value);
        prop_assert_eq!(stored.byte_len(), value.to_string().len());
    }
}

#[test]
fn the_last_of_equal_names_wins_in_the_place_of_the_first() {
    let value = Value::parse(r#"{"a": 1, "b": 2, "a": 3}"#).unwrap();
    assert_eq!(value.to_string(), r#"{"a":3,"b":2}"#);
}
