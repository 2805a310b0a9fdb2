//! Mocked results and what is said about them. The sentences of the first table are recorded from AWS.

use super::*;

#[track_caller]
fn check_mock(resource: &str, mode: MockCheck, result: &str, expected: Result<(), &str>) {
    let arn = format!("arn:aws:states:::{resource}");
    let machine = format!(r#"{{"Type":"Task","Resource":"{arn}","End":true}}"#);
    let parsed = asl::parse_state(&machine, "T", &asl::Limits::default()).state_machine.unwrap();
    let asl::StateKind::Task(task) = &parsed.flow.states["T"].kind else { panic!("{resource}") };
    let found = check(&task.resource, &Value::parse(result).unwrap(), mode);
    assert_eq!(found, expected.map_err(str::to_owned), "{resource} {result}");
}

#[test]
fn what_aws_says() {
    use MockCheck::{Present, Strict};
    let table: &[(&str, MockCheck, &str, &str)] = &[
        (
            "aws-sdk:kms:encrypt",
            Strict,
            r#"{"CiphertextBlob": ""}"#,
            "Field 'CiphertextBlob' is smaller than the minimum length",
        ),
        ("aws-sdk:kms:encrypt", Present, r#"{"CiphertextBlob": 123}"#, "Field 'CiphertextBlob' must be a string"),
        (
            "aws-sdk:lambda:getFunction",
            Present,
            r#"{"Configuration": {"MemorySize": 127}}"#,
            "Field 'MemorySize' is less than the minimum value",
        ),
        (
            "aws-sdk:lambda:getFunction",
            Strict,
            r#"{"Configuration": {"MemorySize": 32769}}"#,
            "Field 'MemorySize' exceeds the maximum value",
        ),
        (
            "aws-sdk:s3:getObject",
            Strict,
            r#"{"StorageClass": "Papyrus"}"#,
            "Field 'StorageClass' is not an expected value",
        ),
        (
            "dynamodb:putItem",
            Strict,
            r#"{"ConsumedCapacity": {"CapacityUnits": "123.45"}}"#,
            "Field 'CapacityUnits' must be a number",
        ),
        (
            "events:putEvents",
            Present,
            r#"{"Entries": [{"EventId": "x"}, {"EventId": ["x"]}]}"#,
            "Field 'EventId' must be a string",
        ),
        ("events:putEvents", Strict, r#"{"Entries": "x"}"#, "Field 'Entries' must be an array"),
        ("states:startExecution", Strict, r#"{"executionArn": "x"}"#, "Required field 'ExecutionArn' is missing"),
        (
            "states:startExecution",
            Strict,
            r#"{"ExecutionArn": "x", "StartDate": true}"#,
            "Field 'StartDate' must be a string",
        ),
    ];
    for (resource, mode, result, expected) in table {
        check_mock(resource, *mode, result, Err(expected));
    }
}

#[test]
fn what_fits() {
    use MockCheck::{Present, Strict};
    let table: &[(&str, MockCheck, &str)] = &[
        ("events:putEvents", Strict, r#"{"random": "json"}"#),
        ("events:putEvents", Present, "{}"),
        ("states:startExecution", Present, r#"{"executionArn": "x", "startDate": true}"#),
        ("aws-sdk:lambda:getFunction", Strict, r#"{"Configuration": {"MemorySize": 32768}}"#),
        ("sqs:sendMessage", Strict, r#"{"MD5OfMessageBody": "x", "MessageId": "y"}"#),
        ("sqs:sendMessage.waitForTaskToken", Strict, r#"{"MessageId": 1}"#),
        ("lambda:invoke", Strict, r#"{"StatusCode": 200, "Payload": {"any": ["thing"]}}"#),
        ("apigateway:invoke", Strict, r#"{"approval": true}"#),
        // AWS's guide: mocks of these are not checked.
        ("apigateway:invoke", Strict, "[1]"),
        ("http:invoke", Strict, r#"{"StatusCode": "two hundred"}"#),
        ("http:invoke", Strict, "7"),
        ("eks:call", Strict, r#"{"ResponseBody": 1}"#),
        ("eks:call", Strict, "7"),
        ("eks:runJob.sync", Strict, "7"),
        ("dynamodb:getItem", Strict, r#"{"Item": {"id": {"S": "1"}}}"#),
        (
            "states:startExecution.sync:2",
            Strict,
            r#"{"ExecutionArn": "x", "StateMachineArn": "y", "Status": "SUCCEEDED", "StartDate": 1, "Output": {"a": 1}}"#,
        ),
    ];
    for (resource, mode, result) in table {
        check_mock(resource, *mode, result, Ok(()));
    }
}

#[test]
fn a_sync_call_is_mocked_by_what_it_polls() {
    let resource = "states:startExecution.sync";
    let missing = Err("Required field 'StateMachineArn' is missing");
    check_mock(resource, MockCheck::Strict, r#"{"ExecutionArn": "x", "StartDate": 1}"#, missing);
    let text = Err("Field 'Output' must be a string");
    check_mock(resource, MockCheck::Present, r#"{"Output": {}}"#, text);
    check_mock(
        "aws-sdk:lambda:invoke",
        MockCheck::Present,
        r#"{"Payload": {}}"#,
        Err("Field 'Payload' must be a string"),
    );
}
