//! TestState as its callers see it: what it refuses, and what it answers.

use crate::support::{api, ask, refused};
use serde_json::{Value, json};

const TASK: &str = r#"{"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true}"#;
const CALLBACK: &str = r#"{"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": true,
    "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"}}"#;
const PASS: &str = r#"{"Type": "Pass", "End": true}"#;
const PARALLEL: &str = r#"{"Type": "Parallel", "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Succeed"}}}],
    "End": true}"#;

/// A map whose items are in `$.l`, or where an `ItemReader` finds them.
fn map(more: &str) -> String {
    format!(
        r#"{{"Type": "Map", "End": true, {more} "ItemProcessor": {{"StartAt": "I", "States": {{"I": {{"Type": "Succeed"}}}},
        "ProcessorConfig": {{"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}}}}}"#
    )
}

fn request(definition: &str, more: &Value) -> String {
    let mut request = json!({"definition": definition});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request.to_string()
}

#[tokio::test]
async fn what_is_refused() {
    let api = api().await;
    let mocked = |mut more: Value| {
        more["mock"] = json!({"result": "{}"});
        more
    };
    let list = map(r#""ItemsPath": "$.l","#);
    let without = |name: &str| format!("TestState does not support {name} when a mock is not specified.");
    let invalid = |why: &str| format!("Invalid Context object provided: {why}");
    let mocks = "TestState API does not support Activity tasks and the '.sync' and '.waitForTaskToken' service integration \
                 patterns when a mock is not specified.";
    let validations: &[(&str, Value, String)] = &[
        (
            TASK,
            json!({"mock": {}}),
            "A test mock should have only one of the following fields: [result, errorOutput].".into(),
        ),
        (TASK, json!({"mock": {"result": "{"}}), "Mocked result must be valid JSON".into()),
        (TASK, json!({"mock": {"errorOutput": {}}}), "Mocked errorOutput must have an error".into()),
        (PASS, mocked(json!({})), "State type 'Pass' is not supported when a mock is specified".into()),
        (PARALLEL, mocked(json!({})), "Mocked result must be an array.".into()),
        (TASK, json!({"context": "{}"}), without("Context")),
        (TASK, json!({"stateConfiguration": {"retrierRetryCount": 1}}), without("RetrierRetryCount")),
        (TASK, json!({"stateConfiguration": {"errorCausedByState": "X"}}), without("ErrorCausedByState")),
        (TASK, json!({"stateConfiguration": {"mapItemReaderData": "[]"}}), without("MapItemReaderData")),
        (TASK, mocked(json!({"context": "[]"})), invalid("it must be a JSON object")),
        (
            TASK,
            mocked(json!({"context": r#"{"Map": {"Item": {"Index": "1"}}}"#})),
            invalid("Map.Item.Index must be a number"),
        ),
        (TASK, mocked(json!({"context": r#"{"State": 1}"#})), invalid("State must be an object")),
        (
            TASK,
            mocked(json!({"context": r#"{"Task": {"Token": "t"}}"#})),
            invalid(
                "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' service \
                 integration pattern",
            ),
        ),
        (TASK, mocked(json!({"variables": "[]"})), "Invalid variables provided: must be a JSON object".into()),
        (
            TASK,
            mocked(json!({"stateConfiguration": {"mapIterationFailureCount": 1}})),
            "TestState does not support MapIterationFailureCount for states other than Map.".into(),
        ),
        (
            &list,
            json!({"mock": {"errorOutput": {"error": "E"}}, "stateConfiguration": {"errorCausedByState": "X"}}),
            "State 'X' not found in the state under test".into(),
        ),
        (
            &list,
            json!({"mock": {"result": "[]"}, "input": r#"{"l": [1]}"#,
                "stateConfiguration": {"mapIterationFailureCount": 2}}),
            "MapIterationFailureCount must not be larger than the number of items of the Map".into(),
        ),
    ];
    for (definition, more, message) in validations {
        let expected = ("ValidationException".to_owned(), message.clone());
        assert_eq!(refused(&api, "TestState", &request(definition, more)).await, expected, "{more}");
    }
    let (code, message) = refused(&api, "TestState", &request(CALLBACK, &json!({}))).await;
    assert_eq!((&*code, &*message), ("InvalidDefinition", mocks));
    let (code, message) = refused(&api, "TestState", &request("nonsense", &json!({}))).await;
    assert_eq!(code, "InvalidDefinition");
    assert!(message.contains("INVALID_JSON_DESCRIPTION"), "{message}");
}

#[track_caller]
fn check(answer: &json::Value, expected: &Value) {
    let answer: Value = serde_json::from_str(&answer.to_string()).unwrap();
    assert_eq!(&answer, expected);
}

#[tokio::test]
async fn what_is_answered() {
    let api = api().await;
    let answer = async |definition: &str, more: Value| ask(&api, "TestState", &request(definition, &more)).await;
    // A space follows each comma and colon.
    let input = json!({"input": r#"{"a":[1,{"b":"x"}]}"#});
    check(&answer(PASS, input).await, &json!({"status": "SUCCEEDED", "output": r#"{"a": [1, {"b": "x"}]}"#}));
    let given = json!({"mock": {"result": "7"}, "context": r#"{"Task": {"Token": "t"}}"#, "inspectionLevel": "DEBUG"});
    check(
        &answer(CALLBACK, given).await,
        &json!({"status": "SUCCEEDED", "output": "7", "inspectionData": {
            "input": "{}", "afterInputPath": "{}", "afterParameters": r#"{"QueueUrl": "q", "MessageBody": "t"}"#,
            "result": "7", "afterResultSelector": "7", "afterResultPath": "7"}}),
    );
    let reader = map(r#""ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b"},
        "ReaderConfig": {"InputType": "JSONL"}}, "ItemBatcher": {"MaxItemsPerBatch": 2}, "ToleratedFailurePercentage": 50,"#);
    let read = json!({"mock": {"result": "[1]"}, "inspectionLevel": "TRACE",
        "stateConfiguration": {"mapItemReaderData": "{\"n\": 1}\n\n2\n3\n", "mapIterationFailureCount": 1}});
    check(
        &answer(&reader, read).await,
        &json!({"status": "SUCCEEDED", "output": "[1]", "inspectionData": {
            "input": "{}", "afterInputPath": "{}", "afterResultSelector": "[1]", "afterResultPath": "[1]",
            "afterItemBatcher": r#"[{"Items": [{"n": 1}, 2]}, {"Items": [3]}]"#,
            "maxConcurrency": 0, "toleratedFailurePercentage": 50.0}}),
    );
}
