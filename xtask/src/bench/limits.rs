//! What this machine can do at all, measured in the same run: the ceiling of every figure.

use super::connection::Connection;
use super::figures::{as_f64, grouped};
use crate::Result;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::fmt;
use std::io::Write;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// Connections of the driver, as in W1.
const CLIENTS: usize = 64;
/// As many bytes as an append has that is synced.
const APPENDED_BYTES: usize = 512;

/// The machine, in general words, and what it can do.
pub struct Machine {
    cores: usize,
    memory_gib: u64,
    kernel: String,
    synced_appends_per_second: f64,
    http_requests_per_second: f64,
}

impl Machine {
    /// Looks at the machine, and tries each of its limits for `time`.
    pub async fn measure(time: Duration) -> Result<Machine> {
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap_or_default();
        let total_kib: u64 = total.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0);
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Ok(Machine {
            cores: std::thread::available_parallelism()?.into(),
            memory_gib: total_kib.div_ceil(1 << 20),
            kernel: release.split(['-', '+']).next().unwrap_or_default().trim().to_owned(),
            synced_appends_per_second: synced_appends(time)?,
            http_requests_per_second: http_requests(time).await?,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { cores, memory_gib, kernel, .. } = self;
        write!(
            f,
            "{cores} cores, {memory_gib} GiB of memory, Linux {kernel}; its limits in this run: {} synced appends/s (one \
             writer, {APPENDED_BYTES} B, fdatasync), {} HTTP requests/s over loopback ({CLIENTS} connections, a server \
             that does nothing, the driver of this benchmark)",
            grouped(self.synced_appends_per_second),
            grouped(self.http_requests_per_second)
        )
    }
}

fn synced_appends(time: Duration) -> Result<f64> {
    let mut file = tempfile::tempfile()?;
    let start = Instant::now();
    let mut appends = 0;
    while start.elapsed() < time {
        file.write_all(&[0; APPENDED_BYTES])?;
        file.sync_data()?;
        appends += 1;
    }
    Ok(as_f64(appends) / start.elapsed().as_secs_f64())
}

async fn http_requests(time: Duration) -> Result<f64> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?.to_string();
    // A thread of its own, as the server of a workload is a process of its own. It ends with this process.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map(|runtime| runtime.block_on(serve(listener)))
    });
    let until = Instant::now() + time;
    let client = async || {
        let mut connection = Connection::new(&address);
        let mut requests = 0;
        while Instant::now() < until {
            connection.call("DescribeExecution", r#"{"executionArn":"arn"}"#).await?;
            requests += 1;
        }
        Result::Ok(requests)
    };
    let start = Instant::now();
    let requests = futures_util::future::try_join_all((0..CLIENTS).map(|_| client())).await?;
    Ok(as_f64(requests.iter().sum()) / start.elapsed().as_secs_f64())
}

/// Answers every request with an empty object.
async fn serve(listener: std::net::TcpListener) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let answer = async |_: Request<Incoming>| {
        let mut response = Response::new(Full::new(Bytes::from_static(b"{}")));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
        Ok::<_, Infallible>(response)
    };
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
        tokio::spawn(connection);
    }
}
