//! W1t, W1f, W2t, W2f: ten Task states, each of which calls out of the process.

use super::Run;
use super::passes::{CLIENTS, INPUT, chain, poll};
use crate::Result;
use crate::bench::caller::start_body;
use crate::bench::checked;
use crate::bench::clients::run_for;
use crate::bench::connection::Connection;
use crate::bench::figures::{Figures, Measuring};
use crate::bench::subject::{Ours, Subject};
use futures_util::future::try_join_all;
use serde_json::json;
use std::cell::Cell;
use std::time::Duration;
use tokio::sync::Notify;

const STATES: usize = 10;
/// Processes of the local function with many clients.
const PROCESSES: usize = 16;
/// Of the time that the last execution took.
const FIRST_ASKED: f64 = 0.9;

pub async fn many_activities(run: &Run) -> Result<Vec<Figures>> {
    let ours = Ours::start(&run.binary, &[]).await?;
    let figures = activities(&ours.subject, "W1t", CLIENTS, CLIENTS, run.scale.time).await?;
    checked::check(&ours, &run.binary).await?;
    Ok(vec![figures])
}

pub async fn one_activities(run: &Run) -> Result<Vec<Figures>> {
    let mut figures = Vec::new();
    for (name, workers) in [("W2t", 2), ("W2t, one worker", 1)] {
        let ours = Ours::start(&run.binary, &[]).await?;
        figures.push(activities(&ours.subject, name, 1, workers, run.scale.time).await?);
    }
    Ok(figures)
}

pub async fn many_functions(run: &Run) -> Result<Vec<Figures>> {
    Ok(vec![functions(run, "W1f", CLIENTS, PROCESSES).await?])
}

pub async fn one_functions(run: &Run) -> Result<Vec<Figures>> {
    Ok(vec![functions(run, "W2f", 1, 1).await?])
}

/// A client whose execution is running.
#[derive(Default)]
struct Client {
    /// Tasks of the execution that were answered.
    answered: Cell<usize>,
    /// All of them were.
    ended: Notify,
}

/// A unit is one execution, from its start to its end as the client sees it. The worker that has the last answer accepted
/// tells the client, which then asks: so nobody asks in vain, which would be what is measured.
async fn activities(subject: &Subject, name: &str, clients: usize, workers: usize, time: Duration) -> Result<Figures> {
    let mut caller = subject.caller();
    let activity = caller.create_activity("bench").await?;
    let chain = chain(STATES, |_| json!({ "Type": "Task", "Resource": activity }));
    let state_machine = caller.create("tasks", &chain, "STANDARD").await?;
    let running: Vec<Client> = std::iter::repeat_with(Client::default).take(clients).collect();
    let measuring = Measuring::begin(subject);
    let executions = run_for(subject, clients, time, async |number, caller| {
        let client = running.get(number).ok_or("there is no such client")?;
        client.answered.set(0);
        let execution = caller.start(&start_body(&state_machine, &number.to_string())).await?;
        client.ended.notified().await;
        caller.succeeded(&execution, poll(1)).await?;
        Ok(())
    });
    let workers = try_join_all((0..workers).map(|_| work(subject, &activity, &running)));
    tokio::select! {
        latencies = executions => Ok(measuring.end(name, latencies?)),
        failed = workers => Err(failed.err().unwrap_or_else(|| "the workers have ended".into())),
    }
}

/// A worker: takes a task, gives its input back, and takes the next one. The input is the number of the client.
async fn work(subject: &Subject, activity: &str, running: &[Client]) -> Result {
    let mut caller = subject.caller();
    loop {
        let Some((token, input)) = caller.activity_task(activity).await? else { continue };
        caller.task_success(&token, &input).await?;
        let client = running.get(input.parse::<usize>()?).ok_or("a task of no client")?;
        client.answered.set(client.answered.get() + 1);
        if client.answered.get() == STATES {
            client.ended.notify_one();
        }
    }
}

async fn functions(run: &Run, name: &str, clients: usize, processes: usize) -> Result<Figures> {
    let program = std::env::current_exe()?;
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("stepwell.toml");
    let function = format!(
        "[[function]]\nname = \"bench\"\ncommand = [{:?}, \"bench\", \"--function\"]\nconcurrency = {processes}\n",
        program.to_string_lossy()
    );
    std::fs::write(&config, function)?;
    let ours = Ours::start(&run.binary, &["--config", &config.to_string_lossy()]).await?;
    let resource = "arn:aws:lambda:us-east-1:000000000000:function:bench";
    let chain = chain(STATES, |_| json!({ "Type": "Task", "Resource": resource }));
    let state_machine = ours.subject.caller().create("functions", &chain, "STANDARD").await?;
    let body = start_body(&state_machine, INPUT);
    // How long each client's last execution took, by its own dates: the client asks for the first time when the next one may
    // have ended, so that asking is not what is measured. (By the client's clock each would take as long as it slept for the
    // one before.)
    let took: Vec<Cell<Duration>> = std::iter::repeat_with(Cell::default).take(clients).collect();
    let unit = async |number: usize, caller: &mut crate::bench::caller::Caller| {
        let took = took.get(number).ok_or("there is no such client")?;
        let execution = caller.start(&body).await?;
        tokio::time::sleep(took.get().mul_f64(FIRST_ASKED)).await;
        let ended = caller.succeeded(&execution, poll(clients)).await?;
        let seconds = ended.stop_date.ok_or("an execution ended without a date")? - ended.start_date;
        took.set(Duration::try_from_secs_f64(seconds)?);
        Ok(())
    };
    // The processes of the function start with the first calls.
    run_for(&ours.subject, clients, Duration::from_millis(500), unit).await?;
    let measuring = Measuring::begin(&ours.subject);
    let latencies = run_for(&ours.subject, clients, run.scale.time, unit).await?;
    let figures = measuring.end(name, latencies).noted(format!("{processes} processes"));
    checked::check(&ours, &run.binary).await?;
    Ok(figures)
}

/// The local function: answers each invocation with its input, for ever.
pub async fn serve_function() -> Result {
    let mut runtime = Connection::new(&std::env::var("AWS_LAMBDA_RUNTIME_API")?);
    loop {
        let invocation = runtime.send("GET", "/2018-06-01/runtime/invocation/next", "", "").await?;
        let input = String::from_utf8(invocation.to_vec())?;
        let id = runtime.header("Lambda-Runtime-Aws-Request-Id").ok_or("an invocation without an id")?;
        runtime.send("POST", &format!("/2018-06-01/runtime/invocation/{id}/response"), "", &input).await?;
    }
}
