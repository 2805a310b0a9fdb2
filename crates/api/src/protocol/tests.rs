//! Heads, bodies and answers, without an engine behind them.

use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect()
}

fn code<T>(outcome: Result<T, ApiError>) -> &'static str {
    outcome.err().map_or("", |error| error.code)
}

#[test]
fn targets_name_operations() {
    assert_eq!(operation_of(&headers(&[("x-amz-target", "AWSStepFunctions.StartExecution")])), Ok("StartExecution"));
    for target in ["", "StartExecution", "DynamoDB_20120810.PutItem", "awsstepfunctions.StartExecution"] {
        assert_eq!(code(operation_of(&headers(&[("x-amz-target", target)]))), "UnknownOperationException", "{target}");
    }
    assert_eq!(code(operation_of(&headers(&[]))), "UnknownOperationException");
    let not_text =
        HeaderMap::from_iter([(HeaderName::from_static("x-amz-target"), HeaderValue::from_bytes(&[0xFF]).unwrap())]);
    assert_eq!(code(operation_of(&not_text)), "UnknownOperationException");
}

#[test]
fn content_types_of_json_are_taken() {
    for taken in ["application/x-amz-json-1.0", "application/x-amz-json-1.1", "Application/JSON; charset=utf-8"] {
        assert_eq!(check_content_type(&headers(&[("content-type", taken)])), Ok(()));
    }
    assert_eq!(check_content_type(&headers(&[])), Ok(()));
    for refused in ["", "text/xml", "application/x-www-form-urlencoded", "application/x-amz-json-1.00"] {
        assert_eq!(code(check_content_type(&headers(&[("content-type", refused)]))), "UnknownOperationException");
    }
}

#[test]
fn web_pages_of_other_sites_are_refused() {
    for taken in ["http://127.0.0.1:8083", "http://localhost:3000", "https://LocalHost", "http://[::1]:8083"] {
        assert_eq!(check_origin(&headers(&[("origin", taken)])), Ok(()), "{taken}");
    }
    assert_eq!(check_origin(&headers(&[])), Ok(()));
    for refused in
        ["http://example.com:8083", "http://127.0.0.1.example.com", "http://localhost.example.com", "null", ""]
    {
        let error = check_origin(&headers(&[("origin", refused)])).unwrap_err();
        assert_eq!((error.code, error.status), ("AccessDeniedException", StatusCode::FORBIDDEN), "{refused}");
    }
}

#[test]
fn bodies_that_are_no_json_cannot_be_read() {
    assert_eq!(parse(b"").map(|value| value.to_string()), Ok("{}".to_owned()));
    assert_eq!(parse(b" {\"a\": 1} ").map(|value| value.to_string()), Ok("{\"a\":1}".to_owned()));
    let deep = "[".repeat(100_000);
    let refused: &[&[u8]] = &[b"\xFF", b"{\"a\": \"\xC3\"}", b"not", b"{", b"{}{}", b"{'a': 1}", b" ", deep.as_bytes()];
    for body in refused {
        assert_eq!(code(parse(body)), "SerializationException");
    }
}

#[test]
fn answers_carry_type_and_request_id() {
    let response = respond(Ok(b"{}".to_vec()), "id");
    assert_eq!((response.status(), response.body().as_ref()), (StatusCode::OK, b"{}".as_slice()));
    assert_eq!(response.headers()["content-type"], "application/x-amz-json-1.0");
    assert_eq!(response.headers()["x-amzn-requestid"], "id");

    let response = respond(Err(ApiError::invalid_name("a b\"")), "id");
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(response.headers()["x-amzn-errortype"], "InvalidName");
    assert_eq!(response.body(), r#"{"__type":"InvalidName","message":"Invalid Name: 'a b\"'"}"#);
}
