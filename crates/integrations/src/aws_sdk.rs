//! `arn:aws:states:::aws-sdk:sfn:*`: any operation of Step Functions, in process.
//!
//! Parameters are `PascalCase` and may hold JSON where the API wants a string of JSON; results are `PascalCase` with
//! times in ISO-8601. An error is named `Sfn.` and the Java exception, as the AWS SDK integrations do.

use crate::step_functions::{Caller, StepFunctions};
use crate::{Services, action_name, casing, identifier, restart, time};
use engine::{Call, Restart, Task};
use futures_util::future::BoxFuture;
use json::{Object, Payload, Value};
use machine::{Failure, TaskRequest};
use std::sync::Arc;

pub(crate) fn step_functions(services: &Services) -> Arc<dyn Task> {
    Arc::new(AwsSdkSfn { step_functions: Arc::clone(&services.step_functions) })
}

struct AwsSdkSfn {
    step_functions: Arc<dyn StepFunctions>,
}

/// Members of the API that are strings of JSON: a definition may give the JSON itself.
const JSON_TEXTS: &[&str] = &["input", "output", "definition", "variables", "context"];

/// Members that make a call idempotent, filled with a value derived from the attempt when they are not given.
const IDEMPOTENCY: &[(&str, &str)] = &[("StartExecution", "name"), ("RedriveExecution", "clientToken")];

/// Operations of which a second call would do a second thing. All others are reads, are idempotent by AWS's rules, or
/// carry a member of [`IDEMPOTENCY`]; a start, an answer to a task token and a poll for a task of an activity are
/// remembered with the call, which has the same answer when it is made again.
const NOT_REPEATABLE: &[&str] = &["StartSyncExecution", "TestState"];

/// Operations that wait for an execution or for a task, which may need the place that they would take. How many of them
/// there are is bounded by the limits on Express executions, on pollers and on tests of states.
const WAITING: &[&str] = &["StartSyncExecution", "GetActivityTask", "TestState"];

impl Task for AwsSdkSfn {
    fn run(&self, call: Call) -> BoxFuture<'static, Result<Payload, Failure>> {
        let step_functions = Arc::clone(&self.step_functions);
        Box::pin(async move {
            let operation = casing::pascal(action_name(&call.request.action));
            let input = input(&operation, call.request.parameters.value(), &call.idempotency_key);
            let answer = step_functions.call(&operation, Value::from(input), &Caller::of(&call)).await;
            let output = answer.map_err(|error| error.into_aws_sdk_failure("Sfn"))?;
            Ok(Payload::from(casing::to_pascal(&with_iso_times(&output))))
        })
    }

    /// No operation of Step Functions has a `.sync` pattern here.
    fn resume(&self, call: Call, _submitted: Payload) -> BoxFuture<'static, Result<Payload, Failure>> {
        self.run(call)
    }

    fn restart(&self, request: &TaskRequest) -> Restart {
        let operation = casing::pascal(action_name(&request.action));
        if NOT_REPEATABLE.contains(&&*operation) {
            return restart::outcome_unknown("Sfn.SfnException", &request.action);
        }
        Restart::Redispatch
    }

    fn is_waiting(&self, request: &TaskRequest) -> bool {
        WAITING.contains(&&*casing::pascal(action_name(&request.action)))
    }
}

/// The parameters as on the wire.
fn input(operation: &str, parameters: &Value, idempotency_key: &str) -> Object {
    let mut input = casing::to_camel(parameters).as_object().cloned().unwrap_or_default();
    for (name, value) in parameters.as_object().into_iter().flat_map(Object::iter) {
        let text = JSON_TEXTS.iter().find(|text| text.eq_ignore_ascii_case(name));
        if let (Some(text), Value::Object(_) | Value::Array(_)) = (text, value) {
            input.insert(*text, value.to_string());
        }
    }
    for (_, member) in IDEMPOTENCY.iter().filter(|(named, _)| *named == operation) {
        if !input.contains_key(member) {
            input.insert(*member, identifier::derived_uuid(idempotency_key));
        }
    }
    input
}

/// The output with ISO-8601 texts for the API's seconds.
fn with_iso_times(output: &Value) -> Value {
    match output {
        Value::Object(members) => {
            let shown = |name: &str, value: &Value| match value {
                Value::Number(seconds) if is_time(name) => {
                    Value::from(time::iso(time::ms_of_seconds(seconds.as_f64())))
                }
                _ => with_iso_times(value),
            };
            members.iter().map(|(name, value)| (name.clone(), shown(name, value))).collect()
        }
        Value::Array(elements) => elements.iter().map(with_iso_times).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => output.clone(),
    }
}

/// The members of the API that are times: `startDate`, `creationDate` … and `timestamp` in a history.
fn is_time(name: &str) -> bool {
    name.ends_with("Date") || name == "timestamp"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        Value::parse(text).unwrap()
    }

    #[track_caller]
    fn check_input(operation: &str, parameters: &str, expected: &str) {
        assert_eq!(Value::from(input(operation, &value(parameters), "key")).to_string(), expected);
    }

    #[test]
    fn parameters_become_the_input_of_an_operation() {
        check_input(
            "SendTaskSuccess",
            r#"{"Output":"ParameterOutput","TaskToken":"t"}"#,
            r#"{"output":"ParameterOutput","taskToken":"t"}"#,
        );
        check_input(
            "SendTaskSuccess",
            r#"{"Output":{"Any":[1]},"TaskToken":"t"}"#,
            r#"{"output":"{\"Any\":[1]}","taskToken":"t"}"#,
        );
        check_input("SendTaskFailure", r#"{"TaskToken":"t","Cause":null}"#, r#"{"taskToken":"t"}"#);
        let derived = identifier::derived_uuid("key");
        check_input(
            "StartExecution",
            r#"{"Input":null,"StateMachineArn":"a"}"#,
            &format!(r#"{{"stateMachineArn":"a","name":"{derived}"}}"#),
        );
        check_input(
            "StartExecution",
            r#"{"StateMachineArn":"a","Name":"mine"}"#,
            r#"{"stateMachineArn":"a","name":"mine"}"#,
        );
    }

    #[test]
    fn results_show_times_in_iso_8601() {
        let output = value(r#"{"executionArn":"a","startDate":1762431558.042,"events":[{"timestamp":0.5,"id":1}]}"#);
        assert_eq!(
            casing::to_pascal(&with_iso_times(&output)).to_string(),
            r#"{"ExecutionArn":"a","StartDate":"2025-11-06T12:19:18.042Z","#.to_owned()
                + r#""Events":[{"Timestamp":"1970-01-01T00:00:00.500Z","Id":1}]}"#,
        );
    }
}
