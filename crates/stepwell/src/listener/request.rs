//! One request: its body is collected up to a limit and within a time, then `api` answers.

use super::Limits;
use super::bodies::{Bodies, Collected, Missing};
use crate::health::{self, Health};
use api::Api;
use bytes::Bytes;
use http::header::{CONNECTION, EXPECT, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use std::time::Duration;

/// What is read of a body that is too large, and thrown away. Many clients read the answer only when they have sent
/// everything; one whose connection breaks before sees that and no reason.
const DISCARDED_BYTES_MAX: usize = 64 << 20;

pub(super) async fn answer(
    api: &Api,
    health: &Health,
    limits: Limits,
    bodies: &Bodies,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    if health::is_asked_for(&request) {
        return health.answer(api).await.map(Full::new);
    }
    let (head, mut body) = request.into_parts();
    let bytes_max = api.request_bytes_max();
    let is_too_large = usize::try_from(body.size_hint().lower()).is_ok_and(|bytes| bytes > bytes_max);
    let response = if is_too_large && head.headers.contains_key(EXPECT) {
        // The client asks before it sends; nothing needs to be read.
        api.too_large()
    } else {
        match tokio::time::timeout(limits.request_within, bodies.collect(&mut body, bytes_max)).await {
            Ok(Ok(Collected { bytes, place })) => {
                let response = api.handle(Request::from_parts(head, bytes)).await;
                drop(place);
                response
            }
            Ok(Err(Missing::TooLarge)) => {
                tokio::spawn(discard(body, limits.request_within));
                api.too_large()
            }
            Ok(Err(Missing::NoRoom)) => {
                tokio::spawn(discard(body, limits.request_within));
                api.throttled()
            }
            Ok(Err(Missing::Broken(error))) => {
                tracing::debug!(%error, "a client went away in the middle of its request");
                last(StatusCode::BAD_REQUEST, "the body of the request cannot be read\n")
            }
            Err(_) => last(StatusCode::REQUEST_TIMEOUT, "the body of the request did not come in time\n"),
        }
    };
    response.map(Full::new)
}

/// An answer after which the connection is closed: the rest of the body is still on its way.
fn last(status: StatusCode, why: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(why.as_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Reads a body on while its answer is on its way.
async fn discard(mut body: Incoming, within: Duration) {
    let discarding = async {
        let mut left = DISCARDED_BYTES_MAX;
        while let Some(Ok(frame)) = body.frame().await {
            match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    // What comes later breaks the connection.
    let _ = tokio::time::timeout(within, discarding).await;
}
