//! `arn:aws:states:::states:startExecution`, request-response, `.sync`, `.sync:2` and `.waitForTaskToken`.
//!
//! The answer of `.sync` is that of `DescribeExecution` in `PascalCase`, sorted, with times in milliseconds and with
//! `Input` and `Output` as strings; `.sync:2` gives them as JSON. An execution that did not succeed fails the task
//! with `States.TaskFailed` and that answer as the cause.
//!
//! After a restart the call is made again. It cannot start twice: an execution without a `Name` gets one that is
//! derived from the attempt, Step Functions starts no second execution of one name, and the execution remembers the call
//! that started it, whose answer stays the same. (Express executions have no such rule; there a restart may start a
//! second one.)

use crate::step_functions::{Caller, StepFunctions};
use crate::{ServiceError, Services, casing, identifier, sdk_metadata, service_error, time};
use engine::{Call, Restart, Task};
use futures_util::future::BoxFuture;
use json::{Object, Payload, Text, Value};
use machine::{Failure, TaskRequest};
use std::sync::Arc;

pub(crate) fn start_execution(services: &Services) -> Arc<dyn Task> {
    Arc::new(StartExecution { step_functions: Arc::clone(&services.step_functions) })
}

struct StartExecution {
    step_functions: Arc<dyn StepFunctions>,
}

impl Task for StartExecution {
    fn run(&self, call: Call) -> BoxFuture<'static, Result<Payload, Failure>> {
        let step_functions = Arc::clone(&self.step_functions);
        Box::pin(async move {
            let input = start_input(call.request.parameters.value(), &call.idempotency_key);
            let started = step_functions.call("StartExecution", Value::from(input), &Caller::of(&call)).await;
            Ok(Payload::from(Value::from(accepted(&started.map_err(into_failure)?))))
        })
    }

    /// The execution has ended: its record is the answer.
    fn resume(&self, call: Call, submitted: Payload) -> BoxFuture<'static, Result<Payload, Failure>> {
        let step_functions = Arc::clone(&self.step_functions);
        Box::pin(async move { closed(&*step_functions, &string(submitted.value(), "ExecutionArn"), &call).await })
    }

    fn awaits(&self, _request: &TaskRequest, submitted: &Payload) -> Option<Text> {
        Some(string(submitted.value(), "ExecutionArn").into())
    }

    /// As AWS does, an execution that nobody waits for any more is stopped.
    fn cancel(&self, call: Call, submitted: Payload) -> BoxFuture<'static, ()> {
        let step_functions = Arc::clone(&self.step_functions);
        Box::pin(async move {
            let execution_arn = string(submitted.value(), "ExecutionArn");
            let input = Object::from([("executionArn", execution_arn.as_str())]);
            let stopped = step_functions.call("StopExecution", Value::from(input), &Caller::of(&call)).await;
            if let Err(error) = stopped {
                tracing::warn!(execution_arn, ?error, "an execution that nobody waits for was not stopped");
            }
        })
    }

    fn restart(&self, _request: &TaskRequest) -> Restart {
        Restart::Redispatch
    }
}

/// The parameters as on the wire: an `Input` that is no string is written as JSON text.
fn start_input(parameters: &Value, idempotency_key: &str) -> Object {
    let mut input = casing::to_camel(parameters).as_object().cloned().unwrap_or_default();
    // `Input` is the caller's data, whose members keep their names.
    match parameters.get("Input") {
        None | Some(Value::Null | Value::String(_)) => {}
        Some(data) => input.insert("input", data.to_string()),
    }
    if !input.contains_key("name") {
        input.insert("name", identifier::derived_uuid(idempotency_key));
    }
    input
}

/// The record of an execution that has ended, as an output or as the cause of a failure.
async fn closed(service: &dyn StepFunctions, execution_arn: &str, call: &Call) -> Result<Payload, Failure> {
    let input = Value::from(Object::from([("executionArn", execution_arn)]));
    let description = service.call("DescribeExecution", input, &Caller::of(call)).await.map_err(into_failure)?;
    let is_json = call.request.action.ends_with(":2");
    let record = Value::from(record(&description, is_json));
    match record.get("Status").and_then(Value::as_str) {
        Some("SUCCEEDED") => Ok(Payload::from(record)),
        _ => Err(service_error::failure("States.TaskFailed", &record.to_string())),
    }
}

/// A `DescribeExecution` answer as `.sync` shows it.
fn record(description: &Value, is_json: bool) -> Object {
    let description = casing::to_pascal(description);
    let mut members: Vec<_> = description.as_object().into_iter().flat_map(Object::iter).collect();
    members.sort_by_key(|(name, _)| (*name).clone());
    let shown = |name: &str, value: &Value| match (name, value) {
        ("Input" | "Output", Value::String(text)) if is_json => Value::parse(text).unwrap_or_else(|_| value.clone()),
        (_, Value::Number(_)) if name.ends_with("Date") => milliseconds(value),
        _ => value.clone(),
    };
    members.into_iter().map(|(name, value)| (name.clone(), shown(name, value))).collect()
}

/// The answer of `StartExecution` with the metadata of AWS's client.
fn accepted(started: &Value) -> Object {
    let now_ms = time::now_ms();
    let execution_arn = string(started, "executionArn");
    // The length of AWS's answer, in which a date is written like `1.731586403149E9`.
    let content_length = format!(r#"{{"executionArn":"{execution_arn}","startDate":1.731586403149E9}}"#).len();
    let (http, response) = sdk_metadata::sdk_metadata(
        200,
        &[
            ("x-amzn-RequestId", identifier::request_id()),
            ("connection", "keep-alive".to_owned()),
            ("Content-Length", content_length.to_string()),
            ("Date", time::http_date(now_ms)),
            ("Content-Type", "application/x-amz-json-1.0".to_owned()),
        ],
    );
    Object::from([
        ("ExecutionArn", Value::from(execution_arn)),
        ("SdkHttpMetadata", http),
        ("SdkResponseMetadata", response),
        ("StartDate", started.get("startDate").map(milliseconds).unwrap_or_default()),
    ])
}

fn milliseconds(seconds: &Value) -> Value {
    seconds.as_f64().map(time::ms_of_seconds).into()
}

fn string(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn into_failure(error: ServiceError) -> Failure {
    error.into_sdk1_failure("StepFunctions", "AWSStepFunctions")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        Value::parse(text).unwrap()
    }

    const CLOSED: &str = r#"{"executionArn":"arn:x","stateMachineArn":"arn:y","name":"n","status":"SUCCEEDED",
        "startDate":1691858739.123,"stopDate":1691858739.5,"input":"{\"camelCase\":1}","inputDetails":{"included":true},
        "output":"{\"Arg1\":\"argument1\"}","outputDetails":{"included":true},"error":null}"#;

    #[track_caller]
    fn check_record(is_json: bool, input: &str, output: &str) {
        let expected = format!(
            r#"{{"ExecutionArn":"arn:x","Input":{input},"InputDetails":{{"Included":true}},"Name":"n","Output":{output},"#
        ) + r#""OutputDetails":{"Included":true},"StartDate":1691858739123,"StateMachineArn":"arn:y","#
            + r#""Status":"SUCCEEDED","StopDate":1691858739500}"#;
        assert_eq!(Value::from(record(&value(CLOSED), is_json)).to_string(), expected);
    }

    #[test]
    fn a_closed_execution_is_shown_as_recorded() {
        check_record(false, r#""{\"camelCase\":1}""#, r#""{\"Arg1\":\"argument1\"}""#);
        check_record(true, r#"{"camelCase":1}"#, r#"{"Arg1":"argument1"}"#);
    }

    #[track_caller]
    fn check_input(parameters: &str, expected: &str) {
        assert_eq!(Value::from(start_input(&value(parameters), "key")).to_string(), expected);
    }

    #[test]
    fn parameters_become_the_input_of_start_execution() {
        check_input(
            r#"{"StateMachineArn":"a","Input":{"Payload":null,"Deep":{"Er":1}},"Name":"n"}"#,
            r#"{"stateMachineArn":"a","input":"{\"Payload\":null,\"Deep\":{\"Er\":1}}","name":"n"}"#,
        );
        check_input(r#"{"Input":null,"StateMachineArn":"a","Name":"n"}"#, r#"{"stateMachineArn":"a","name":"n"}"#);
        check_input(r#"{"Input":"\"text\"","Name":"n"}"#, r#"{"input":"\"text\"","name":"n"}"#);
        let name = identifier::derived_uuid("key");
        check_input(r#"{"StateMachineArn":"a"}"#, &format!(r#"{{"stateMachineArn":"a","name":"{name}"}}"#));
    }

    #[test]
    fn the_answer_has_the_length_that_aws_sends() {
        let arn = "arn:aws:states:us-east-1:111111111111:execution:statemachine_create_and_record_execution_0a1b2c3d:TestStartTarget";
        let answer =
            Value::from(accepted(&value(&format!(r#"{{"executionArn":"{arn}","startDate":1731586403.149}}"#))));
        assert_eq!(answer.get("StartDate").unwrap().as_i64(), Some(1_731_586_403_149));
        let headers = answer.get("SdkHttpMetadata").unwrap().get("HttpHeaders").unwrap();
        assert_eq!(headers.get("Content-Length").unwrap().as_str(), Some("161"));
    }
}
