//! Whatever a definition holds where a path or a call belongs: it is read or refused, never a panic, and what was read
//! can be evaluated.

use json::Value;
use proptest::prelude::*;
use query::intrinsics::Call;
use query::{Ambient, Budget, ContextObject, ExecutionContext, Path, PathOrCall, ReferencePath, Scope, Variables};
use std::sync::Arc;
use std::time::Duration;

/// Text out of the pieces of paths and calls, so that much of it can be read.
fn nearly_a_path() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "$",
        "$$",
        "$x",
        "@",
        ".",
        "..",
        "[",
        "]",
        "a",
        "b",
        "'a'",
        "\"b\"",
        "*",
        "0",
        "-1",
        ":",
        ",",
        "?(",
        ")",
        "(",
        " ",
        "==",
        "!=",
        "<",
        ">=",
        "=~",
        "/a.*/i",
        "in",
        "&&",
        "||",
        "!",
        "null",
        "true",
        "'",
        "\\",
        "é",
        "States.Array(",
        "States.Format(",
        "States.ArrayRange(",
        ".length()",
        ".sum()",
        "1.5",
        "{}",
        "[1,2]",
        "[?(@.a)]",
        "[1:2]",
    ]);
    prop::collection::vec(piece, 1..14).prop_map(|pieces| pieces.concat())
}

fn context() -> ContextObject {
    let execution = ExecutionContext {
        id: "id".into(),
        input: Value::Null,
        name: "name".into(),
        role_arn: "role".into(),
        start_time_ms: i64::MAX,
        redrive_count: Some(0),
        redrive_time_ms: Some(i64::MIN),
        state_machine_id: "id".into(),
        state_machine_name: "name".into(),
    };
    ContextObject::new(Arc::new(execution), "State".into(), 0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn paths_and_calls_are_read_or_refused(text in prop_oneof![nearly_a_path(), any::<String>()]) {
        let input = json::Value::from([Value::from("a"), Value::parse(r#"{"a":[1,{"b":"a"}],"b":null}"#).unwrap_or_default()]);
        let (context, variables) = (context(), Variables::default());
        let scope =
            Scope { input: &input, result: None, error_output: None, context: &context, variables: &variables };
        let ambient = Ambient::new(0, 1, Budget { time: Duration::from_secs(1), memory_bytes: 1 << 16, depth: 100, last: true });
        for root in ["", "$", "$[1]", "States."] {
            let text = format!("{root}{text}");
            if let Ok(path) = Path::parse(&text) {
                prop_assert_eq!(path.source(), text.as_str());
                let found = path.find(&scope, &ambient);
                // Both ways to ask agree.
                prop_assert_eq!(path.evaluate(&scope, &ambient).ok(), found.unwrap_or_default());
            }
            if let Ok(call) = Call::parse(&text) {
                let first = call.evaluate(&scope, &ambient.clone());
                prop_assert_eq!(first, call.evaluate(&scope, &ambient.clone()));
            }
            if let Ok(path) = ReferencePath::parse(&text) {
                prop_assert!(Path::parse(&text).is_ok_and(|path| path.is_definite()));
                if let Ok(output) = path.put(&input, Value::from("result")) {
                    prop_assert!(output.to_string().contains("result"));
                }
            }
            prop_assert!(PathOrCall::parse(&text).is_ok_and(|it| it.source() == text) || PathOrCall::parse(&text).is_err());
        }
    }
}
