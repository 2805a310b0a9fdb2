//! W4: an inline Map.

use super::Run;
use crate::Result;
use crate::bench::caller::start_body;
use crate::bench::clients::run_for;
use crate::bench::figures::{Figures, Measuring};
use crate::bench::subject::Ours;
use serde_json::json;
use std::time::Duration;

pub async fn inline(run: &Run) -> Result<Vec<Figures>> {
    // Each item has four events, so 10,000 of them are beyond the 25,000 that AWS allows.
    let ours = Ours::start(&run.binary, &["--limit", "history_events_max=50_000"]).await?;
    let each = json!({ "StartAt": "P", "States": { "P": { "Type": "Pass", "End": true } } });
    let map = json!({ "Type": "Map", "ItemProcessor": each, "End": true });
    let definition = json!({ "StartAt": "M", "States": { "M": map } });
    let state_machine = ours.subject.caller().create("map", &definition, "STANDARD").await?;
    let mut figures = Vec::new();
    for (name, items) in [("W4, 1,000 items", 1_000), ("W4, 10,000 items", 10_000)] {
        let body = start_body(&state_machine, &json!((0..items).collect::<Vec<u32>>()).to_string());
        let measuring = Measuring::begin(&ours.subject);
        let latencies = run_for(&ours.subject, 1, run.scale.time, async |_, caller| {
            let execution = caller.start(&body).await?;
            caller.succeeded(&execution, Duration::from_millis(1)).await?;
            Ok(())
        });
        figures.push(measuring.end(name, latencies.await?));
    }
    Ok(figures)
}
