//! The listener: HTTP/1.1 and HTTP/2 on one port, so many connections and no more, and the way to the end of all.

mod bodies;
mod connection;
mod request;

use crate::config::Config;
use crate::health::Health;
use api::Api;
use bodies::Bodies;
use connection::Connection;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

/// Between two warnings that no more connections are taken.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// What connections get to end that wait for nothing, when the time is over.
const CLOSING: Duration = Duration::from_millis(100);

/// What clients may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections that are open at once. Further ones wait in the system's own line until one ends.
    pub connections_max: u32,
    /// Bytes of the bodies of all requests that are being answered, but always as many as one may have. What finds no room
    /// is throttled.
    pub request_bytes_in_flight_max: usize,
    /// How long a client may take to send the body of a request.
    pub request_within: Duration,
}

impl Limits {
    pub fn of(config: &Config) -> Limits {
        Limits {
            connections_max: config.connections_max,
            request_bytes_in_flight_max: config.request_bytes_in_flight_max,
            request_within: Duration::from_secs(config.request_seconds_max),
        }
    }
}

/// Serves until `stop` is ready and gives the deadline by which the requests in flight have to end.
pub async fn serve(
    listener: TcpListener,
    api: Api,
    health: Health,
    limits: Limits,
    stop: impl Future<Output = Instant>,
) {
    let places = Places::new(limits.connections_max);
    let bodies = Bodies::new(limits.request_bytes_in_flight_max.max(api.request_bytes_max()));
    let stopping = watch::Sender::new(false);
    let accepting = async {
        loop {
            let place = places.take().await;
            let stream = accept(&listener).await;
            let connection = Connection { api: api.clone(), health: health.clone(), limits, bodies: bodies.clone() };
            let stopping = stopping.subscribe();
            tokio::spawn(async move {
                connection.serve(stream, stopping).await;
                drop(place);
            });
        }
    };
    let deadline = tokio::select! {
        deadline = stop => deadline,
        () = accepting => Instant::now(),
    };
    drop(listener);
    stopping.send_replace(true);
    let deadline = deadline.max(Instant::now() + CLOSING);
    if tokio::time::timeout_at(deadline, places.all_free()).await.is_err() {
        tracing::warn!("closing connections whose requests did not end in time");
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                // Out of file descriptors, most likely: connections that end free some.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// The places of connections.
struct Places {
    free: Arc<Semaphore>,
    count: u32,
    last_told: std::sync::Mutex<Option<Instant>>,
}

impl Places {
    fn new(count: u32) -> Places {
        let free = usize::try_from(count).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Places { free: Arc::new(Semaphore::new(free)), count, last_told: std::sync::Mutex::default() }
    }

    /// Waits for a free place. It is free again when what this gives is dropped.
    async fn take(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.free).try_acquire_owned() {
            return Some(place);
        }
        self.tell_that_all_are_taken();
        // Nobody closes the semaphore, so there is always a place in the end.
        Arc::clone(&self.free).acquire_owned().await.ok()
    }

    fn tell_that_all_are_taken(&self) {
        let mut last_told = self.last_told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last_told.is_none_or(|last| last.elapsed() >= TOLD_EVERY) {
            *last_told = Some(Instant::now());
            tracing::warn!(connections_max = self.count, "all connections are in use; further ones wait");
        }
    }

    async fn all_free(&self) {
        let _all = self.free.acquire_many(self.count).await;
    }
}
