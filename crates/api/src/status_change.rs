//! Changes of the status of executions as Step Functions sends them to EventBridge.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html>

use crate::model::{CloudWatchEventsExecutionDataDetails, DescribeExecutionOutput};
use crate::{escaped, random, record};
use asl::Arn;
use engine::{ExecutionRecord, NotRedrivable};
use json::Text;
use serde::Serialize;

/// The event that tells of `execution` as it now is, as one line of JSON. `sent_ms` is the time in milliseconds.
///
/// With more than `data_bytes_max` bytes of input and output together, as they stand escaped in the event, it has no input;
/// with so many of output alone, no output.
pub fn status_change_event(execution: ExecutionRecord, sent_ms: i64, data_bytes_max: usize) -> String {
    let arn = execution.arn.parse::<Arn>().ok();
    let (account, region) = arn.map_or_else(Default::default, |arn| (arn.account, arn.region));
    let not_redrivable = NotRedrivable::by_its_end(&execution);
    let execution = record::execution(execution, true, not_redrivable);
    let event = StatusChange {
        version: "0",
        id: random::uuid(),
        detail_type: "Step Functions Execution Status Change",
        source: "aws.states",
        account,
        time: time(sent_ms),
        region,
        resources: [execution.execution_arn.clone()],
        detail: Detail::of(execution, data_bytes_max),
    };
    // Texts and numbers serialize always.
    serde_json::to_string(&event).unwrap_or_default()
}

/// Whole seconds: `2019-02-26T19:42:21Z`.
fn time(ms: i64) -> String {
    jiff::Timestamp::from_second(ms.div_euclid(1_000)).unwrap_or_default().to_string()
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct StatusChange {
    version: &'static str,
    id: String,
    detail_type: &'static str,
    source: &'static str,
    account: Text,
    time: String,
    region: Text,
    resources: [Text; 1],
    detail: Detail,
}

/// Everything is there always; what does not apply is null. Dates are milliseconds since the Unix epoch.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    execution_arn: Text,
    state_machine_arn: Text,
    state_machine_version_arn: Option<Text>,
    state_machine_alias_arn: Option<Text>,
    name: Option<Text>,
    status: Text,
    start_date: i64,
    stop_date: Option<i64>,
    input: Option<Text>,
    input_details: CloudWatchEventsExecutionDataDetails,
    output: Option<Text>,
    output_details: Option<CloudWatchEventsExecutionDataDetails>,
    error: Option<Text>,
    cause: Option<Text>,
    redrive_count: Option<i64>,
    redrive_date: Option<i64>,
    redrive_status: Option<Text>,
    redrive_status_reason: Option<Text>,
}

impl Detail {
    fn of(execution: DescribeExecutionOutput, data_bytes_max: usize) -> Detail {
        let escaped = |text: &Option<Text>| text.as_deref().map_or(0, escaped::len);
        let (input_bytes, output_bytes) = (escaped(&execution.input), escaped(&execution.output));
        let has_output = execution.output.is_some();
        let output = execution.output.filter(|_| output_bytes <= data_bytes_max);
        let input = execution.input.filter(|_| input_bytes + output_bytes <= data_bytes_max);
        Detail {
            execution_arn: execution.execution_arn,
            state_machine_arn: execution.state_machine_arn,
            state_machine_version_arn: execution.state_machine_version_arn,
            state_machine_alias_arn: execution.state_machine_alias_arn,
            name: execution.name,
            status: execution.status,
            start_date: execution.start_date.0,
            stop_date: execution.stop_date.map(|stop| stop.0),
            input_details: record::data_details(input.is_some()),
            input,
            output_details: has_output.then(|| record::data_details(output.is_some())),
            output,
            error: execution.error,
            cause: execution.cause,
            redrive_count: execution.redrive_count,
            redrive_date: execution.redrive_date.map(|redrive| redrive.0),
            redrive_status: execution.redrive_status,
            redrive_status_reason: execution.redrive_status_reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use asl::StateMachineType;
    use json::{Payload, Value};
    use machine::{Outcome, Status};

    const DATA_BYTES_MAX: usize = 248 * 1024;

    fn execution() -> ExecutionRecord {
        ExecutionRecord {
            arn: "arn:aws:states:us-east-1:123456789012:execution:m:e".into(),
            name: "e".into(),
            state_machine_arn: "arn:aws:states:us-east-1:123456789012:stateMachine:m".into(),
            state_machine_name: "m".into(),
            role_arn: "arn:aws:iam::123456789012:role/r".into(),
            state_machine_version_arn: None,
            state_machine_alias_arn: None,
            state_machine_type: StateMachineType::Standard,
            status: Status::Running,
            start_ms: 1_551_225_271_984,
            stop_ms: None,
            input_text: "{}".into(),
            outcome: None,
            trace_header: None,
            origin: None,
            redrive_count: 0,
            redrive_ms: None,
            remains: None,
            map_run_arn: None,
            item_count: None,
            map_run_redrives: 0,
            is_pending_redrive: false,
        }
    }

    fn event(execution: ExecutionRecord) -> Value {
        Value::parse(&status_change_event(execution, 1_551_210_141_999, DATA_BYTES_MAX)).unwrap()
    }

    fn check(event: &Value, member: &str, expected: &str) {
        let found = event.get("detail").and_then(|detail| detail.get(member)).or_else(|| event.get(member));
        assert_eq!(found, Some(&Value::parse(expected).unwrap()), "{member}");
    }

    #[test]
    fn a_start_and_an_end_are_told_as_eventbridge_does() {
        let start = event(execution());
        check(&start, "version", r#""0""#);
        check(&start, "detail-type", r#""Step Functions Execution Status Change""#);
        check(&start, "source", r#""aws.states""#);
        check(&start, "account", r#""123456789012""#);
        check(&start, "region", r#""us-east-1""#);
        check(&start, "time", r#""2019-02-26T19:42:21Z""#);
        check(&start, "resources", r#"["arn:aws:states:us-east-1:123456789012:execution:m:e"]"#);
        check(&start, "status", r#""RUNNING""#);
        check(&start, "startDate", "1551225271984");
        check(&start, "stopDate", "null");
        check(&start, "input", r#""{}""#);
        check(&start, "inputDetails", r#"{"included":true}"#);
        check(&start, "output", "null");
        check(&start, "outputDetails", "null");
        check(&start, "redriveCount", "0");
        let outcome = Some(Outcome::Succeeded { output: Payload::parse("1").unwrap() });
        let end = event(ExecutionRecord {
            status: Status::Succeeded,
            stop_ms: Some(1_551_225_272_000),
            outcome,
            ..execution()
        });
        check(&end, "status", r#""SUCCEEDED""#);
        check(&end, "stopDate", "1551225272000");
        check(&end, "output", r#""1""#);
        check(&end, "outputDetails", r#"{"included":true}"#);
        check(&end, "error", "null");
    }

    #[test]
    fn data_that_is_too_large_is_left_out() {
        let large = |bytes: usize| format!("\"{}\"", "a".repeat(bytes - 2));
        let check_data = |input: usize, output: usize, included: (bool, bool)| {
            let output = Payload::parse(&large(output)).unwrap();
            let event = event(ExecutionRecord {
                input_text: large(input).into(),
                outcome: Some(Outcome::Succeeded { output }),
                ..execution()
            });
            check(&event, "inputDetails", &format!(r#"{{"included":{}}}"#, included.0));
            check(&event, "outputDetails", &format!(r#"{{"included":{}}}"#, included.1));
        };
        check_data(100_000, 100_000, (true, true));
        check_data(200_000, 100_000, (false, true));
        check_data(100, DATA_BYTES_MAX, (false, false));
    }
}
