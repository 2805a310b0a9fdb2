//! W7: Express executions whose caller waits.

use super::Run;
use super::passes::{CLIENTS, INPUT, chain};
use crate::Result;
use crate::bench::caller::start_body;
use crate::bench::clients::run_for;
use crate::bench::figures::{Figures, Measuring};
use crate::bench::subject::Ours;
use serde_json::json;

const STATES: usize = 5;

pub async fn synchronous(run: &Run) -> Result<Vec<Figures>> {
    let ours = Ours::start(&run.binary, &[]).await?;
    let chain = chain(STATES, |_| json!({ "Type": "Pass" }));
    let state_machine = ours.subject.caller().create("express", &chain, "EXPRESS").await?;
    let body = start_body(&state_machine, INPUT);
    let mut figures = Vec::new();
    for (name, clients) in [("W7", CLIENTS), ("W7, one client", 1)] {
        let measuring = Measuring::begin(&ours.subject);
        let latencies =
            run_for(&ours.subject, clients, run.scale.time, async |_, caller| caller.start_sync(&body).await);
        figures.push(measuring.end(name, latencies.await?));
    }
    Ok(figures)
}
