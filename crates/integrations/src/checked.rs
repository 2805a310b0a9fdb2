//! The check that stands before every integration: parameters hold nothing that the service does not have.
//!
//! What a definition spells out was compared when it was read. This is for what it computes: AWS fails such a state with
//! `States.Runtime`, which neither Retry nor Catch can do anything about, and the service is not called.

use crate::service_error::failure;
use crate::service_fields::{self, Written};
use engine::{Call, Restart, Task};
use futures_util::future::BoxFuture;
use json::{Payload, Text};
use machine::{Failure, TaskRequest};
use std::sync::Arc;

/// The integration behind the check.
pub(crate) struct Checked(pub(crate) Arc<dyn Task>);

impl Task for Checked {
    fn run(&self, call: Call) -> BoxFuture<'static, Result<Payload, Failure>> {
        let task = Arc::clone(&self.0);
        // In the future, because a model is read from its archive when it is first asked for, and a shard has no time.
        Box::pin(async move {
            check(&call.request)?;
            task.run(call).await
        })
    }

    fn resume(&self, call: Call, submitted: Payload) -> BoxFuture<'static, Result<Payload, Failure>> {
        self.0.resume(call, submitted)
    }

    fn awaits(&self, request: &TaskRequest, submitted: &Payload) -> Option<Text> {
        self.0.awaits(request, submitted)
    }

    fn cancel(&self, call: Call, submitted: Payload) -> BoxFuture<'static, ()> {
        self.0.cancel(call, submitted)
    }

    fn restart(&self, request: &TaskRequest) -> Restart {
        self.0.restart(request)
    }

    fn is_waiting(&self, request: &TaskRequest) -> bool {
        self.0.is_waiting(request)
    }
}

fn check(request: &TaskRequest) -> Result<(), Failure> {
    let TaskRequest { service, action, parameters, .. } = request;
    let Some(fields) = parameters.value().as_object() else { return Ok(()) };
    let unsupported = service_fields::unsupported(service, action, fields, Written::Data);
    if unsupported.is_empty() {
        return Ok(());
    }
    let faults = unsupported.iter().map(|name| asl::unsupported_field(name)).collect::<Vec<_>>().join(", ");
    let cause = format!("The Parameters '{}' could not be used to start the Task: [{faults}]", parameters.text());
    Err(failure("States.Runtime", &cause))
}
