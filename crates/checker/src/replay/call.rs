//! Calls of Task states: scheduled, started, submitted, answered.

use super::Replay;
use super::compare::sampled;
use crate::event::HistoryEvent;
use crate::failure::{Failure, TIMEOUT};
use crate::frame::{Call, Failed, FrameId, Phase, Stage};
use crate::plan::{Plan, Request, plan};
use crate::verdict::Rule;
use asl::{IntegrationPattern, StateKind, TaskResource};

/// The types of the events that may come next.
pub(super) fn next_types(call: &Call<'_>) -> &'static [&'static str] {
    match call.request.resource {
        TaskResource::Activity { .. } => match call.stage {
            Stage::Planned => &["ActivityScheduled"],
            Stage::Scheduled => &["ActivityStarted", "ActivityScheduleFailed", "ActivityTimedOut"],
            Stage::Started | Stage::Submitted => &["ActivitySucceeded", "ActivityFailed", "ActivityTimedOut"],
        },
        TaskResource::LambdaFunction { .. } => match call.stage {
            Stage::Planned => &["LambdaFunctionScheduled"],
            Stage::Scheduled => &["LambdaFunctionStarted", "LambdaFunctionScheduleFailed", "LambdaFunctionStartFailed"],
            Stage::Started | Stage::Submitted => {
                &["LambdaFunctionSucceeded", "LambdaFunctionFailed", "LambdaFunctionTimedOut"]
            }
        },
        TaskResource::Service { pattern, .. } => match (call.stage, pattern) {
            (Stage::Planned, _) => &["TaskScheduled"],
            (Stage::Scheduled, _) => &["TaskStarted", "TaskStartFailed"],
            // A worker may answer before the call that hands out its token fails.
            (Stage::Started, IntegrationPattern::WaitForTaskToken) => {
                &["TaskSubmitted", "TaskSubmitFailed", "TaskSucceeded", "TaskFailed", "TaskTimedOut"]
            }
            (Stage::Started, IntegrationPattern::Sync) => {
                &["TaskSubmitted", "TaskSubmitFailed", "TaskFailed", "TaskTimedOut"]
            }
            (Stage::Started, IntegrationPattern::RequestResponse) | (Stage::Submitted, _) => {
                &["TaskSucceeded", "TaskFailed", "TaskTimedOut"]
            }
        },
    }
}

impl<'d> Replay<'d> {
    pub(super) fn called(&mut self, id: FrameId, call: Call<'d>, event: &HistoryEvent) {
        if call.stage == Stage::Planned {
            self.scheduled(id, &call.request, event);
            let since_ms = self.now.last_ms;
            return self.go_on_calling(id, Call { stage: Stage::Scheduled, since_ms, ..call });
        }
        self.expect_service(&call.request, event);
        match &*event.event_type {
            // The clocks of a call begin when it is made. Those of an activity may begin when its task is offered.
            "ActivityStarted" => self.go_on_calling(id, Call { stage: Stage::Started, ..call }),
            "LambdaFunctionStarted" | "TaskStarted" => {
                let since_ms = self.now.last_ms;
                self.go_on_calling(id, Call { stage: Stage::Started, since_ms, ..call });
            }
            "TaskSubmitted" => {
                self.shown(event, "output");
                self.go_on_calling(id, Call { stage: Stage::Submitted, ..call });
            }
            "ActivitySucceeded" | "LambdaFunctionSucceeded" | "TaskSucceeded" => {
                let result = self.shown(event, "output");
                self.frames[id].position = event.id;
                if let StateKind::Task(task) = &self.frames[id].state.kind {
                    self.finish(id, &task.state, result);
                }
            }
            _ => self.call_failed(id, &call, event),
        }
    }

    fn go_on_calling(&mut self, id: FrameId, call: Call<'d>) {
        self.move_on(id, Phase::Calling(Box::new(call)));
    }

    fn scheduled(&mut self, id: FrameId, request: &Request<'d>, event: &HistoryEvent) {
        let visit = self.visit(id);
        let member = if matches!(request.resource, TaskResource::Service { .. }) { "parameters" } else { "input" };
        self.agree(event, member, &request.parameters, || {
            sampled(&visit, |visit, world| match plan(visit, world) {
                Ok(Plan::Call(request)) => Some(request.parameters.value().clone()),
                _ => None,
            })
        });
        match request.resource {
            TaskResource::Activity { arn } | TaskResource::LambdaFunction { arn } => {
                self.expect_text(event, "resource", Some(arn));
            }
            TaskResource::Service { .. } => self.expect_service(request, event),
        }
        self.expect_number(event, "timeoutInSeconds", request.timeout_seconds);
        self.expect_number(event, "heartbeatInSeconds", request.heartbeat_seconds);
        let credentials = event.details.get("taskCredentials").and_then(|credentials| credentials.get("roleArn"));
        let found = credentials.and_then(json::Value::as_str);
        if found.is_some() != request.role_arn.is_some()
            || found.zip(request.role_arn.as_deref()).is_some_and(|(a, b)| !self.comparing.are_alike(b, a))
        {
            let (found, expected) = (found.unwrap_or("none"), request.role_arn.as_deref().unwrap_or("none"));
            self.report(Rule::Details, format!("the role of `taskCredentials` should be {expected} and is {found}"));
        }
    }

    fn expect_service(&mut self, request: &Request<'d>, event: &HistoryEvent) {
        if let TaskResource::Service { service, action, .. } = request.resource {
            self.expect_text(event, "resourceType", Some(service));
            self.expect_text(event, "resource", Some(action));
        }
    }

    fn call_failed(&mut self, id: FrameId, call: &Call<'d>, event: &HistoryEvent) {
        let failure = Failure::of(event.text("error").cloned(), event.text("cause").cloned());
        let has_timed_out = event.event_type.ends_with("TimedOut");
        if has_timed_out {
            self.expect_text(event, "error", Some(TIMEOUT));
            self.check_timeout(call, event);
        }
        let is_heartbeat = has_timed_out && self.is_heartbeat(call);
        self.frames[id].position = event.id;
        self.fail(id, Failed { failure, is_heartbeat });
    }

    /// A call times out when one of its clocks has run down; what has none does not time out.
    fn check_timeout(&mut self, call: &Call<'d>, event: &HistoryEvent) {
        let clocks = call.request.timeout_seconds.into_iter().chain(call.request.heartbeat_seconds);
        match clocks.min() {
            Some(seconds) => self.check_time(after(call.since_ms, seconds), "its timeout", &event.event_type),
            None => self.report(Rule::Timers, format!("{} without a timeout", event.event_type)),
        }
    }

    /// Whether a heartbeat was missed: when both clocks have run down, the history does not tell which was first.
    fn is_heartbeat(&self, call: &Call<'d>) -> bool {
        match (call.request.timeout_seconds, call.request.heartbeat_seconds) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(timeout), Some(_)) => self.now.last_ms < after(call.since_ms, timeout),
        }
    }
}

fn after(since_ms: i64, seconds: u64) -> i64 {
    since_ms.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000))
}
