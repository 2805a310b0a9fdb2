//! Where logs of executions and changes of their status go: files, standard output, HTTP.
//!
//! The engine hands over what is durable and goes on at once; a queue with a bound in bytes keeps it until its sink has
//! taken it. What finds no room is dropped, counted and told in the server's own log: an execution never waits for
//! its log. A shutdown empties the queues first. A crash loses what was in them, and nothing is delivered again
//! after the restart; the history in the store has all of it.

mod attempts;
mod file;
mod http;
mod otlp;
mod queue;
mod tls;

use crate::config::{Config, EventsConfig, LogsConfig};
use engine::{ExecutionRecord, Logged, Receive};
use std::{path::PathBuf, sync::Arc};
use tokio::time::Instant;

use file::{EventFile, LogFolder, StandardOutput};
use http::{Events, Target};
use otlp::Otlp;
use queue::{Ending, Running, Taken};
pub use tls::{authorities, is_https};

/// Why something cannot be delivered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot write to `{path}`; check that the folder exists, is yours and has room")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("cannot write to standard output")]
    StandardOutput { source: std::io::Error },
    #[error("no answer from `{url}`; check that somebody listens there")]
    NoAnswer { url: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("`{url}` answered {status}")]
    Refused { url: String, status: u16 },
    #[error("cannot read certificates from `{path}`: {why}")]
    CaFile { path: PathBuf, why: String },
    #[error("the system names no certificate authorities; install them, or give a file of them as `ca_file`")]
    NoAuthorities { source: std::io::Error },
    #[error("cannot set up TLS")]
    Tls { source: rustls::Error },
}

/// Takes what is delivered; of one execution in order.
trait Sink<T>: Send + 'static {
    /// One that takes the things of a batch one by one tells `taken` of each. Of a batch that is taken as a whole it hears
    /// afterwards.
    fn deliver(&mut self, batch: &[T], taken: &Taken<'_>) -> impl Future<Output = Result<(), Lost>> + Send;
}

/// How much of a batch is lost, and why: the first reason, if there are several.
#[derive(Debug)]
struct Lost {
    count: usize,
    error: Error,
}

impl Lost {
    /// With what was lost before.
    fn after(self, before: Result<(), Lost>) -> Lost {
        match before {
            Ok(()) => self,
            Err(before) => Lost { count: before.count + self.count, ..before },
        }
    }
}

/// The deliveries of a server.
#[derive(Default)]
pub struct Delivery {
    /// For the engine: what takes the events of state machines that log.
    pub log: Option<Arc<dyn Receive<Logged>>>,
    /// For the engine: what takes the changes of status.
    pub status_changes: Option<Arc<dyn Receive<ExecutionRecord>>>,
    running: Vec<Running>,
}

impl Delivery {
    /// Starts what the configuration asks for. Must be called in a tokio runtime.
    pub fn start(config: &Config) -> Result<Delivery, Error> {
        let mut delivery = Delivery::default();
        let bytes_max = config.delivery_bytes_max;
        let log_data = config.limits.log_data_bytes_max;
        delivery.log = match &config.logs {
            LogsConfig { folder: Some(folder), .. } => {
                Some(delivery.run(LogFolder::new(folder, log_data)?, "log records", bytes_max))
            }
            LogsConfig { standard_output: true, .. } => {
                Some(delivery.run(StandardOutput { data_bytes_max: log_data }, "log records", bytes_max))
            }
            LogsConfig { otlp_endpoint: Some(url), ca_file, .. } => {
                let target = Target::new(url, ca_file.as_deref())?;
                Some(delivery.run(Otlp::new(target, log_data), "log records", bytes_max))
            }
            LogsConfig { .. } => None,
        };
        let event_data = config.limits.event_data_bytes_max;
        delivery.status_changes = match &config.events {
            EventsConfig { file: Some(path), .. } => {
                Some(delivery.run(EventFile::new(path, event_data)?, "events", bytes_max))
            }
            EventsConfig { url: Some(url), ca_file, .. } => {
                let target = Target::new(url, ca_file.as_deref())?;
                Some(delivery.run(Events::new(target, event_data), "events", bytes_max))
            }
            EventsConfig { .. } => None,
        };
        Ok(delivery)
    }

    /// Waits until the queues are empty, all of them until `deadline`. Called when the engine tells no more.
    pub async fn close(self, deadline: Instant) {
        let ending: Vec<Ending> = self.running.into_iter().map(Running::stop).collect();
        for ending in ending {
            ending.wait(deadline).await;
        }
    }

    fn run<T: queue::Weigh, S: Sink<T>>(
        &mut self,
        sink: S,
        what: &'static str,
        bytes_max: usize,
    ) -> Arc<dyn Receive<T>> {
        let (queue, running) = queue::start(sink, what, bytes_max);
        self.running.push(running);
        queue
    }
}

/// The event of a change of status. It happened when the execution last began or ended.
fn event(record: &ExecutionRecord, data_bytes_max: usize) -> String {
    let at_ms = record.stop_ms.or(record.redrive_ms).unwrap_or(record.start_ms);
    api::status_change_event(record.clone(), at_ms, data_bytes_max)
}
