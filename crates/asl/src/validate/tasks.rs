//! Tasks: what an Express state machine cannot wait for, and timeouts that fit together.

use super::Place;
use crate::diagnostic::DiagnosticCode;
use crate::{IntegrationPattern, MaybePath, State, StateKind, StateMachineType, Task, TaskResource};

pub(super) fn pattern_fits_type(state: &Place<'_, State>) {
    let Some(task) = task(state) else { return };
    if state.document.state_machine_type != StateMachineType::Express {
        return;
    }
    // The space at the end is AWS's.
    let message = match &task.resource {
        TaskResource::Activity { .. } => "Express state machine does not support activities",
        TaskResource::Service { pattern: IntegrationPattern::Sync, .. } => {
            "Express state machine does not support '.sync' service integration "
        }
        TaskResource::Service { pattern: IntegrationPattern::WaitForTaskToken, .. } => {
            "Express state machine does not support '.waitForTaskToken' service integration "
        }
        TaskResource::Service { pattern: IntegrationPattern::RequestResponse, .. }
        | TaskResource::LambdaFunction { .. } => return,
    };
    state.fault(DiagnosticCode::SchemaValidationFailed, message, "/Resource");
}

pub(super) fn heartbeat_is_shorter(state: &Place<'_, State>) {
    let Some(task) = task(state) else { return };
    if let (Some(MaybePath::Literal(timeout)), Some(MaybePath::Literal(heartbeat))) =
        (&task.timeout_seconds, &task.heartbeat_seconds)
        && heartbeat >= timeout
    {
        let message = "HeartbeatSeconds must be smaller than TimeoutSeconds";
        state.fault(DiagnosticCode::SchemaValidationFailed, message, "/HeartbeatSeconds");
    }
}

fn task<'a>(state: &Place<'a, State>) -> Option<&'a Task> {
    match &state.it.kind {
        StateKind::Task(task) => Some(task),
        _ => None,
    }
}
