//! One connection: it is served as long as its client uses it.
//!
//! A connection without a request in flight is closed after a while, whatever its client does meanwhile: says nothing,
//! sends its request head byte by byte, or does not take the answer. So nobody holds a place for nothing.

use super::{Limits, bodies::Bodies, request};
use crate::health::Health;
use api::Api;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

/// A connection without a request in flight is kept for so long. The pools of SDKs let go of theirs after up to a minute.
const IDLE: Duration = Duration::from_secs(75);
/// Requests of one HTTP/2 connection that are answered at once; a client waits with further ones.
const STREAMS_MAX: u32 = 128;
/// How long a client may take to see that its connection is closed.
const CLOSING: Duration = Duration::from_secs(5);

/// What the requests of a connection meet.
pub(super) struct Connection {
    pub(super) api: Api,
    pub(super) health: Health,
    pub(super) limits: Limits,
    /// Those of all connections.
    pub(super) bodies: Bodies,
}

impl Connection {
    /// Serves until the client has gone, or does nothing for too long, or all is to stop and what is in flight has ended.
    pub(super) async fn serve(self, stream: TcpStream, mut stopping: watch::Receiver<bool>) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection stays with Nagle's algorithm");
        }
        let (in_flight, this) = (InFlight::none_yet(), Arc::new(self));
        let service = service_fn(|request| {
            let (in_flight, this) = (in_flight.one_more(), Arc::clone(&this));
            async move {
                let response = request::answer(&this.api, &this.health, this.limits, &this.bodies, request).await;
                drop(in_flight);
                Ok::<_, Infallible>(response)
            }
        });
        let mut http = Builder::new(TokioExecutor::new());
        http.http2().max_concurrent_streams(STREAMS_MAX);
        let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            ended = connection.as_mut() => return tell(ended),
            () = in_flight.none_for(IDLE) => {}
            // The sender is gone when all has ended.
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            ended = connection => tell(ended),
            () = in_flight.none_for(CLOSING) => {}
        }
    }
}

fn tell(ended: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended with an error");
    }
}

/// The requests that are being answered. Nobody is woken when their number changes, as it does all the time: who waits until
/// there were none for a while sleeps to the earliest moment at which that can be so, and looks then.
#[derive(Clone)]
struct InFlight(Arc<Mutex<Requests>>);

struct Requests {
    count: usize,
    /// When the last one was answered.
    quiet_since: Instant,
}

impl InFlight {
    fn none_yet() -> InFlight {
        InFlight(Arc::new(Mutex::new(Requests { count: 0, quiet_since: Instant::now() })))
    }

    /// Counts until it is dropped.
    fn one_more(&self) -> OneRequest {
        self.lock().count += 1;
        OneRequest(self.clone())
    }

    /// Ready when none was in flight for so long, counted from this call at the earliest.
    async fn none_for(&self, quiet: Duration) {
        let begun = Instant::now();
        loop {
            let now = Instant::now();
            let over = match *self.lock() {
                Requests { count: 0, quiet_since } => quiet_since.max(begun) + quiet,
                _ => now + quiet,
            };
            if over <= now {
                return;
            }
            tokio::time::sleep_until(over).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Requests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct OneRequest(InFlight);

impl Drop for OneRequest {
    fn drop(&mut self) {
        let mut requests = self.0.lock();
        requests.count -= 1;
        requests.quiet_since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_when_nothing_was_in_flight_for_long() {
        let in_flight = InFlight::none_yet();
        let begun = Instant::now();
        let requests = async {
            tokio::time::sleep(IDLE / 2).await;
            let long_poll = in_flight.one_more();
            tokio::time::sleep(IDLE * 2).await;
            drop(long_poll);
        };
        tokio::join!(requests, in_flight.none_for(IDLE));
        assert_eq!(begun.elapsed(), IDLE / 2 + IDLE * 2 + IDLE);
    }
}
