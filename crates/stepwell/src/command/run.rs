//! `stepwell run`: one execution of one definition, in memory, shown while it goes on.

mod places;
mod progress;

use super::{CommandResult, EXIT_FAILED};
use crate::config::Config;
use crate::definition_file::{DefinitionFile, substitutions};
use crate::{listener, telemetry, wiring};
use asl::{Arn, Flow, Resource, Severity, StateKind, StateMachineType, Task, TaskResource};
use clap::Args;
use engine::{ExecutionRecord, NewActivity, NewStateMachine, Observed, StartExecution};
use json::Payload;
use machine::{Failure, Outcome};
use progress::Progress;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// The one execution of a run.
const EXECUTION_NAME: &str = "run";

/// Run a definition once, in memory, and print its output.
///
/// The exit code is 0 when the execution succeeds, 1 when it fails, 2 when it cannot be started.
#[derive(Args)]
pub struct Run {
    /// The definition, in JSON or YAML
    file: PathBuf,
    /// The input, as JSON or as @FILE; @- is standard input
    #[arg(long, default_value = "{}")]
    input: String,
    /// Configuration file whose functions the tasks can invoke
    #[arg(long, value_name = "CONFIG")]
    functions: Option<PathBuf>,
    /// A value for a `${NAME}` placeholder
    #[arg(long, value_name = "NAME=VALUE")]
    substitute: Vec<String>,
    /// Stop the execution when it has not ended after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: Option<u64>,
    /// Print the output only
    #[arg(long, short)]
    quiet: bool,
}

/// Why nothing was run.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the definition has errors:\n{0}")]
    Definition(String),
    #[error("no value for the placeholders {0}; give them with --substitute NAME=VALUE")]
    Unresolved(String),
    #[error("cannot read the input file `{path}`")]
    InputFile { path: PathBuf, source: std::io::Error },
    #[error("the input is not JSON: {0}")]
    Input(String),
}

impl Run {
    pub fn run(&self) -> CommandResult {
        telemetry::start_if_asked();
        let config = self.functions.as_deref().map(Config::read).transpose()?.unwrap_or_default().check()?;
        let definition = self.definition()?;
        let input = self.input()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let record = runtime.block_on(self.execute(&config, definition, input))?;
        Ok(print(&record))
    }

    fn definition(&self) -> Result<String, Box<dyn std::error::Error>> {
        let file = DefinitionFile::read(&self.file, &substitutions(&self.substitute)?)?;
        if !file.unresolved.is_empty() {
            return Err(Error::Unresolved(file.unresolved.join(", ")).into());
        }
        Ok(file.definition)
    }

    fn input(&self) -> Result<(String, Payload), Error> {
        let text = match self.input.strip_prefix('@') {
            Some("-") => std::io::read_to_string(std::io::stdin())
                .map_err(|source| Error::InputFile { path: PathBuf::from("-"), source })?,
            Some(path) => std::fs::read_to_string(path)
                .map_err(|source| Error::InputFile { path: PathBuf::from(path), source })?,
            None => self.input.clone(),
        };
        let payload = Payload::parse(&text).map_err(|error| Error::Input(error.message))?;
        Ok((text, payload))
    }

    async fn execute(
        &self,
        config: &Config,
        definition: String,
        (input_text, input): (String, Payload),
    ) -> Result<ExecutionRecord, Box<dyn std::error::Error>> {
        // Functions answer callbacks through the API, so it is served here too, on a port of its own.
        let listener = TcpListener::bind((config.listen, 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let system = wiring::in_memory(config, &endpoint).await?;
        tokio::spawn(listener::serve(listener, system.api, std::future::pending(), Duration::ZERO));
        let engine = system.engine;
        let state_machine = self.state_machine_arn(config);
        let new = new_state_machine(state_machine.clone(), definition)?;
        for activity in activities(&new.parsed.flow) {
            engine.create_activity(NewActivity { arn: activity, encryption: None, tags: Vec::new() }).await?;
        }
        engine.create_state_machine(new).await?;
        let execution = execution_of(&state_machine);
        let start = StartExecution {
            state_machine,
            name: Some(EXECUTION_NAME.into()),
            input,
            input_text: input_text.into(),
            trace_header: None,
            origin: None,
        };
        engine.start_execution(start).await?;
        let following = follow(engine.subscribe(&execution).await?, Progress::start(self.quiet, endpoint));
        tokio::select! {
            followed = following => followed?,
            seconds = self.time_is_over() => {
                let cause = format!("the execution did not end within {seconds} s; give it more with --timeout");
                engine.stop_execution(&execution, Some("States.Timeout".into()), Some(cause.into())).await?;
            }
        }
        Ok(engine.wait_until_closed(&execution).await?)
    }

    async fn time_is_over(&self) -> u64 {
        let Some(seconds) = self.timeout else { return std::future::pending().await };
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        seconds
    }

    fn state_machine_arn(&self, config: &Config) -> Arn {
        let stem = self.file.file_name().and_then(|name| name.to_str()).unwrap_or("definition");
        let name = stem.split('.').next().unwrap_or(stem);
        Arn {
            partition: "aws".into(),
            service: "states".into(),
            region: config.region.as_str().into(),
            account: config.account_id.as_str().into(),
            resource: Resource::StateMachine { name: name.into() },
        }
    }
}

/// Shows the events of an execution until it has ended.
async fn follow(mut events: Observed, mut progress: Progress) -> Result<(), engine::Error> {
    while let Some(event) = events.next().await? {
        progress.show(&event);
    }
    progress.finish();
    Ok(())
}

/// The activities that the tasks of a definition name. They exist for the run, so that workers can be tried with it.
fn activities(flow: &Flow) -> Vec<Arn> {
    let mut found = Vec::new();
    for state in flow.states.values() {
        if let StateKind::Task(Task { resource: TaskResource::Activity { arn }, .. }) = &state.kind {
            found.extend(Arn::parse(arn));
        }
        found.extend(state.flows().iter().flat_map(activities));
    }
    found
}

fn execution_of(state_machine: &Arn) -> Arn {
    let Resource::StateMachine { name } = &state_machine.resource else { return state_machine.clone() };
    let resource = Resource::Execution { state_machine: name.clone(), name: EXECUTION_NAME.into() };
    Arn { resource, ..state_machine.clone() }
}

fn new_state_machine(arn: Arn, definition: String) -> Result<NewStateMachine, Error> {
    let parsed = asl::parse(&definition, StateMachineType::Standard);
    let errors = parsed.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let errors: Vec<String> = errors.map(ToString::to_string).collect();
    let Some(state_machine) = parsed.state_machine.filter(|_| errors.is_empty()) else {
        return Err(Error::Definition(errors.join("\n")));
    };
    Ok(NewStateMachine {
        arn,
        definition: definition.into(),
        parsed: Arc::new(state_machine),
        role_arn: "arn:aws:iam::000000000000:role/stepwell-run".into(),
        state_machine_type: StateMachineType::Standard,
        logging: None,
        tracing: None,
        encryption: None,
        tags: Vec::new(),
        publish: None,
    })
}

/// The output on standard output, a failure on standard error.
fn print(record: &ExecutionRecord) -> ExitCode {
    match &record.outcome {
        Some(Outcome::Succeeded { output }) => {
            println!("{}", output.text());
            ExitCode::SUCCESS
        }
        Some(Outcome::Failed(failure)) => print_failure("failed", failure),
        Some(Outcome::TimedOut(failure)) => print_failure("timed out", failure),
        Some(Outcome::Aborted(failure)) => print_failure("was stopped", failure),
        None => print_failure("did not end", &Failure { error: None, cause: None }),
    }
}

fn print_failure(what: &str, failure: &Failure) -> ExitCode {
    let error = failure.error.as_deref().unwrap_or("no error name");
    eprintln!("the execution {what}: {error}");
    if let Some(cause) = &failure.cause {
        eprintln!("{cause}");
    }
    ExitCode::from(EXIT_FAILED)
}
