//! Tasks and Maps: what an Express execution cannot wait for, and timeouts that fit together.

use super::Place;
use crate::diagnostic::DiagnosticCode;
use crate::{IntegrationPattern, MaybePath, State, StateKind, StateMachineType, Task, TaskResource};

pub(super) fn pattern_fits_type(state: &Place<'_, State>) {
    let Some(task) = task(state) else { return };
    if state.execution_type != StateMachineType::Express {
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
    state.fault(DiagnosticCode::SchemaValidationFailed, message, &state.location.member("Resource"));
}

pub(super) fn map_fits_type(state: &Place<'_, State>) {
    let is_distributed = matches!(&state.it.kind, StateKind::Map(map) if map.distributed.is_some());
    if is_distributed && state.execution_type == StateMachineType::Express {
        let message = "Express state machine does not support Map in DISTRIBUTED Mode";
        state.fault(DiagnosticCode::SchemaValidationFailed, message, &state.location);
    }
}

pub(super) fn heartbeat_is_shorter(state: &Place<'_, State>) {
    let Some(task) = task(state) else { return };
    if let (Some(MaybePath::Literal(timeout)), Some(MaybePath::Literal(heartbeat))) =
        (&task.timeout_seconds, &task.heartbeat_seconds)
        && heartbeat >= timeout
    {
        let message = "HeartbeatSeconds must be smaller than TimeoutSeconds";
        state.fault(DiagnosticCode::SchemaValidationFailed, message, &state.location.member("HeartbeatSeconds"));
    }
}

fn task<'a>(state: &Place<'a, State>) -> Option<&'a Task> {
    match &state.it.kind {
        StateKind::Task(task) => Some(task),
        _ => None,
    }
}
