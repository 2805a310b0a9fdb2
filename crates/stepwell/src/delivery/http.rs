//! Sends to an HTTP endpoint, again where that helps; one event a request.

use super::{
    Error, Sink,
    tls::{self, Connector},
};
use ::http::{Request, Uri, header};
use bytes::Bytes;
use engine::ExecutionRecord;
use http_body_util::Full;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use std::{path::Path, time::Duration};

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How often something is sent that an endpoint refuses to take at the moment.
const REFUSALS_MAX: u32 = 3;
/// How long to wait before the next attempt; longer each time.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Where requests go.
pub(super) struct Target {
    client: Client<Connector, Full<Bytes>>,
    url: Uri,
}

impl Target {
    /// With a file of authorities these are trusted, and not those of the system.
    pub(super) fn new(url: &Uri, ca_file: Option<&Path>) -> Result<Target, Error> {
        let client = Client::builder(TokioExecutor::new()).build(tls::connector(url, ca_file)?);
        Ok(Target { client, url: url.clone() })
    }

    /// Sends a JSON text, and waits for an endpoint that does not answer: meanwhile the queue keeps what comes. What
    /// became of a connection that broke is unknown, so the text may arrive twice.
    pub(super) async fn send(&self, body: String) -> Result<(), Error> {
        let body = Bytes::from(body);
        let (mut pause, mut refusals, mut is_told) = (FIRST_PAUSE, 0, false);
        loop {
            match self.attempt(body.clone()).await {
                Ok(()) => return Ok(()),
                Err(Error::Refused { url, status }) => {
                    refusals += 1;
                    // The answer would be the same again.
                    let is_final = status < 500 && !matches!(status, 408 | 429);
                    if is_final || refusals == REFUSALS_MAX {
                        return Err(Error::Refused { url, status });
                    }
                }
                Err(error) if !is_told => {
                    is_told = true;
                    tracing::warn!(error = &error as &dyn std::error::Error, "a delivery waits");
                }
                Err(_) => {}
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn attempt(&self, body: Bytes) -> Result<(), Error> {
        let no_answer = |source| Error::NoAnswer { url: self.url.to_string(), source };
        let request = Request::post(&self.url)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| no_answer(error.into()))?;
        let answer = tokio::time::timeout(ANSWER_WITHIN, self.client.request(request)).await;
        let status = answer
            .map_err(|_| no_answer(format!("it took longer than {} s", ANSWER_WITHIN.as_secs()).into()))?
            .map_err(|error| no_answer(error.into()))?
            .status();
        if status.is_success() {
            Ok(())
        } else {
            Err(Error::Refused { url: self.url.to_string(), status: status.as_u16() })
        }
    }
}

/// A request for each event.
pub(super) struct Events {
    target: Target,
    data_bytes_max: usize,
}

impl Events {
    /// `data_bytes_max` is [`asl::Limits::event_data_bytes_max`].
    pub(super) fn new(target: Target, data_bytes_max: usize) -> Events {
        Events { target, data_bytes_max }
    }
}

impl Sink<ExecutionRecord> for Events {
    async fn deliver(&mut self, batch: &[ExecutionRecord]) -> Result<(), Error> {
        let mut outcome = Ok(());
        for record in batch {
            outcome = outcome.and(self.target.send(super::event(record, self.data_bytes_max)).await);
        }
        outcome
    }
}
