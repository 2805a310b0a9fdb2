//! Logging, tracing and encryption: what is refused, and what is shown again; Express histories that are kept.

use crate::support::{self, ask, refused, string};
use engine::Options;
use json::Value;

const PASS: &str = r#"{\"StartAt\": \"A\", \"States\": {\"A\": {\"Type\": \"Pass\", \"End\": true}}}"#;
const STATE_MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:m";
const LOG_GROUP: &str =
    r#"{"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:g:*"}}"#;

fn create(more: &str) -> String {
    format!(r#"{{"name": "m", "definition": "{PASS}", "roleArn": "arn:aws:iam::123456789012:role/r", {more}}}"#)
}

/// What is given when a state machine is created, or when it is changed, is shown as `shown`.
async fn check_shown(member: &str, given: &str, shown: &str) {
    let shown = Value::parse(shown).unwrap();
    let describe = format!(r#"{{"stateMachineArn": "{STATE_MACHINE}"}}"#);
    let api = support::api().await;
    ask(&api, "CreateStateMachine", &create(&format!(r#""{member}": {given}"#))).await;
    assert_eq!(ask(&api, "DescribeStateMachine", &describe).await.get(member), Some(&shown), "create {given}");
    let api = support::api().await;
    ask(&api, "CreateStateMachine", &create(r#""type": "STANDARD""#)).await;
    let change = format!(r#"{{"stateMachineArn": "{STATE_MACHINE}", "{member}": {given}}}"#);
    ask(&api, "UpdateStateMachine", &change).await;
    assert_eq!(ask(&api, "DescribeStateMachine", &describe).await.get(member), Some(&shown), "update {given}");
}

#[tokio::test]
async fn configurations_are_shown_as_they_were_given() {
    let logging = |level: &str, data: bool| {
        format!(r#"{{"destinations": [{LOG_GROUP}], "includeExecutionData": {data}, "level": "{level}"}}"#)
    };
    for level in ["ALL", "ERROR", "FATAL", "OFF"] {
        check_shown("loggingConfiguration", &logging(level, true), &logging(level, true)).await;
    }
    let incomplete = format!(r#"{{"level": "ALL", "destinations": [{LOG_GROUP}]}}"#);
    check_shown("loggingConfiguration", &incomplete, &logging("ALL", false)).await;
    check_shown("loggingConfiguration", "{}", r#"{"includeExecutionData": false, "level": "OFF"}"#).await;
    check_shown("tracingConfiguration", r#"{"enabled": true}"#, r#"{"enabled": true}"#).await;
    check_shown("tracingConfiguration", r#"{"enabled": false}"#, r#"{"enabled": false}"#).await;
    let owned = r#"{"type": "AWS_OWNED_KEY"}"#;
    check_shown("encryptionConfiguration", owned, owned).await;
    let key = r#""kmsKeyId": "alias/a", "type": "CUSTOMER_MANAGED_KMS_KEY""#;
    let completed = format!(r#"{{{key}, "kmsDataKeyReusePeriodSeconds": 300}}"#);
    check_shown("encryptionConfiguration", &format!("{{{key}}}"), &completed).await;
    check_shown("encryptionConfiguration", &completed.replace("300", "60"), &completed.replace("300", "60")).await;
}

#[tokio::test]
async fn the_default_is_the_same_written_out_or_not() {
    for default in [
        r#""loggingConfiguration": {"level": "OFF"}"#,
        r#""tracingConfiguration": {"enabled": false}"#,
        r#""encryptionConfiguration": {"type": "AWS_OWNED_KEY"}"#,
    ] {
        let api = support::api().await;
        let created = ask(&api, "CreateStateMachine", &create(r#""type": "STANDARD""#)).await;
        let change = format!(r#"{{"stateMachineArn": "{STATE_MACHINE}", {default}}}"#);
        let updated = ask(&api, "UpdateStateMachine", &change).await;
        assert_eq!(updated.get("revisionId"), None, "{default} changes nothing");
        for again in [default, r#""type": "STANDARD""#] {
            assert_eq!(ask(&api, "CreateStateMachine", &create(again)).await, created, "{default}, then {again}");
        }
        let on = r#""tracingConfiguration": {"enabled": true}"#;
        ask(&api, "UpdateStateMachine", &format!(r#"{{"stateMachineArn": "{STATE_MACHINE}", {on}}}"#)).await;
        let off = on.replace("true", "false");
        ask(&api, "UpdateStateMachine", &format!(r#"{{"stateMachineArn": "{STATE_MACHINE}", {off}}}"#)).await;
        assert_eq!(ask(&api, "CreateStateMachine", &create(default)).await, created, "{default}, set back");
    }
}

#[tokio::test]
async fn configurations_that_cannot_be_are_refused() {
    let logging = ("loggingConfiguration", "InvalidLoggingConfiguration", "Invalid Logging Configuration");
    let encryption = ("encryptionConfiguration", "InvalidEncryptionConfiguration", "Invalid Encryption Configuration");
    let one = "Must specify exactly one Log Destination.";
    #[rustfmt::skip]
    let cases = [
        (logging, r#"{"level": "ALL"}"#.to_owned(), one),
        (logging, r#"{"level": "FATAL", "destinations": []}"#.to_owned(), one),
        (logging, r#"{"level": "ERROR", "destinations": [{}]}"#.to_owned(), one),
        (logging, format!(r#"{{"level": "ALL", "destinations": [{LOG_GROUP}, {LOG_GROUP}]}}"#), one),
        (logging, format!(r#"{{"level": "ALL", "destinations": [{}]}}"#, LOG_GROUP.replace(":*", "")), "Log Group ARN must be provided with '*' qualifier."),
        (logging, format!(r#"{{"level": "ALL", "destinations": [{}]}}"#, LOG_GROUP.replace("log-group", "x")), "Log Destination not found."),
        (encryption, r#"{"type": "CUSTOMER_MANAGED_KMS_KEY"}"#.to_owned(), "kmsKeyId must be set when type is CUSTOMER_MANAGED_KMS_KEY"),
        (encryption, r#"{"type": "AWS_OWNED_KEY", "kmsKeyId": "k"}"#.to_owned(), "kmsKeyId can only be set when type is CUSTOMER_MANAGED_KMS_KEY"),
        (encryption, r#"{"type": "AWS_OWNED_KEY", "kmsDataKeyReusePeriodSeconds": 60}"#.to_owned(), "kmsDataKeyReusePeriodSeconds can only be set when type is CUSTOMER_MANAGED_KMS_KEY"),
    ];
    let api = support::api().await;
    for ((member, code, prefix), given, why) in cases {
        let expected = (code.to_owned(), format!("{prefix}: {why}"));
        assert_eq!(refused(&api, "CreateStateMachine", &create(&format!(r#""{member}": {given}"#))).await, expected);
    }
    assert_eq!(ask(&api, "ListStateMachines", "{}").await.to_string(), r#"{"stateMachines":[]}"#);
}

#[tokio::test]
async fn activities_keep_their_encryption_and_are_listed() {
    let api = support::api().await;
    let encryption = r#"{"kmsKeyId": "k", "kmsDataKeyReusePeriodSeconds": 900, "type": "CUSTOMER_MANAGED_KMS_KEY"}"#;
    for name in ["b", "a", "c"] {
        let new = format!(r#"{{"name": "{name}", "encryptionConfiguration": {encryption}}}"#);
        ask(&api, "CreateActivity", &new).await;
    }
    let arn = |name: &str| format!("arn:aws:states:us-east-1:123456789012:activity:{name}");
    let described = ask(&api, "DescribeActivity", &format!(r#"{{"activityArn": "{}"}}"#, arn("a"))).await;
    assert_eq!(described.get("encryptionConfiguration"), Some(&Value::parse(encryption).unwrap()));
    let refusal = refused(&api, "CreateActivity", r#"{"name": "a"}"#).await;
    assert_eq!(refusal.0, "ActivityAlreadyExists");

    let page = ask(&api, "ListActivities", r#"{"maxResults": 2}"#).await;
    let next = string(&page, "nextToken");
    let rest = ask(&api, "ListActivities", &format!(r#"{{"maxResults": 2, "nextToken": "{next}"}}"#)).await;
    let names = |page: &Value| -> Vec<String> {
        page.get("activities").unwrap().as_array().unwrap().iter().map(|listed| string(listed, "name")).collect()
    };
    assert_eq!((names(&page), names(&rest)), (vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()]));
    assert_eq!(rest.get("nextToken"), None);
    assert_eq!(string(&page.get("activities").unwrap().as_array().unwrap()[0], "activityArn"), arn("a"));
    assert_eq!(refused(&api, "ListActivities", r#"{"nextToken": "x"}"#).await.0, "InvalidToken");
}

#[tokio::test]
async fn a_trace_header_is_carried() {
    let api = support::api().await;
    ask(&api, "CreateStateMachine", &create(r#""type": "STANDARD""#)).await;
    let start = format!(r#"{{"stateMachineArn": "{STATE_MACHINE}", "traceHeader": "Root=1-5;Sampled=1"}}"#);
    let execution_arn = string(&ask(&api, "StartExecution", &start).await, "executionArn");
    let described = ask(&api, "DescribeExecution", &format!(r#"{{"executionArn": "{execution_arn}"}}"#)).await;
    assert_eq!(string(&described, "traceHeader"), "Root=1-5;Sampled=1");
}

/// Operations that take an execution and are not for Express, in AWS's words; the first three are when a history is kept.
const NOT_FOR_EXPRESS: [&str; 4] =
    ["DescribeExecution", "GetExecutionHistory", "DescribeStateMachineForExecution", "StopExecution"];

async fn check_express(express_history_bytes_max: usize, answered: usize) {
    let api = support::api_with(Options { express_history_bytes_max, ..Options::default() }).await;
    ask(&api, "CreateStateMachine", &create(r#""type": "EXPRESS""#)).await;
    let start = format!(r#"{{"stateMachineArn": "{STATE_MACHINE}"}}"#);
    let execution_arn = string(&ask(&api, "StartSyncExecution", &start).await, "executionArn");
    let body = format!(r#"{{"executionArn": "{execution_arn}"}}"#);
    let (are_answered, are_refused) = NOT_FOR_EXPRESS.split_at(answered);
    for operation in are_answered {
        ask(&api, operation, &body).await;
    }
    let message = "Invalid Arn: 'Resource type not valid in this context: express'".to_owned();
    for operation in are_refused {
        assert_eq!(refused(&api, operation, &body).await, ("InvalidArn".to_owned(), message.clone()), "{operation}");
    }
    let message = "This operation is not supported by this type of state machine".to_owned();
    assert_eq!(refused(&api, "ListExecutions", &start).await, ("StateMachineTypeNotSupported".to_owned(), message));
}

#[tokio::test]
async fn express_executions_are_shown_only_when_they_are_kept() {
    check_express(0, 0).await;
    check_express(1 << 20, 3).await;
}

/// The state machine of an Express child of a Map Run that is kept tells what it is of.
#[tokio::test]
async fn the_state_machine_of_an_express_child_is_told() {
    let api = support::api_with(Options { express_history_bytes_max: 1 << 20, ..Options::default() }).await;
    let definition = r#"{\"StartAt\": \"M\", \"States\": {\"M\": {\"Type\": \"Map\", \"Label\": \"L\", \"End\": true,
        \"ItemProcessor\": {\"ProcessorConfig\": {\"Mode\": \"DISTRIBUTED\", \"ExecutionType\": \"EXPRESS\"},
        \"StartAt\": \"P\", \"States\": {\"P\": {\"Type\": \"Pass\", \"End\": true}}}}}}"#;
    let role = "arn:aws:iam::123456789012:role/r";
    let machine = format!(r#"{{"name": "m", "definition": "{definition}", "roleArn": "{role}"}}"#).replace('\n', "");
    ask(&api, "CreateStateMachine", &machine).await;
    let start = format!(r#"{{"stateMachineArn": "{STATE_MACHINE}", "input": "[1]"}}"#);
    let execution = string(&ask(&api, "StartExecution", &start).await, "executionArn");
    let of_execution = |arn: &str| format!(r#"{{"executionArn": "{arn}"}}"#);
    while string(&ask(&api, "DescribeExecution", &of_execution(&execution)).await, "status") != "SUCCEEDED" {
        tokio::task::yield_now().await;
    }
    let first = |listed: &Value, list: &str, member: &str| {
        string(&listed.get(list).and_then(Value::as_array).unwrap()[0], member)
    };
    let map_run = first(&ask(&api, "ListMapRuns", &of_execution(&execution)).await, "mapRuns", "mapRunArn");
    let listed = ask(&api, "ListExecutions", &format!(r#"{{"mapRunArn": "{map_run}"}}"#)).await;
    let child = first(&listed, "executions", "executionArn");
    let told = ask(&api, "DescribeStateMachineForExecution", &of_execution(&child)).await;
    let state_machine = format!("{STATE_MACHINE}/L");
    for (member, expected) in [("mapRunArn", &*map_run), ("label", "L"), ("stateMachineArn", &*state_machine)] {
        assert_eq!(string(&told, member), expected);
    }
}
