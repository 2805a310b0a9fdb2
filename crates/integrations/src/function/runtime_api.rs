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
use tokio::sync::{mpsc, oneshot, watch};
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
    assignments: tokio::sync::Mutex<mpsc::Receiver<Assignment>>,
    /// The invocation that the process works on.
    taken: Mutex<Option<Taken>>,
    init: watch::Sender<Init>,
    connections: watch::Sender<usize>,
}

struct Taken {
    request_id: String,
    answer: oneshot::Sender<Result<Bytes, Bytes>>,
}

impl Exchange {
    pub(super) fn new(assignments: mpsc::Receiver<Assignment>) -> Arc<Exchange> {
        Arc::new(Exchange {
            assignments: tokio::sync::Mutex::new(assignments),
            taken: Mutex::default(),
            init: watch::Sender::new(Init::Starting),
            connections: watch::Sender::new(0),
        })
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
        self.taken().is_some()
    }

    /// Ready when all connections have ended: a process that ended may have left an answer on one.
    pub(super) async fn disconnected(&self) {
        // The sender is in `self`, so there is always an answer.
        let _ = self.connections.subscribe().wait_for(|&open| open == 0).await;
    }

    fn taken(&self) -> MutexGuard<'_, Option<Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives out the next invocation, once there is one.
    async fn next(&self) -> Reply {
        self.init.send_replace(Init::Ready);
        let mut assignments = self.assignments.lock().await;
        if self.is_taken() {
            return refusal(
                StatusCode::FORBIDDEN,
                "InvalidStateTransition",
                "answer the invocation before asking for the next one",
            );
        }
        let Some(assignment) = assignments.recv().await else {
            return refusal(StatusCode::GONE, "Stopping", "the server has no more invocations for this process");
        };
        let Assignment { invocation, deadline_ms, answer } = assignment;
        *self.taken() = Some(Taken { request_id: invocation.request_id.clone(), answer });
        let mut response = Response::builder()
            .header(header::CONTENT_TYPE, "application/json")
            .header("Lambda-Runtime-Aws-Request-Id", &invocation.request_id)
            .header("Lambda-Runtime-Deadline-Ms", deadline_ms)
            .header("Lambda-Runtime-Invoked-Function-Arn", &invocation.function_arn)
            .header("Lambda-Runtime-Trace-Id", &invocation.trace_id);
        if let Some(client_context) = &invocation.client_context {
            response = response.header("Lambda-Runtime-Client-Context", client_context);
        }
        let invalid =
            |_| refusal(StatusCode::INTERNAL_SERVER_ERROR, "InvalidHeader", "the client context is no header");
        response.body(Full::new(invocation.payload.clone())).unwrap_or_else(invalid)
    }

    /// Passes on the answer to an invocation.
    fn answer(&self, request_id: &str, answer: Result<Bytes, Bytes>, reply: Reply) -> Reply {
        match self.taken().take_if(|taken| taken.request_id == request_id) {
            Some(taken) => {
                // Nobody waits any more if the invocation timed out meanwhile.
                let _ = taken.answer.send(answer);
                reply
            }
            None => refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"),
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

/// Serves one process until the future is dropped.
pub(super) async fn serve(listener: TcpListener, exchange: Arc<Exchange>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    exchange.connections.send_modify(|open| *open += 1);
                    connections.spawn(serve_connection(stream, Arc::clone(&exchange)));
                }
                Err(error) => tracing::warn!(%error, "a function's connection was not accepted"),
            },
            Some(_) = connections.join_next() => exchange.connections.send_modify(|open| *open -= 1),
        }
    }
}

async fn serve_connection(stream: TcpStream, exchange: Arc<Exchange>) {
    let service = service_fn(|request| {
        let exchange = Arc::clone(&exchange);
        async move { Ok::<_, Infallible>(route(&exchange, request).await) }
    });
    // Title case as from Lambda, for clients that compare the names of headers byte for byte.
    let mut http = hyper::server::conn::http1::Builder::new();
    http.title_case_headers(true);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a function's connection broke");
    }
}

async fn route(exchange: &Exchange, request: Request<Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    let path = head.uri.path().trim_start_matches('/');
    let Some(path) = path.strip_prefix(VERSION).and_then(|path| path.strip_prefix("/runtime/")) else {
        return not_found();
    };
    let segments: Vec<&str> = path.split('/').collect();
    match (&head.method, segments.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => exchange.next().await,
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
