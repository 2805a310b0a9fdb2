//! The task of a `Resource` that no integration serves: it fails with a text that names it.

use crate::service_error::failure;
use engine::{Call, Restart, Task};
use futures_util::future::{self, BoxFuture};
use json::Payload;
use machine::{Failure, TaskRequest};
use std::sync::Arc;

pub(crate) fn task() -> Arc<dyn Task> {
    Arc::new(Unsupported)
}

struct Unsupported;

impl Task for Unsupported {
    fn run(&self, call: Call) -> BoxFuture<'static, Result<Payload, Failure>> {
        Box::pin(future::ready(Err(refusal(&call.request))))
    }

    fn resume(&self, call: Call, _submitted: Payload) -> BoxFuture<'static, Result<Payload, Failure>> {
        self.run(call)
    }

    fn restart(&self, request: &TaskRequest) -> Restart {
        Restart::Fail(refusal(request))
    }
}

/// `States.Runtime`: nothing that Retry or Catch could do about it.
fn refusal(request: &TaskRequest) -> Failure {
    let cause = format!("this server has no integration for the resource `{}`", request.resource);
    failure("States.Runtime", &cause)
}
