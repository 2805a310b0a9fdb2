//! The Lambda Runtime API, as one process of a function sees it.
//!
//! `GET …/invocation/next` gives the next invocation, `POST …/invocation/ID/response` and `…/error` answer it,
//! `POST …/init/error` says that the function cannot start.
//! See <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.

use super::Invocation;
use super::failure;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinSet;

/// The version in all paths.
const VERSION: &str = "2018-06-01";
/// The largest answer that Lambda passes on: 6 MB and 100 bytes.
const RESPONSE_BYTES_MAX: usize = 6_291_556;

/// An invocation for a process, and where its answer goes.
pub(super) struct Assignment {
    pub(super) invocation: Arc<Invocation>,
    /// In milliseconds since 1970.
    pub(super) deadline_ms: i64,
    pub(super) answer: oneshot::Sender<Result<Bytes, Bytes>>,
}

/// How far the start of a process has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Init {
    Starting,
    /// It asked for an invocation.
    Ready,
    /// It reported this error document.
    Failed(Bytes),
}

/// What passes between a process and the server.
pub(super) struct Exchange {
    work: Mutex<Work>,
    assigned: Notify,
    init: watch::Sender<Init>,
    connections: watch::Sender<usize>,
}

/// What the process has to do.
enum Work {
    Nothing,
    /// It is there for the process to ask for.
    Assigned(Assignment),
    /// The process works on it.
    Taken {
        assignment: Assignment,
        /// The connection on which it was sent, until something shows that it has arrived.
        sent_on: Option<ConnectionId>,
    },
}

/// Connections of a process are numbered.
type ConnectionId = u64;

impl Exchange {
    pub(super) fn new() -> Arc<Exchange> {
        Arc::new(Exchange {
            work: Mutex::new(Work::Nothing),
            assigned: Notify::new(),
            init: watch::Sender::new(Init::Starting),
            connections: watch::Sender::new(0),
        })
    }

    /// Gives the process something to do; `false` if it has something already.
    pub(super) fn assign(&self, assignment: Assignment) -> bool {
        let mut work = self.work();
        let is_free = matches!(*work, Work::Nothing);
        if is_free {
            *work = Work::Assigned(assignment);
            self.assigned.notify_one();
        }
        is_free
    }

    /// Ready when the process asked for its first invocation, or reported that it cannot.
    pub(super) async fn initialized(&self) -> Init {
        let mut init = self.init.subscribe();
        match init.wait_for(|init| *init != Init::Starting).await {
            Ok(init) => init.clone(),
            Err(_) => Init::Starting,
        }
    }

    /// What is known of the start now.
    pub(super) fn init(&self) -> Init {
        self.init.borrow().clone()
    }

    /// Whether the process works on an invocation.
    pub(super) fn is_taken(&self) -> bool {
        matches!(*self.work(), Work::Taken { .. })
    }

    /// Ready when all connections have ended: a process that ended may have left an answer on one.
    pub(super) async fn disconnected(&self) {
        // The sender is in `self`, so there is always an answer.
        let _ = self.connections.subscribe().wait_for(|&open| open == 0).await;
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives out the next invocation, once there is one. Whoever stops waiting takes nothing.
    async fn next(&self, connection: ConnectionId) -> Reply {
        self.init.send_replace(Init::Ready);
        loop {
            if let Some(reply) = self.take(connection) {
                return reply;
            }
            self.assigned.notified().await;
        }
    }

    /// `None` when there is nothing yet.
    fn take(&self, connection: ConnectionId) -> Option<Reply> {
        let mut work = self.work();
        match std::mem::replace(&mut *work, Work::Nothing) {
            Work::Nothing => None,
            Work::Assigned(assignment) => {
                let reply = invocation(&assignment);
                *work = Work::Taken { assignment, sent_on: Some(connection) };
                Some(reply)
            }
            taken @ Work::Taken { .. } => {
                *work = taken;
                let message = "answer the invocation before asking for the next one";
                Some(refusal(StatusCode::FORBIDDEN, "InvalidStateTransition", message))
            }
        }
    }

    /// The process has sent a request on the connection: so it has read what was sent to it there before.
    fn heard_on(&self, connection: ConnectionId) {
        if let Work::Taken { sent_on, .. } = &mut *self.work() {
            sent_on.take_if(|sent_on| *sent_on == connection);
        }
    }

    /// The connection broke. An invocation that was sent on it, perhaps just when the process gave up waiting for one, has
    /// not arrived: it is there to be asked for again.
    fn broken(&self, connection: ConnectionId) {
        let mut work = self.work();
        match std::mem::replace(&mut *work, Work::Nothing) {
            Work::Taken { assignment, sent_on: Some(sent_on) } if sent_on == connection => {
                *work = Work::Assigned(assignment);
                self.assigned.notify_one();
            }
            other => *work = other,
        }
    }

    /// Passes on the answer to an invocation.
    fn answer(&self, request_id: &str, answer: Result<Bytes, Bytes>, reply: Reply) -> Reply {
        let mut work = self.work();
        match std::mem::replace(&mut *work, Work::Nothing) {
            Work::Taken { assignment, .. } if assignment.invocation.request_id == request_id => {
                // Nobody waits any more if the invocation timed out meanwhile.
                let _ = assignment.answer.send(answer);
                reply
            }
            other => {
                *work = other;
                refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
            }
        }
    }

    fn init_failed(&self, document: Bytes) -> Reply {
        let is_starting = self.init.send_if_modified(|init| {
            let is_starting = *init == Init::Starting;
            if is_starting {
                *init = Init::Failed(document);
            }
            is_starting
        });
        if is_starting {
            return accepted();
        }
        refusal(StatusCode::FORBIDDEN, "InvalidStateTransition", "the function has started already")
    }
}

type Reply = Response<Full<Bytes>>;

/// What Lambda tells of an invocation.
fn invocation(assignment: &Assignment) -> Reply {
    let Assignment { invocation, deadline_ms, .. } = assignment;
    let mut response = Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header("Lambda-Runtime-Aws-Request-Id", &invocation.request_id)
        .header("Lambda-Runtime-Deadline-Ms", *deadline_ms)
        .header("Lambda-Runtime-Invoked-Function-Arn", &invocation.function_arn)
        .header("Lambda-Runtime-Trace-Id", &invocation.trace_id);
    if let Some(client_context) = &invocation.client_context {
        response = response.header("Lambda-Runtime-Client-Context", client_context);
    }
    let invalid = |_| refusal(StatusCode::INTERNAL_SERVER_ERROR, "InvalidHeader", "the client context is no header");
    response.body(Full::new(invocation.payload.clone())).unwrap_or_else(invalid)
}

/// Serves one process until the future is dropped.
pub(super) async fn serve(listener: TcpListener, exchange: Arc<Exchange>) {
    let mut connections = JoinSet::new();
    let mut ids: ConnectionId = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    ids += 1;
                    exchange.connections.send_modify(|open| *open += 1);
                    connections.spawn(serve_connection(stream, ids, Arc::clone(&exchange)));
                }
                Err(error) => tracing::warn!(%error, "a function's connection was not accepted"),
            },
            Some(_) = connections.join_next() => exchange.connections.send_modify(|open| *open -= 1),
        }
    }
}

async fn serve_connection(stream: TcpStream, id: ConnectionId, exchange: Arc<Exchange>) {
    let service = service_fn(|request| {
        let exchange = Arc::clone(&exchange);
        async move { Ok::<_, Infallible>(route(&exchange, id, request).await) }
    });
    // Title case as from Lambda, for clients that compare the names of headers byte for byte.
    let mut http = hyper::server::conn::http1::Builder::new();
    http.title_case_headers(true);
    let is_broken = match http.serve_connection(TokioIo::new(stream), service).without_shutdown().await {
        // The system tells here when the process had closed the connection and did not read all that was sent.
        Ok(parts) => !matches!(parts.io.into_inner().take_error(), Ok(None)),
        Err(error) => {
            tracing::debug!(%error, "a function's connection broke");
            true
        }
    };
    if is_broken {
        exchange.broken(id);
    }
}

async fn route(exchange: &Exchange, connection: ConnectionId, request: Request<Incoming>) -> Reply {
    exchange.heard_on(connection);
    let (head, body) = request.into_parts();
    let path = head.uri.path().trim_start_matches('/');
    let Some(path) = path.strip_prefix(VERSION).and_then(|path| path.strip_prefix("/runtime/")) else {
        return not_found();
    };
    let segments: Vec<&str> = path.split('/').collect();
    match (&head.method, segments.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => exchange.next(connection).await,
        (&Method::POST, ["invocation", id, "response"]) => match collect(body).await {
            Ok(response) => exchange.answer(id, Ok(response), accepted()),
            Err(Unread::TooLarge) => {
                let document = failure::response_too_large(RESPONSE_BYTES_MAX);
                exchange.answer(id, Err(document), too_large())
            }
            Err(Unread::Broken) => broken(),
        },
        (&Method::POST, ["invocation", id, "error"]) => match collect(body).await {
            Ok(document) => exchange.answer(id, Err(document), accepted()),
            Err(_) => broken(),
        },
        (&Method::POST, ["init", "error"]) => match collect(body).await {
            Ok(document) => exchange.init_failed(document),
            Err(_) => broken(),
        },
        _ => not_found(),
    }
}

/// Why a body could not be read.
enum Unread {
    TooLarge,
    Broken,
}

async fn collect(body: Incoming) -> Result<Bytes, Unread> {
    match Limited::new(body, RESPONSE_BYTES_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Err(_) => Err(Unread::Broken),
    }
}

fn accepted() -> Reply {
    reply(StatusCode::ACCEPTED, r#"{"status":"OK"}"#.to_owned())
}

fn too_large() -> Reply {
    let message = format!("Exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes).");
    refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message)
}

fn broken() -> Reply {
    refusal(StatusCode::BAD_REQUEST, "InvalidBody", "the body could not be read")
}

fn not_found() -> Reply {
    refusal(StatusCode::NOT_FOUND, "NotFound", "the Runtime API has no such path")
}

fn refusal(status: StatusCode, error_type: &str, message: &str) -> Reply {
    let document = json::Object::from([("errorMessage", message), ("errorType", error_type)]);
    reply(status, json::Value::from(document).to_string())
}

fn reply(status: StatusCode, body: String) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// A client that has asked for an invocation.
    async fn asking(address: std::net::SocketAddr) -> TcpStream {
        let mut client = TcpStream::connect(address).await.unwrap();
        let request = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: localhost\r\n\r\n";
        client.write_all(request.as_bytes()).await.unwrap();
        client
    }

    fn assignment() -> (Assignment, oneshot::Receiver<Result<Bytes, Bytes>>) {
        let invocation = Invocation {
            request_id: "request-1".to_owned(),
            function_arn: "arn".to_owned(),
            trace_id: "Root=1".to_owned(),
            client_context: None,
            payload: Bytes::from_static(b"{}"),
        };
        let (answer, answered) = oneshot::channel();
        (Assignment { invocation: Arc::new(invocation), deadline_ms: 1, answer }, answered)
    }

    /// The client leaves in the moment in which an invocation is assigned: the server cannot know yet that it has left,
    /// and sends.
    #[tokio::test]
    async fn an_invocation_that_did_not_arrive_is_given_out_again() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (address, exchange) = (listener.local_addr().unwrap(), Exchange::new());
        tokio::spawn(serve(listener, Arc::clone(&exchange)));
        let client = asking(address).await;
        exchange.initialized().await;
        let (assignment, _answered) = assignment();
        drop(client);
        assert!(exchange.assign(assignment));
        while !exchange.is_taken() {
            tokio::task::yield_now().await;
        }
        exchange.disconnected().await;
        let mut answer = [0; 15];
        asking(address).await.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        assert!(exchange.is_taken());
    }

    /// A client that has read its invocation may close the connection, or break off a later request on it.
    #[tokio::test]
    async fn an_invocation_that_arrived_is_given_out_once() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (address, exchange) = (listener.local_addr().unwrap(), Exchange::new());
        tokio::spawn(serve(listener, Arc::clone(&exchange)));
        for last_words in
            ["", "POST /2018-06-01/runtime/invocation/request-1/response HTTP/1.1\r\nContent-Length: 9\r\n\r\n1"]
        {
            let (assignment, answered) = assignment();
            assert!(exchange.assign(assignment));
            let mut client = asking(address).await;
            let mut answer = Vec::new();
            while !answer.ends_with(b"{}") {
                assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0);
            }
            client.write_all(last_words.as_bytes()).await.unwrap();
            drop(client);
            exchange.disconnected().await;
            assert!(exchange.is_taken(), "after `{last_words}`");
            exchange.answer("request-1", Ok(Bytes::new()), accepted());
            answered.await.unwrap().unwrap();
        }
    }
}
