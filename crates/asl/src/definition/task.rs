//! Task.

use super::{Catcher, Common, MaybePath, Retrier, Template};
use json::Text;

#[derive(Clone, Debug)]
pub struct Task {
    pub common: Common,
    pub resource: TaskResource,
    /// 1..=99_999_999.
    pub timeout_seconds: Option<MaybePath<u64>>,
    pub heartbeat_seconds: Option<MaybePath<u64>>,
    /// `Credentials`, evaluated like arguments.
    pub credentials: Option<Credentials>,
    pub retry: Vec<Retrier>,
    pub catch: Vec<Catcher>,
}

/// `Credentials`: an object with `RoleArn`.
#[derive(Clone, Debug)]
pub struct Credentials { pub template: Template }

/// What a Task calls, read from `Resource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskResource {
    /// `arn:aws:states:REGION:ACCOUNT:activity:NAME`.
    Activity { arn: Text },
    /// A plain function ARN: `arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]`.
    LambdaFunction { arn: Text },
    /// `arn:aws:states:::SERVICE:ACTION[.sync|.sync:2|.waitForTaskToken]`.
    Service {
        /// The whole ARN as written.
        arn: Text,
        /// `resourceType` in the history: `lambda`, `states`, `aws-sdk:sfn` …
        service: Text,
        /// `resource` in the history: `invoke`, `startExecution.sync:2` …, pattern included.
        action: Text,
        pattern: IntegrationPattern,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum IntegrationPattern { RequestResponse, Sync, WaitForTaskToken }
