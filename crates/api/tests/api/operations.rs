//! Conversations with the API as clients have them: what each operation answers, and how it refuses.

use crate::support::{self, ask, refused, string};
use json::Value;

const ROLE: &str = "arn:aws:iam::123456789012:role/r";
const PASS: &str = r#"{\"StartAt\": \"A\", \"States\": {\"A\": {\"Type\": \"Pass\", \"End\": true}}}"#;
const STATE_MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:m";

fn create(more: &str) -> String {
    format!(r#"{{"name": "m", "definition": "{PASS}", "roleArn": "{ROLE}"{more}}}"#)
}

fn of(arn: &str) -> String {
    format!(r#"{{"stateMachineArn": "{arn}"}}"#)
}

#[tokio::test]
async fn state_machines() {
    let api = support::api().await;
    let created = ask(&api, "CreateStateMachine", &create("")).await;
    assert_eq!(string(&created, "stateMachineArn"), STATE_MACHINE);
    assert_eq!(ask(&api, "CreateStateMachine", &create(r#", "loggingConfiguration": {}"#)).await, created);

    let described = ask(&api, "DescribeStateMachine", &of(STATE_MACHINE)).await;
    assert_eq!(described.get("creationDate"), created.get("creationDate"));
    for (member, expected) in [
        ("status", r#""ACTIVE""#),
        ("type", r#""STANDARD""#),
        ("loggingConfiguration", r#"{"level": "OFF", "includeExecutionData": false}"#),
        ("tracingConfiguration", r#"{"enabled": false}"#),
        ("encryptionConfiguration", r#"{"type": "AWS_OWNED_KEY"}"#),
        ("definition", &format!("\"{PASS}\"")),
    ] {
        assert_eq!(described.get(member), Some(&Value::parse(expected).unwrap()), "{member}");
    }
    assert_eq!(described.get("revisionId"), None);
    assert_eq!(described.get("variableReferences"), None);

    let listed = ask(&api, "ListStateMachines", "{}").await;
    assert_eq!(listed.get("stateMachines").and_then(Value::as_array).map(<[Value]>::len), Some(1));

    let change = format!(r#"{{"stateMachineArn": "{STATE_MACHINE}", "roleArn": "{ROLE}2"}}"#);
    let updated = ask(&api, "UpdateStateMachine", &change).await;
    let described = ask(&api, "DescribeStateMachine", &of(STATE_MACHINE)).await;
    assert_eq!(described.get("revisionId"), updated.get("revisionId"));
    assert_eq!(string(&described, "roleArn"), format!("{ROLE}2"));

    assert_eq!(ask(&api, "DeleteStateMachine", &of(STATE_MACHINE)).await.to_string(), "{}");
}

#[tokio::test]
async fn state_machines_refused() {
    let api = support::api().await;
    ask(&api, "CreateStateMachine", &create("")).await;
    let other = create("").replace("Pass", "Succeed").replace(r#", \"End\": true"#, "");
    let cases = [
        ("CreateStateMachine", other, "StateMachineAlreadyExists", format!("State Machine Already Exists: '{STATE_MACHINE}'")),
        ("CreateStateMachine", create("").replace("\"m\"", "\"a b\""), "InvalidName", "Invalid Name: 'a b'".to_owned()),
        ("CreateStateMachine", create("").replace(ROLE, "x"), "InvalidArn", "Invalid Arn: 'Invalid ARN prefix: x'".to_owned()),
        (
            "CreateStateMachine",
            create("").replace(PASS, r#"{\"StartAt\": \"A\"}"#),
            "InvalidDefinition",
            "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /'".to_owned(),
        ),
        (
            "CreateStateMachine",
            create(r#", "versionDescription": "v""#),
            "ValidationException",
            "Version description can only be set when publish is true".to_owned(),
        ),
        (
            "CreateStateMachine",
            create(r#", "loggingConfiguration": {"level": "ALL"}"#),
            "InvalidLoggingConfiguration",
            "Invalid Logging Configuration: Must specify exactly one Log Destination.".to_owned(),
        ),
        (
            "UpdateStateMachine",
            of(STATE_MACHINE),
            "MissingRequiredParameter",
            "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified"
                .to_owned(),
        ),
        (
            "DescribeStateMachine",
            of("arn:aws:states:us-east-1:123456789012:stateMachine:x"),
            "StateMachineDoesNotExist",
            "State Machine Does Not Exist: 'arn:aws:states:us-east-1:123456789012:stateMachine:x'".to_owned(),
        ),
        ("DescribeStateMachine", of("x"), "InvalidArn", "Invalid Arn: 'Invalid ARN prefix: x'".to_owned()),
    ];
    for (operation, body, code, message) in cases {
        assert_eq!(refused(&api, operation, &body).await, (code.to_owned(), message), "{operation} {body}");
    }
}

#[tokio::test]
async fn executions() {
    let api = support::api().await;
    ask(&api, "CreateStateMachine", &create("")).await;
    let start = format!(r#"{{"stateMachineArn": "{STATE_MACHINE}", "name": "e", "input": "{{ \"a\": 1 }}"}}"#);
    let started = ask(&api, "StartExecution", &start).await;
    let arn = "arn:aws:states:us-east-1:123456789012:execution:m:e";
    assert_eq!(string(&started, "executionArn"), arn);

    let of_execution = format!(r#"{{"executionArn": "{arn}"}}"#);
    let described = loop {
        let described = ask(&api, "DescribeExecution", &of_execution).await;
        if string(&described, "status") != "RUNNING" {
            break described;
        }
        tokio::task::yield_now().await;
    };
    for (member, expected) in [
        ("status", r#""SUCCEEDED""#),
        ("input", r#""{ \"a\": 1 }""#),
        ("inputDetails", r#"{"included": true}"#),
        ("outputDetails", r#"{"included": true}"#),
        ("redriveCount", "0"),
        ("redriveStatus", r#""NOT_REDRIVABLE""#),
        ("redriveStatusReason", r#""Execution is SUCCEEDED and cannot be redriven""#),
    ] {
        assert_eq!(described.get(member), Some(&Value::parse(expected).unwrap()), "{member}");
    }
    let bare =
        ask(&api, "DescribeExecution", &of_execution.replace('}', r#", "includedData": "METADATA_ONLY"}"#)).await;
    assert_eq!((bare.get("input"), bare.get("output")), (None, None));

    let history = ask(&api, "GetExecutionHistory", &of_execution).await;
    let types = |history: &Value| -> Vec<String> {
        history.get("events").and_then(Value::as_array).unwrap().iter().map(|event| string(event, "type")).collect()
    };
    let expected = ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"];
    assert_eq!(types(&history), expected);

    // The same, one event a page.
    let mut pages = Vec::new();
    let mut token = String::new();
    loop {
        let body = of_execution.replace('}', &format!(r#", "maxResults": 1{token}}}"#));
        let page = ask(&api, "GetExecutionHistory", &body).await;
        pages.extend(types(&page));
        match page.get("nextToken").and_then(Value::as_str) {
            Some(next) => token = format!(r#", "nextToken": "{next}""#),
            None => break,
        }
    }
    assert_eq!(pages, expected);
    // A token is not good for another order.
    let body = of_execution.replace('}', r#", "maxResults": 1}"#);
    let page = ask(&api, "GetExecutionHistory", &body).await;
    let other = format!(r#", "reverseOrder": true, "nextToken": "{}"}}"#, string(&page, "nextToken"));
    let refusal = refused(&api, "GetExecutionHistory", &of_execution.replace('}', &other)).await;
    assert_eq!(refusal, ("InvalidToken".to_owned(), "Invalid Token: 'Invalid token'".to_owned()));

    let listed = ask(&api, "ListExecutions", &of(STATE_MACHINE)).await;
    assert_eq!(listed.get("executions").and_then(Value::as_array).map(<[Value]>::len), Some(1));
}

#[tokio::test]
async fn executions_refused() {
    let api = support::api().await;
    ask(&api, "CreateStateMachine", &create("")).await;
    let start = |input: &str| format!(r#"{{"stateMachineArn": "{STATE_MACHINE}", "input": "{input}"}}"#);
    let express = "arn:aws:states:us-east-1:123456789012:express:m:a:b";
    let unknown = "arn:aws:states:us-east-1:123456789012:execution:m:x";
    let input = |why: &str| format!("Invalid State Machine Execution Input: '{why}'");
    let cases = [
        ("StartExecution", start(""), "InvalidExecutionInput", input("Invalid execution input.")),
        (
            "StartExecution",
            start("not some json"),
            "InvalidExecutionInput",
            input(
                "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
            ),
        ),
        (
            "StartExecution",
            start("{'not': 'json'}"),
            "InvalidExecutionInput",
            input("Unexpected character (''' (code 39)): was expecting double-quote to start field name"),
        ),
        (
            "StartSyncExecution",
            of(STATE_MACHINE),
            "StateMachineTypeNotSupported",
            "This operation is not supported by this type of state machine".to_owned(),
        ),
        (
            "DescribeExecution",
            format!(r#"{{"executionArn": "{express}"}}"#),
            "InvalidArn",
            "Invalid Arn: 'Resource type not valid in this context: express'".to_owned(),
        ),
        (
            "GetExecutionHistory",
            format!(r#"{{"executionArn": "{unknown}"}}"#),
            "ExecutionDoesNotExist",
            format!("Execution Does Not Exist: '{unknown}'"),
        ),
        (
            "ListExecutions",
            of("arn:aws:states:us-east-1:123456789012:stateMachine:x"),
            "StateMachineDoesNotExist",
            "State Machine Does Not Exist: 'arn:aws:states:us-east-1:123456789012:stateMachine:x'".to_owned(),
        ),
        (
            "ListExecutions",
            of(STATE_MACHINE).replace('}', r#", "nextToken": "x"}"#),
            "InvalidToken",
            "Invalid Token: 'Invalid token'".to_owned(),
        ),
    ];
    for (operation, body, code, message) in cases {
        assert_eq!(refused(&api, operation, &body).await, (code.to_owned(), message), "{operation} {body}");
    }
}

#[tokio::test]
async fn activities_and_tags() {
    let api = support::api().await;
    let created = ask(&api, "CreateActivity", r#"{"name": "a", "tags": [{"key": "k", "value": ""}]}"#).await;
    assert_eq!(ask(&api, "CreateActivity", r#"{"name": "a"}"#).await, created);
    let arn = "arn:aws:states:us-east-1:123456789012:activity:a";
    let described = ask(&api, "DescribeActivity", &format!(r#"{{"activityArn": "{arn}"}}"#)).await;
    assert_eq!((string(&described, "activityArn"), string(&described, "name")), (arn.to_owned(), "a".to_owned()));
    assert_eq!(
        described.get("encryptionConfiguration").map(ToString::to_string),
        Some(r#"{"type":"AWS_OWNED_KEY"}"#.to_owned())
    );

    let of_resource = format!(r#"{{"resourceArn": "{arn}"}}"#);
    let tags = async || ask(&api, "ListTagsForResource", &of_resource).await.to_string();
    assert_eq!(tags().await, r#"{"tags":[{"key":"k","value":""}]}"#);
    ask(&api, "TagResource", &of_resource.replace('}', r#", "tags": [{"key": "l", "value": "v"}]}"#)).await;
    ask(&api, "UntagResource", &of_resource.replace('}', r#", "tagKeys": ["k"]}"#)).await;
    for key in ["aws:k", "AWS:k", "a;b"] {
        let tag = of_resource.replace('}', &format!(r#", "tags": [{{"key": "{key}"}}]}}"#));
        assert_eq!(refused(&api, "TagResource", &tag).await.0, "ValidationException", "{key}");
    }
    assert_eq!(tags().await, r#"{"tags":[{"key":"l","value":"v"}]}"#);

    let of_activity = format!(r#"{{"activityArn": "{arn}"}}"#);
    assert_eq!(ask(&api, "DeleteActivity", &of_activity).await.to_string(), "{}");
    let gone = ("ActivityDoesNotExist".to_owned(), format!("Activity Does Not Exist: '{arn}'"));
    assert_eq!(refused(&api, "DescribeActivity", &of_activity).await, gone);
    let no_token = ("InvalidToken".to_owned(), "Invalid Token: 'Invalid token'".to_owned());
    assert_eq!(refused(&api, "SendTaskHeartbeat", r#"{"taskToken": "x"}"#).await, no_token);
}

#[tokio::test]
async fn express_executions_answer_with_their_end() {
    let api = support::api().await;
    ask(&api, "CreateStateMachine", &create(r#", "type": "EXPRESS""#)).await;
    let unsupported = "This operation is not supported by this type of state machine".to_owned();
    let refusal = refused(&api, "ListExecutions", &of(STATE_MACHINE)).await;
    assert_eq!(refusal, ("StateMachineTypeNotSupported".to_owned(), unsupported));
    let result = ask(&api, "StartSyncExecution", &of(STATE_MACHINE)).await;
    assert_eq!((string(&result, "status"), string(&result, "output")), ("SUCCEEDED".to_owned(), "{}".to_owned()));
    assert!(string(&result, "executionArn").starts_with("arn:aws:states:us-east-1:123456789012:express:m:"));
    let billing = result.get("billingDetails").unwrap();
    assert_eq!(billing.get("billedMemoryUsedInMB").and_then(Value::as_i64), Some(64));
}

#[tokio::test]
async fn definitions_are_judged_without_an_error() {
    let api = support::api().await;
    let wrong = ask(&api, "ValidateStateMachineDefinition", r#"{"definition": " "}"#).await;
    assert_eq!(
        wrong.to_string(),
        r#"{"result":"FAIL","diagnostics":[{"severity":"ERROR","code":"SCHEMA_VALIDATION_FAILED","message":"Definition must be a valid JSON object"}],"truncated":false}"#
    );
    let right = ask(&api, "ValidateStateMachineDefinition", &format!(r#"{{"definition": "{PASS}"}}"#)).await;
    assert_eq!(right.to_string(), r#"{"result":"OK","diagnostics":[],"truncated":false}"#);
}

/// Two errors, and a warning on the way to them.
const THREE_FAULTS: &str = r#"{\"StartAt\": \"A\", \"States\": {\"A\": {\"Type\": \"Pass\", \"Parameters\": {\"a\": \"$.b\"}, \"Next\": \"B\"}, \"C\": {\"Type\": \"Succeed\"}}}"#;

#[tokio::test]
async fn diagnostics_are_those_that_were_asked_for() {
    let api = support::api().await;
    for (asked_for, codes, is_truncated) in [
        ("", vec!["MISSING_TRANSITION_TARGET", "MISSING_TRANSITION_TARGET"], false),
        (r#", "severity": "ERROR", "maxResults": 0"#, vec!["MISSING_TRANSITION_TARGET"; 2], false),
        (r#", "severity": "ERROR", "maxResults": 1"#, vec!["MISSING_TRANSITION_TARGET"], true),
        (
            r#", "severity": "WARNING""#,
            vec!["NO_DOLLAR", "MISSING_TRANSITION_TARGET", "MISSING_TRANSITION_TARGET"],
            false,
        ),
        (r#", "severity": "WARNING", "maxResults": 2"#, vec!["NO_DOLLAR", "MISSING_TRANSITION_TARGET"], true),
        (
            r#", "severity": "WARNING", "maxResults": 3"#,
            vec!["NO_DOLLAR", "MISSING_TRANSITION_TARGET", "MISSING_TRANSITION_TARGET"],
            false,
        ),
    ] {
        let request = format!(r#"{{"definition": "{THREE_FAULTS}"{asked_for}}}"#);
        let answer = ask(&api, "ValidateStateMachineDefinition", &request).await;
        let diagnostics = answer.get("diagnostics").and_then(Value::as_array).unwrap();
        let found: Vec<String> = diagnostics.iter().map(|diagnostic| string(diagnostic, "code")).collect();
        assert_eq!(found, codes, "{asked_for}");
        assert_eq!(answer.get("truncated").and_then(Value::as_bool), Some(is_truncated), "{asked_for}");
        assert_eq!(string(&answer, "result"), "FAIL", "{asked_for}");
    }
}

#[tokio::test]
async fn the_same_diagnostics_refuse_a_creation_and_an_update() {
    let api = support::api().await;
    let expected = (
        "InvalidDefinition".to_owned(),
        "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next, \
         MISSING_TRANSITION_TARGET: State \"C\" is not reachable. at /States/C'"
            .to_owned(),
    );
    let wrong = create("").replace(PASS, THREE_FAULTS);
    assert_eq!(refused(&api, "CreateStateMachine", &wrong).await, expected);
    ask(&api, "CreateStateMachine", &create("")).await;
    let update = format!(r#"{{"stateMachineArn": "{STATE_MACHINE}", "definition": "{THREE_FAULTS}"}}"#);
    assert_eq!(refused(&api, "UpdateStateMachine", &update).await, expected);
}
