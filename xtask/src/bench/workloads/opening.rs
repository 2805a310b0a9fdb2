//! From the start of the binary to its first answer.

use super::Run;
use super::passes::{CLIENTS, INPUT};
use crate::Result;
use crate::bench::caller::start_body;
use crate::bench::clients::run_count;
use crate::bench::figures::{Figures, Measuring, as_f64, grouped};
use crate::bench::subject::{Ours, Subject};
use serde_json::json;
use std::time::{Duration, Instant};

/// Starts of the binary; the middle one counts.
const STARTS: usize = 5;

pub async fn first_answer(run: &Run) -> Result<Vec<Figures>> {
    let mut latencies = Vec::new();
    for _ in 0..STARTS {
        let start = Instant::now();
        let ours = Ours::start(&run.binary, &[]).await?;
        latencies.push(start.elapsed());
        drop(ours);
    }
    let mut ours = Ours::start(&run.binary, &[]).await?;
    let empty = Measuring::begin(&ours.subject).end("start, empty", latencies);
    store(&ours.subject, run.scale.finished).await?;
    let mut latencies = Vec::new();
    for _ in 0..STARTS {
        latencies.push(ours.restart().await?);
    }
    let full = Measuring::begin(&ours.subject).end("start, full", latencies);
    let note = format!(
        "after kill -9, {} executions have ended, {} MB on disk",
        grouped(as_f64(run.scale.finished)),
        ours.disk_bytes()? >> 20
    );
    Ok(vec![empty.without_rate(), full.without_rate().noted(note)])
}

/// Runs so many executions to their end.
pub async fn store(subject: &Subject, count: usize) -> Result<Vec<Duration>> {
    let definition = json!({ "StartAt": "S", "States": { "S": { "Type": "Succeed" } } });
    let state_machine = subject.caller().create("finished", &definition, "STANDARD").await?;
    let body = start_body(&state_machine, INPUT);
    run_count(subject, CLIENTS, count, async |_, caller| caller.start(&body).await.map(drop)).await
}
