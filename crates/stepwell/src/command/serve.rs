//! `stepwell serve`: the server.

use super::CommandResult;
use crate::config::{Config, UnknownServiceFields};
use crate::health::Health;
use crate::listener::{self, Limits};
use crate::telemetry::{self, LogFormat};
use crate::{open_files, variables, wiring};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Serve the AWS Step Functions API.
///
/// What is accepted is kept in an embedded store, and goes on after a restart. STEPWELL_LOG chooses what is logged: `info`
/// unless set, `debug`, `warn`, or for example `engine=debug,info`. SIGTERM or Ctrl-C stops the server, a second one at once.
#[derive(Args)]
pub struct Serve {
    /// Port to listen on, 0 for any free one [default: 8083]
    #[arg(long, env = "STEPWELL_PORT", value_parser = port)]
    port: Option<u16>,
    /// Folder of the store [default: the user's data folder]
    #[arg(long, env = "STEPWELL_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// The embedded store [default: fjall]
    #[cfg(feature = "rocksdb")]
    #[arg(long, value_enum, env = "STEPWELL_STORE")]
    store: Option<crate::embedded::EmbeddedStore>,
    /// Configuration file (TOML): the settings above, functions, limits, and where logs and events go
    #[arg(long, env = "STEPWELL_CONFIG")]
    config: Option<PathBuf>,
    /// The account id of every ARN, 12 digits [default: 000000000000]
    #[arg(long, env = "STEPWELL_ACCOUNT_ID")]
    account_id: Option<String>,
    /// A limit by its name, as in `[limits]` of the configuration file; AWS's quotas are the defaults
    #[arg(long = "limit", value_name = "NAME=NUMBER")]
    limits: Vec<String>,
    /// Keep the latest Express executions in memory, up to this many bytes [64 MiB if none is given], so that
    /// DescribeExecution and GetExecutionHistory show them; AWS keeps none
    #[arg(long, value_name = "BYTES", num_args = 0..=1, default_missing_value = "67108864", value_parser = bytes)]
    express_history: Option<usize>,
    /// Whether a definition is refused, as on AWS, that gives a service a field that it does not have as far as this build
    /// knows it, or there is a warning [default: refuse]
    #[arg(long, value_enum, env = "STEPWELL_UNKNOWN_SERVICE_FIELDS")]
    unknown_service_fields: Option<UnknownServiceFields>,
    /// How the server logs
    #[arg(long, value_enum, default_value_t, env = "STEPWELL_LOG_FORMAT")]
    log_format: LogFormat,
}

fn bytes(text: &str) -> Result<usize, &'static str> {
    text.replace('_', "").parse().map_err(|_| "it is a number of bytes, without a unit")
}

pub(super) fn port(text: &str) -> Result<u16, &'static str> {
    text.parse().map_err(|_| "a port is a number from 0 to 65535")
}

/// What running tasks get of the time in which the server stops. The rest is for the logs of what they came to, and for
/// the answers that are on their way.
const SHARE_OF_TASKS: f64 = 0.75;

/// What threads get that compute or read when everything else has ended. Nobody waits for what comes of it.
const LAST_THREADS: Duration = Duration::from_millis(100);

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("cannot start over the data in `{folder}`")]
    Start { folder: PathBuf, source: engine::Error },
}

impl Serve {
    pub fn run(&self) -> CommandResult {
        telemetry::start(self.log_format);
        for (name, meant) in variables::misspelt() {
            tracing::warn!("the environment variable {name} sets nothing; did you mean {meant}?");
        }
        let served = self.configuration().map_err(Into::into).and_then(|config| run(&config));
        telemetry::flush();
        served.map(|()| ExitCode::SUCCESS)
    }

    /// Flags and environment variables win over the file.
    fn configuration(&self) -> Result<Config, crate::config::Error> {
        let mut config = self.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
        config.port = self.port.unwrap_or(config.port);
        if let Some(data_dir) = &self.data_dir {
            config.data_dir.clone_from(data_dir);
        }
        #[cfg(feature = "rocksdb")]
        if let Some(store) = self.store {
            config.store = store;
        }
        if let Some(account_id) = &self.account_id {
            config.account_id.clone_from(account_id);
        }
        config.set_limits(&self.limits)?;
        config.express_history_bytes_max = self.express_history.unwrap_or(config.express_history_bytes_max);
        config.unknown_service_fields = self.unknown_service_fields.unwrap_or(config.unknown_service_fields);
        config.check()
    }
}

fn run(config: &Config) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(serve(config));
    runtime.shutdown_timeout(LAST_THREADS);
    served
}

/// It is not the data's fault if something else cannot be used.
fn not_started(config: &Config, error: wiring::Error) -> Box<dyn std::error::Error> {
    match error {
        wiring::Error::Engine(source) => Error::Start { folder: config.data_dir.clone(), source }.into(),
        error => error.into(),
    }
}

async fn serve(config: &Config) -> Result<(), Box<dyn std::error::Error>> {
    let address = SocketAddr::new(config.listen, config.port);
    let listener = listen(address).map_err(|source| Error::Listen { address, source })?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let system = wiring::durable(config, &endpoint).await.map_err(|error| not_started(config, error))?;
    announce(config, &endpoint);
    let asked_to_stop = asked_to_stop()?;
    let limits = Limits { connections_max: open_files::connections(config.connections_max), ..Limits::of(config) };
    let health = Health::default();
    let (stop_listening, told_to_stop) = oneshot::channel();
    let told_to_stop = async { told_to_stop.await.unwrap_or_else(|_| Instant::now()) };
    let listening = tokio::spawn(listener::serve(listener, system.api, health.clone(), limits, told_to_stop));
    asked_to_stop.await;
    health.stop();
    let drain = Duration::from_secs(config.drain_seconds);
    let deadline = Instant::now() + drain;
    // The door stays open meanwhile: functions that run answer callbacks through it.
    system.engine.shutdown(drain.mul_f64(SHARE_OF_TASKS)).await;
    // Nobody listens any more if the listener has failed.
    let _ = stop_listening.send(deadline);
    let ((), served) = tokio::join!(system.delivery.close(deadline), listening);
    served?;
    system.functions.close();
    tracing::info!("stopped");
    Ok(())
}

/// Connections wait in a long line: the system throws away what comes when it is full, and clients try again a second later.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    /// The system takes it down to what it allows.
    const LINE: u32 = 4_096;
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A server that starts again takes its port at once.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(LINE)
}

/// Tells where the server listens and keeps its data: for people on standard error, in the log's form.
fn announce(config: &Config, endpoint: &str) {
    tracing::info!("listening on {endpoint} as account {}", config.account_id);
    tracing::info!("keeping data in {}", config.data_dir.display());
    for function in &config.functions {
        tracing::info!("function {}: {}", function.name, function.command.join(" "));
    }
    let default = Config::default();
    let flag = |is_needed: bool, flag: String| if is_needed { flag } else { String::new() };
    let endpoint = flag(config.port != default.port, format!(" --endpoint {endpoint}"));
    let region = flag(config.region != default.region, format!(" --region {}", config.region));
    tracing::info!("point the AWS CLI and SDKs here with: eval \"$(stepwell env{endpoint}{region})\"");
}

/// Ready at the first SIGINT or SIGTERM. A second one ends the process at once.
fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("finishing what runs; ask again to stop at once");
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            telemetry::flush();
            std::process::exit(130);
        });
    })
}
