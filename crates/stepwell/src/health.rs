//! `GET /health`: whether the server can do its work. This is ours; AWS has nothing like it.
//!
//! The answer is a JSON object with `status` and `version`: 200 with `ok`, 503 with `unavailable` while the store cannot
//! be read (it is opened again by itself), 503 with `stopping` when the server takes no more work. Members may be
//! added; those that there are keep their meaning.

use api::Api;
use bytes::Bytes;
use engine::{Account, Page};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use json::{Object, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const PATH: &str = "/health";

/// Whether a request asks for the health. One with an operation is AWS's, whatever its path.
pub fn is_asked_for<B>(request: &Request<B>) -> bool {
    request.uri().path() == PATH && (request.method() == Method::GET || request.method() == Method::HEAD)
}

/// The health of a server. Cloning it shares it.
#[derive(Clone, Default)]
pub struct Health {
    is_stopping: Arc<AtomicBool>,
}

impl Health {
    /// From now on the server takes no more work.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Reads a little from the store: a store that was closed, or a disk that is gone, is seen here.
    pub async fn answer(&self, api: &Api) -> Response<Bytes> {
        let scope = Account { partition: "aws".into(), region: "us-east-1".into(), account: "000000000000".into() };
        let status = match api.engine().list_activities(&scope, Page { size: 1, after: None }).await {
            _ if self.is_stopping.load(Ordering::Relaxed) => "stopping",
            Ok(_) => "ok",
            Err(_) => "unavailable",
        };
        response(status)
    }
}

fn response(status: &str) -> Response<Bytes> {
    let body = Value::from(Object::from([("status", status), ("version", env!("CARGO_PKG_VERSION"))]));
    let mut response = Response::new(Bytes::from(format!("{body}\n")));
    if status != "ok" {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::wiring;
    use std::time::Duration;

    #[tokio::test]
    async fn the_health_is_that_of_the_store() {
        let system = wiring::in_memory(&Config::default(), "http://127.0.0.1:1").await.unwrap();
        let health = Health::default();
        let check = async |status: u16, body: &str| {
            let answer = health.answer(&system.api).await;
            assert_eq!((answer.status().as_u16(), std::str::from_utf8(answer.body()).unwrap()), (status, body));
        };
        let version = env!("CARGO_PKG_VERSION");
        check(200, &format!("{{\"status\":\"ok\",\"version\":\"{version}\"}}\n")).await;
        // It lets go of the store, as it does while that is opened again.
        system.engine.shutdown(Duration::ZERO).await;
        check(503, &format!("{{\"status\":\"unavailable\",\"version\":\"{version}\"}}\n")).await;
        health.stop();
        check(503, &format!("{{\"status\":\"stopping\",\"version\":\"{version}\"}}\n")).await;
    }

    #[test]
    fn only_get_and_head_ask_for_it() {
        let check = |method: &str, path: &str, expected: bool| {
            let request = Request::builder().method(method).uri(path).body(()).unwrap();
            assert_eq!(is_asked_for(&request), expected, "{method} {path}");
        };
        check("GET", "/health", true);
        check("HEAD", "/health?verbose", true);
        check("POST", "/health", false);
        check("GET", "/", false);
    }
}
