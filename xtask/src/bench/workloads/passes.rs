//! W1, W2, W3: states that need nothing from outside.

use super::Run;
use crate::Result;
use crate::bench::caller::named_start_body;
use crate::bench::checked;
use crate::bench::clients::run_for;
use crate::bench::figures::{Figures, Measuring};
use crate::bench::subject::{Ours, Subject};
use serde_json::{Map, Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub const CLIENTS: usize = 64;
/// States of W1 and W2.
const STATES: usize = 10;
pub const INPUT: &str = r#"{"order":{"id":"o-1","items":[1,2,3]}}"#;

pub async fn many(run: &Run) -> Result<Vec<Figures>> {
    let ours = Ours::start(&run.binary, &[]).await?;
    let figures = measure(&ours.subject, "W1", CLIENTS, run.scale.time).await?;
    checked::check(&ours, &run.binary).await?;
    Ok(vec![figures])
}

pub async fn one(run: &Run) -> Result<Vec<Figures>> {
    let ours = Ours::start(&run.binary, &[]).await?;
    let figures = measure(&ours.subject, "W2", 1, run.scale.time).await?;
    checked::check(&ours, &run.binary).await?;
    Ok(vec![figures])
}

pub async fn starts(run: &Run) -> Result<Vec<Figures>> {
    let ours = Ours::start(&run.binary, &[]).await?;
    Ok(vec![measure_starts(&ours.subject, "W3", run.scale.time).await?])
}

/// W1 or W2 on any server: a unit is one execution, from its start to its end as the client sees it.
pub async fn measure(subject: &Subject, name: &str, clients: usize, time: Duration) -> Result<Figures> {
    let chain = chain(STATES, |_| json!({ "Type": "Pass" }));
    // The name is the measurement's: curves measure several times on one server.
    let state_machine = subject.caller().create(&format!("passes-{clients}"), &chain, "STANDARD").await?;
    let poll = poll(clients);
    let measuring = Measuring::begin(subject);
    let latencies = run_for(subject, clients, time, async |_, caller| {
        let execution = caller.start(&named_body(&state_machine)).await?;
        caller.succeeded(&execution, poll).await?;
        Ok(())
    });
    Ok(measuring.end(name, latencies.await?))
}

/// W3 on any server: a unit is one start that was answered.
pub async fn measure_starts(subject: &Subject, name: &str, time: Duration) -> Result<Figures> {
    let definition = json!({ "StartAt": "S", "States": { "S": { "Type": "Succeed" } } });
    let state_machine = subject.caller().create("starts", &definition, "STANDARD").await?;
    let measuring = Measuring::begin(subject);
    let latencies =
        run_for(subject, CLIENTS, time, async |_, caller| caller.start(&named_body(&state_machine)).await.map(drop));
    Ok(measuring.end(name, latencies.await?))
}

/// A start with a name of its own: not all peers make one up.
fn named_body(state_machine: &str) -> String {
    static NAMES: AtomicU64 = AtomicU64::new(0);
    named_start_body(state_machine, &format!("bench-{}", NAMES.fetch_add(1, Ordering::Relaxed)), INPUT)
}

/// How long a client waits until it asks again whether its execution has ended. Many clients ask less often, so that the
/// asking is not what is measured.
pub fn poll(clients: usize) -> Duration {
    Duration::from_millis(if clients == 1 { 1 } else { 5 })
}

/// A definition of states one after the other.
pub fn chain(states: usize, state: impl Fn(usize) -> Value) -> Value {
    let linked = |number: usize| {
        let mut state = state(number);
        if number == states {
            state["End"] = json!(true);
        } else {
            state["Next"] = json!(format!("S{}", number + 1));
        }
        (format!("S{number}"), state)
    };
    json!({ "StartAt": "S1", "States": (1..=states).map(linked).collect::<Map<_, _>>() })
}
