//! The listener: HTTP/1.1 and HTTP/2 on one port, bodies collected up to a limit, then handed to `api`.

use api::Api;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// A client that does not finish its request head in this time is let go.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves until `stop` is ready, then lets the requests in flight finish, for at most `drain`.
pub async fn serve(listener: TcpListener, api: Api, stop: impl Future<Output = ()>, drain: Duration) {
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => connect(stream, api.clone(), &graceful),
            Err(error) => {
                // Out of file descriptors, most likely: connections that end free some.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("closing connections whose requests did not end in time");
    }
}

fn connect(stream: TcpStream, api: Api, graceful: &GracefulShutdown) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection stays with Nagle's algorithm");
    }
    let service = service_fn(move |request| {
        let api = api.clone();
        async move { Ok::<_, Infallible>(answer(&api, request).await) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_READ_TIMEOUT);
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    let watched = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = watched.await {
            tracing::debug!(%error, "a connection ended with an error");
        }
    });
}

async fn answer(api: &Api, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let response = match Limited::new(body, api.request_bytes_max()).collect().await {
        Ok(body) => api.handle(Request::from_parts(head, body.to_bytes())).await,
        Err(error) if error.is::<LengthLimitError>() => api.too_large(),
        Err(error) => {
            tracing::debug!(%error, "a client went away in the middle of its request");
            Response::builder().status(StatusCode::BAD_REQUEST).body(Bytes::new()).unwrap_or_default()
        }
    };
    response.map(Full::new)
}
