//! Curves: what an execution costs beside many others, and a step after many others.

use super::{Run, opening, passes, waiting};
use crate::Result;
use crate::bench::caller::start_body;
use crate::bench::figures::{Figures, Measuring, as_f64, grouped};
use crate::bench::subject::Ours;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// Points of a curve, after the first.
const POINTS: usize = 4;
/// Events of one activity task: entered, scheduled, started, succeeded, exited.
const EVENTS_OF_TASK: usize = 5;

/// W1, beside executions that have ended.
pub async fn stored(run: &Run) -> Result<Vec<Figures>> {
    let ours = Ours::start(&run.binary, &[]).await?;
    let mut figures = Vec::new();
    let mut stored = 0;
    for point in 0..=POINTS {
        let wanted = run.scale.beside * point / POINTS;
        opening::store(&ours.subject, wanted.saturating_sub(stored)).await?;
        stored = stored.max(wanted);
        let name = format!("W1, {} stored", grouped(as_f64(stored)));
        let measured = passes::measure(&ours.subject, &name, passes::CLIENTS, run.scale.time).await?;
        stored += measured.done();
        figures.push(measured);
    }
    Ok(figures)
}

/// W1, beside executions that wait.
pub async fn waiting(run: &Run) -> Result<Vec<Figures>> {
    let ours = Ours::start(&run.binary, &[]).await?;
    let state_machine = waiting::create(&ours.subject).await?;
    let tomorrow = Timestamp::now() + SignedDuration::from_hours(24);
    let mut figures = Vec::new();
    for point in 0..=POINTS {
        let more = if point == 0 { 0 } else { run.scale.beside / POINTS };
        waiting::start_all(&ours.subject, &state_machine, more, |_| tomorrow).await?;
        let name = format!("W1, {} waiting", grouped(as_f64(run.scale.beside * point / POINTS)));
        figures.push(passes::measure(&ours.subject, &name, passes::CLIENTS, run.scale.time).await?);
    }
    Ok(figures)
}

/// One execution with an activity task that leads to itself; a definition must have an end, so a failure would end it.
pub async fn history(run: &Run) -> Result<Vec<Figures>> {
    let ours = Ours::start(&run.binary, &[]).await?;
    let mut caller = ours.subject.caller();
    let activity = caller.create_activity("bench").await?;
    let catch = json!([{ "ErrorEquals": ["States.ALL"], "Next": "E" }]);
    let task = json!({ "Type": "Task", "Resource": activity, "Next": "T", "Catch": catch });
    let definition = json!({ "StartAt": "T", "States": { "T": task, "E": { "Type": "Succeed" } } });
    let state_machine = caller.create("loop", &definition, "STANDARD").await?;
    let execution = caller.start(&start_body(&state_machine, passes::INPUT)).await?;
    let tasks = run.scale.events / EVENTS_OF_TASK / POINTS;
    let mut figures = Vec::new();
    for point in 0..POINTS {
        let measuring = Measuring::begin(&ours.subject);
        let mut latencies = Vec::with_capacity(tasks);
        for _ in 0..tasks {
            let start = std::time::Instant::now();
            let (token, input) = caller.activity_task(&activity).await?.ok_or("there is no task")?;
            caller.task_success(&token, &input).await?;
            latencies.push(start.elapsed());
        }
        let events = grouped(as_f64(point * tasks * EVENTS_OF_TASK));
        figures.push(measuring.end(format!("task, {events} events"), latencies));
    }
    caller.call("StopExecution", &json!({ "executionArn": execution })).await?;
    Ok(figures)
}
