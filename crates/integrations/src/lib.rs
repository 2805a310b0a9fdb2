//! The services that Task states call, each a [`engine::Task`], one file per service.
//!
//! | service | `Resource` | file |
//! |---|---|---|
//! | local functions | `arn:aws:states:::lambda:invoke`, a function ARN | `lambda.rs`, `function/` |
//! | Step Functions | `arn:aws:states:::states:startExecution` | `states.rs` |
//! | Step Functions, any operation | `arn:aws:states:::aws-sdk:sfn:*` | `aws_sdk.rs` |
//!
//! A new service is a file and a row in [`INTEGRATIONS`].

mod aws_sdk;
mod casing;
mod checked;
mod error;
pub mod function;
mod identifier;
mod lambda;
mod mock;
mod restart;
mod sdk_metadata;
mod service_error;
mod service_fields;
mod service_model;
mod states;
mod step_functions;
mod time;
mod unsupported;

pub use error::Error;
pub use function::{FunctionConfig, Functions};
pub use service_error::ServiceError;
pub use step_functions::{Caller, StepFunctions};

use asl::{Severity, TaskResource};
use checked::Checked;
use engine::{MockCheck, Task, Tasks};
use json::Value;
use machine::TaskRequest;
use std::sync::Arc;

/// What the integrations work with.
#[derive(Clone)]
pub struct Services {
    /// The functions that the configuration names.
    pub functions: Arc<Functions>,
    /// Step Functions itself, in process.
    pub step_functions: Arc<dyn StepFunctions>,
}

/// One row: a service and the action that it serves; `*` serves all of them.
struct Integration {
    service: &'static str,
    action: &'static str,
    task: fn(&Services) -> Arc<dyn Task>,
}

/// The whole table. A plain function ARN has neither service nor action.
const INTEGRATIONS: &[Integration] = &[
    Integration { service: "", action: "", task: lambda::function_arn },
    Integration { service: "lambda", action: "invoke", task: lambda::invoke },
    Integration { service: "states", action: "startExecution", task: states::start_execution },
    Integration { service: "aws-sdk:sfn", action: "*", task: aws_sdk::step_functions },
];

/// All integrations over one set of services.
pub struct Integrations {
    tasks: Vec<(&'static Integration, Arc<dyn Task>)>,
    unsupported: Arc<dyn Task>,
    unknown_fields: Severity,
}

impl Integrations {
    /// The integrations of the table, over these services. What a field means that a service does not have: see
    /// [`services`].
    pub fn new(services: &Services, unknown_fields: Severity) -> Integrations {
        let task = |row: &Integration| -> Arc<dyn Task> {
            match unknown_fields {
                Severity::Error => Arc::new(Checked((row.task)(services))),
                Severity::Warning => (row.task)(services),
            }
        };
        Integrations {
            tasks: INTEGRATIONS.iter().map(|row| (row, task(row))).collect(),
            unsupported: unsupported::task(),
            unknown_fields,
        }
    }
}

impl Integration {
    fn serves(&self, service: &str, action: &str) -> bool {
        self.service == service && (self.action == "*" || self.action == action_name(action))
    }
}

/// Whether a row of the table serves a `Resource`; a Task whose resource none serves fails whenever it is called.
pub fn serve(resource: &TaskResource) -> bool {
    match resource {
        TaskResource::Activity { .. } | TaskResource::LambdaFunction { .. } => true,
        TaskResource::Service { service, action, .. } => INTEGRATIONS.iter().any(|row| row.serves(service, action)),
    }
}

impl Tasks for Integrations {
    /// Always finds a task: an action that no row serves fails with a text that names it.
    fn find(&self, request: &TaskRequest) -> Option<Arc<dyn Task>> {
        let found = self.tasks.iter().find(|(row, _)| row.serves(&request.service, &request.action));
        Some(found.map_or_else(|| Arc::clone(&self.unsupported), |(_, task)| Arc::clone(task)))
    }

    fn services(&self) -> Option<Arc<dyn asl::Services>> {
        Some(services(self.unknown_fields))
    }

    fn check_mock(&self, resource: &TaskResource, result: &Value, check: MockCheck) -> Result<(), String> {
        mock::check(resource, result, check)
    }
}

/// Knows what the services take whose API models are here. A field that a service does not have is an error, as on AWS; as
/// a warning it is left to the run, for services that have grown since.
pub fn services(unknown_fields: Severity) -> Arc<dyn asl::Services> {
    Arc::new(service_fields::Models { unknown_fields })
}

/// The action without the pattern that follows it: `startExecution` of `startExecution.sync:2`.
fn action_name(action: &str) -> &str {
    action.split('.').next().unwrap_or(action)
}
