//! W8: a distributed Map with Express children.
//!
//! The items are made by the definition itself: `Items` is the JSONata range `[1..100000]`, so that neither the input nor a
//! file holds them. A longer one is more than an expression may have in memory, as in AWS, so a million items are ten Map
//! Runs, one after the other: iterations of an inline Map around the distributed one.

use super::Run;
use crate::Result;
use crate::bench::caller::start_body;
use crate::bench::figures::{Figures, Measuring};
use crate::bench::subject::Ours;
use serde_json::{Value, json};
use std::time::Duration;

/// Items of one Map Run.
const ITEMS_AT_ONCE: usize = 100_000;
/// Items of one child, where it has more than one.
const BATCH: usize = 100;

pub async fn distributed(run: &Run) -> Result<Vec<Figures>> {
    let items = run.scale.items;
    let mut figures = Vec::new();
    for (name, batch) in [("W8, no batches", 1), ("W8, batches of 100", BATCH)] {
        let ours = Ours::start(&run.binary, &[]).await?;
        let mut caller = ours.subject.caller();
        let state_machine = caller.create("distributed", &definition(items, batch), "STANDARD").await?;
        let measuring = Measuring::begin(&ours.subject);
        let execution = caller.start(&start_body(&state_machine, "{}")).await?;
        caller.succeeded(&execution, Duration::from_millis(20)).await?;
        figures.push(measuring.end_of(name, items.div_ceil(batch)).noted("per s: children"));
    }
    Ok(figures)
}

fn definition(items: usize, batch: usize) -> Value {
    let child = json!({
        "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS" },
        "StartAt": "A",
        "States": { "A": { "Type": "Pass", "Next": "B" }, "B": { "Type": "Pass", "Output": 1, "End": true } }
    });
    let mut map = json!({
        "Type": "Map",
        "Items": format!("{{% [1..{}] %}}", items.min(ITEMS_AT_ONCE)),
        "ItemProcessor": child,
        "Output": "{% $count($states.result) %}",
        "End": true
    });
    if batch > 1 {
        map["ItemBatcher"] = json!({ "MaxItemsPerBatch": batch });
    }
    let around = json!({
        "Type": "Map",
        "Items": (0..items.div_ceil(ITEMS_AT_ONCE)).collect::<Vec<_>>(),
        "MaxConcurrency": 1,
        "ItemProcessor": { "StartAt": "M", "States": { "M": map } },
        "End": true
    });
    json!({ "QueryLanguage": "JSONata", "StartAt": "All", "States": { "All": around } })
}
