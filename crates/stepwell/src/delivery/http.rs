//! Sends to an HTTP endpoint, again where that helps; one event a request, several at once.

use super::{
    Error, Lost, Sink, Taken,
    attempts::{Attempts, Outage},
    tls::{self, Connector},
};
use ::http::{Request, Uri, header};
use bytes::Bytes;
use engine::ExecutionRecord;
use futures_util::{StreamExt as _, stream};
use http_body_util::Full;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use std::{collections::HashMap, path::Path, time::Duration};

/// Requests with events that are under way at once. An endpoint that takes 10 ms for each is sent 1,600 a second.
const AT_ONCE: usize = 16;
/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Where requests go.
pub(super) struct Target {
    client: Client<Connector, Full<Bytes>>,
    url: Uri,
    outage: Outage,
}

impl Target {
    /// With a file of authorities these are trusted, and not those of the system.
    pub(super) fn new(url: &Uri, ca_file: Option<&Path>) -> Result<Target, Error> {
        let client = Client::builder(TokioExecutor::new()).build(tls::connector(url, ca_file)?);
        Ok(Target { client, url: url.clone(), outage: Outage::default() })
    }

    /// Sends a JSON text, and waits for an endpoint that does not answer: meanwhile the queue keeps what comes. What
    /// became of a connection that broke is unknown, so the text may arrive twice.
    pub(super) async fn send(&self, body: String) -> Result<(), Error> {
        let body = Bytes::from(body);
        let mut attempts = Attempts::new();
        while attempts.go_on(self.attempt(body.clone()).await, &self.outage).await? {}
        Ok(())
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

/// A request for each event. Those of one execution follow each other, each when the one before is taken.
pub(super) struct Events {
    target: Target,
    data_bytes_max: usize,
}

impl Events {
    /// `data_bytes_max` is [`asl::Limits::event_data_bytes_max`].
    pub(super) fn new(target: Target, data_bytes_max: usize) -> Events {
        Events { target, data_bytes_max }
    }

    async fn send_in_order(&self, records: Vec<&ExecutionRecord>, taken: &Taken<'_>) -> Result<(), Lost> {
        let mut outcome = Ok(());
        for record in records {
            if let Err(error) = self.target.send(super::event(record, self.data_bytes_max)).await {
                outcome = Err(Lost { count: 1, error }.after(outcome));
            }
            taken.one(record);
        }
        outcome
    }
}

impl Sink<ExecutionRecord> for Events {
    async fn deliver(&mut self, batch: &[ExecutionRecord], taken: &Taken<'_>) -> Result<(), Lost> {
        let executions = by_execution(batch).into_iter();
        let sending: Vec<_> = executions.map(|records| self.send_in_order(records, taken)).collect();
        let mut outcome = Ok(());
        let mut sent = stream::iter(sending).buffer_unordered(AT_ONCE);
        while let Some(next) = sent.next().await {
            if let Err(lost) = next {
                outcome = Err(lost.after(outcome));
            }
        }
        outcome
    }
}

/// The records of each execution, in order.
fn by_execution(batch: &[ExecutionRecord]) -> Vec<Vec<&ExecutionRecord>> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut executions: Vec<Vec<&ExecutionRecord>> = Vec::new();
    for record in batch {
        let place = *places.entry(&*record.arn).or_insert(executions.len());
        match executions.get_mut(place) {
            Some(records) => records.push(record),
            None => executions.push(vec![record]),
        }
    }
    executions
}

#[cfg(test)]
mod tests {
    use super::{
        super::queue::{Counts, Weigh as _},
        *,
    };
    use ::http::{Response, StatusCode};
    use asl::StateMachineType;
    use http_body_util::BodyExt as _;
    use hyper::{body::Incoming, server::conn::http1, service::service_fn};
    use hyper_util::rt::TokioIo;
    use json::Value;
    use machine::Status;
    use std::{
        convert::Infallible,
        sync::{Arc, Mutex},
    };
    use tokio::{net::TcpListener, sync::Barrier};

    /// What an endpoint was sent: execution and status.
    type Sent = Arc<Mutex<Vec<(String, String)>>>;

    fn record(execution: &str, status: Status) -> ExecutionRecord {
        ExecutionRecord {
            arn: execution.into(),
            name: "e".into(),
            state_machine_arn: "m".into(),
            state_machine_name: "m".into(),
            role_arn: "r".into(),
            state_machine_version_arn: None,
            state_machine_alias_arn: None,
            state_machine_type: StateMachineType::Standard,
            status,
            start_ms: 0,
            stop_ms: None,
            input_text: "{}".into(),
            outcome: None,
            trace_header: None,
            redrive_count: 0,
            redrive_ms: None,
            origin: None,
            remains: None,
            map_run_arn: None,
            item_count: None,
            map_run_redrives: 0,
            is_pending_redrive: false,
        }
    }

    /// An endpoint that answers only when three requests are there. It refuses the end of `b` for good.
    async fn listen(taken: Sent) -> Uri {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let three = Arc::new(Barrier::new(3));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (taken, three) = (Arc::clone(&taken), Arc::clone(&three));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (taken, three) = (Arc::clone(&taken), Arc::clone(&three));
                    async move {
                        let body = request.into_body().collect().await.unwrap().to_bytes();
                        let event = Value::parse(std::str::from_utf8(&body).unwrap()).unwrap();
                        let detail =
                            |name| event.get("detail").unwrap().get(name).unwrap().as_str().unwrap().to_owned();
                        let it = (detail("executionArn"), detail("status"));
                        let is_refused = it == ("b".to_owned(), "SUCCEEDED".to_owned());
                        taken.lock().unwrap().push(it);
                        three.wait().await;
                        let status = if is_refused { StatusCode::BAD_REQUEST } else { StatusCode::OK };
                        let answer = Response::builder().status(status).body(Full::new(Bytes::new()));
                        Ok::<_, Infallible>(answer.unwrap())
                    }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        format!("http://{address}/").parse().unwrap()
    }

    #[tokio::test]
    async fn executions_do_not_wait_for_each_other_and_what_is_refused_is_counted() {
        let taken = Sent::default();
        let target = Target::new(&listen(Arc::clone(&taken)).await, None).unwrap();
        let counts = Counts::default();
        let batch: Vec<ExecutionRecord> = [Status::Running, Status::Succeeded]
            .into_iter()
            .flat_map(|status| ["a", "b", "c"].map(|execution| record(execution, status)))
            .collect();
        for record in &batch {
            counts.waits(record.records(), record.bytes());
        }
        let lost = Events::new(target, 1_000).deliver(&batch, &Taken::nothing(&counts)).await.unwrap_err();
        assert_eq!((lost.count, counts.waiting()), (1, 0));
        assert!(matches!(lost.error, Error::Refused { status: 400, .. }));
        let taken = taken.lock().unwrap();
        for execution in ["a", "b", "c"] {
            let of_it = taken.iter().filter(|(arn, _)| arn == execution).map(|(_, status)| &**status);
            assert_eq!(of_it.collect::<Vec<_>>(), ["RUNNING", "SUCCEEDED"]);
        }
    }
}
