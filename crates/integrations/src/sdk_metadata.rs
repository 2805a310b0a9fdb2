//! `SdkHttpMetadata` and `SdkResponseMetadata`: what optimized integrations add to a service's answer.
//!
//! The answers here come from this process, so the headers are the ones with which AWS would have sent them.

use json::{Object, Value};

/// The two members, for an answer with this status and these headers in the order in which they arrived.
/// A request id is among the headers as `x-amzn-RequestId`.
pub(crate) fn sdk_metadata(status: u16, headers: &[(&str, String)]) -> (Value, Value) {
    let all: Object = headers.iter().map(|(name, value)| (*name, Value::from([value.as_str()]))).collect();
    let mut sorted: Vec<_> = headers.iter().collect();
    sorted.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    let single: Object = sorted.into_iter().map(|(name, value)| (*name, value.as_str())).collect();
    let request_id = single.get("x-amzn-RequestId").cloned().unwrap_or_default();
    let http = Object::from([
        ("AllHttpHeaders", Value::from(all)),
        ("HttpHeaders", Value::from(single)),
        ("HttpStatusCode", Value::from(u32::from(status))),
    ]);
    (Value::from(http), Value::from(Object::from([("RequestId", request_id)])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_listed_as_recorded() {
        let headers = ["x-amzn-RequestId", "connection", "Content-Length", "Date", "Content-Type"];
        let (http, response) = sdk_metadata(200, &headers.map(|name| (name, format!("<{name}>"))));
        assert_eq!(
            http.to_string(),
            r#"{"AllHttpHeaders":{"x-amzn-RequestId":["<x-amzn-RequestId>"],"connection":["<connection>"],"#.to_owned()
                + r#""Content-Length":["<Content-Length>"],"Date":["<Date>"],"Content-Type":["<Content-Type>"]},"#
                + r#""HttpHeaders":{"connection":"<connection>","Content-Length":"<Content-Length>","#
                + r#""Content-Type":"<Content-Type>","Date":"<Date>","x-amzn-RequestId":"<x-amzn-RequestId>"},"#
                + r#""HttpStatusCode":200}"#,
        );
        assert_eq!(response.to_string(), r#"{"RequestId":"<x-amzn-RequestId>"}"#);
    }
}
