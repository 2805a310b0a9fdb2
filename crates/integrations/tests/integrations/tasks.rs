//! The integrations as the engine calls them.

use crate::support;
use asl::{IntegrationPattern, Severity, StateMachineType};
use engine::{Call, Restart, Tasks};
use futures_util::future::BoxFuture;
use integrations::function::Surroundings;
use integrations::{Caller, Functions, Integrations, ServiceError, Services, StepFunctions};
use json::{Object, Payload, Text, Value};
use machine::{Facts, Failure, TaskRequest};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// Answers calls from a script, and keeps what was asked.
#[derive(Default)]
struct Scripted {
    answers: Mutex<VecDeque<Result<Value, ServiceError>>>,
    asked: Mutex<Vec<String>>,
}

impl Scripted {
    fn answer(&self, asked: String) -> BoxFuture<'_, Result<Value, ServiceError>> {
        self.asked.lock().unwrap().push(asked);
        let answer = self.answers.lock().unwrap().pop_front().expect("the script has an answer");
        Box::pin(async { answer })
    }
}

impl StepFunctions for Scripted {
    fn call(&self, operation: &str, input: Value, caller: &Caller) -> BoxFuture<'_, Result<Value, ServiceError>> {
        self.answer(format!("{} {operation} {input}", caller.region))
    }
}

/// A resource called with parameters; what came of it, what a `.sync` call waited for on the way, what was asked.
struct Called {
    result: Result<Value, Failure>,
    awaited: Option<Text>,
    asked: Vec<String>,
}

fn request(resource: &str, parameters: &str) -> TaskRequest {
    let integration = resource.strip_prefix("arn:aws:states:::");
    let (service, action) = integration
        .and_then(|text| {
            text.rsplit_once(':').map(|(service, action)| match action {
                "2" => service.split_once(':').map(|(service, action)| (service, format!("{action}:2"))).unwrap(),
                action => (service, action.to_owned()),
            })
        })
        .unwrap_or_default();
    let pattern = match &action {
        action if action.contains(".sync") => IntegrationPattern::Sync,
        action if action.ends_with(".waitForTaskToken") => IntegrationPattern::WaitForTaskToken,
        _ => IntegrationPattern::RequestResponse,
    };
    TaskRequest {
        id: serde_json::from_str("3").unwrap(),
        resource: resource.into(),
        service: service.into(),
        action: action.into(),
        pattern,
        parameters: Payload::parse(parameters).unwrap(),
        jsonata: false,
        task_token: None,
        timeout_seconds: None,
        heartbeat_seconds: None,
        role_arn: None,
    }
}

fn facts() -> Arc<Facts> {
    Arc::new(Facts {
        execution_arn: "arn:aws:states:eu-west-1:123456789012:execution:S:e".into(),
        name: "e".into(),
        state_machine_arn: "arn:aws:states:eu-west-1:123456789012:stateMachine:S".into(),
        state_machine_name: "S".into(),
        state_machine_version_arn: None,
        state_machine_alias_arn: None,
        role_arn: "arn:aws:iam::123456789012:role/r".into(),
        state_machine_type: StateMachineType::Standard,
        is_synchronous: false,
        start_ms: 0,
        input: Payload::parse("{}").unwrap(),
        input_text: "{}".into(),
        region: "eu-west-1".into(),
        account: "123456789012".into(),
        redrive_count: 0,
        redrive_ms: None,
    })
}

fn no_functions() -> Functions {
    Functions::new(Vec::new(), &Surroundings::default()).unwrap()
}

async fn call(
    functions: Functions,
    answers: &[Result<&str, (&str, &str)>],
    resource: &str,
    parameters: &str,
) -> Called {
    let answer = |answer: &Result<&str, (&str, &str)>| match *answer {
        Ok(text) => Ok(Value::parse(text).unwrap()),
        Err((code, message)) => Err(ServiceError { code: code.to_owned(), message: message.to_owned(), status: 400 }),
    };
    let scripted =
        Arc::new(Scripted { answers: Mutex::new(answers.iter().map(answer).collect()), ..Scripted::default() });
    let services = Services { functions: Arc::new(functions), step_functions: Arc::clone(&scripted) as Arc<_> };
    let request = request(resource, parameters);
    let task = Integrations::new(&services, Severity::Error).find(&request).unwrap();
    let made = Call::new(request.clone(), facts(), "key".to_owned());
    let mut result = task.run(made.clone()).await;
    let mut awaited = None;
    if let (Ok(submitted), IntegrationPattern::Sync) = (result.clone(), request.pattern) {
        awaited = task.awaits(&request, &submitted);
        result = task.resume(made, submitted).await;
    }
    let asked = std::mem::take(&mut *scripted.asked.lock().unwrap());
    Called { result: result.map(|output| output.value().clone()), awaited, asked }
}

/// The cause without the request id, which is drawn at random.
fn cause(failure: &Failure) -> String {
    let cause = failure.cause.as_deref().unwrap();
    match cause.split_once("Request ID: ") {
        Some((before, after)) => format!("{before}Request ID: <id>{}", &after[36..]),
        None => cause.to_owned(),
    }
}

#[track_caller]
fn check_failure(called: &Called, error: &str, expected: &str) {
    let failure = called.result.as_ref().unwrap_err();
    assert_eq!((failure.error.as_deref().unwrap(), &*cause(failure)), (error, expected));
}

fn without(value: &Value, names: &[&str]) -> String {
    let kept = value.as_object().unwrap().iter().filter(|(name, _)| !names.contains(&&***name));
    Value::from(kept.map(|(name, value)| (name.clone(), value.clone())).collect::<Object>()).to_string()
}

const EXECUTION: &str = "arn:aws:states:eu-west-1:123456789012:execution:T:n";
const STARTED: &str =
    r#"{"executionArn":"arn:aws:states:eu-west-1:123456789012:execution:T:n","startDate":1691858739.123}"#;
const PARAMETERS: &str =
    r#"{"StateMachineArn":"arn:aws:states:eu-west-1:123456789012:stateMachine:T","Input":{"a":1},"Name":"n"}"#;

fn described(rest: &str) -> String {
    format!(r#"{{"executionArn":"{EXECUTION}","startDate":1691858739.123,"input":"{{\"a\":1}}",{rest}}}"#)
}

#[tokio::test]
async fn lambda_invoke_answers_with_payload_and_metadata() {
    let functions = support::functions(support::python(|_| ()));
    let parameters = r#"{"FunctionName":"f","Payload":{"do":"print"},"LogType":"Tail"}"#;
    let called = call(functions, &[], "arn:aws:states:::lambda:invoke", parameters).await;
    let output = called.result.unwrap();
    assert_eq!(
        without(&output, &["SdkHttpMetadata", "SdkResponseMetadata", "LogResult"]),
        r#"{"ExecutedVersion":"$LATEST","Payload":{"do":"print"},"StatusCode":200}"#
    );
    let headers = output.get("SdkHttpMetadata").unwrap().get("HttpHeaders").unwrap();
    assert_eq!(headers.get("Content-Length").unwrap().as_str(), Some("15"), "of the text as the function wrote it");
    assert_eq!(headers.get("X-Amz-Log-Result"), output.get("LogResult"));
    let request_id = output.get("SdkResponseMetadata").unwrap().get("RequestId");
    assert_eq!(headers.get("x-amzn-RequestId"), request_id);
}

#[tokio::test]
async fn a_function_arn_answers_with_the_payload_alone() {
    let functions = support::functions(support::python(|_| ()));
    let resource = "arn:aws:lambda:us-east-1:111111111111:function:f:PROD";
    let called = call(functions, &[], resource, r#"{"a":1}"#).await;
    assert_eq!(called.result.unwrap().to_string(), r#"{"a":1}"#);
}

#[tokio::test]
async fn a_function_is_told_its_whole_arn() {
    let functions = support::functions(support::python(|_| ()));
    let parameters =
        r#"{"FunctionName":"f","Qualifier":"3","Payload":{"do":"headers"},"ClientContext":"eyJhIjoxfQ=="}"#;
    let output = call(functions, &[], "arn:aws:states:::lambda:invoke", parameters).await.result.unwrap();
    let headers = output.get("Payload").unwrap();
    assert_eq!(
        headers.get("Lambda-Runtime-Invoked-Function-Arn").unwrap().as_str(),
        Some("arn:aws:lambda:eu-west-1:123456789012:function:f:3")
    );
    assert_eq!(headers.get("Lambda-Runtime-Client-Context").unwrap().as_str(), Some(r#"{"a":1}"#));
    assert_eq!(output.get("ExecutedVersion").unwrap().as_str(), Some("3"));
}

#[tokio::test]
async fn function_failures_are_named_by_their_error_type() {
    let document = r#"{"errorMessage": "no money", "errorType": "PaymentDeclined", "stackTrace": []}"#;
    let unknown = "The cause could not be determined because Lambda did not return an error type. Returned payload: ";
    for (event, error, cause) in [
        (r#"{"do":"fail"}"#, "PaymentDeclined", document.to_owned()),
        (r#"{"do":"fail_untyped"}"#, "Lambda.Unknown", format!(r#"{unknown}{{"errorMessage": "something"}}"#)),
        (
            r#"{"do":"text"}"#,
            "Lambda.Unknown",
            "the function answered with a text that is no JSON; return a value that can be written as JSON".to_owned(),
        ),
    ] {
        let functions = || support::functions(support::python(|_| ()));
        let parameters = format!(r#"{{"FunctionName":"f","Payload":{event}}}"#);
        check_failure(&call(functions(), &[], "arn:aws:states:::lambda:invoke", &parameters).await, error, &cause);
        let resource = "arn:aws:lambda:us-east-1:111111111111:function:f";
        check_failure(&call(functions(), &[], resource, event).await, error, &cause);
    }
}

#[tokio::test]
async fn an_unknown_function_is_not_found() {
    for (resource, parameters) in [
        ("arn:aws:states:::lambda:invoke", r#"{"FunctionName":"g:PROD"}"#),
        ("arn:aws:states:::lambda:invoke.waitForTaskToken", r#"{"FunctionName":"g","Qualifier":"PROD"}"#),
        ("arn:aws:states:::lambda:invoke", r#"{"FunctionName":"g:PROD","InvocationType":"DryRun"}"#),
        ("arn:aws:lambda:eu-west-1:123456789012:function:g:PROD", "{}"),
    ] {
        check_failure(
            &call(no_functions(), &[], resource, parameters).await,
            "Lambda.ResourceNotFoundException",
            "Function not found: arn:aws:lambda:eu-west-1:123456789012:function:g:PROD \
             (Service: Lambda, Status Code: 404, Request ID: <id>)",
        );
    }
}

#[tokio::test]
async fn a_function_that_runs_as_often_as_it_may_is_throttled() {
    let mut config = support::python(|config| (config.concurrency, config.waiting_max) = (1, 0));
    let gate = support::Gate::open(&mut config).await;
    let functions = Arc::new(support::functions(config));
    let services = Services { functions, step_functions: Arc::new(Scripted::default()) };
    let resource = "arn:aws:lambda:us-east-1:111111111111:function:f";
    let invoke = |event: &str| {
        let request = request(resource, event);
        let task = Integrations::new(&services, Severity::Error).find(&request).unwrap();
        task.run(Call::new(request, facts(), "key".to_owned()))
    };
    let first = tokio::spawn(invoke(r#"{"do":"wait"}"#));
    let arrival = gate.arrival().await;
    let refused = invoke("{}").await.unwrap_err();
    assert_eq!(
        (refused.error.as_deref(), &*cause(&refused)),
        (
            Some("Lambda.TooManyRequestsException"),
            "Rate Exceeded. (Service: Lambda, Status Code: 429, Request ID: <id>)"
        )
    );
    arrival.release().await;
    first.await.unwrap().unwrap();
    assert!(invoke("{}").await.is_ok());
}

#[tokio::test]
async fn an_event_is_answered_before_the_function_ran() {
    let mut config = support::python(|_| ());
    let gate = support::Gate::open(&mut config).await;
    let parameters = r#"{"FunctionName":"f","InvocationType":"Event","Payload":{"do":"wait"}}"#;
    let called = call(support::functions(config), &[], "arn:aws:states:::lambda:invoke", parameters).await;
    let output = called.result.unwrap();
    assert_eq!(
        without(&output, &["SdkHttpMetadata", "SdkResponseMetadata"]),
        r#"{"ExecutedVersion":"$LATEST","Payload":{},"StatusCode":202}"#
    );
    gate.arrival().await.release().await;
}

#[tokio::test]
async fn start_execution_answers_when_it_started() {
    for suffix in ["", ".waitForTaskToken"] {
        let resource = format!("arn:aws:states:::states:startExecution{suffix}");
        let called = call(no_functions(), &[Ok(STARTED)], &resource, PARAMETERS).await;
        assert_eq!(
            called.asked,
            [
                r#"eu-west-1 StartExecution {"stateMachineArn":"arn:aws:states:eu-west-1:123456789012:stateMachine:T","input":"{\"a\":1}","name":"n"}"#
            ]
        );
        assert_eq!(
            without(&called.result.unwrap(), &["SdkHttpMetadata", "SdkResponseMetadata"]),
            format!(r#"{{"ExecutionArn":"{EXECUTION}","StartDate":1691858739123}}"#)
        );
    }
}

#[tokio::test]
async fn start_execution_sync_waits_for_the_end() {
    for (suffix, output, input) in [("", r#""{\"b\":2}""#, r#""{\"a\":1}""#), (":2", r#"{"b":2}"#, r#"{"a":1}"#)] {
        let closed = described(r#""status":"SUCCEEDED","stopDate":1691858740.5,"output":"{\"b\":2}""#);
        let resource = format!("arn:aws:states:::states:startExecution.sync{suffix}");
        let called = call(no_functions(), &[Ok(STARTED), Ok(&closed)], &resource, PARAMETERS).await;
        assert_eq!(called.asked[1], format!(r#"eu-west-1 DescribeExecution {{"executionArn":"{EXECUTION}"}}"#));
        assert_eq!(called.awaited.as_deref(), Some(EXECUTION));
        assert_eq!(
            called.result.unwrap().to_string(),
            format!(
                r#"{{"ExecutionArn":"{EXECUTION}","Input":{input},"Output":{output},"StartDate":1691858739123,"Status":"SUCCEEDED","StopDate":1691858740500}}"#
            )
        );
    }
}

#[tokio::test]
async fn an_execution_that_fails_fails_the_task() {
    let closed = described(r#""status":"FAILED","stopDate":1691858740.5,"error":"SomeFailure","cause":"why""#);
    let resource = "arn:aws:states:::states:startExecution.sync:2";
    check_failure(
        &call(no_functions(), &[Ok(STARTED), Ok(&closed)], resource, PARAMETERS).await,
        "States.TaskFailed",
        &format!(
            r#"{{"Cause":"why","Error":"SomeFailure","ExecutionArn":"{EXECUTION}","Input":{{"a":1}},"StartDate":1691858739123,"Status":"FAILED","StopDate":1691858740500}}"#
        ),
    );
}

#[tokio::test]
async fn an_execution_without_a_name_gets_the_same_one_each_time() {
    let parameters = r#"{"StateMachineArn":"arn:aws:states:eu-west-1:123456789012:stateMachine:T"}"#;
    let resource = "arn:aws:states:::states:startExecution";
    let started = || call(no_functions(), &[Ok(STARTED)], resource, parameters);
    let (first, second) = (started().await, started().await);
    assert!(first.asked[0].contains(r#""name":""#), "{:?}", first.asked);
    assert_eq!(first.asked, second.asked);
}

#[tokio::test]
async fn an_execution_that_nobody_waits_for_is_stopped() {
    let scripted = Arc::new(Scripted::default());
    scripted.answers.lock().unwrap().push_back(Ok(Value::parse("{}").unwrap()));
    let services = Services { functions: Arc::new(no_functions()), step_functions: Arc::clone(&scripted) as Arc<_> };
    let request = request("arn:aws:states:::states:startExecution.sync:2", PARAMETERS);
    let task = Integrations::new(&services, Severity::Error).find(&request).unwrap();
    let submitted = Payload::parse(&format!(r#"{{"ExecutionArn":"{EXECUTION}"}}"#)).unwrap();
    task.cancel(Call::new(request, facts(), "key".to_owned()), submitted).await;
    let asked = scripted.asked.lock().unwrap().clone();
    assert_eq!(asked, [format!(r#"eu-west-1 StopExecution {{"executionArn":"{EXECUTION}"}}"#)]);
}

#[tokio::test]
async fn an_execution_of_somebody_else_is_not_taken_for_the_started_one() {
    let exists = Err(("ExecutionAlreadyExists", "Execution Already Exists: 'x'"));
    check_failure(
        &call(no_functions(), &[exists], "arn:aws:states:::states:startExecution", PARAMETERS).await,
        "StepFunctions.ExecutionAlreadyExistsException",
        "Execution Already Exists: 'x' (Service: AWSStepFunctions; Status Code: 400; \
         Error Code: ExecutionAlreadyExists; Request ID: <id>; Proxy: null)",
    );
}

#[tokio::test]
async fn aws_sdk_calls_reach_every_operation() {
    let task = r#"{"taskToken":"t","input":"{\"Value1\":\"HelloWorld\"}"}"#;
    let resource = "arn:aws:states:::aws-sdk:sfn:getActivityTask";
    let called = call(no_functions(), &[Ok(task)], resource, r#"{"ActivityArn":"a","WorkerName":"w"}"#).await;
    assert_eq!(called.asked, [r#"eu-west-1 GetActivityTask {"activityArn":"a","workerName":"w"}"#]);
    assert_eq!(called.result.unwrap().to_string(), r#"{"TaskToken":"t","Input":"{\"Value1\":\"HelloWorld\"}"}"#);

    let resource = "arn:aws:states:::aws-sdk:sfn:sendTaskSuccess";
    let invalid = Err(("InvalidToken", "Invalid Token: 'Invalid token'"));
    check_failure(
        &call(no_functions(), &[invalid], resource, r#"{"Output":"o","TaskToken":"NoSuchTaskToken"}"#).await,
        "Sfn.InvalidTokenException",
        "Invalid Token: 'Invalid token' (Service: Sfn, Status Code: 400, Request ID: <id>) (SDK Attempt Count: 1)",
    );
}

#[tokio::test]
async fn what_no_integration_serves_is_named() {
    check_failure(
        &call(no_functions(), &[], "arn:aws:states:::sqs:sendMessage", "{}").await,
        "States.Runtime",
        "this server has no integration for the resource `arn:aws:states:::sqs:sendMessage`",
    );
}

/// What a definition computes is compared with the API model when the service is called, at all depths.
#[tokio::test]
async fn a_call_with_a_field_that_the_service_does_not_have_is_not_made() {
    let start = r#"{"StateMachineArn":"a","Input":{"any":[1]},"Inputt":1,"TraceId":null}"#;
    let tags = r#"{"ResourceArn":"a","Tags":[{"key":"k","Value":"v"}]}"#;
    for (resource, parameters, faulty) in [
        ("lambda:invoke", r#"{"FunctionName":"f","Paylod":{"any":1}}"#, &["Paylod"] as &[&str]),
        ("lambda:invoke.waitForTaskToken", r#"{"functionName":"f"}"#, &["functionName"]),
        ("lambda:invoke", r#"{"FunctionName":"f","Paylod":"{% of the data %}","Any.$":1}"#, &["Paylod", "Any.$"]),
        ("states:startExecution", start, &["Inputt", "TraceId"]),
        ("states:startExecution.sync:2", start, &["Inputt", "TraceId"]),
        ("aws-sdk:sfn:listExecutions", r#"{"StateMachineArn":"a","MaxResult":1}"#, &["MaxResult"]),
        ("aws-sdk:sfn:tagResource", tags, &["key"]),
    ] {
        let called = call(no_functions(), &[], &format!("arn:aws:states:::{resource}"), parameters).await;
        let fault = |name: &&str| format!("The field \"{name}\" is not supported by Step Functions");
        let faults = faulty.iter().map(fault).collect::<Vec<_>>().join(", ");
        let cause = format!("The Parameters '{parameters}' could not be used to start the Task: [{faults}]");
        check_failure(&called, "States.Runtime", &cause);
        assert_eq!(called.asked, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_field_that_the_service_does_not_have_is_left_to_it_where_that_is_wanted() {
    let services = Services { functions: Arc::new(no_functions()), step_functions: Arc::new(Scripted::default()) };
    let request = request("arn:aws:states:::lambda:invoke", r#"{"FunctionName":"f","Paylod":1}"#);
    let task = Integrations::new(&services, Severity::Warning).find(&request).unwrap();
    let failure = task.run(Call::new(request, facts(), "key".to_owned())).await.unwrap_err();
    assert_eq!(failure.error.as_deref(), Some("Lambda.ResourceNotFoundException"));
}

#[tokio::test]
async fn each_integration_says_what_a_restart_does() {
    let services = Services { functions: Arc::new(no_functions()), step_functions: Arc::new(Scripted::default()) };
    let integrations = Integrations::new(&services, Severity::Error);
    let restart = |resource: &str| {
        let request = request(resource, "{}");
        match integrations.find(&request).unwrap().restart(&request) {
            Restart::Redispatch => "again".to_owned(),
            Restart::Fail(failure) => failure.error.unwrap().to_string(),
        }
    };
    for (resource, expected) in [
        ("arn:aws:states:::lambda:invoke", "Lambda.Unknown"),
        ("arn:aws:lambda:us-east-1:111111111111:function:f", "Lambda.Unknown"),
        ("arn:aws:states:::states:startExecution.sync:2", "again"),
        ("arn:aws:states:::aws-sdk:sfn:describeExecution", "again"),
        ("arn:aws:states:::aws-sdk:sfn:sendTaskSuccess", "again"),
        ("arn:aws:states:::aws-sdk:sfn:startSyncExecution", "Sfn.SfnException"),
        ("arn:aws:states:::sqs:sendMessage", "States.Runtime"),
    ] {
        assert_eq!(restart(resource), expected, "{resource}");
    }
}
