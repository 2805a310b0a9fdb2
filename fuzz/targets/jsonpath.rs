//! Paths, Reference Paths, calls of intrinsic functions: read or refused; what was read can be evaluated.
#![no_main]

use json::Value;
use libfuzzer_sys::fuzz_target;
use query::{Path, PathOrCall, PayloadTemplate, ReferencePath};

fuzz_target!(init: fuzz::caught_panics_are_no_finding(), |text: &str| {
    fuzz::with_scope(|scope, ambient| {
        if let Ok(path) = Path::parse(text) {
            assert_eq!(path.source(), text);
            let _ = path.evaluate(scope, ambient);
        }
        if let Ok(call) = PathOrCall::parse(text) {
            let _ = call.evaluate(scope, ambient, "field");
        }
        if let Ok(path) = ReferencePath::parse(text)
            && let Ok(put) = path.put(scope.input, Value::from("put"))
        {
            let read = Path::parse(path.source()).expect("a Reference Path is a path");
            let scope = query::Scope { input: &put, ..*scope };
            assert_eq!(read.evaluate(&scope, ambient), Ok(Value::from("put")), "{text}");
        }
        if let Ok(template) = Value::parse(text)
            && let Ok(template) = PayloadTemplate::parse(&template, &query::Location::default())
        {
            let _ = template.evaluate(scope, ambient);
        }
    });
});
