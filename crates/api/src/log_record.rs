//! History events as Step Functions writes them to CloudWatch Logs.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html>

use crate::history::{Data, Details};
use engine::Logged;
use machine::HistoryEvent;
use serde::{Serialize, Serializer};

/// Each event of `logged` as one line of JSON, without a line end.
///
/// An input, an output, or all variables of one event, that would take more than `data_bytes_max` bytes, as they stand
/// escaped in the line, are cut to that, and `truncated` in their details says so.
pub fn log_records(logged: &Logged, data_bytes_max: usize) -> impl Iterator<Item = String> {
    let data = if logged.logging.include_execution_data { Data::UpTo(data_bytes_max) } else { Data::Hidden };
    logged.events.iter().map(move |event| {
        let record = LogRecord {
            id: Written(event.id),
            event_type: event.event_type.as_str(),
            details: Details { details: &event.details, data },
            previous_event_id: Written(event.previous_event_id),
            event_timestamp: Written(event.timestamp_ms),
            execution_arn: &logged.execution_arn,
            redrive_count: Written(logged.redrive_count),
        };
        written(&record, event)
    })
}

/// Texts, numbers and flags serialize always.
fn written(record: &LogRecord<'_>, event: &HistoryEvent) -> String {
    serde_json::to_string(record).unwrap_or_else(|error| {
        tracing::error!(%error, id = event.id, "a log record cannot be written");
        "{}".to_owned()
    })
}

#[derive(Serialize)]
struct LogRecord<'a> {
    id: Written<u64>,
    #[serde(rename = "type")]
    event_type: &'static str,
    details: Details<'a>,
    previous_event_id: Written<u64>,
    event_timestamp: Written<i64>,
    execution_arn: &'a str,
    redrive_count: Written<u32>,
}

/// In these records numbers are texts.
struct Written<N>(N);

impl<N: std::fmt::Display> Serialize for Written<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::{LogLevel, Logging};
    use json::{Payload, Value};
    use machine::{EventDetails, EventType};
    use std::sync::Arc;

    fn check(event_type: EventType, details: EventDetails, with_data: bool, expected: &str) {
        let event = HistoryEvent { id: 2, previous_event_id: 0, timestamp_ms: 1_718_026_591_000, event_type, details };
        let logging = Logging { level: LogLevel::All, include_execution_data: with_data, log_group: "g".into() };
        let logged =
            Logged { logging: Arc::new(logging), execution_arn: "arn".into(), redrive_count: 0, events: vec![event] };
        let records: Vec<_> = log_records(&logged, 1_000).collect();
        let expected = format!(
            r#"{{"id":"2","type":"{}","details":{expected},"previous_event_id":"0","event_timestamp":"1718026591000","execution_arn":"arn","redrive_count":"0"}}"#,
            event_type.as_str()
        );
        assert_eq!(records, [expected]);
    }

    #[test]
    fn records_are_as_recorded_from_aws() {
        let entered = || EventDetails::StateEntered { name: "S".into(), input: Payload::parse("{}").unwrap() };
        let shown = r#"{"name":"S","input":"{}","inputDetails":{"truncated":false}}"#;
        check(EventType::PassStateEntered, entered(), true, shown);
        check(EventType::PassStateEntered, entered(), false, r#"{"name":"S"}"#);
        check(EventType::ParallelStateFailed, EventDetails::None, true, "{}");
        let succeeded = EventDetails::ExecutionSucceeded { output: Payload::parse("1").unwrap() };
        check(EventType::ExecutionSucceeded, succeeded, false, "{}");
        let failed = EventDetails::Failed { error: Some("E".into()), cause: Some("c".into()) };
        check(EventType::ExecutionFailed, failed, false, r#"{"error":"E","cause":"c"}"#);
    }

    /// The details of an event, with this much of its data.
    fn details(details: EventDetails, data_bytes_max: usize) -> Value {
        let event = HistoryEvent {
            id: 2,
            previous_event_id: 0,
            timestamp_ms: 0,
            event_type: EventType::PassStateExited,
            details,
        };
        let logging = Logging { level: LogLevel::All, include_execution_data: true, log_group: "g".into() };
        let logged =
            Logged { logging: Arc::new(logging), execution_arn: "arn".into(), redrive_count: 0, events: vec![event] };
        let record = log_records(&logged, data_bytes_max).next().unwrap();
        Value::parse(&record).unwrap().get("details").unwrap().clone()
    }

    #[test]
    fn a_payload_that_is_too_large_is_cut_and_says_so() {
        // Each quote is a backslash and a quote in the record.
        let entered = || EventDetails::StateEntered { name: "S".into(), input: Payload::parse(r#""abcde""#).unwrap() };
        let check = |bytes_max: usize, expected: &str| {
            assert_eq!(details(entered(), bytes_max), Value::parse(expected).unwrap(), "{bytes_max}");
        };
        check(9, r#"{"name":"S","input":"\"abcde\"","inputDetails":{"truncated":false}}"#);
        check(8, r#"{"name":"S","input":"\"abcde","inputDetails":{"truncated":true}}"#);
        check(4, r#"{"name":"S","input":"\"ab","inputDetails":{"truncated":true}}"#);
        check(1, r#"{"name":"S","input":"","inputDetails":{"truncated":true}}"#);
    }

    #[test]
    fn output_and_variables_are_cut_each_by_itself() {
        let exited = || EventDetails::StateExited {
            name: "S".into(),
            output: Payload::parse("123456").unwrap(),
            assigned_variables: Some(vec![
                ("a".into(), "12".into()),
                ("b".into(), "345".into()),
                ("c".into(), "6".into()),
            ]),
        };
        let check = |bytes_max: usize, output: &str, variables: &str, truncated: (bool, bool)| {
            let expected = format!(
                r#"{{"name":"S","output":"{output}","outputDetails":{{"truncated":{}}},"assignedVariables":{variables},"assignedVariablesDetails":{{"truncated":{}}}}}"#,
                truncated.0, truncated.1
            );
            assert_eq!(details(exited(), bytes_max), Value::parse(&expected).unwrap(), "{bytes_max}");
        };
        check(6, "123456", r#"{"a":"12","b":"345","c":"6"}"#, (false, false));
        check(5, "12345", r#"{"a":"12","b":"345","c":""}"#, (true, true));
        check(4, "1234", r#"{"a":"12","b":"34"}"#, (true, true));
    }
}
