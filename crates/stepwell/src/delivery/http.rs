//! Sends to an HTTP endpoint, again where that helps; one event a request.

use super::{Error, Sink};
use ::http::{Request, Uri, header};
use bytes::Bytes;
use engine::ExecutionRecord;
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use std::time::Duration;

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How long to wait before the second and the third attempt.
const BACKOFF: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// Where requests go.
pub(super) struct Target {
    client: Client<HttpConnector, Full<Bytes>>,
    url: Uri,
}

impl Target {
    pub(super) fn new(url: &Uri) -> Target {
        Target { client: Client::builder(TokioExecutor::new()).build_http(), url: url.clone() }
    }

    /// Sends a JSON text. What comes of a connection that broke is unknown, so it may arrive twice.
    pub(super) async fn send(&self, body: String) -> Result<(), Error> {
        let body = Bytes::from(body);
        for backoff in BACKOFF {
            match self.attempt(body.clone()).await {
                // The answer would be the same again.
                Err(Error::Refused { status, url }) if status < 500 && !matches!(status, 408 | 429) => {
                    return Err(Error::Refused { status, url });
                }
                Err(_) => tokio::time::sleep(backoff).await,
                Ok(()) => return Ok(()),
            }
        }
        self.attempt(body).await
    }

    async fn attempt(&self, body: Bytes) -> Result<(), Error> {
        let no_answer = |why: String| Error::NoAnswer { url: self.url.to_string(), why };
        let request = Request::post(&self.url)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| no_answer(error.to_string()))?;
        let answer = tokio::time::timeout(ANSWER_WITHIN, self.client.request(request)).await;
        let answer = answer.map_err(|_| no_answer(format!("it took longer than {} s", ANSWER_WITHIN.as_secs())))?;
        let status = answer.map_err(|error| no_answer(error.to_string()))?.status();
        if status.is_success() {
            Ok(())
        } else {
            Err(Error::Refused { url: self.url.to_string(), status: status.as_u16() })
        }
    }
}

impl Sink<ExecutionRecord> for Target {
    async fn deliver(&mut self, batch: &[ExecutionRecord]) -> Result<(), Error> {
        let mut outcome = Ok(());
        for record in batch {
            outcome = outcome.and(self.send(event(record)).await);
        }
        outcome
    }
}

/// The event of a change of status. It happened when the execution last began or ended.
pub(super) fn event(record: &ExecutionRecord) -> String {
    let at_ms = record.stop_ms.or(record.redrive_ms).unwrap_or(record.start_ms);
    api::status_change_event(record.clone(), at_ms)
}
