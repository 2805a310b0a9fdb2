//! Agreement with what DescribeExecution answers.

use crate::History;
use crate::event::{HistoryEvent, excerpt, time_ms};
use crate::verdict::{Rule, Verdict, Violation};
use crate::visit::Names;
use json::{Text, Value};

/// An answer of DescribeExecution.
#[derive(Clone, Debug)]
pub struct Described(Value);

impl Described {
    /// Takes the answer, as the API gives it or the AWS CLI prints it.
    pub fn new(answer: Value) -> Described {
        Described(answer)
    }

    fn text(&self, member: &str) -> Option<&str> {
        self.0.get(member).and_then(Value::as_str)
    }

    /// The input of the execution.
    pub fn input(&self) -> Option<&str> {
        self.text("input")
    }

    /// The names that the context object has.
    pub(crate) fn names(&self) -> Option<Names> {
        let text = |member| self.text(member).map(Text::from);
        let state_machine_arn = text("stateMachineArn")?;
        let state_machine_name = state_machine_arn.split(':').nth(6)?.into();
        let (execution_arn, name) = (text("executionArn")?, text("name")?);
        Some(Names { execution_arn, name, state_machine_arn, state_machine_name })
    }

    /// Compares status, input, output, error, cause, times and the number of redrives with what the history says.
    pub(crate) fn check(&self, history: &History<'_>, verdict: &mut Verdict) {
        let (Some(first), Some(last)) = (history.events.first(), history.events.last()) else { return };
        let mut report = |message: String| {
            verdict.violations.push(Violation { event_id: last.id, rule: Rule::Described, message });
        };
        let status = status(last);
        let mut compare = |member: &str, expected: Option<&str>| {
            let found = self.text(member);
            if found != expected {
                let shown = |text: Option<&str>| text.map_or_else(|| "nothing".to_owned(), excerpt);
                let (expected, found) = (shown(expected), shown(found));
                report(format!("`{member}` of the execution should be {expected} and is {found}"));
            }
        };
        compare("status", Some(status));
        compare("input", Some(history.input));
        let member = |name: &str| last.text(name).map(|text| &**text);
        compare("output", member("output").filter(|_| status == "SUCCEEDED"));
        // Only the event of a timeout names an error.
        let is_told = matches!(status, "FAILED" | "ABORTED");
        compare("error", member("error").filter(|_| is_told));
        compare("cause", member("cause").filter(|_| is_told));
        self.check_times(first, last, status, &mut report);
        let redrives = history.events.iter().filter(|event| &*event.event_type == "ExecutionRedriven").count();
        let told = self.0.get("redriveCount").and_then(Value::as_i64);
        if told.is_some_and(|told| usize::try_from(told) != Ok(redrives)) {
            report(format!("`redriveCount` should be {redrives}"));
        }
    }

    fn check_times(&self, first: &HistoryEvent, last: &HistoryEvent, status: &str, report: &mut impl FnMut(String)) {
        let ended = (status != "RUNNING").then_some(last);
        for (member, event) in [("startDate", Some(first)), ("stopDate", ended)] {
            let told = self.0.get(member).filter(|told| !told.is_null()).map(time_ms);
            let expected = event.map(|event| event.timestamp_ms);
            match (told, expected) {
                (Some(Ok(told)), Some(Some(expected))) if told != expected => {
                    report(format!("`{member}` should be {expected} and is {told} (milliseconds since the epoch)"));
                }
                (Some(Err(message)), _) => report(format!("`{member}`: {message}")),
                (Some(Ok(_)), None) => report(format!("`{member}` should not be there")),
                (None, Some(_)) => report(format!("`{member}` is missing")),
                _ => {}
            }
        }
    }
}

fn status(last: &HistoryEvent) -> &'static str {
    match &*last.event_type {
        "ExecutionSucceeded" => "SUCCEEDED",
        "ExecutionFailed" => "FAILED",
        "ExecutionAborted" => "ABORTED",
        "ExecutionTimedOut" => "TIMED_OUT",
        _ => "RUNNING",
    }
}
