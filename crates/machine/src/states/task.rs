//! Task: a call to a function, a service or an activity.
//!
//! A Task costs two steps: one asks for the call (`…Scheduled` and `…Started` are events of that step), one takes the
//! answer. The number of the `…Scheduled` event names the call.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html>

use super::{Move, settle, unexpected};
use crate::data;
use crate::failure::{Failed, Halt, Stop};
use crate::frame::{Answer, Call, Phase, Request};
use crate::turn::{Turn, after};
use crate::visit::{Sees, Visit, as_count};
use crate::{Effect, EventDetails, EventId, EventType, Failure, PartId, StepError, TaskRequest, TimerId};
use asl::{IntegrationPattern, MaybePath, QueryLanguage, StateKind, Task, TaskResource};
use json::{Payload, Text, Value};
use std::sync::Arc;

/// Longest timeout, in seconds.
const SECONDS_MAX: u64 = 99_999_999;

pub(crate) fn begin(turn: &mut Turn<'_>, mut visit: Visit<'_>, task: &Task) -> Result<Move, Stop> {
    let id = turn.next_event()?;
    if pattern(&task.resource) == IntegrationPattern::WaitForTaskToken {
        visit.context.task_token = Some(turn.next_token(id));
    }
    let call = prepare(&visit, task, id)?;
    if let Some(result) = visit.mocked() {
        return finish(&visit, task, result?);
    }
    turn.advance(visit.id, scheduled_type(&call.request), scheduled(turn, &call))?;
    if let Some((event_type, details)) = started(&call.request) {
        turn.advance(visit.id, event_type, details)?;
    }
    turn.push(call.effect());
    let call = if call.started { arm(turn, call)? } else { call };
    turn.parts.frame_mut(visit.id)?.phase = Phase::Calling(Box::new(call));
    Ok(Move::Stay)
}

fn pattern(resource: &TaskResource) -> IntegrationPattern {
    match resource {
        TaskResource::Service { pattern, .. } => *pattern,
        TaskResource::Activity { .. } | TaskResource::LambdaFunction { .. } => IntegrationPattern::RequestResponse,
    }
}

/// Evaluates all fields; nothing has happened yet.
fn prepare(visit: &Visit<'_>, task: &Task, id: EventId) -> Result<Call, Stop> {
    let input = data::input(visit, &task.state.fields)?;
    let parameters = visit.within_limit(data::arguments(visit, &task.state.fields, &input)?)?;
    let timeout_seconds = seconds(visit, "TimeoutSeconds", task.timeout_seconds.as_ref(), input.value())?;
    let heartbeat_seconds = seconds(visit, "HeartbeatSeconds", task.heartbeat_seconds.as_ref(), input.value())?;
    let request = |resource: &Text, service: &str, action: &str, pattern| -> Result<Request, Stop> {
        let request = TaskRequest {
            id,
            resource: resource.clone(),
            service: service.into(),
            action: action.into(),
            pattern,
            parameters: parameters.clone(),
            jsonata: visit.state.query_language == QueryLanguage::Jsonata,
            task_token: visit.context.task_token.clone(),
            timeout_seconds,
            heartbeat_seconds,
            role_arn: role_arn(visit, task, input.value())?,
        };
        Ok(Request::Task(Arc::new(request)))
    };
    let request = match &task.resource {
        TaskResource::Activity { arn } => {
            Request::Activity { id, activity_arn: arn.clone(), input: parameters.clone() }
        }
        TaskResource::LambdaFunction { arn } => request(arn, "", "", IntegrationPattern::RequestResponse)?,
        TaskResource::Service { arn, service, action, pattern } => request(arn, service, action, *pattern)?,
    };
    let started = matches!(request, Request::Task(_));
    Ok(Call {
        request,
        timeout_seconds,
        heartbeat_seconds,
        timeout: None,
        heartbeat: None,
        started,
        submitted: None,
        early: None,
    })
}

fn role_arn(visit: &Visit<'_>, task: &Task, input: &Value) -> Result<Option<Text>, Stop> {
    let Some(credentials) = &task.credentials else { return Ok(None) };
    let credentials = visit.template(&credentials.template, "Credentials", Sees::input(input))?;
    match credentials.get("RoleArn") {
        Some(Value::String(arn)) => Ok(Some(arn.clone())),
        Some(other) => Err(Failed::runtime(format!("The field 'RoleArn' must be a string but was: {other}")).into()),
        None => Ok(None),
    }
}

fn seconds(
    visit: &Visit<'_>,
    field: &str,
    seconds: Option<&MaybePath<u64>>,
    input: &Value,
) -> Result<Option<u64>, Stop> {
    let in_range = |value: &Value| as_count(value).filter(|seconds| (1..=SECONDS_MAX).contains(seconds));
    match seconds {
        None => Ok(None),
        Some(MaybePath::Literal(seconds)) => Ok(Some(*seconds)),
        Some(MaybePath::Path(path)) => {
            let value = visit.path(path, input)?;
            in_range(&value).map(Some).ok_or_else(|| {
                let path = path.source();
                let what = format!("an integer from 1 to {SECONDS_MAX}: {path} == {value}");
                Failed::runtime(format!("The {field}Path parameter does not reference {what}")).into()
            })
        }
        Some(MaybePath::Expression(expression)) => {
            let value = visit.expression(expression, field, Sees::input(input))?;
            in_range(&value).map(Some).ok_or_else(|| unexpected(expression, field, "number", &value))
        }
    }
}

/// Starts the clocks of a call.
fn arm(turn: &mut Turn<'_>, call: Call) -> Result<Call, StepError> {
    let timeout = call.timeout_seconds.map(|seconds| turn.set_timer_in(seconds)).transpose()?;
    let heartbeat = call.heartbeat_seconds.map(|seconds| turn.set_timer_in(seconds)).transpose()?;
    Ok(Call { timeout, heartbeat, started: true, ..call })
}

/// The activity does not exist: no worker will ever take the task.
pub(crate) fn not_scheduled(turn: &mut Turn<'_>, id: PartId, failure: Failure) -> Result<(), Halt> {
    let call = call_of(turn, id)?;
    if call.started {
        return Ok(());
    }
    close(turn, id, EventType::ActivityScheduleFailed, failed_details(&call.request, &failure))?;
    settle(turn, id, Err(failure.into()))
}

fn call_of(turn: &Turn<'_>, id: PartId) -> Result<Call, StepError> {
    let call = turn.parts.frame(id)?.call().cloned();
    call.ok_or_else(|| StepError::Corrupt(format!("frame {} waits for no call", id.0)))
}

fn call_mut<'p>(turn: &'p mut Turn<'_>, id: PartId) -> Result<&'p mut Call, StepError> {
    match &mut turn.parts.frame_mut(id)?.phase {
        Phase::Calling(call) => Ok(call),
        Phase::Ready
        | Phase::Waiting { .. }
        | Phase::Retrying { .. }
        | Phase::Forked(_)
        | Phase::MapRunning(_)
        | Phase::MapRunUnsuccessful(_) => Err(StepError::Corrupt(format!("frame {} waits for no call", id.0))),
    }
}

/// A worker took the task of an activity: its clocks start.
pub(crate) fn activity_started(turn: &mut Turn<'_>, id: PartId, worker_name: Option<Text>) -> Result<(), Halt> {
    let call = call_of(turn, id)?;
    if call.started {
        return Ok(());
    }
    turn.advance(id, EventType::ActivityStarted, EventDetails::ActivityStarted { worker_name })?;
    let call = arm(turn, call)?;
    *call_mut(turn, id)? = call;
    Ok(())
}

/// A `.sync` or callback call was accepted.
pub(crate) fn submitted(turn: &mut Turn<'_>, id: PartId, output: Payload) -> Result<(), Halt> {
    let call = call_of(turn, id)?;
    let Request::Task(request) = &call.request else { return Ok(()) };
    if call.submitted.is_some() || request.pattern == IntegrationPattern::RequestResponse {
        return Ok(());
    }
    turn.advance(id, EventType::TaskSubmitted, task_output(request, output.clone()))?;
    let call = call_mut(turn, id)?;
    call.submitted = Some(output);
    match call.early.take() {
        Some(answer) => answered(turn, id, answer),
        None => Ok(()),
    }
}

/// The callback call that hands out the task token failed: it may have done so after the worker had answered.
pub(crate) fn not_submitted(turn: &mut Turn<'_>, id: PartId, failure: Failure) -> Result<(), Halt> {
    let early = call_mut(turn, id)?.early.take();
    close_with(turn, id, early.unwrap_or(Answer::Failed(failure)))
}

/// The answer of a call or of a worker. A worker can be quicker than the call that hands out its task token; its answer
/// is kept until that call has returned, so that the history says first that it was made.
pub(crate) fn answered(turn: &mut Turn<'_>, id: PartId, answer: Answer) -> Result<(), Halt> {
    let call = call_mut(turn, id)?;
    if call.is_handing_out_token() {
        call.early.get_or_insert(answer);
        return Ok(());
    }
    close_with(turn, id, answer)
}

fn close_with(turn: &mut Turn<'_>, id: PartId, answer: Answer) -> Result<(), Halt> {
    match answer {
        Answer::Succeeded(output) => succeeded(turn, id, output),
        Answer::Failed(failure) => failed(turn, id, failure),
    }
}

/// The worker is alive: the heartbeat clock starts again.
pub(crate) fn heartbeat(turn: &mut Turn<'_>, id: PartId) -> Result<(), Halt> {
    let call = call_of(turn, id)?;
    let Some((timer, seconds)) = call.heartbeat.zip(call.heartbeat_seconds) else { return Ok(()) };
    let due_ms = after(turn.ambient.now_ms, seconds);
    turn.push(Effect::SetTimer { timer: timer.id, due_ms });
    if let Some(timer) = &mut call_mut(turn, id)?.heartbeat {
        timer.due_ms = due_ms;
    }
    Ok(())
}

fn succeeded(turn: &mut Turn<'_>, id: PartId, output: Payload) -> Result<(), Halt> {
    let call = call_of(turn, id)?;
    if output.byte_len() > turn.limits.payload_bytes_max || output.is_too_deep() {
        return failed(turn, id, Failure::data_limit(name(&call.request)));
    }
    let (event_type, details) = match &call.request {
        Request::Activity { .. } => (EventType::ActivitySucceeded, EventDetails::Succeeded { output: output.clone() }),
        Request::Task(request) if is_function(request) => {
            (EventType::LambdaFunctionSucceeded, EventDetails::Succeeded { output: output.clone() })
        }
        Request::Task(request) => (EventType::TaskSucceeded, task_output(request, output.clone())),
    };
    close(turn, id, event_type, details)?;
    let mut visit = turn.visit(id)?;
    if let Request::Task(request) = &call.request {
        visit.context.task_token.clone_from(&request.task_token);
    }
    let StateKind::Task(task) = &visit.state.kind else {
        return Err(StepError::Corrupt(format!("state `{}` is no Task state", visit.state.name)).into());
    };
    let result = finish(&visit, task, output);
    settle(turn, id, result)
}

fn finish(visit: &Visit<'_>, task: &Task, result: Payload) -> Result<Move, Stop> {
    visit.note(|inspection| inspection.result = Some(result.clone()));
    data::finish(visit, &task.state, result)
}

fn failed(turn: &mut Turn<'_>, id: PartId, failure: Failure) -> Result<(), Halt> {
    let (call, failure) = (call_of(turn, id)?, failure.truncated());
    let event_type = match &call.request {
        Request::Activity { .. } => EventType::ActivityFailed,
        Request::Task(request) if is_function(request) => EventType::LambdaFunctionFailed,
        Request::Task(_) => EventType::TaskFailed,
    };
    close(turn, id, event_type, failed_details(&call.request, &failure))?;
    settle(turn, id, Err(failure.into()))
}

/// One of the call's clocks ran out.
pub(crate) fn timed_out(turn: &mut Turn<'_>, id: PartId, call: &Call, fired: TimerId) -> Result<(), Halt> {
    // What has fired is not there to be cancelled.
    let waiting = call_mut(turn, id)?;
    waiting.timeout = waiting.timeout.filter(|timer| timer.id != fired);
    waiting.heartbeat = waiting.heartbeat.filter(|timer| timer.id != fired);
    if let Some(answer) = &call.early {
        turn.cancel_call(call);
        return close_with(turn, id, answer.clone());
    }
    let event_type = match &call.request {
        Request::Activity { .. } => EventType::ActivityTimedOut,
        Request::Task(request) if is_function(request) => EventType::LambdaFunctionTimedOut,
        Request::Task(_) => EventType::TaskTimedOut,
    };
    close(turn, id, event_type, failed_details(&call.request, &Failure::timeout()))?;
    turn.cancel_call(call);
    let is_heartbeat = call.heartbeat.is_some_and(|timer| timer.id == fired);
    let failed = if is_heartbeat { Failed::Heartbeat } else { Failed::As(Failure::timeout()) };
    settle(turn, id, Err(failed.into()))
}

/// The call is over.
fn close(turn: &mut Turn<'_>, id: PartId, event_type: EventType, details: EventDetails) -> Result<(), Halt> {
    let frame = turn.parts.frame(id)?.clone();
    turn.cancel_timers(&frame);
    turn.parts.frame_mut(id)?.phase = Phase::Ready;
    turn.advance(id, event_type, details)?;
    Ok(())
}

/// A plain function ARN has events of its own.
fn is_function(request: &TaskRequest) -> bool {
    request.service.is_empty()
}

/// What AWS calls the task when its result is too large.
fn name(request: &Request) -> &str {
    match request {
        Request::Activity { activity_arn, .. } => activity_arn,
        Request::Task(request) if is_function(request) => &request.resource,
        Request::Task(request) => &request.service,
    }
}

fn scheduled_type(request: &Request) -> EventType {
    match request {
        Request::Activity { .. } => EventType::ActivityScheduled,
        Request::Task(request) if is_function(request) => EventType::LambdaFunctionScheduled,
        Request::Task(_) => EventType::TaskScheduled,
    }
}

fn scheduled(turn: &Turn<'_>, call: &Call) -> EventDetails {
    let (timeout_seconds, heartbeat_seconds) = (call.timeout_seconds, call.heartbeat_seconds);
    match &call.request {
        Request::Activity { activity_arn, input, .. } => EventDetails::ActivityScheduled {
            resource: activity_arn.clone(),
            input: input.clone(),
            timeout_seconds,
            heartbeat_seconds,
        },
        Request::Task(request) if is_function(request) => EventDetails::LambdaFunctionScheduled {
            resource: request.resource.clone(),
            input: request.parameters.clone(),
            timeout_seconds,
            role_arn: request.role_arn.clone(),
        },
        Request::Task(request) => EventDetails::TaskScheduled {
            resource_type: request.service.clone(),
            resource: request.action.clone(),
            region: turn.facts.region.clone(),
            parameters: request.parameters.clone(),
            timeout_seconds,
            heartbeat_seconds,
            role_arn: request.role_arn.clone(),
        },
    }
}

/// A call starts when it is made; only the task of an activity waits for a worker.
fn started(request: &Request) -> Option<(EventType, EventDetails)> {
    match request {
        Request::Activity { .. } => None,
        Request::Task(request) if is_function(request) => Some((EventType::LambdaFunctionStarted, EventDetails::None)),
        Request::Task(request) => {
            let (resource_type, resource) = (request.service.clone(), request.action.clone());
            Some((EventType::TaskStarted, EventDetails::TaskStarted { resource_type, resource }))
        }
    }
}

fn task_output(request: &TaskRequest, output: Payload) -> EventDetails {
    EventDetails::TaskOutput { resource_type: request.service.clone(), resource: request.action.clone(), output }
}

fn failed_details(request: &Request, failure: &Failure) -> EventDetails {
    let (error, cause) = (failure.error.clone(), failure.cause.clone());
    match request {
        Request::Activity { .. } => EventDetails::Failed { error, cause },
        Request::Task(request) if is_function(request) => EventDetails::Failed { error, cause },
        Request::Task(request) => EventDetails::TaskFailed {
            resource_type: request.service.clone(),
            resource: request.action.clone(),
            error,
            cause,
        },
    }
}
