//! History events as Step Functions writes them to CloudWatch Logs.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html>

use crate::history::Details;
use engine::Logged;
use machine::HistoryEvent;
use serde::{Serialize, Serializer};

/// Each event of `logged` as one line of JSON, without a line end.
pub fn log_records(logged: &Logged) -> impl Iterator<Item = String> {
    logged.events.iter().map(|event| {
        let record = LogRecord {
            id: Written(event.id),
            event_type: event.event_type.as_str(),
            details: Details { details: &event.details, with_data: logged.logging.include_execution_data },
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
    use json::Payload;
    use machine::{EventDetails, EventType};
    use std::sync::Arc;

    fn check(event_type: EventType, details: EventDetails, with_data: bool, expected: &str) {
        let event = HistoryEvent { id: 2, previous_event_id: 0, timestamp_ms: 1_718_026_591_000, event_type, details };
        let logging = Logging { level: LogLevel::All, include_execution_data: with_data, log_group: "g".into() };
        let logged =
            Logged { logging: Arc::new(logging), execution_arn: "arn".into(), redrive_count: 0, events: vec![event] };
        let records: Vec<_> = log_records(&logged).collect();
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
}
