//! Express executions that use most of the language: what an evaluation costs, beside the API.

use super::Run;
use super::passes::CLIENTS;
use crate::Result;
use crate::bench::caller::start_body;
use crate::bench::clients::run_for;
use crate::bench::figures::{Figures, Measuring};
use crate::bench::subject::Ours;
use serde_json::Value;

const ORDER: &str = r#"{"order":{"id":"4711","priority":5,"country":"AT","tags":"new,fragile,paid",
    "placed":"2026-01-31T12:00:00Z","items":[{"sku":"a-1","price":10,"quantity":2},{"sku":"b-2","price":25,"quantity":0},
    {"sku":"c-3","price":7,"quantity":3}]}}"#;
const DEFINITIONS: [(&str, &str); 2] =
    [("JSONPath", include_str!("language/jsonpath.asl.json")), ("JSONata", include_str!("language/jsonata.asl.json"))];

pub async fn synchronous(run: &Run) -> Result<Vec<Figures>> {
    let ours = Ours::start(&run.binary, &[]).await?;
    let mut figures = Vec::new();
    for (query_language, definition) in DEFINITIONS {
        let definition: Value = serde_json::from_str(definition)?;
        let state_machine = ours.subject.caller().create(query_language, &definition, "EXPRESS").await?;
        let body = start_body(&state_machine, ORDER);
        let measuring = Measuring::begin(&ours.subject);
        let latencies =
            run_for(&ours.subject, CLIENTS, run.scale.time, async |_, caller| caller.start_sync(&body).await);
        figures.push(measuring.end(format!("language, {query_language}"), latencies.await?));
    }
    Ok(figures)
}
