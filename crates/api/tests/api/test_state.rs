//! TestState as its callers see it: what it refuses, and what it answers.

use crate::support::{api, ask, refused};
use serde_json::{Value, json};

const TASK: &str = r#"{"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true}"#;
const CALLBACK: &str = r#"{"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": true,
    "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"}}"#;
const HTTP: &str = r#"{"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "Next": "N", "ResultPath": "$.answer",
    "Parameters": {"ApiEndpoint": "https://api.example.com/orders", "Method": "POST", "RequestBody.$": "$",
        "Authentication": {"ConnectionArn": "arn:aws:events:us-east-1:123456789012:connection/c/1"}},
    "ResultSelector": {"status.$": "$.StatusCode", "id.$": "$.ResponseBody.id"},
    "Retry": [{"ErrorEquals": ["States.Http.StatusCode.429"], "IntervalSeconds": 3}],
    "Catch": [{"ErrorEquals": ["States.Http.StatusCode.404"], "Next": "C"}]}"#;
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

#[tokio::test]
async fn an_http_task_is_mocked() {
    let api = api().await;
    let secrets = json!({"mock": {"result": "{}"}, "revealSecrets": true, "inspectionLevel": "TRACE"});
    let why = "TestState does not support RevealSecrets when a mock is specified.";
    let refusal = refused(&api, "TestState", &request(HTTP, &secrets)).await;
    assert_eq!(refusal, ("ValidationException".to_owned(), why.to_owned()));
    let answer = async |mut more: Value| {
        more["input"] = json!(r#"{"n":1}"#);
        ask(&api, "TestState", &request(HTTP, &more)).await
    };
    // Nothing is sent, so there is neither request nor response to show; and any result will do.
    let result =
        json!({"StatusCode": 201, "StatusText": "Created", "Headers": {"a": ["b"]}, "ResponseBody": {"id": 7}});
    let mock = json!({"mock": {"result": result.to_string()}, "inspectionLevel": "TRACE", "revealSecrets": false});
    let parameters = r#"{"ApiEndpoint": "https://api.example.com/orders", "Method": "POST", "RequestBody": {"n": 1}, "Authentication": {"ConnectionArn": "arn:aws:events:us-east-1:123456789012:connection/c/1"}}"#;
    let given = r#"{"StatusCode": 201, "StatusText": "Created", "Headers": {"a": ["b"]}, "ResponseBody": {"id": 7}}"#;
    let output = r#"{"n": 1, "answer": {"status": 201, "id": 7}}"#;
    check(
        &answer(mock).await,
        &json!({"status": "SUCCEEDED", "output": output, "nextState": "N", "inspectionData": {
            "input": r#"{"n": 1}"#, "afterInputPath": r#"{"n": 1}"#, "afterParameters": parameters, "result": given,
            "afterResultSelector": r#"{"status": 201, "id": 7}"#, "afterResultPath": output}}),
    );
    let failing = |error: &str| json!({"mock": {"errorOutput": {"error": error, "cause": "why"}}});
    let status = |error: &'static str, status: &str| json!({"status": status, "error": error, "cause": "why"});
    check(&answer(failing("States.Http.StatusCode.429")).await, &status("States.Http.StatusCode.429", "RETRIABLE"));
    check(&answer(failing("States.Http.StatusCode.500")).await, &status("States.Http.StatusCode.500", "FAILED"));
    let mut caught = status("States.Http.StatusCode.404", "CAUGHT_ERROR");
    caught["nextState"] = json!("C");
    caught["output"] = json!(r#"{"Error": "States.Http.StatusCode.404", "Cause": "why"}"#);
    check(&answer(failing("States.Http.StatusCode.404")).await, &caught);
}

#[tokio::test]
async fn a_state_in_a_map_is_told_of_the_first_iteration() {
    let api = api().await;
    let state = json!({"Type": "Pass", "Parameters": {"item.$": "$$.Map.Item"}, "End": true});
    let outer = |map: &Value| json!({"StartAt": "M", "States": {"M": map}}).to_string();
    let inside = |name: &str| {
        let parallel =
            json!({"Type": "Parallel", "End": true, "Branches": [{"StartAt": name, "States": {name: state}}]});
        json!({"StartAt": "P", "States": {"P": parallel}})
    };
    let inline = json!({"Type": "Map", "End": true, "ItemProcessor": inside("S")});
    let mut distributed = inline.clone();
    distributed["ItemProcessor"]["ProcessorConfig"] = json!({"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"});
    let mut reads = distributed.clone();
    reads["ItemReader"] = json!({"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b"},
        "ReaderConfig": {"InputType": "JSON"}});
    let mut nested = distributed.clone();
    nested["ItemProcessor"]["StartAt"] = json!("I");
    nested["ItemProcessor"]["States"] = json!({"I": inline});
    let plain = r#"{"item": {"Index": 0, "Value": [1]}}"#;
    let of_data = r#"{"item": {"Index": 0, "Value": [1], "Source": "STATE_DATA"}}"#;
    for (map, expected) in [(&inline, plain), (&distributed, of_data), (&reads, plain), (&nested, plain)] {
        let more = json!({"stateName": "S", "input": "[1]"});
        let answer = ask(&api, "TestState", &request(&outer(map), &more)).await;
        check(&answer, &json!({"status": "SUCCEEDED", "output": expected}));
    }
    // A state that is in no Map has no item.
    let definition = json!({"StartAt": "S", "States": {"S": state}}).to_string();
    let answer = ask(&api, "TestState", &request(&definition, &json!({"stateName": "S"}))).await;
    assert_eq!(answer.get("status").and_then(json::Value::as_str), Some("FAILED"));
}
