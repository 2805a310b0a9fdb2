//! Log records as OpenTelemetry's protocol has them in JSON over HTTP.
//!
//! <https://opentelemetry.io/docs/specs/otlp/#otlphttp>

use super::{Lost, Sink, Taken, http::Target, queue::records};
use engine::{LogLevel, Logged};
use json::{Object, Value};
use machine::EventType;
use std::collections::BTreeMap;

/// Sends to an endpoint such as `http://127.0.0.1:4318/v1/logs`.
pub(super) struct Otlp {
    target: Target,
    data_bytes_max: usize,
}

impl Otlp {
    /// `data_bytes_max` is [`asl::Limits::log_data_bytes_max`].
    pub(super) fn new(target: Target, data_bytes_max: usize) -> Otlp {
        Otlp { target, data_bytes_max }
    }
}

impl Sink<Logged> for Otlp {
    async fn deliver(&mut self, batch: &[Logged], _: &Taken<'_>) -> Result<(), Lost> {
        let sent = self.target.send(request(batch, self.data_bytes_max)).await;
        sent.map_err(|error| Lost { count: records(batch), error })
    }
}

/// One resource for each log group.
fn request(batch: &[Logged], data_bytes_max: usize) -> String {
    let mut records: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for logged in batch {
        let records = records.entry(&logged.logging.log_group).or_default();
        for (event, record) in logged.events.iter().zip(api::log_records(logged, data_bytes_max)) {
            records.push(log_record(event.event_type, event.timestamp_ms, &record));
        }
    }
    let resources = records.into_iter().map(|(log_group, records)| resource_logs(log_group, records));
    object([("resourceLogs", resources.collect())]).to_string()
}

fn resource_logs(log_group: &str, records: Vec<Value>) -> Value {
    let groups = object([("arrayValue", object([("values", Value::from(vec![text(log_group)]))]))]);
    let attributes = vec![
        object([("key", "service.name".into()), ("value", text("stepwell"))]),
        object([("key", "aws.log.group.names".into()), ("value", groups)]),
    ];
    let scope = object([("name", "stepwell".into())]);
    let scope_logs = object([("scope", scope), ("logRecords", Value::from(records))]);
    object([
        ("resource", object([("attributes", Value::from(attributes))])),
        ("scopeLogs", Value::from(vec![scope_logs])),
    ])
}

fn log_record(event_type: EventType, timestamp_ms: i64, record: &str) -> Value {
    let (name, number) = severity(event_type);
    object([
        ("timeUnixNano", format!("{timestamp_ms}000000").into()),
        ("severityNumber", number.into()),
        ("severityText", name.into()),
        ("body", text(record)),
    ])
}

/// OpenTelemetry's numbers for the levels of Step Functions.
fn severity(event_type: EventType) -> (&'static str, i64) {
    if LogLevel::Fatal.logs(event_type) {
        ("FATAL", 21)
    } else if LogLevel::Error.logs(event_type) {
        ("ERROR", 17)
    } else {
        ("INFO", 9)
    }
}

fn text(text: &str) -> Value {
    object([("stringValue", text.into())])
}

fn object<const N: usize>(members: [(&'static str, Value); N]) -> Value {
    Value::Object(Object::from(members))
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::Logging;
    use machine::{EventDetails, HistoryEvent};
    use std::sync::Arc;

    #[test]
    fn records_go_under_their_log_group() {
        let event = |id, event_type| HistoryEvent {
            id,
            previous_event_id: id - 1,
            timestamp_ms: 1_700_000_000_123,
            event_type,
            details: EventDetails::None,
        };
        let logging = Logging { level: LogLevel::All, include_execution_data: false, log_group: "/a/b".into() };
        let logged = Logged {
            logging: Arc::new(logging),
            execution_arn: "arn".into(),
            redrive_count: 0,
            events: vec![event(1, EventType::TaskTimedOut), event(2, EventType::ExecutionFailed)],
        };
        let record = |id: u64, name: &str, severity: &str| {
            let previous = id - 1;
            let body = format!(
                r#"{{\"id\":\"{id}\",\"type\":\"{name}\",\"details\":{{}},\"previous_event_id\":\"{previous}\",\"event_timestamp\":\"1700000000123\",\"execution_arn\":\"arn\",\"redrive_count\":\"0\"}}"#
            );
            format!(r#"{{"timeUnixNano":"1700000000123000000",{severity},"body":{{"stringValue":"{body}"}}}}"#)
        };
        let expected = format!(
            r#"{{"resourceLogs":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"stepwell"}}}},{{"key":"aws.log.group.names","value":{{"arrayValue":{{"values":[{{"stringValue":"/a/b"}}]}}}}}}]}},"scopeLogs":[{{"scope":{{"name":"stepwell"}},"logRecords":[{},{}]}}]}}]}}"#,
            record(1, "TaskTimedOut", r#""severityNumber":17,"severityText":"ERROR""#),
            record(2, "ExecutionFailed", r#""severityNumber":21,"severityText":"FATAL""#),
        );
        assert_eq!(request(&[logged], 1_000), expected);
    }
}
