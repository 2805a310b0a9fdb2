//! Whatever a request holds, it is answered: never with a panic, a hang or a server's error.

use crate::support;
use api::{Api, model::OPERATIONS};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use std::collections::BTreeSet;

/// Values that stand where something else is wanted.
const ODD: &[&str] = &[
    "null",
    "true",
    "-1",
    "1e999",
    "123456789012345678901234567890",
    "\"\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"not an arn\"",
    "\"arn:\"",
    "\"arn:aws:states:us-east-1:123456789012:\"",
    "\"arn:aws:states:us-east-1:123456789012:execution:a:b:c:d\"",
    "\"arn:aws:states:us-east-1:999999999999:activity:\u{1F600}\"",
    "[]",
    "[null]",
    "[[[]]]",
    "{}",
    "{\"\": {}}",
];

const MODEL: &str = include_str!("../../model/stepfunctions-2016-11-23.json");

/// The members of all inputs, also of the structures in them.
fn members() -> BTreeSet<String> {
    let model: serde_json::Value = serde_json::from_str(MODEL).unwrap();
    let operations = model["operations"].as_object().unwrap();
    let mut shapes: Vec<&str> = operations.values().filter_map(|of| of["input"]["shape"].as_str()).collect();
    let mut members = BTreeSet::new();
    while let Some(shape) = shapes.pop() {
        let shape = &model["shapes"][shape];
        shapes.extend(shape["member"]["shape"].as_str());
        for (name, of) in shape["members"].as_object().into_iter().flatten() {
            members.insert(name.clone());
            shapes.extend(of["shape"].as_str());
        }
    }
    members
}

async fn never_the_servers_fault(api: &Api, operation: &str, body: Bytes) {
    let shown = String::from_utf8_lossy(body.get(..body.len().min(200)).unwrap_or_default()).into_owned();
    let response = support::send(api, operation, body).await;
    assert!(response.status() == 200 || response.status() == 400, "{operation} {shown}: {}", response.status());
    let text = std::str::from_utf8(response.body()).unwrap();
    assert!(json::Value::parse(text).unwrap().as_object().is_some(), "{operation} {shown}: {text}");
}

#[tokio::test]
async fn odd_bodies() {
    let api = support::api().await;
    let deep = "[".repeat(400_000);
    let deep_objects = "{\"a\":".repeat(200_000);
    let large = format!("{{\"name\": \"{}\"}}", "a".repeat(1_000_000));
    let bodies: &[&[u8]] = &[
        b"",
        b" ",
        b"{",
        b"}",
        b"[]",
        b"null",
        b"5",
        b"\"text\"",
        b"{}{}",
        b"{\"a\"}",
        b"{'a': 1}",
        b"\xEF\xBB\xBF{}",
        b"\xFF\xFE",
        b"{\"name\": \"\xC3\x28\"}",
        b"{\"a\": 1,}",
        b"{\"a\": NaN}",
        b"\x1F\x8B\x08\x00",
        deep.as_bytes(),
        deep_objects.as_bytes(),
        large.as_bytes(),
    ];
    for operation in OPERATIONS {
        for body in bodies {
            never_the_servers_fault(&api, operation, Bytes::copy_from_slice(body)).await;
        }
    }
}

#[tokio::test]
async fn odd_members() {
    let api = support::api().await;
    let members = members();
    for known in ["context", "routingConfiguration", "includeExecutionData", "stateMachineVersionArn"] {
        assert!(members.contains(known), "{known}");
    }
    for operation in OPERATIONS {
        for odd in ODD {
            let all: Vec<String> = members.iter().map(|member| format!("\"{member}\": {odd}")).collect();
            never_the_servers_fault(&api, operation, format!("{{{}}}", all.join(", ")).into()).await;
            for member in &members {
                never_the_servers_fault(&api, operation, format!("{{\"{member}\": {odd}}}").into()).await;
            }
        }
    }
}

#[tokio::test]
async fn odd_heads() {
    let api = support::api().await;
    let check = async |request: http::request::Builder, status: StatusCode, code: &str| {
        let response = api.handle(request.body(Bytes::from_static(b"{}")).unwrap()).await;
        let body = String::from_utf8_lossy(response.body());
        assert_eq!(response.status(), status, "{body}");
        assert!(body.contains(code), "{body}");
    };
    let post = || Request::post("/").header("X-Amz-Target", "AWSStepFunctions.ListActivities");
    let unknown = "UnknownOperationException";
    check(post(), StatusCode::OK, "activities").await;
    check(post().header("Content-Type", "text/xml"), StatusCode::BAD_REQUEST, unknown).await;
    check(post().header("Authorization", "nonsense"), StatusCode::OK, "activities").await;
    check(Request::post("/"), StatusCode::BAD_REQUEST, unknown).await;
    check(Request::post("/").header("X-Amz-Target", "Other.ListActivities"), StatusCode::BAD_REQUEST, unknown).await;
    check(Request::post("/").header("X-Amz-Target", "AWSStepFunctions.Nonsense"), StatusCode::BAD_REQUEST, unknown)
        .await;
    check(Request::get("/"), StatusCode::OK, "Stepwell").await;
    check(Request::get("/favicon.ico"), StatusCode::NOT_FOUND, "nothing").await;
    check(Request::builder().method(Method::DELETE).uri("/"), StatusCode::METHOD_NOT_ALLOWED, "POST").await;
}

#[tokio::test]
async fn bodies_that_are_too_large() {
    let api = support::api().await;
    let body = vec![b' '; api.request_bytes_max() + 1];
    for response in [support::send(&api, "ListActivities", body).await, api.too_large()] {
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()["x-amzn-errortype"], "RequestEntityTooLargeException");
    }
}
