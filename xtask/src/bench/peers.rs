//! Other systems, measured beside ours in the same run: ours, then the peer, for each workload that it can run.
//!
//! They are not installed here: `pip install 'moto[server]'`, `npm install stepfunctions-local`, `npm install
//! @restatedev/restate-server @restatedev/restate-sdk`.

mod process;
mod restate;

use super::figures::Figures;
use super::subject::{Ours, Subject};
use super::workloads::{Run, passes};
use crate::Result;
use process::PeerProcess;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

type Outcome<'a> = Pin<Box<dyn Future<Output = Result> + 'a>>;

/// Another system.
pub struct Peer {
    pub name: &'static str,
    about: &'static str,
    compare: for<'a> fn(&'a Path, &'a Run) -> Outcome<'a>,
}

pub const PEERS: &[Peer] = &[
    Peer {
        name: "moto",
        about: "in memory; it interprets the states, in Python",
        compare: |folder, run| Box::pin(emulator(&MOTO, folder, run)),
    },
    Peer {
        name: "sfn-local",
        about: "stepfunctions-local, in memory, in Node",
        compare: |folder, run| Box::pin(emulator(&SFN_LOCAL, folder, run)),
    },
    Peer {
        name: "restate",
        about: "durable; ten ctx.run steps of a service in Node beside our ten activity tasks",
        compare: |folder, run| Box::pin(restate::compare(folder, run)),
    },
];

/// Runs the workloads of a peer.
pub async fn compare(peer: &Peer, folder: &Path, run: &Run) -> Result {
    (peer.compare)(folder, run).await?;
    println!("\n{}: {}", peer.name, peer.about);
    Ok(())
}

/// Prints a pair, and how often ours is faster.
fn print_pair(ours: &Figures, theirs: &Figures) {
    println!("{ours}");
    let faster = ours.per_second() / theirs.per_second();
    let sooner =
        theirs.percentile_ms(500).zip(ours.percentile_ms(500)).map_or(f64::NAN, |(theirs, ours)| theirs / ours);
    println!("{theirs}  ours: {faster:.1} × the rate, p50 {sooner:.1} × sooner");
}

/// A peer that speaks the API of AWS.
struct Emulator {
    program: &'static str,
    /// Arguments before the port.
    arguments: &'static [&'static str],
    /// What must be told it before it runs states: a path and a body.
    configure: Option<(&'static str, &'static str)>,
}

const MOTO: Emulator = Emulator {
    program: "moto_server",
    arguments: &["--host", "127.0.0.1", "--port"],
    configure: Some(("/moto-api/config", r#"{"stepfunctions": {"execute_state_machine": true}}"#)),
};

const SFN_LOCAL: Emulator =
    Emulator { program: "stepfunctions-local", arguments: &["start", "--port"], configure: None };

async fn emulator(emulator: &Emulator, folder: &Path, run: &Run) -> Result {
    let time = run.scale.time;
    for (name, clients) in [("W1", passes::CLIENTS), ("W2", 1)] {
        let (ours, theirs) = pair(emulator, folder, run).await?;
        let ours = passes::measure(&ours.subject, name, clients, time).await?;
        print_pair(&ours, &passes::measure(&theirs.subject, &format!("  {}", emulator.program), clients, time).await?);
    }
    let (ours, theirs) = pair(emulator, folder, run).await?;
    let ours = passes::measure_starts(&ours.subject, "W3", time).await?;
    print_pair(&ours, &passes::measure_starts(&theirs.subject, &format!("  {}", emulator.program), time).await?);
    Ok(())
}

/// Both of them, new.
async fn pair(emulator: &Emulator, folder: &Path, run: &Run) -> Result<(Ours, PeerProcess)> {
    let theirs = PeerProcess::start(folder, emulator.program, |port| {
        emulator.arguments.iter().map(ToString::to_string).chain([port.to_string()]).collect()
    })?;
    theirs.until_up(Duration::from_secs(60)).await?;
    if let Some((path, body)) = emulator.configure {
        super::connection::Connection::new(&theirs.subject.address).send("POST", path, "", body).await?;
    }
    Ok((Ours::start(&run.binary, &[]).await?, theirs))
}

/// The address of a peer, and its process.
fn subject(port: u16, process_id: u32) -> Subject {
    Subject { address: format!("127.0.0.1:{port}"), process_id }
}
