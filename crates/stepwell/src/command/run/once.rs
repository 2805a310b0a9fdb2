//! One execution of one state machine, in an engine of its own.

use super::progress::Progress;
use crate::config::Config;
use crate::health::Health;
use crate::listener::{self, Limits};
use crate::wiring;
use asl::{Arn, Flow, Resource, StateKind, StateMachine, StateMachineType, TaskResource};
use engine::{Engine, NewActivity, NewStateMachine, Observed, Page, StartExecution};
use json::{Payload, Text};
use machine::{Failure, Outcome};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// The name of the execution.
const EXECUTION_NAME: &str = "run";
/// The name of a state machine whose file has none.
const NAMELESS: &str = "definition";
/// Events of an Express execution that are read at once.
const PAGE: usize = 1000;

/// What is to be run.
pub struct Once {
    /// The state machine is named after it.
    pub name: Text,
    pub definition: Text,
    pub parsed: StateMachine,
    pub state_machine_type: StateMachineType,
    pub input_text: String,
    pub input: Payload,
    /// The execution is stopped after this time.
    pub timeout: Option<Duration>,
    /// Shows only the output.
    pub is_quiet: bool,
}

impl Once {
    /// Runs it to its end.
    pub async fn run(self, config: &Config) -> Result<Outcome, Box<dyn std::error::Error>> {
        // Functions answer callbacks through the API, so it is served here too, on a port of its own.
        let listener = TcpListener::bind((config.listen, 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        // What an Express execution did is known afterwards only if it is kept.
        let config = Config { express_history_bytes_max: usize::MAX, ..config.clone() };
        let system = wiring::in_memory(&config, &endpoint).await?;
        let limits = Limits::of(&config);
        tokio::spawn(listener::serve(listener, system.api, Health::default(), limits, std::future::pending()));
        let engine = system.engine;
        let (timeout, progress) = (self.timeout, Progress::start(self.is_quiet, endpoint));
        let execution = self.start(&engine, &config).await?;
        tokio::select! {
            followed = follow(&engine, &execution, progress) => followed?,
            seconds = over(timeout) => return stop(&engine, &execution, seconds).await,
        }
        let record = match execution.resource {
            Resource::ExpressExecution { .. } => engine.execution(&execution).await?,
            _ => engine.wait_until_closed(&execution).await?,
        };
        Ok(record.outcome.unwrap_or(Outcome::Failed(Failure { error: None, cause: None })))
    }

    async fn start(self, engine: &Engine, config: &Config) -> Result<Arn, Box<dyn std::error::Error>> {
        let state_machine = Arn {
            partition: "aws".into(),
            service: "states".into(),
            region: config.region.as_str().into(),
            account: config.account_id.as_str().into(),
            resource: Resource::StateMachine { name: self.name },
        };
        for activity in activities(&self.parsed.flow) {
            engine.create_activity(NewActivity { arn: activity, encryption: None, tags: Vec::new() }).await?;
        }
        let new = NewStateMachine {
            arn: state_machine.clone(),
            definition: self.definition,
            parsed: Arc::new(self.parsed),
            role_arn: "arn:aws:iam::000000000000:role/stepwell-run".into(),
            state_machine_type: self.state_machine_type,
            logging: None,
            tracing: None,
            encryption: None,
            tags: Vec::new(),
            publish: None,
        };
        engine.create_state_machine(new).await?;
        let start = StartExecution {
            state_machine,
            name: Some(EXECUTION_NAME.into()),
            input: self.input,
            input_text: self.input_text.into(),
            trace_header: None,
            origin: None,
        };
        Ok(Arn::parse(&engine.start_execution(start).await?.arn)?)
    }
}

/// A name that a state machine may have, after the file of its definition: up to the first `.`, with a `-` for what AWS
/// refuses in names.
pub fn name_of(file: &Path) -> Text {
    let file = file.file_name().unwrap_or_default().to_string_lossy();
    let stem = file.split('.').next().unwrap_or_default();
    let allowed = |letter: char| if asl::is_valid_name(letter.encode_utf8(&mut [0; 4])) { letter } else { '-' };
    let name: String = stem.chars().map(allowed).take(asl::NAME_CHARS_MAX).collect();
    if name.is_empty() { NAMELESS.into() } else { name.into() }
}

/// The activities that the tasks of a definition name. They exist for the run, so that workers can be tried with it.
fn activities(flow: &Flow) -> Vec<Arn> {
    let mut found = Vec::new();
    for state in flow.states.values() {
        if let StateKind::Task(task) = &state.kind
            && let TaskResource::Activity { arn } = &task.resource
        {
            found.extend(Arn::parse(arn));
        }
        found.extend(state.flows().iter().flat_map(activities));
    }
    found
}

/// Shows the events of an execution until it has ended.
async fn follow(engine: &Engine, execution: &Arn, mut progress: Progress) -> Result<(), engine::Error> {
    match engine.subscribe(execution).await {
        Ok(events) => follow_live(events, &mut progress).await?,
        // An Express execution that has ended already is in memory only.
        Err(engine::Error::ExecutionDoesNotExist(_)) => show_kept(engine, execution, &mut progress).await?,
        Err(error) => return Err(error),
    }
    progress.finish();
    Ok(())
}

async fn follow_live(mut events: Observed, progress: &mut Progress) -> Result<(), engine::Error> {
    while let Some(event) = events.next().await? {
        progress.show(&event);
    }
    Ok(())
}

async fn show_kept(engine: &Engine, execution: &Arn, progress: &mut Progress) -> Result<(), engine::Error> {
    let mut page = Page { size: PAGE, after: None };
    loop {
        let events = engine.history(execution, false, page).await?;
        events.items.iter().for_each(|event| progress.show(event));
        match events.next {
            Some(after) => page = Page { size: PAGE, after: Some(after) },
            None => return Ok(()),
        }
    }
}

/// Ready after that time, with its seconds.
async fn over(timeout: Option<Duration>) -> u64 {
    let Some(timeout) = timeout else { return std::future::pending().await };
    tokio::time::sleep(timeout).await;
    timeout.as_secs()
}

/// Stops the execution. One that is Express cannot be stopped, and ends with the process.
async fn stop(engine: &Engine, execution: &Arn, seconds: u64) -> Result<Outcome, Box<dyn std::error::Error>> {
    let cause = format!("the execution did not end within {seconds} s; give it more with --timeout");
    let failure = Failure { error: Some("States.Timeout".into()), cause: Some(cause.into()) };
    if matches!(execution.resource, Resource::Execution { .. }) {
        engine.stop_execution(execution, failure.error.clone(), failure.cause.clone()).await?;
        // It may have ended in the last moment.
        if let Some(outcome) = engine.wait_until_closed(execution).await?.outcome {
            return Ok(outcome);
        }
    }
    Ok(Outcome::Aborted(failure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_gives_a_name_that_aws_takes() {
        let check = |file: &str, expected: &str| {
            let name = name_of(Path::new(file));
            assert_eq!(&*name, expected, "{file}");
            assert!(asl::is_valid_name(&name), "{file}");
        };
        check("orders/order-processing.asl.json", "order-processing");
        check("my file (2).asl.json", "my-file-(2)");
        check("a:b/c&d.yaml", "c-d");
        check(".asl.json", "definition");
        check("/", "definition");
        check("日本語.json", "日本語");
        check(&format!("{}.json", "x".repeat(200)), &"x".repeat(80));
    }
}
