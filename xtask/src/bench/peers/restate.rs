//! Restate: a service of ten `ctx.run` steps beside ten activity tasks.
//!
//! Its steps run in a service process, which Restate calls; ours are taken by workers, which call us. Both have the outcome
//! of a step on disk before the next one begins.

use super::print_pair;
use super::process::{PeerProcess, free_port};
use crate::Result;
use crate::bench::connection::Connection;
use crate::bench::figures::{Figures, Measuring};
use crate::bench::workloads::{Run, WORKLOADS, passes};
use futures_util::future::try_join_all;
use std::path::Path;
use std::time::{Duration, Instant};

/// The first line is for Node.js 20, which the SDK has left behind.
const SERVICE: &str = "Promise.withResolvers ??= () => { const p = {}; p.promise = new Promise((resolve, reject) => Object.assign(p, { resolve, reject })); return p; };\n\
    const restate = require('@restatedev/restate-sdk');\n\
    const steps = async (ctx) => { for (let i = 0; i < 10; i++) await ctx.run(String(i), async () => i); return 1; };\n\
    const bench = restate.service({ name: 'bench', handlers: { steps } });\n\
    restate.serve({ services: [bench], port: Number(process.env.BENCH_PORT) });\n";

const UP_WITHIN: Duration = Duration::from_secs(60);

/// Restate's server, which ends before its service.
struct Restate {
    server: PeerProcess,
    _service: PeerProcess,
}

pub async fn compare(folder: &Path, run: &Run) -> Result {
    for (name, clients) in [("W1t", passes::CLIENTS), ("W2t", 1)] {
        let workload = WORKLOADS.iter().find(|workload| workload.name == name).ok_or("no such workload")?;
        let ours = (workload.run)(run).await?;
        let restate = Restate::start(folder).await?;
        let theirs = restate.measure(clients, run.scale.time).await?;
        ours.iter().for_each(|ours| print_pair(ours, &theirs));
    }
    Ok(())
}

impl Restate {
    async fn start(folder: &Path) -> Result<Restate> {
        let folder = folder.canonicalize()?;
        let modules = folder.join("node_modules").to_string_lossy().into_owned();
        let port = free_port()?;
        let environment = [("NODE_PATH", modules), ("BENCH_PORT", port.to_string())];
        let arguments = ["-e".to_owned(), SERVICE.to_owned()];
        let service = PeerProcess::launch(&folder, "node", &arguments, port, &environment)?;
        service.until_up(UP_WITHIN).await?;
        let (ingress, admin, node) = (free_port()?, free_port()?, free_port()?);
        let environment = [
            ("RESTATE_INGRESS__BIND_ADDRESS", format!("127.0.0.1:{ingress}")),
            ("RESTATE_ADMIN__BIND_ADDRESS", format!("127.0.0.1:{admin}")),
            ("RESTATE_BIND_ADDRESS", format!("127.0.0.1:{node}")),
        ];
        let arguments = ["--base-dir".to_owned(), "restate-data".to_owned()];
        let server = PeerProcess::launch(&folder, "restate-server", &arguments, ingress, &environment)?;
        server.until_up(UP_WITHIN).await?;
        register(admin, port).await?;
        Ok(Restate { server, _service: service })
    }

    async fn measure(&self, clients: usize, time: Duration) -> Result<Figures> {
        let subject = &self.server.subject;
        let client = async |until: Instant| {
            let mut connection = Connection::new(&subject.address);
            let mut latencies = Vec::new();
            while Instant::now() < until {
                let start = Instant::now();
                connection.send("POST", "/bench/steps", "Content-Type: application/json\r\n", "{}").await?;
                latencies.push(start.elapsed());
            }
            Result::Ok(latencies)
        };
        client(Instant::now() + Duration::from_millis(500)).await?;
        let measuring = Measuring::begin(subject);
        let until = Instant::now() + time;
        let latencies = try_join_all((0..clients).map(|_| client(until))).await?.concat();
        Ok(measuring.end("  restate", latencies))
    }
}

/// Tells Restate of the service, as soon as it listens to that.
async fn register(admin: u16, service: u16) -> Result {
    let give_up = Instant::now() + UP_WITHIN;
    let body = format!(r#"{{"uri":"http://127.0.0.1:{service}"}}"#);
    loop {
        let mut connection = Connection::new(&format!("127.0.0.1:{admin}"));
        match connection.send("POST", "/deployments", "Content-Type: application/json\r\n", &body).await {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > give_up => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}
