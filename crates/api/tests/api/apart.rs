//! Definitions are read where no connection waits for it.

use crate::support::{api_with, send};
use engine::Options;
use futures_util::FutureExt;
use serde_json::json;
use std::{pin::pin, sync::mpsc};

const DEFINITION: &str = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}"#;
const ROLE: &str = "arn:aws:iam::123456789012:role/r";

/// The operation does not answer while something else has the only place, and does so afterwards.
async fn check(operation: &str, body: serde_json::Value) {
    let api = api_with(Options { apart_at_once_max: 1, ..Options::default() }).await;
    let (go, told) = mpsc::channel();
    let mut occupied = pin!(api.engine().apart(move || told.recv()));
    assert!(occupied.as_mut().now_or_never().is_none());
    let mut answer = pin!(send(&api, operation, body.to_string()));
    for _ in 0..100 {
        assert!(answer.as_mut().now_or_never().is_none(), "{operation} read a definition on the runtime");
        tokio::task::yield_now().await;
    }
    go.send(()).unwrap();
    occupied.await.unwrap().unwrap();
    assert_eq!(answer.await.status(), 200, "{operation}");
}

#[tokio::test]
async fn definitions_are_read_apart() {
    check("CreateStateMachine", json!({"name": "m", "definition": DEFINITION, "roleArn": ROLE})).await;
    check("ValidateStateMachineDefinition", json!({"definition": DEFINITION})).await;
    check("TestState", json!({"definition": r#"{"Type": "Pass", "End": true}"#, "roleArn": ROLE})).await;
    check("TestState", json!({"definition": DEFINITION, "stateName": "A", "roleArn": ROLE})).await;
}
