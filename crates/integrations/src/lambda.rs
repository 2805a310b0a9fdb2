//! `arn:aws:states:::lambda:invoke` (request-response and `.waitForTaskToken`) and plain function ARNs.
//!
//! `lambda:invoke` answers with the payload and the metadata of the call, a plain ARN with the payload alone.
//! The error name of a function's failure is its `errorType`, the cause the text of its error document.
//!
//! A task that times out or is stopped leaves its function running, as on AWS; only the answer is dropped.
//! After a restart an attempt in flight fails with `Lambda.Unknown`: functions need not be idempotent.

use crate::function::{self, Answer, FunctionName, Functions, Invocation, Refused};
use crate::service_error::failure;
use crate::{ServiceError, Services, identifier, restart, sdk_metadata, time};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use engine::{Call, Restart, Task};
use futures_util::future::BoxFuture;
use json::{Object, Payload, Value};
use machine::{Failure, TaskRequest};
use std::sync::Arc;

/// `lambda:invoke`.
pub(crate) fn invoke(services: &Services) -> Arc<dyn Task> {
    Arc::new(Lambda { functions: Arc::clone(&services.functions), perform: invoke_with_metadata })
}

/// A function ARN as `Resource`.
pub(crate) fn function_arn(services: &Services) -> Arc<dyn Task> {
    Arc::new(Lambda { functions: Arc::clone(&services.functions), perform: invoke_for_payload })
}

struct Lambda {
    functions: Arc<Functions>,
    perform: fn(Arc<Functions>, Call) -> BoxFuture<'static, Result<Payload, Failure>>,
}

impl Task for Lambda {
    fn run(&self, call: Call) -> BoxFuture<'static, Result<Payload, Failure>> {
        (self.perform)(Arc::clone(&self.functions), call)
    }

    /// Lambda has no `.sync` pattern.
    fn resume(&self, call: Call, _submitted: Payload) -> BoxFuture<'static, Result<Payload, Failure>> {
        self.run(call)
    }

    fn restart(&self, _request: &TaskRequest) -> Restart {
        restart::function_outcome_unknown()
    }
}

/// The largest request that Lambda takes.
const REQUEST_BYTES_MAX: usize = 6 * 1024 * 1024;

/// How a function is to be called.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum InvocationType {
    RequestResponse,
    Event,
    DryRun,
}

/// The parameters of `lambda:invoke`.
struct Parameters {
    name: FunctionName,
    payload: Bytes,
    invocation_type: InvocationType,
    wants_log: bool,
    client_context: Option<String>,
}

fn invoke_for_payload(functions: Arc<Functions>, call: Call) -> BoxFuture<'static, Result<Payload, Failure>> {
    Box::pin(async move {
        let name = parse_name(&call.request.resource)?;
        let payload = Bytes::copy_from_slice(call.request.parameters.text().as_bytes());
        let invocation = invocation(&name, payload, None, &call)?;
        let answer = functions.invoke(&name, invocation).await.map_err(|refused| refusal(refused, &name, &call))?;
        Ok(Payload::from(parse_response(&answer)?))
    })
}

fn invoke_with_metadata(functions: Arc<Functions>, call: Call) -> BoxFuture<'static, Result<Payload, Failure>> {
    Box::pin(async move {
        let parameters = parse_parameters(call.request.parameters.value())?;
        let name = &parameters.name;
        let invocation = invocation(name, parameters.payload, parameters.client_context, &call)?;
        let reply = Reply {
            version: name.version(),
            request_id: invocation.request_id.clone(),
            trace_id: invocation.trace_id.clone(),
        };
        match parameters.invocation_type {
            InvocationType::RequestResponse => {
                let answer =
                    functions.invoke(name, invocation).await.map_err(|refused| refusal(refused, name, &call))?;
                let payload = parse_response(&answer)?;
                let log = parameters.wants_log.then(|| BASE64.encode(&answer.log_tail));
                Ok(Payload::from(Value::from(reply.output(200, Some((payload, answer.byte_len())), log))))
            }
            InvocationType::Event => {
                functions.invoke_later(name, invocation).map_err(|refused| refusal(refused, name, &call))?;
                Ok(Payload::from(Value::from(reply.output(202, None, None))))
            }
            InvocationType::DryRun => {
                functions.contains(name).map_err(|refused| refusal(refused, name, &call))?;
                Ok(Payload::from(Value::from(reply.output(204, None, None))))
            }
        }
    })
}

fn parse_parameters(parameters: &Value) -> Result<Parameters, Failure> {
    let text = |name: &str| parameters.get(name).and_then(Value::as_str);
    let Some(name) = text("FunctionName") else {
        return Err(failure("States.Runtime", "The field \"FunctionName\" is required but was missing"));
    };
    let qualifier = text("Qualifier");
    Ok(Parameters {
        name: parse_name(name)?.with_qualifier(qualifier),
        payload: parameters.get("Payload").map_or_else(|| "{}".into(), ToString::to_string).into(),
        invocation_type: parse_invocation_type(text("InvocationType"))?,
        wants_log: text("LogType") == Some("Tail"),
        client_context: text("ClientContext").and_then(decode),
    })
}

fn parse_name(text: &str) -> Result<FunctionName, Failure> {
    FunctionName::parse(text).ok_or_else(|| {
        validation_failure(text, "functionName", &format!("regular expression pattern: {}", function::NAME_PATTERN))
    })
}

fn parse_invocation_type(text: Option<&str>) -> Result<InvocationType, Failure> {
    match text {
        None | Some("RequestResponse") => Ok(InvocationType::RequestResponse),
        Some("Event") => Ok(InvocationType::Event),
        Some("DryRun") => Ok(InvocationType::DryRun),
        Some(other) => {
            Err(validation_failure(other, "invocationType", "enum value set: [Event, RequestResponse, DryRun]"))
        }
    }
}

fn validation_failure(value: &str, member: &str, constraint: &str) -> Failure {
    let message = format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must satisfy {constraint}"
    );
    service_failure("ValidationException", message, 400)
}

fn decode(client_context: &str) -> Option<String> {
    String::from_utf8(BASE64.decode(client_context).ok()?).ok()
}

fn invocation(
    name: &FunctionName,
    payload: Bytes,
    client_context: Option<String>,
    call: &Call,
) -> Result<Invocation, Failure> {
    if payload.len() > REQUEST_BYTES_MAX {
        let message =
            format!("Request must be smaller than {REQUEST_BYTES_MAX} bytes for the InvokeFunction operation");
        return Err(service_failure("RequestTooLargeException", message, 413));
    }
    Ok(Invocation {
        request_id: identifier::request_id(),
        function_arn: name.arn(&call.facts.region, &call.facts.account),
        trace_id: identifier::trace_id(time::now_ms()),
        client_context,
        payload,
    })
}

fn refusal(refused: Refused, name: &FunctionName, call: &Call) -> Failure {
    match refused {
        Refused::NotFound => {
            let arn = name.arn(&call.facts.region, &call.facts.account);
            service_failure("ResourceNotFoundException", format!("Function not found: {arn}"), 404)
        }
        Refused::TooManyRequests => service_failure("TooManyRequestsException", "Rate Exceeded.".to_owned(), 429),
    }
}

fn service_failure(code: &str, message: String, status: u16) -> Failure {
    ServiceError { code: code.to_owned(), message, status }.into_sdk2_failure("Lambda")
}

/// The payload that a function answered, or the failure that its error document tells.
fn parse_response(answer: &Answer) -> Result<Value, Failure> {
    match &answer.result {
        Ok(response) => parse_json(response).ok_or_else(|| {
            failure(
                "Lambda.Unknown",
                "the function answered with a text that is no JSON; return a value that can be written as JSON",
            )
        }),
        Err(document) => Err(function_failure(&String::from_utf8_lossy(document))),
    }
}

fn parse_json(text: &[u8]) -> Option<Value> {
    Value::parse(std::str::from_utf8(text).ok()?).ok()
}

/// `errorType` names the failure; without one Step Functions cannot name it.
fn function_failure(document: &str) -> Failure {
    let parsed = Value::parse(document).unwrap_or_default();
    if let Some(error_type) = parsed.get("errorType").and_then(Value::as_str) {
        return failure(error_type, document);
    }
    let unknown = "The cause could not be determined because Lambda did not return an error type. Returned payload: ";
    failure("Lambda.Unknown", &format!("{unknown}{document}"))
}

/// What every answer of Lambda carries.
struct Reply {
    version: String,
    request_id: String,
    trace_id: String,
}

impl Reply {
    /// The output of `lambda:invoke`, in AWS's order. `payload` is the value and the length of its text.
    fn output(self, status: u16, payload: Option<(Value, usize)>, log: Option<String>) -> Object {
        let (payload, content_length) = payload.unwrap_or_else(|| (Value::from(Object::new()), 0));
        let mut headers: Vec<(&str, String)> = log.iter().map(|log| ("X-Amz-Log-Result", log.clone())).collect();
        headers.extend([
            ("X-Amz-Executed-Version", self.version.clone()),
            ("x-amzn-Remapped-Content-Length", "0".to_owned()),
            ("Connection", "keep-alive".to_owned()),
            ("x-amzn-RequestId", self.request_id),
            ("Content-Length", content_length.to_string()),
            ("Date", time::http_date(time::now_ms())),
            ("X-Amzn-Trace-Id", self.trace_id),
            ("Content-Type", "application/json".to_owned()),
        ]);
        let (http, response) = sdk_metadata::sdk_metadata(status, &headers);
        let mut output = Object::from([("ExecutedVersion", self.version)]);
        if let Some(log) = log {
            output.insert("LogResult", log);
        }
        output.extend([
            ("Payload", payload),
            ("SdkHttpMetadata", http),
            ("SdkResponseMetadata", response),
            ("StatusCode", Value::from(u32::from(status))),
        ]);
        output
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_failure(document: &str, error: &str, cause: &str) {
        assert_eq!(function_failure(document), failure(error, cause));
    }

    #[test]
    fn the_error_type_names_the_failure() {
        let python = r#"{"errorMessage": "Some exception was raised.", "errorType": "Exception", "requestId": "1", "stackTrace": []}"#;
        check_failure(python, "Exception", python);
        let unknown =
            "The cause could not be determined because Lambda did not return an error type. Returned payload: ";
        for document in [r#"{"errorMessage":"Task timed out"}"#, r#"{"errorType":7}"#, "not json", ""] {
            check_failure(document, "Lambda.Unknown", &format!("{unknown}{document}"));
        }
    }

    #[test]
    fn the_output_has_the_members_of_lambda_in_their_order() {
        let reply = Reply { version: "$LATEST".into(), request_id: "id".into(), trace_id: "trace".into() };
        let output = reply.output(200, Some((Value::from(0), 1)), Some("bG9n".into()));
        let names: Vec<_> = output.iter().map(|(name, _)| &**name).collect();
        assert_eq!(
            names,
            ["ExecutedVersion", "LogResult", "Payload", "SdkHttpMetadata", "SdkResponseMetadata", "StatusCode"]
        );
        let http = output.get("SdkHttpMetadata").unwrap();
        let names = |member: &str| -> Vec<String> {
            http.get(member).unwrap().as_object().unwrap().iter().map(|(name, _)| name.to_string()).collect()
        };
        assert_eq!(
            names("AllHttpHeaders"),
            [
                "X-Amz-Log-Result",
                "X-Amz-Executed-Version",
                "x-amzn-Remapped-Content-Length",
                "Connection",
                "x-amzn-RequestId",
                "Content-Length",
                "Date",
                "X-Amzn-Trace-Id",
                "Content-Type"
            ]
        );
        assert_eq!(
            names("HttpHeaders"),
            [
                "Connection",
                "Content-Length",
                "Content-Type",
                "Date",
                "X-Amz-Executed-Version",
                "X-Amz-Log-Result",
                "x-amzn-Remapped-Content-Length",
                "x-amzn-RequestId",
                "X-Amzn-Trace-Id"
            ]
        );
    }

    #[test]
    fn bad_parameters_are_refused_in_lambdas_words() {
        let error = |parameters: &str| {
            let Err(failure) = parse_parameters(&Value::parse(parameters).unwrap()) else {
                panic!("`{parameters}` must be refused")
            };
            failure.cause.unwrap().to_string()
        };
        assert_eq!(error("{}"), "The field \"FunctionName\" is required but was missing");
        assert!(error(r#"{"FunctionName":"a b"}"#).starts_with(
            "1 validation error detected: Value 'a b' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: (arn:"
        ));
        assert!(
            error(r#"{"FunctionName":"f","InvocationType":"Later"}"#)
                .contains("enum value set: [Event, RequestResponse, DryRun]")
        );
    }
}
