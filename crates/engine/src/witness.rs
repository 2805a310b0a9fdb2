//! Who watches executions from outside: their history events for logs, and the changes of their status.
//!
//! A receiver is told what is durable, and is told it on the thread of a shard: it takes what it gets and returns at
//! once, whatever becomes of it. What is on its way in the moment of a crash is not told again after the restart; the
//! history in the store has all of it.

use crate::StateMachineRecord;
use json::{Payload, Text};
use machine::{EventType, HistoryEvent};
use std::{fmt, sync::Arc};

/// Takes what happened, without ever making a shard wait.
pub trait Receive<T>: fmt::Debug + Send + Sync {
    fn receive(&self, happened: T);
}

/// The `level` of a `loggingConfiguration`; each logs what those before it do, and more.
///
/// <https://docs.aws.amazon.com/step-functions/latest/dg/cloudwatch-log-level.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    Off,
    Fatal,
    Error,
    All,
}

impl LogLevel {
    /// Whether events of this type are logged.
    pub fn logs(self, event_type: EventType) -> bool {
        self >= LogLevel::lowest_with(event_type)
    }

    fn lowest_with(event_type: EventType) -> LogLevel {
        use EventType as Type;
        match event_type {
            Type::ExecutionAborted | Type::ExecutionFailed | Type::ExecutionTimedOut => LogLevel::Fatal,
            Type::ActivityFailed
            | Type::ActivityScheduleFailed
            | Type::ActivityTimedOut
            | Type::EvaluationFailed
            | Type::FailStateEntered
            | Type::LambdaFunctionFailed
            | Type::LambdaFunctionScheduleFailed
            | Type::LambdaFunctionStartFailed
            | Type::LambdaFunctionTimedOut
            | Type::MapIterationAborted
            | Type::MapIterationFailed
            | Type::MapRunAborted
            | Type::MapRunFailed
            | Type::MapStateAborted
            | Type::MapStateFailed
            | Type::ParallelStateAborted
            | Type::ParallelStateFailed
            | Type::TaskFailed
            | Type::TaskStartFailed
            | Type::TaskStateAborted
            | Type::TaskSubmitFailed
            | Type::TaskTimedOut
            | Type::WaitStateAborted => LogLevel::Error,
            _ => LogLevel::All,
        }
    }

    fn of_name(name: &str) -> LogLevel {
        match name {
            "ALL" => LogLevel::All,
            "ERROR" => LogLevel::Error,
            "FATAL" => LogLevel::Fatal,
            _ => LogLevel::Off,
        }
    }
}

/// What a `loggingConfiguration` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    pub level: LogLevel,
    /// Whether inputs, outputs and variables are logged, too.
    pub include_execution_data: bool,
    /// The name of the log group: `/aws/vendedlogs/states/orders`.
    pub log_group: Text,
}

impl Logging {
    /// `None`: nothing is logged.
    pub(crate) fn of(record: &StateMachineRecord) -> Option<Arc<Logging>> {
        Logging::read(record.logging.as_ref()?).map(Arc::new)
    }

    fn read(configuration: &Payload) -> Option<Logging> {
        let configuration = configuration.value().as_object()?;
        let level = LogLevel::of_name(configuration.get("level")?.as_str()?);
        let destination = configuration.get("destinations")?.as_array()?.first()?.as_object()?;
        let log_group = destination.get("cloudWatchLogsLogGroup")?.as_object()?.get("logGroupArn")?.as_str()?;
        let include = configuration.get("includeExecutionData").and_then(json::Value::as_bool);
        (level > LogLevel::Off).then(|| Logging {
            level,
            include_execution_data: include.unwrap_or(false),
            log_group: log_group_name(log_group).into(),
        })
    }
}

/// The name in `arn:aws:logs:REGION:ACCOUNT:log-group:NAME:*`.
fn log_group_name(arn: &str) -> &str {
    let name = arn.split_once(":log-group:").map_or(arn, |(_, name)| name);
    name.strip_suffix(":*").unwrap_or(name)
}

/// Events of one step of an execution that is to be logged.
#[derive(Clone, Debug)]
pub struct Logged {
    pub logging: Arc<Logging>,
    pub execution_arn: Text,
    pub redrive_count: u32,
    /// Those that the level takes, in order; never empty.
    pub events: Vec<HistoryEvent>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_level(event_type: EventType, levels: &[LogLevel]) {
        let all = [LogLevel::Off, LogLevel::Fatal, LogLevel::Error, LogLevel::All];
        let found: Vec<_> = all.into_iter().filter(|level| level.logs(event_type)).collect();
        assert_eq!(found, levels, "{event_type:?}");
    }

    #[test]
    fn each_level_takes_its_events() {
        check_level(EventType::ExecutionStarted, &[LogLevel::All]);
        check_level(EventType::TaskScheduled, &[LogLevel::All]);
        check_level(EventType::FailStateEntered, &[LogLevel::Error, LogLevel::All]);
        check_level(EventType::TaskTimedOut, &[LogLevel::Error, LogLevel::All]);
        check_level(EventType::ExecutionAborted, &[LogLevel::Fatal, LogLevel::Error, LogLevel::All]);
    }

    fn check_logging(configuration: &str, expected: Option<(LogLevel, bool, &str)>) {
        let found = Logging::read(&Payload::parse(configuration).unwrap());
        let found = found.as_ref().map(|found| (found.level, found.include_execution_data, &*found.log_group));
        assert_eq!(found, expected, "{configuration}");
    }

    #[test]
    fn a_logging_configuration_is_read() {
        let group =
            r#""destinations":[{"cloudWatchLogsLogGroup":{"logGroupArn":"arn:aws:logs:r:1:log-group:/a/b:*"}}]"#;
        check_logging(&format!(r#"{{"level":"ALL",{group}}}"#), Some((LogLevel::All, false, "/a/b")));
        let with_data = format!(r#"{{"level":"FATAL","includeExecutionData":true,{group}}}"#);
        check_logging(&with_data, Some((LogLevel::Fatal, true, "/a/b")));
        check_logging(&format!(r#"{{"level":"OFF",{group}}}"#), None);
        check_logging(r#"{"level":"ALL","destinations":[]}"#, None);
        check_logging("{}", None);
    }
}
