//! AWS JSON 1.0: from an HTTP request to an operation, and from its output or error to an HTTP response.
//!
//! <https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>

use crate::{Api, ApiError, Caller, operation, random};
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Uri};
use json::Value;
use serde::Serialize;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;

const TARGET: &str = "x-amz-target";
const TARGET_PREFIX: &str = "AWSStepFunctions.";
const CONTENT_TYPE_JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

const HINT: &str = "This is the API of Stepwell, which speaks as AWS Step Functions does.\n\
    Send requests with an AWS SDK or the AWS CLI, with this address as the endpoint:\n\
    aws stepfunctions list-state-machines --endpoint-url http://HOST:PORT\n";

impl Api {
    /// Answers a request. The listener has collected its body, of at most [`Api::request_bytes_max`] bytes.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (head, body) = request.into_parts();
        if let Err(error) = check_origin(&head.headers) {
            return respond(Err(error), &random::uuid());
        }
        if head.method != Method::POST {
            return without_operation(&head);
        }
        let request_id = random::uuid();
        // A panic is a fault of ours: the client hears of an internal failure, not of a connection that broke.
        let answered = AssertUnwindSafe(self.answer(&head, &body)).catch_unwind().await;
        let outcome = answered.unwrap_or_else(|_| Err(ApiError::internal("a panic, see above")));
        match &outcome {
            Err(ApiError { fault: Some(fault), .. }) => {
                let target = head.headers.get(TARGET).and_then(|target| target.to_str().ok());
                tracing::error!(request_id, target, fault, "a request failed");
            }
            Err(error) => tracing::debug!(request_id, code = error.code, message = error.message, "refused"),
            Ok(_) => {}
        }
        respond(outcome, &request_id)
    }

    /// The answer to a request whose body is larger than [`Api::request_bytes_max`].
    pub fn too_large(&self) -> Response<Bytes> {
        respond(Err(self.too_large_error()), &random::uuid())
    }

    /// The answer to a request for which there is no room now. SDKs try it again.
    pub fn throttled(&self) -> Response<Bytes> {
        respond(Err(engine::Error::Throttled.into()), &random::uuid())
    }

    async fn answer(&self, head: &Parts, body: &Bytes) -> Result<Vec<u8>, ApiError> {
        let route = operation::find(operation_of(&head.headers)?)?;
        check_content_type(&head.headers)?;
        if body.len() > self.request_bytes_max() {
            return Err(self.too_large_error());
        }
        let input = parse(body)?;
        let caller = Caller::of(head, self.account_id(), self.default_region());
        route.run(self, &caller, &input).await
    }

    fn too_large_error(&self) -> ApiError {
        let max = self.request_bytes_max();
        ApiError::new("RequestEntityTooLargeException", format!("the request is larger than {max} bytes"))
    }
}

/// Browsers and health checks ask with other methods than AWS's clients.
fn without_operation(head: &Parts) -> Response<Bytes> {
    let is_hint = head.uri.path() == "/" && (head.method == Method::GET || head.method == Method::HEAD);
    let (status, text) = if is_hint {
        (StatusCode::OK, HINT)
    } else if head.method == Method::GET || head.method == Method::HEAD {
        (StatusCode::NOT_FOUND, "there is nothing here\n")
    } else {
        (StatusCode::METHOD_NOT_ALLOWED, "requests to the API are POST requests\n")
    };
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

fn operation_of(headers: &HeaderMap) -> Result<&str, ApiError> {
    let Some(target) = headers.get(TARGET) else {
        return Err(ApiError::unknown_operation("the header X-Amz-Target is missing, it names the operation"));
    };
    let target = target.to_str().unwrap_or_default();
    target.strip_prefix(TARGET_PREFIX).ok_or_else(|| {
        ApiError::unknown_operation(format!("the target `{target}` does not begin with `{TARGET_PREFIX}`"))
    })
}

/// A web page of another site must not use the API through the browser of somebody who runs a server, nor by a name of
/// its own that it leads to a loopback address: browsers say where a script comes from, and AWS's clients say nothing.
fn check_origin(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let is_here = origin.parse::<Uri>().is_ok_and(|uri| uri.host().is_some_and(is_loopback));
    if is_here {
        return Ok(());
    }
    let why = format!("the origin `{origin}` is refused: web pages of other sites may not use this server");
    Err(ApiError { status: StatusCode::FORBIDDEN, ..ApiError::new("AccessDeniedException", why) })
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Bodies of forms and files are no requests. Some clients send another version, or plain JSON.
fn check_content_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(given) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let given = given.to_str().unwrap_or_default();
    let media_type = given.split(';').next().unwrap_or_default().trim();
    let accepted = ["application/x-amz-json-1.0", "application/x-amz-json-1.1", "application/json"];
    if accepted.iter().any(|accepted| media_type.eq_ignore_ascii_case(accepted)) {
        return Ok(());
    }
    Err(ApiError::unknown_operation(format!("the content type `{given}` is not application/x-amz-json-1.0")))
}

fn parse(body: &[u8]) -> Result<Value, ApiError> {
    let text = std::str::from_utf8(body).map_err(|_| ApiError::serialization("the body is not valid UTF-8"))?;
    // An operation without required members may come without a body.
    if text.is_empty() {
        return Ok(Value::Object(json::Object::new()));
    }
    Value::parse(text).map_err(|error| ApiError::serialization(error.message))
}

fn respond(outcome: Result<Vec<u8>, ApiError>, request_id: &str) -> Response<Bytes> {
    #[derive(Serialize)]
    struct Body<'a> {
        #[serde(rename = "__type")]
        code: &'a str,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
        #[serde(rename = "resourceName", skip_serializing_if = "Option::is_none")]
        resource_name: Option<&'a str>,
    }
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, CONTENT_TYPE_JSON);
    if let Ok(request_id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, request_id);
    }
    match outcome {
        Ok(body) => *response.body_mut() = Bytes::from(body),
        Err(error) => {
            headers.insert(ERROR_TYPE, HeaderValue::from_static(error.code));
            *response.status_mut() = error.status;
            let ApiError { code, message, reason, resource_name, .. } = &error;
            let body = Body { code, message, reason: *reason, resource_name: resource_name.as_deref() };
            *response.body_mut() = Bytes::from(serde_json::to_vec(&body).unwrap_or_default());
        }
    }
    response
}

#[cfg(test)]
mod tests;
