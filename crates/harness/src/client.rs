//! A small client of the API.

use crate::Error;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::time::Duration;

/// Speaks AWS JSON 1.0 to one endpoint over kept connections. Cloning it shares them.
#[derive(Clone)]
pub struct Client {
    http: HttpClient<HttpConnector, Full<Bytes>>,
    endpoint: String,
}

/// What the API answered instead of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    pub status: u16,
    /// The last part of `__type`: `ExecutionDoesNotExist`.
    pub code: String,
    pub message: String,
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code, self.message)
    }
}

/// The credential scope carries the Region; the signature is not checked on loopback.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/states/aws4_request, \
                             SignedHeaders=host;x-amz-date;x-amz-target, Signature=0";

impl Client {
    /// A client of `endpoint`, for example `http://127.0.0.1:8083`.
    pub fn new(endpoint: &str) -> Client {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = HttpClient::builder(TokioExecutor::new()).build(connector);
        Client { http, endpoint: endpoint.to_owned() }
    }

    /// Calls an operation.
    pub async fn call(&self, operation: &str, input: Value) -> Result<Value, Error> {
        let (status, body) = self.send(operation, input.to_string().into()).await?;
        let answer: Value = serde_json::from_slice(&body)
            .map_err(|source| Error::NotJson { operation: operation.to_owned(), source })?;
        if status == StatusCode::OK {
            return Ok(answer);
        }
        let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let code = text("__type").rsplit(['#', '.']).next().unwrap_or_default().to_owned();
        let error = ApiError { status: status.as_u16(), code, message: text("message") };
        Err(Error::Api { operation: operation.to_owned(), error })
    }

    /// Sends a body as it is; gives the status and the body of the answer as they are.
    pub async fn send(&self, operation: &str, body: Bytes) -> Result<(StatusCode, Bytes), Error> {
        let no_answer = |source: Box<dyn std::error::Error + Send + Sync>| Error::NoAnswer {
            operation: operation.to_owned(),
            source,
        };
        let request = Request::post(&self.endpoint)
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.0")
            .header(header::AUTHORIZATION, AUTHORIZATION)
            .header("x-amz-target", format!("AWSStepFunctions.{operation}"))
            .body(Full::new(body))
            .map_err(|error| no_answer(error.into()))?;
        let response = self.http.request(request).await.map_err(|error| no_answer(error.into()))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| no_answer(error.into()))?;
        Ok((status, body.to_bytes()))
    }

    /// Asks again and again until the execution has ended; gives what DescribeExecution tells.
    pub async fn closed(&self, execution_arn: &str, poll: Duration) -> Result<Value, Error> {
        loop {
            let described =
                self.call("DescribeExecution", serde_json::json!({ "executionArn": execution_arn })).await?;
            if described.get("status").and_then(Value::as_str) != Some("RUNNING") {
                return Ok(described);
            }
            tokio::time::sleep(poll).await;
        }
    }

    /// The whole history of an execution, all pages.
    pub async fn history(&self, execution_arn: &str) -> Result<Vec<Value>, Error> {
        let input = serde_json::json!({ "executionArn": execution_arn, "maxResults": 1000 });
        self.all("GetExecutionHistory", input, "events").await
    }

    /// What an operation lists in `member`, all pages. `input` is an object.
    pub async fn all(&self, operation: &str, mut input: Value, member: &str) -> Result<Vec<Value>, Error> {
        let mut found = Vec::new();
        loop {
            let mut page = self.call(operation, input.clone()).await?;
            if let Some(Value::Array(more)) = page.get_mut(member).map(Value::take) {
                found.extend(more);
            }
            match (page.get("nextToken"), input.as_object_mut()) {
                (Some(token), Some(input)) => input.insert("nextToken".to_owned(), token.clone()),
                _ => return Ok(found),
            };
        }
    }
}
